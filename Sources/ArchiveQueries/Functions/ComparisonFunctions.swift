internal import Analysis
internal import Checkpoints

/// The functions that compare runs: times with censoring, shares and power laws.
enum ComparisonFunctions {
    static var aggregates: [AggregateFunction] {
        [
            survival(FunctionCatalogue.survivalMedian, \.median),
            survival(FunctionCatalogue.survivalLow, \.medianInterval.low),
            survival(FunctionCatalogue.survivalHigh, \.medianInterval.high),
            law(FunctionCatalogue.scalingExponent) { x, y, share in
                guard let share else { return scalingFit(x: x, y: y, resamples: 0)?.exponent }
                return scalingExponents(x: x, y: y).map { quantile($0, share) }
            },
            law(FunctionCatalogue.criticalPoint) { x, y, share in
                critical(x, y, share, \.point)
            },
            law(FunctionCatalogue.criticalExponent) { x, y, share in
                critical(x, y, share, \.exponent)
            },
        ]
    }

    static var scalars: [ScalarFunction] {
        [
            wilson(FunctionCatalogue.wilsonLow, \.lowerBound),
            wilson(FunctionCatalogue.wilsonHigh, \.upperBound),
        ]
    }

    private static func survival(
        _ description: FunctionDescription, _ value: @escaping (SurvivalCurve) -> Double?
    ) -> AggregateFunction {
        AggregateFunction(description, form: .censored) { buffer in
            let times = zip(buffer.keyList, buffer.valueList).map {
                CensoredTime($0.1, isReached: $0.0 == 1)
            }
            return value(SurvivalCurve(times)).map { .real($0) } ?? .null
        }
    }

    private static func law(
        _ description: FunctionDescription,
        _ value: @escaping ([Double], [Double], Double?) -> Double?
    ) -> AggregateFunction {
        AggregateFunction(description, form: .pair) { buffer in
            let share = buffer.hasParameter ? buffer.parameter : nil
            if let share {
                guard !share.isNaN else { return .null }
                guard (0...1).contains(share) else {
                    throw UserError.usage(
                        subject: description.name, cause: "q is \(share), not within 0 and 1")
                }
            }
            let x = buffer.keyList.map { Double(bitPattern: UInt64(bitPattern: $0)) }
            return value(x, Array(buffer.valueList), share).map { .real($0) } ?? .null
        }
    }

    private static func critical(
        _ x: [Double], _ y: [Double], _ share: Double?, _ value: (CriticalLaw) -> Double
    ) -> Double? {
        guard let share else { return CriticalLaw(x: x, y: y).map(value) }
        return CriticalLaw.resampled(x: x, y: y).map { quantile($0.map(value).sorted(), share) }
    }

    private static func wilson(
        _ description: FunctionDescription, _ end: @escaping (ClosedRange<Double>) -> Double
    ) -> ScalarFunction {
        ScalarFunction(description) { arguments in
            let hits = try arguments.integer(0, "successes")
            let count = try arguments.integer(1, "count")
            guard hits >= 0, hits <= count else {
                throw UserError.usage(
                    subject: description.name, cause: "\(hits) of \(count) is no share")
            }
            return wilsonInterval(successes: hits, of: count).map { .real(end($0)) } ?? .null
        }
    }
}
