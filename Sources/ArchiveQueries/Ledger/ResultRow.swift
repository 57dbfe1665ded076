package import Analysis
internal import ArrayMath

/// One row of an analysis's result, as its table stores it.
package enum ResultRow: Sendable, Equatable {
    case norm(WeightNorms)
    case spectrum(SpectrumRow)
    case eigenvalue(CurvatureEigenvalue, curvature: CurvatureOperator, split: ExampleSplit)
    case grokking(GrokkingRow)
    case measurement(MeasurementRow)
}

/// The power of one tensor at one frequency.
package struct SpectrumRow: Sendable, Equatable {
    package let tensor: String
    package let basis: String
    package let frequency: Int
    package let power: Double
    /// The part of the power of all frequencies but 0; nil for frequency 0 and for no power.
    package let share: Double?
}

/// The times of a run by one curve, threshold and rule.
package struct GrokkingRow: Sendable, Equatable {
    package let metric: String
    package let threshold: Double
    package let rule: String
    package let memorisation: CrossingTime
    package let generalisation: CrossingTime
    package let chance: Double
    /// Set for the threshold that was asked for, nil for the further ones.
    package let analysis: GrokkingAnalysis?
    /// The 95 % intervals of the fit; nil where there is no fit.
    package var interval: FitInterval?

    /// Generalisation minus memorisation in steps; nil unless both were reached.
    package var gap: Int? {
        guard let memorised = memorisation.step, let generalised = generalisation.step else {
            return nil
        }
        return generalised - memorised
    }

    /// The fitted rise; nil where there is none.
    package var fit: TransitionFit? { analysis?.fit?.fit }

    /// `fit`, or why there is none; nil for losses and further thresholds.
    package var fitText: String? {
        switch analysis?.fit {
        case .fit: "fit"
        case .refused(let reason): reason.rawValue
        case nil: nil
        }
    }

    package var steepness: Double? { fit?.curve.steepness }
    package var plateaus: (lower: Double, upper: Double)? {
        fit.map { ($0.curve.lower, $0.curve.upper) }
    }
}

/// Any other measured number.
package struct MeasurementRow: Sendable, Equatable {
    package let measure: String
    package let subject: String
    package let position: Int
    package let value: Double?
    package let text: String?

    package init(
        _ measure: String, subject: String = "", position: Int = 0, value: Double? = nil,
        text: String? = nil
    ) {
        self.measure = measure
        self.subject = subject
        self.position = position
        self.value = value
        self.text = text
    }
}
