internal import Checkpoints

extension ZipArchive {
    static let localHeaderByteCount = 30

    /// Where the list of entries lies, from the end records of the file.
    struct Directory {
        let offset: Int
        let byteCount: Int
        let entryCount: Int
        let comment: [UInt8]

        private static let endByteCount = 22
        private static let endSignature: [UInt8] = [0x50, 0x4b, 0x05, 0x06]
        private static let locatorByteCount = 20
        private static let wideEndByteCount = 56
        private static let recordByteCount = 46
        /// A comment of 65,535 bytes may follow the end record.
        private static let longestTail = endByteCount + 0xffff

        init(of file: SourceFile) throws {
            let tail = min(file.byteCount, Self.longestTail)
            let base = file.byteCount - tail
            let bytes = try file.read(at: base, count: tail)
            guard let end = Self.endRecord(in: bytes) else {
                throw UserError.unreadable(
                    file.path, "it has no zip directory at its end",
                    advice: "the file may be cut short; copy it again")
            }
            do {
                try self.init(file: file, bytes: bytes, end: end, base: base)
            } catch is ByteCursor.Ended {
                throw UserError.unreadable(file.path, "its zip end record is cut short")
            }
        }

        private init(file: SourceFile, bytes: [UInt8], end: Int, base: Int) throws {
            var cursor = ByteCursor(bytes, at: end + 4)
            let disk = try cursor.number(UInt16.self)
            let directoryDisk = try cursor.number(UInt16.self)
            let here = try cursor.number(UInt16.self)
            let all = try cursor.number(UInt16.self)
            let size = try cursor.number(UInt32.self)
            let start = try cursor.number(UInt32.self)
            guard disk == directoryDisk, here == all, disk == 0 || disk == 0xffff else {
                throw UserError.unreadable(file.path, "it is one part of a divided zip archive")
            }
            var offset = Int(start)
            var byteCount = Int(size)
            var entryCount = Int(all)
            var limit = base + end
            let locator = end - Self.locatorByteCount
            if locator >= 0, Array(bytes[locator..<locator + 4]) == [0x50, 0x4b, 0x06, 0x07] {
                var cursor = ByteCursor(bytes, at: locator + 8)
                let position = try cursor.length64()
                let record = try file.read(at: position, count: Self.wideEndByteCount)
                guard Array(record[0..<4]) == [0x50, 0x4b, 0x06, 0x06] else {
                    throw UserError.unreadable(file.path, "its zip64 end record is missing")
                }
                var wide = ByteCursor(record, at: 32)
                entryCount = try wide.length64()
                byteCount = try wide.length64()
                offset = try wide.length64()
                limit = position
            }
            guard offset <= limit, byteCount <= limit - offset else {
                throw UserError.unreadable(
                    file.path,
                    "its zip directory of \(byteCount) bytes at \(offset) does not fit "
                        + "before byte \(limit)")
            }
            guard entryCount <= byteCount / Self.recordByteCount else {
                throw UserError.unreadable(
                    file.path,
                    "its zip directory of \(byteCount) bytes cannot hold the "
                        + "\(entryCount) entries it promises")
            }
            self.offset = offset
            self.byteCount = byteCount
            self.entryCount = entryCount
            comment = Array(bytes[(end + Self.endByteCount)...])
        }

        /// The position of the end record whose comment reaches exactly to the end of the file.
        private static func endRecord(in bytes: [UInt8]) -> Int? {
            guard bytes.count >= endByteCount else { return nil }
            for position in (0...bytes.count - endByteCount).reversed()
            where bytes[position] == 0x50 && bytes[position + 1] == 0x4b {
                let comment = Int(bytes[position + 20]) | Int(bytes[position + 21]) << 8
                if Array(bytes[position..<position + 4]) == endSignature,
                    position + endByteCount + comment == bytes.count
                {
                    return position
                }
            }
            return nil
        }
    }

    /// One row of the directory, as written.
    struct Record {
        let name: String
        let flags: UInt16
        let method: UInt16
        let checksum: UInt32
        let storedByteCount: Int
        let byteCount: Int
        let headerOffset: Int

        private static let signature: UInt32 = 0x0201_4b50
        private static let localSignature: [UInt8] = [0x50, 0x4b, 0x03, 0x04]
        private static let wide: UInt32 = 0xffff_ffff
        private static let encryptedFlag: UInt16 = 1
        /// Deflate codes at best 258 bytes in two bits.
        private static let largestDeflateRatio = 1032

        init(_ cursor: inout ByteCursor, file: SourceFile) throws {
            guard try cursor.number(UInt32.self) == Self.signature else {
                throw UserError.unreadable(file.path, "its zip directory holds something else")
            }
            try cursor.skip(4)
            flags = try cursor.number(UInt16.self)
            method = try cursor.number(UInt16.self)
            try cursor.skip(4)
            checksum = try cursor.number(UInt32.self)
            let stored = try cursor.number(UInt32.self)
            let size = try cursor.number(UInt32.self)
            let nameLength = Int(try cursor.number(UInt16.self))
            let extraLength = Int(try cursor.number(UInt16.self))
            let commentLength = Int(try cursor.number(UInt16.self))
            try cursor.skip(8)
            let offset = try cursor.number(UInt32.self)
            guard let name = String(validating: try cursor.take(nameLength), as: UTF8.self) else {
                throw UserError.unreadable(file.path, "the name of a zip entry is not UTF-8")
            }
            self.name = name
            var extra = try Self.wideFields(in: Array(try cursor.take(extraLength)))
            try cursor.skip(commentLength)
            // Zip64 gives, in this order, only the fields that did not fit.
            byteCount = size == Self.wide ? try extra.length64() : Int(size)
            storedByteCount = stored == Self.wide ? try extra.length64() : Int(stored)
            headerOffset = offset == Self.wide ? try extra.length64() : Int(offset)
        }

        private static func wideFields(in extra: [UInt8]) throws -> ByteCursor {
            var cursor = ByteCursor(extra)
            while cursor.remaining >= 4 {
                let kind = try cursor.number(UInt16.self)
                let field = try cursor.take(Int(try cursor.number(UInt16.self)))
                if kind == 1 { return ByteCursor(Array(field)) }
            }
            return ByteCursor([])
        }

        /// The entry with its bytes found, or what is wrong with it.
        func entry(in file: SourceFile, before limit: Int) throws -> Entry {
            func wrong(_ cause: String) -> UserError {
                .unreadable(file.path, "zip entry \(name) \(cause)")
            }
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            guard !name.isEmpty, !name.hasPrefix("/"), !parts.contains(".."),
                !name.contains("\\"), !name.utf8.contains(0)
            else { throw wrong("has a name that leads out of the archive") }
            guard flags & Self.encryptedFlag == 0 else { throw wrong("is encrypted") }
            guard let method = Method(rawValue: method) else {
                throw wrong("is compressed by method \(method); only stored and deflated are read")
            }
            guard headerOffset <= limit - ZipArchive.localHeaderByteCount else {
                throw wrong("begins at byte \(headerOffset), outside the file")
            }
            let header = try file.read(
                at: headerOffset, count: ZipArchive.localHeaderByteCount)
            guard Array(header[0..<4]) == Self.localSignature else {
                throw wrong("has no header at byte \(headerOffset)")
            }
            let nameLength = Int(header[26]) | Int(header[27]) << 8
            let extraLength = Int(header[28]) | Int(header[29]) << 8
            let start = headerOffset + ZipArchive.localHeaderByteCount + nameLength + extraLength
            guard start <= limit, storedByteCount <= limit - start else {
                throw wrong("of \(storedByteCount) bytes does not fit into the file")
            }
            let localName = try file.read(
                at: headerOffset + ZipArchive.localHeaderByteCount, count: nameLength)
            guard localName == Array(name.utf8) else {
                throw wrong("has another name in its header")
            }
            switch method {
            case .stored where byteCount != storedByteCount:
                throw wrong("is stored, but says \(byteCount) and \(storedByteCount) bytes")
            case .deflated
            where byteCount > storedByteCount.saturatingProduct(Self.largestDeflateRatio):
                throw wrong(
                    "says that \(storedByteCount) bytes inflate to \(byteCount), which is impossible"
                )
            default: break
            }
            return Entry(
                name: name, method: method, storedByteCount: storedByteCount,
                byteCount: byteCount, checksum: checksum, offset: start,
                headerOffset: headerOffset)
        }
    }
}
