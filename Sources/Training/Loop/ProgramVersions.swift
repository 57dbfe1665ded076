internal import ArrayMath

/// What decides the bits of a run besides its configuration, as stored with each run.
package enum ProgramVersions {
    package static var current: [String: String] { MathLibraries.versions }

    /// What this machine or build has other than the one that a run records, in words; nil where
    /// nothing is known to differ.
    package static func difference(from recorded: [String: String]) -> String? {
        let names = current.keys.filter { recorded[$0] != nil && recorded[$0] != current[$0] }
        guard !names.isEmpty else { return nil }
        return names.sorted().map {
            "\($0) is \(current[$0] ?? "") here and was \(recorded[$0] ?? "") there"
        }.joined(separator: "; ")
    }
}
