package import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files
internal import Synchronization
internal import SystemFiles

/// Stores one run; every checkpoint is durable and indexed when `save` returns.
///
/// A run that exists already is continued when `begin` gets the same description: checkpoints
/// that are there are compared and skipped. Only one process at a time can write a run.
package final class RunWriter: CheckpointSink, Sendable {
    private let archive: Archive
    private let state = Mutex(State.idle)

    private enum State {
        case idle
        case open(OpenRun)
        case ended
    }

    /// What the writer knows about the run between calls.
    private final class OpenRun: Sendable {
        let id: String
        /// What errors are about.
        let subject: String
        let claim: FileLock
        let fileMaker: CheckpointFileMaker
        let packer = BackgroundPacker()
        private let contents: Mutex<Contents>

        /// What the archive has of one step.
        struct StoredStep {
            let step: Int
            let digest: Digest
            /// Whether it has the optimiser's state.
            var hasState: Bool
        }

        /// Of one size, however long the run is: earlier steps are looked up.
        struct Contents {
            var layout: TensorLayout?
            var last: StoredStep?
            var count: Int
            var looseCount: Int
        }

        init(
            _ run: RunDescription, _ claim: FileLock, _ compression: HDF5Layout,
            catalogue: StoredRun.Catalogue?
        ) {
            id = run.id
            subject = "run \(run.name) (\(run.id))"
            self.claim = claim
            fileMaker = CheckpointFileMaker(run: run.id, compression: compression)
            let present = catalogue?.checkpoints ?? []
            contents = Mutex(
                Contents(
                    layout: present.isEmpty ? nil : catalogue?.layout,
                    last: present.last.map {
                        StoredStep(
                            step: $0.step, digest: $0.digest, hasState: $0.optimizerPath != nil)
                    }, count: present.count, looseCount: present.count { $0.kind == .loose }))
        }

        var layout: TensorLayout? { contents.withLock { $0.layout } }
        var last: StoredStep? { contents.withLock { $0.last } }
        var lastStep: Int { last?.step ?? -1 }
        var looseCount: Int { contents.withLock { $0.looseCount } }
        var packedCount: Int { contents.withLock { max(0, $0.count - $0.looseCount) } }

        /// Takes note of a checkpoint that has become durable.
        func add(_ checkpoint: CheckpointFile.Summary) {
            contents.withLock {
                $0.layout = checkpoint.layout
                $0.count += 1
                guard checkpoint.step > $0.last?.step ?? -1 else { return }
                $0.last = StoredStep(
                    step: checkpoint.step, digest: checkpoint.digest,
                    hasState: checkpoint.hasOptimizerState)
            }
        }

        func addState(of step: Int) {
            contents.withLock { if $0.last?.step == step { $0.last?.hasState = true } }
        }
        func countLoose(_ count: Int) { contents.withLock { $0.looseCount = count } }
    }

    init(archive: Archive) { self.archive = archive }

    package func begin(_ run: RunDescription) throws {
        try state.withLock { state in
            guard case .idle = state else { preconditionFailure("a sink begins once") }
            try RunWriter.requireStorable(run)
            let folder = archive.paths.runFolder(run.id)
            state = try archive.maintaining(run.id) {
                if !folder.exists, let claim = try create(run, folder) {
                    return .open(try register(run, claim, isNew: true))
                }
                return .open(try register(run, reopen(run), isNew: false))
            }
        }
    }

    package func save(_ checkpoint: Checkpoint) throws {
        try save(
            checkpoint.step, checkpoint.metrics, checkpoint.optimizerState,
            layout: {
                try StorageLimits.requireStorable(
                    state: checkpoint.optimizerState?.tensors.map { ($0.name, $0.shape) } ?? [])
                return try TensorLayout(of: CheckpointFile.sorted(checkpoint.weights))
            },
            digest: { CheckpointFile.Summary(checkpoint, $0).digest },
            store: { layout, run in
                try store(checkpoint, layout, in: run)
                run.countLoose(run.looseCount + 1)
            })
    }

    package func save(_ checkpoint: StreamedCheckpoint) throws {
        guard checkpoint.byteCount > CheckpointFile.largestWholeByteCount,
            archive.compression == .contiguous
        else { return try save(checkpoint.load()) }
        // It does not count as loose: a file of this size gains nothing by being packed, and would be
        // written twice.
        try save(
            checkpoint.step, checkpoint.metrics, nil,
            layout: {
                try StorageLimits.requireStorable(
                    state: checkpoint.optimizerState?.tensors.map { ($0.name, $0.shape) } ?? [])
                return try TensorLayout(of: checkpoint.weights)
            },
            digest: { _ in try checkpoint.weightsDigest() },
            store: { layout, run in try store(checkpoint, layout, in: run) })
    }

    /// Stores a checkpoint by `store`, unless the archive has the step: then it is compared.
    private func save(
        _ step: Int, _ metrics: [MetricPoint], _ optimizerState: OptimizerState?,
        layout: () throws -> TensorLayout, digest: (TensorLayout) throws -> Digest,
        store: (TensorLayout, OpenRun) throws -> Void
    ) throws {
        try state.withLock { state in
            guard case .open(let run) = state else {
                preconditionFailure("save comes between begin and finish")
            }
            precondition(step >= 0, "a step is never negative")
            try run.packer.throwFailure()
            try RunWriter.named(run.subject, step: step) {
                try StorageLimits.requireStorable(metrics)
                let layout = try layout()
                guard let stored = try stored(step, in: run) else {
                    try requireLayout(layout, step: step, in: run)
                    return try store(layout, run)
                }
                guard try stored.digest == digest(layout) else {
                    throw ArchiveError(
                        .refused, run: run.subject, step: step,
                        cause: "the archive has other weights for this step",
                        advice: "fork the run instead of continuing it")
                }
                if let optimizerState, !stored.hasState {
                    try add(optimizerState, step: step, to: run)
                }
            }
            if let limit = archive.options.looseLimit,
                run.looseCount >= RunWriter.looseLimit(limit, packedCount: run.packedCount)
            {
                try pack(run)
                run.countLoose(0)
            }
        }
    }

    /// How many loose checkpoints make a pack: more in a long run, so that its packs stay few and
    /// what each new one costs, opening those before it, does not slow the run down.
    private static func looseLimit(_ limit: Int, packedCount: Int) -> Int {
        max(limit, min(packedCount / 16, 4_096))
    }

    /// Packs the loose checkpoints there are, beside what is saved meanwhile.
    private func pack(_ run: OpenRun) throws {
        let work: @Sendable () throws -> Void = { [archive] in
            // The run stays claimed until the pack is whole.
            try withExtendedLifetime(run.claim) {
                try archive.whileIndexed {
                    try RunWriter.named(run.subject, part: "packing") {
                        try archive.packHoldingLock(run.id)
                    }
                }
            }
        }
        if archive.options.packsBesideSaving {
            try run.packer.start(work)
        } else {
            try run.packer.run(work)
        }
    }

    package func finish(_ status: RunStatus, metrics: [MetricPoint]) throws {
        try state.withLock { state in
            guard case .open(let run) = state else {
                preconditionFailure("finish comes once, after begin")
            }
            try run.packer.finish()
            try RunWriter.named(run.subject, part: "its end") {
                try StorageLimits.requireStorable(metrics)
                try archive.whileIndexed {
                    // What failed can have left a file that the index or `packed.h5` does not know.
                    let files = RunFolderContents.files(archive.paths, run.id)
                    let isIndexed = try archive.indexedPaths(of: run.id).isSuperset(of: files)
                    if run.packer.hasFailed || !isIndexed {
                        try archive.adoptFilesAndView(of: run.id)
                    }
                    if archive.options.looseLimit != nil, run.looseCount > 0 {
                        // What fails here, a second end takes in again.
                        try run.packer.run { try archive.packHoldingLock(run.id) }
                    }
                }
                let end = EndFile(
                    status: status, finishedAt: Date().timeIntervalSince1970,
                    lastStep: run.lastStep, metrics: metrics)
                let path = freeEndPath(run)
                let image = try end.image(run: run.id)
                try archive.files.write(image, to: archive.paths.file(run.id, path))
                let file = IndexedFile(path: path, kind: .end, image: image)
                try record(in: run) { key, db in
                    _ = try IndexRows.putFile(file, of: key, db)
                    try MetricRows.add(metrics, run: key, db)
                    try IndexRows.setStatus(status, finishedAt: end.finishedAt, of: key, db)
                }
            }
            archive.files.spares.removeAll()
            // Letting go of the state lets go of the run's lock.
            state = .ended
        }
    }

    // MARK: - Beginning

    private static func requireStorable(_ run: RunDescription) throws {
        let isName = !run.id.isEmpty && run.id.utf8.count <= 100
        let allowed = run.id.utf8.allSatisfy {
            ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x7a) || ($0 >= 0x41 && $0 <= 0x5a)
                || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
        guard isName, allowed else {
            throw ArchiveError(
                .unusable, run: "run id \"\(run.id)\"",
                cause: "an id has 1 to 100 letters, digits, hyphens and underscores")
        }
    }

    /// Makes the run's folder with its file, complete or not at all; nil where another process has
    /// made it in the meantime.
    private func create(_ run: RunDescription, _ folder: RootedPath) throws -> FileLock? {
        let files = archive.files
        let temporary = files.temporaryPath()
        try temporary.makeFolder()
        do {
            try temporary.appending("loose").makeFolder()
            try files.write(
                try RunDescriptionFile.image(of: run), to: temporary.appending("run.h5"))
            let lock = try FileLock.claim(temporary.appending("lock"), toWrite: run)
            try files.move(temporary, to: folder)
            return lock
        } catch {
            try? temporary.removeTree()
            let isTaken = (error as? FileError)?.isTaken ?? false
            guard isTaken, archive.paths.runFile(run.id).exists else { throw error }
            return nil
        }
    }

    /// Claims a run that is there already, if it is the same one.
    private func reopen(_ run: RunDescription) throws -> FileLock {
        let claim = try archive.claim(run)
        let stored = try RunDescriptionFile.read(archive.paths, run.id)
        guard stored == run else {
            throw ArchiveError(
                .taken, run: "run \(run.id)",
                cause: "the archive has another run with this id (\(stored.name))",
                advice: "begin the new one with its own id")
        }
        // Copies that leave out empty folders lack it.
        try archive.paths.file(run.id, "loose").makeFolder()
        try archive.adoptFiles(of: run.id)
        return claim
    }

    private func register(
        _ run: RunDescription, _ claim: FileLock, isNew: Bool
    ) throws -> OpenRun {
        let file = try IndexedFile(path: "run.h5", kind: .run, at: archive.paths.runFile(run.id))
        try archive.whileIndexed {
            try archive.write { db in
                let key = try IndexRows.putRun(run, status: .running, db)
                _ = try IndexRows.putFile(file, of: key, db)
            }
        }
        return OpenRun(
            run, claim, archive.compression,
            catalogue: isNew ? nil : try StoredRun(archive: archive, id: run.id).catalogue)
    }

    // MARK: - Saving

    private func store(
        _ checkpoint: Checkpoint, _ layout: TensorLayout, in run: OpenRun
    ) throws {
        let path = ArchivePaths.loosePath(checkpoint.step)
        var new: PendingFile?
        try run.fileMaker.withImage(of: checkpoint, layout) { image in
            let file = try PendingFile(
                archive.files, at: archive.paths.file(run.id, path), byteCount: image.count)
            try file.write(image, [image.indices])
            file.start()
            new = file
        } finish: { image, changed, summary in
            guard let new else { preconditionFailure("a file begins before it ends") }
            try new.write(image, changed)
            new.settle()
            // The sum over the file goes on while the disk is busy.
            let file = IndexedFile(path: path, kind: .loose, image: image)
            try new.wait()
            try index(summary, in: file, metrics: checkpoint.metrics, of: run)
        }
    }

    private func store(
        _ checkpoint: StreamedCheckpoint, _ layout: TensorLayout, in run: OpenRun
    ) throws {
        let path = ArchivePaths.loosePath(checkpoint.step)
        let place = archive.paths.file(run.id, path)
        let summary = try archive.files.write(to: place) { temporary in
            try CheckpointFile.write(checkpoint, layout, run: run.id, to: temporary)
        }
        try index(
            summary, in: try IndexedFile(path: path, kind: .loose, at: place),
            metrics: checkpoint.metrics, of: run)
    }

    /// Adds the rows of a checkpoint whose file is durable.
    private func index(
        _ summary: CheckpointFile.Summary, in file: IndexedFile, metrics: [MetricPoint],
        of run: OpenRun
    ) throws {
        // The rows need no sync of their own: should a power cut take them, opening the archive
        // finds the durable file, because the run is marked as running by a synced transaction.
        try record(in: run, durability: .recoverable) { key, db in
            if run.layout == nil { try IndexRows.putLayout(summary.layout, of: key, db) }
            let fileKey = try IndexRows.putFile(file, of: key, db)
            try IndexRows.putCheckpoint(
                summary, fileKey: fileKey, position: 0,
                optimizerFileKey: summary.hasOptimizerState ? fileKey : nil, of: key, db)
            try MetricRows.add(metrics, run: key, db)
        }
        run.add(summary)
    }

    /// Adds rows for a file of the run.
    ///
    /// Where the index was deleted or replaced, the file is enough: the next opening of the archive
    /// takes it in.
    private func record(
        in run: OpenRun, durability: ArchiveIndex.Durability = .synced,
        _ body: (Int64, Database) throws -> Void
    ) throws {
        try archive.whileIndexed {
            try archive.index.write(durability: durability) { db in
                try body(try IndexRows.requiredKey(run.id, db), db)
            }
        }
        // It can have gone while it was written to.
        _ = archive.hasIndex
    }

    /// Adds the optimiser's state to a stored step that has none.
    private func add(_ state: OptimizerState, step: Int, to run: OpenRun) throws {
        let path = ArchivePaths.optimizerPath(step)
        try archive.paths.file(run.id, "optimizer").makeFolder()
        let image = try CheckpointFile.image(
            of: state, step: step, run: run.id, compression: archive.compression)
        try archive.files.write(image, to: archive.paths.file(run.id, path))
        let file = IndexedFile(path: path, kind: .optimizer, image: image)
        try record(in: run) { key, db in
            try IndexRows.putOptimizerState(file, step: step, of: key, db)
        }
        run.addState(of: step)
    }

    /// What the archive has of a step; nil for one that it does not have.
    private func stored(_ step: Int, in run: OpenRun) throws -> OpenRun.StoredStep? {
        guard let last = run.last, step <= last.step else { return nil }
        if step == last.step { return last }
        var found: OpenRun.StoredStep?
        try archive.whileIndexed {
            found = try archive.lookUp { db in
                try Row.fetchOne(
                    db,
                    sql: """
                        SELECT digest, optimizer_file_key IS NOT NULL
                        FROM checkpoint JOIN run USING (run_key) WHERE id = ? AND step = ?
                        """, arguments: [run.id, step]
                ).map { row in
                    OpenRun.StoredStep(
                        step: step,
                        digest: Digest(storedBytes: Array(try row.decode(Data.self, atIndex: 0))),
                        hasState: try row.decode(atIndex: 1))
                }
            }
        }
        if archive.hasIndex { return found }
        // Without an index the files tell, which takes reading the start of each.
        let entries = try RunFolderContents(paths: archive.paths, run: run.id).entries
        guard let summary = entries.lazy.flatMap(\.summaries).first(where: { $0.step == step })
        else { return nil }
        return OpenRun.StoredStep(
            step: step, digest: summary.digest,
            hasState: summary.hasOptimizerState || entries.contains { $0.optimizerStep == step })
    }

    private func requireLayout(_ layout: TensorLayout, step: Int, in run: OpenRun) throws {
        guard let difference = run.layout?.difference(to: layout) else { return }
        throw ArchiveError(
            .refused, run: run.subject, step: step,
            cause: "its tensors are not those of the steps before: \(difference)",
            advice: "store it as a run of its own")
    }

    private func freeEndPath(_ run: OpenRun) -> String {
        var count = 0
        while true {
            let path = ArchivePaths.endPath(max(run.lastStep, 0), count)
            if !archive.paths.file(run.id, path).exists { return path }
            count += 1
        }
    }

    /// Says what was not saved when `body` fails.
    private static func named(
        _ run: String, step: Int? = nil, part: String = "", _ body: () throws -> Void
    ) throws {
        do {
            try body()
        } catch let error as ArchiveError where error.run == run {
            throw error
        } catch  where error is any UserErrorConvertible || error is HDF5Error {
            throw ArchiveError(.notSaved, run: run, step: step, part: part, underlying: error)
        }
    }
}

extension Archive {
    /// How new weights are stored.
    var compression: HDF5Layout { options.deflateLevel.map { .deflated(level: $0) } ?? .contiguous }
}
