package import Checkpoints
internal import Foundation
internal import HDF5Files

/// Tensors in HDF5 files of other programs, and in a form that they can read.
package enum TensorHDF5 {
    /// The attribute that says what a dataset stands for where HDF5 itself has no such type.
    private static let typeAttribute = "element_type"
    private static let stepAttribute = "step"
    /// Nothing real nests deeper.
    private static let deepestGroup = 100
    /// More objects than this are not weights.
    private static let largestObjectCount = 100_000

    /// Everything numeric in a file: groups become dictionaries, datasets tensors.
    ///
    /// The library trusts what it reads: read files of strangers in a process of their own. Links
    /// to other files are refused; texts and other things that are no numbers are left out, and
    /// `leftOut` are their names. The attribute `step` of the file, a number or its text, becomes the
    /// entry `step`.
    package static func read(_ path: String) throws -> (value: Value, leftOut: [String]) {
        // A file that says more than it holds must not fill the memory.
        let limit = largestContent(of: try SourceFile(path: path))
        do {
            let file = try HDF5File(readingFrom: path)
            var reader = Reader(path: path, remainingBytes: limit)
            let root = try file.root()
            let value = try reader.group(root, depth: 0, name: "")
            // An attribute of another kind says nothing.
            let text = (try? root.textAttribute(stepAttribute)).flatMap { $0 }
            let number = (try? root.integerAttribute(stepAttribute)).flatMap { $0 }
            let step = text.flatMap { Int($0) } ?? number
            return (value.withStep(step), reader.leftOut)
        } catch let error as HDF5Error {
            let place = error.subject.hasPrefix(path) ? error.subject.dropFirst(path.count) : ""
            throw UserError.unreadable(
                path, place.isEmpty ? error.cause : "\(place.dropFirst()): \(error.cause)")
        }
    }

    /// The bytes that all arrays of a file may take.
    package static func largestContent(of file: SourceFile) -> Int {
        ZipArchive.largestContent(of: file)
    }

    private struct Reader {
        let path: String
        var remainingBytes: Int
        var objectCount = 0
        var leftOut: [String] = []

        mutating func group(
            _ group: borrowing HDF5Group, depth: Int, name place: String
        ) throws -> Value {
            guard depth < deepestGroup else {
                throw UserError.unreadable(path, "its groups nest deeper than \(deepestGroup)")
            }
            var entries: [Value.Entry] = []
            for name in try group.names() {
                objectCount += 1
                guard objectCount <= largestObjectCount else {
                    throw UserError.unreadable(
                        path, "it has more than \(largestObjectCount) objects")
                }
                guard try group.isOwn(name) else {
                    throw UserError.unreadable(
                        path, "\(name) is a link elsewhere, which is not followed")
                }
                switch try group.kind(name) {
                case .group:
                    let value = try self.group(
                        try group.group(name), depth: depth + 1, name: "\(place)\(name)/")
                    entries.append(.init(key: .text(name), value: value))
                case .dataset:
                    if let tensor = try tensor(name, in: group) {
                        entries.append(.init(key: .text(name), value: .tensor(tensor)))
                    } else {
                        leftOut.append(place + name)
                    }
                case .other: leftOut.append(place + name)
                }
            }
            return .dictionary(entries)
        }

        private mutating func tensor(
            _ name: String, in group: borrowing HDF5Group
        ) throws -> StoredTensor? {
            guard try group.holdsNumbers(name) else { return nil }
            let found = try group.foreignDataset(name)
            let stored = try found.dataset.textAttribute(typeAttribute)
                .flatMap(ElementType.init(rawValue:))
            guard let plain = found.isBoolean ? .bool : TensorHDF5.elementType(found.dataset.type)
            else { return nil }
            let type = stored.flatMap { $0.byteCount == plain.byteCount ? $0 : nil } ?? plain
            guard found.dataset.byteCount <= remainingBytes else {
                throw UserError.unreadable(
                    path, "its datasets would take more than \(remainingBytes) further bytes")
            }
            remainingBytes -= found.dataset.byteCount
            return StoredTensor(
                Tensor(
                    name: name, shape: found.dataset.shape, elementType: type,
                    bytes: try found.dataset.read()))
        }
    }

    private static func elementType(_ type: HDF5Type) -> ElementType? {
        switch type {
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        case .complex64: .complex64
        case .complex128: .complex128
        case .text, .record: nil
        }
    }

    /// HDF5 has neither truth values nor bfloat16: they are stored as `uint8` and `uint16`, and the
    /// attribute `element_type` says so.
    private static func stored(_ type: ElementType) -> HDF5Type {
        switch type {
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .uint8, .bool: .uint8
        case .uint16, .bfloat16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .float16: .float16
        case .float32: .float32
        case .float64: .float64
        case .complex64: .complex64
        case .complex128: .complex128
        }
    }

    /// Writes each tensor as one dataset of its name in the file's root, and reads them back; the
    /// metadata become attributes of the file.
    package static func write(
        _ tensors: [Tensor], metadata: [(key: String, value: String)] = [], to path: String,
        replacing: Bool = false
    ) throws {
        try TargetFile.write(to: path, replacing: replacing) { temporary in
            do {
                try HDF5File.create(temporary) { root in
                    for (key, value) in metadata { try root.setAttribute(key, value) }
                    for tensor in tensors {
                        let dataset = try root.createDataset(
                            tensor.name, type: stored(tensor.elementType), shape: tensor.shape)
                        try dataset.write(tensor.bytes)
                        if [.bool, .bfloat16].contains(tensor.elementType) {
                            try dataset.setAttribute(typeAttribute, tensor.elementType.rawValue)
                        }
                        try dataset.close()
                    }
                }
                let root = try HDF5File(readingFrom: temporary).root()
                for tensor in tensors {
                    let dataset = try root.dataset(tensor.name, type: stored(tensor.elementType))
                    guard dataset.shape == tensor.shape, try dataset.read() == tensor.bytes else {
                        throw UserError(
                            .failure, subject: path,
                            cause: "\(tensor.name) was not written as it was given",
                            advice: "check the disk")
                    }
                }
            } catch let error as HDF5Error {
                throw UserError.notWritten(path, error)
            }
        }
    }
}

extension UserError {
    /// A file that the HDF5 library could not write.
    fileprivate static func notWritten(_ path: String, _ error: HDF5Error) -> UserError {
        guard let code = error.systemCode else {
            return UserError(.failure, subject: path, cause: error.cause)
        }
        return UserError(
            .failure, subject: path, cause: "cannot write: \(String(cString: strerror(code)))",
            advice: [ENOSPC, EDQUOT].contains(code) ? "free some space and try again" : "")
    }
}
