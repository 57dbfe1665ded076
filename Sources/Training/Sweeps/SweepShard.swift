internal import Checkpoints

/// The runs of a sweep that fall to one task: one or several of `count` shards.
///
/// Which run belongs to which shard depends on the run's name and on `count` alone. The order is that of
/// the names' digests, so that costly neighbours in the file do not meet in one shard.
package struct SweepShard: Sendable, Equatable {
    /// From 1 to `count`, rising.
    package let numbers: [Int]
    package let count: Int

    /// Reads `3/8`, or several as in `1,4,7/8`.
    package init(written text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let numbers = (parts.first ?? "").split(separator: ",", omittingEmptySubsequences: false)
            .map { Int($0) ?? 0 }
        guard parts.count == 2, let count = Int(parts[1]), count > 0, !numbers.isEmpty,
            numbers.allSatisfy({ (1...count).contains($0) })
        else {
            throw UserError.usage(
                subject: "--shard \(text)", cause: "it is not a part of a whole",
                advice: "write 1/8 to 8/8, or several as in 1,4,7/8")
        }
        self.numbers = Set(numbers).sorted()
        self.count = count
    }

    /// The shard of each of some runs, from 1.
    package static func deal(_ names: [String], among count: Int) -> [Int] {
        let order = names.indices.map { ($0, Digest(of: Array(names[$0].utf8)).bytes) }
            .sorted { $0.1.lexicographicallyPrecedes($1.1) }
        var shards = [Int](repeating: 0, count: names.count)
        for (place, (index, _)) in order.enumerated() { shards[index] = place % count + 1 }
        return shards
    }
}
