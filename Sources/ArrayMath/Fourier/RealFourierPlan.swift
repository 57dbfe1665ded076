internal import CFFTW
internal import Foundation

/// FFTW's planner and the destruction of plans share global state; execution does not.
private let plannerLock = NSLock()

/// A plan for the real discrete Fourier transform of many lines of one length.
///
/// X[k] = Σ_t x[t] exp(−2πi k t / n) for k = 0 ... n / 2, without normalisation. Lines are gathered
/// into an aligned buffer in groups, so that FFTW vectorises across lines whatever their stride.
/// Plans are estimated, never measured: measured plans may round differently from run to run.
package struct RealFourierPlan: ~Copyable {
    /// The number of points of a line, at least 1.
    package let length: Int
    /// The number of frequencies of a line, `length / 2 + 1`.
    package var frequencyCount: Int { length / 2 + 1 }
    /// Lines transformed together.
    package static let lanes = 8

    private let plan: OpaquePointer
    private let input: UnsafeMutablePointer<Double>
    private let output: UnsafeMutablePointer<fftw_complex>

    /// Plans the transform of lines with `length` points.
    package init(length: Int) {
        precondition(length >= 1, "a line needs a point")
        self.length = length
        let frequencies = length / 2 + 1
        let buffers = plannerLock.withLock {
            (
                fftw_alloc_real(length * Self.lanes),
                fftw_alloc_complex(frequencies * Self.lanes)
            )
        }
        guard let real = buffers.0, let complex = buffers.1 else {
            preconditionFailure("no memory for a transform of \(length) points")
        }
        real.update(repeating: 0, count: length * Self.lanes)
        var extent = Int32(length)
        let made = plannerLock.withLock {
            // Lane is the fastest axis of both buffers.
            fftw_plan_many_dft_r2c(
                1, &extent, Int32(Self.lanes), real, nil, Int32(Self.lanes), 1, complex, nil,
                Int32(Self.lanes), 1, UInt32(FFTW_ESTIMATE))
        }
        guard let made else { preconditionFailure("no plan for \(length) points") }
        plan = made
        input = real
        output = complex
    }

    deinit {
        let (plan, input, output) = (plan, input, output)
        plannerLock.withLock {
            fftw_destroy_plan(plan)
            fftw_free(input)
            fftw_free(output)
        }
    }

    /// Adds |X[k]|² of every given line to `power[k]`, k = 0…n / 2.
    ///
    /// Line `l` has its points at `values[starts(l) + t * stride]`. Lines are added in order: the
    /// result does not depend on anything but the input. A NaN anywhere in a line gives NaN at all
    /// frequencies.
    package mutating func addPower(
        of values: UnsafeBufferPointer<Double>, lineCount: Int, lineStart: (Int) -> Int,
        stride: Int, into power: inout [Double]
    ) {
        addPowerOfAny(
            of: values, lineCount: lineCount, lineStart: lineStart, stride: stride, into: &power)
    }

    /// The same for single precision, converted exactly.
    package mutating func addPower(
        of values: UnsafeBufferPointer<Float>, lineCount: Int, lineStart: (Int) -> Int,
        stride: Int, into power: inout [Double]
    ) {
        addPowerOfAny(
            of: values, lineCount: lineCount, lineStart: lineStart, stride: stride, into: &power)
    }

    // Generic only inside this file, where the compiler specialises it.
    private func addPowerOfAny<Scalar: BinaryFloatingPoint>(
        of values: UnsafeBufferPointer<Scalar>, lineCount: Int, lineStart: (Int) -> Int,
        stride: Int, into power: inout [Double]
    ) {
        precondition(power.count == frequencyCount, "one power for each frequency")
        forEachGroup(
            of: values, lineCount: lineCount, lineStart: lineStart, stride: stride
        ) { _, count, spectrum in
            for frequency in 0..<frequencyCount {
                var sum = 0.0
                for lane in 0..<count {
                    let value = spectrum[frequency * Self.lanes + lane]
                    sum += value.0 * value.0 + value.1 * value.1
                }
                power[frequency] += sum
            }
        }
    }

    /// The transform of one line: real and imaginary parts of X[k], k = 0…n / 2.
    package mutating func transform(
        _ line: [Double]
    ) -> (real: [Double], imaginary: [Double]) {
        precondition(line.count == length, "the plan is for lines of \(length) points")
        var real: [Double] = []
        var imaginary: [Double] = []
        line.withUnsafeBufferPointer { values in
            forEachGroup(of: values, lineCount: 1, lineStart: { _ in 0 }, stride: 1) {
                _, _, spectrum in
                real = (0..<frequencyCount).map { spectrum[$0 * Self.lanes].0 }
                imaginary = (0..<frequencyCount).map { spectrum[$0 * Self.lanes].1 }
            }
        }
        return (real, imaginary)
    }

    private func forEachGroup<Scalar: BinaryFloatingPoint>(
        of values: UnsafeBufferPointer<Scalar>, lineCount: Int, lineStart: (Int) -> Int,
        stride: Int,
        _ body: (_ first: Int, _ count: Int, UnsafeMutablePointer<fftw_complex>) -> Void
    ) {
        var first = 0
        while first < lineCount {
            let count = min(Self.lanes, lineCount - first)
            for lane in 0..<Self.lanes {
                guard lane < count else {
                    for point in 0..<length { input[point * Self.lanes + lane] = 0 }
                    continue
                }
                let start = lineStart(first + lane)
                precondition(
                    start >= 0 && start + (length - 1) * stride < values.count,
                    "the line lies inside the values")
                for point in 0..<length {
                    input[point * Self.lanes + lane] = Double(values[start + point * stride])
                }
            }
            fftw_execute(plan)
            body(first, count, output)
            first += count
        }
    }
}
