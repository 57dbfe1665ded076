internal import Checkpoints

/// The directory of a zip file whose entries are stored or deflated, as PyTorch and NumPy write.
///
/// Everything is checked before anything is handed out: entries may neither overlap nor reach
/// outside the file, names are unique and stay below the archive, sizes are possible.
struct ZipArchive: Sendable {
    /// One file inside the archive.
    struct Entry: Sendable {
        let name: String
        let method: Method
        /// Bytes in the archive.
        let storedByteCount: Int
        /// Bytes after inflating.
        let byteCount: Int
        let checksum: UInt32
        /// Where the stored bytes begin.
        let offset: Int
        /// Where the header before them begins.
        let headerOffset: Int
    }

    /// How an entry is compressed.
    enum Method: UInt16, Sendable {
        case stored = 0
        case deflated = 8
    }

    let file: SourceFile
    let entries: [Entry]
    /// What whoever wrote the archive says about it, behind the directory.
    let comment: [UInt8]
    private let positions: [String: Int]

    /// No entry, and no file as a whole, inflates beyond the larger of these two.
    static let freelyInflatedByteCount = 64 << 20
    static let largestInflation = 64

    /// The bytes that everything in a file may take in memory.
    static func largestContent(of file: SourceFile) -> Int {
        max(freelyInflatedByteCount, file.byteCount.saturatingProduct(largestInflation))
    }

    /// Whether a file begins like a zip archive.
    static func isZip(_ file: SourceFile) -> Bool {
        (try? file.read(at: 0, count: 4)) == [0x50, 0x4b, 0x03, 0x04]
    }

    init(_ file: SourceFile) throws {
        self.file = file
        let directory = try Directory(of: file)
        comment = directory.comment
        var entries: [Entry] = []
        var positions: [String: Int] = [:]
        var cursor = ByteCursor(try file.read(at: directory.offset, count: directory.byteCount))
        var content = 0
        do {
            for _ in 0..<directory.entryCount {
                let record = try Record(&cursor, file: file)
                let entry = try record.entry(in: file, before: directory.offset)
                guard positions.updateValue(entries.count, forKey: entry.name) == nil else {
                    throw UserError.unreadable(file.path, "two entries are named \(entry.name)")
                }
                content = content.saturatingSum(entry.byteCount)
                entries.append(entry)
            }
        } catch let ended as ByteCursor.Ended {
            throw UserError.unreadable(
                file.path,
                "its zip directory ends inside entry \(entries.count + 1) "
                    + "(byte \(directory.offset + ended.position))")
        }
        guard content <= Self.largestContent(of: file) else {
            throw UserError.unreadable(
                file.path,
                "it says that its \(file.byteCount) bytes inflate to \(content), "
                    + "more than \(Self.largestInflation) times as much",
                advice: "save it without compression if that is true")
        }
        try Self.checkDisjoint(entries, file: file)
        self.entries = entries
        self.positions = positions
    }

    subscript(_ name: String) -> Entry? { positions[name].map { entries[$0] } }

    private static func checkDisjoint(_ entries: [Entry], file: SourceFile) throws {
        let ordered = entries.sorted { $0.offset < $1.offset }
        for (first, second) in zip(ordered, ordered.dropFirst())
        where first.offset + first.storedByteCount > second.headerOffset {
            throw UserError.unreadable(
                file.path, "entries \(first.name) and \(second.name) overlap")
        }
    }

    /// At most the first `prefix` bytes of an entry, inflated; nothing can be checked then.
    func read(_ entry: Entry, prefix: Int) throws -> [UInt8] {
        switch entry.method {
        case .stored: try file.read(at: entry.offset, count: min(prefix, entry.byteCount))
        case .deflated: try Inflater.inflate(entry, of: file, prefix: prefix)
        }
    }

    /// The bytes of an entry, inflated and checked against its size and checksum.
    func read(_ entry: Entry) throws -> [UInt8] {
        let bytes =
            switch entry.method {
            case .stored: try file.read(at: entry.offset, count: entry.byteCount)
            case .deflated: try Inflater.inflate(entry, of: file)
            }
        // PyTorch can be told not to compute checksums; it then writes zeros.
        guard entry.checksum == 0 || Inflater.checksum(of: bytes) == entry.checksum else {
            throw UserError.unreadable(
                file.path, "entry \(entry.name) is damaged (its checksum differs)")
        }
        return bytes
    }
}

extension Int {
    /// The sum, or the largest number when it would overflow.
    func saturatingSum(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The product, or the largest number when it would overflow.
    func saturatingProduct(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
