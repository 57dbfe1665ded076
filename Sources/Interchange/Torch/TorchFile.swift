internal import Checkpoints

/// Files that `torch.save` writes: since PyTorch 1.6 a zip archive of a pickle and its storages, before
/// that `LegacyTorchFile`.
package enum TorchFile {
    /// What the file holds; tensors are read when they are asked for.
    ///
    /// The pickle is read as data: tensors, numbers, texts, lists and dictionaries. Anything else is
    /// opaque or the dictionary of its attributes, and nothing is ever executed.
    package static func read(_ path: String) throws -> Value {
        try read(SourceFile(path: path))
    }

    package static func read(_ file: SourceFile) throws -> Value {
        let path = file.path
        if try isLegacy(file) { return try LegacyTorchFile.read(file) }
        try refuseOtherFormats(file)
        let archive = try ZipArchive(file)
        guard let pickle = archive.entries.first(where: isPickle) else {
            throw UserError.unreadable(path, "it has no data.pkl, so PyTorch did not write it")
        }
        let folder = pickle.name.dropLast("data.pkl".count)
        if let order = archive["\(folder)byteorder"], order.byteCount <= 16,
            try archive.read(order) != Array("little".utf8)
        {
            throw UserError.unreadable(
                path, "its numbers are big-endian", advice: "save it again on this machine")
        }
        do {
            var machine = PickleMachine(
                try archive.read(pickle), largestContent: ZipArchive.largestContent(of: file)
            ) { view in
                try tensor(view, archive: archive, folder: String(folder))
            }
            return try machine.run()
        } catch let problem as PickleMachine.Problem {
            throw UserError.unreadable(path, problem.cause, advice: problem.advice)
        } catch let ended as ByteCursor.Ended {
            throw UserError.unreadable(path, "its pickle ends early, at byte \(ended.position)")
        }
    }

    private static func isPickle(_ entry: ZipArchive.Entry) -> Bool {
        entry.name == "data.pkl"
            || entry.name.hasSuffix("/data.pkl") && entry.name.split(separator: "/").count == 2
    }

    static func isLegacy(_ file: SourceFile) throws -> Bool {
        try file.read(at: 0, count: min(file.byteCount, 16)).starts(with: LegacyTorchFile.magic)
    }

    private static func refuseOtherFormats(_ file: SourceFile) throws {
        let start = try file.read(at: 0, count: min(file.byteCount, 64))
        if start.starts(with: Array("version https://git-lfs".utf8)) {
            throw UserError.unreadable(
                file.path, "it is a pointer of Git LFS, not the file itself",
                advice: "fetch it with git lfs pull")
        }
        guard ZipArchive.isZip(file) else {
            throw UserError.unreadable(
                file.path, file.byteCount == 0 ? "it is empty" : "it is not a PyTorch file")
        }
    }

    private static func tensor(
        _ view: TorchView, archive: ZipArchive, folder: String
    ) throws -> StoredTensor {
        let storage = view.storage
        guard case .known(let elementType) = view.elementType else {
            if case .foreign(let name) = view.elementType {
                throw PickleMachine.Problem(
                    cause: "it holds a tensor of \(name), which Cairn does not store",
                    advice: "convert it to a standard type")
            }
            throw PickleMachine.Problem(cause: "it holds a tensor without an element type")
        }
        guard let entry = archive["\(folder)data/\(storage.key)"] else {
            throw PickleMachine.Problem(cause: "storage \(storage.key) is missing")
        }
        let width = storage.width
        guard storage.count.saturatingProduct(width) <= entry.byteCount else {
            throw PickleMachine.Problem(
                cause: "storage \(storage.key) has \(entry.byteCount) bytes, but its tensors count "
                    + "on \(storage.count) elements of \(width)")
        }
        let count = storage.count.saturatingProduct(width) / elementType.byteCount
        let result = StridedView(
            elementType: elementType, shape: view.shape, strides: view.strides,
            offset: view.offset, storage: storedReader(of: entry, in: archive, count: count))
        guard let result else {
            throw PickleMachine.Problem(
                cause: "a tensor of shape \(view.shape), strides \(view.strides) and offset "
                    + "\(view.offset) reaches outside storage \(storage.key)")
        }
        guard entry.method == .deflated else { return StoredTensor(view: result) }
        return StoredTensor(
            elementType: elementType, shape: view.shape, readByteCount: entry.byteCount
        ) {
            try result.with(storage: .memory(try archive.read(entry), count: count)).load()
        }
    }

    /// Reads parts of a stored entry from the file.
    private static func storedReader(
        of entry: ZipArchive.Entry, in archive: ZipArchive, count: Int
    ) -> StridedView.Storage {
        let file = archive.file
        // PyTorch can be told not to compute checksums; it then writes zeros.
        let check = StridedView.Storage.Check(byteCount: entry.byteCount) { sum in
            guard sum == entry.checksum else {
                throw UserError.unreadable(
                    file.path, "entry \(entry.name) is damaged (its checksum differs)")
            }
        }
        return StridedView.Storage(
            elementCount: count, check: entry.checksum == 0 ? nil : check
        ) { offset, buffer in
            try file.read(at: entry.offset + offset, into: buffer)
        }
    }
}
