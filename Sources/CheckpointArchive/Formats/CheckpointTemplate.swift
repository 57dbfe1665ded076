internal import Checkpoints
internal import Foundation
internal import HDF5Files

/// What decides how the file of a checkpoint is built, apart from the values in it.
///
/// Checkpoints of one form have files of one structure: the same bytes but for the values.
struct CheckpointForm: Equatable {
    private let run: String
    private let weights: TensorLayout
    private let stateTensors: [TensorLayout.Entry]?
    private let stateByteCount: Int
    private let metricCount: Int
    private let nameByteCount: Int
    private let stepDigestCount: Int

    /// Tensors with fewer bytes cannot be found in a file by their values.
    private static let smallestPiece = 4

    /// The form of a checkpoint; nil where values could not be told from structure.
    init?(_ checkpoint: Checkpoint, _ layout: TensorLayout, run: String) {
        self.run = run
        weights = layout
        stateTensors = checkpoint.optimizerState?.tensors.map {
            TensorLayout.Entry(name: $0.name, shape: $0.shape, elementType: $0.elementType)
        }
        let text = checkpoint.optimizerState?.attributes.utf8
        stateByteCount = text?.count ?? 0
        metricCount = checkpoint.metrics.count
        nameByteCount = StoredTables.nameByteCount(of: checkpoint.metrics)
        stepDigestCount = checkpoint.stepDigests.count
        let sizes = (weights.entries + (stateTensors ?? [])).map(\.byteCount)
        guard sizes.allSatisfy({ $0 == 0 || $0 >= CheckpointForm.smallestPiece }),
            text?.contains(0) != true,
            checkpoint.metrics.allSatisfy({ !$0.name.utf8.contains(0) })
        else { return nil }
    }

    /// A checkpoint of this form with random values, and random digests.
    func example() -> (checkpoint: Checkpoint, summary: CheckpointFile.Summary) {
        var generator = SplitMix(state: .random(in: 0 ... .max))
        func bytes(_ count: Int) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                for start in stride(from: 0, to: count, by: 8) {
                    withUnsafeBytes(of: generator.next()) { word in
                        let part = bytes[start..<min(start + 8, count)]
                        UnsafeMutableRawBufferPointer(rebasing: part)
                            .copyMemory(from: UnsafeRawBufferPointer(rebasing: word[..<part.count]))
                    }
                }
                filled = count
            }
        }
        func text(_ count: Int) -> String {
            String(decoding: bytes(count).map { $0 % 26 + UInt8(ascii: "a") }, as: UTF8.self)
        }
        func tensor(_ entry: TensorLayout.Entry) -> Tensor {
            Tensor(
                name: entry.name, shape: entry.shape, elementType: entry.elementType,
                bytes: bytes(entry.byteCount))
        }
        let checkpoint = Checkpoint(
            step: Int(generator.next() >> 1), weights: weights.entries.map(tensor),
            optimizerState: stateTensors.map {
                OptimizerState(tensors: $0.map(tensor), attributes: text(stateByteCount))
            },
            metrics: (0..<metricCount).map { _ in
                MetricPoint(
                    name: text(nameByteCount), step: Int(generator.next() >> 1),
                    value: Double(bitPattern: generator.next()))
            },
            stepDigests: (0..<stepDigestCount).map { _ in
                StepDigest(
                    step: Int(generator.next() >> 1), high: generator.next(), low: generator.next())
            })
        let digests = weights.entries.map { _ in Digest(storedBytes: bytes(32)) }
        return (
            checkpoint,
            CheckpointFile.Summary(
                step: checkpoint.step, layout: weights, digests: digests,
                hasOptimizerState: checkpoint.optimizerState != nil)
        )
    }
}

/// Fast random words (SplitMix64 by Steele, Lea and Flood); the system's own take a call each.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}

/// The file of a checkpoint as the HDF5 library made it once, and where its values lie.
///
/// The library spends more time on the structure of a file than the disk on its bytes, and the
/// structure is the same at every step. So the values alone are replaced. Nothing is assumed about
/// the places: they are found in two files that the library made of random values, and the result
/// must equal the library's own file of a real checkpoint, byte for byte, before it is used.
struct CheckpointTemplate {
    let form: CheckpointForm
    private(set) var image: [UInt8]
    /// Where each of `pieces` begins.
    private let offsets: [Int]
    /// The blocks of metadata with values inside, which end in a checksum.
    private let checksummed: [Range<Int>]

    /// A template for checkpoints like this one, whose file the library has made; nil where the
    /// values cannot be placed with certainty.
    init?(
        _ form: CheckpointForm, from checkpoint: Checkpoint, _ summary: CheckpointFile.Summary,
        image expected: [UInt8], run: String
    ) throws {
        let examples = [form.example(), form.example()]
        let images = try examples.map {
            try CheckpointFile.image(
                of: $0.checkpoint, $0.summary, run: run, compression: .contiguous)
        }
        guard images.allSatisfy({ $0.count == expected.count }) else { return nil }
        let pieces = examples.map { CheckpointTemplate.pieces(of: $0.checkpoint, $0.summary) }
        guard let offsets = CheckpointTemplate.places(of: pieces[0], and: pieces[1], in: images)
        else {
            return nil
        }
        self.form = form
        self.offsets = offsets
        image = images[0]
        var patched = images[0]
        CheckpointTemplate.replace(pieces[1], at: offsets[...], in: &patched)
        guard
            let blocks = CheckpointTemplate.checksummedBlocks(
                patched: patched, first: images[0], second: images[1])
        else { return nil }
        checksummed = blocks
        fill(with: checkpoint, summary)
        guard image == expected else { return nil }
    }

    /// Makes `image` the file of this checkpoint, which must be of the template's form.
    mutating func fill(with checkpoint: Checkpoint, _ summary: CheckpointFile.Summary) {
        fillValues(of: checkpoint)
        fillRest(of: checkpoint, summary)
    }

    /// Puts in the values of the tensors, which lie in the extents of the file's seal.
    mutating func fillValues(of checkpoint: Checkpoint) {
        let values = CheckpointTemplate.values(of: checkpoint)
        CheckpointTemplate.replace(values, at: offsets.prefix(values.count), in: &image)
    }

    /// Puts in everything but the values of the tensors.
    mutating func fillRest(of checkpoint: Checkpoint, _ summary: CheckpointFile.Summary) {
        let rest = CheckpointTemplate.rest(of: checkpoint, summary)
        CheckpointTemplate.replace(rest, at: offsets.suffix(rest.count), in: &image)
        image.withUnsafeMutableBytes { bytes in
            for block in checksummed {
                let sum = MetadataChecksum.value(of: UnsafeRawBufferPointer(rebasing: bytes[block]))
                bytes.storeBytes(
                    of: sum.littleEndian, toByteOffset: block.upperBound, as: UInt32.self)
            }
        }
        FileSeal.recompute(in: &image)
    }

    /// Everything in the file of a checkpoint that differs between steps, in a fixed order.
    private static func pieces(
        of checkpoint: Checkpoint, _ summary: CheckpointFile.Summary
    ) -> [[UInt8]] {
        values(of: checkpoint) + rest(of: checkpoint, summary)
    }

    /// The values of all tensors that have any.
    private static func values(of checkpoint: Checkpoint) -> [[UInt8]] {
        let tensors =
            CheckpointFile.sorted(checkpoint.weights) + (checkpoint.optimizerState?.tensors ?? [])
        return tensors.map(\.bytes).filter { !$0.isEmpty }
    }

    /// What else differs between steps.
    private static func rest(
        of checkpoint: Checkpoint, _ summary: CheckpointFile.Summary
    ) -> [[UInt8]] {
        var pieces = [withUnsafeBytes(of: Int64(summary.step).littleEndian) { Array($0) }]
        func add(_ digest: Digest) { pieces.append(Array(digest.description.utf8)) }
        func add(table: [UInt8]) {
            guard !table.isEmpty else { return }
            pieces.append(table)
            add(Digest(of: table))
        }
        add(summary.digest)
        for digest in summary.digests { add(digest) }
        if let state = checkpoint.optimizerState {
            add(table: Array(state.attributes.utf8))
            // What an empty tensor holds, and so its digest, never differs.
            for tensor in state.tensors where !tensor.bytes.isEmpty {
                add(Digest(of: tensor.bytes))
            }
        }
        add(table: StoredTables.bytes(checkpoint.metrics))
        add(table: StoredTables.bytes(checkpoint.stepDigests))
        return pieces
    }

    /// Where each piece begins: the one place at which the first file has the first pieces' bytes
    /// and the second file the second's; nil where there is none, or more than one.
    ///
    /// What a larger piece covers is not searched for smaller ones, which leaves little to search.
    private static func places(
        of first: [[UInt8]], and second: [[UInt8]], in images: [[UInt8]]
    ) -> [Int]? {
        var offsets = [Int](repeating: 0, count: first.count)
        var unclaimed = [0..<images[0].count]
        for index in first.indices.sorted(by: { first[$0].count > first[$1].count }) {
            let found = unclaimed.flatMap { range in
                places(of: first[index], in: images[0], range).filter { place in
                    images[1].withUnsafeBytes { holds($0, second[index], at: place) }
                }
            }
            guard found.count == 1, let place = found.first,
                let around = unclaimed.firstIndex(where: { $0.contains(place) })
            else { return nil }
            offsets[index] = place
            let range = unclaimed[around]
            unclaimed.replaceSubrange(
                around...around,
                with: [range.lowerBound..<place, place + first[index].count..<range.upperBound])
        }
        return offsets
    }

    /// Where these bytes begin within a range.
    private static func places(
        of piece: [UInt8], in image: [UInt8], _ range: Range<Int>
    ) -> [Int] {
        guard let first = piece.first else { return [] }
        return image.withUnsafeBytes { bytes in
            var places: [Int] = []
            var start = range.lowerBound
            let end = range.upperBound - piece.count + 1
            while start < end, let base = bytes.baseAddress,
                let found = memchr(base + start, Int32(first), end - start)
            {
                start = UnsafeRawPointer(found) - base
                if holds(bytes, piece, at: start) { places.append(start) }
                start += 1
            }
            return places
        }
    }

    private static func holds(
        _ image: UnsafeRawBufferPointer, _ piece: [UInt8], at offset: Int
    ) -> Bool {
        guard let base = image.baseAddress, offset + piece.count <= image.count else {
            return false
        }
        return piece.withUnsafeBytes { bytes in
            bytes.baseAddress.map { memcmp(base + offset, $0, bytes.count) == 0 } ?? true
        }
    }

    private static func replace(
        _ pieces: [[UInt8]], at offsets: ArraySlice<Int>, in image: inout [UInt8]
    ) {
        image.withUnsafeMutableBytes { image in
            for (piece, offset) in zip(pieces, offsets) {
                UnsafeMutableRawBufferPointer(rebasing: image[offset..<offset + piece.count])
                    .copyBytes(from: piece)
            }
        }
    }

    /// The blocks whose checksums account for every byte in which `patched`, the first file with the
    /// values of the second, still differs from the second; nil where something else differs.
    private static func checksummedBlocks(
        patched: [UInt8], first: [UInt8], second: [UInt8]
    ) -> [Range<Int>]? {
        var blocks: [Range<Int>] = []
        var position = 0
        // The seal behind the library's file follows from what is before it.
        let end = FileSeal.contentByteCount(of: patched)
        while let place = difference(patched, second, min(position, end)..<end) {
            guard let block = block(summedAt: place, first, second) else { return nil }
            blocks.append(block)
            position = block.upperBound + 4
        }
        return blocks
    }

    /// The first position within a range at which two files differ.
    private static func difference(
        _ first: [UInt8], _ second: [UInt8], _ range: Range<Int>
    ) -> Int? {
        first.withUnsafeBytes { first in
            second.withUnsafeBytes { second in
                range.first { first[$0] != second[$0] }
            }
        }
    }

    /// The object header whose checksum covers this position.
    private static func block(
        summedAt position: Int, _ first: [UInt8], _ second: [UInt8]
    ) -> Range<Int>? {
        guard let start = headerStart(before: position, in: first) else { return nil }
        return (max(start, position - 3)...position).lazy.map { start..<$0 }.first { block in
            [first, second].allSatisfy { image in
                guard block.upperBound + 4 <= image.count else { return false }
                return image.withUnsafeBytes { bytes in
                    let sum = MetadataChecksum.value(
                        of: UnsafeRawBufferPointer(rebasing: bytes[block]))
                    return sum
                        == UInt32(
                            littleEndian: bytes.loadUnaligned(
                                fromByteOffset: block.upperBound, as: UInt32.self))
                }
            }
        }
    }

    /// Where the last object header, or the last continuation of one, begins.
    private static func headerStart(before position: Int, in image: [UInt8]) -> Int? {
        let signatures = ["OHDR", "OCHK"].map { Array($0.utf8) }
        return stride(from: position - 4, through: 0, by: -1).first { start in
            signatures.contains { image[start..<start + 4].elementsEqual($0) }
        }
    }
}
