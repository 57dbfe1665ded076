package import Checkpoints
internal import Networks

/// How long and on what a run trains and what it records, stored under `training`.
package struct TrainingSettings: Codable, Sendable, Equatable {
    /// The arithmetic of weights and gradients.
    package enum Precision: String, Codable, CaseIterable, Sendable {
        case float32
        case float64
    }

    /// The number of updates.
    package var steps = 20_000
    package var batch: BatchSize = .full
    /// The seed of everything that training draws: first weights, batches, noise, dropout.
    package var seed = 0
    package var dtype: Precision = .float32
    /// Standard deviation of normal noise added to every weight while a gradient is computed.
    package var weightNoise = 0.0
    /// Loss and accuracy are measured at multiples of this, and at the first and last step.
    package var evaluateEvery = 10
    package var checkpoints: CheckpointSchedule = .every(100)
    /// Which optimiser states the archive keeps for good: what every step is recomputed from.
    package var optimizerStates: OptimizerStatePolicy?
    /// What ends the run before its last step; nil for nothing, also written `never`.
    package var stopAt: StopCondition?

    package init(steps: Int = 20_000, seed: Int = 0) {
        self.steps = steps
        self.seed = seed
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case steps, batch, seed, dtype
        case weightNoise = "weight_noise"
        case evaluateEvery = "evaluate_every"
        case checkpoints
        case optimizerStates = "optimizer_states"
        case stopAt = "stop_at"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "training")
        try values.read(.steps, into: &steps)
        try values.read(.batch, into: &batch)
        try values.read(.seed, into: &seed)
        try values.read(.dtype, into: &dtype)
        try values.read(.weightNoise, into: &weightNoise)
        try values.read(.evaluateEvery, into: &evaluateEvery)
        try values.read(.checkpoints, into: &checkpoints)
        try values.read(.optimizerStates, into: &optimizerStates)
        var condition: String?
        try values.read(.stopAt, into: &condition)
        if let condition, condition != "never" { stopAt = try StopCondition(condition) }
    }

    /// Throws one sentence about the first setting that cannot work.
    func validate() throws {
        try Range.atLeast(0, steps, "steps")
        try Range.atLeast(1, evaluateEvery, "evaluate_every")
        try Range.atLeast(0, weightNoise, "weight_noise")
        try checkpoints.validate()
        try checkpoints.validate(upTo: steps)
        let widest = CheckpointSchedule.widestAdaptiveInterval
        guard checkpoints.movement == nil || evaluateEvery <= widest else {
            throw UserError.usage(
                subject: "checkpoints '\(checkpoints)'",
                cause: "adaptive sees only what is measured, every \(evaluateEvery) steps",
                advice: "choose evaluate_every of at most \(widest)")
        }
    }
}

/// How many training rows each update sees.
package enum BatchSize: Sendable, Equatable, Codable {
    /// All of them.
    case full
    /// min(512, ⌈N/2⌉), the default of the grokking paper's code.
    case half
    /// A number of rows; the last batch of an epoch may be smaller.
    case rows(Int)
    /// A share of the rows in (0, 1), rounded up.
    case share(Double)

    /// Reads `full`, `half`, a number of rows or a share.
    package init(_ text: String) throws {
        if text == "full" {
            self = .full
        } else if text == "half" {
            self = .half
        } else if let count = Int(text), count > 0 {
            self = .rows(count)
        } else if let share = Double(text), share > 0, share < 1 {
            self = .share(share)
        } else {
            throw UserError.usage(
                subject: "batch \(text)", cause: "it is not a batch size",
                advice: "choose full, half, a number of rows, or a share between 0 and 1")
        }
    }

    /// The rows of a full batch of this size out of `count`.
    ///
    /// Errors: more rows than there are.
    func rowCount(of count: Int) throws -> Int {
        switch self {
        case .full: return count
        case .half: return min(512, (count + 1) / 2)
        case .share(let share): return Int((share * Double(count)).rounded(.up))
        case .rows(let rows):
            guard rows <= count else {
                throw UserError.usage(
                    subject: "batch \(rows)", cause: "there are only \(count) training rows",
                    advice: "choose at most that many, or full")
            }
            return rows
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let count = try? container.decode(Int.self) {
            try self.init(String(count))
        } else if let share = try? container.decode(Double.self) {
            try self.init("\(share)")
        } else {
            try self.init(container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .full: try container.encode("full")
        case .half: try container.encode("half")
        case .rows(let rows): try container.encode(rows)
        case .share(let share): try container.encode(share)
        }
    }
}

extension OptimizerStatePolicy: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let policy = OptimizerStatePolicy(text) else {
            throw UserError.usage(
                subject: "optimizer_states '\(text)'", cause: "it is not understood",
                advice: "choose newest, all, or 'every N' with N of at least 1")
        }
        self = policy
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
