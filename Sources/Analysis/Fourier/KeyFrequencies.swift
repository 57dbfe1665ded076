/// How key components are told from the rest; the literature has several rules and no threshold.
package enum KeyFrequencyRule: Sendable, Equatable {
    /// Components whose norm (root of the power) exceeds this part of the largest norm.
    ///
    /// The usual part is 1/4. The constant component never counts.
    case normAbove(partOfLargest: Double)
    /// Components that hold more than this share of the non-constant power.
    case shareAbove(Double)
    /// The given number of strongest components.
    case strongest(Int)

    /// The rule of the transformer demo: norm above a quarter of the largest.
    package static let standard = KeyFrequencyRule.normAbove(partOfLargest: 0.25)

    /// The rule as it is stored beside its results, for example `norm > 0.25 max`.
    package var name: String {
        switch self {
        case .normAbove(let part): "norm > \(part) max"
        case .shareAbove(let share): "share > \(share)"
        case .strongest(let count): "strongest \(count)"
        }
    }
}

extension FourierSpectrum {
    /// Indices of the key components by a rule, strongest first, without the constant one.
    ///
    /// Empty for a spectrum without power beside the constant, and for one with NaN.
    package func keyComponents(rule: KeyFrequencyRule = .standard) -> [Int] {
        let candidates = power.indices.dropFirst().filter { power[$0] > 0 }
            .sorted { (power[$0], $1) > (power[$1], $0) }
        guard power.allSatisfy(\.isFinite), let strongest = candidates.first else { return [] }
        let total = candidates.reduce(0) { $0 + power[$1] }
        return switch rule {
        case .normAbove(let part):
            candidates.filter { power[$0] > part * part * power[strongest] }
        case .shareAbove(let share): candidates.filter { power[$0] > share * total }
        case .strongest(let count): Array(candidates.prefix(max(0, count)))
        }
    }

    /// Gini coefficients of the component norms: how much few components dominate.
    ///
    /// `pairs` uses one norm √power for each frequency above 0 (56 numbers at n = 113).
    package var giniOfPairs: Double? { gini(power.dropFirst().map { $0.squareRoot() }) }
}

/// The Gini coefficient Σ (2i − N − 1) x_i / (N Σ x_i) of values sorted rising, i = 1…N.
///
/// 0 when all are equal, 1 − 1/N when one holds everything (Hurley and Rickard 2009). Nil for no
/// values, for zeros and when a value is negative or not finite.
package func gini(_ values: [Double]) -> Double? {
    let sum = values.reduce(0, +)
    guard sum > 0, sum.isFinite, values.allSatisfy({ $0 >= 0 }) else { return nil }
    let count = Double(values.count)
    var weighted = 0.0
    for (index, value) in values.sorted().enumerated() {
        weighted += (2 * Double(index + 1) - count - 1) * value
    }
    return weighted / (count * sum)
}
