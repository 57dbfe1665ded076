internal import Foundation

/// The regularised incomplete beta function I_x(a, b), the distribution function of a beta variable.
///
/// Continued fraction of Abramowitz and Stegun 26.5.8 by Lentz's method, on the side where it
/// converges fast; relative error about 1e-13 for a, b up to 1e5. 0 for x ≤ 0 and 1 for x ≥ 1.
package func incompleteBeta(_ first: Double, _ second: Double, at x: Double) -> Double {
    precondition(first > 0 && second > 0, "a beta variable has positive parameters")
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    guard x <= (first + 1) / (first + second + 2) else {
        return 1 - incompleteBeta(second, first, at: 1 - x)
    }
    let scale =
        exp(
            first * log(x) + second * log1p(-x) + logGamma(first + second) - logGamma(first)
                - logGamma(second)) / first
    let tiny = 1e-300
    var numerator = 1.0
    var denominator = 1 - (first + second) * x / (first + 1)
    denominator = 1 / (abs(denominator) < tiny ? tiny : denominator)
    var fraction = denominator
    for index in 1...10_000 {
        let m = Double(index)
        let even = m * (second - m) * x / ((first + 2 * m - 1) * (first + 2 * m))
        let odd =
            -(first + m) * (first + second + m) * x
            / ((first + 2 * m) * (first + 2 * m + 1))
        var change = 1.0
        for coefficient in [even, odd] {
            let below = 1 + coefficient * denominator
            let above = 1 + coefficient / numerator
            denominator = 1 / (abs(below) < tiny ? tiny : below)
            numerator = abs(above) < tiny ? tiny : above
            change = denominator * numerator
            fraction *= change
        }
        if abs(change - 1) < 1e-15 { break }
    }
    return scale * fraction
}

private func logGamma(_ value: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(value, &sign)
}
