internal import Checkpoints

extension FiniteGroup {
    /// The one-line forms of a permutation group in one of the element orders.
    static func permutations(of family: Family, in order: ElementOrder) throws -> [[Int]] {
        switch order {
        case .lexicographic:
            switch family {
            case .symmetric(let points): return lexicographic(points)
            case .alternating(let points): return lexicographic(points).filter(isEven)
            default: return []
            }
        case .published:
            guard let levels = transversals[family.name] else {
                throw UserError.usage(
                    subject: "group \(family.name)", cause: "it has no published element order",
                    advice: "use the lexicographic order, or S5, A5 or S6")
            }
            return products(of: levels)
        }
    }

    /// Whether a permutation in one-line form has an even number of inversions.
    package static func isEven(_ form: [Int]) -> Bool {
        var inversions = 0
        for last in form.indices {
            for first in 0..<last where form[first] > form[last] { inversions += 1 }
        }
        return inversions % 2 == 0
    }

    /// All orders of 0..<points, in lexicographic order.
    package static func lexicographic(_ points: Int) -> [[Int]] {
        guard points > 0 else { return [[]] }
        var forms: [[Int]] = [[]]
        for _ in 0..<points {
            forms = forms.flatMap { form in
                (0..<points).filter { !form.contains($0) }.map { form + [$0] }
            }
        }
        return forms
    }

    /// All products u0∘u1∘… with the first level running fastest; (a∘b)[i] = a[b[i]].
    private static func products(of levels: [[String]]) -> [[Int]] {
        let choices = levels.map { $0.map { $0.compactMap(\.wholeNumberValue) } }
        let points = choices[0][0].count
        // Built from the innermost (slowest) factor outwards.
        var forms = [Array(0..<points)]
        for level in choices.reversed() {
            forms = forms.flatMap { inner in level.map { outer in inner.map { outer[$0] } } }
        }
        return forms
    }

    /// Coset representatives u_k of the published runs' stabiliser chains, each level over its
    /// orbit in rising order; the point that the identity stands for is not always the smallest.
    private static let transversals: [String: [[String]]] = [
        "S5": [
            ["01234", "12340", "23401", "34012", "41230"],
            ["01234", "02143", "03412", "04123"],
            ["01423", "01234", "01243"],
            ["01234", "01432"],
        ],
        "A5": [
            ["01234", "12340", "23401", "34012", "42130"],
            ["01234", "02143", "03124", "04213"],
            ["01234", "01342", "01423"],
        ],
        "S6": [
            ["012345", "123450", "234501", "345012", "451230", "512340"],
            ["012345", "021354", "031254", "045123", "051234"],
            ["013524", "012534", "012345", "012354"],
            ["012345", "013542", "015243"],
            ["012345", "012543"],
        ],
    ]
}
