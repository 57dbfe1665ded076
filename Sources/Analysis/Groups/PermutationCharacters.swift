internal import Foundation
internal import Networks

/// The characters of S_n, one for each partition of n, by the Murnaghan–Nakayama rule.
func symmetricCharacters(_ points: Int, permutations: [[Int]]) -> [IrreducibleCharacter] {
    let types = permutations.map(cycleType)
    return partitions(of: points).map { partition in
        let identity = murnaghanNakayama(partition, [Int](repeating: 1, count: points))
        return IrreducibleCharacter(
            name: symmetricName(partition, points), dimension: identity,
            values: types.map { ComplexValue(Double(murnaghanNakayama(partition, $0))) })
    }.sorted { publishedRank($0.name) < publishedRank($1.name) }
}

/// The characters of A_n: those of S_n restricted, where a partition that is its own transpose
/// splits into two of half the degree.
///
/// On the class of the partition's diagonal hooks h_1 … h_d the halves are
/// (ε ± √(ε Π h)) / 2 with ε = (−1)^((n − d)/2), elsewhere half the character (James and Kerber
/// 2.5.13). The class that holds the smaller element index takes the plus sign in the first half.
func alternatingCharacters(_ points: Int, group: FiniteGroup) -> [IrreducibleCharacter] {
    guard points > 2 else {
        return [
            IrreducibleCharacter(
                name: "trivial", dimension: 1,
                values: group.permutations.map { _ in ComplexValue(1) })
        ]
    }
    let types = group.permutations.map(cycleType)
    let classes = group.conjugacyClasses
    var result: [IrreducibleCharacter] = []
    for partition in partitions(of: points) {
        let transposed = transpose(partition)
        guard partition == transposed || partition.lexicographicallyPrecedes(transposed) == false
        else { continue }
        let values = types.map { Double(murnaghanNakayama(partition, $0)) }
        let degree = murnaghanNakayama(partition, [Int](repeating: 1, count: points))
        let name = alternatingName(partition, points)
        guard partition == transposed else {
            result.append(
                IrreducibleCharacter(
                    name: name, dimension: degree, values: values.map { ComplexValue($0) }))
            continue
        }
        let hooks = diagonalHooks(partition)
        let sign: Double = (points - hooks.count) / 2 % 2 == 0 ? 1 : -1
        let root = (hooks.reduce(1, *), sign)
        let half = Double(root.0).squareRoot() / 2
        let split = classes.filter { types[$0[0]] == hooks.sorted(by: >) }
        for (suffix, direction) in [("a", 1.0), ("b", -1.0)] {
            var parts = values.map { ComplexValue($0 / 2) }
            for (place, members) in split.enumerated() {
                let shift = (place == 0 ? 1 : -1) * direction * half
                for member in members {
                    parts[member] =
                        sign > 0 ? ComplexValue(sign / 2 + shift) : ComplexValue(sign / 2, shift)
                }
            }
            result.append(
                IrreducibleCharacter(
                    name: "\(name)_\(suffix)", dimension: degree / 2, values: parts))
        }
    }
    return result.sorted { publishedRank($0.name) < publishedRank($1.name) }
}

/// All partitions of a number, parts falling, from (n) down to (1, …, 1).
func partitions(of number: Int, largest: Int? = nil) -> [[Int]] {
    guard number > 0 else { return [[]] }
    return (1...min(number, largest ?? number)).reversed().flatMap { part in
        partitions(of: number - part, largest: part).map { [part] + $0 }
    }
}

/// The lengths of the cycles of a permutation in one-line form, falling.
func cycleType(_ form: [Int]) -> [Int] {
    var seen = [Bool](repeating: false, count: form.count)
    var lengths: [Int] = []
    for start in form.indices where !seen[start] {
        var (length, place) = (0, start)
        while !seen[place] {
            seen[place] = true
            place = form[place]
            length += 1
        }
        lengths.append(length)
    }
    return lengths.sorted(by: >)
}

/// χ^λ on the class of cycle type μ: the signed sum over the ways to peel off rim hooks of lengths
/// μ_1, μ_2 and so on.
///
/// A rim hook of length m is a move x → x − m to a free place in the set of first-column hook
/// lengths; its sign is −1 to the number of places jumped over.
func murnaghanNakayama(_ partition: [Int], _ cycleType: [Int]) -> Int {
    let count = partition.count
    let firstColumn = Set(partition.enumerated().map { $1 + count - 1 - $0 })
    func peel(_ places: Set<Int>, _ lengths: ArraySlice<Int>) -> Int {
        guard let length = lengths.first else { return 1 }
        var sum = 0
        for place in places where place >= length && !places.contains(place - length) {
            var moved = places
            moved.remove(place)
            moved.insert(place - length)
            let jumped = places.count { $0 > place - length && $0 < place }
            sum += (jumped % 2 == 0 ? 1 : -1) * peel(moved, lengths.dropFirst())
        }
        return sum
    }
    return peel(firstColumn, cycleType[...])
}

private func transpose(_ partition: [Int]) -> [Int] {
    guard let longest = partition.first else { return [] }
    return (0..<longest).map { column in partition.count { $0 > column } }
}

/// Hook lengths along the diagonal of a partition that is its own transpose: 2 (λ_i − i) − 1.
private func diagonalHooks(_ partition: [Int]) -> [Int] {
    partition.enumerated().filter { $1 > $0 }.map { 2 * ($1 - $0) - 1 }
}

private func partitionText(_ partition: [Int]) -> String {
    "(" + partition.map(String.init).joined(separator: ",") + ")"
}

/// The published names of S5 and S6, `trivial`, `sign`, `standard`, `standard_sign`, else the
/// partition.
private func symmetricName(_ partition: [Int], _ points: Int) -> String {
    let special: [[Int]: String] = [
        [2, 2, 1]: "s5_5d_a", [3, 2]: "s5_5d_b", [3, 1, 1]: "s5_6d", [3, 3]: "s6_5d_a",
        [2, 2, 2]: "s6_5d_b",
    ]
    if partition.count <= 1 { return "trivial" }
    if partition.count == points { return "sign" }
    if partition == [points - 1, 1] { return "standard" }
    if partition == transpose([points - 1, 1]) { return "standard_sign" }
    return special[partition] ?? partitionText(partition)
}

private func alternatingName(_ partition: [Int], _ points: Int) -> String {
    if partition.count <= 1 { return "trivial" }
    if partition == [points - 1, 1] && points > 3 { return "standard" }
    if points == 5 { return partition == [3, 1, 1] ? "a5_3d" : "a5_5d_a" }
    return partitionText(partition)
}

private func publishedRank(_ name: String) -> Int {
    let order = [
        "trivial", "sign", "standard", "standard_sign", "s5_5d_a", "s5_5d_b", "s5_6d", "s6_5d_a",
        "s6_5d_b", "a5_5d_a", "a5_3d_a", "a5_3d_b",
    ]
    return order.firstIndex(of: name) ?? order.count
}
