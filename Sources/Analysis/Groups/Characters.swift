internal import Foundation
package import Networks

/// A complex number, as values of characters need.
package struct ComplexValue: Sendable, Equatable {
    package var real: Double
    package var imaginary: Double

    package init(_ real: Double, _ imaginary: Double = 0) {
        self.real = real
        self.imaginary = imaginary
    }

    package static func * (left: ComplexValue, right: ComplexValue) -> ComplexValue {
        ComplexValue(
            left.real * right.real - left.imaginary * right.imaginary,
            left.real * right.imaginary + left.imaginary * right.real)
    }
}

/// An irreducible complex character: the trace of each element in an irreducible representation.
package struct IrreducibleCharacter: Sendable {
    package let name: String
    package let dimension: Int
    /// χ(g) for each element index.
    package let values: [ComplexValue]
}

/// A real component of the functions on a group: one irreducible representation over the reals, or
/// a pair of conjugate complex ones.
package struct GroupComponent: Sendable, Equatable {
    /// The published name where there is one, for example `freq_3`, `standard`, `s5_5d_a`.
    package let name: String
    /// The dimension of the real representation: 2 for a pair of conjugate characters of degree 1.
    package let dimension: Int
    /// The real character for each element: χ, or χ + χ̄ for a pair.
    package let character: [Double]
    /// Π[g, h] = `projectorScale` · character(g h⁻¹) projects on the component: d / n with d the
    /// degree of the complex character.
    package let projectorScale: Double
}

/// The irreducible real components of a finite group's functions, the constants first.
///
/// Everything here follows from characters; no representation matrices are needed, because the span
/// of the matrix elements of ρ is the isotypic component with projector
/// Π_ρ[g, h] = (d_ρ / n) χ_ρ(g h⁻¹).
package struct GroupCharacters: Sendable {
    package let group: FiniteGroup
    /// Constants (`trivial`) first, then in the order of the published lists.
    package let components: [GroupComponent]

    /// The character theory of a group of a known family.
    package init(_ group: FiniteGroup) {
        self.group = group
        let characters = irreducibleCharacters(of: group.family, group: group)
        components = GroupCharacters.realComponents(characters, order: group.order)
    }

    /// The basis as it is named beside stored spectra, for example `irreps of S5`.
    package var basis: String {
        if case .cyclic(let count) = group.family { return "cyclic \(count)" }
        return "irreps of \(group.name)"
    }

    /// The component of a name; nil when there is none.
    package func component(_ name: String) -> GroupComponent? {
        components.first { $0.name == name }
    }

    private static func realComponents(
        _ characters: [IrreducibleCharacter], order: Int
    ) -> [GroupComponent] {
        var used = [Bool](repeating: false, count: characters.count)
        var components: [GroupComponent] = []
        for (index, character) in characters.enumerated() where !used[index] {
            let partner = characters.indices.first { other in
                !used[other]
                    && zip(character.values, characters[other].values).allSatisfy {
                        abs($0.real - $1.real) < 1e-9 && abs($0.imaginary + $1.imaginary) < 1e-9
                    }
            }
            used[index] = true
            let isReal = partner == index || partner == nil
            if let partner { used[partner] = true }
            components.append(
                GroupComponent(
                    name: character.name, dimension: character.dimension * (isReal ? 1 : 2),
                    character: character.values.map { isReal ? $0.real : 2 * $0.real },
                    projectorScale: Double(character.dimension) / Double(order)))
        }
        return components
    }
}

/// All irreducible complex characters of a family, in the element order of `group`.
func irreducibleCharacters(
    of family: FiniteGroup.Family, group: FiniteGroup
) -> [IrreducibleCharacter] {
    switch family {
    case .cyclic(let count): cyclicCharacters(count)
    case .dihedral(let corners): dihedralCharacters(corners)
    case .symmetric(let points): symmetricCharacters(points, permutations: group.permutations)
    case .alternating(let points): alternatingCharacters(points, group: group)
    case .product(let left, let right): productCharacters(left, right, group: group)
    }
}

/// χ_k(r) = exp(2πikr/n); one name for the conjugate pair k, n − k.
///
/// In the published order: trivial, sign, then the frequencies.
private func cyclicCharacters(_ count: Int) -> [IrreducibleCharacter] {
    let sign = count % 2 == 0 ? [count / 2] : []
    let others = (0..<count).dropFirst().filter { 2 * $0 != count }
    return ([0] + sign + others).map { frequency in
        let name =
            frequency == 0 ? "trivial" : 2 * frequency == count ? "sign" : "freq_\(frequency)"
        return IrreducibleCharacter(
            name: name, dimension: 1,
            values: (0..<count).map { element in
                let turn = Double(frequency * element % count) / Double(count)
                return ComplexValue(cos(2 * .pi * turn), sin(2 * .pi * turn))
            })
    }
}

/// Degree 1: trivial, sign (−1 on reflections) and for an even number of corners their products
/// with (−1)^rotation; degree 2: 2 cos(2πkr/m) on rotations, 0 on reflections.
private func dihedralCharacters(_ corners: Int) -> [IrreducibleCharacter] {
    func character(
        _ name: String, _ dimension: Int, _ value: (_ turn: Int, _ flip: Int) -> Double
    ) -> IrreducibleCharacter {
        IrreducibleCharacter(
            name: name, dimension: dimension,
            values: (0..<2 * corners).map { ComplexValue(value($0 % corners, $0 / corners)) })
    }
    var all = [
        character("trivial", 1) { _, _ in 1 },
        character("sign", 1) { _, flip in flip == 0 ? 1 : -1 },
    ]
    if corners % 2 == 0 {
        all.append(character("alternating", 1) { turn, _ in turn % 2 == 0 ? 1 : -1 })
        all.append(
            character("alternating_sign", 1) { turn, flip in (turn + flip) % 2 == 0 ? 1 : -1 })
    }
    for frequency in 0..<max(0, (corners - 1) / 2) {
        all.append(
            character("freq_\(frequency + 1)", 2) { turn, flip in
                let angle = Double((frequency + 1) * turn % corners) / Double(corners)
                return flip == 0 ? 2 * cos(2 * .pi * angle) : 0
            })
    }
    return all
}

/// χ(g, h) = χ_left(g) χ_right(h) for all pairs.
private func productCharacters(
    _ left: FiniteGroup.Family, _ right: FiniteGroup.Family, group: FiniteGroup
) -> [IrreducibleCharacter] {
    // Both factors are subgroups of a group that exists, so they exist too.
    guard let first = try? FiniteGroup(left), let second = try? FiniteGroup(right) else {
        return []
    }
    let (leftCharacters, rightCharacters) = (
        irreducibleCharacters(of: left, group: first),
        irreducibleCharacters(of: right, group: second)
    )
    return leftCharacters.flatMap { one in
        rightCharacters.map { other in
            let name =
                one.name == "trivial" && other.name == "trivial"
                ? "trivial" : "\(one.name) x \(other.name)"
            return IrreducibleCharacter(
                name: name, dimension: one.dimension * other.dimension,
                values: (0..<group.order).map {
                    one.values[$0 / second.order] * other.values[$0 % second.order]
                })
        }
    }
}
