package import Analysis
internal import ArrayMath
package import GRDB

/// The times of a run by one curve, threshold and rule.
package struct GrokkingRow: ResultRow, Equatable {
    package let metric: String
    package let threshold: Double
    package let rule: String
    package let memorisation: CrossingTime
    package let generalisation: CrossingTime
    /// nil where the task is unknown.
    package let chance: Double?
    /// Set for the threshold that was asked for, nil for the further ones.
    package let analysis: GrokkingAnalysis?
    /// The 95 % intervals of the fit; nil where there is no fit.
    package var interval: FitInterval?

    /// Generalisation minus memorisation in steps; nil unless both were reached.
    package var gap: Int? {
        difference(generalisation.step, memorisation.step)
    }

    /// The fitted rise on the better time scale; nil where there is none.
    package var fit: TransitionFit? { analysis?.fit?.fit }

    /// `fit`, or why there is none; nil for losses and further thresholds.
    package var fitText: String? {
        switch analysis?.fit {
        case .fit: "fit"
        case .refused(let reason): reason.rawValue
        case nil: nil
        }
    }

    package var steepness: Double? { fit == nil ? nil : analysis?.steepness }
    /// `logarithmic` or `linear`; nil where there is no fit.
    package var timeScale: String? { fit?.timeScale.rawValue }
    package var plateaus: (lower: Double, upper: Double)? {
        fit.map { ($0.curve.lower, $0.curve.upper) }
    }

    package static let insertion = """
        INSERT INTO grokking_time (analysis_key, metric, threshold, rule, memorisation_step,
            memorisation_before, generalisation_step, generalisation_before, gap, midpoint_step,
            midpoint_low, midpoint_high, steepness, width_decades, lower_plateau, upper_plateau,
            step_10, step_90, rmse, r_squared, fit, chance, recrossing_count, label, time_scale,
            spacing, finer_than_data)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [
            metric, threshold, rule, memorisation.step, memorisation.lastBefore,
            generalisation.step, generalisation.lastBefore, gap, fit?.midpointStep,
            interval?.midpointStep.lowerBound, interval?.midpointStep.upperBound, steepness,
            analysis?.widthDecades, plateaus?.lower, plateaus?.upper, fit?.tenPercentStep,
            fit?.ninetyPercentStep, fit?.rmse, fit?.rSquared, fitText, chance,
            analysis?.recrossingCount, analysis?.labelText, timeScale, interval?.spacing,
            interval?.isFinerThanData,
        ]
    }
}
