internal import Checkpoints
internal import Networks

extension TrainingLoop {
    /// Trains to the last step, storing checkpoints on the way.
    ///
    /// `storedStep` is the newest step that the sink has already, −1 for a new run: nothing is
    /// stored or measured twice. `recorded` are digests of steps up to that one, which the same
    /// steps must have when they are computed again. `holdCount` is how many evaluations in a row before this step met
    /// the condition that ends the run. The sink is told how the run ended whatever happens.
    func run(
        into sink: any CheckpointSink, storedStep: Int, recorded: [StepDigest] = [],
        holdCount: Int = 0, progress: ProgressReport
    ) throws -> TrainingOutcome {
        let hasher = StepHasher<Scalar>(layout: layout, pool: pool)
        let clock = ContinuousClock()
        let begin = clock.now
        let recorder = CheckpointRecorder(
            configuration.training, firstStep: step, storedStep: storedStep, sink: sink,
            hasher: hasher, now: { clock.now - begin })
        let known = Dictionary(recorded.map { ($0.step, $0) }, uniquingKeysWith: { $1 })
        var statusOfFailure = RunStatus.failed
        let first = step
        var holdCount = holdCount
        func seconds() -> Double { (clock.now - begin).seconds }
        func outcome(_ status: RunStatus) -> TrainingOutcome {
            TrainingOutcome(
                status: status, lastStep: recorder.lastStored, updateCount: step - first,
                elapsedSeconds: seconds(), metrics: latest)
        }
        do {
            if step > storedStep { hasher.add(parameters, step: step) }
            while true {
                let measured = try measureAndRecord(recorder)
                if step >= configuration.training.steps { break }
                if let condition = configuration.training.stopAt {
                    holdCount = condition.count(holdCount, after: measured)
                    if holdCount >= StopCondition.evaluationCount { break }
                }
                let elapsed = seconds()
                guard progress(report(elapsed > 0 ? Double(step - first) / elapsed : 0)) else {
                    try recorder.storeEnd(self)
                    try sink.finish(.interrupted, metrics: recorder.trailingMetrics)
                    return outcome(.interrupted)
                }
                advance()
                if step > storedStep {
                    hasher.add(parameters, step: step)
                } else if let digest = known[step],
                    digest != hasher.digest(of: parameters).shortened(step: step)
                {
                    statusOfFailure = .interrupted
                    throw roundsDifferently(from: first, storedStep: storedStep)
                }
            }
            try recorder.storeEnd(self)
            try sink.finish(.finished, metrics: recorder.trailingMetrics)
            return outcome(.finished)
        } catch {
            // The first error is what the user must see, even where the sink fails again.
            try? sink.finish(statusOfFailure, metrics: recorder.trailingMetrics)
            throw error
        }
    }

    private func roundsDifferently(from first: Int, storedStep: Int) -> UserError {
        UserError(
            .failure, subject: "step \(step), recomputed from step \(first)",
            cause: "its weights are not the stored ones: this processor or another version of a "
                + "library rounds differently",
            advice: "resume the run where it was trained, or go on from its step \(storedStep) "
                + "with cairn fork")
    }

    private func measureAndRecord(
        _ recorder: CheckpointRecorder<Scalar>
    ) throws -> [MetricPoint] {
        let settings = configuration.training
        let isLast = step >= settings.steps
        let isDue = step % settings.evaluateEvery == 0 || isLast
        let measured = isLast ? measure() : prepare(measuring: isDue)
        // Every parameter feeds the loss: once it is not a number it stays so.
        if let loss = measured.first?.value, !loss.isFinite {
            throw UserError(
                .failure, subject: "step \(step)",
                cause: "the training loss is \(loss.isNaN ? "not a number" : "infinite")",
                advice: step == 0
                    ? "lower initialization_scale" : "lower the learning rate or the noise")
        }
        try recorder.record(self, measured: measured)
        return measured
    }

    private func report(_ rate: Double) -> TrainingProgress {
        TrainingProgress(
            step: step, lastStep: configuration.training.steps, stepsPerSecond: rate,
            trainLoss: latest[MetricName.trainLoss],
            trainAccuracy: latest[MetricName.trainAccuracy],
            testLoss: latest[MetricName.testLoss], testAccuracy: latest[MetricName.testAccuracy])
    }
}
