import ArchiveQueries
import Checkpoints
import Testing

struct StepSelectionTests {
    private static let selections: [(String, [Int])] = [
        ("all", [0, 1, 10, 100, 1000]), ("first", [0]), ("last", [1000]), ("log:3", [0, 10, 1000]),
        ("log:1", [1000]), ("log:9", [0, 1, 10, 100, 1000]), ("10,0", [0, 10]),
        ("1-100", [1, 10, 100]), ("2-9", []),
        ("every 100", [0, 100, 1000]), ("log 10", [0, 1, 10, 100, 1000]), ("at 1,7", [0, 1, 1000]),
        ("every 10 from 5 to 50 + at 1", [0, 1, 1000]),
    ]

    @Test(arguments: selections)
    func stepsAreSelectedAsWritten(text: String, expected: [Int]) throws {
        let selection = try StepSelection(written: text)
        #expect(try selection.choose(from: [0, 1, 10, 100, 1000], of: "r") == expected)
    }

    @Test("as many spaced steps come out as were asked for", arguments: 2..<60)
    func spacedStepsAreDifferent(count: Int) throws {
        let stored = (0...200).map { $0 * 100 }
        let chosen = try StepSelection.spaced(count).choose(from: stored, of: "r")
        #expect(chosen.count == count)
        #expect(chosen == Array(Set(chosen)).sorted())
        #expect(chosen.first == 0 && chosen.last == 20_000)
    }

    @Test(arguments: [
        "", "some", "1,x", "9-2", "-5", "log:0", "log:x", "adaptive", "every 0", "log 1",
    ])
    func badStepSelectionsAreErrors(text: String) {
        #expect(throws: UserError.self) { try StepSelection(written: text) }
    }
}
