internal import Foundation

/// 1 / (1 + e^−x), accurate on both sides.
func logistic(_ x: Double) -> Double {
    if x >= 0 { return 1 / (1 + exp(-x)) }
    let power = exp(x)
    return power / (1 + power)
}

/// ln(1 + e^−margin) without overflow.
func logisticLoss(_ margin: Double) -> Double {
    margin >= 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
}

extension Double {
    /// ln x.
    var logarithm: Double { log(self) }
}
