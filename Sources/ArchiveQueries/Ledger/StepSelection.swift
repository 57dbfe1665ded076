internal import Checkpoints
internal import Foundation
package import Training

/// Which checkpoints of a run to work on.
package enum StepSelection: Sendable, Equatable {
    case all
    case first
    case last
    /// This many, or all there are: the first, the last, and between them evenly over log(step + 1).
    case spaced(Int)
    /// These steps; each has to be stored or computable.
    case steps([Int])
    /// All stored steps from the first bound to the second.
    case range(Int, Int)
    /// The stored steps that a run with this schedule would have stored; its first and last are in.
    case schedule(CheckpointSchedule)

    /// Reads `all`, `first`, `last`, `log:10`, `0,100,2000` or `100-2000`, and what `train --checkpoints`
    /// takes, as `every 100` or `log 1.5 + at 10,30`.
    package init(written text: String) throws {
        func number(_ text: Substring) -> Int? { Int(text).flatMap { $0 >= 0 ? $0 : nil } }
        switch text {
        case "all": self = .all
        case "first": self = .first
        case "last": self = .last
        default:
            let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
            let list = text.split(separator: ",", omittingEmptySubsequences: false)
            if text.hasPrefix("log:"), let count = number(text.dropFirst(4)), count > 0 {
                self = .spaced(count)
            } else if bounds.count == 2, let low = number(bounds[0]), let high = number(bounds[1]),
                low <= high
            {
                self = .range(low, high)
            } else if list.allSatisfy({ number($0) != nil }) {
                self = .steps(list.compactMap(number))
            } else if text.contains(" "), let schedule = try? CheckpointSchedule(text),
                schedule.movement == nil
            {
                self = .schedule(schedule)
            } else {
                throw UserError.usage(
                    subject: "steps \(text)", cause: "they cannot be read",
                    advice: "write all, first, last, log:10, 0,100,2000, 100-2000, "
                        + "'every 100', 'log 1.5' or several schedules joined by +")
            }
        }
    }

    /// The selected steps among the stored ones, which are rising.
    ///
    /// `canRecompute` says whether steps between them can be had, too.
    /// Errors: a step asked for by number is neither stored nor computable.
    package func choose(
        from stored: [Int], of run: String, orBetween canRecompute: () -> Bool = { false }
    ) throws -> [Int] {
        switch self {
        case .all: return stored
        case .first: return Array(stored.prefix(1))
        case .last: return Array(stored.suffix(1))
        case .range(let low, let high): return stored.filter { $0 >= low && $0 <= high }
        case .schedule(let schedule):
            guard let first = stored.first, let last = stored.last else { return [] }
            try schedule.validate(upTo: last)
            let wanted = Set(schedule.fixedSteps(upTo: last))
            return stored.filter { wanted.contains($0) || $0 == first }
        case .steps(let steps):
            let known = Set(stored)
            if let missing = steps.first(where: { !known.contains($0) }),
                !(steps.allSatisfy { $0 >= stored.first ?? 0 && $0 <= stored.last ?? -1 }
                    && canRecompute())
            {
                let nearest = stored.min {
                    // Steps of other programs may be as far apart as whole numbers can be.
                    abs(Double($0) - Double(missing)) < abs(Double($1) - Double(missing))
                }
                throw UserError.missing(
                    subject: "run \(run), step \(missing)", cause: "no checkpoint is stored there",
                    advice: nearest.map { "the nearest is \($0)" } ?? "the run has none")
            }
            return Array(Set(steps)).sorted()
        case .spaced(let count):
            guard stored.count > count, let first = stored.first, let last = stored.last else {
                return stored
            }
            guard count > 1 else { return [last] }
            let low = log(Double(first) + 1)
            let high = log(Double(last) + 1)
            // Where several targets have the same nearest step, each takes the nearest free one, so
            // that as many come out as were asked for.
            var chosen: Set = [first, last]
            for index in 1..<max(count - 1, 1) {
                let target = low + (high - low) * Double(index) / Double(count - 1)
                let nearest = stored.lazy.filter { !chosen.contains($0) }.min {
                    abs(log(Double($0) + 1) - target) < abs(log(Double($1) + 1) - target)
                }
                if let nearest { chosen.insert(nearest) }
            }
            return chosen.sorted()
        }
    }
}
