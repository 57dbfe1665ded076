internal import Foundation
package import VectorMath

extension Kernels {
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func stableCrossEntropy<Scalar: LaneScalar>(
        _ logits: UnsafePointer<Scalar>, rows: Int, classes: Int, targets: UnsafePointer<Int32>,
        starts: UnsafePointer<UInt8>, weight: Double, gradient: UnsafeMutablePointer<Scalar>?,
        scratch: UnsafeMutablePointer<Scalar>
    ) -> LossSum {
        var result = LossSum()
        var right = RightCount()
        let width = Scalar.Wide.scalarCount
        let padded = (classes + width - 1) / width * width
        for row in 0..<rows {
            let logits = logits + row * classes
            let target = Int(targets[row])
            let largest = largestElement(logits, classes)
            let lead = logits[target] - largest
            exponentiateDifferences(logits, minus: largest, classes, into: scratch)
            let own = scratch[target]
            scratch[target] = 0
            let others = Double(inlineSum(scratch, padded))
            let total = others + Double(own)
            result.loss += lead == 0 ? log1p(others) : log(total) - Double(lead)
            // The first of equals leads.
            let isLeader = lead == 0 && largestElement(logits, target) < largest
            right.take(isFirst: starts[row] == 1, isRight: isLeader)
            if let gradient {
                let gradient = gradient + row * classes
                let factor = Scalar(weight / total)
                for column in 0..<classes { gradient[column] = scratch[column] * factor }
                gradient[target] = Scalar(-others * weight / total)
            }
        }
        right.finish()
        result.rightExamples = right.examples
        return result
    }

    /// The same in single precision as PyTorch computes it: −(l_t − max − log Σ exp(l − max)).
    ///
    /// The right answer's derivative is exp(log p) − 1. A lead of more than 17 rounds both to 0.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func singleCrossEntropy<Scalar: LaneScalar>(
        _ logits: UnsafePointer<Scalar>, rows: Int, classes: Int, targets: UnsafePointer<Int32>,
        starts: UnsafePointer<UInt8>, weight: Double, gradient: UnsafeMutablePointer<Scalar>?,
        scratch: UnsafeMutablePointer<Float>
    ) -> LossSum {
        var result = LossSum()
        var right = RightCount()
        let padded = (classes + 7) / 8 * 8
        for row in 0..<rows {
            let logits = logits + row * classes
            let target = Int(targets[row])
            var largest = Float(logits[0])
            var leader = 0
            for column in 1..<max(classes, 1) where Float(logits[column]) > largest {
                largest = Float(logits[column])
                leader = column
            }
            for column in 0..<classes { scratch[column] = Float(logits[column]) - largest }
            for column in classes..<padded { scratch[column] = -.infinity }
            let exponentials = scratch + padded
            var column = 0
            while column < padded {
                storeWide(Float.exponential(loadWide(scratch, column)), exponentials, column)
                column &+= 8
            }
            let logarithm = log(inlineSum(exponentials, padded))
            result.loss += Double(logarithm - scratch[target])
            right.take(
                isFirst: starts[row] == 1, isRight: leader == target && !scratch[target].isNaN)
            if let gradient {
                let gradient = gradient + row * classes
                let factor = Float(weight)
                column = 0
                while column < padded {
                    let logProbability = loadWide(scratch, column) - logarithm
                    storeWide(Float.exponential(logProbability), exponentials, column)
                    column &+= 8
                }
                exponentials[target] -= 1
                for column in 0..<classes {
                    gradient[column] = Scalar(exponentials[column] * factor)
                }
            }
        }
        right.finish()
        result.rightExamples = right.examples
        return result
    }

    /// The second derivative of the cross-entropy times a change of the logits, `weight` included:
    /// w·p_c·(d_c − Σ p·d) with d_c = l̇_c − l̇_t, which loses nothing when p_t is near 1.
    ///
    /// The probabilities are read off the derivatives: w·p_c for every class but the right one.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func crossEntropyCurvature<Scalar: LaneScalar>(
        _ gradient: UnsafePointer<Scalar>, _ tangent: UnsafePointer<Scalar>, rows: Int,
        classes: Int,
        targets: UnsafePointer<Int32>, weight: Double, into change: UnsafeMutablePointer<Scalar>
    ) {
        let reciprocal = Scalar(1 / weight)
        for row in 0..<rows {
            let (gradient, tangent) = (gradient + row * classes, tangent + row * classes)
            let change = change + row * classes
            let target = Int(targets[row])
            let own = tangent[target]
            for column in 0..<classes { change[column] = tangent[column] - own }
            // The right answer's own difference is 0, so its negative derivative does not count.
            let mean = inlineDot(gradient, change, classes) * reciprocal
            for column in 0..<classes {
                change[column] = gradient[column] * (change[column] - mean)
            }
            // w·p_t = w + ḡ_t.
            change[target] = -(Scalar(weight) + gradient[target]) * mean
        }
    }
}

/// Counts examples whose answers are all right, row by row.
private struct RightCount {
    var examples = 0
    private var isRight = false

    @inline(__always)
    mutating func take(isFirst: Bool, isRight right: Bool) {
        if isFirst {
            if isRight { examples += 1 }
            isRight = right
        } else {
            isRight = isRight && right
        }
    }

    mutating func finish() {
        if isRight { examples += 1 }
        isRight = false
    }
}

/// y ← exp(x − shift), padded with zeros to whole vectors.
@inline(__always)
private func exponentiateDifferences<Scalar: LaneScalar>(
    _ x: UnsafePointer<Scalar>, minus shift: Scalar, _ count: Int,
    into y: UnsafeMutablePointer<Scalar>
) {
    let width = Scalar.Wide.scalarCount
    let shifts = Scalar.Wide(repeating: shift)
    var index = 0
    while index &+ width <= count {
        storeWide(Scalar.exponential(loadWide(x, index) - shifts), y, index)
        index &+= width
    }
    guard index < count else { return }
    for column in index..<count { y[column] = x[column] - shift }
    for column in count..<index &+ width { y[column] = -.infinity }
    storeWide(Scalar.exponential(loadWide(y, index)), y, index)
}

/// The largest of `count` elements, leaving out NaN; −∞ where there is nothing else.
@inline(__always)
private func largestElement<Scalar: LaneScalar>(
    _ x: UnsafePointer<Scalar>, _ count: Int
) -> Scalar {
    let width = Scalar.Wide.scalarCount
    var lanes = Scalar.Wide(repeating: -.infinity)
    var index = 0
    while index &+ width <= count {
        lanes = Scalar.larger(lanes, loadWide(x, index))
        index &+= width
    }
    var largest = -Scalar.infinity
    for lane in 0..<width where lanes[lane] > largest { largest = lanes[lane] }
    while index < count {
        if x[index] > largest { largest = x[index] }
        index &+= 1
    }
    return largest
}
