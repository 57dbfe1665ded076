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
        var options = LanczosOptions(top: 4, bottom: 3, tolerance: 1e-12, seed: UInt64(seed))
        options.denseOrder = seed % 2 == 0 ? 0 : 512
        let result = try extremeEigenvalues(
            of: LinearOperator(matrix: matrix, order: order), options: options)
        #expect((result.topMethod == .dense) == (seed % 2 == 1))
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

    @Test("copies of repeated eigenvalues are found in large spaces too", arguments: 0..<6)
    func copies(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        // The spectrum of a small network's Gauss–Newton matrix: repeated values over a bulk at 0.
        var values = [0.09, 0.06, 0.06] + [Double](repeating: 0.0518, count: 10)
        values += [Double](repeating: 0.024, count: 4)
        for _ in 0..<2500 { values.append(0.02 * Double.random(in: 0...1, using: &generator)) }
        for wanted in [6, 13, 16] {
            let options = LanczosOptions(top: wanted, tolerance: 1e-8, seed: UInt64(seed))
            for result in [
                try extremeEigenvalues(of: diagonal(values), options: options),
                try extremeEigenvalues(
                    of: diagonal(values), draft: { [values] in rounded(values) }, options: options),
            ] {
                for (pair, exact) in zip(result.top, values) {
                    #expect(abs(pair.eigenvalue - exact) <= 1e-8 * 0.09)
                    #expect(pair.converged)
                }
                // The last restart has to show that nothing is left.
                guard case .restarted(let count, _, true) = result.topMethod, count >= 1 else {
                    Issue.record("\(result.topMethod)")
                    return
                }
            }
        }
    }

    @Test("one end does not change the other, and what is called converged is right")
    func endsAreIndependent() throws {
        // Two thousand exact zeros below a slow decay: the bottom cannot be certain.
        let values =
            (0..<800).map { pow(0.97, Double($0)) } + [Double](repeating: 0, count: 2000)
        let alone = try extremeEigenvalues(
            of: diagonal(values), options: LanczosOptions(top: 5, tolerance: 1e-8))
        let both = try extremeEigenvalues(
            of: diagonal(values), options: LanczosOptions(top: 5, bottom: 22, tolerance: 1e-8))
        #expect(alone.top == both.top)
        #expect(both.top.allSatisfy { $0.converged })
        for pair in both.bottom where pair.converged {
            #expect(abs(pair.eigenvalue) <= 1e-12, "\(pair.eigenvalue)")
        }
        for pair in both.bottom { #expect(pair.eigenvalue >= -1e-12) }
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

    // MARK: With a draft

    /// The diagonal operator with products rounded to single precision.
    private func rounded(_ values: [Double]) -> LinearOperator {
        LinearOperator(dimension: values.count) { vector, result in
            for index in values.indices {
                result[index] = Double(Float(values[index]) * Float(vector[index]))
            }
        }
    }

    @Test("a draft finds the subspace, the operator gives values and residuals", arguments: 0..<6)
    func draft(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        // A spectrum as of a trained network: pairs that nearly coincide over a dense bulk at 0.
        var values: [Double] = []
        for index in 1...6 {
            let level = 10 / Double(index)
            values += [level, level * (1 - 1e-7)]
        }
        for _ in 0..<3000 { values.append(Double.random(in: -0.3...0.3, using: &generator)) }
        let options = LanczosOptions(top: 10, tolerance: 1e-9, seed: UInt64(seed))
        let matrix = diagonal(values)
        let found = try extremeEigenvalues(
            of: matrix, draft: { [values] in rounded(values) }, options: options)
        let sorted = values.sorted(by: >)
        for (index, pair) in found.top.enumerated() {
            let image = try matrix.product(with: pair.vector)
            let miss = vectorNorm(zip(image, pair.vector).map { $0 - pair.eigenvalue * $1 })
            #expect(pair.converged)
            #expect(abs(pair.eigenvalue - sorted[index]) <= 1e-9 * sorted[0])
            #expect(abs(pair.eigenvalue - sorted[index]) <= pair.errorBound + 1e-14)
            // Explicit residuals: only the rounding of this check's own product is left.
            #expect(abs(miss - pair.residual) <= 1e-13)
        }
        let plain = try extremeEigenvalues(of: matrix, options: options)
        #expect(found.draftProductCount > 0)
        #expect(found.productCount < plain.productCount)
    }

    @Test("a poor draft costs products, not digits")
    func poorDraft() throws {
        let values = (0..<1200).map { pow(0.8, Double($0)) }
        let bent = values.enumerated().map { $1 * (1 + 0.02 * sin(17 * Double($0))) }
        // A draft that mixes wanted and unwanted directions by some hundredths.
        let draft = LinearOperator(dimension: values.count) { vector, result in
            for index in values.indices {
                let neighbour = index ^ 4
                result[index] = bent[index] * vector[index] + 0.01 * vector[neighbour]
            }
        }
        let found = try extremeEigenvalues(
            of: diagonal(values), draft: { draft }, options: LanczosOptions(top: 4, tolerance: 1e-8)
        )
        for (pair, expected) in zip(found.top, values) {
            #expect(pair.converged)
            #expect(abs(pair.eigenvalue - expected) <= 1e-8)
        }
        #expect(found.productCount > 4)
    }

    @Test("without products to spend a drafted answer says that it has not converged")
    func draftOutOfProducts() throws {
        let values = (0..<5000).map { 1 - 1e-7 * Double($0) }
        let found = try extremeEigenvalues(
            of: diagonal(values), draft: { rounded(values) },
            options: LanczosOptions(top: 3, tolerance: 1e-12, maximumProducts: 30))
        #expect(found.top.contains { !$0.converged })
        #expect(found.draftProductCount == 30 && found.productCount == 3)
    }

    @Test("a draft that is not finite is left aside, an operator that is not finite is refused")
    func draftNotFinite() throws {
        let values = (0..<1000).map { 1 / Double($0 + 1) }
        let nothing = LinearOperator(dimension: 1000) { _, result in
            for index in result.indices { result[index] = .infinity }
        }
        let found = try extremeEigenvalues(
            of: diagonal(values), draft: { nothing }, options: LanczosOptions(top: 2))
        #expect(abs(found.top[0].eigenvalue - 1) < 1e-6 && found.draftProductCount == 0)
        #expect(throws: NonFiniteProduct.self) {
            _ = try extremeEigenvalues(
                of: nothing, draft: { rounded(values) }, options: LanczosOptions(top: 2))
        }
    }
}
