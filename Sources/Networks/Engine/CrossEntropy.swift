internal import ArrayMath
internal import VectorMath

/// Cross-entropy of a tile's logits, and its derivatives times `weight` where they are asked for.
///
/// The stable form computes the loss of an answer *t* as log1p(Σ_{c≠t} exp(l_c − l_t)) when *t* leads,
/// and its derivative as −Σ_{c≠t} p_c, never 1 − p_t: both keep their relative accuracy when the
/// loss is far below the spacing of the numbers near 1. Exponentials are taken in the logits' own
/// type, whose rounding the logits carry anyway; logarithms and sums over rows in double precision.
func crossEntropy<Scalar: NetworkScalar>(
    _ logits: UnsafeMutablePointer<Scalar>, rows: Int, classes: Int, frame: borrowing Frame<Scalar>,
    precision: LossPrecision, weight: Double, gradient: UnsafeMutablePointer<Scalar>?,
    scratch: UnsafeMutablePointer<Double>
) -> LossSum {
    let targets = UnsafePointer(frame.plan.readoutTargets + frame.tile.firstReadout)
    let starts = UnsafePointer(frame.plan.startsExample + frame.tile.firstReadout)
    return switch precision {
    case .float64:
        vectorKernels.stableCrossEntropy(
            logits, rows: rows, classes: classes, targets: targets, starts: starts, weight: weight,
            gradient: gradient,
            scratch: UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Scalar.self))
    case .float32:
        vectorKernels.singleCrossEntropy(
            logits, rows: rows, classes: classes, targets: targets, starts: starts, weight: weight,
            gradient: gradient,
            scratch: UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Float.self))
    }
}
