package import Checkpoints

/// One array in NumPy's `.npy` format.
package enum NumPyArray {
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// NumPy itself refuses longer headers.
    static let largestHeaderByteCount = 1 << 16

    /// The array of a `.npy` file, read on demand.
    package static func read(_ path: String) throws -> StoredTensor {
        try read(SourceFile(path: path))
    }

    package static func read(_ file: SourceFile) throws -> StoredTensor {
        let header = try header(of: file)
        let layout = try header.layout(path: file.path, what: "it")
        guard let tensor = layout.tensor(in: file, at: header.byteCount),
            layout.byteCount == file.byteCount - header.byteCount
        else {
            throw UserError.unreadable(
                file.path,
                "its \(file.byteCount - header.byteCount) bytes do not fill the shape "
                    + "\(layout.shape)")
        }
        return tensor
    }

    private static func header(of file: SourceFile) throws -> Header {
        let start = try file.read(at: 0, count: min(file.byteCount, 12 + largestHeaderByteCount))
        return try Header(start, path: file.path, what: "it")
    }

    /// What a file holds: a tensor, or the texts or objects of an array that has no numbers.
    static func value(_ file: SourceFile) throws -> Value {
        let header = try header(of: file)
        guard case .numbers = header.elements else {
            return try header.value(path: file.path, largestContent: file.byteCount) {
                try file.read(
                    at: header.byteCount, count: max(0, file.byteCount - header.byteCount))
            }
        }
        return .tensor(try read(file))
    }

    static func isArray(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

    /// What stands before the elements.
    struct Header {
        /// What the elements are.
        enum Elements {
            case numbers(ArrayLayout)
            case text(ArrayText)
            /// A pickle follows.
            case objects
            case other(String)
        }

        let elements: Elements
        /// Where the elements begin.
        let byteCount: Int

        /// An array of more texts is data of its own, not a description of a run.
        private static let largestTextByteCount = 1 << 20

        /// The layout of numbers; an error for everything else.
        func layout(path: String, what: String) throws -> ArrayLayout {
            switch elements {
            case .numbers(let layout): return layout
            case .objects:
                throw UserError.unreadable(
                    path, "\(what) holds Python objects, which are never loaded")
            case .text:
                throw UserError.unreadable(path, "\(what) has elements of text, not numbers")
            case .other(let code):
                throw UserError.unreadable(
                    path, "\(what) has elements of type \(code), which are not numbers")
            }
        }

        /// An array without numbers as a list; opaque where it is neither text nor a pickle that the
        /// restricted machine reads.
        func value(
            path: String, largestContent: Int, bytes: () throws -> [UInt8]
        ) throws -> Value {
            switch elements {
            case .numbers: return .opaque("an array")
            case .other(let code): return .opaque("an array of elements of type \(code)")
            case .text(let text):
                let content = try bytes()
                guard content.count <= Self.largestTextByteCount,
                    let texts = text.texts(in: content)
                else { return .opaque("an array of texts in \(content.count) bytes") }
                return .list(texts.map(Value.text))
            case .objects:
                do {
                    return try PickleFile.value(of: try bytes(), largestContent: largestContent)
                } catch let problem as PickleMachine.Problem {
                    return .opaque("an array of Python objects (\(problem.cause))")
                } catch is ByteCursor.Ended {
                    return .opaque("an array of Python objects that ends early")
                }
            }
        }

        /// Reads a header; `what` names the array inside `path` in errors.
        init(_ bytes: [UInt8], path: String, what: String) throws {
            func wrong(_ cause: String) -> UserError { .unreadable(path, "\(what) \(cause)") }
            guard isArray(bytes), bytes.count >= 10 else { throw wrong("is not a NumPy array") }
            let isWide = bytes[6] >= 2
            guard (1...3).contains(bytes[6]), !isWide || bytes.count >= 12 else {
                throw wrong("has version \(bytes[6]) of the format; 1 to 3 are read")
            }
            var length = Int(bytes[8]) | Int(bytes[9]) << 8
            if isWide { length |= Int(bytes[10]) << 16 | Int(bytes[11]) << 24 }
            let start = isWide ? 12 : 10
            guard length <= largestHeaderByteCount, start + length <= bytes.count else {
                throw wrong("has a header of \(length) bytes, which is too long")
            }
            let text = String(decoding: bytes[start..<start + length], as: UTF8.self)
            var literal = PythonLiteral(text)
            guard let fields = try? literal.dictionary(),
                let description = fields["descr"], let isFortran = fields["fortran_order"]?.flag,
                let shape = fields["shape"]?.tuple, fields.count == 3
            else { throw wrong("has a header that is not understood") }
            guard case .text(let code) = description, let mark = code.first else {
                throw wrong("has elements of several fields; only plain numbers are read")
            }
            byteCount = start + length
            let kind = String(code.dropFirst())
            if let type = ArrayLayout.ElementCode(order: String(mark), code: kind) {
                let layout = ArrayLayout(type: type, shape: shape, isFortranOrder: isFortran)
                guard layout.byteCount != nil else {
                    throw wrong("has an impossible shape \(shape)")
                }
                elements = .numbers(layout)
            } else if kind == "O" {
                elements = .objects
            } else if mark != ">", let text = ArrayText(code: kind) {
                elements = .text(text)
            } else {
                elements = .other(code)
            }
        }
    }

    /// The bytes before the elements, padded so that these begin at a multiple of 64.
    ///
    /// NumPy has no bfloat16: it is written as `V2`, as the `ml_dtypes` package of JAX does.
    static func header(of tensor: Tensor) -> [UInt8] {
        let code = ArrayLayout.ElementCode.code(of: tensor.elementType)
        let mark = code == "V2" || tensor.elementType.byteCount == 1 ? "|" : "<"
        let extents =
            tensor.shape.map(String.init).joined(separator: ", ")
            + (tensor.shape.count == 1 ? "," : "")
        let text = "{'descr': '\(mark)\(code)', 'fortran_order': False, 'shape': (\(extents)), }"
        let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
        let length = text.utf8.count + padding + 1
        return magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(text.utf8)
            + [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
    }

    /// Writes one array as a `.npy` file.
    package static func write(_ tensor: Tensor, to path: String, replacing: Bool = false) throws {
        let target = try TargetFile(path: path, replacing: replacing)
        try target.write(header(of: tensor))
        try target.write(tensor.bytes)
        try target.commit()
    }
}

/// The few Python literals that appear in a `.npy` header.
private struct PythonLiteral {
    enum Item {
        case text(String)
        case flag(Bool)
        case tuple([Int])
        case other

        var flag: Bool? {
            guard case .flag(let flag) = self else { return nil }
            return flag
        }

        var tuple: [Int]? {
            guard case .tuple(let numbers) = self else { return nil }
            return numbers
        }
    }

    struct Unknown: Error {}

    private var rest: Substring

    init(_ text: String) { rest = text[...] }

    mutating func dictionary() throws -> [String: Item] {
        try expect("{")
        var fields: [String: Item] = [:]
        while !accept("}") {
            guard case .text(let key) = try item() else { throw Unknown() }
            try expect(":")
            guard fields.updateValue(try item(), forKey: key) == nil else { throw Unknown() }
            if !accept(",") {
                try expect("}")
                break
            }
        }
        guard rest.allSatisfy(\.isWhitespace) else { throw Unknown() }
        return fields
    }

    private mutating func accept(_ character: Character) -> Bool {
        rest = rest.drop(while: \.isWhitespace)
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func expect(_ character: Character) throws {
        guard accept(character) else { throw Unknown() }
    }

    private mutating func item() throws -> Item {
        rest = rest.drop(while: \.isWhitespace)
        if let quote = rest.first, quote == "'" || quote == "\"" {
            rest.removeFirst()
            let text = rest.prefix { $0 != quote }
            guard text.endIndex < rest.endIndex else { throw Unknown() }
            rest = rest[rest.index(after: text.endIndex)...]
            return .text(String(text))
        }
        if accept("(") {
            var numbers: [Int] = []
            while !accept(")") {
                let digits = rest.drop(while: \.isWhitespace).prefix { $0.isNumber }
                guard let number = Int(digits) else { throw Unknown() }
                rest = rest[digits.endIndex...]
                // Python 2 wrote long numbers as 3L.
                _ = accept("L")
                numbers.append(number)
                if !accept(",") {
                    try expect(")")
                    break
                }
            }
            return .tuple(numbers)
        }
        for (word, flag) in [("True", true), ("False", false)] where rest.hasPrefix(word) {
            rest.removeFirst(word.count)
            return .flag(flag)
        }
        // A list of fields: the header is known to be of no use here, the rest is not read.
        guard accept("[") else { throw Unknown() }
        guard let end = rest.lastIndex(of: "]") else { throw Unknown() }
        rest = rest[rest.index(after: end)...]
        return .other
    }
}
