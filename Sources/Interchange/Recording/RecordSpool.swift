package import Checkpoints
internal import Foundation
internal import Synchronization

/// A folder where the lines of a recorded run and its checkpoint files wait until they are stored.
///
/// The reader of a trainer's output writes here and never waits for the archive. What is here
/// survives the death of the recorder: the next one stores it.
package final class RecordSpool: Sendable {
    /// The folder of one recorded run.
    package let path: String
    private let lines: Int32
    private let copyCount = Mutex(0)

    private static let linesName = "lines.tsv"
    private static let descriptionName = "run.json"

    /// Makes the folder of a new run.
    package convenience init(path: String, run: RunDescription) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw UserError(
                .failure, subject: path, cause: "the folder cannot be made",
                advice: "check that the archive is writable")
        }
        try self.init(claiming: path)
        let text = RunText(run: run, status: .running, steps: [])
        let target = try TargetFile(path: path + "/" + Self.descriptionName, replacing: true)
        try target.write(Array(text.json(format: "cairn recording", version: 1).utf8))
        try target.commit()
    }

    /// Opens a folder that is there; nil-like errors mean that a living process holds it.
    private init(claiming path: String) throws {
        self.path = path
        lines = open(
            path + "/" + Self.linesName, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard lines >= 0, flock(lines, LOCK_EX | LOCK_NB) == 0 else {
            if lines >= 0 { close(lines) }
            throw UserError(.failure, subject: path, cause: "another process records this run")
        }
    }

    /// The folders that dead recorders left below a folder, each with its run.
    package static func abandoned(
        in folder: String
    ) throws -> [(spool: RecordSpool, run: RunDescription)] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            return []
        }
        return try names.sorted().compactMap { name in
            let path = "\(folder)/\(name)"
            guard let spool = try? RecordSpool(claiming: path),
                let file = try? SourceFile(path: path + "/" + descriptionName)
            else { return nil }
            let value = try JSONValue(
                file: file.path, bytes: try file.read(at: 0, count: file.byteCount))
            return (spool, try RunText(value, path: file.path).run)
        }
    }

    deinit { close(lines) }

    /// Keeps a line, and a copy of the checkpoint file it names, before the trainer can change it.
    ///
    /// The copy's path is the result; nil where the line names none, or a file that is not there.
    package func keep(_ line: [UInt8], checkpoint: String?) throws -> String? {
        var copy: String?
        if let checkpoint {
            let number = copyCount.withLock { count in
                count += 1
                return count
            }
            let suffix = (checkpoint as NSString).pathExtension
            let place = "\(path)/\(number).\(suffix.isEmpty ? "pt" : suffix)"
            try? FileManager.default.removeItem(atPath: place)
            if (try? FileManager.default.copyItem(atPath: checkpoint, toPath: place)) != nil {
                copy = place
            }
        }
        // The name of the copy goes in front, so that a later recorder finds it.
        let name = copy.map { ($0 as NSString).lastPathComponent } ?? ""
        try append(Array("\(name)\t".utf8) + line + [UInt8(ascii: "\n")])
        return copy
    }

    /// Writes down that the first `count` lines are stored for good.
    package func markStored(_ count: Int) throws { try append(Array("#\(count)\n".utf8)) }

    /// One write, so that a line of the reader and a mark of the storing thread never mix.
    private func append(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { write(lines, $0 + done, buffer.count - done) } ?? 0
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                throw UserError(
                    .failure, subject: path,
                    cause: "it cannot be written (\(String(cString: strerror(errno))))")
            }
            done += written
        }
    }

    /// Removes a copy that has been stored.
    package static func release(_ copy: String) { unlink(copy) }

    /// Removes the folder once everything in it has been stored.
    package func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// The complete lines of a recorder that died, with their copies, and how many of them it had
    /// stored.
    package func waiting() throws -> (lines: [(line: [UInt8], copy: String?)], storedCount: Int) {
        let file = try SourceFile(path: path + "/" + Self.linesName)
        let bytes = try file.read(at: 0, count: file.byteCount)
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return ([], 0) }
        var lines: [(line: [UInt8], copy: String?)] = []
        var storedCount = 0
        for row in bytes[..<end].split(separator: UInt8(ascii: "\n")) {
            if row.first == UInt8(ascii: "#") {
                let count = Int(String(decoding: row.dropFirst(), as: UTF8.self)) ?? 0
                storedCount = max(storedCount, count)
            } else if let tab = row.firstIndex(of: UInt8(ascii: "\t")) {
                let name = String(decoding: row[..<tab], as: UTF8.self)
                let copy = name.isEmpty || name.contains("/") ? nil : "\(path)/\(name)"
                lines.append((Array(row[(tab + 1)...]), copy))
            }
        }
        return (lines, min(storedCount, lines.count))
    }
}
