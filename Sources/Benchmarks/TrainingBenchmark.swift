internal import Analysis
package import Training

/// The speed of a configuration's training steps, beside that of their bare matrix products.
package enum TrainingBenchmark {
    /// Trains and measures steps, gradients, products and evaluations in turn, so that all meet the
    /// same load; then what checkpoints cost.
    ///
    /// Errors: a setting that is out of range or contradicts another.
    package static func measure(
        _ configuration: TrainingConfiguration, threadCount: Int, repetitions: Int
    ) throws -> [Measure] {
        let parts = try TrainingStepParts(configuration, threadCount: threadCount)
        var times: (step: [Double], gradient: [Double], products: [Double], evaluation: [Double]) =
            ([], [], [], [])
        var operations = 0
        // The first rounds warm caches and threads and are not counted.
        let unmeasured = 2
        for repetition in 0..<unmeasured + max(1, repetitions) {
            let step = seconds(parts.step)
            let gradient = seconds(parts.gradient)
            let products = seconds { operations = parts.products() }
            let evaluation = seconds(parts.evaluation)
            if repetition >= unmeasured {
                times.step.append(step)
                times.gradient.append(gradient)
                times.products.append(products)
                times.evaluation.append(evaluation)
            }
        }
        let step = median(times.step)
        let products = median(times.products)
        let evaluation = median(times.evaluation)
        let interval = configuration.training.evaluateEvery
        return [
            Measure("training steps, with update and digest", 1 / step, "steps/s"),
            Measure("gradients alone", 1 / median(times.gradient), "1/s"),
            Measure("their matrix products alone", 1 / products, "1/s"),
            Measure("matrix products' share of a step", products / step, "of 1"),
            Measure("products", Double(operations) / products * 1e-9, "GFLOP/s"),
            Measure("evaluation", evaluation * 1e3, "ms"),
            Measure(
                "evaluation every \(interval) steps, beside training",
                evaluation / (step * Double(interval)), "of 1"),
            Measure("peak memory", Double(ProcessUsage().peakMemory), "bytes"),
        ]
            + (try CheckpointCostBenchmark.measure(
                configuration, threadCount: threadCount, repetitions: repetitions))
    }
}
