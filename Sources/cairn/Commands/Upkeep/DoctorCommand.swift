internal import ArchiveQueries
internal import ArchiveSchema
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Interchange
internal import Training

/// `cairn doctor`: what the program runs on, and what to know about it.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tell versions, processor, file system, and what to know about them.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    func run() throws {
        var facts: [(String, String, String)] = [("cairn", programVersion, "")]
        for (name, version) in ProgramVersions.current.sorted(by: { $0.key < $1.key }) {
            facts.append((name, version, ""))
        }
        facts += processor
        facts += archive()
        try rows.writer().write(
            columns: ["item", "value", "note"],
            rows: facts.map { [.text($0.0), .text($0.1), .text($0.2)] })
    }

    private var processor: [(String, String, String)] {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        func field(_ name: String) -> String? {
            text.split(separator: "\n").first { $0.hasPrefix(name) }
                .flatMap { $0.split(separator: ":", maxSplits: 1).last }
                .map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let flags = Set((field("flags") ?? "").split(separator: " ").map(String.init))
        let vectors = ["sse4_2", "avx", "avx2", "fma", "avx512f"].filter(flags.contains)
        let information = ProcessInfo.processInfo
        return [
            ("processor", field("model name") ?? "unknown", ""),
            ("cores", String(information.activeProcessorCount), ""),
            (
                "vector instructions", vectors.joined(separator: " "),
                flags.isEmpty || flags.contains("avx2") ? "" : "training is slow without avx2"
            ),
            ("memory", NumberText.bytes(Int(information.physicalMemory)), ""),
        ]
    }

    private func archive() -> [(String, String, String)] {
        let path = common.archivePath
        var facts = [("archive", path, "")]
        do {
            let archive = try ArchiveAccess(common).openReadOnly()
            let session = try ArchiveAccess(common).session()
            let versions = try session.rows("SELECT sqlite_version()")
            let version = versions.first.flatMap { $0[0].string } ?? ""
            facts.append(("sqlite", version, DoctorCommand.note(onSQLite: version)))
            facts.append(
                (
                    "file system", archive.storage.rawValue,
                    archive.storage == .network
                        ? "the index uses a rollback journal; readers wait while a writer commits"
                        : ""
                ))
            facts.append(("index version", String(ArchiveSchema.currentVersion), ""))
            facts.append(("runs", String(try archive.runIDs().count), ""))
            for (path, sentence) in RecordSpool.waiting(in: archive.paths.root + "/spool") {
                facts.append(("waiting", path, sentence))
            }
        } catch {
            facts.append(("archive state", "not readable", "\(error)"))
        }
        let attributes = try? FileManager.default.attributesOfFileSystem(
            forPath: FileManager.default.fileExists(atPath: path) ? path : ".")
        if let free = attributes?[.systemFreeSize] as? NSNumber {
            facts.append(("free space", NumberText.bytes(free.intValue), ""))
        }
        return facts
    }

    /// Versions before 3.51.3 can corrupt a write-ahead log that two connections reset at once.
    private static func note(onSQLite version: String) -> String {
        let parts = version.split(separator: ".").compactMap { Int($0) }
        let isFixed = !parts.lexicographicallyPrecedes([3, 51, 3])
        return isFixed
            ? ""
            : "has the WAL-reset bug (fixed in 3.51.3); Cairn checkpoints the log only under its "
                + "own lock, so keep other programs from writing to index.sqlite"
    }
}
