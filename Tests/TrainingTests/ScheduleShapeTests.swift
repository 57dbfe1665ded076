import Checkpoints
import Testing

@testable import Training

@Suite struct ScheduleShapeTests {
    @Test func settingsOfAnotherShapeAreRefused() {
        #expect(throws: UserError.self) {
            try TrainingConfiguration(["schedule": ["shape": "linear", "cosine_steps": 5]])
        }
        #expect(throws: UserError.self) {
            try TrainingConfiguration(["schedule": ["shape": "linear"]]).validate()
        }
        #expect(throws: UserError.self) {
            try TrainingConfiguration(["optimizer": ["filter_decay": 0.9]])
        }
        #expect(throws: UserError.self) {
            try TrainingConfiguration(["optimizer": ["kind": "adamw", "nesterov": true]])
        }
    }

    @Test func aChangedShapeForgetsTheOldOnes() throws {
        let cosine: JSONValue = ["schedule": ["shape": "cosine", "cosine_steps": 5]]
        let changed = try cosine.changing([("shape", "linear"), ("decay_steps", 7)])
        let schedule = try TrainingConfiguration(changed).schedule
        #expect(schedule.decaySteps == 7 && schedule.cosineSteps == nil)
        #expect(schedule.finalFactor == 0)
    }

    /// Grokfast's worked sequence: α = 0.98, λ = 2 and gradients 1, 0, 0, −1, 2.
    @Test func theRunningMeanGivesTheWorkedSequence() throws {
        var configuration = OptimizerConfiguration(.gd, learningRate: 1)
        configuration.filter = .ema
        var filter = GradientFilter<Double>(configuration, count: 1)
        let found = [1.0, 0, 0, -1, 2].map { slope in
            var gradient = [slope]
            filter.apply(to: &gradient)
            return gradient[0]
        }
        for (value, expected) in zip(found, [3, 1.96, 1.9208, 0.842384, 3.88553632]) {
            #expect(abs(value - expected) <= 1e-14)
        }
    }
}
