internal import ArrayMath
internal import Checkpoints

/// Reads tensors for SQL functions and keeps the newest ones.
///
/// A checkpoint or a tensor that is not there is nil: in a join over many runs that is data. A run
/// that is not there is an error, because only a typing mistake names one.
final class WeightReader {
    let archive: any AnalysedArchive
    private var sources: [String: any CheckpointSource] = [:]
    private var models: [String: RunModel?] = [:]
    /// The newest tensors, newest last.
    private var cache: [(key: Key, tensor: CachedTensor)] = []
    private var cachedByteCount = 0
    private static let largestCacheByteCount = 64 << 20

    private struct Key: Equatable {
        let run: String
        let step: Int
        let tensor: String
    }

    init(archive: any AnalysedArchive) { self.archive = archive }

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
        let source = try archive.source(of: run)
        sources[run] = source
        return source
    }

    /// The steps with a checkpoint, rising.
    func steps(of run: String) throws -> [Int] {
        try archive.source(of: run).steps
    }

    /// One tensor of a checkpoint; nil where there is none.
    func tensor(_ run: String, _ step: Int, _ name: String) throws -> CachedTensor? {
        let key = Key(run: run, step: step, tensor: name)
        if let index = cache.lastIndex(where: { $0.key == key }) { return cache[index].tensor }
        guard let tensor = try missingIsNil({ try $0.tensor(name, at: step) }, of: run) else {
            return nil
        }
        let cached = CachedTensor(tensor)
        // Twice: the stored bytes and the converted elements.
        cachedByteCount += tensor.bytes.count + 8 * tensor.elementCount
        cache.append((key, cached))
        while cachedByteCount > Self.largestCacheByteCount, cache.count > 1 {
            let old = cache.removeFirst().tensor.tensor
            cachedByteCount -= old.bytes.count + 8 * old.elementCount
        }
        return cached
    }

    /// All tensors of a checkpoint in name order; nil where there is no checkpoint.
    func weights(_ run: String, _ step: Int) throws -> [Tensor]? {
        try missingIsNil({ try $0.weights(at: step) }, of: run)
    }

    /// The task and network of a run; nil where its configuration does not say them.
    func model(of run: String) throws -> RunModel? {
        if let model = models[run] { return model }
        let description = try source(of: run).run
        let model = try? RunModel(description)
        models[run] = .some(model)
        return model
    }

    /// What a run is.
    func description(of run: String) throws -> RunDescription { try source(of: run).run }

    private func missingIsNil<Value>(
        _ body: (any CheckpointSource) throws -> Value, of run: String
    ) throws -> Value? {
        do {
            return try body(try source(of: run))
        } catch let error as UserError where error.kind == .failure && sources[run] != nil {
            // A checkpoint that was written since the run was looked up is found the second time.
            sources[run] = nil
            do {
                return try body(try source(of: run))
            } catch let error as UserError where error.kind == .failure && sources[run] != nil {
                return nil
            }
        }
    }
}
