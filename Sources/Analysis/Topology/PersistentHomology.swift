internal import ArrayMath

/// The persistent homology of a Vietoris–Rips filtration in degrees 0 and 1, over the field of two
/// elements.
///
/// A simplex enters at the length of its longest edge. `bars` of degree 1 are the loops with the
/// lengths at which they appear and are filled, those of no length left out; `merges` of degree 0 are
/// the lengths at which components merge, n − 1 of them: the lengths of a smallest spanning tree. The
/// one component that never ends is no bar. With all edges the complex ends as one simplex, so that
/// every loop is filled.
package struct PersistentHomology: Sendable, Equatable {
    /// A loop: from the length at which it appears to that at which it is filled.
    package struct Bar: Sendable, Equatable {
        package let birth: Double
        package let death: Double
        package var persistence: Double { death - birth }

        package init(birth: Double, death: Double) {
            self.birth = birth
            self.death = death
        }
    }

    /// In rising order of length.
    package let merges: [Double]
    /// By falling persistence.
    package let bars: [Bar]

    package var largestPersistence: Double { bars.first?.persistence ?? 0 }
    package var totalPersistence: Double { bars.reduce(0) { $0 + $1.persistence } }
    package var totalMerges: Double { merges.reduce(0, +) }

    /// Of the Euclidean distances of points [count, columns]; nil where a coordinate is not finite.
    package init?(_ values: [Double], columns: Int) {
        guard values.allSatisfy(\.isFinite) else { return nil }
        let count = values.count / max(columns, 1)
        var distances = [Double](repeating: 0, count: count * count)
        for row in 0..<count {
            for other in 0..<row {
                var squares = 0.0
                for column in 0..<columns {
                    let miss = values[row * columns + column] - values[other * columns + column]
                    squares += miss * miss
                }
                distances[row * count + other] = squares.squareRoot()
                distances[other * count + row] = squares.squareRoot()
            }
        }
        self.init(distances: distances, count: count)
    }

    /// Of a symmetric matrix of distances, [count, count].
    ///
    /// Edges are put in a strict order, by length and then by place, and triangles after their longest
    /// edge, so that each simplex enters at a time of its own; ties change which of several bars of the
    /// same times is which, and nothing else. Degree 1 by cohomology with clearing (de Silva, Morozov and
    /// Vejdemo-Johansson 2011; Bauer 2021): from the last edge to the first, an edge that does not merge
    /// components is paired with the first triangle of its coboundary once what later edges were paired
    /// with is added away.
    package init(distances: [Double], count: Int) {
        let complex = EdgeOrder(distances, count: count)
        var merges: [Double] = []
        var components = DisjointSets(count)
        var isMerging = [Bool](repeating: false, count: complex.edges.count)
        for (rank, edge) in complex.edges.enumerated() where components.join(edge.0, edge.1) {
            isMerging[rank] = true
            merges.append(complex.lengths[rank])
        }
        self.merges = merges
        // The edges whose coboundaries add up to what a triangle was paired with.
        var owner: [Int: Int] = [:]
        var summands: [Int: [Int]] = [:]
        var bars: [Bar] = []
        for rank in complex.edges.indices.reversed() where !isMerging[rank] {
            var column = SumOfTriangles()
            complex.addCoboundary(of: rank, to: &column)
            var added = [rank]
            while let first = column.first, let other = owner[first] {
                for summand in summands[other] ?? [other] {
                    complex.addCoboundary(of: summand, to: &column)
                    added.append(summand)
                }
            }
            guard let first = column.first else { continue }
            owner[first] = rank
            if added.count > 1 { summands[rank] = odd(added) }
            let (birth, death) = (complex.lengths[rank], complex.lengths[first / count])
            if death > birth { bars.append(Bar(birth: birth, death: death)) }
        }
        self.bars = bars.sorted { ($0.persistence, $1.birth) > ($1.persistence, $0.birth) }
    }
}

/// What occurs an odd number of times.
private func odd(_ values: [Int]) -> [Int] {
    var kept: Set<Int> = []
    for value in values where kept.insert(value).inserted == false { kept.remove(value) }
    return Array(kept)
}

/// The edges of a complete graph from the shortest to the longest.
///
/// A triangle is named by the number rank · n + vertex, of its longest edge's rank and the vertex
/// opposite: a smaller number enters first.
private struct EdgeOrder {
    let edges: [(Int, Int)]
    let lengths: [Double]
    private let count: Int
    /// The rank of each edge, [count, count].
    private let ranks: [Int32]

    init(_ distances: [Double], count: Int) {
        self.count = count
        let all = (0..<count).flatMap { left in
            (left + 1..<max(count, left + 1)).map { (left, $0) }
        }
        let order = all.indices.sorted { one, other in
            let (first, second) = (
                distances[all[one].0 * count + all[one].1],
                distances[all[other].0 * count + all[other].1]
            )
            return first == second ? one < other : first < second
        }
        edges = order.map { all[$0] }
        lengths = edges.map { distances[$0.0 * count + $0.1] }
        var ranks = [Int32](repeating: 0, count: count * count)
        for (rank, edge) in edges.enumerated() {
            ranks[edge.0 * count + edge.1] = Int32(rank)
            ranks[edge.1 * count + edge.0] = Int32(rank)
        }
        self.ranks = ranks
    }

    /// Adds the triangles that an edge is a side of.
    func addCoboundary(of rank: Int, to column: inout SumOfTriangles) {
        let (left, right) = edges[rank]
        for vertex in 0..<count where vertex != left && vertex != right {
            let (one, other) = (
                Int(ranks[left * count + vertex]), Int(ranks[right * count + vertex])
            )
            // The vertex opposite to the longest side.
            if rank > one, rank > other {
                column.add(rank * count + vertex)
            } else if one > other {
                column.add(one * count + right)
            } else {
                column.add(other * count + left)
            }
        }
    }
}

/// A sum of triangles over the field of two elements: a heap in which equal ones cancel when they come
/// to the top.
private struct SumOfTriangles {
    private var heap: [Int] = []

    /// The first triangle of the sum; nil for an empty sum.
    var first: Int? {
        mutating get {
            while let top = heap.first {
                guard heap.count > 1, isRepeated(top) else { return top }
                removeFirst()
                removeFirst()
            }
            return nil
        }
    }

    /// Whether the smallest element is there twice: then one of its two children is equal to it.
    private func isRepeated(_ top: Int) -> Bool {
        heap[1] == top || (heap.count > 2 && heap[2] == top)
    }

    mutating func add(_ triangle: Int) {
        heap.append(triangle)
        var place = heap.count - 1
        while place > 0, heap[(place - 1) / 2] > heap[place] {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var place = 0
        while 2 * place + 1 < heap.count {
            var child = 2 * place + 1
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < heap[place] else { return }
            heap.swapAt(place, child)
            place = child
        }
    }
}

/// Disjoint sets with path halving.
private struct DisjointSets {
    private var parents: [Int]

    init(_ count: Int) { parents = Array(0..<count) }

    private mutating func root(_ element: Int) -> Int {
        var element = element
        while parents[element] != element {
            parents[element] = parents[parents[element]]
            element = parents[element]
        }
        return element
    }

    /// Whether the two were apart.
    mutating func join(_ one: Int, _ other: Int) -> Bool {
        let (first, second) = (root(one), root(other))
        parents[first] = second
        return first != second
    }
}
