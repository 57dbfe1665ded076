package import Checkpoints
internal import Foundation

/// How the tensors of an imported run were named and laid out in the files they came from, so that
/// they can be written again as they were.
package struct OriginalTensors: Sendable, Equatable {
    /// A tensor of Cairn's and what it was made of.
    struct Entry: Codable, Sendable, Equatable {
        struct Source: Codable, Sendable, Equatable {
            let name: String
            let shape: [Int]
        }

        let tensor: String
        /// More than one were stacked along a new first axis.
        let sources: [Source]
        /// The axis of which a part was taken, with its first index and the one behind its last.
        let slice: [Int]?
        let shape: [Int]?
        let axes: [Int]?
    }

    /// Empty where tensors kept their names and layouts.
    private(set) var entries: [Entry] = []

    package init() {}

    /// The way from a file's tensors, before whose names `prefix` stood, to those of a network.
    init(_ model: ForeignModel, source: TensorSource, prefix: String) {
        entries = model.map.recipes.map { recipe in
            Entry(
                tensor: recipe.target,
                sources: recipe.sources.map {
                    .init(name: prefix + $0, shape: source.shape($0) ?? [])
                },
                slice: recipe.slice.map { [$0.axis, $0.range.lowerBound, $0.range.upperBound] },
                shape: recipe.shape, axes: recipe.axes)
        }
    }

    // MARK: - In the run's note

    private struct Note: Decodable { let tensors: [Entry]? }

    /// Reads the tensors of what a run keeps about its origin.
    package init(note: String) throws {
        entries = try JSONDecoder().decode(Note.self, from: Data(note.utf8)).tensors ?? []
    }

    /// The entries as JSON.
    var value: Value {
        get throws {
            Value(try JSONValue(parsing: [UInt8](try JSONEncoder().encode(entries))))
        }
    }

    // MARK: - Back

    /// The tensors under their first names and in their first layouts; those without an entry stay.
    ///
    /// Errors: tensors are not those that the entries tell of.
    package func restored(_ tensors: [Tensor], subject: String) throws -> [Tensor] {
        let known = Dictionary(
            entries.map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        var order: [String] = []
        var pieces: [String: [Piece]] = [:]
        var kept: [Tensor] = []
        for tensor in tensors {
            guard let entry = known[tensor.name] else {
                kept.append(tensor)
                continue
            }
            for piece in try Self.pieces(of: tensor, entry, subject: subject) {
                if pieces[piece.source.name] == nil { order.append(piece.source.name) }
                pieces[piece.source.name, default: []].append(piece)
            }
        }
        return try order.compactMap { pieces[$0] }.map { try Self.joined($0, subject: subject) }
            + kept
    }

    /// A part of a tensor of the file: all indices of one axis in a range.
    private struct Piece {
        let source: Entry.Source
        let axis: Int
        let range: Range<Int>
        let elementType: ElementType
        let bytes: [UInt8]
    }

    private static func pieces(
        of tensor: Tensor, _ entry: Entry, subject: String
    ) throws -> [Piece] {
        let count = entry.sources.count
        func wrong() -> UserError {
            .integrity(
                subject: subject,
                cause: "its tensor \(tensor.name) of shape \(tensor.shape) is not what its origin "
                    + "tells of", advice: "export it without --original-names")
        }
        guard count == 1 || tensor.shape.first == count, count > 0 else { throw wrong() }
        let shape = count == 1 ? tensor.shape : Array(tensor.shape.dropFirst())
        let byteCount = tensor.bytes.count / count
        return try entry.sources.enumerated().map { index, source in
            var part = Tensor(
                name: source.name, shape: shape, elementType: tensor.elementType,
                bytes: Array(tensor.bytes[index * byteCount..<(index + 1) * byteCount]))
            if let axes = entry.axes {
                guard axes.sorted() == Array(shape.indices) else { throw wrong() }
                // Undoing a reordering of axes is one, too.
                let inverse = axes.indices.map { axis in axes.firstIndex(of: axis) ?? axis }
                let whole = StoredTensor(part)
                part = try TensorRecipe(source.name, from: source.name, axes: inverse)
                    .make(path: subject) { _ in whole }.load(named: source.name)
            }
            let slice = entry.slice ?? [0, 0, source.shape.first ?? 1]
            guard slice.count == 3, slice[0] == 0 || source.shape.indices.contains(slice[0]),
                slice[1] >= 0, slice[1] <= slice[2], slice[2] <= source.shape.first(at: slice[0])
            else { throw wrong() }
            var extents = source.shape
            if !extents.isEmpty { extents[slice[0]] = slice[2] - slice[1] }
            guard extents.reduce(1, *) == shape.reduce(1, *) else { throw wrong() }
            return Piece(
                source: source, axis: slice[0], range: slice[1]..<slice[2],
                elementType: part.elementType, bytes: part.bytes)
        }
    }

    /// Pieces of one tensor of the file, put together; the end of an axis that was not stored is
    /// left away.
    private static func joined(_ pieces: [Piece], subject: String) throws -> Tensor {
        let sorted = pieces.sorted { $0.range.lowerBound < $1.range.lowerBound }
        let (first, source) = (sorted[0], sorted[0].source)
        var end = 0
        for piece in sorted {
            guard piece.range.lowerBound == end, piece.axis == first.axis,
                piece.source == source, piece.elementType == first.elementType
            else {
                throw UserError(
                    .failure, subject: subject,
                    cause: "of \(source.name), from which it was imported, parts are not stored",
                    advice: "export it without --original-names")
            }
            end = piece.range.upperBound
        }
        var shape = source.shape
        if !shape.isEmpty { shape[first.axis] = end }
        let outer = shape.prefix(first.axis).reduce(1, *)
        let inner = shape.dropFirst(first.axis + 1).reduce(first.elementType.byteCount, *)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(shape.reduce(first.elementType.byteCount, *))
        for row in 0..<outer {
            for piece in sorted {
                let length = piece.range.count * inner
                bytes += piece.bytes[row * length..<(row + 1) * length]
            }
        }
        return Tensor(
            name: source.name, shape: shape, elementType: first.elementType, bytes: bytes)
    }
}

extension [Int] {
    /// The extent of an axis; 1 for a scalar.
    fileprivate func first(at axis: Int) -> Int { isEmpty ? 1 : self[axis] }
}
