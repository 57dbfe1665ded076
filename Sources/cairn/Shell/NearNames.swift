/// Suggestions for misspelt names.
enum NearNames {
    /// The nearest candidate, or nil when none is within two edits (one for short names).
    static func suggestion(for name: String, among candidates: [String]) -> String? {
        let limit = name.count <= 3 ? 1 : 2
        let ranked =
            candidates
            .map {
                (name: $0, distance: distance(Array(name.lowercased()), Array($0.lowercased())))
            }
            .filter { $0.distance <= limit }
        return ranked.min { $0.distance < $1.distance }?.name
    }

    /// Insertions, deletions, substitutions and swaps of neighbours that turn one into the other
    /// (the restricted Damerau–Levenshtein distance).
    static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var rows = [Array(0...right.count)]
        for i in 1..<(left.count + 1) {
            var row = [i]
            for j in 1..<(right.count + 1) {
                let substitution = rows[i - 1][j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
                var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, substitution)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    best = min(best, rows[i - 2][j - 2] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
