import ArrayMath
import Foundation
import TestSupport
import Testing

/// Q diag(values) Qᵀ with a random orthogonal Q, row-major.
func symmetricMatrix(withEigenvalues values: [Double], seed: Int) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    let order = values.count
    var matrix = [Double](repeating: 0, count: order * order)
    for index in 0..<order { matrix[index * order + index] = values[index] }
    // Reflections A ← (1 − 2uuᵀ) A (1 − 2uuᵀ) keep the spectrum.
    for _ in 0..<6 {
        let raw = (0..<order).map { _ in Double.random(in: -1...1, using: &generator) }
        let norm = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let unit = raw.map { $0 / norm }
        for pass in 0..<2 {
            let (row, column) = pass == 0 ? (order, 1) : (1, order)
            for line in 0..<order {
                let start = line * (pass == 0 ? 1 : order)
                var along = 0.0
                let stride = pass == 0 ? row : column / order
                for index in 0..<order { along += unit[index] * matrix[start + index * stride] }
                for index in 0..<order {
                    matrix[start + index * stride] -= 2 * along * unit[index]
                }
            }
        }
    }
    return matrix
}

struct DecompositionTests {
    @Test("a symmetric matrix gives back the spectrum it was made of", arguments: 0..<10)
    func eigenvaluesOfKnownSpectrum(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let order = Int.random(in: 1...40, using: &generator)
        let values = (0..<order).map { _ in Double.random(in: -3...3, using: &generator) }.sorted()
        let matrix = symmetricMatrix(withEigenvalues: values, seed: seed)
        let eigen = SymmetricEigen(of: matrix, order: order)
        let tolerance = 60 * Double.ulpOfOne * 3 * Double(order)
        for (found, expected) in zip(eigen.values, values) {
            #expect(abs(found - expected) <= tolerance)
        }
        #expect(symmetricEigenvalues(matrix, order: order).count == order)
        for index in 0..<order {
            let vector = Array(eigen.vector(index))
            for row in 0..<order {
                let image = (0..<order).reduce(0) { $0 + matrix[row * order + $1] * vector[$1] }
                #expect(abs(image - eigen.values[index] * vector[row]) <= tolerance)
            }
        }
    }

    @Test("Gram and direct singular values agree, whatever the orientation", arguments: 0..<10)
    func singularValuesAgree(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let (rows, columns) = (
            Int.random(in: 1...30, using: &generator), Int.random(in: 1...30, using: &generator)
        )
        let matrix = (0..<rows * columns).map { _ in Double.random(in: -1...1, using: &generator) }
        let gram = singularValues(matrix, rows: rows, columns: columns, method: .gram)
        let direct = singularValues(matrix, rows: rows, columns: columns, method: .direct)
        #expect(gram.count == min(rows, columns))
        #expect(gram == gram.sorted(by: >))
        // The Gram matrix squares: an error of ulp in σ² is one of √ulp in a vanishing σ.
        let tolerance = 4 * Double.ulpOfOne.squareRoot() * direct[0]
        for (one, other) in zip(gram, direct) { #expect(abs(one - other) <= tolerance) }
        let squares = matrix.reduce(0) { $0 + $1 * $1 }
        #expect(abs(gram.reduce(0) { $0 + $1 * $1 } - squares) <= 1e-12 * squares)
    }

    @Test("huge, tiny, empty and not finite matrices have defined answers")
    func edgeCases() {
        #expect(singularValues([], rows: 0, columns: 5).isEmpty)
        #expect(singularValues([3e200, 0, 0, 4e200], rows: 2, columns: 2) == [4e200, 3e200])
        #expect(singularValues([3e-200, 0, 0, 4e-200], rows: 2, columns: 2) == [4e-200, 3e-200])
        #expect(singularValues([1, .nan, 0, 1], rows: 2, columns: 2).allSatisfy { $0.isNaN })
        #expect(SymmetricEigen(of: [.infinity], order: 1).values[0].isNaN)
        #expect(abs(vectorNorm([3e200, 4e200]) - 5e200) <= 2 * 5e200.ulp)
        #expect(vectorNorm([.infinity, 1]) == .infinity)
        #expect(vectorNorm([.infinity, .nan]).isNaN)
        #expect(vectorNorm([]) == 0)
    }
}
