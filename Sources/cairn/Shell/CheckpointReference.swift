internal import Checkpoints

/// What a person writes for a run or one of its checkpoints: `RUN`, `RUN@STEP`, `RUN@first`,
/// `RUN@last`.
struct CheckpointReference: Equatable {
    enum Position: Equatable {
        case first
        case last
        case step(Int)
    }

    /// The start of an id, or a name.
    let run: String
    /// Nil when only a run is meant.
    let position: Position?

    /// Reads the written form; a name may hold `@` itself when no step follows.
    init(_ text: String) throws {
        guard let at = text.lastIndex(of: "@") else {
            run = text
            position = nil
            return
        }
        let tail = text[text.index(after: at)...]
        switch tail {
        case "first": position = .first
        case "last": position = .last
        default:
            guard let step = Int(tail.filter { $0 != "," }), step >= 0 else {
                throw UserError.usage(
                    subject: "checkpoint \(text)",
                    cause: "'\(tail)' is not a step",
                    advice: "write RUN@STEP, RUN@first or RUN@last")
            }
            position = .step(step)
        }
        run = String(text[..<at])
    }

    /// The stored step that is meant; without a position the last one.
    func step(among steps: [Int]) throws -> Int {
        guard let first = steps.first, let last = steps.last else {
            throw UserError.missing(
                subject: "run \(run)", cause: "it has no stored checkpoint")
        }
        switch position {
        case nil, .last?: return last
        case .first?: return first
        case .step(let step)?:
            guard steps.contains(step) else {
                throw UserError.missing(
                    subject: "run \(run)", cause: "it has no stored checkpoint at step \(step)",
                    advice: CheckpointReference.advice(for: step, among: steps))
            }
            return step
        }
    }

    /// The step that is meant, stored or between stored ones; a position must be written.
    func anyStep(among steps: [Int]) throws -> Int {
        switch position {
        case .step(let step)?: return step
        case .first?, .last?: return try self.step(among: steps)
        case nil:
            throw UserError.usage(
                subject: "checkpoint \(run)", cause: "it does not say which step",
                advice: "write RUN@STEP, RUN@first or RUN@last")
        }
    }

    private static func advice(for step: Int, among steps: [Int]) -> String {
        let below = steps.last { $0 < step }
        let above = steps.first { $0 > step }
        let near = [below, above].compactMap { $0 }.map(String.init).joined(separator: " and ")
        return "the nearest are \(near); cairn replay, analyze and export compute any step between "
            + "stored ones"
    }
}
