package import Foundation

/// The published runs that tests read where `CAIRN_REFERENCE_DATA` names their folder.
package enum ReferenceData {
    /// The folder, or nil where it is not set: tests that need it are then skipped by name.
    package static let folder: URL? = ProcessInfo.processInfo.environment["CAIRN_REFERENCE_DATA"]
        .map { URL(fileURLWithPath: $0) }

    package static var isAvailable: Bool { folder != nil }
}
