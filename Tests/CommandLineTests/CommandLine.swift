import Checkpoints
import Foundation
import TestSupport
import Testing

/// A folder with an archive in it, and the program run on it.
struct CommandLineFixture {
    let folder: TemporaryFolder
    var archive: String { folder.path("archive") }

    init() throws { folder = try TemporaryFolder() }

    /// Runs `cairn` with the archive of this fixture.
    @discardableResult
    func cairn(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> ProcessResult {
        let ours = ["CAIRN_ARCHIVE": archive, "HOME": folder.path]
        return try run(
            cairnExecutable(), arguments, input: input,
            environment: ours.merging(environment) { $1 }, folder: folder.path)
    }

    /// A network of a few numbers that trains in an instant.
    static let tiny = [
        "train", "--operation", "add", "--modulus", "7", "--train-fraction", "0.5", "--network",
        "mlp", "--embedding-width", "4", "--hidden-width", "8", "--steps", "40",
        "--checkpoint-every", "10", "--evaluate-every", "10", "--quiet",
    ]

    /// Trains such a network under a name.
    @discardableResult
    func trainTiny(name: String = "tiny", _ more: [String] = []) throws -> ProcessResult {
        let result = try cairn(CommandLineFixture.tiny + ["--name", name] + more)
        try #require(result.exitCode == 0, "\(result.error)")
        return result
    }

    /// Every file of the folder with a digest of its bytes.
    ///
    /// The files of the index are left out: SQLite notes its readers in them.
    func state() throws -> [String: String] {
        var state: [String: String] = [:]
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        for name in names where !name.contains("/index.") {
            let url = folder.url.appendingPathComponent(name)
            let isFolder = try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
            state[name] = isFolder ? "folder" : "\(Digest(of: [UInt8](try Data(contentsOf: url))))"
        }
        return state
    }

    /// Runs a command that must fail with one sentence, the exit code, and nothing changed.
    func expectRefusal(
        _ arguments: [String], exitCode: Int, mentions: [String], input: String = "",
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try state()
        let result = try cairn(arguments, input: input)
        let said = "\(arguments): \(result.error)"
        #expect(result.exitCode == exitCode, "\(said)", sourceLocation: location)
        #expect(result.output.isEmpty, "\(said)", sourceLocation: location)
        #expect(result.error.hasPrefix("cairn: "), "\(said)", sourceLocation: location)
        #expect(
            result.error.filter(\.isNewline).count == 1, "\(said)", sourceLocation: location)
        for mention in mentions {
            #expect(
                result.error.contains(mention), "\(said) lacks \(mention)", sourceLocation: location
            )
        }
        #expect(try state() == before, "\(arguments) changed the folder", sourceLocation: location)
    }
}

/// The objects of a JSON array.
func objects(_ text: String) throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
}
