package import Checkpoints

/// The safetensors format: a length, a JSON header, and one buffer that the tensors fill exactly.
package enum Safetensors {
    /// What a file holds.
    package struct Content: Sendable {
        /// In the order of the header.
        package let tensors: [(name: String, tensor: StoredTensor)]
        /// The texts under `__metadata__`.
        package let metadata: [(key: String, value: String)]

        /// The tensors as a dictionary.
        package var value: Value {
            .dictionary(tensors.map { .init(key: .text($0.name), value: .tensor($0.tensor)) })
        }

        /// The same with the step that the metadata name, as exported checkpoints do.
        var valueWithStep: Value {
            let step = metadata.first { $0.key == "step" }.flatMap { Int($0.value) }
            guard let step, value["step"] == nil, let entries = value.entries else { return value }
            return .dictionary(entries + [.init(key: .text("step"), value: .integer(step))])
        }
    }

    /// The format's own limit.
    package static let largestHeaderByteCount = 100_000_000
    private static let metadataKey = "__metadata__"

    static let types: [String: ElementType] = [
        "BOOL": .bool, "U8": .uint8, "I8": .int8, "U16": .uint16, "I16": .int16, "F16": .float16,
        "BF16": .bfloat16, "U32": .uint32, "I32": .int32, "F32": .float32, "C64": .complex64,
        "F64": .float64, "I64": .int64, "U64": .uint64,
    ]

    /// Reads the header and checks every size against the file; tensors are read on demand.
    package static func read(_ path: String) throws -> Content {
        try read(SourceFile(path: path))
    }

    package static func read(_ file: SourceFile) throws -> Content {
        let path = file.path
        func wrong(_ cause: String) -> UserError { .unreadable(path, cause) }
        guard file.byteCount >= 8 else { throw wrong("it is too short for a safetensors file") }
        var start = ByteCursor(try file.read(at: 0, count: 8))
        let headerByteCount = try start.number(UInt64.self)
        guard headerByteCount <= UInt64(largestHeaderByteCount) else {
            throw wrong(
                "it says that its header has \(headerByteCount) bytes; "
                    + "the format allows \(largestHeaderByteCount)")
        }
        guard headerByteCount <= UInt64(file.byteCount - 8) else {
            throw wrong("its header of \(headerByteCount) bytes goes beyond its end")
        }
        let headerEnd = 8 + Int(headerByteCount)
        let header = try file.read(at: 8, count: Int(headerByteCount))
        guard header.first == UInt8(ascii: "{") else {
            throw wrong("its header does not begin with {")
        }
        guard let entries = try Value(jsonFile: path, bytes: header).entries else {
            throw wrong("its header is not an object")
        }
        var tensors: [(name: String, tensor: StoredTensor)] = []
        var metadata: [(key: String, value: String)] = []
        var regions: [(range: Range<Int>, name: String)] = []
        for entry in entries {
            let name = entry.key.label
            if name == metadataKey {
                metadata = try texts(of: entry.value, path: path)
                continue
            }
            let (tensor, range) = try tensor(entry.value, name: name, file: file, base: headerEnd)
            tensors.append((name, tensor))
            regions.append((range, name))
        }
        try checkFilled(regions, file: file, base: headerEnd)
        return Content(tensors: tensors, metadata: metadata)
    }

    private static func texts(
        of value: Value, path: String
    ) throws -> [(key: String, value: String)] {
        guard let entries = value.entries else {
            throw UserError.unreadable(path, "its \(metadataKey) is not an object")
        }
        return try entries.map {
            guard let text = $0.value.textual else {
                throw UserError.unreadable(
                    path, "its \(metadataKey) entry \($0.key.label) is not a text")
            }
            return ($0.key.label, text)
        }
    }

    private static func tensor(
        _ value: Value, name: String, file: SourceFile, base: Int
    ) throws -> (StoredTensor, Range<Int>) {
        func wrong(_ cause: String) -> UserError {
            .unreadable(file.path, "its tensor \(name) \(cause)")
        }
        guard !name.isEmpty else { throw wrong("has an empty name") }
        guard let fields = value.entries,
            Set(fields.map(\.key.label)) == ["dtype", "shape", "data_offsets"],
            let code = value["dtype"]?.textual, let extents = value["shape"]?.elements,
            let offsets = value["data_offsets"]?.elements
        else { throw wrong("is not described by dtype, shape and data_offsets") }
        guard let type = types[code] else {
            throw wrong("has the element type \(code), which Cairn does not store")
        }
        let shape = extents.compactMap(\.whole)
        guard shape.count == extents.count,
            let byteCount = StoredTensor.byteCount(shape: shape, elementType: type)
        else { throw wrong("has an impossible shape") }
        guard offsets.count == 2, let begin = offsets[0].whole, let end = offsets[1].whole,
            begin >= 0, begin <= end, end <= file.byteCount - base
        else { throw wrong("lies outside the file") }
        guard end - begin == byteCount else {
            throw wrong(
                "takes \(end - begin) bytes, but \(shape) elements of \(code) take \(byteCount)")
        }
        let stored = StoredTensor(
            elementType: type, shape: shape, file: file, offset: base + begin)
        return (stored, begin..<end)
    }

    /// The format forbids overlaps, holes and bytes that belong to nothing: they can hide things.
    private static func checkFilled(
        _ regions: [(range: Range<Int>, name: String)], file: SourceFile, base: Int
    ) throws {
        var end = 0
        for (range, name) in regions.sorted(by: {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }) {
            guard range.lowerBound == end else {
                throw UserError.unreadable(
                    file.path,
                    range.lowerBound < end
                        ? "its tensor \(name) overlaps another"
                        : "it has \(range.lowerBound - end) unused bytes before tensor \(name)")
            }
            end = range.upperBound
        }
        guard end == file.byteCount - base else {
            throw UserError.unreadable(
                file.path, "it has \(file.byteCount - base - end) bytes that belong to no tensor")
        }
    }

    /// Writes a file that every safetensors library reads; the file appears whole or not at all.
    ///
    /// Errors: a complex128 tensor, for which the format has no code.
    package static func write(
        _ tensors: [Tensor], metadata: [(key: String, value: String)] = [], to path: String,
        replacing: Bool = false
    ) throws {
        // Wide elements first, so that every tensor begins at a multiple of its element.
        let ordered = tensors.sorted {
            ($1.elementType.byteCount, $0.name) < ($0.elementType.byteCount, $1.name)
        }
        var entries: [Value.Entry] = []
        if !metadata.isEmpty {
            let texts = metadata.map { Value.Entry(key: .text($0.key), value: .text($0.value)) }
            entries.append(.init(key: .text(metadataKey), value: .dictionary(texts)))
        }
        var offset = 0
        for tensor in ordered {
            guard let code = types.first(where: { $0.value == tensor.elementType })?.key else {
                throw UserError.usage(
                    subject: "tensor \(tensor.name)",
                    cause: "safetensors has no code for \(tensor.elementType)",
                    advice: "export to .npz or .h5")
            }
            guard tensor.name != metadataKey else {
                throw UserError.usage(
                    subject: "tensor \(tensor.name)", cause: "safetensors reserves this name")
            }
            let end = offset + tensor.bytes.count
            entries.append(
                .init(
                    key: .text(tensor.name),
                    value: .dictionary([
                        .init(key: .text("dtype"), value: .text(code)),
                        .init(key: .text("shape"), value: .list(tensor.shape.map(Value.integer))),
                        .init(
                            key: .text("data_offsets"),
                            value: .list([.integer(offset), .integer(end)])),
                    ])))
            offset = end
        }
        var header = Array(Value.dictionary(entries).json().utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        let target = try TargetFile(path: path, replacing: replacing)
        try target.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) })
        try target.write(header)
        for tensor in ordered { try target.write(tensor.bytes) }
        try target.commit()
    }
}
