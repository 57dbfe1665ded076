package import Checkpoints

/// One thing that an import found, and what becomes of it: it has exactly one fate.
package struct ImportItem: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case tensor
        case optimizer
        case curve
        case scalar
        case setting
        case step
        case rows
        /// Something in a file that is none of these.
        case object
        /// A file in which nothing was looked for.
        case file
    }

    package enum Fate: Sendable, Equatable {
        /// It is in the archive under a name, at a step where it has one.
        case stored(step: Int?, name: String, role: TensorRole?)
        /// The archive has it from elsewhere.
        case same(as: String)
        /// It is not kept, for a reason that is no fault.
        case leftOut(String)
        /// It should have been kept and cannot be.
        case refused(String)
    }

    /// The file, relative to what was imported.
    package let file: String
    /// Its path in the file; empty for the file itself.
    package let name: String
    package let kind: Kind
    /// The values it stands for.
    package let count: Int
    package let fate: Fate

    package init(file: String, name: String, kind: Kind, count: Int, fate: Fate) {
        self.file = file
        self.name = name
        self.kind = kind
        self.count = count
        self.fate = fate
    }

    init(_ item: FoundItem, file: String, count: Int? = nil, _ fate: Fate) {
        self.init(
            file: file, name: item.name, kind: item.kind, count: count ?? item.count, fate: fate)
    }
}

extension ImportItem {
    /// The fate in words, for a line of a plan.
    package var outcome: String {
        switch fate {
        case .stored(let step, let name, let role):
            "stored" + (step.map { " at step \($0)" } ?? "") + (name.isEmpty ? "" : " as \(name)")
                + (role == .buffer ? " (a buffer)" : "")
        case .same(let other): "the same as \(other)"
        case .leftOut(let reason): "left out: \(reason)"
        case .refused(let reason): "refused: \(reason)"
        }
    }
}

extension FoundItem {
    var kind: ImportItem.Kind {
        switch content {
        case .tensor: .tensor
        case .optimizer: .optimizer
        case .curve: .curve
        case .scalar: .scalar
        case .setting: .setting
        case .step: .step
        case .rows: .rows
        case .leftOut: .object
        }
    }
}

/// The items of an import with their fates, and what was assumed on the way.
package struct ImportAccount: Sendable, Equatable {
    package var items: [ImportItem] = []
    /// One sentence each: what was assumed, and on what evidence.
    package var assumptions: [String] = []

    package init() {}

    /// How many values have each fate; their sum is `found`.
    package struct Totals: Sendable, Equatable {
        package var stored = 0
        package var same = 0
        package var leftOut = 0
        package var refused = 0

        package var found: Int { stored + same + leftOut + refused }
    }

    package var totals: Totals {
        var totals = Totals()
        for item in items {
            switch item.fate {
            case .stored: totals.stored += item.count
            case .same: totals.same += item.count
            case .leftOut: totals.leftOut += item.count
            case .refused: totals.refused += item.count
            }
        }
        return totals
    }

    package var refusals: [ImportItem] {
        items.filter { if case .refused = $0.fate { true } else { false } }
    }

    /// What was refused: each file once with each cause.
    package var refusedFiles: [(file: String, cause: String)] {
        var seen: Set<String> = []
        return refusals.compactMap { item in
            guard case .refused(let cause) = item.fate,
                seen.insert("\(item.file)\u{1f}\(cause)").inserted
            else { return nil }
            return (item.file, cause)
        }
    }

    package static func + (left: ImportAccount, right: ImportAccount) -> ImportAccount {
        var sum = left
        sum.items += right.items
        sum.assumptions += right.assumptions.filter { !left.assumptions.contains($0) }
        return sum
    }
}

extension ImportAccount {
    private static let listedNames = 20

    /// Items of one file, kind and outcome together.
    private struct Group {
        let file: String
        let kind: ImportItem.Kind
        let outcome: String
        let reason: String?
        var count = 0
        var names: [String] = []
        var firstStep: Int?
        var lastStep: Int?
    }

    private var groups: [Group] {
        var groups: [Group] = []
        var places: [String: Int] = [:]
        for item in items {
            var reason: String?
            let outcome: String
            var step: Int?
            switch item.fate {
            case .stored(let found, _, _):
                outcome = "stored"
                step = found
            case .same(let other):
                outcome = "same"
                reason = other
            case .leftOut(let cause):
                outcome = "left_out"
                reason = cause
            case .refused(let cause):
                outcome = "refused"
                reason = cause
            }
            let key = [item.file, item.kind.rawValue, outcome, reason ?? ""].joined(
                separator: "\u{1f}")
            let place = places[key] ?? groups.count
            if place == groups.count {
                places[key] = place
                groups.append(
                    Group(file: item.file, kind: item.kind, outcome: outcome, reason: reason))
            }
            groups[place].count += item.count
            if groups[place].names.count < Self.listedNames, !item.name.isEmpty {
                groups[place].names.append(item.name)
            }
            if let step {
                groups[place].firstStep = min(groups[place].firstStep ?? step, step)
                groups[place].lastStep = max(groups[place].lastStep ?? step, step)
            }
        }
        return groups
    }

    /// The account as an object: totals, assumptions, and the items of each
    /// file and fate together.
    var value: Value {
        let totals = totals
        return Value.object([
            ("found", .integer(totals.found)), ("stored", .integer(totals.stored)),
            ("same", .integer(totals.same)), ("left_out", .integer(totals.leftOut)),
            ("refused", .integer(totals.refused)),
            ("assumptions", .list(assumptions.map(Value.text))),
            (
                "items",
                .list(
                    groups.map { group in
                        .object([
                            ("file", .text(group.file)), ("kind", .text(group.kind.rawValue)),
                            ("outcome", .text(group.outcome)),
                            ("reason", group.reason.map(Value.text)),
                            ("values", .integer(group.count)),
                            ("names", .list(group.names.map(Value.text))),
                            ("first_step", group.firstStep.map(Value.integer)),
                            ("last_step", group.lastStep.map(Value.integer)),
                        ])
                    })
            ),
        ])
    }

    /// What was left out or refused, one sentence for each file and reason.
    package var sentences: [String] { sentences(of: ["left_out", "refused"]) }

    /// What was left out, one sentence for each file and reason.
    package var leftOutSentences: [String] { sentences(of: ["left_out"]) }

    private func sentences(of outcomes: Set<String>) -> [String] {
        groups.compactMap { group in
            guard outcomes.contains(group.outcome), group.kind != .file, let reason = group.reason
            else { return nil }
            let names = group.names.prefix(4).joined(separator: ", ")
            let more = group.names.count > 4 ? ", …" : ""
            let subject = [group.file, names.isEmpty ? "" : names + more].filter { !$0.isEmpty }
                .joined(separator: ": ")
            return
                "\(subject.isEmpty ? "it" : subject) was "
                + "\(group.outcome == "refused" ? "refused" : "left out"): \(reason)"
        }
    }
}
