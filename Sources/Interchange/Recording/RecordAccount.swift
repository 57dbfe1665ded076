internal import Checkpoints

/// What became of the lines of a recorded run: what is stored, and what is not and why.
package struct RecordAccount: Sendable, Equatable {
    /// What was left out for one cause.
    package struct LeftOut: Sendable, Equatable {
        package let cause: String
        package var count: Int
        /// Where it happened first.
        package let first: String
    }

    package private(set) var valueCount = 0
    package private(set) var checkpointCount = 0
    /// The last step of a line.
    package private(set) var lastStep = 0
    package private(set) var leftOut: [LeftOut] = []
    /// What was assumed or could not be made of the description, one sentence each.
    package private(set) var notes: [String] = []

    /// Causes beyond this are counted together: a trainer may invent names without end.
    private static let largestCauseCount = 100
    private static let otherCauses = "other causes"

    /// Takes note of something that is not stored; answers whether it is the first for its cause.
    mutating func leaveOut(_ cause: String, _ first: String) -> Bool {
        if let index = leftOut.firstIndex(where: { $0.cause == cause }) {
            leftOut[index].count += 1
            return false
        }
        guard leftOut.count < Self.largestCauseCount else {
            if let last = leftOut.indices.last, leftOut[last].cause == Self.otherCauses {
                leftOut[last].count += 1
                return false
            }
            leftOut.append(LeftOut(cause: Self.otherCauses, count: 1, first: first))
            return true
        }
        leftOut.append(LeftOut(cause: cause, count: 1, first: first))
        return true
    }

    mutating func take(step: Int, values: Int) {
        lastStep = max(lastStep, step)
        valueCount += values
    }

    mutating func takeCheckpoint() { checkpointCount += 1 }

    mutating func note(_ notes: [String]) { self.notes += notes }

    /// One line for each cause, for people.
    package var sentences: [String] {
        leftOut.map { item in
            "\(item.count) times not stored: \(item.cause) (first: \(item.first))"
        }
    }

    /// The account as a JSON object, to be kept with the run.
    package var json: String {
        Value.object([
            ("kind", .text("recorded")), ("values", .integer(valueCount)),
            ("checkpoints", .integer(checkpointCount)),
            (
                "left_out",
                .list(
                    leftOut.map {
                        .object([
                            ("cause", .text($0.cause)), ("count", .integer($0.count)),
                            ("first", .text($0.first)),
                        ])
                    })
            ),
            ("notes", .list(notes.map(Value.text))),
        ]).json()
    }
}
