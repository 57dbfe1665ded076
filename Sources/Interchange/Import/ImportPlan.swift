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

    /// Whether there is more to say than why the first thing was refused.
    package var isLong: Bool { account.items.count > 1 }

    /// Whether something that should have been kept is not.
    package var hasRefusals: Bool { !account.refusals.isEmpty }
}
