internal import ArrayMath
package import Checkpoints

/// The power of a tensor in each component of a basis.
///
/// For the cyclic basis the components are the frequencies 0 ... ⌊n/2⌋ of the orthonormal real
/// Fourier basis along one axis: `power[k]` is the sum of the squared cosine and sine coefficients
/// over all lines, so that the powers add up to the sum of squares of the tensor (Parseval).
package struct FourierSpectrum: Sendable, Equatable {
    /// The basis, for example `cyclic 113` or `irreps of S5`.
    package let basis: String
    /// What each component is called: `0`, `1`, … or the name of an irreducible representation.
    package let components: [String]
    /// The summed square of the coefficients in each component, ≥ 0.
    package let power: [Double]

    package init(basis: String, components: [String], power: [Double]) {
        precondition(components.count == power.count, "a power for each component")
        self.basis = basis
        self.components = components
        self.power = power
    }

    /// The power of all components together: the sum of squares of what was transformed.
    package var totalPower: Double { power.reduce(0, +) }

    /// Each component's part of the power that varies: power over the sum of all but the constant.
    ///
    /// Those above component 0 add up to 1. Nil for the constant, whose power is not part of the
    /// sum, and everywhere when nothing varies; NaN after a NaN.
    package var shares: [Double?] {
        let varying = power.dropFirst().reduce(0, +)
        return power.enumerated().map {
            $0.offset == 0 || varying == 0 ? nil : $0.element / varying
        }
    }
}

/// The Fourier power of a tensor along one axis, summed over all other axes.
///
/// With x[t] a line of n points and X[k] = Σ_t x[t] exp(−2πikt/n): power of frequency k is
/// (2 |X[k]|² / n), for k = 0 and k = n/2 it is |X[k]|² / n, which is the square of the coefficients
/// in the orthonormal basis 1/√n, √(2/n) cos, √(2/n) sin.
///
/// `length` keeps only the first entries along the axis, for example the 113 residues of an
/// embedding that also has a row for `=`. A NaN or an infinity gives NaN everywhere. Throws
/// `UserError` for an axis or length that the tensor does not have, and for complex tensors.
package func fourierSpectrum(
    of tensor: Tensor, axis: Int = 0, length: Int? = nil
) throws -> FourierSpectrum {
    let subject = "tensor \(tensor.name)"
    guard tensor.shape.indices.contains(axis) else {
        throw UserError.usage(
            subject: subject, cause: "it has no axis \(axis), its shape is \(tensor.shape)",
            advice: "axes count from 0")
    }
    let points = length ?? tensor.shape[axis]
    guard points >= 1, points <= tensor.shape[axis] else {
        throw UserError.usage(
            subject: subject,
            cause:
                "axis \(axis) has \(tensor.shape[axis]) entries, a transform of \(points) is not possible"
        )
    }
    guard tensor.elementType != .complex64, tensor.elementType != .complex128 else {
        throw UserError.usage(
            subject: subject, cause: "the real Fourier transform is not defined for complex numbers"
        )
    }
    let stride = tensor.shape[(axis + 1)...].reduce(1, *)
    let outer = tensor.shape[..<axis].reduce(1, *)
    let extent = tensor.shape[axis]
    var power = [Double](repeating: 0, count: points / 2 + 1)
    var plan = RealFourierPlan(length: points)
    let start = { (line: Int) in line / stride * (extent * stride) + line % stride }
    if tensor.elementType == .float32 {
        tensor.values(as: Float.self).withUnsafeBufferPointer {
            plan.addPower(
                of: $0, lineCount: outer * stride, lineStart: start, stride: stride, into: &power)
        }
    } else {
        (tensor.doubles() ?? []).withUnsafeBufferPointer {
            plan.addPower(
                of: $0, lineCount: outer * stride, lineStart: start, stride: stride, into: &power)
        }
    }
    let isFinite = power.allSatisfy(\.isFinite)
    for frequency in power.indices {
        let single = frequency == 0 || 2 * frequency == points
        power[frequency] *= (single ? 1 : 2) / Double(points)
    }
    return FourierSpectrum(
        basis: "cyclic \(points)", components: power.indices.map(String.init),
        power: isFinite ? power : power.map { _ in .nan })
}
