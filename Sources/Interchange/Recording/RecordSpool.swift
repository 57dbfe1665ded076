package import Checkpoints
internal import Foundation
internal import Synchronization

/// A folder where the lines of a recorded run and its checkpoint files wait until they are stored.
///
/// The reader of a trainer's output writes here and never waits for the archive. What is here
/// survives the death of the recorder: the next one stores it, from here alone. A name that the
/// trainer printed is looked up once, when its line comes; later it may be another file.
package final class RecordSpool: Sendable {
    /// What became of the file that a line names.
    package enum Copy: Sendable, Equatable {
        /// The path of its copy.
        case file(String)
        /// Why there is no copy.
        case failed(String)
    }

    /// The folder of one recorded run.
    package let path: String
    private let rows: RecordRows
    private let copyCount = Mutex(0)

    static let linesName = "lines.tsv"
    private static let descriptionName = "run.json"
    private static let begunName = "begun.json"
    /// Marks a row whose copy failed, in front of the cause.
    private static let failureMark = UInt8(ascii: "!")
    /// Marks a row that says how many lines are stored.
    private static let storedMark = UInt8(ascii: "#")

    /// Makes the folder of a new run.
    package convenience init(path: String, run: RunDescription) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw UserError(
                .failure, subject: path, cause: "the folder cannot be made",
                advice: "check that the archive is writable and has room")
        }
        try self.init(claiming: path)
        try write(run, to: Self.descriptionName)
    }

    /// Opens a folder that is there, unless a living process holds it.
    private init(claiming path: String) throws {
        self.path = path
        rows = try RecordRows(path: path + "/" + Self.linesName, folder: path)
    }

    private func write(_ run: RunDescription, to name: String) throws {
        let text = RunText(run: run, status: .running, steps: [])
        let target = try TargetFile(path: path + "/" + name, replacing: true)
        try target.write(Array(text.json(format: "cairn recording", version: 1).utf8))
        try target.commit()
    }

    private func description(_ name: String) throws -> RunDescription {
        let file = try SourceFile(path: path + "/" + name)
        let value = try JSONValue(
            file: file.path, bytes: try file.read(at: 0, count: file.byteCount))
        return try RunText(value, path: file.path).run
    }

    // MARK: - What dead recorders left

    /// The folders that dead recorders left below a folder, in the order of their names.
    package static func abandoned(in folder: String) -> [RecordSpool] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { name in
            let path = "\(folder)/\(name)"
            // Without its lines it is the beginning of a spool, or nothing of ours.
            guard FileManager.default.fileExists(atPath: path + "/" + linesName) else { return nil }
            return try? RecordSpool(claiming: path)
        }
    }

    /// What waits below a folder, as people are told of it; nothing is claimed or changed.
    package static func waiting(in folder: String) -> [(path: String, sentence: String)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { name in
            let path = "\(folder)/\(name)"
            let lines = open(path + "/" + linesName, O_RDONLY | O_CLOEXEC)
            guard lines >= 0 else { return nil }
            defer { close(lines) }
            // A living recorder holds its own.
            guard flock(lines, LOCK_EX | LOCK_NB) == 0 else { return nil }
            let rows = try? RecordRows.completeRows(SourceFile(path: path + "/" + linesName))
            let count = rows?.count { $0 == UInt8(ascii: "\n") } ?? 0
            return (
                path,
                "a recording of \(count) \(count == 1 ? "line" : "lines") waits to be stored: "
                    + "cairn record --recover"
            )
        }
    }

    /// The run that is recorded, as it was when the recorder started.
    package func run() throws -> RunDescription { try description(Self.descriptionName) }

    /// The description with which the run began in the archive; nil where it has not begun.
    package func begun() throws -> RunDescription? {
        guard FileManager.default.fileExists(atPath: path + "/" + Self.begunName) else {
            return nil
        }
        return try description(Self.begunName)
    }

    /// Keeps the description with which the run begins.
    package func keepBeginning(_ run: RunDescription) throws { try write(run, to: Self.begunName) }

    /// The complete lines of a recorder that died, with their copies, and how many of them it had
    /// stored.
    func waiting() throws -> (lines: [(line: [UInt8], copy: Copy?)], storedCount: Int) {
        let complete = try RecordRows.completeRows(SourceFile(path: path + "/" + Self.linesName))
        var lines: [(line: [UInt8], copy: Copy?)] = []
        var storedCount = 0
        for row in complete.split(separator: UInt8(ascii: "\n")) {
            if row.first == Self.storedMark {
                let count = Int(String(decoding: row.dropFirst(), as: UTF8.self)) ?? 0
                storedCount = max(storedCount, count)
            } else if let tab = row.firstIndex(of: UInt8(ascii: "\t")) {
                lines.append((Array(row[(tab + 1)...]), copy(row[..<tab])))
            }
        }
        return (lines, min(storedCount, lines.count))
    }

    private func copy(_ field: ArraySlice<UInt8>) -> Copy? {
        let text = String(decoding: field, as: UTF8.self)
        if text.isEmpty { return nil }
        if field.first == Self.failureMark { return .failed(String(text.dropFirst())) }
        return text.contains("/")
            ? .failed("its copy has the name \(text), which is none of a spool")
            : .file("\(path)/\(text)")
    }

    // MARK: - Keeping

    /// Keeps a line, and a copy of the checkpoint file it names, before the trainer can change it.
    ///
    /// It never fails: what does not fit on the disk waits in memory, and a copy that fails says why.
    func keep(_ line: [UInt8], checkpoint: String?) -> Copy? {
        let copy = checkpoint.map { name in
            let number = copyCount.withLock { count in
                count += 1
                return count
            }
            let suffix = (name as NSString).pathExtension
            let place = "\(path)/\(number).\(suffix.isEmpty ? "pt" : suffix)"
            do throws(FileCopy.Failure) {
                try FileCopy.make(of: name, at: place)
                return Copy.file(place)
            } catch {
                return .failed(error.cause)
            }
        }
        // The name of the copy goes in front, so that a later recorder finds it.
        let field: [UInt8] =
            switch copy {
            case nil: []
            case .file(let place)?: Array((place as NSString).lastPathComponent.utf8)
            case .failed(let cause)?:
                [Self.failureMark] + cause.utf8.map { $0 < 0x20 ? UInt8(ascii: " ") : $0 }
            }
        rows.append(field + [UInt8(ascii: "\t")] + line + [UInt8(ascii: "\n")])
        return copy
    }

    /// Writes down that the first `count` lines are stored for good.
    func markStored(_ count: Int) {
        rows.append([Self.storedMark] + Array(String(count).utf8) + [UInt8(ascii: "\n")])
    }

    /// Removes a copy that has been stored, or that never will be.
    func release(_ copy: Copy?) {
        if case .file(let place)? = copy { unlink(place) }
    }

    /// Writes what still waits in memory; answers the rows that are lost for want of room.
    func settle() -> Int { rows.settle() }

    /// Removes the folder once everything in it has been stored.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
