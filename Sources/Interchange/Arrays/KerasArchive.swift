internal import Checkpoints
internal import Foundation

/// Files that `model.save("x.keras")` of Keras 3 writes: a zip archive around an HDF5 file.
enum KerasArchive {
    static let weightsName = "model.weights.h5"

    /// The arrays of the HDF5 file, which is copied out for whoever reads it.
    ///
    /// Groups without arrays, which Keras writes for layers without weights, are left out.
    static func content(
        _ entry: ZipArchive.Entry, of archive: ZipArchive, hdf5: HDF5Opening
    ) throws -> Value {
        let copy = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-keras-\(UUID().uuidString).h5").path
        defer { unlink(copy) }
        let target = try TargetFile(path: copy, replacing: false)
        switch entry.method {
        case .stored:
            var sum: UInt32 = 0
            var offset = 0
            for count in PieceSizes(byteCount: entry.byteCount) {
                let piece = try archive.file.read(at: entry.offset + offset, count: count)
                sum = piece.withUnsafeBytes { Inflater.checksum(of: $0, after: sum) }
                try target.write(piece)
                offset += count
            }
            guard sum == entry.checksum else {
                throw UserError.unreadable(
                    archive.file.path, "entry \(entry.name) is damaged (its checksum differs)")
            }
        case .deflated: try target.write(try archive.read(entry))
        }
        try target.commit()
        do {
            return try hdf5.read(copy).value.withoutEmptyGroups ?? .dictionary([])
        } catch let error as UserError where error.subject == copy {
            throw UserError.unreadable(
                archive.file.path, "\(entry.name): \(error.cause)", advice: error.advice)
        }
    }
}

extension Value {
    /// The value without dictionaries that hold nothing; nil where nothing is left.
    fileprivate var withoutEmptyGroups: Value? {
        guard case .dictionary(let entries) = self else { return self }
        let kept = entries.compactMap { entry in
            entry.value.withoutEmptyGroups.map { Entry(key: entry.key, value: $0) }
        }
        return kept.isEmpty ? nil : .dictionary(kept)
    }
}
