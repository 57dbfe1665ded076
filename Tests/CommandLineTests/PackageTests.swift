import Foundation
import TestSupport
import Testing

@testable import cairn

/// What goes into the Debian package beside the program.
@Suite struct PackageTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let manual = ["/usr/bin/man"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    /// A package to try on a Debian made for it, which takes minutes, the network and root.
    private static let package = ProcessInfo.processInfo.environment["CAIRN_PACKAGE"]

    @Test func everyCommandHasAManualPage() throws {
        let folder = try TemporaryFolder()
        let made = try run(
            "/bin/sh",
            [
                "-c",
                "'\(cairnExecutable())' --experimental-dump-help | '\(Self.root)/.ci/man-pages' "
                    + "'\(folder.url.path)' 1.2.3",
            ])
        try #require(made.exitCode == 0, "\(made.error)")
        let pages = Set(try FileManager.default.contentsOfDirectory(atPath: folder.url.path))
        let hidden: Set = ["help", "inspect-file", "read-hdf5"]
        for name in Cairn.commandNames where !hidden.contains(name) {
            #expect(pages.contains("cairn-\(name).1"), "\(name)")
        }
        #expect(pages.contains("cairn.1") && pages.contains("cairn-analyze-hessian.1"))
        let train = try String(contentsOfFile: folder.path("cairn-train.1"), encoding: .utf8)
        #expect(train.contains("cairn 1.2.3") && train.contains("\\fB\\-\\-weight\\-decay\\fR"))
        guard let manual = Self.manual else { return }
        for page in ["cairn.1", "cairn-train.1", "cairn-sweep.1"] {
            let shown = try run(
                manual, ["--warnings", "-l", folder.path(page)],
                environment: ["LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANWIDTH": "80"])
            #expect(shown.exitCode == 0 && shown.error.isEmpty, "\(page): \(shown.error)")
        }
    }

    @Test(.enabled(if: package != nil, "CAIRN_PACKAGE names no package"))
    func thePackageRunsOnAFreshDebian() throws {
        let result = try run(
            "/bin/bash", ["\(Self.root)/.ci/try-package", try #require(Self.package)])
        #expect(result.exitCode == 0, "\(result.output) \(result.error)")
        #expect(result.output.hasSuffix("installed and used\n"))
    }
}
