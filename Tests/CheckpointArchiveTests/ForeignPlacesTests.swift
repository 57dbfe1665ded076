import Checkpoints
import Foundation
import GRDB
import SystemFiles
import TestSupport
import Testing

@testable import CheckpointArchive

/// An archive from a stranger reaches nothing outside itself.
@Suite struct ForeignPlacesTests {
    private let folder: TemporaryFolder
    private let path: String
    private let secret: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("archive")
        secret = folder.path("secret")
        let archive = try Archive.create(at: path)
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in 0..<3 { try writer.save(TestRuns.checkpoint(step)) }
        try writer.finish(.finished, metrics: [])
        try Data("secret".utf8).write(to: URL(fileURLWithPath: secret))
    }

    /// Puts a link to something outside in the place of something inside.
    private func link(_ inside: String, to target: String) throws {
        let place = "\(path)/\(inside)"
        try? FileManager.default.removeItem(atPath: place)
        try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: target)
    }

    private func refuses(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? any UserErrorConvertible)?.userError.description ?? "not a sentence"
        }
    }

    private func expectSecret() throws {
        #expect(try Data(contentsOf: URL(fileURLWithPath: secret)) == Data("secret".utf8))
    }

    @Test func theLockOfARunIsNotALink() throws {
        try link("runs/a/lock", to: secret)
        let sentence = refuses {
            let archive = try Archive(opening: path)
            try archive.writer().begin(TestRuns.description("a"))
        }
        #expect(sentence?.contains("symbolic link") == true)
        try expectSecret()
    }

    @Test func theTrashIsNotALink() throws {
        let outside = folder.path("outside")
        try FileManager.default.createDirectory(
            atPath: outside + "/a", withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: outside + "/a/file"))
        try link("trash", to: outside)
        let sentence = refuses { _ = try Archive(opening: path).purgeTrash() }
        #expect(sentence?.contains("symbolic link") == true)
        #expect(FileManager.default.fileExists(atPath: outside + "/a/file"))
    }

    @Test(arguments: ["index.sqlite", "index.sqlite-wal", "index.lock", "cairn.json"])
    func filesOfTheIndexAreNotLinks(name: String) throws {
        try link(name, to: secret)
        for access in [Archive.Access.readOnly, .readWrite] {
            let sentence = refuses { _ = try Archive(opening: path, access: access) }
            // Reading claims nothing.
            guard name != "index.lock" || access == .readWrite else { continue }
            #expect(sentence?.contains("symbolic link") == true)
        }
        try expectSecret()
    }

    @Test func aDatabaseOfAnotherProgramIsLeftAsItIs() throws {
        let index = path + "/index.sqlite"
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: index + suffix)
        }
        try DatabaseQueue(path: index).write { try $0.execute(sql: "CREATE TABLE theirs (x)") }
        let before = try Data(contentsOf: URL(fileURLWithPath: index))
        for access in [Archive.Access.readOnly, .readWrite] {
            let sentence = refuses { _ = try Archive(opening: path, access: access) }
            #expect(sentence?.contains("another program") == true)
        }
        let sentence = refuses { _ = try Archive.reindex(at: path) }
        #expect(sentence?.contains("another program") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: index)) == before)
        #expect(!FileManager.default.fileExists(atPath: index + "-wal"))
    }

    /// The index is data: what it says of files is not where they are.
    @Test(arguments: ["../../../secret", "/etc/passwd", "loose/../../../../secret"])
    func pathsOfTheIndexStayInTheRun(file: String) throws {
        try DatabaseQueue(path: path + "/index.sqlite").write {
            try $0.execute(sql: "UPDATE file SET path = ? WHERE kind = 'pack'", arguments: [file])
        }
        let sentence = refuses {
            let run = try Archive(opening: path, access: .readOnly).run(matching: "a")
            _ = try run.weights(at: 1)
        }
        #expect(sentence?.contains("reindex") == true)
        try expectSecret()
    }

    @Test func aPipeInThePlaceOfAFileDoesNotHang() throws {
        let loose = folder.path("archive/runs/a/run.h5")
        try FileManager.default.removeItem(atPath: loose)
        #expect(mkfifo(loose, 0o600) == 0)
        let archive = try Archive(opening: path, access: .readOnly)
        #expect(refuses { _ = try archive.run(matching: "a").run }?.contains("regular") == true)
        #expect(try !archive.verify().isSound)
    }
}
