internal import Analysis
internal import Checkpoints

/// The aggregates over curves and values.
enum CurveFunctions {
    static var all: [AggregateFunction] {
        [
            AggregateFunction(FunctionCatalogue.grokStep, form: .curve) { buffer in
                crossing(buffer, .rising, usual: 0.99)
            },
            AggregateFunction(FunctionCatalogue.fallStep, form: .curve) { buffer in
                crossing(buffer, .falling, usual: 0.01)
            },
            AggregateFunction(FunctionCatalogue.sigmoidMidpoint, form: .curve) { buffer in
                fit(buffer).map { .real($0.midpointStep) } ?? .null
            },
            AggregateFunction(FunctionCatalogue.sigmoidWidth, form: .curve) { buffer in
                fit(buffer)?.widthDecades.map { .real($0) } ?? .null
            },
            AggregateFunction(FunctionCatalogue.median, form: .values) { buffer in
                .real(quantile(buffer.valueList, 0.5))
            },
            AggregateFunction(FunctionCatalogue.quantile, form: .values) { buffer in
                guard !buffer.parameter.isNaN else { return .null }
                guard (0...1).contains(buffer.parameter) else {
                    throw UserError.usage(
                        subject: "quantile", cause: "q is \(buffer.parameter), not within 0 and 1")
                }
                return .real(quantile(buffer.valueList, buffer.parameter))
            },
        ]
    }

    private static func crossing(
        _ buffer: borrowing NumberBuffer, _ direction: CrossingDirection, usual: Double
    ) -> ScalarValue {
        let threshold = buffer.hasParameter ? buffer.parameter : usual
        guard !threshold.isNaN else { return .null }
        let step = sustainedStep(buffer, threshold: threshold, direction: direction)
        return step.map { .integer($0) } ?? .null
    }

    /// The first step of three evaluations in a row beyond the threshold, or of fewer that last until
    /// the end.
    ///
    /// Rows that come in step order, as an index gives them, are taken as they are; others are
    /// sorted, and of repeated steps the last row counts.
    static func sustainedStep(
        _ buffer: borrowing NumberBuffer, threshold: Double, direction: CrossingDirection
    ) -> Int? {
        let steps = buffer.keyList
        var isRising = true
        for index in 1..<max(steps.count, 1) where steps[index] <= steps[index - 1] {
            isRising = false
            break
        }
        guard isRising else {
            let curve = curve(buffer)
            return curve.crossings(of: threshold, direction: direction).sustained.step
        }
        let place =
            direction == .rising
            ? sustainedIndex(buffer.valueList) { $0 >= threshold }
            : sustainedIndex(buffer.valueList) { $0 < threshold }
        return place.map { Int(steps[$0]) }
    }

    /// The place of the first of three values in a row beyond the threshold, or of fewer that last
    /// until the end.
    @inline(__always)
    private static func sustainedIndex(
        _ values: UnsafeBufferPointer<Double>, isBeyond: (Double) -> Bool
    ) -> Int? {
        var length = 0
        for index in values.indices {
            if isBeyond(values[index]) {
                length += 1
                if length == Curve.sustainedCount { return index - length + 1 }
            } else {
                length = 0
            }
        }
        return length > 0 ? values.count - length : nil
    }

    private static func curve(_ buffer: borrowing NumberBuffer) -> Curve {
        Curve(steps: buffer.keyList.map { Int($0) }, values: Array(buffer.valueList))
    }

    /// The logistic rise of an accuracy; the first value, at most a half, stands for chance.
    private static func fit(_ buffer: borrowing NumberBuffer) -> TransitionFit? {
        let curve = curve(buffer)
        let chance = min(max(curve.values.first ?? 0, 0), 0.5)
        return curve.transitionFit(chance: chance).fit
    }

    /// The quantile with linear interpolation between order statistics (type 7 of Hyndman and Fan).
    static func quantile(_ values: UnsafeBufferPointer<Double>, _ share: Double) -> Double {
        Analysis.quantile(values.sorted(), share)
    }
}
