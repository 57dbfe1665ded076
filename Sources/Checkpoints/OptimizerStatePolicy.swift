/// Which optimiser states an archive keeps once their checkpoints are packed.
///
/// The newest is always kept, so that a run can be resumed. A step between two checkpoints is
/// recomputed from the nearest kept state before it, so a run that keeps none but the newest is
/// replayed from its first step.
package enum OptimizerStatePolicy: Sendable, Equatable {
    /// None but the newest.
    case newest
    /// That of every checkpoint.
    case all
    /// Those of checkpoints whose step is a multiple of this.
    case every(Int)

    /// The setting of a run that says it, a text: `newest` where a run has none.
    package static let settingName = "optimizer_states"

    /// Reads `newest`, `all` or `every N`; nil for another text.
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        switch (words.first, words.count) {
        case ("newest", 1): self = .newest
        case ("all", 1): self = .all
        case ("every", 2):
            guard let interval = Int(words[1]), interval > 0 else { return nil }
            self = .every(interval)
        default: return nil
        }
    }

    package func keeps(_ step: Int) -> Bool {
        switch self {
        case .newest: false
        case .all: true
        case .every(let interval): step % interval == 0
        }
    }
}

extension OptimizerStatePolicy: CustomStringConvertible {
    package var description: String {
        switch self {
        case .newest: "newest"
        case .all: "all"
        case .every(let interval): "every \(interval)"
        }
    }
}

/// The optimiser states that one run keeps for good: those of its policy, and the one a forked run
/// began with, which is in no other file of the run and without which none of its steps up to the
/// next kept state could be recomputed.
package struct KeptOptimizerStates: Sendable, Equatable {
    package var policy: OptimizerStatePolicy
    /// The first step of a forked run; nil for a run that began at its initial weights.
    package var forkStep: Int?

    /// None but the newest.
    package static let newest = KeptOptimizerStates(policy: .newest, forkStep: nil)

    package func keeps(_ step: Int) -> Bool { policy.keeps(step) || step == forkStep }
}

extension RunDescription {
    /// What the run's settings and its origin say about optimiser states.
    package var optimizerStatePolicy: KeptOptimizerStates {
        let setting = hyperparameters.first { $0.name == OptimizerStatePolicy.settingName }
        var policy = OptimizerStatePolicy.newest
        if case .text(let text)? = setting?.value { policy = OptimizerStatePolicy(text) ?? .newest }
        return KeptOptimizerStates(policy: policy, forkStep: parent?.step)
    }
}
