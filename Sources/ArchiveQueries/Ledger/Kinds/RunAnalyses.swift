package import Analysis
package import Checkpoints
internal import Foundation
package import Networks

/// The analyses of a whole run from its curves.
package enum RunAnalyses {
    /// Further accuracies that a crossing is reported for.
    static let furtherLevels = [0.5, 0.9, 0.95]

    /// What a network that does not look at its input reaches; nil where nothing says it.
    package struct Guess {
        package var accuracy: (value: Double, source: String)?
        package var loss: GuessingLoss?

        package init() {}
    }

    /// The times of memorisation and generalisation, by accuracy where there are both curves, else
    /// by loss.
    ///
    /// Nothing stands in for an unknown guess. Accuracies in percent are divided by 100, and a row
    /// says so. Errors: no pair of curves, or accuracies that are neither shares nor percent.
    package static func grokking(
        _ curves: RunCurves, guess: Guess, settings: GrokkingTimesAnalysis, run: String
    ) throws -> [any ResultRow] {
        if !curves.trainAccuracy.isEmpty, !curves.testAccuracy.isEmpty {
            return try byAccuracy(curves, guess, settings, run)
        }
        guard !curves.trainLoss.isEmpty, !curves.testLoss.isEmpty else {
            throw UserError.missing(
                subject: "run \(run)",
                cause: "it has neither both accuracies nor both losses, so it has no grokking time",
                advice: "record \(MetricName.trainAccuracy) and \(MetricName.testAccuracy)")
        }
        // A loss in the unit of the answers is small or large only beside that of guessing.
        let unit = guess.loss.flatMap { $0.isScale && $0.value > 0 ? $0.value : nil }
        let analysis = analyzeGrokkingByLoss(
            curves, chance: guess.loss?.value, threshold: settings.lossThreshold * (unit ?? 1))
        return rows(of: analysis, metric: MetricName.testLoss)
            + measurements(of: analysis, chanceSource: guess.loss?.source)
            + (unit.map { [MeasurementRow("loss_unit", value: $0, text: "the loss of guessing")] }
                ?? [])
    }

    private static func byAccuracy(
        _ curves: RunCurves, _ guess: Guess, _ settings: GrokkingTimesAnalysis, _ run: String
    ) throws -> [any ResultRow] {
        let values = [curves.trainAccuracy, curves.testAccuracy].flatMap(\.values)
        guard let unit = AccuracyUnit(of: values) else {
            throw UserError.missing(
                subject: "run \(run)", cause: AccuracyUnit.refusal(of: values),
                advice: "record accuracies as shares in 0...1")
        }
        let curves = unit == .percent ? curves.withAccuraciesDivided(by: 100) : curves
        let analysis = analyzeGrokking(
            curves, chance: guess.accuracy?.value, threshold: settings.threshold,
            furtherLevels: furtherLevels)
        let further = zip(furtherLevels, analysis.furtherLevels).filter {
            $0.0 != settings.threshold
        }
        let interval = analysis.fit?.fit.flatMap {
            curves.testAccuracy.interval(of: $0, chance: analysis.chance)
        }
        return rows(of: analysis, metric: MetricName.testAccuracy, interval: interval)
            + further.map { level, crossings in
                GrokkingRow(
                    metric: MetricName.testAccuracy, threshold: level, rule: "sustained",
                    memorisation: curves.trainAccuracy.crossings(of: level).sustained,
                    generalisation: crossings.sustained, chance: analysis.chance,
                    analysis: nil)
            }
            + measurements(of: analysis, chanceSource: guess.accuracy?.source)
            + (interval.map {
                [
                    MeasurementRow("noise_autocorrelation", value: $0.autocorrelation),
                    MeasurementRow("noise_binomial_share", value: $0.binomialShare),
                ]
            } ?? [])
            + [
                MeasurementRow(
                    "accuracy_unit",
                    text: unit == .percent
                        ? "percent, divided by 100 here" : "shares, as stored: none is above 1")
            ]
    }

    private static func rows(
        of analysis: GrokkingAnalysis, metric: String, interval: FitInterval? = nil
    ) -> [any ResultRow] {
        let pairs = [
            ("first", analysis.memorisation.first, analysis.generalisation.first),
            ("sustained", analysis.memorisation.sustained, analysis.generalisation.sustained),
            ("stable", analysis.memorisation.stable, analysis.generalisation.stable),
        ]
        return pairs.map { rule, memorisation, generalisation in
            GrokkingRow(
                metric: metric, threshold: analysis.threshold, rule: rule,
                memorisation: memorisation, generalisation: generalisation,
                chance: analysis.chance, analysis: analysis, interval: interval)
        }
    }

    private static func measurements(
        of analysis: GrokkingAnalysis, chanceSource: String?
    ) -> [any ResultRow] {
        var rows = [
            MeasurementRow("onset_step", value: analysis.onsetStep),
            MeasurementRow("step_ratio", value: analysis.ratio),
            MeasurementRow(
                "memorisation_interpolated", value: analysis.memorisation.sustained.interpolated),
            MeasurementRow(
                "generalisation_interpolated",
                value: analysis.generalisation.sustained.interpolated),
            MeasurementRow(
                "chance_source",
                text: chanceSource ?? "unknown: the run does not state its task"),
        ]
        if analysis.label == nil {
            let isShort = analysis.chance != nil
            rows.append(
                MeasurementRow(
                    "label_missing",
                    text: isShort
                        ? "a curve has fewer than two evaluations"
                        : "what a guess reaches is unknown and decides it, or a curve has fewer "
                            + "than two evaluations"))
        }
        if let linear = analysis.linearFit?.fit {
            rows.append(MeasurementRow("linear_time_midpoint", value: linear.midpointStep))
            rows.append(MeasurementRow("linear_time_rmse", value: linear.rmse))
            rows.append(MeasurementRow("linear_time_aicc", value: linear.aicc))
        }
        if let logarithmic = analysis.logarithmicFit?.fit {
            rows.append(MeasurementRow("log_time_midpoint", value: logarithmic.midpointStep))
            rows.append(MeasurementRow("log_time_rmse", value: logarithmic.rmse))
            rows.append(MeasurementRow("log_time_aicc", value: logarithmic.aicc))
        }
        rows += analysis.spikeSteps.enumerated().map { position, step in
            MeasurementRow("train_loss_spike", position: position, value: Double(step))
        }
        return rows.filter { $0.value != nil || $0.text != nil }
    }

    /// The SHA-256 of the curves that the analysis reads: each point's name, step and bits.
    package static func digest(of points: [MetricPoint]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(points.count * 24)
        for point in points {
            bytes += Array(point.name.utf8) + [0]
            withUnsafeBytes(of: Int64(point.step).littleEndian) { bytes += $0 }
            withUnsafeBytes(of: point.value.bitPattern.littleEndian) { bytes += $0 }
        }
        return Digest(of: bytes).description
    }
}
