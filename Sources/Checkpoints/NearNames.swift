/// Finds the names that a person probably meant.
package enum NearNames {
    /// At most three names close to `wanted`, nearest first, equal ones in alphabetical order.
    ///
    /// Close means at most a third of the letters differ (at least one may), or one name begins
    /// with the other. Case does not count.
    package static func nearest(to wanted: String, in names: [String]) -> [String] {
        let allowed = max(1, wanted.count / 3)
        let lowered = wanted.lowercased()
        let scored = names.compactMap { name -> (distance: Int, name: String)? in
            let candidate = name.lowercased()
            let distance = editDistance(lowered, candidate)
            if distance <= allowed { return (distance, name) }
            let isPrefix = lowered.count >= 3 && candidate.hasPrefix(lowered)
            return isPrefix ? (allowed + 1, name) : nil
        }
        return scored.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3)
            .map(\.name)
    }

    /// The fewest insertions, deletions, replacements and swaps of neighbours that turn one text
    /// into the other (optimal string alignment).
    static func editDistance(_ first: String, _ second: String) -> Int {
        let first = Array(first)
        let second = Array(second)
        var earlier: [Int] = []
        var previous = Array(0...second.count)
        for (row, letter) in first.enumerated() {
            var current = [row + 1]
            for (column, other) in second.enumerated() {
                var best = min(previous[column + 1], current[column]) + 1
                best = min(best, previous[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == second[column - 1], first[row - 1] == other {
                    best = min(best, earlier[column - 1] + 1)
                }
                current.append(best)
            }
            earlier = previous
            previous = current
        }
        return previous[second.count]
    }
}
