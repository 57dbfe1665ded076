internal import ArrayMath
internal import Checkpoints
internal import Networks

/// One run in one precision: the state between steps and the steps themselves.
final class TrainingLoop<Scalar: NetworkScalar> {
    let configuration: TrainingConfiguration
    let task: Task
    let layout: ParameterLayout
    /// The number of updates done.
    private(set) var step: Int
    private(set) var parameters: [Scalar]
    private(set) var optimizer: Optimizer<Scalar>
    /// The latest measured values by metric name, for progress.
    private(set) var latest: [String: Double] = [:]

    /// The threads of the run, used by one thing after the other.
    let pool: LanePool

    private let trainEvaluator: NetworkEvaluator<Scalar>
    private let testEvaluator: NetworkEvaluator<Scalar>?
    private var gradient: [Scalar]
    private var noisyParameters: [Scalar] = []
    /// Where a sharpness-aware step takes its gradient; empty without one.
    private var sharpParameters: [Scalar] = []
    private let measuresAccuracy: Bool
    private var batches: BatchOrder

    /// A run that begins: weights drawn from the seed.
    init(_ configuration: TrainingConfiguration, task: Task, threadCount: Int) throws {
        self.configuration = configuration
        self.task = task
        let model = configuration.model
        layout = try model.layout(for: task)
        pool = LanePool(threadCount: threadCount)
        trainEvaluator = try model.evaluator(
            for: task, examples: task.trainExamples, pool: pool)
        testEvaluator =
            task.testIndices.isEmpty
            ? nil
            : try model.evaluator(for: task, examples: task.testExamples, pool: pool)
        let seed = configuration.training.seed
        measuresAccuracy = model.measuresAccuracy(task)
        switch model.network.initializationStream {
        case .cairn:
            var stream = RandomStream(seed: seed, purpose: .initialisation)
            parameters = layout.initialParameters(using: &stream)
        case .torch: parameters = layout.torchParameters(seed: seed)
        }
        optimizer = Optimizer(
            configuration.optimizer, layout: layout, seed: seed, initial: parameters)
        gradient = [Scalar](repeating: 0, count: layout.count)
        if configuration.training.weightNoise > 0 { noisyParameters = gradient }
        if configuration.optimizer.sharpnessRadius > 0 { sharpParameters = gradient }
        let rows = task.trainExamples.count
        batches = BatchOrder(
            rows: rows, batch: try configuration.training.batch.rowCount(of: rows), seed: seed)
        step = 0
    }

    /// Moves to a stored step; without an optimiser state its memory is that of a first step.
    func restore(step: Int, weights: [Tensor], state: OptimizerState?) throws {
        let packed: [Scalar] = try layout.pack(weights)
        parameters = packed
        self.step = step
        if let state {
            optimizer.beginNorm(at: packed)
            try optimizer.restore(state)
        } else if step > 0 {
            optimizer.beginNorm(at: packed)
        } else {
            optimizer.begin(at: packed)
        }
    }

    /// The checkpoint of the present state, with what the optimiser remembers where asked for.
    func checkpoint(withState: Bool) -> Checkpoint {
        Checkpoint(
            step: step, weights: layout.unpack(parameters),
            optimizerState: withState ? optimizer.state(step: step) : nil)
    }

    /// Whether the loss of a gradient is the loss of the weights on all training rows.
    private var gradientMeasuresTraining: Bool {
        batches.isFull && noisyParameters.isEmpty && configuration.model.network.dropout == 0
    }

    /// Stands for the loss of the latest gradient where that is the loss on all training rows, so
    /// that an evaluation need not compute it; for measurements.
    var fullGradientLoss: LossAndAccuracy? {
        gradientMeasuresTraining ? LossAndAccuracy(loss: 0, accuracy: 0) : nil
    }

    /// Computes the next gradient and, where asked for, measures the present weights.
    ///
    /// The training loss is that of the gradient's own pass where that covers all rows.
    func prepare(measuring: Bool) -> [MetricPoint] {
        let found = computeGradient()
        guard measuring else { return [] }
        return measure(training: gradientMeasuresTraining ? found : nil)
    }

    /// Measures the present weights, after the last update.
    func measure(training: LossAndAccuracy? = nil) -> [MetricPoint] {
        if training == nil { drawFreshExamples() }
        let train = training ?? trainEvaluator.lossAndAccuracy(parameters)
        let test = testEvaluator?.lossAndAccuracy(parameters)
        var points = [MetricPoint(name: MetricName.trainLoss, step: step, value: train.loss)]
        if measuresAccuracy {
            points.append(
                MetricPoint(name: MetricName.trainAccuracy, step: step, value: train.accuracy))
        }
        if let test {
            points.append(MetricPoint(name: MetricName.testLoss, step: step, value: test.loss))
            if measuresAccuracy {
                points.append(
                    MetricPoint(name: MetricName.testAccuracy, step: step, value: test.accuracy))
            }
        }
        for point in points { latest[point.name] = point.value }
        return points
    }

    /// A different number for every seed and step (an odd factor permutes all words).
    private var dropoutKey: Int {
        configuration.training.seed &* 0x5851_F42D_4C95_7F2D &+ step
    }

    /// The examples of this step's update, where every update has its own.
    private func drawFreshExamples() {
        guard let fresh = task.fresh else { return }
        var stream = RandomStream(
            seed: configuration.training.seed, purpose: .freshExamples, lane: step)
        trainEvaluator.refill(fresh, using: &stream)
    }

    @discardableResult
    func computeGradient() -> LossAndAccuracy {
        drawFreshExamples()
        let rows = batches.rows(at: step)
        let found = gradientOfStep(rows)
        let optimizer = configuration.optimizer
        guard optimizer.sharpnessRadius > 0 else { return found }
        GradientShaping.ascend(
            from: parameters, along: gradient, radius: optimizer.sharpnessRadius,
            isAdaptive: optimizer.sharpnessAdaptive, into: &sharpParameters)
        _ = trainEvaluator.gradient(sharpParameters, rows: rows, step: dropoutKey, into: &gradient)
        return found
    }

    private func gradientOfStep(_ rows: [Int]?) -> LossAndAccuracy {
        guard !noisyParameters.isEmpty else {
            return trainEvaluator.gradient(
                parameters, rows: rows, step: dropoutKey, into: &gradient)
        }
        var stream = RandomStream(
            seed: configuration.training.seed, purpose: .weightNoise, lane: step)
        noisyParameters.withUnsafeMutableBufferPointer {
            stream.fillNormal($0, standardDeviation: configuration.training.weightNoise)
        }
        for index in parameters.indices { noisyParameters[index] += parameters[index] }
        return trainEvaluator.gradient(
            noisyParameters, rows: rows, step: dropoutKey, into: &gradient)
    }

    /// The matrix products of the latest gradient and nothing else, for measurements; returns the
    /// number of floating-point operations.
    func multiplyOnly() -> Int { trainEvaluator.multiplyOnly() }

    /// Applies the prepared gradient: step becomes step + 1.
    func advance() {
        let rate =
            configuration.optimizer.learningRate * configuration.schedule.factor(at: step)
        optimizer.update(&parameters, gradient: &gradient, step: step, rate: rate, pool: pool)
        step += 1
    }
}

/// Which rows each update sees: every epoch a new order, cut into batches.
///
/// The order of an epoch depends on the seed and the epoch alone, so a run that resumes in the
/// middle of one needs no stored state.
struct BatchOrder {
    private let rowCount: Int
    private let batch: Int
    private let seed: Int
    private var epoch = -1
    private var order: [Int] = []
    private var current: [Int] = []

    var isFull: Bool { batch == rowCount }

    init(rows: Int, batch: Int, seed: Int) {
        rowCount = rows
        self.batch = batch
        self.seed = seed
        if batch != rows {
            order = Array(0..<rows)
            current.reserveCapacity(batch)
        }
    }

    /// The rows of the update after `step` updates; nil for all of them.
    mutating func rows(at step: Int) -> [Int]? {
        if isFull { return nil }
        let perEpoch = (rowCount + batch - 1) / batch
        if step / perEpoch != epoch {
            epoch = step / perEpoch
            for index in order.indices { order[index] = index }
            var stream = RandomStream(seed: seed, purpose: .batches, lane: epoch)
            stream.shuffle(&order)
        }
        let start = step % perEpoch * batch
        current.removeAll(keepingCapacity: true)
        current.append(contentsOf: order[start..<min(start + batch, rowCount)])
        return current
    }
}
