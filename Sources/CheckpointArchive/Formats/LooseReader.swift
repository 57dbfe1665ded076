internal import Checkpoints
internal import Foundation
internal import HDF5Files
internal import SystemFiles

/// Reads loose files, one after the other into the same memory, on their way into a pack.
final class LooseReader {
    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)

    deinit { buffer.deallocate() }

    /// The content of a loose file whose bytes are those that the index records, valid until the
    /// next call; nil where its tensors do not lie in one piece each.
    ///
    /// The sum over the whole file shows that nothing changed, so the tensors are not hashed again.
    func row(
        _ path: RootedPath, _ location: StoredRun.Location, _ layout: TensorLayout
    ) throws -> PackFile.Row? {
        let file = path.path
        let opened = try path.open()
        let bytes = try read(opened)
        guard FileChecksum(of: bytes).data == location.checksum else {
            throw ArchiveError(.damaged, file: file, cause: "the file is damaged or cut short")
        }
        let root = try FileSeal.library(opened).root()
        guard try root.integerAttribute("step") == location.step else {
            throw ArchiveError(.damaged, file: file, cause: "it is of another step")
        }
        let group = try root.group(CheckpointFile.weights)
        var values: [UnsafeRawBufferPointer] = []
        for entry in layout.entries {
            let dataset = try group.dataset(entry.name, type: entry.elementType.stored)
            guard dataset.shape == entry.shape else {
                throw ArchiveError(
                    .damaged, file: file, part: "tensor \(entry.name)",
                    cause: "its shape is \(dataset.shape) instead of \(entry.shape)")
            }
            let offset = entry.byteCount > 0 ? try dataset.contiguousOffset() : 0
            guard let offset, offset + entry.byteCount <= bytes.count else { return nil }
            values.append(
                UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + entry.byteCount]))
        }
        let summary = CheckpointFile.Summary(
            step: location.step, layout: layout,
            digests: layout.entries.indices.map { location.digest(ofTensorAt: $0) },
            hasOptimizerState: location.optimizerPath == location.path)
        return PackFile.Row(
            summary: summary, metrics: try StoredTables.readMetrics(from: root, file),
            stepDigests: try StoredTables.readStepDigests(from: root, file)
        ) { position, body in try body(values[position]) }
    }

    /// All bytes of a file.
    private func read(_ file: OpenFile) throws -> UnsafeRawBufferPointer {
        let byteCount = try file.byteCount
        if buffer.count < byteCount {
            buffer.deallocate()
            buffer = .allocate(byteCount: byteCount, alignment: 64)
        }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
        try file.read(into: bytes, at: 0)
        return UnsafeRawBufferPointer(bytes)
    }
}
