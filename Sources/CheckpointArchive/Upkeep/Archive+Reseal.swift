internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// Seals those files of a run anew that have lost their seal and nothing else; returns them,
    /// relative to the archive.
    ///
    /// A program that opens a file for writing, as the append mode of h5py does, takes off the bytes
    /// behind its HDF5 part, even where it changes nothing. The file is read in a process of its own.
    func resealFiles(
        of run: String, using child: FileInspection.Child?, isDryRun: Bool = false
    ) throws -> [String] {
        var resealed: [String] = []
        for path in ["run.h5"] + RunFolderContents.files(paths, run) {
            let absolute = paths.file(run, path)
            let file = "runs/\(run)/\(path)"
            guard (try? FileSeal.state(of: absolute.open())) == .absent,
                !Archive.isReadable(absolute)
            else { continue }
            let inspection =
                child.map { FileInspection.inspect(paths, run: run, path: path, using: $0) }
                ?? FileInspection.inspect(absolute, run: run, ignoringSeal: true)
            guard inspection.hasOnlyLostItsSeal, try agrees(inspection, path, of: run) else {
                continue
            }
            if !isDryRun { try reseal(path, of: run, inspection) }
            resealed.append(file)
        }
        return resealed
    }

    /// Whether a file opens as it is: those of format 1 never had a seal.
    private static func isReadable(_ path: RootedPath) -> Bool {
        do {
            _ = try FileSeal.open(path)
            return true
        } catch {
            return false
        }
    }

    /// Whether the weights of a file are those that the index records, where it knows them.
    private func agrees(
        _ inspection: FileInspection, _ path: String, of run: String
    ) throws -> Bool {
        guard let stored = try? StoredRun(archive: self, id: run) else { return true }
        let digests = Dictionary(grouping: inspection.rows, by: \.step)
        return stored.catalogue.checkpoints.filter { $0.path == path }.allSatisfy { location in
            stored.layout.entries.enumerated().allSatisfy { position, entry in
                digests[location.step]?.contains {
                    $0.tensor == entry.name
                        && $0.digest == location.digest(ofTensorAt: position).description
                } == true
            }
        }
    }

    private func reseal(
        _ path: String, of run: String, _ inspection: FileInspection
    ) throws {
        let absolute = paths.file(run, path)
        try files.write(to: absolute) { temporary in
            try Archive.copy(absolute, to: temporary)
            try FileSeal.append(to: temporary, extents: inspection.extents.map { $0[0]..<$0[1] })
        }
        let sealed = try absolute.open()
        let checksum = try FileChecksum(of: sealed)
        let byteCount = try sealed.byteCount
        try write { db in
            guard let key = try IndexRows.runKey(run, db) else { return }
            try db.execute(
                sql: "UPDATE file SET bytes = ?, checksum = ? WHERE run_key = ? AND path = ?",
                arguments: [byteCount, checksum.data, key, path])
        }
    }
}
