package import Checkpoints
internal import Foundation
package import Networks

/// Everything that determines a run, bit by bit: one JSON object with the sections `task`,
/// `network`, `loss`, `optimizer`, `schedule` and `training`.
///
/// A section or key that is absent has its default, which makes the empty object the canonical run
/// of the literature: a one-layer transformer, addition modulo 113 on 30 % of the pairs, full-batch
/// AdamW with weight decay 1.
package struct TrainingConfiguration: Codable, Sendable, Equatable {
    package var model: ModelConfiguration
    package var optimizer: OptimizerConfiguration
    package var schedule: LearningRateSchedule
    package var training: TrainingSettings

    package init(
        model: ModelConfiguration = ModelConfiguration(),
        optimizer: OptimizerConfiguration = OptimizerConfiguration(),
        schedule: LearningRateSchedule = LearningRateSchedule(),
        training: TrainingSettings = TrainingSettings()
    ) {
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.training = training
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case task, network, loss, optimizer, schedule, training
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "run")
        model = try ModelConfiguration(from: decoder)
        optimizer = OptimizerConfiguration()
        schedule = LearningRateSchedule()
        training = TrainingSettings()
        try values.read(.optimizer, into: &optimizer)
        try values.read(.schedule, into: &schedule)
        try values.read(.training, into: &training)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model.task, forKey: .task)
        try container.encode(model.network, forKey: .network)
        try container.encode(model.loss, forKey: .loss)
        try container.encode(optimizer, forKey: .optimizer)
        try container.encode(schedule, forKey: .schedule)
        try container.encode(training, forKey: .training)
    }

    /// Reads a JSON text; unknown keys and values that do not fit are named.
    package init(json: String) throws {
        self = try TrainingConfiguration.decoded(Data(json.utf8))
    }

    /// Reads a tree of settings; what it does not name has its default.
    package init(_ settings: JSONValue) throws {
        self = try TrainingConfiguration.decoded(Data(settings.json().utf8))
    }

    /// Reads the configuration of a stored run.
    ///
    /// Errors: the run was imported, or trained by a program with other settings.
    package init(of run: RunDescription) throws {
        guard run.origin == nil else {
            throw UserError(
                .failure, subject: "run \(run.id)",
                cause: "it was imported, so its training cannot be repeated here",
                advice: "start a new run with its settings")
        }
        try self.init(json: run.configuration)
    }

    private static func decoded(_ json: Data) throws -> TrainingConfiguration {
        do {
            return try JSONDecoder().decode(TrainingConfiguration.self, from: json)
        } catch let error as UserError {
            throw error
        } catch let DecodingError.dataCorrupted(context) {
            throw UserError.usage(
                subject: TrainingConfiguration.path(context), cause: context.debugDescription)
        } catch let DecodingError.typeMismatch(_, context) {
            throw UserError.usage(
                subject: TrainingConfiguration.path(context), cause: "its value does not fit")
        }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        let keys = context.codingPath.map(\.stringValue)
        return keys.isEmpty ? "the configuration" : "setting \(keys.joined(separator: "."))"
    }

    /// The complete configuration as JSON with sorted keys, every default written out.
    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// The complete configuration as a tree.
    package var settings: JSONValue {
        get throws {
            try JSONValue(parsing: json.utf8)
        }
    }

    /// Throws one sentence about the first setting that cannot work, whatever the task.
    package func validate() throws {
        try model.network.validate()
        try optimizer.validate()
        try schedule.validate()
        try training.validate()
        if optimizer.sharpnessRadius > 0, training.weightNoise > 0 {
            throw UserError.usage(
                subject: "sharpness_radius \(optimizer.sharpnessRadius)",
                cause: "weight_noise takes the gradient elsewhere", advice: "choose one of them")
        }
        if optimizer.kind == .gd, training.batch != .full {
            throw UserError.usage(
                subject: "optimizer gd", cause: "it is gradient descent on all training rows",
                advice: "choose the batch full, or the optimizer sgd")
        }
    }

    /// The settings for queries and tables, by the names people use.
    ///
    /// Lists of numbers that are data rather than settings (a given table, listed rows) are left
    /// out.
    package var hyperparameters: [Hyperparameter] {
        get throws {
            let sections = try settings
            return SettingName.all.compactMap { name in
                guard let value = sections[name.section]?[name.key]?.scalar else { return nil }
                // JSON does not tell 1.0 from 1; queries must.
                let real = name.isReal ? value.real : nil
                return Hyperparameter(name.flat, real.map(ScalarValue.real) ?? value)
            }
        }
    }
}
