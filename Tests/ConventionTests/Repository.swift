import Foundation

/// The files of this repository, as the conventions see them.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Swift files below a folder of the repository, links not followed.
    static func swiftFiles(below folder: String) -> [URL] {
        let base = root.appendingPathComponent(folder)
        let entries = FileManager.default.enumerator(
            at: base, includingPropertiesForKeys: [.isSymbolicLinkKey])
        return (entries?.compactMap { $0 as? URL } ?? [])
            .filter { $0.pathExtension == "swift" }
            .sorted { $0.path < $1.path }
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    static func relative(_ file: URL) -> String {
        String(file.path.dropFirst(root.path.count + 1))
    }
}
