internal import Checkpoints

/// A finite group as a table: elements are the indices 0..<order in a stated order.
package struct FiniteGroup: Sendable, Equatable {
    /// The family a group belongs to, which fixes its irreducible representations.
    package enum Family: Sendable, Equatable {
        /// The residues modulo n under addition; element i is the residue i.
        case cyclic(Int)
        /// The symmetries of a regular polygon with m corners, 2m elements; element r + m·s is the
        /// rotation by r, followed by the reflection where s = 1.
        case dihedral(Int)
        /// All permutations of k points.
        case symmetric(Int)
        /// The even permutations of k points.
        case alternating(Int)
        /// Pairs; element i·|right| + j is (i, j).
        indirect case product(Family, Family)

        /// The usual name, for example `C113`, `D59`, `S5`, `A5` or `C2xC3`.
        package var name: String {
            switch self {
            case .cyclic(let count): "C\(count)"
            case .dihedral(let count): "D\(count)"
            case .symmetric(let count): "S\(count)"
            case .alternating(let count): "A\(count)"
            case .product(let left, let right): "\(left.name)x\(right.name)"
            }
        }
    }

    /// Which permutation each index means.
    package enum ElementOrder: String, Codable, CaseIterable, Sendable {
        /// The one-line forms in lexicographic order.
        case lexicographic
        /// The order of the published group-composition runs (S5, A5 and S6).
        case published
    }

    /// More elements than this are refused: the product table has the square of it.
    package static let largestOrder = 1024

    package let family: Family
    package let order: Int
    /// The product x·y at place x · order + y.
    package let products: [Int32]
    package let identity: Int
    /// The inverse of each element.
    package let inverses: [Int]
    /// The one-line form of each element of a permutation group, empty for other groups.
    ///
    /// Element x sends point i to `permutations[x][i]`.
    package let permutations: [[Int]]

    package var name: String { family.name }

    /// The product x·y.
    ///
    /// Permutations act from left to right: x first, then y.
    package func product(_ left: Int, _ right: Int) -> Int { Int(products[left * order + right]) }

    /// The product x·y·x⁻¹.
    package func conjugate(_ left: Int, _ right: Int) -> Int {
        product(product(left, right), inverses[left])
    }

    package var isCommutative: Bool {
        (0..<order).allSatisfy { left in
            (0..<left).allSatisfy { product(left, $0) == product($0, left) }
        }
    }

    /// The classes of conjugate elements, each rising, ordered by their smallest element.
    package var conjugacyClasses: [[Int]] {
        var seen = [Bool](repeating: false, count: order)
        var classes: [[Int]] = []
        for element in 0..<order where !seen[element] {
            let members = Set((0..<order).map { conjugate($0, element) }).sorted()
            for member in members { seen[member] = true }
            classes.append(members)
        }
        return classes
    }

    /// The least n > 0 with xⁿ = identity.
    package func elementOrder(_ element: Int) -> Int {
        var power = element
        var count = 1
        while power != identity {
            power = product(power, element)
            count += 1
        }
        return count
    }

    // MARK: Making groups

    /// The group of a family; `order` matters for permutation groups only.
    package init(_ family: Family, elementOrder: ElementOrder = .lexicographic) throws {
        let count = FiniteGroup.order(of: family)
        guard let count, count > 0, count <= FiniteGroup.largestOrder else {
            throw UserError.usage(
                subject: "group \(family.name)",
                cause: count == nil || count == 0
                    ? "there is no such group"
                    : "it has more than \(FiniteGroup.largestOrder) elements",
                advice: "choose a smaller group such as S5, A5, C113 or D59")
        }
        switch family {
        case .cyclic(let modulus):
            self.init(family, count: count) { ($0 + $1) % modulus }
        case .dihedral(let corners):
            self.init(family, count: count) { left, right in
                let (turn, flip) = (left % corners, left / corners)
                let (otherTurn, otherFlip) = (right % corners, right / corners)
                return flip == 0
                    ? (turn + otherTurn) % corners + corners * otherFlip
                    : (turn + corners - otherTurn) % corners + corners * (1 - otherFlip)
            }
        case .symmetric, .alternating:
            let forms = try FiniteGroup.permutations(of: family, in: elementOrder)
            let places = Dictionary(uniqueKeysWithValues: forms.enumerated().map { ($1, $0) })
            self.init(family, count: count, permutations: forms) { left, right in
                places[forms[left].map { forms[right][$0] }] ?? 0
            }
        case .product(let first, let second):
            let left = try FiniteGroup(first, elementOrder: elementOrder)
            let right = try FiniteGroup(second, elementOrder: elementOrder)
            self.init(family, count: count) {
                left.product($0 / right.order, $1 / right.order) * right.order
                    + right.product($0 % right.order, $1 % right.order)
            }
        }
    }

    /// The group of a name such as `C113`, `D59`, `S5`, `A5` or `C4xC6`.
    package init(named name: String, elementOrder: ElementOrder = .lexicographic) throws {
        guard let family = Family(name: name) else {
            throw UserError.usage(
                subject: "group \(name)", cause: "it is not a known group",
                advice: "write C113 (cyclic), D59 (dihedral), S5 (symmetric), A5 (alternating) "
                    + "or a product such as C4xC6")
        }
        try self.init(family, elementOrder: elementOrder)
    }

    private init(
        _ family: Family, count: Int, permutations: [[Int]] = [], product: (Int, Int) -> Int
    ) {
        self.family = family
        self.permutations = permutations
        order = count
        var table = [Int32](repeating: 0, count: count * count)
        for left in 0..<count {
            for right in 0..<count { table[left * count + right] = Int32(product(left, right)) }
        }
        products = table
        let neutral = (0..<count).first { table[$0 * count] == 0 && table[$0] == 0 } ?? 0
        identity = neutral
        inverses = (0..<count).map { left in
            (0..<count).first { Int(table[left * count + $0]) == neutral } ?? neutral
        }
    }

    /// The number of elements; nil where the family has no such member or it is far too large.
    private static func order(of family: Family) -> Int? {
        switch family {
        case .cyclic(let count): return count >= 1 ? count : nil
        case .dihedral(let corners): return corners >= 1 ? min(corners, 1 << 20) * 2 : nil
        case .symmetric(let points), .alternating(let points):
            guard points >= 1 else { return nil }
            let all = (1...min(points, 12)).reduce(1, *)
            if case .symmetric = family { return all }
            return max(1, all / 2)
        case .product(let left, let right):
            guard let first = order(of: left), let second = order(of: right) else { return nil }
            return min(first, 1 << 20) * min(second, 1 << 20)
        }
    }
}

extension FiniteGroup.Family {
    /// The family of a name, or nil where it is not understood.
    ///
    /// Letters may be small.
    package init?(name: String) {
        let factors = name.lowercased().split(separator: "x", omittingEmptySubsequences: false)
        var families: [FiniteGroup.Family] = []
        for factor in factors {
            guard let letter = factor.first, let number = Int(factor.dropFirst()),
                factor.dropFirst().allSatisfy(\.isNumber)
            else { return nil }
            switch letter {
            case "c", "z": families.append(.cyclic(number))
            case "d": families.append(.dihedral(number))
            case "s": families.append(.symmetric(number))
            case "a": families.append(.alternating(number))
            default: return nil
            }
        }
        guard let first = families.first else { return nil }
        self = families.dropFirst().reduce(first) { .product($0, $1) }
    }
}
