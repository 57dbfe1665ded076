internal import Checkpoints

/// What an import would make of a path: its runs, and the fate of everything that was found.
package struct ImportPlan: Sendable {
    package let path: String
    package var runs: [ImportedRun] = []
    /// What belongs to no run: files that were refused or left out.
    package var others = ImportAccount()

    package init(path: String) { self.path = path }

    /// Everything found, with its fate.
    package var account: ImportAccount {
        runs.reduce(others) { $0 + $1.account }
    }

    /// Whether there is more to say than why the first file was refused.
    package var isLong: Bool { Set(account.items.map(\.file)).count > 1 }

    /// Whether something that should have been kept is not.
    package var hasRefusals: Bool { !account.refusals.isEmpty }
}

extension ImportPlan {
    /// Refuses options that apply to nothing in any of some plans, and notes with the runs to which one
    /// does not apply that it was not used.
    package static func apply(_ options: ImportOptions, to plans: inout [ImportPlan]) throws {
        let runs = plans.flatMap(\.runs)
        guard !runs.isEmpty else { return }
        for choice in ImportOptions.Choice.allCases where options.choices.contains(choice) {
            guard runs.contains(where: { $0.applied.contains(choice) }) else {
                let reason = runs.lazy.flatMap(\.notes).first {
                    choice == .task && $0.hasPrefix("its task does not fit")
                }
                throw UserError.usage(
                    subject: choice.rawValue, cause: choice.cause,
                    advice: reason ?? "leave it out; --dry-run shows what would be made")
            }
            for plan in plans.indices {
                for run in plans[plan].runs.indices
                where !plans[plan].runs[run].applied.contains(choice) {
                    plans[plan].runs[run].notes.append(
                        "\(choice.rawValue) does not apply to it and was not used")
                }
            }
        }
    }
}
