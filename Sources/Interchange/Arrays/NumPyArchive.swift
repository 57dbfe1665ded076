package import Checkpoints

extension Value {
    /// The same arrays with the step that the comment of their archive names, as exported
    /// checkpoints do.
    func withStep(of comment: [UInt8]) -> Value {
        let metadata = (try? JSONValue(parsing: comment)).map(Value.init)
        return withStep(metadata?["step"]?.textual.flatMap { Int($0) })
    }

    /// The same entries with a step, where they have none themselves.
    package func withStep(_ step: Int?) -> Value {
        guard let step, self["step"] == nil, let entries else { return self }
        return .dictionary(entries + [.init(key: .text("step"), value: .integer(step))])
    }
}

/// Several arrays in NumPy's `.npz` format: a zip archive of `.npy` entries.
package enum NumPyArchive {
    /// The arrays by name, in the order of the file.
    package static func read(_ path: String) throws -> Value {
        try read(SourceFile(path: path))
    }

    /// The arrays with the step that the comment of the archive names.
    package static func readWithStep(_ file: SourceFile) throws -> Value {
        let value = try read(file)
        return try isEmpty(file) ? value : value.withStep(of: ZipArchive(file).comment)
    }

    package static func read(_ file: SourceFile) throws -> Value {
        let path = file.path
        if try isEmpty(file) { return .dictionary([]) }
        guard ZipArchive.isZip(file) else {
            throw UserError.unreadable(path, "it is not an .npz file")
        }
        let archive = try ZipArchive(file)
        return .dictionary(
            try archive.entries.map { entry in
                guard entry.name.hasSuffix(".npy") else {
                    throw UserError.unreadable(path, "its entry \(entry.name) is not an array")
                }
                return .init(
                    key: .text(String(entry.name.dropLast(4))),
                    value: try value(entry, of: archive))
            })
    }

    /// Whether a file is an archive without entries, which is nothing but its end.
    private static func isEmpty(_ file: SourceFile) throws -> Bool {
        let end: [UInt8] = [0x50, 0x4b, 0x05, 0x06]
        guard file.byteCount == 22 else { return false }
        return try file.read(at: 0, count: 4) == end
    }

    private static func value(
        _ entry: ZipArchive.Entry, of archive: ZipArchive
    ) throws -> Value {
        let path = archive.file.path
        let start = try archive.read(
            entry, prefix: 12 + NumPyArray.largestHeaderByteCount)
        let header = try NumPyArray.Header(start, path: path, what: "entry \(entry.name)")
        guard case .numbers(let layout) = header.elements else {
            return try header.value(
                path: path, largestContent: ZipArchive.largestContent(of: archive.file)
            ) {
                Array(try archive.read(entry).dropFirst(header.byteCount))
            }
        }
        return .tensor(try tensor(entry, header: header, layout: layout, of: archive))
    }

    private static func tensor(
        _ entry: ZipArchive.Entry, header: NumPyArray.Header, layout: ArrayLayout,
        of archive: ZipArchive
    ) throws -> StoredTensor {
        let path = archive.file.path
        guard layout.byteCount == entry.byteCount - header.byteCount else {
            throw UserError.unreadable(
                path,
                "the \(entry.byteCount - header.byteCount) bytes of entry \(entry.name) do "
                    + "not fill the shape \(layout.shape)")
        }
        if entry.method == .stored,
            let tensor = layout.tensor(in: archive.file, at: entry.offset + header.byteCount)
        {
            return tensor
        }
        return StoredTensor(elementType: layout.type.elementType, shape: layout.shape) {
            var bytes = try archive.read(entry)
            bytes.removeFirst(header.byteCount)
            return try layout.tensor(of: bytes)?.load(named: entry.name).bytes ?? []
        }
    }

    /// Writes arrays without compression, as `numpy.savez` does.
    ///
    /// The metadata are the archive's comment, a JSON object of texts, which other readers ignore.
    /// Errors: a name that cannot be the name of a zip entry.
    package static func write(
        _ tensors: [Tensor], metadata: [(key: String, value: String)] = [], to path: String,
        replacing: Bool = false
    ) throws {
        var writer = ZipWriter(try TargetFile(path: path, replacing: replacing))
        for tensor in tensors {
            try writer.append(
                name: tensor.name + ".npy", parts: [NumPyArray.header(of: tensor), tensor.bytes])
        }
        let comment = Value.object(metadata.map { ($0.key, .text($0.value)) })
        try writer.finish(comment: metadata.isEmpty ? [] : Array(comment.json().utf8))
    }
}
