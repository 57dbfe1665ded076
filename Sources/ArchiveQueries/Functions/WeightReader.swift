internal import Analysis
internal import ArrayMath
internal import CheckpointArchive
internal import Checkpoints

/// Reads tensors for SQL functions and keeps the newest ones.
///
/// A join asks for one checkpoint after the other. Once two that follow each other were asked for,
/// the next ones are read ahead in growing blocks, which is as fast as reading the whole trajectory;
/// a statement that stops early has read at most about twice what it used.
///
/// A checkpoint or a tensor that is not there is nil: in a join over many runs that is data. A run
/// that is not there is an error, because only a typing mistake names one.
final class WeightReader {
    let archive: Archive
    private var sources: [String: any CheckpointSource] = [:]
    private var models: [String: RunModel?] = [:]
    private var grids: [String: GroupGrid?] = [:]
    /// The newest tensors, newest last.
    private var cache: [(key: Key, tensor: CachedTensor)] = []
    private var cachedByteCount = 0
    private static let largestCacheByteCount = 64 << 20
    /// How each run's tensor was read last.
    private var progress: [RunTensor: Progress] = [:]
    private static let largestBlockByteCount = 16 << 20

    private struct Key: Equatable {
        let run: String
        let step: Int
        let tensor: String
    }

    /// One tensor of a run at all steps.
    private struct RunTensor: Hashable {
        let run: String
        let tensor: String
    }

    /// Where the reading of a trajectory stands.
    private struct Progress {
        /// The steps of the run when its reading began.
        let steps: [Int]
        /// The place among the steps of the last one read.
        var last: Int
        /// How many steps the next block has.
        var blockCount: Int
    }

    init(archive: Archive) { self.archive = archive }

    /// A tensor with its elements as `Double`, converted once.
    final class CachedTensor {
        let tensor: Tensor
        /// Nil for complex tensors.
        private(set) lazy var doubles: [Double]? = tensor.doubles()

        init(_ tensor: Tensor) { self.tensor = tensor }
    }

    /// The stored run that an id, a name or the beginning of an id means.
    func source(of run: String) throws -> any CheckpointSource {
        if let source = sources[run] { return source }
        let source = try archive.run(matching: run)
        sources[run] = source
        return source
    }

    /// The steps with a checkpoint, rising.
    func steps(of run: String) throws -> [Int] {
        try archive.run(matching: run).steps
    }

    /// One tensor of a checkpoint; nil where there is none.
    func tensor(_ run: String, _ step: Int, _ name: String) throws -> CachedTensor? {
        let key = Key(run: run, step: step, tensor: name)
        if let index = cache.lastIndex(where: { $0.key == key }) { return cache[index].tensor }
        if let ahead = try readAhead(key) { return ahead }
        guard let tensor = try missingIsNil({ try $0.tensor(name, at: step) }, of: run) else {
            return nil
        }
        try noteRead(key)
        return keep(tensor, as: key)
    }

    private func keep(_ tensor: Tensor, as key: Key) -> CachedTensor {
        let cached = CachedTensor(tensor)
        cachedByteCount += Self.byteCount(of: tensor)
        cache.append((key, cached))
        while cachedByteCount > Self.largestCacheByteCount, cache.count > 1 {
            cachedByteCount -= Self.byteCount(of: cache.removeFirst().tensor.tensor)
        }
        return cached
    }

    /// What a kept tensor takes: the stored bytes and the converted elements.
    private static func byteCount(of tensor: Tensor) -> Int {
        tensor.bytes.count + 8 * tensor.elementCount
    }

    // MARK: Reading ahead

    /// Remembers a single read, after which the next step is worth reading ahead.
    private func noteRead(_ key: Key) throws {
        let trajectory = RunTensor(run: key.run, tensor: key.tensor)
        var steps = progress[trajectory]?.steps ?? []
        if steps.isEmpty { steps = try source(of: key.run).steps }
        guard let place = Self.place(of: key.step, in: steps) else { return }
        progress[trajectory] = Progress(steps: steps, last: place, blockCount: 2)
    }

    /// The tensor and the block of steps behind it, if it follows the last one that was read.
    ///
    /// Nil leaves the read to the plain way, which also tells what is wrong with a file.
    private func readAhead(_ key: Key) throws -> CachedTensor? {
        let trajectory = RunTensor(run: key.run, tensor: key.tensor)
        guard var reading = progress[trajectory], let run = sources[key.run] as? StoredRun,
            reading.last + 1 < reading.steps.count, reading.steps[reading.last + 1] == key.step
        else { return nil }
        let block = Array(reading.steps[(reading.last + 1)...].prefix(reading.blockCount))
        guard block.count > 1, let values = try? run.trajectory(of: key.tensor, steps: block)
        else { return nil }
        var wanted: CachedTensor?
        var byteCount = 0
        for (index, step) in values.steps.enumerated() {
            let tensor = values.tensor(index, name: key.tensor)
            byteCount += Self.byteCount(of: tensor)
            let kept = keep(tensor, as: Key(run: key.run, step: step, tensor: key.tensor))
            if step == key.step { wanted = kept }
        }
        reading.last += block.count
        let affordable = Self.largestBlockByteCount / max(byteCount / block.count, 1)
        reading.blockCount = max(1, min(2 * reading.blockCount, affordable))
        progress[trajectory] = reading
        return wanted
    }

    private static func place(of step: Int, in steps: [Int]) -> Int? {
        var low = 0
        var high = steps.count
        while low < high {
            let middle = (low + high) / 2
            if steps[middle] < step { low = middle + 1 } else { high = middle }
        }
        return low < steps.count && steps[low] == step ? low : nil
    }

    /// All tensors of a checkpoint in name order; nil where there is no checkpoint.
    func weights(_ run: String, _ step: Int) throws -> [Tensor]? {
        try missingIsNil({ try $0.weights(at: step) }, of: run)
    }

    /// The task and network of a run; nil where its configuration does not say them.
    func model(of run: String) throws -> RunModel? {
        if let model = models[run] { return model }
        let source = try source(of: run)
        let description = try source.run
        let model = try? RunModel(description, data: source.data)
        models[run] = .some(model)
        return model
    }

    /// The group of a run's task; nil where its answers are no products in a group.
    func grid(of run: String) throws -> GroupGrid? {
        if let grid = grids[run] { return grid }
        let grid = try model(of: run).flatMap { try? GroupGrid($0.task) }
        grids[run] = .some(grid)
        return grid
    }

    /// What a run is.
    func description(of run: String) throws -> RunDescription { try source(of: run).run }

    private func missingIsNil<Value>(
        _ body: (any CheckpointSource) throws -> Value, of run: String
    ) throws -> Value? {
        do {
            return try body(try source(of: run))
        } catch let error as any UserErrorConvertible
            where error.kind == .failure && sources[run] != nil
        {
            // A checkpoint that was written since the run was looked up is found the second time.
            sources[run] = nil
            do {
                return try body(try source(of: run))
            } catch let error as any UserErrorConvertible
                where error.kind == .failure && sources[run] != nil
            {
                return nil
            }
        }
    }
}
