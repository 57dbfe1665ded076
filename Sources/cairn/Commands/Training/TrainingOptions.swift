internal import ArgumentParser

/// The optimiser, its schedule and what is recorded.
///
/// An option that is not given keeps what the preset says.
struct TrainingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("adamw, adam, sgd, gd or muon.", valueName: "name"))
    var optimizer: String?

    @Option(
        help: ArgumentHelp(
            "cross_entropy, mean_squared_error, stablemax, hinge or logistic.", valueName: "name"))
    var loss: String?

    @Option(
        help: ArgumentHelp(
            "Grokfast's share of slow gradients: none, ema or moving_average.", valueName: "name"))
    var filter: String?

    @Option(help: ArgumentHelp("The radius of sharpness-aware steps.", valueName: "length"))
    var sharpnessRadius: Double?

    @Option(help: ArgumentHelp("The largest norm of a gradient.", valueName: "norm"))
    var clipNorm: Double?

    @Flag(
        inversion: .prefixedNo,
        help: "Leave out each gradient's part along the weights of its tensor.")
    var perpendicularGradient: Bool?

    @Flag(inversion: .prefixedNo, help: "Hold the norm of all weights.")
    var keepNorm: Bool?

    @Option(help: ArgumentHelp("The learning rate after the warm-up.", valueName: "rate"))
    var learningRate: Double?

    @Option(help: ArgumentHelp("Weight decay.", valueName: "strength"))
    var weightDecay: Double?

    @Option(help: ArgumentHelp("to_zero, to_init, jiggle or honest (L2).", valueName: "form"))
    var decay: String?

    @Option(help: ArgumentHelp("Decay of Adam's first moment.", valueName: "share"))
    var beta1: Double?

    @Option(help: ArgumentHelp("Decay of Adam's second moment.", valueName: "share"))
    var beta2: Double?

    @Option(help: ArgumentHelp("Adam's ε.", valueName: "number"))
    var epsilon: Double?

    @Option(help: ArgumentHelp("Momentum of sgd and muon.", valueName: "share"))
    var momentum: Double?

    @Option(help: ArgumentHelp("Normal noise on each gradient element.", valueName: "deviation"))
    var gradientNoise: Double?

    @Option(help: ArgumentHelp("Normal noise on each update.", valueName: "deviation"))
    var updateNoise: Double?

    @Option(
        help: ArgumentHelp(
            "Normal noise on the weights while a gradient is taken.", valueName: "deviation"))
    var weightNoise: Double?

    @Option(help: ArgumentHelp("Updates over which the rate rises.", valueName: "updates"))
    var warmup: Int?

    @Option(
        help: ArgumentHelp("constant, cosine, linear or warmup_stable_decay.", valueName: "shape"))
    var schedule: String?

    @Option(help: ArgumentHelp("Updates of the cosine.", valueName: "updates"))
    var cosineSteps: Int?

    @Option(
        help: ArgumentHelp("The share of the rate that the cosine ends at.", valueName: "share"))
    var finalFactor: Double?

    @Option(help: ArgumentHelp("full, half, a number of rows or a share.", valueName: "size"))
    var batch: String?

    @Option(help: ArgumentHelp("The number of updates.", valueName: "updates"))
    var steps: Int?

    @Option(help: ArgumentHelp("The seed of all that training draws.", valueName: "seed"))
    var seed: Int?

    @Option(help: ArgumentHelp("float32 or float64.", valueName: "type"))
    var dtype: String?

    @Option(
        help: ArgumentHelp("The arithmetic of the loss: float32 or float64.", valueName: "type"))
    var lossPrecision: String?

    @Option(help: ArgumentHelp("Store the weights every so many updates.", valueName: "updates"))
    var checkpointEvery: Int?

    @Option(
        help: ArgumentHelp(
            "A schedule such as 'log 1.02 + every 100 + adaptive'.", valueName: "schedule"))
    var checkpoints: String?

    @Option(
        help: ArgumentHelp("Measure loss and accuracy every so many updates.", valueName: "updates")
    )
    var evaluateEvery: Int?

    @Option(
        help: ArgumentHelp(
            "Optimiser states to keep, which replays begin at: newest, all or 'every 5000'.",
            valueName: "which"))
    var optimizerStates: String?

    @Option(
        help: ArgumentHelp(
            "End once this holds at three evaluations in a row, e.g. test_accuracy=0.99; or never.",
            valueName: "metric=value"))
    var stopAt: String?

    @Option(help: ArgumentHelp("Any setting by its name.", valueName: "name=value"))
    var set: [String] = []

    func validate() throws {
        if checkpointEvery != nil && checkpoints != nil {
            throw ValidationError("--checkpoint-every and --checkpoints contradict each other")
        }
    }

    /// Adds what was given.
    func add(to changes: inout SettingChanges) throws {
        changes.add("optimizer", optimizer)
        changes.add("loss", loss)
        changes.add("filter", filter)
        changes.add("sharpness_radius", sharpnessRadius)
        changes.add("clip_norm", clipNorm)
        changes.add("perpendicular_gradient", perpendicularGradient)
        changes.add("keep_norm", keepNorm)
        changes.add("learning_rate", learningRate)
        changes.add("weight_decay", weightDecay)
        changes.add("decay", decay)
        changes.add("beta1", beta1)
        changes.add("beta2", beta2)
        changes.add("epsilon", epsilon)
        changes.add("momentum", momentum)
        changes.add("gradient_noise", gradientNoise)
        changes.add("update_noise", updateNoise)
        changes.add("weight_noise", weightNoise)
        changes.add("warmup", warmup)
        changes.add("shape", schedule)
        changes.add("cosine_steps", cosineSteps)
        changes.add("final_factor", finalFactor)
        changes.add("batch", batch)
        changes.add("steps", steps)
        changes.add("seed", seed)
        changes.add("dtype", dtype)
        changes.add("loss_precision", lossPrecision)
        changes.add("checkpoints", checkpointEvery.map { "every \($0)" } ?? checkpoints)
        changes.add("evaluate_every", evaluateEvery)
        changes.add("optimizer_states", optimizerStates)
        changes.add("stop_at", stopAt)
        for text in set { try changes.add(written: text) }
    }
}
