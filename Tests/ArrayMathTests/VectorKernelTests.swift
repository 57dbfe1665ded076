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
        let product = PanelProduct<Scalar>(
            rows: rows, columns: classes, inner: 9, a: memory[2], rowStride: span,
            innerStride: 1, panels: memory[39], c: memory[36], resultStride: classes, adds: true)
        kernels.packPanels(
            memory[3], inner: 9, columns: classes, innerStride: classes, columnStride: 1,
            panels: 0..<PanelProduct<Scalar>.panelCount(classes), into: memory[39])
        kernels.multiplyPanels(product)
        return memory.elements + [numbers]
    }

    @Test("products in panels are those of their definition", arguments: 0..<60)
    func panelProducts(seed: Int) {
        checkPanelProduct(Float.self, seed: seed)
        checkPanelProduct(Double.self, seed: seed)
    }

    private func checkPanelProduct<Scalar: ArrayScalar>(_ type: Scalar.Type, seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let rows = Int.random(in: 1...31, using: &generator)
        let columns = Int.random(in: 1...40, using: &generator)
        let inner = seed % 4 == 0 ? 300 : Int.random(in: 0...40, using: &generator)
        let (adds, transposed) = (seed % 2 == 0, seed % 3 == 0)
        let resultStride = columns + seed % 5
        typealias Product = PanelProduct<Scalar>
        let panelElements = Product.elementCount(inner: inner, columns: columns)
        let memory = Arrays<Scalar>(
            seed: seed, arrays: 4, count: max(rows * inner, panelElements, rows * resultStride, 1))
        let (a, b, c) = (memory[0], memory[1], memory[2])
        if !adds { for index in 0..<rows * resultStride { c[index] = .nan } }
        let (rowStride, innerStride) = transposed ? (1, rows) : (inner, 1)
        // B lies either way round, too.
        let (bRow, bColumn) = adds ? (columns, 1) : (1, inner)
        var expected: [(value: Double, size: Double)] = []
        for row in 0..<rows {
            for column in 0..<columns {
                var value = adds ? Double(c[row * resultStride + column]) : 0
                var size = abs(value)
                for index in 0..<inner {
                    let term =
                        Double(a[row * rowStride + index * innerStride])
                        * Double(b[index * bRow + column * bColumn])
                    value += term
                    size += abs(term)
                }
                expected.append((value, size))
            }
        }
        let outside = (0..<rows * resultStride).filter { $0 % resultStride >= columns }
        let before = outside.map { "\(c[$0])" }
        vectorKernels.packPanels(
            b, inner: inner, columns: columns, innerStride: bRow, columnStride: bColumn,
            panels: 0..<Product.panelCount(columns), into: memory[3])
        vectorKernels.multiplyPanels(
            Product(
                rows: rows, columns: columns, inner: inner, a: a, rowStride: rowStride,
                innerStride: innerStride, panels: memory[3], c: c, resultStride: resultStride,
                adds: adds))
        for row in 0..<rows {
            for column in 0..<columns {
                let (value, size) = expected[row * columns + column]
                // One rounding per term, each below half an ulp of a partial sum; the reference has
                // as many of its own.
                let tolerance = Double(Scalar.ulpOfOne) * size * Double(inner + 1)
                #expect(abs(Double(c[row * resultStride + column]) - value) <= tolerance)
            }
        }
        #expect(outside.map { "\(c[$0])" } == before)
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
