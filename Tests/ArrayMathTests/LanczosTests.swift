import ArrayMath
import Foundation
import TestSupport
import Testing

struct LanczosTests {
    private func diagonal(_ values: [Double]) -> LinearOperator {
        LinearOperator(dimension: values.count) { vector, result in
            for index in values.indices { result[index] = values[index] * vector[index] }
        }
    }

    @Test("both ends of a random dense matrix agree with the dense solver", arguments: 0..<12)
    func agreesWithDense(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let order = Int.random(in: 5...150, using: &generator)
        let values = (0..<order).map { _ in Double.random(in: -1...1, using: &generator) }
        let matrix = symmetricMatrix(withEigenvalues: values, seed: seed + 1000)
        let dense = symmetricEigenvalues(matrix, order: order)
        let result = try extremeEigenvalues(
            of: LinearOperator(matrix: matrix, order: order),
            options: LanczosOptions(top: 4, bottom: 3, tolerance: 1e-12, seed: UInt64(seed)))
        #expect(result.top.count == 4)
        #expect(result.bottom.count == 3)
        for (index, pair) in result.top.enumerated() {
            #expect(pair.converged)
            #expect(abs(pair.eigenvalue - dense[order - 1 - index]) <= 1e-11)
        }
        for (index, pair) in result.bottom.enumerated() {
            #expect(abs(pair.eigenvalue - dense[index]) <= 1e-11)
        }
    }

    @Test("the reported residual is the residual of the vector")
    func residualsAreTrue() throws {
        let values = (0..<600).map { pow(0.97, Double($0)) }
        let matrix = diagonal(values)
        let result = try extremeEigenvalues(
            of: matrix, options: LanczosOptions(top: 6, tolerance: 1e-6))
        for (index, pair) in result.top.enumerated() {
            let image = try matrix.product(with: pair.vector)
            let miss = vectorNorm(zip(image, pair.vector).map { $0 - pair.eigenvalue * $1 })
            #expect(abs(miss - pair.residual) <= 1e-13)
            #expect(abs(vectorNorm(pair.vector) - 1) <= 1e-13)
            #expect(pair.converged)
            #expect(abs(pair.eigenvalue - values[index]) <= 1e-6)
            #expect(pair.errorBound <= 1e-6)
        }
        #expect(result.productCount < 300)
    }

    @Test("repeated eigenvalues of small spaces are found with their multiplicity")
    func repeatedEigenvalues() throws {
        let result = try extremeEigenvalues(
            of: diagonal([2, 2, 2, 1, 1, 0, -1]), options: LanczosOptions(top: 4, bottom: 2))
        for (found, expected) in zip(result.top.map(\.eigenvalue), [2.0, 2, 2, 1]) {
            #expect(abs(found - expected) < 1e-13)
        }
        #expect(abs(result.bottom[0].eigenvalue + 1) < 1e-13)
        let one = try extremeEigenvalues(of: diagonal([5]), options: LanczosOptions(top: 3))
        #expect(one.top.map(\.eigenvalue) == [5])
        let zero = try extremeEigenvalues(
            of: diagonal([Double](repeating: 0, count: 9)), options: LanczosOptions(top: 2))
        #expect(zero.top.allSatisfy { $0.eigenvalue == 0 && $0.converged })
    }

    @Test("a warm start saves products and finds the same values")
    func warmStart() throws {
        let values = (0..<2000).map { 1 / (1 + 0.01 * Double($0)) }
        var options = LanczosOptions(top: 5, tolerance: 1e-8)
        let cold = try extremeEigenvalues(of: diagonal(values), options: options)
        options.start = cold.warmStart
        let nearby = values.enumerated().map { $1 * (1 + 1e-6 * sin(Double($0))) }
        let warm = try extremeEigenvalues(of: diagonal(nearby), options: options)
        #expect(warm.productCount < cold.productCount)
        for (pair, expected) in zip(warm.top, nearby.sorted(by: >)) {
            #expect(abs(pair.eigenvalue - expected) <= 1e-8)
        }
    }

    @Test("a start inside an invariant subspace does not hide the rest of the spectrum")
    func startInsideInvariantSubspace() throws {
        var options = LanczosOptions(top: 1, tolerance: 1e-10)
        options.start = [0, 1] + [Double](repeating: 0, count: 98)
        let values = [10.0, 1] + (2..<100).map { 1 / Double($0) }
        let result = try extremeEigenvalues(of: diagonal(values), options: options)
        #expect(abs(result.top[0].eigenvalue - 10) < 1e-9)
    }

    @Test("too few products give honest, unconverged answers")
    func unconverged() throws {
        let values = (0..<5000).map { 1 - 1e-7 * Double($0) }
        let result = try extremeEigenvalues(
            of: diagonal(values),
            options: LanczosOptions(top: 3, tolerance: 1e-12, maximumProducts: 30))
        #expect(result.productCount == 30)
        #expect(result.top.contains { !$0.converged })
        for (pair, exact) in zip(result.top, values) {
            #expect(abs(pair.eigenvalue - exact) <= 5e-4)
            #expect(pair.residual > 1e-12)
        }
    }

    @Test("an operator with NaN is refused")
    func notFinite() {
        #expect(throws: NonFiniteProduct(product: 1)) {
            _ = try extremeEigenvalues(of: diagonal([1, .nan, 2]), options: LanczosOptions(top: 1))
        }
    }

    @Test("blocks and scalings are those of the explicit matrix")
    func blocksAndScalings() throws {
        let matrix = [4.0, 1, 2, 1, 3, 0, 2, 0, 5]
        let whole = LinearOperator(matrix: matrix, order: 3)
        #expect(try whole.denseMatrix() == matrix)
        #expect(try whole.block(1..<3).denseMatrix() == [3, 0, 0, 5])
        #expect(
            try whole.scaled(by: [0.5, 1, 2]).denseMatrix() == [1, 0.5, 2, 0.5, 3, 0, 2, 0, 20])
    }
}
