internal import ArchiveQueries
internal import Checkpoints
internal import Foundation
internal import Interchange

/// Which way round square matrices of a mapping are: their shapes do not say it, the curves beside the
/// weights do.
enum SquareMatrices {
    /// With more entries than these, all are turned or none.
    private static let mostEntries = 4

    /// The plan of a path.
    ///
    /// Where a mapping leaves the orientation of square matrices open, every way
    /// is evaluated at the last checkpoint, and the first one that gives the run's curves is taken.
    static func plan(at path: String, options: ImportOptions) throws -> ImportPlan {
        var plan = try Importer.plan(at: path, options: options)
        let open = Set(plan.runs.flatMap(\.openSquares))
        guard let mapping = options.network, !open.isEmpty else { return plan }
        var undecided: Set<Int> = []
        for index in plan.runs.indices where !plan.runs[index].openSquares.isEmpty {
            undecided.insert(index)
        }
        for turned in ways(open) where !undecided.isEmpty {
            var other = plan
            if !turned.isEmpty {
                var changed = options
                changed.network = mapping.turning(turned)
                other = try Importer.plan(at: path, options: changed)
            }
            guard other.runs.count == plan.runs.count else { continue }
            for index in undecided.sorted() {
                let check = try NetworkCheck.make(
                    of: other.runs[index],
                    threadCount: ProcessInfo.processInfo.activeProcessorCount)
                guard let check, check.verdict == .reproduced else { continue }
                undecided.remove(index)
                var run = other.runs[index]
                run.notes.removeAll { $0.contains(" is square and taken as it is") }
                run.notes.append(sentence(open, turned: turned, check: check))
                run.account.assumptions.append(sentence(open, turned: turned, check: check))
                plan.runs[index] = run
            }
        }
        return plan
    }

    private static func sentence(
        _ open: Set<String>, turned: Set<String>, check: NetworkCheck
    ) -> String {
        func list(_ names: Set<String>) -> String { names.sorted().joined(separator: ", ") }
        let kept = open.subtracting(turned)
        let words = [
            kept.isEmpty ? "" : "\(list(kept)) is square and taken as it is",
            turned.isEmpty ? "" : "\(list(turned)) is square and was turned",
        ].filter { !$0.isEmpty }.joined(separator: ", ")
        let curves = check.comparisons.filter(\.agrees).map(\.metric).joined(separator: ", ")
        return "\(words): so the network gives the curves (\(curves)) at step \(check.step)"
    }

    /// Every choice of what to turn, first of nothing; matrices of all layers turn together.
    static func ways(_ targets: Set<String>) -> [Set<String>] {
        let entries = Dictionary(grouping: targets) { target in
            target.split(separator: ".").map { Int($0) == nil ? String($0) : "#" }.joined(
                separator: ".")
        }.sorted { $0.key < $1.key }.map { Set($0.value) }
        guard entries.count <= mostEntries else { return [[], targets] }
        return (0..<1 << entries.count).map { number in
            entries.indices.filter { number >> $0 & 1 == 1 }.reduce(into: Set<String>()) {
                $0.formUnion(entries[$1])
            }
        }
    }
}
