internal import ArrayMath
internal import Foundation

/// When a run memorised and when it generalised, with what the data say about both.
package struct GrokkingAnalysis: Sendable, Equatable {
    /// `accuracy`, or `loss` for logs without accuracies.
    package let metric: String
    /// The level that counts as solved: an accuracy, or a loss in nats.
    package let threshold: Double
    /// The value of guessing: accuracy of the commonest label, or the loss of guessing; nil where the
    /// task is unknown.
    package let chance: Double?
    /// Crossings of the threshold by the training curve.
    package let memorisation: Crossings
    /// Crossings of the threshold by the test curve.
    package let generalisation: Crossings
    /// Crossings of further declared levels by the test curve, in the order asked.
    package let furtherLevels: [Crossings]
    /// The logistic fit in x = log10(step + 1); losses have none.
    package let logarithmicFit: FitOutcome?
    /// The logistic fit in x = step.
    package let linearFit: FitOutcome?
    /// The decades from 10 % to 90 % of the rise: the fit's, else read off the curve.
    ///
    /// For losses from half the chance loss to the threshold.
    package let widthDecades: Double?
    /// The step where the rise begins (10 %, or half the chance loss).
    package let onsetStep: Double?
    /// Passes of the test curve back behind the threshold after its first sustained crossing.
    package let recrossingCount: Int
    /// Steps whose training loss exceeds 100 times its running median; empty without that curve.
    package let spikeSteps: [Int]
    /// Nil when a curve has fewer than two points, and where the rule needs an unknown chance.
    package let label: GrokkingLabel?
    /// The rise spans fewer than three evaluations.
    package let isCoarse: Bool

    /// The fit on the time scale whose AICc is smaller; losses have none.
    ///
    /// The corrected Akaike criterion compares the two shapes on the same weighted data. A refused
    /// fit gives way to an accepted one; of two refused, or of equal criteria, that in log-time
    /// counts.
    package var fit: FitOutcome? {
        guard let linear = linearFit?.fit else { return logarithmicFit }
        guard let logarithmic = logarithmicFit?.fit else { return linearFit }
        return linear.aicc < logarithmic.aicc ? linearFit : logarithmicFit
    }
    /// The start of sustained memorisation in steps; nil when not reached.
    package var memorisationStep: Int? { memorisation.sustained.step }
    /// The start of sustained generalisation in steps; nil when not reached.
    package var generalisationStep: Int? { generalisation.sustained.step }
    /// Generalisation minus memorisation in steps.
    package var gap: Int? {
        difference(generalisationStep, memorisationStep)
    }
    /// (generalisation + 1) / (memorisation + 1): a ratio of steps that step 0 does not break.
    package var ratio: Double? {
        guard let memorisationStep, let generalisationStep else { return nil }
        return (Double(generalisationStep) + 1) / (Double(memorisationStep) + 1)
    }
    package var midpointStep: Double? { fit?.fit?.midpointStep }
    /// ln 81 / width in 1/decade: k of a fit in log-time, and what a fit in linear time has in its
    /// place, so that the two can be compared; nil where a linear fit starts before step 0.
    package var steepness: Double? { fit?.fit?.widthDecades.map { log(81) / $0 } }
    /// The label with the suffix `+coarse` where it applies.
    package var labelText: String? { label.map { $0.rawValue + (isCoarse ? "+coarse" : "") } }
}

/// The curves of a run by name; missing curves are empty.
package struct RunCurves: Sendable {
    package var trainAccuracy = Curve(steps: [], values: [])
    package var testAccuracy = Curve(steps: [], values: [])
    package var trainLoss = Curve(steps: [], values: [])
    package var testLoss = Curve(steps: [], values: [])

    package init() {}

    /// The same with accuracies in another unit.
    package func withAccuraciesDivided(by factor: Double) -> RunCurves {
        var curves = self
        curves.trainAccuracy = trainAccuracy.divided(by: factor)
        curves.testAccuracy = testAccuracy.divided(by: factor)
        return curves
    }
}

/// The grokking analysis of accuracies: sustained crossings, a logistic fit and a label.
///
/// `chance` is the share of the commonest label, nil where the task is unknown: then there is a label
/// only where every possible chance gives the same. The steps of the answer are the evaluations' own;
/// every time carries its censoring. Empty curves give no label and no times.
package func analyzeGrokking(
    _ curves: RunCurves, chance: Double?, threshold: Double = 0.99,
    furtherLevels: [Double] = [0.5, 0.9, 0.95]
) -> GrokkingAnalysis {
    let (train, test) = (curves.trainAccuracy, curves.testAccuracy)
    let memorisation = train.crossings(of: threshold)
    let generalisation = test.crossings(of: threshold)
    let logarithmicFit = test.transitionFit(chance: chance)
    let linearFit = test.transitionFit(chance: chance, timeScale: .linear)
    // Where the chance is unknown, a rise is read off from the lowest value seen.
    let base = chance ?? test.values.min() ?? 0
    let final = test.values.last ?? base
    let observed = (
        ten: test.crossings(of: base + 0.1 * (final - base)).first,
        ninety: test.crossings(of: base + 0.9 * (final - base)).first
    )
    let hasRise = final > base + 0.05
    let fit = [logarithmicFit, linearFit].compactMap(\.fit).min { $0.aicc < $1.aicc }
    let onset = fit?.tenPercentStep ?? (hasRise ? observed.ten.interpolated : nil)
    let width =
        fit?.widthDecades
        ?? (hasRise ? decades(observed.ten.interpolated, observed.ninety.interpolated) : nil)
    let inside = evaluationsInside(test, observed.ten.step, observed.ninety.step)
    let recrossings = generalisation.sustained.step.map {
        test.recrossings(of: threshold, depth: 0.05, after: $0)
    }
    let plateau = plateauMedian(test, memorisation.sustained.step, onset)
    let facts = LabelFacts(
        isFinite: !curves.endNotFinite, isMemorised: memorisation.sustained.isReached,
        isAtChance: isNearChance(final, within: 0.05, of: chance, isStrict: true),
        isGeneralised: generalisation.sustained.isReached, isLost: final < threshold - 0.1,
        isSettled: isSettled(test, generalisation), recrossings: recrossings ?? 0,
        isStillMoving: lastDecileChange(test) >= 0.01,
        ratio: stepRatio(memorisation, generalisation),
        plateauIsAtChance: plateau.map { isNearChance($0, within: 0.1, of: chance) } ?? true,
        width: width)
    return GrokkingAnalysis(
        metric: "accuracy", threshold: threshold, chance: chance, memorisation: memorisation,
        generalisation: generalisation,
        furtherLevels: furtherLevels.map { test.crossings(of: $0) },
        logarithmicFit: logarithmicFit, linearFit: linearFit, widthDecades: width,
        onsetStep: onset, recrossingCount: recrossings ?? 0,
        spikeSteps: curves.trainLoss.spikes(),
        label: min(train.count, test.count) < 2 ? nil : facts.label,
        isCoarse: fit == nil && generalisation.sustained.isReached && inside < 3)
}

/// The same from losses, for logs without accuracies.
///
/// `chance` is the loss of guessing, ln(classes) for a cross-entropy, nil where it is unknown. Solved
/// means below `threshold`, in the unit of the losses; a run has left chance when its test loss is
/// below half of `chance`. The plateau is at chance when the median test loss between memorisation and
/// leaving chance is at least 0.9 `chance`. A run whose last test loss exceeds ten times the
/// threshold after having solved the task has collapsed. With an unknown chance there is no onset and
/// no width, and a label only where every possible chance gives the same.
package func analyzeGrokkingByLoss(
    _ curves: RunCurves, chance: Double?, threshold: Double = 1e-2
) -> GrokkingAnalysis {
    let (train, test) = (curves.trainLoss, curves.testLoss)
    let memorisation = train.crossings(of: threshold, direction: .falling)
    let generalisation = test.crossings(of: threshold, direction: .falling)
    let leaving = chance.map { test.crossings(of: $0 / 2, direction: .falling) }
    let final = test.values.last ?? .infinity
    let width = decades(leaving?.sustained.interpolated, generalisation.sustained.interpolated)
    let recrossings = generalisation.sustained.step.map {
        test.recrossings(of: threshold, depth: 0.05, direction: .falling, after: $0)
    }
    let onset = leaving?.sustained.interpolated
    let plateau = plateauMedian(test, memorisation.sustained.step, onset)
    let facts = LabelFacts(
        isFinite: !curves.endNotFinite, isMemorised: memorisation.sustained.isReached,
        isAtChance: chance.map { final > $0 / 2 },
        isGeneralised: generalisation.sustained.isReached, isLost: final > 10 * threshold,
        isSettled: isSettled(test, generalisation), recrossings: recrossings ?? 0,
        isStillMoving: -lastDecileChange(test) >= 0.01,
        ratio: stepRatio(memorisation, generalisation),
        plateauIsAtChance: chance.map { chance in plateau.map { $0 >= 0.9 * chance } ?? true },
        width: width)
    let inside = evaluationsInside(test, leaving?.sustained.step, generalisation.sustained.step)
    return GrokkingAnalysis(
        metric: "loss", threshold: threshold, chance: chance, memorisation: memorisation,
        generalisation: generalisation, furtherLevels: leaving.map { [$0] } ?? [],
        logarithmicFit: nil,
        linearFit: nil, widthDecades: width, onsetStep: onset, recrossingCount: recrossings ?? 0,
        spikeSteps: train.spikes(), label: min(train.count, test.count) < 2 ? nil : facts.label,
        isCoarse: leaving != nil && generalisation.sustained.isReached && inside < 3)
}

/// What the rules of the label look at.
private struct LabelFacts {
    let isFinite: Bool
    let isMemorised: Bool
    /// nil where it depends on an unknown chance, as `plateauIsAtChance`.
    let isAtChance: Bool?
    let isGeneralised: Bool
    let isLost: Bool
    let isSettled: Bool
    let recrossings: Int
    let isStillMoving: Bool
    let ratio: Double?
    let plateauIsAtChance: Bool?
    let width: Double?

    var label: GrokkingLabel? {
        if !isFinite { return .diverged }
        if !isMemorised { return .noFit }
        if isGeneralised, isLost { return .collapsed }
        if recrossings >= 2, !isSettled { return .unstable }
        guard isGeneralised, let ratio else {
            guard let isAtChance else { return nil }
            if isAtChance { return .memorisedOnly }
            return isStillMoving ? .incomplete : .partial
        }
        if ratio < 2 { return .concurrent }
        if ratio < 10 || (width ?? 0) > 0.5 { return .delayed }
        return plateauIsAtChance.map { $0 ? .grokked : .delayed }
    }
}

/// Whether a value is at most `margin` above chance; with an unknown chance only what holds for
/// every possible one.
private func isNearChance(
    _ value: Double, within margin: Double, of chance: Double?, isStrict: Bool = false
) -> Bool? {
    guard let chance else { return value < margin ? true : nil }
    return isStrict ? value < chance + margin : value <= chance + margin
}

/// Whether the curve has stayed beyond the level for at least as many evaluations as went by between
/// the first sustained crossing and the stable one.
private func isSettled(_ curve: Curve, _ crossings: Crossings) -> Bool {
    guard let stable = crossings.stable.step, let sustained = crossings.sustained.step else {
        return false
    }
    let held = curve.steps.count { $0 >= stable }
    return held >= curve.steps.count { $0 >= sustained && $0 < stable }
}

extension RunCurves {
    /// Whether one of the curves ends in NaN or infinity.
    fileprivate var endNotFinite: Bool {
        [trainAccuracy, testAccuracy, trainLoss, testLoss].contains(where: \.endsNotFinite)
    }
}

/// later − earlier in steps; nil where one is unknown, or the difference beyond the largest integer.
package func difference(_ later: Int?, _ earlier: Int?) -> Int? {
    guard let later, let earlier else { return nil }
    let (difference, overflow) = later.subtractingReportingOverflow(earlier)
    return overflow ? nil : difference
}

private func stepRatio(_ memorisation: Crossings, _ generalisation: Crossings) -> Double? {
    guard let first = memorisation.sustained.step, let second = generalisation.sustained.step
    else { return nil }
    return (Double(second) + 1) / (Double(first) + 1)
}

private func decades(_ start: Double?, _ end: Double?) -> Double? {
    guard let start, let end, start > -1, end >= start else { return nil }
    return log10((end + 1) / (start + 1))
}

private func evaluationsInside(_ curve: Curve, _ start: Int?, _ end: Int?) -> Int {
    guard let start, let end else { return 0 }
    return curve.steps.count { $0 >= start && $0 < end }
}

/// The median value of the evaluations between memorisation and the onset of the rise.
private func plateauMedian(_ curve: Curve, _ memorised: Int?, _ onset: Double?) -> Double? {
    guard let memorised, let onset else { return nil }
    let values = zip(curve.steps, curve.values)
        .filter { $0.0 > memorised && Double($0.0) < onset }.map(\.1).sorted()
    return values.isEmpty ? nil : values[values.count / 2]
}

/// How much a straight line through the last tenth of the evaluations (three at least) rises over
/// them; losses are compared as they are.
///
/// 0 for fewer than three points.
private func lastDecileChange(_ curve: Curve) -> Double {
    let count = max(3, curve.count / 10)
    guard curve.count >= count else { return 0 }
    let x = Array(curve.positions.suffix(count))
    let y = Array(curve.values.suffix(count))
    let (meanX, meanY) = (x.reduce(0, +) / Double(count), y.reduce(0, +) / Double(count))
    let spread = x.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
    guard spread > 0 else { return 0 }
    let slope = zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) } / spread
    return slope * (x[count - 1] - x[0])
}
