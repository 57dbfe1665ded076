internal import Analysis
internal import Checkpoints
internal import Foundation
internal import Networks
internal import Training

/// Adam's settings as a run's configuration states them.
struct AdamRule: Sendable {
    private let optimizer: OptimizerConfiguration
    private let schedule: LearningRateSchedule?

    private struct Sections: Decodable {
        let optimizer: OptimizerConfiguration?
        let schedule: LearningRateSchedule?
    }

    private struct Time: Decodable {
        /// Updates that Adam's moments have seen.
        let time: Int?
        let step: Int?
    }

    /// Reads them.
    ///
    /// Errors: the run does not state its optimiser, or it is no Adam.
    init(of run: RunDescription) throws {
        let sections = try JSONDecoder().decode(
            Sections.self, from: Data(run.configuration.utf8))
        guard let optimizer = sections.optimizer else {
            throw UserError(
                .failure, subject: "run \(run.id)",
                cause: "its configuration does not state the optimiser, so that the preconditioned "
                    + "sharpness has no meaning")
        }
        guard optimizer.kind == .adam || optimizer.kind == .adamw else {
            throw UserError(
                .failure, subject: "run \(run.id)",
                cause: "it was trained with \(optimizer.kind.rawValue), and the preconditioned "
                    + "sharpness is defined for Adam")
        }
        self.optimizer = optimizer
        schedule = sections.schedule
    }

    /// The state after `step` updates; the learning rate is that of the next update, where the run
    /// states a schedule, else the full one.
    func state(_ stored: OptimizerState, layout: ParameterLayout, step: Int) throws -> AdamState {
        let time = try? JSONDecoder().decode(Time.self, from: Data(stored.attributes.utf8))
        return try AdamState(
            stored, layout: layout,
            learningRate: optimizer.learningRate * (schedule?.factor(at: step) ?? 1),
            beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
            decay: decay, step: time?.time ?? time?.step ?? step)
    }

    private var decay: AdamState.Decay {
        guard optimizer.weightDecay > 0 else { return .none }
        return switch optimizer.decay {
        // Towards the initial weights the equilibrium moves, but not the stability around it.
        case .toZero, .toInit: .decoupled(optimizer.weightDecay)
        case .honest: .coupled(optimizer.weightDecay)
        // Its mean shrinks nothing.
        case .jiggle: .none
        }
    }
}
