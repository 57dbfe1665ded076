internal import ArrayMath

/// What decides the bits of a run besides its configuration, as stored with each run.
package enum ProgramVersions {
    package static var current: [String: String] { MathLibraries.versions }
}
