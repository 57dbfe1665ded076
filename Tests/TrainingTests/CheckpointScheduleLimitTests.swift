import Checkpoints
import TestSupport
import Testing
import Training

/// Schedules up to steps near the largest whole number.
struct CheckpointScheduleLimitTests {
    @Test("steps are rising, within the run, and end with its last step", arguments: 0..<60)
    func limits(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let last =
            Int.max - Int.random(in: 0..<3, using: &generator)
            * Int.random(
                in: 0..<(1 << 20), using: &generator)
        let start = last - Int.random(in: 0..<100, using: &generator)
        let terms: [CheckpointSchedule.Term] = [
            .ratio(Double.random(in: 1.5..<1e300, using: &generator)), .ratio(2), .ratio(1e300),
            .logSpace(Int.random(in: 2..<50, using: &generator)),
            .every(Int.random(in: 1..<40, using: &generator), from: start, to: nil),
            .every(Int.max, from: 0, to: nil), .every(7, from: start, to: Int.max),
            .steps([1, start, Int.max]),
        ]
        for term in terms {
            let schedule = CheckpointSchedule([term])
            try schedule.validate(upTo: last)
            let steps = schedule.fixedSteps(upTo: last)
            #expect(steps.first == 0 && steps.last == last, "\(schedule)")
            #expect(zip(steps, steps.dropFirst()).allSatisfy(<), "\(schedule)")
            #expect(steps.count < 200, "\(schedule)")
        }
    }

    @Test("a ratio that takes every step is refused up to large steps")
    func denseRatio() throws {
        let dense = CheckpointSchedule([.ratio(1 + 1e-9)])
        try dense.validate(upTo: 1_000_000)
        #expect(throws: UserError.self) { try dense.validate(upTo: Int.max) }
        // What it gives is what it gave: max(⌊r s⌋, s + 1).
        #expect(
            CheckpointSchedule([.ratio(1.5)]).fixedSteps(upTo: 30)
                == [0, 1, 2, 3, 4, 6, 9, 13, 19, 28, 30])
        #expect(CheckpointSchedule([.logSpace(4)]).fixedSteps(upTo: 1000) == [0, 1, 10, 100, 1000])
    }
}
