import Analysis
import Checkpoints
import Foundation
import Networks
import TestSupport
import Testing

struct CharacterTests {
    static let names = [
        "C1", "C2", "C7", "C12", "D1", "D2", "D5", "D6", "S1", "S2", "S3", "S4", "S5", "A3", "A4",
        "A5", "C4xC6", "S3xC3", "A4xC2",
    ]

    @Test("projectors are idempotent, orthogonal and complete", arguments: names)
    func projectorsResolveTheIdentity(name: String) throws {
        let group = try FiniteGroup(named: name)
        let characters = GroupCharacters(group)
        let count = group.order
        #expect(characters.components.first?.name == "trivial")
        #expect(Set(characters.components.map(\.name)).count == characters.components.count)
        // Π_ρ² = Π_ρ and Π_ρ Π_σ = 0, on functions of u = g h⁻¹: convolution of the kernels.
        func kernel(_ component: GroupComponent) -> [Double] {
            component.character.map { $0 * component.projectorScale }
        }
        var total = [Double](repeating: 0, count: count)
        for one in characters.components {
            let first = kernel(one)
            for element in 0..<count { total[element] += first[element] }
            for other in characters.components {
                let projected = characters.project(kernel(other), columns: 1, on: [one])
                for element in 0..<count {
                    let expected = one == other ? first[element] : 0
                    #expect(abs(projected[element] - expected) < 1e-12)
                }
            }
        }
        for element in 0..<count {
            #expect(abs(total[element] - (element == group.identity ? 1 : 0)) < 1e-12)
        }
    }

    @Test("powers of all components add up to the sum of squares", arguments: names)
    func plancherel(name: String) throws {
        let characters = GroupCharacters(try FiniteGroup(named: name))
        var generator = SeededGenerator(seed: name.utf8.reduce(0) { 31 * $0 + Int($1) })
        let values = (0..<characters.group.order * 3).map { _ in
            Double.random(in: -1...1, using: &generator)
        }
        let squares = values.reduce(0) { $0 + $1 * $1 }
        let power = characters.power(values, columns: 3)
        #expect(abs(power.reduce(0, +) - squares) <= 1e-13 * squares * Double(power.count))
        #expect(power.allSatisfy { $0 >= 0 })
        for (index, component) in characters.components.enumerated() {
            let projected = characters.project(values, columns: 3, on: [component])
            let direct = projected.reduce(0) { $0 + $1 * $1 }
            #expect(abs(direct - power[index]) <= 1e-12 * squares)
        }
    }

    @Test("cyclic powers are those of the Fourier transform")
    func cyclicAgreesWithFourier() throws {
        let characters = GroupCharacters(try FiniteGroup(.cyclic(12)))
        var generator = SeededGenerator(seed: 5)
        let values = (0..<36).map { _ in Double.random(in: -1...1, using: &generator) }
        let power = characters.power(values, columns: 3)
        let fourier = try fourierSpectrum(of: Tensor(name: "e", shape: [12, 3], values: values))
        for (index, component) in characters.components.enumerated() {
            let frequency =
                component.name == "trivial"
                ? 0 : component.name == "sign" ? 6 : Int(component.name.dropFirst(5)) ?? -1
            #expect(abs(power[index] - fourier.power[frequency]) < 1e-13)
        }
    }

    @Test("the standard representation of S4 by explicit permutation matrices")
    func explicitRepresentation() throws {
        let group = try FiniteGroup(named: "S4")
        let characters = GroupCharacters(group)
        let standard = try #require(characters.component("standard"))
        // The matrix elements of the permutation representation span trivial + standard.
        for element in 0..<24 {
            let fixed = (0..<4).count { group.permutations[element][$0] == $0 }
            #expect(abs(standard.character[element] - Double(fixed - 1)) < 1e-14)
        }
        for (row, column) in [(0, 1), (2, 2), (3, 0)] {
            let matrixElement = (0..<24).map { group.permutations[$0][row] == column ? 1.0 : 0 }
            let power = characters.power(matrixElement, columns: 1)
            for (index, component) in characters.components.enumerated()
            where !["trivial", "standard"].contains(component.name) {
                #expect(power[index] < 1e-13, "\(component.name)")
            }
        }
    }

    @Test("degrees and names are the published ones")
    func publishedNames() throws {
        func described(_ name: String) throws -> [String] {
            GroupCharacters(try FiniteGroup(named: name)).components.map {
                "\($0.name) \($0.dimension)"
            }
        }
        #expect(
            try described("S5") == [
                "trivial 1", "sign 1", "standard 4", "standard_sign 4", "s5_5d_a 5", "s5_5d_b 5",
                "s5_6d 6",
            ])
        #expect(
            try described("A5") == [
                "trivial 1", "standard 4", "a5_5d_a 5", "a5_3d_a 3", "a5_3d_b 3",
            ])
        #expect(try described("D5") == ["trivial 1", "sign 1", "freq_1 2", "freq_2 2"])
        #expect(try described("C6") == ["trivial 1", "sign 1", "freq_1 2", "freq_2 2"])
        let s6 = GroupCharacters(try FiniteGroup(named: "S6"))
        #expect(s6.components.count == 11)
        #expect(s6.components.reduce(0) { $0 + $1.dimension * $1.dimension } == 720)
        #expect(s6.component("s6_5d_a")?.dimension == 5)
    }

    @Test("tasks that are products in a group have a grid, others say why not")
    func grids() throws {
        func grid(_ operation: TaskOperation, _ modulus: Int) throws -> GroupGrid {
            var configuration = TaskConfiguration(operation: operation, modulus: modulus)
            configuration.layout = .operands
            return try GroupGrid(Networks.Task(configuration))
        }
        for operation in [TaskOperation.add, .subtract, .multiply, .divide] {
            let grid = try grid(operation, 7)
            let isProduct = operation == .multiply || operation == .divide
            #expect(grid.order == (isProduct ? 6 : 7))
            for answer in 0..<grid.order {
                #expect(grid.answers.count { $0 == answer } == grid.order)
            }
        }
        let product = try grid(.multiply, 7)
        #expect(powersOfPrimitiveRoot(modulo: 7) == [1, 3, 2, 6, 4, 5])
        #expect(product.operands == [1, 3, 2, 6, 4, 5])
        #expect(product.columns == product.operands)
        // 3 · 2 = 6: elements 1 and 2 give 3.
        #expect(product.answers[1 * 6 + 2] == 3)
        #expect(product.rows[1 * 6 + 2] == 3 * 7 + 2)
        #expect(powersOfPrimitiveRoot(modulo: 8) == nil)
        #expect(powersOfPrimitiveRoot(modulo: 2) == nil)
        #expect(throws: (any Error).self) { _ = try grid(.squares, 7) }
    }
}
