internal import ArrayMath
internal import Foundation

/// The principal components of rows [count, columns], centred.
package struct PrincipalComponents: Sendable {
    /// Variance along each component, falling: eigenvalues of the covariance Σ (z − μ)(z − μ)ᵀ / N.
    package let variances: [Double]

    /// Each component's part of the total variance; empty when nothing varies.
    package var shares: [Double] {
        let total = variances.reduce(0, +)
        return total > 0 ? variances.map { $0 / total } : []
    }

    /// (Σ λ)² / Σ λ²: between 1 and the dimension; nil when nothing varies.
    package var participationRatio: Double? { Analysis.participationRatio(variances) }

    /// The components of the given rows; NaN or infinities give NaN variances.
    package init(_ values: [Double], columns: Int) {
        let rows = values.count / max(columns, 1)
        var centred = values
        for column in 0..<columns {
            var mean = 0.0
            for row in 0..<rows { mean += values[row * columns + column] }
            mean /= Double(max(rows, 1))
            for row in 0..<rows { centred[row * columns + column] -= mean }
        }
        variances = singularValues(centred, rows: rows, columns: columns)
            .map { $0 * $0 / Double(max(rows, 1)) }
    }
}

/// (Σ λ)² / Σ λ² of non-negative numbers; nil when all are 0 or one is not finite.
package func participationRatio(_ values: [Double]) -> Double? {
    let squares = values.reduce(0) { $0 + $1 * $1 }
    guard squares > 0, squares.isFinite else { return nil }
    let sum = values.reduce(0, +)
    return sum * sum / squares
}

/// The spectral entropy of a representation, −Σ p ln p / ln d with p = λ / Σλ of E[z zᵀ].
///
/// `values` are rows [samples, columns], not centred (arXiv 2604.13123, which reports 0.609 as the
/// threshold of grokking). In [0, 1]; nil for d = 1 and for zeros.
package func representationEntropy(_ values: [Double], columns: Int) -> Double? {
    let rows = values.count / max(columns, 1)
    guard columns > 1, rows > 0 else { return nil }
    let powers = singularValues(values, rows: rows, columns: columns).map { $0 * $0 }
    return singularValueEntropy(powers).map { $0 / log(Double(columns)) }
}

/// How round the image of one frequency is: the smaller over the larger half axis of the ellipse
/// that the rows [n, columns] draw in the plane of cos(2πkt/n) and sin(2πkt/n).
///
/// 1 for a circle, 0 for a line. With c = Eᵀ cos_k and s = Eᵀ sin_k it is the ratio of the singular
/// values of the two-row matrix [c; s]. Nil for k = 0, k = n/2 (which has no sine), frequencies that
/// do not exist, and where the frequency has no power.
package func circularity(_ values: [Double], columns: Int, frequency: Int) -> Double? {
    let count = values.count / max(columns, 1)
    guard frequency >= 1, 2 * frequency < count else { return nil }
    let basis = orthonormalFourierBasis(count)
    let rows = Array(basis[(2 * frequency - 1) * count..<(2 * frequency + 1) * count])
    let plane = matrixProduct(rows, values, rows: 2, columns: columns, inner: count)
    // A single column has one singular value: the image is a line.
    let axes = singularValues(plane, rows: 2, columns: columns, method: .direct)
    guard let longer = axes.first, longer > 0 else { return nil }
    return axes.count > 1 ? axes[1] / longer : 0
}

/// The inter/intra-class distance ratio (ILDR, arXiv 2604.20923): mean over pairs of classes of
/// ‖μ_c − μ_c'‖², over the mean over classes of mean ‖φ − μ_c‖² + 1e-8.
///
/// `features` are rows [samples, columns]. Nil for fewer than two classes.
package func classDistanceRatio(
    features: [Double], columns: Int, labels: [Int]
) -> Double? {
    let classes = Set(labels).sorted()
    guard classes.count > 1, features.count == labels.count * columns else { return nil }
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var means = [Double](repeating: 0, count: classes.count * columns)
    var counts = [Double](repeating: 0, count: classes.count)
    for (row, label) in labels.enumerated() {
        guard let place = places[label] else { continue }
        counts[place] += 1
        for column in 0..<columns {
            means[place * columns + column] += features[row * columns + column]
        }
    }
    for place in classes.indices {
        for column in 0..<columns { means[place * columns + column] /= counts[place] }
    }
    var scatter = [Double](repeating: 0, count: classes.count)
    for (row, label) in labels.enumerated() {
        guard let place = places[label] else { continue }
        for column in 0..<columns {
            let miss = features[row * columns + column] - means[place * columns + column]
            scatter[place] += miss * miss / counts[place]
        }
    }
    // Σ over ordered pairs ‖μ − μ'‖² = 2 C Σ ‖μ‖² − 2 ‖Σ μ‖².
    let size = Double(classes.count)
    let squares = means.reduce(0) { $0 + $1 * $1 }
    var sumSquares = 0.0
    for column in 0..<columns {
        let sum = classes.indices.reduce(0) { $0 + means[$1 * columns + column] }
        sumSquares += sum * sum
    }
    let between = max(0, 2 * size * squares - 2 * sumSquares) / (size * (size - 1))
    return between / (scatter.reduce(0, +) / size + 1e-8)
}

/// The intrinsic dimension of points by their two nearest neighbours (Facco and others 2017):
/// N / Σ ln(r₂ / r₁).
///
/// Points with a duplicate are left out; nil when fewer than three remain, when all ratios are 1,
/// and where a coordinate is not finite.
package func twoNeighbourDimension(_ values: [Double], columns: Int) -> Double? {
    guard let logs = neighbourRatioLogs(values, columns: columns) else { return nil }
    let sum = logs.reduce(0, +)
    return logs.count >= 3 && sum > 0 ? Double(logs.count) / sum : nil
}

/// ln(r₂ / r₁) of each point that has no duplicate; nil where a coordinate is not finite.
func neighbourRatioLogs(_ values: [Double], columns: Int) -> [Double]? {
    guard values.allSatisfy(\.isFinite) else { return nil }
    let rows = values.count / max(columns, 1)
    var logs: [Double] = []
    for row in 0..<rows {
        var (first, second) = (Double.infinity, Double.infinity)
        for other in 0..<rows where other != row {
            var squares = 0.0
            for column in 0..<columns {
                let miss = values[row * columns + column] - values[other * columns + column]
                squares += miss * miss
            }
            if squares < first {
                second = first
                first = squares
            } else if squares < second {
                second = squares
            }
        }
        if first > 0, second.isFinite { logs.append(0.5 * log(second / first)) }
    }
    return logs
}

/// The share of samples whose largest logit beats the second by so much that the softmax of this
/// precision rounds to 1: margin above 23 ln 2 in `float32`, 52 ln 2 in `float64`.
///
/// `logits` are rows [samples, classes]. Nil without samples or with a single class, and where a logit
/// is not finite: such a row has no softmax.
package func softmaxCollapseShare(
    logits: [Double], classCount: Int, fractionBits: Int = 23
) -> Double? {
    let rows = logits.count / max(classCount, 1)
    guard rows > 0, classCount > 1, logits.allSatisfy(\.isFinite) else { return nil }
    let bound = Double(fractionBits) * log(2)
    var collapsed = 0
    for row in 0..<rows {
        var (largest, second) = (-Double.infinity, -Double.infinity)
        for column in 0..<classCount {
            let value = logits[row * classCount + column]
            if value > largest {
                second = largest
                largest = value
            } else if value > second {
                second = value
            }
        }
        if largest - second > bound { collapsed += 1 }
    }
    return Double(collapsed) / Double(rows)
}
