import Foundation
import TestSupport
import Testing

@testable import SystemFiles

/// Nothing below a root leads out of it, and nothing but regular files is opened.
@Suite struct RootedPathTests {
    private let folder: TemporaryFolder
    private let root: String

    init() throws {
        folder = try TemporaryFolder()
        root = folder.path("root")
        try FileManager.default.createDirectory(
            atPath: root + "/inner", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: folder.path("outside"), withIntermediateDirectories: true)
        try Data("secret".utf8).write(to: URL(fileURLWithPath: folder.path("outside/file")))
    }

    private func path(_ path: String) -> RootedPath { RootedPath(root: root, path) }

    private func reason(_ body: () throws -> Void) -> FileError.Reason? {
        do {
            try body()
            return nil
        } catch {
            return (error as? FileError)?.reason
        }
    }

    @Test func whatIsWrittenIsReadAndMoved() throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try path("a/b").makeFolderAfterParent()
        let file = try path("a/b/file").open(.creating)
        try file.write(bytes)
        try file.write([1, 2, 3], at: 50)
        try file.sync()
        #expect(try file.read([49..<51, 52..<54]) == [bytes[49], 1, 3, bytes[53]])
        try path("a/b/file").rename(to: path("a/other"))
        try path("a").syncFolder()
        #expect(try path("a").names() == ["b", "other"])
        #expect(try path("a/other").fileByteCount() == bytes.count)
        var pieces: [UInt8] = []
        try path("a/other").open().forEachPiece(ofAtMost: 7_001) { offset, piece in
            #expect(offset == pieces.count)
            pieces += piece
        }
        #expect(try pieces == path("a/other").read())
        try path("a").removeTree()
        #expect(!path("a").exists)
        #expect(try path("a").status() == nil)
        #expect(try path("a").names().isEmpty)
    }

    @Test func readingBehindTheEndIsAnError() throws {
        try path("file").open(.creating).write([1, 2, 3])
        #expect(reason { _ = try path("file").open().read([1..<5]) } == .short)
    }

    @Test func theRootMayBeALink() throws {
        try path("file").open(.creating).write([7])
        let link = folder.path("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: root)
        #expect(try RootedPath(root: link, "file").read() == [7])
    }

    @Test(arguments: ["..", "../outside/file", "inner/../../outside/file", "./file", "", "a\0b"])
    func namesThatLeadOutAreRefused(name: String) {
        #expect(reason { _ = try path(name).open() } == .outside)
        #expect(reason { _ = try path(name).open(.creatingIfMissing) } == .outside)
        #expect(reason { try path(name).remove() } == .outside)
    }

    /// A link in the place of the file, and in the place of a folder on the way.
    @Test(arguments: ["link", "way/file", "way/new"]) func linksAreNotFollowed(name: String) throws
    {
        let outside = folder.path("outside")
        for (link, target) in [("link", outside + "/file"), ("way", outside)] {
            try FileManager.default.createSymbolicLink(
                atPath: root + "/" + link, withDestinationPath: target)
        }
        let path = path(name)
        #expect(path.exists == (name == "link"))
        for access in [OpenFile.Access.reading, .writing, .creatingIfMissing] {
            #expect(reason { _ = try path.open(access) } == .link)
        }
        if name != "link" {
            #expect(reason { try path.remove() } == .link)
            #expect(reason { try path.makeFolder() } == .link)
            #expect(reason { try self.path("inner").rename(to: path) } == .link)
            #expect(reason { _ = try path.parent.names() } == .link)
            #expect(reason { try path.parent.syncFolder() } == .link)
            #expect(reason { try path.parent.makeFolder() } == .link)
        } else {
            #expect(reason { try path.requireRegularIfPresent() } == .link)
        }
        try self.path("way").removeTree()
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["file"])
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: outside + "/file")) == Data("secret".utf8))
    }

    @Test func pipesAndFoldersAreRefusedWithoutWaiting() throws {
        #expect(mkfifo(root + "/pipe", 0o600) == 0)
        for access in [OpenFile.Access.reading, .writing, .creatingIfMissing] {
            #expect(reason { _ = try path("pipe").open(access) } == .notRegular)
            #expect(reason { _ = try OpenFile(root + "/pipe", access) } == .notRegular)
        }
        #expect(reason { try path("pipe").requireRegularIfPresent() } == .notRegular)
        #expect(reason { _ = try path("inner").open() } == .notRegular)
        #expect(reason { _ = try OpenFile("/dev/zero") } == .notRegular)
        try path("file").open(.creating).write([1])
        #expect(reason { _ = try path("file/below").open() } == .notFolder)
        #expect(reason { try path("file").makeFolder() } == .notFolder)
    }

    @Test func newFilesAndFoldersFollowTheMask() throws {
        let before = umask(0o027)
        defer { umask(before) }
        try path("shared").makeFolder()
        _ = try path("shared/file").open(.creating)
        let mode = { (path: String) in
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
        #expect(try mode(root + "/shared") == 0o750)
        #expect(try mode(root + "/shared/file") == 0o640)
    }

    @Test func oneAtATimeClaimsAFile() throws {
        let first = try path("lock").open(.creatingIfMissing)
        #expect(try first.claim())
        #expect(try !path("lock").open(.creatingIfMissing).claim())
    }
}

extension RootedPath {
    fileprivate func makeFolderAfterParent() throws {
        try parent.makeFolder()
        try makeFolder()
    }
}
