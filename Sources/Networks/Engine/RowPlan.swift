internal import ArrayMath

/// Which rows a network computes for a set of examples, each row once.
///
/// With causal attention, what a block computes at a position depends only on the tokens up to it,
/// so examples that begin alike share rows:
/// - *input rows*, one per different (position, token): embeddings, and the first block's queries,
///   keys and values. Three short tables at p = 113 instead of 12,769 · 3 rows.
/// - *prefix rows*, one per different beginning of the examples of one tile: the outputs of all
///   blocks but the last. There are none for a network of one block.
/// - *read-out rows*, one per answer: the last block's output. Its queries, its hidden layer and the
///   unembedding are computed nowhere else.
///
/// Examples are put in the order of their tokens first. Equal beginnings are then neighbours, and a
/// tile, a range of neighbours, holds almost everything that its examples share: only the
/// beginnings that cross a border between tiles are computed twice.
final class RowPlan {
    /// The rows of one tile: how many, and where they lie in the tables below.
    struct Tile {
        var firstReadout = 0
        var readoutCount = 0
        var firstPrefix = 0
        var prefixCount = 0
        /// Prefix rows from here on are read out: only they need the last block's queries.
        var firstQueryPrefix = 0
    }

    /// Lanes that tiles are dealt to; fixed, so that sums have the same order on any machine.
    static let laneCount = 4

    let length: Int
    let targetsPerExample: Int
    let usesPrefixes: Bool
    /// False where rows of different examples must not be shared, as dropout demands.
    let sharesPrefixes: Bool

    // The input rows, by position and then token, query positions last.
    let inputCount: Int
    let inputTokens: UnsafeMutablePointer<Int32>
    let inputPositions: UnsafeMutablePointer<Int32>
    /// The input rows of each position.
    let inputRange: [Range<Int>]
    /// Input rows from here on stand at a position that is read out.
    let firstQueryInput: Int

    // The read-out rows of all tiles.
    private(set) var readoutCount = 0
    /// The answer, an index into `Examples.targets`, of each read-out row.
    let answerOfReadout: UnsafeMutablePointer<Int32>
    let readoutTargets: UnsafeMutablePointer<Int32>
    /// 1 where a read-out row is the first of its example.
    let startsExample: UnsafeMutablePointer<UInt8>
    /// For each read-out row and position, the source row of that position, `[rows, length]`.
    let readoutSources: UnsafeMutablePointer<Int32>
    /// The position of each read-out row.
    let readoutPositions: UnsafeMutablePointer<Int32>

    // The prefix rows of all tiles.
    let prefixInputs: UnsafeMutablePointer<Int32>
    let prefixSources: UnsafeMutablePointer<Int32>
    let prefixPositions: UnsafeMutablePointer<Int32>
    /// A number of each prefix row that does not depend on how tiles are cut.
    let prefixIdentities: UnsafeMutablePointer<Int32>

    /// Tiles 0..<tileCount are in use.
    private(set) var tiles: [Tile]
    private(set) var tileCount = 0
    /// The examples of the current selection.
    private(set) var exampleCount = 0
    /// The most rows that any tile can have.
    let readoutCapacity: Int
    let prefixCapacity: Int

    private let tables = OwnedTables()
    private let examples: Examples
    private let examplesPerTile: Int
    /// The example at each place of the token order, and the reverse.
    private let exampleAtRank: [Int32]
    private let rankOfExample: [Int32]
    /// The input row of each token, `[count, length]`.
    private let inputRow: [Int32]
    /// How often the example at each rank is selected.
    private let multiplicity: UnsafeMutablePointer<Int32>
    /// The prefix row of each position of the example being placed.
    private let currentPrefix: UnsafeMutablePointer<Int32>
    // The rows of the tile being placed, in the order of their discovery.
    private let isRead: UnsafeMutablePointer<Bool>
    private let newExample: UnsafeMutablePointer<Int32>
    private let newPosition: UnsafeMutablePointer<Int32>
    private let newParent: UnsafeMutablePointer<Int32>
    private let renumbered: UnsafeMutablePointer<Int32>

    init(_ examples: Examples, blockCount: Int, sharesPrefixes: Bool) {
        self.examples = examples
        self.sharesPrefixes = sharesPrefixes
        length = examples.length
        targetsPerExample = examples.targetsPerExample
        usesPrefixes = blockCount > 1
        let count = examples.count
        // About 256 rows go through a product at once: enough for its full speed, few enough that
        // their activations stay in cache until the way back.
        let rowsPerExample = blockCount > 1 ? 2 : 1
        examplesPerTile = max(1, 256 / (rowsPerExample * targetsPerExample))

        let inputs = InputRows(examples)
        inputCount = inputs.tokens.count
        inputTokens = tables.make(copying: inputs.tokens)
        inputPositions = tables.make(copying: inputs.positions)
        inputRange = inputs.ranges
        firstQueryInput = inputs.firstQuery
        inputRow = inputs.rowOfToken

        let tokens = examples.tokens
        let span = length
        let order = (0..<count).sorted { first, second in
            for position in 0..<span {
                let (left, right) = (
                    tokens[first * span + position], tokens[second * span + position]
                )
                if left != right { return left < right }
            }
            return first < second
        }
        exampleAtRank = order.map(Int32.init)
        var ranks = [Int32](repeating: 0, count: count)
        for (rank, example) in order.enumerated() { ranks[example] = Int32(rank) }
        rankOfExample = ranks

        readoutCapacity = min(examplesPerTile, max(count, 1)) * targetsPerExample
        prefixCapacity = usesPrefixes ? min(examplesPerTile, max(count, 1)) * length : 0
        let answers = count * targetsPerExample
        let prefixes = usesPrefixes ? count * length : 0
        answerOfReadout = tables.make(count: answers)
        readoutTargets = tables.make(count: answers)
        startsExample = tables.make(count: answers)
        readoutSources = tables.make(count: answers * length)
        readoutPositions = tables.make(count: answers)
        prefixInputs = tables.make(count: prefixes * length)
        prefixSources = tables.make(count: prefixes * length)
        prefixPositions = tables.make(count: prefixes)
        prefixIdentities = tables.make(count: prefixes)
        multiplicity = tables.make(count: count)
        currentPrefix = tables.make(count: length)
        isRead = tables.make(count: prefixCapacity)
        newExample = tables.make(count: prefixCapacity)
        newPosition = tables.make(count: prefixCapacity)
        newParent = tables.make(count: prefixCapacity)
        renumbered = tables.make(count: prefixCapacity)
        let mostTiles = (count + examplesPerTile - 1) / examplesPerTile + RowPlan.laneCount
        tiles = [Tile](repeating: Tile(), count: mostTiles)
        selectAll()
    }

    /// The tiles of one lane.
    func tiles(ofLane lane: Int) -> Range<Int> {
        lane * tileCount / RowPlan.laneCount..<(lane + 1) * tileCount / RowPlan.laneCount
    }

    /// The input rows of one lane.
    func inputs(ofLane lane: Int) -> Range<Int> {
        lane * inputCount / RowPlan.laneCount..<(lane + 1) * inputCount / RowPlan.laneCount
    }

    /// Plans for every example once.
    func selectAll() {
        multiplicity.update(repeating: 1, count: examples.count)
        place(examples.count)
    }

    /// Plans for the given examples, which may repeat; at most as many as there are examples.
    func select(_ rows: [Int]) {
        precondition(
            !rows.isEmpty && rows.count <= examples.count,
            "a batch has a row and at most as many as the whole set")
        multiplicity.update(repeating: 0, count: examples.count)
        for row in rows { multiplicity[Int(rankOfExample[row])] += 1 }
        place(rows.count)
    }

    /// Cuts the selected examples into tiles of nearly equal size and numbers their rows.
    private func place(_ selected: Int) {
        exampleCount = selected
        let needed = (selected + examplesPerTile - 1) / examplesPerTile
        // A multiple of the lanes, so that they end together, unless tiles would become tiny.
        let even = (needed + RowPlan.laneCount - 1) / RowPlan.laneCount * RowPlan.laneCount
        tileCount = selected >= 16 * even ? even : needed
        readoutCount = 0
        var nextPrefix = 0
        var rank = 0
        var usedOfRank: Int32 = 0
        for index in 0..<tileCount {
            let size = (index + 1) * selected / tileCount - index * selected / tileCount
            var tile = Tile(firstReadout: readoutCount, firstPrefix: nextPrefix)
            var previous = -1
            for _ in 0..<size {
                while usedOfRank >= multiplicity[rank] {
                    rank += 1
                    usedOfRank = 0
                }
                usedOfRank += 1
                let example = Int(exampleAtRank[rank])
                if usesPrefixes { placePrefixes(example, after: previous, in: &tile) }
                placeReadouts(example)
                previous = example
            }
            tile.readoutCount = readoutCount - tile.firstReadout
            if usesPrefixes { numberPrefixes(&tile) }
            nextPrefix += tile.prefixCount
            tiles[index] = tile
        }
    }

    private func placeReadouts(_ example: Int) {
        var isFirst = true
        for slot in 0..<targetsPerExample {
            let answer = example * targetsPerExample + slot
            let target = examples.targets[answer]
            guard target >= 0 else { continue }
            let position = Int(examples.readoutPositions[answer])
            answerOfReadout[readoutCount] = Int32(answer)
            readoutTargets[readoutCount] = target
            startsExample[readoutCount] = isFirst ? 1 : 0
            readoutPositions[readoutCount] = Int32(position)
            let sources = readoutSources + readoutCount * length
            if usesPrefixes {
                // The chain behind this row is filled in when the tile's rows have their numbers.
                sources[position] = currentPrefix[position]
                isRead[Int(currentPrefix[position])] = true
            } else {
                for source in 0..<length { sources[source] = inputRow[example * length + source] }
            }
            isFirst = false
            readoutCount += 1
        }
    }

    /// Gives the example's beginnings rows: those of its predecessor as far as the tokens agree.
    private func placePrefixes(_ example: Int, after previous: Int, in tile: inout Tile) {
        var shared = 0
        if previous >= 0 && sharesPrefixes {
            while shared < length
                && examples.tokens[example * length + shared]
                    == examples.tokens[previous * length + shared]
            { shared += 1 }
        }
        for position in shared..<length { currentPrefix[position] = -1 }
        var end = 0
        for slot in 0..<targetsPerExample {
            let answer = example * targetsPerExample + slot
            if examples.targets[answer] >= 0 {
                end = max(end, Int(examples.readoutPositions[answer]) + 1)
            }
        }
        for position in 0..<end where currentPrefix[position] < 0 {
            let row = tile.prefixCount
            tile.prefixCount += 1
            currentPrefix[position] = Int32(row)
            isRead[row] = false
            newExample[row] = Int32(example)
            newPosition[row] = Int32(position)
            newParent[row] = position > 0 ? currentPrefix[position - 1] : -1
        }
    }

    /// Numbers a tile's prefix rows so that those that are read out come last, and fills the tables.
    private func numberPrefixes(_ tile: inout Tile) {
        var next = 0
        for pass in 0..<2 {
            let wanted = pass == 1
            if wanted { tile.firstQueryPrefix = next }
            for row in 0..<tile.prefixCount where isRead[row] == wanted {
                renumbered[row] = Int32(next)
                next += 1
            }
        }
        for row in 0..<tile.prefixCount {
            let place = tile.firstPrefix + Int(renumbered[row])
            let (example, position) = (Int(newExample[row]), Int(newPosition[row]))
            prefixPositions[place] = newPosition[row]
            prefixIdentities[place] = Int32(example * length + position)
            for source in 0...position {
                prefixInputs[place * length + source] = inputRow[example * length + source]
            }
            fillChain(from: row, at: position, into: prefixSources + place * length)
        }
        for readout in tile.firstReadout..<tile.firstReadout + tile.readoutCount {
            let position = Int(readoutPositions[readout])
            let sources = readoutSources + readout * length
            fillChain(from: Int(sources[position]), at: position, into: sources)
        }
    }

    private func fillChain(
        from row: Int, at position: Int, into sources: UnsafeMutablePointer<Int32>
    ) {
        var row = row
        for source in stride(from: position, through: 0, by: -1) {
            sources[source] = renumbered[row]
            row = Int(newParent[row])
        }
    }
}

/// The different (position, token) pairs of a set of examples.
struct InputRows {
    var tokens: [Int32] = []
    var positions: [Int32] = []
    /// The rows of each position.
    var ranges: [Range<Int>]
    /// Rows from here on stand at a position that is read out.
    var firstQuery = 0
    /// The row of each token, `[count, length]`.
    var rowOfToken: [Int32]

    init(_ examples: Examples) {
        var isRead = [Bool](repeating: false, count: examples.length)
        for (answer, target) in examples.targets.enumerated() where target >= 0 {
            isRead[Int(examples.readoutPositions[answer])] = true
        }
        ranges = [Range<Int>](repeating: 0..<0, count: examples.length)
        rowOfToken = [Int32](repeating: 0, count: examples.tokens.count)
        let places = 0..<examples.length
        for position in places.filter({ !isRead[$0] }) + places.filter({ isRead[$0] }) {
            if isRead[position] && !isRead[..<position].contains(true) { firstQuery = tokens.count }
            let column = (0..<examples.count).map {
                examples.tokens[$0 * examples.length + position]
            }
            let different = Set(column).sorted()
            let first = tokens.count
            let rows = Dictionary(
                uniqueKeysWithValues: different.enumerated().map { ($1, Int32(first + $0)) })
            for (example, token) in column.enumerated() {
                rowOfToken[example * examples.length + position] = rows[token] ?? 0
            }
            tokens += different
            positions += different.map { _ in Int32(position) }
            ranges[position] = first..<tokens.count
        }
    }
}
