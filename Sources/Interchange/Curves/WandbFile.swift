internal import Checkpoints
internal import Foundation

/// The `.wandb` files of Weights & Biases: blocks of framed records, each a protocol buffer.
///
/// Curves come from the records of the history, settings and the run's name from that of the run.
/// What a later record of settings says goes before what an earlier one said.
enum WandbFile {
    private static let blockByteCount = 32_768
    private static let headByteCount = 7
    /// Nothing that is logged takes more.
    private static let largestRecordByteCount = 1 << 28

    static func isWandbFile(_ name: String) -> Bool {
        (name as NSString).pathExtension.lowercased() == "wandb"
    }

    static func part(_ file: SourceFile) throws -> RowTable.Part {
        var content = Content()
        do {
            try records(of: file) { try content.add($0) }
        } catch is ByteCursor.Ended {
            throw UserError.unreadable(file.path, "one of its records is no protocol buffer")
        }
        var part = RowTable.Part()
        part.name = content.name
        part.items = content.rows.curves(prefix: "")
        part.items += content.settings.map { FoundItem($0.key.label, .setting($0.value)) }
        if content.otherCount > 0 {
            part.items.append(
                FoundItem(
                    "", .leftOut("a record of the machine or of the program's output"),
                    count: content.otherCount))
        }
        return part
    }

    // MARK: - Records

    /// Hands over each record; one that the writer had not finished is left out.
    private static func records(
        of file: SourceFile, _ body: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        let start = try file.read(at: 0, count: min(file.byteCount, headByteCount))
        guard start.count == headByteCount, start.starts(with: Array(":W&B".utf8)) else {
            throw UserError.unreadable(file.path, "it is not a file of Weights & Biases")
        }
        var record: [UInt8] = []
        var isInside = false
        for base in stride(from: 0, to: file.byteCount, by: blockByteCount) {
            let block = try file.read(at: base, count: min(blockByteCount, file.byteCount - base))
            var cursor = ByteCursor(block, at: base == 0 ? headByteCount : 0)
            // Fewer bytes than a head fill up the block.
            while cursor.remaining >= headByteCount {
                let place = base + cursor.position
                let checksum = try cursor.number(UInt32.self)
                let count = Int(try cursor.number(UInt16.self))
                let kind = try cursor.byte()
                // Blocks are made of zeros before they are written.
                if kind == 0, count == 0, checksum == 0 { return }
                guard cursor.remaining >= count else {
                    if base + blockByteCount >= file.byteCount { return }
                    throw damaged(file, place)
                }
                let bytes = try cursor.take(count)
                let sum = ([kind] + bytes).withUnsafeBytes { Inflater.checksum(of: $0) }
                guard sum == checksum, (1...4).contains(kind) else {
                    throw damaged(file, place)
                }
                let begins = kind == 1 || kind == 2
                guard begins != isInside else { throw damaged(file, place) }
                if begins { record = [] }
                record += bytes
                guard record.count <= largestRecordByteCount else { throw damaged(file, place) }
                isInside = kind == 2 || kind == 3
                if !isInside { try body(record[...]) }
            }
        }
    }

    private static func damaged(_ file: SourceFile, _ place: Int) -> UserError {
        .unreadable(file.path, "the record at byte \(place) is damaged")
    }

    // MARK: - Their content

    private struct Content {
        var name: String?
        var rows = RowTable()
        var settings: [Value.Entry] = []
        /// Records of the machine, of output and of files.
        var otherCount = 0

        /// `Record`: history is field 2, config 5, run 17.
        mutating func add(_ record: ArraySlice<UInt8>) throws {
            var history: ArraySlice<UInt8>?
            var config: ArraySlice<UInt8>?
            var run: ArraySlice<UInt8>?
            try ProtocolBuffer.read(record) { field, value in
                guard case .bytes(let bytes) = value else { return }
                switch field {
                case 2: history = bytes
                case 5: config = bytes
                case 17: run = bytes
                default: break
                }
            }
            if let history {
                try addRow(history)
            } else if let config {
                try addSettings(config)
            } else if let run {
                try addRun(run)
            } else {
                otherCount += 1
            }
        }

        /// `HistoryRecord`: items are field 1, the step field 2 with its number in field 1.
        private mutating func addRow(_ bytes: ArraySlice<UInt8>) throws {
            var entries: [Value.Entry] = []
            var step: Int?
            try ProtocolBuffer.read(bytes) { field, value in
                guard case .bytes(let part) = value else { return }
                if field == 1, let entry = try Self.item(part) { entries.append(entry) }
                guard field == 2 else { return }
                step = 0
                try ProtocolBuffer.read(part) { field, value in
                    if field == 1, case .variable(let number) = value {
                        step = Int(Int64(bitPattern: number))
                    }
                }
            }
            if let step, !entries.contains(where: { $0.key.label == "_step" }) {
                entries.append(.init(key: .text("_step"), value: .integer(step)))
            }
            if !entries.isEmpty { rows.append(entries) }
        }

        /// `RunRecord`: config is field 4, the name that people see field 8.
        private mutating func addRun(_ bytes: ArraySlice<UInt8>) throws {
            var config: ArraySlice<UInt8>?
            try ProtocolBuffer.read(bytes) { field, value in
                guard case .bytes(let part) = value else { return }
                if field == 4 { config = part }
                if field == 8, !part.isEmpty { name = String(decoding: part, as: UTF8.self) }
            }
            if let config { try addSettings(config) }
        }

        /// `ConfigRecord`: changes are field 1.
        private mutating func addSettings(_ bytes: ArraySlice<UInt8>) throws {
            var found: [Value.Entry] = []
            try ProtocolBuffer.read(bytes) { field, value in
                guard field == 1, case .bytes(let part) = value, let entry = try Self.item(part),
                    entry.key.label != "_wandb"
                else { return }
                found.append(entry)
            }
            for entry in found {
                settings.removeAll { $0.key.label == entry.key.label }
                settings.append(entry)
            }
        }

        /// A key and its value: the key is field 1, or field 2 for each part of one; the value is
        /// field 16 as JSON, or one of the fields 3 to 8 by its type.
        private static func item(_ bytes: ArraySlice<UInt8>) throws -> Value.Entry? {
            var key: [String] = []
            var found: Value?
            try ProtocolBuffer.read(bytes) { field, value in
                switch (field, value) {
                case (1, .bytes(let text)) where !text.isEmpty:
                    key = [String(decoding: text, as: UTF8.self)]
                case (2, .bytes(let text)): key.append(String(decoding: text, as: UTF8.self))
                case (3, _): found = Value.none
                case (4, .variable(let flag)): found = .boolean(flag != 0)
                case (5, .variable(let number)): found = .integer(Int(Int64(bitPattern: number)))
                case (6, .fixed64(let bits)): found = .real(Double(bitPattern: bits))
                case (7, .bytes(let text)): found = .text(String(decoding: text, as: UTF8.self))
                case (8, .bytes(let text)), (16, .bytes(let text)): found = json(text)
                default: break
                }
            }
            guard !key.isEmpty, let found else { return nil }
            return .init(key: .text(key.joined(separator: ".")), value: found)
        }

        /// Python writes numbers that JSON does not have as they are.
        private static func json(_ bytes: ArraySlice<UInt8>) -> Value {
            let text = String(decoding: bytes, as: UTF8.self)
            if ["NaN", "Infinity", "-Infinity"].contains(text), let number = Double(text) {
                return .real(number)
            }
            return (try? JSONValue(parsing: bytes)).map(Value.init)
                ?? .opaque("a value that is no JSON")
        }
    }
}
