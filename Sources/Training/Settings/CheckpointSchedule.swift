internal import Checkpoints
internal import Foundation

/// At which steps a run stores its weights, besides its first and last step.
///
/// Written as terms joined by `+`:
/// - `every 100`, also `every 10 from 3000 to 5000`;
/// - `log 1.02`: 1, then max(⌊1.02·s⌋, s + 1) after each step s;
/// - `logspace 1000`: the different integers among 1000 log-spaced numbers up to the last step;
/// - `at 1,10,500`, also `1,10,500`;
/// - `adaptive`, also `adaptive 0.02`: whenever test accuracy has moved by more than this share, or
///   test loss by the factor e^(10·share), since the last stored step.
package struct CheckpointSchedule: Sendable, Equatable {
    package enum Term: Sendable, Equatable {
        case every(Int, from: Int, to: Int?)
        case ratio(Double)
        case logSpace(Int)
        case steps([Int])
        case adaptive(Double)
    }

    /// The share of test accuracy that `adaptive` lets pass between two checkpoints.
    package static let usualMovement = 0.02

    /// With rarer evaluations a transition within a few hundred steps could pass unseen.
    package static let widestAdaptiveInterval = 100

    package var terms: [Term]

    package init(_ terms: [Term]) { self.terms = terms }

    /// Every `interval` steps.
    package static func every(_ interval: Int) -> CheckpointSchedule {
        CheckpointSchedule([.every(interval, from: 0, to: nil)])
    }

    /// Reads the written form.
    package init(_ text: String) throws {
        if let interval = Int(text.trimmingCharacters(in: .whitespaces)) {
            self = .every(interval)
        } else {
            terms = try text.split(separator: "+", omittingEmptySubsequences: false).map {
                try CheckpointSchedule.term(
                    $0.split(whereSeparator: \.isWhitespace).map(String.init), in: text)
            }
        }
        try validate()
    }

    private static func term(_ words: [String], in text: String) throws -> Term {
        switch (words.first, words.count) {
        case ("every", 2...):
            guard let interval = Int(words[1]) else { break }
            var (start, end) = (0, Int?.none)
            var rest = words.dropFirst(2)
            while rest.count >= 2, let key = rest.popFirst(), let value = rest.popFirst(),
                let number = Int(value)
            {
                switch key {
                case "from": start = number
                case "to": end = number
                default: throw notUnderstood(text)
                }
            }
            if rest.isEmpty { return .every(interval, from: start, to: end) }
        case ("log", 2):
            if let ratio = Double(words[1]) { return .ratio(ratio) }
        case ("logspace", 2):
            if let count = Int(words[1]) { return .logSpace(count) }
        case ("at", 2...):
            let steps = words.dropFirst().joined().split(separator: ",").map { Int($0) }
            if !steps.contains(nil) { return .steps(steps.compactMap { $0 }.sorted()) }
        case (_, 1) where words[0].contains(","):
            let steps = words[0].split(separator: ",", omittingEmptySubsequences: false).map {
                Int($0)
            }
            if !steps.contains(nil) { return .steps(steps.compactMap { $0 }.sorted()) }
        case ("adaptive", 1): return .adaptive(usualMovement)
        case ("adaptive", 2):
            if let share = Double(words[1]) { return .adaptive(share) }
        default: break
        }
        throw notUnderstood(text)
    }

    private static func notUnderstood(_ text: String) -> UserError {
        .usage(
            subject: "checkpoint schedule '\(text)'", cause: "it is not understood",
            advice: "write for example 'every 100', 'log 1.02', 'at 1,10,100', 'adaptive', or "
                + "several joined by +")
    }

    /// Throws one sentence about the first term that cannot work.
    func validate() throws {
        for term in terms {
            let isRight =
                switch term {
                case .every(let interval, let start, let end):
                    interval > 0 && start >= 0 && (end ?? start) >= start
                case .ratio(let ratio): ratio > 1 && ratio.isFinite
                case .logSpace(let count): count > 1
                case .steps(let steps): !steps.isEmpty && steps.allSatisfy { $0 >= 0 }
                case .adaptive(let share): share > 0 && share < 1
                }
            guard isRight else {
                throw UserError.usage(
                    subject: "checkpoint schedule '\(self)'",
                    cause: "a number in it is out of range",
                    advice: "intervals are at least 1, ratios above 1, shares between 0 and 1")
            }
        }
    }

    /// More checkpoints than this are a slip of the pen: their list alone fills the memory.
    package static let largestCount = 10_000_000

    /// Throws one sentence about the first term that asks for too many checkpoints.
    package func validate(upTo last: Int) throws {
        for term in terms {
            var count = 0
            if case .every(let interval, let start, let end) = term {
                count = max(0, min(end ?? last, last) - start) / interval
            } else if case .logSpace(let points) = term {
                count = points
            } else if case .ratio(let ratio) = term {
                // Every step while r·s < s + 1, then the powers of r.
                let dense = min(1 / (ratio - 1), Double(last))
                let powers = log(max(Double(last), 1) / max(dense, 1)) / log(ratio)
                count = Int(min(dense + powers, 1e18))
            }
            guard count <= CheckpointSchedule.largestCount else {
                throw UserError.usage(
                    subject: "checkpoint schedule '\(self)'",
                    cause: "up to step \(last) it asks for \(count) checkpoints",
                    advice: "keep it to \(CheckpointSchedule.largestCount)")
            }
        }
    }

    /// The steps up to the last one that are known beforehand, rising; 0 and the last are in.
    package func fixedSteps(upTo last: Int) -> [Int] {
        var steps: Set = [0, last]
        for term in terms {
            switch term {
            case .every(let interval, let start, let end):
                steps.formUnion(stride(from: start, through: min(end ?? last, last), by: interval))
            case .ratio(let ratio):
                var step = 1
                while step <= last {
                    steps.insert(step)
                    // The last step is in; what is beyond it may be beyond the whole numbers.
                    let next = Double(step) * ratio
                    guard step < last, next < Double(last) else { break }
                    step = max(Int(next), step + 1)
                }
            case .logSpace(let count):
                let exponent = log10(Double(max(last, 1)))
                for index in 0..<count {
                    let step = pow(10, exponent * Double(index) / Double(count - 1))
                    steps.insert(step < Double(last) ? Int(step) : last)
                }
            case .steps(let listed): steps.formUnion(listed)
            case .adaptive: break
            }
        }
        return steps.filter { $0 <= last }.sorted()
    }

    /// The share of test accuracy after which a checkpoint is stored; nil without `adaptive`.
    package var movement: Double? {
        terms.compactMap { if case .adaptive(let share) = $0 { share } else { nil } }.min()
    }
}

extension CheckpointSchedule: CustomStringConvertible, Codable {
    package var description: String {
        terms.map { term in
            switch term {
            case .every(let interval, let start, let end):
                "every \(interval)" + (start == 0 ? "" : " from \(start)")
                    + (end.map { " to \($0)" } ?? "")
            case .ratio(let ratio): "log \(ratio.formattedBriefly)"
            case .logSpace(let count): "logspace \(count)"
            case .steps(let steps): "at " + steps.map(String.init).joined(separator: ",")
            case .adaptive(let share):
                share == CheckpointSchedule.usualMovement ? "adaptive" : "adaptive \(share)"
            }
        }.joined(separator: " + ")
    }

    /// Reads the written form, or a number for `every`.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let interval = try? container.decode(Int.self) {
            self = .every(interval)
            try validate()
        } else {
            try self.init(container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
