import ArrayMath
import TestSupport
import Testing
import VectorKernels
import VectorMath
import WideVectorKernels

/// Arrays that a kernel reads and writes, each with its own memory.
private final class Arrays<Scalar: ArrayScalar> {
    private(set) var pointers: [UnsafeMutablePointer<Scalar>] = []
    private let count: Int

    init(seed: Int, arrays: Int, count: Int) {
        self.count = count
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<arrays {
            let pointer = UnsafeMutablePointer<Scalar>.allocate(capacity: count)
            for index in 0..<count {
                // Squares of differences: some elements are much smaller than others, some are 0.
                let value = Double.random(in: -2...2, using: &generator)
                pointer[index] = value < -1.9 ? 0 : Scalar(value * value * value)
            }
            pointers.append(pointer)
        }
    }

    deinit { for pointer in pointers { pointer.deallocate() } }

    subscript(_ index: Int) -> UnsafeMutablePointer<Scalar> { pointers[index] }

    /// All elements as doubles, which keep every bit of either type but those of a NaN.
    var elements: [[Double]] {
        pointers.map { pointer in (0..<count).map { Double(pointer[$0]) } }
    }
}

@Suite("Vector kernels")
struct VectorKernelTests {
    /// What every kernel makes of the same random arrays.
    private func results<Scalar: ArrayScalar>(
        of kernels: any VectorKernelSet.Type, _ type: Scalar.Type, seed: Int
    ) -> [[Double]] {
        // Extents that are no multiples of a vector.
        let (rows, heads, span, length, classes) = (6, 2, 13, 3, 21)
        let columns = heads * span
        let memory = Arrays<Scalar>(seed: seed, arrays: 40, count: rows * 64)
        var numbers: [Double] = []
        let count = rows * columns - 3
        kernels.square(memory[0], into: memory[1], count: count)
        kernels.addDoubledProduct(memory[2], memory[3], to: memory[4], kept: 1, count: count)
        kernels.gelu(memory[2], into: memory[5], count: count)
        kernels.geluReverse(memory[2], memory[3], to: memory[6], kept: 1, count: count)
        kernels.geluCurvature(memory[2], memory[3], memory[4], to: memory[7], count: count)
        kernels.rectify(memory[8], count: count)
        kernels.keepWherePositive(memory[9], gate: memory[2], count: count)
        kernels.add(memory[2], to: memory[10], count: count)
        kernels.addColumnSums(memory[2], rows: rows, columns: columns, to: memory[11])
        for sums in [
            kernels.sums(memory[2], count: count),
            kernels.differenceSums(memory[2], memory[3], count: count),
        ] {
            numbers += [sums.squares, sums.magnitudes, sums.largest]
        }
        kernels.adamUpdate(
            AdamConstants(
                beta1: 0.9, rest1: 0.1, beta2: 0.98, rest2: 0.02, rate: 0.01, secondScale: 1.5,
                epsilon: 1e-8, keep: 0.999),
            AdamVectors(
                parameters: memory[12], first: memory[13], second: memory[1], gradient: memory[3]),
            1..<count)
        let sources = (0..<rows * length).map { Int32(($0 * 5 + 1) % rows) }
        let positions = (0..<rows).map { Int32($0 % length) }
        let targets = (0..<rows).map { Int32(($0 * 7) % classes) }
        let starts = [UInt8](repeating: 1, count: rows)
        sources.withUnsafeBufferPointer { sources in
            positions.withUnsafeBufferPointer { positions in
                guard let sources = sources.baseAddress, let positions = positions.baseAddress
                else { return }
                let table = SourceTable(sources: sources, positions: positions, length: length)
                kernels.sumSources(
                    0..<rows, columns: columns, table, memory[2], into: memory[14])
                kernels.addToSources(0..<rows, columns: columns, table, memory[2], to: memory[15])
                let shape = AttentionShape(
                    rows: 0..<rows, heads: heads, headWidth: span, table: table)
                func versions(_ first: Int) -> AttentionVersions<Scalar> {
                    AttentionVersions(
                        query: memory[first], key: memory[first + 1], value: memory[first + 2],
                        probabilities: memory[first + 3], output: memory[first + 4])
                }
                kernels.attend(shape, versions(16), scratch: memory[36])
                kernels.attendReverse(shape, versions(16), gradient: versions(21))
                kernels.attendTangent(shape, versions(16), tangent: versions(26))
                kernels.attendReverseTangent(
                    shape, versions(16), gradient: versions(21), tangent: versions(26),
                    gradientTangent: versions(31))
            }
        }
        kernels.normalise(
            0..<rows, columns: columns, memory[2], statistics: memory[37], scale: memory[3],
            shift: memory[4], into: memory[38])
        kernels.normaliseReverse(
            0..<rows, columns: columns, memory[2], statistics: memory[37], scale: memory[3],
            outputGradient: memory[4], kept: 1, inputGradient: memory[5], scaleGradient: memory[6],
            shiftGradient: memory[7], scratch: memory[39])
        targets.withUnsafeBufferPointer { targets in
            starts.withUnsafeBufferPointer { starts in
                guard let targets = targets.baseAddress, let starts = starts.baseAddress
                else { return }
                let sum = kernels.stableCrossEntropy(
                    memory[2], rows: rows, classes: classes, targets: targets, starts: starts,
                    weight: 0.25, gradient: memory[8], scratch: memory[39])
                numbers += [sum.loss, Double(sum.rightExamples)]
                kernels.crossEntropyCurvature(
                    memory[8], memory[3], rows: rows, classes: classes, targets: targets,
                    weight: 0.25, into: memory[9])
            }
        }
        return memory.elements + [numbers]
    }

    @Test("compiled for AVX2 give the bits of those for every processor", arguments: 0..<20)
    func wideEqualsPortable(seed: Int) throws {
        try #require(
            vectorKernels == WideVectorKernels.Kernels.self
                || vectorKernels == VectorKernels.Kernels.self)
        guard vectorKernels == WideVectorKernels.Kernels.self else { return }
        func compare<Scalar: ArrayScalar>(_ type: Scalar.Type) {
            let wide = results(of: WideVectorKernels.Kernels.self, type, seed: seed)
            let portable = results(of: VectorKernels.Kernels.self, type, seed: seed)
            for (index, pair) in zip(wide, portable).enumerated() {
                #expect(
                    pair.0.map(\.bitPattern) == pair.1.map(\.bitPattern), "array \(index)")
            }
            // A comparison of nothing but zeros or NaN would show nothing.
            #expect(wide.joined().count { $0.isFinite && $0 != 0 } > 5000)
        }
        compare(Float.self)
        compare(Double.self)
    }
}
