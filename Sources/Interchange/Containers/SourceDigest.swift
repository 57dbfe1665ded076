internal import Checkpoints
internal import Foundation

/// The digests by which sources are known when they come again.
enum SourceDigest {
    /// The SHA-256 of a file's bytes.
    static func file(_ path: String) throws -> String {
        let file = try SourceFile(path: path)
        var offset = 0
        return try OverlappedPieces.digest(
            sizes: PieceSizes(byteCount: file.byteCount),
            fill: { buffer in
                try file.read(at: offset, into: buffer)
                offset += buffer.count
            }, use: { _, _ in }
        ).description
    }

    /// The SHA-256 of the sorted lines `relative path TAB digest LF` of some files of a folder.
    ///
    /// `known` are digests of what is meant of files that hold other things too.
    static func files(
        _ relativePaths: [String], in folder: String, known: [String: String] = [:]
    ) throws -> String {
        let lines = try relativePaths.sorted().map {
            "\($0)\t\(try known[$0] ?? file(folder + "/" + $0))\n"
        }
        return Digest(of: Array(lines.joined().utf8)).description
    }

    /// When a file was last changed, in seconds since 1970; 0 when unknown.
    static func modificationTime(_ path: String) -> Double {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    }
}
