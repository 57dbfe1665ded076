internal import Foundation

/// Where the phases of grokking begin and end, by stated rules.
///
/// All in steps of the given checkpoints and evaluations; nil where the rule's event is not seen.
package struct PhaseBoundaries: Sendable, Equatable {
    /// The checkpoint with the smallest excluded loss on training pairs, of two or more: circuits
    /// begin to carry the answers.
    package let memorisationEnd: Int?
    /// The checkpoint with the largest restricted loss, of two or more.
    package let restrictedPeak: Int?
    /// The first evaluation with a test loss below ln(classes): clean-up begins.
    package let cleanUpStart: Int?
    /// The first evaluation with a test accuracy of at least 0.99: clean-up is over.
    package let cleanUpEnd: Int?

    /// Applies the rules (Nanda and others 2023, made exact here).
    ///
    /// Curves are by step and may be empty. The end of memorisation is looked for among checkpoints
    /// up to the start of clean-up where there is one, since excluded loss stays large afterwards.
    package init(
        excludedTrainLoss: Curve, restrictedLoss: Curve, testLoss: Curve, testAccuracy: Curve,
        classCount: Int
    ) {
        let start = testLoss.crossings(of: log(Double(max(classCount, 2))), direction: .falling)
        // The loss of the first weights may lie just below ln(classes) before it rises.
        let peak = zip(testLoss.steps, testLoss.values).max { $0.1 < $1.1 }?.0
        let afterPeak = zip(testLoss.steps, testLoss.values).first {
            $0.0 >= peak ?? 0 && $0.1 < start.level
        }?.0
        cleanUpStart = afterPeak
        cleanUpEnd = testAccuracy.crossings(of: 0.99).first.step
        // One checkpoint has no smallest or largest loss: nothing is seen of the others.
        let excluded = zip(excludedTrainLoss.steps, excludedTrainLoss.values)
            .filter(\.1.isFinite)
        memorisationEnd =
            excluded.count < 2
            ? nil
            : excluded.filter { $0.0 <= afterPeak ?? .max }.min { $0.1 < $1.1 }?.0
        let restricted = zip(restrictedLoss.steps, restrictedLoss.values).filter(\.1.isFinite)
        restrictedPeak = restricted.count < 2 ? nil : restricted.max { $0.1 < $1.1 }?.0
    }

    /// The boundaries as measurements, each with the weight norm held at that step.
    package func measurements(weightNorm: Curve) -> [MeasuredValue] {
        let boundaries = [
            ("memorisation_end", memorisationEnd), ("restricted_peak", restrictedPeak),
            ("clean_up_start", cleanUpStart), ("clean_up_end", cleanUpEnd),
        ]
        return boundaries.flatMap { name, step in
            [
                MeasuredValue(
                    "phase_step", subject: name, value: step.map(Double.init),
                    text: step == nil ? "its event is not seen in the run" : nil),
                MeasuredValue(
                    "phase_weight_norm", subject: name,
                    value: step.flatMap { weightNorm.value(heldAt: $0) },
                    text: step == nil ? "its event is not seen in the run" : nil),
            ]
        }
    }
}
