internal import Checkpoints
internal import HDF5Files
internal import SystemFiles

extension Archive {
    /// Writes `packed.h5`, which shows all packs of a run as one array per tensor.
    ///
    /// It is for people with h5py; Cairn itself reads the packs.
    func writeVirtualFile(of run: String) throws {
        let (layout, packs) = try packs(of: run)
        let temporary = files.temporaryPath()
        defer { try? temporary.remove() }
        do {
            try makeVirtualFile(
                temporary, of: run, layout,
                packs: packs.map { ($0, try PackFile.rowCount(paths.file(run, $0))) })
        } catch {
            throw ArchiveError.writing(paths.file(run, ArchivePaths.packedView), failed: error)
        }
        try temporary.open().sync()
        try files.move(temporary, to: paths.file(run, ArchivePaths.packedView))
    }

    /// Writes `packed.h5` where it does not show the packs that the run has.
    func renewVirtualFile(of run: String) throws {
        let packs = try packs(of: run).packs
        guard !packs.isEmpty else { return }
        let rowCounts = try? Dictionary(
            uniqueKeysWithValues: packs.map { ($0, try PackFile.rowCount(paths.file(run, $0))) })
        let shown = try? PackFile.shownPacks(paths.file(run, ArchivePaths.packedView))
        guard rowCounts == nil || shown != rowCounts else { return }
        try writeVirtualFile(of: run)
    }

    /// The layout of a run and its packs in the order of their steps.
    private func packs(of run: String) throws -> (layout: TensorLayout, packs: [String]) {
        try lookUp { db in
            let key = try IndexRows.requiredKey(run, db)
            return (
                try IndexRows.layout(of: key, db) ?? TensorLayout(entries: []),
                try IndexRows.packs(of: key, db)
            )
        }
    }

    /// Writes the file that shows these packs, which need not be there.
    func makeVirtualFile(
        _ path: RootedPath, of run: String, _ layout: TensorLayout,
        packs: [(path: String, rowCount: Int)]
    ) throws {
        try HDF5File.create(path.absolute, format: .version110) { root in
            try CheckpointFile.describe(
                root, kind: "packed", run: run,
                about: "All packed checkpoints of a training run as one array per tensor, "
                    + "shown from the pack files beside this one. Row i belongs to the step in "
                    + "steps[i].")
            try VirtualDatasets.write(to: root, layout: layout, sources: packs)
        }
        try FileSeal.append(to: path, extents: [])
    }
}

/// The datasets of `packed.h5`.
private enum VirtualDatasets {
    static func write(
        to root: borrowing HDF5Group, layout: TensorLayout, sources: [(path: String, rowCount: Int)]
    ) throws {
        func shown(_ dataset: String) -> [HDF5Group.VirtualSource] {
            sources.map {
                HDF5Group.VirtualSource(file: $0.path, dataset: dataset, rowCount: $0.rowCount)
            }
        }
        try root.createVirtualDataset(
            PackFile.steps, type: .int64, rowShape: [], sources: shown(PackFile.steps))
        let weights = try root.createGroup(CheckpointFile.weights)
        let digests = try root.createGroup(PackFile.digests)
        for entry in layout.entries {
            let name = HDF5Name.encoded(entry.name)
            try weights.createVirtualDataset(
                entry.name, type: entry.elementType.stored, rowShape: entry.shape,
                sources: shown("\(CheckpointFile.weights)/\(name)"))
            try digests.createVirtualDataset(
                entry.name, type: .uint8, rowShape: [32],
                sources: shown("\(PackFile.digests)/\(name)"))
        }
        try weights.close()
        try digests.close()
    }
}
