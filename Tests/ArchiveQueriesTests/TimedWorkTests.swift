import ArchiveQueries
import Checkpoints
import Dispatch
import Testing

@Suite struct TimedWorkTests {
    @Test func workThatEndsInTimeGivesItsValue() throws {
        let value = try TimedWork.run(within: .seconds(60), interruption: Interruption()) { 6 * 7 }
        #expect(value == 42)
        #expect(throws: Interrupted.self) {
            try TimedWork.run(within: .seconds(60), interruption: Interruption()) {
                throw Interrupted()
            }
        }
    }

    /// Whoever asked has an answer, while the work cannot be stopped.
    @Test(arguments: [false, true]) func workThatCannotBeStoppedIsLeft(byRequest: Bool) throws {
        let end = DispatchSemaphore(value: 0)
        let interruption = Interruption()
        if byRequest { interruption.request() }
        let error = #expect(throws: (any Error).self) {
            try TimedWork.run(
                within: byRequest ? .seconds(600) : .milliseconds(10), interruption: interruption
            ) { end.wait() }
        }
        end.signal()
        if byRequest {
            #expect(error is Interrupted)
        } else {
            #expect((error as? UserError)?.cause.contains("longer than its limit") == true)
        }
    }
}
