import Checkpoints
import Testing

@testable import cairn

@Suite struct CheckpointReferenceTests {
    @Test(arguments: [
        ("a1b2", "a1b2", CheckpointReference.Position?.none), ("a@first", "a", .first),
        ("a@last", "a", .last), ("größe@12", "größe", .step(12)), ("a@1,200", "a", .step(1200)),
    ]) func writtenFormsAreRead(
        text: String, run: String, position: CheckpointReference.Position?
    )
        throws
    {
        let reference = try CheckpointReference(text)
        #expect(reference.run == run && reference.position == position)
    }

    @Test(arguments: ["a@", "a@-1", "a@soon", "a@1.5"]) func otherPositionsAreRefused(text: String)
    {
        #expect(throws: UserError.self) { try CheckpointReference(text) }
    }

    @Test func missingStepsNameTheirNeighbours() throws {
        let steps = [0, 100, 200]
        #expect(try CheckpointReference("a@first").step(among: steps) == 0)
        #expect(try CheckpointReference("a").step(among: steps) == 200)
        #expect(try CheckpointReference("a@100").step(among: steps) == 100)
        let error = #expect(throws: UserError.self) {
            try CheckpointReference("a@150").step(among: steps)
        }
        #expect(error?.advice.hasPrefix("the nearest are 100 and 200") == true)
        #expect(throws: UserError.self) { try CheckpointReference("a").step(among: []) }
    }
}
