import ArrayMath
import TestSupport
import Testing

@Suite("Matrix products")
struct MatrixProductTests {
    /// Errors of a sum of `inner` products stay below (inner + 2) roundings of the sum of moduli.
    @Test("agree with the direct sum in every transposition", arguments: 0..<40)
    func directSum(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let rows = Int.random(in: 1...9, using: &generator)
        let columns = Int.random(in: 1...9, using: &generator)
        let inner = Int.random(in: 1...40, using: &generator)
        let (transposeA, transposeB) = (seed & 1 == 1, seed & 2 == 2)
        let a = (0..<rows * inner).map { _ in Double.random(in: -1...1, using: &generator) }
        let b = (0..<inner * columns).map { _ in Double.random(in: -1...1, using: &generator) }
        let product = matrixProduct(
            a, transposed: transposeA, b, transposed: transposeB, rows: rows, columns: columns,
            inner: inner)
        let single = matrixProduct(
            a.map { Float($0) }, transposed: transposeA, b.map { Float($0) },
            transposed: transposeB, rows: rows, columns: columns, inner: inner)
        for row in 0..<rows {
            for column in 0..<columns {
                let terms = (0..<inner).map { index in
                    a[transposeA ? index * rows + row : row * inner + index]
                        * b[transposeB ? column * inner + index : index * columns + column]
                }
                let expected = terms.reduce(0, +)
                let bound = Double(inner + 4) * terms.reduce(0) { $0 + abs($1) }
                #expect(abs(product[row * columns + column] - expected) <= bound * .ulpOfOne)
                let difference = abs(Double(single[row * columns + column]) - expected)
                #expect(difference <= bound * Double(Float.ulpOfOne))
            }
        }
    }

    @Test("with beta 0 never reads the old result")
    func oldResultIgnored() {
        var a: [Double] = [1, 2]
        var b: [Double] = [3, 4]
        var c: [Double] = [.nan]
        a.withUnsafeMutableBufferPointer { a in
            b.withUnsafeMutableBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress
                    else { return }
                    gemm(
                        MatrixView(a, rows: 1, columns: 2), MatrixView(b, rows: 2, columns: 1),
                        into: MatrixView(c, rows: 1, columns: 1))
                }
            }
        }
        #expect(c == [11])
    }
}
