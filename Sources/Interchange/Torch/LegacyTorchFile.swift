internal import Checkpoints
internal import Synchronization

/// Files that `torch.save` wrote before PyTorch 1.6, and still writes when it is told to: five pickles,
/// then each storage with its number of elements before it.
enum LegacyTorchFile {
    /// The number that opens such a file, as its pickle.
    static let magic: [UInt8] = [
        0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
    ]
    private static let version = 1001
    /// The pickles are small beside the storages: they are looked for in the first bytes, then in
    /// more of them.
    private static let firstByteCount = 1 << 20

    /// Where the elements of each storage begin, known once all pickles are read.
    private final class Offsets: Sendable {
        private let found = Mutex<[String: Int]>([:])

        func set(_ offsets: [String: Int]) { found.withLock { $0 = offsets } }

        func offset(of key: String) -> Int? { found.withLock { $0[key] } }
    }

    static func read(_ file: SourceFile) throws -> Value {
        var count = min(file.byteCount, firstByteCount)
        while true {
            do {
                return try read(file, prefix: try file.read(at: 0, count: count))
            } catch let ended as ByteCursor.Ended {
                guard count < file.byteCount else {
                    throw UserError.unreadable(
                        file.path, "its pickle ends early, at byte \(ended.position)")
                }
                count = min(file.byteCount, count.saturatingProduct(8))
            } catch let problem as PickleMachine.Problem {
                throw UserError.unreadable(file.path, problem.cause, advice: problem.advice)
            }
        }
    }

    private static func read(_ file: SourceFile, prefix: [UInt8]) throws -> Value {
        let offsets = Offsets()
        var storages: [String: TorchStorage] = [:]
        var machine = PickleMachine(prefix, largestContent: ZipArchive.largestContent(of: file)) {
            view in
            if let known = storages[view.storage.key], known != view.storage {
                throw PickleMachine.Problem(
                    cause: "storage \(view.storage.key) is described in two ways")
            }
            storages[view.storage.key] = view.storage
            return try tensor(view, file: file, offsets: offsets)
        }
        // The magic number, the version of the format, and what machine wrote it.
        _ = try machine.run()
        guard try machine.run().whole == version else {
            throw PickleMachine.Problem(cause: "it has an unknown version of PyTorch's old format")
        }
        let system = try machine.run()
        if case .boolean(false)? = system["little_endian"] {
            throw PickleMachine.Problem(
                cause: "its numbers are big-endian", advice: "save it again on this machine")
        }
        let content = try machine.run()
        let keys = try machine.run().elements?.compactMap(\.textual) ?? []
        var position = machine.position
        var found: [String: Int] = [:]
        for key in keys {
            var head = ByteCursor(try file.read(at: position, count: 8))
            let count = try head.number(Int64.self)
            position += 8
            guard let storage = storages[key] else {
                // Nothing looks at it, so nothing says how wide its elements are.
                throw PickleMachine.Problem(cause: "no tensor uses storage \(key)")
            }
            guard count == storage.count else {
                throw PickleMachine.Problem(
                    cause: "storage \(key) has \(count) elements, but its tensors count on "
                        + "\(storage.count)")
            }
            let byteCount = storage.count.saturatingProduct(storage.width)
            guard byteCount <= file.byteCount - position else {
                throw PickleMachine.Problem(cause: "storage \(key) goes beyond the end of the file")
            }
            found[key] = position
            position += byteCount
        }
        if let missing = storages.keys.sorted().first(where: { found[$0] == nil }) {
            throw PickleMachine.Problem(cause: "storage \(missing) is missing")
        }
        offsets.set(found)
        return content
    }

    private static func tensor(
        _ view: TorchView, file: SourceFile, offsets: Offsets
    ) throws -> StoredTensor {
        guard case .known(let type) = view.elementType else {
            throw PickleMachine.Problem(cause: "it holds a tensor without an element type")
        }
        let key = view.storage.key
        let byteCount = view.storage.count.saturatingProduct(view.storage.width)
        guard byteCount <= file.byteCount else {
            throw PickleMachine.Problem(
                cause: "storage \(key) says it has \(byteCount) bytes, more than the file")
        }
        let storage = StridedView.Storage(elementCount: byteCount / type.byteCount) {
            offset, buffer in
            guard let start = offsets.offset(of: key) else {
                throw UserError.unreadable(file.path, "storage \(key) is missing")
            }
            try file.read(at: start + offset, into: buffer)
        }
        let result = StridedView(
            elementType: type, shape: view.shape, strides: view.strides, offset: view.offset,
            storage: storage)
        guard let result else {
            throw PickleMachine.Problem(
                cause: "a tensor of shape \(view.shape), strides \(view.strides) and offset "
                    + "\(view.offset) reaches outside storage \(key)")
        }
        return StoredTensor(view: result)
    }
}

extension TorchStorage {
    /// The bytes of one of its elements.
    var width: Int {
        switch elementType {
        case .known(let type): type.byteCount
        case .untyped, .foreign: 1
        }
    }
}
