package import Checkpoints
internal import Dispatch
internal import Foundation
internal import HDF5Files
internal import Synchronization
internal import SystemFiles

/// One tensor at many steps.
package struct Trajectory: Sendable, Equatable {
    /// Rising.
    package let steps: [Int]
    /// The shape at one step.
    package let shape: [Int]
    package let elementType: ElementType
    /// The values at the first step, then those at the second, ….
    package let bytes: [UInt8]

    /// All values in order, as the Swift type that the tensor stores; `[n, shape…]`.
    package func values<Element: TensorElement>(as type: Element.Type) -> [Element] {
        Tensor(name: "", shape: [steps.count] + shape, elementType: elementType, bytes: bytes)
            .values(as: type)
    }

    /// The tensor at the step with this index.
    package func tensor(_ index: Int, name: String) -> Tensor {
        let byteCount = shape.reduce(elementType.byteCount, *)
        return Tensor(
            name: name, shape: shape, elementType: elementType,
            bytes: Array(bytes[(index * byteCount)..<((index + 1) * byteCount)]))
    }
}

extension StoredRun {
    /// One tensor at all stored steps, or at the given ones.
    package func trajectory(of tensor: String, steps wanted: [Int]? = nil) throws -> Trajectory {
        let catalogue = catalogue
        let entry = catalogue.layout.entries[try position(of: tensor, catalogue)]
        let steps = wanted.map { Array(Set($0)).sorted() } ?? catalogue.checkpoints.map(\.step)
        for step in steps { _ = try location(step, catalogue) }
        let rows = Dictionary(uniqueKeysWithValues: steps.enumerated().map { ($1, $0) })
        let byteCount = entry.byteCount
        let bytes = Mutex([UInt8](repeating: 0, count: steps.count * byteCount))
        try visit([tensor], steps: steps) { step, _, values in
            guard let row = rows[step], byteCount > 0 else { return }
            bytes.withLock { bytes in
                bytes.withUnsafeMutableBytes {
                    $0[(row * byteCount)..<((row + 1) * byteCount)].copyBytes(from: values)
                }
            }
        }
        return Trajectory(
            steps: steps, shape: entry.shape, elementType: entry.elementType,
            bytes: bytes.withLock { $0 })
    }

    /// Hands the values of tensors at many steps to `body`, at the speed of reading them.
    ///
    /// Packed rows are read in blocks, past the HDF5 library where they lie in one piece, and
    /// compared with their checksums; loose tensors are compared with their SHA-256. The order of
    /// the calls is not defined, and with several `threads` they come at once. The buffer is valid
    /// during the call only.
    package func visit(
        _ tensors: [String]? = nil, steps wanted: [Int]? = nil, threads: Int = 1,
        body:
            @escaping @Sendable (
                _ step: Int, _ tensor: TensorLayout.Entry, _ values: UnsafeRawBufferPointer
            ) throws -> Void
    ) throws {
        try located { catalogue in
            let positions =
                try tensors?.map { try position(of: $0, catalogue) }
                ?? Array(catalogue.layout.entries.indices)
            let locations =
                try wanted.map { try Set($0).sorted().map { try location($0, catalogue) } }
                ?? catalogue.checkpoints
            let jobs = try jobs(positions, catalogue.layout, locations)
            try StoredRun.perform(jobs.count, threads: threads) { index in
                try self.visit(jobs[index], body)
            }
        }
    }

    /// Some rows of one tensor in one file.
    private struct Job: Sendable {
        let entry: TensorLayout.Entry
        let position: Int
        let locations: [Location]
        /// Where row 0 begins in a pack whose rows lie in one piece.
        let offset: Int?
        /// The checksums of all rows of the pack.
        let checksums: [FileChecksum]
    }

    /// Blocks stay in the processor's cache between reading, checking and use.
    private static let blockByteCount = 1 << 18

    private func jobs(
        _ positions: [Int], _ layout: TensorLayout, _ locations: [Location]
    ) throws -> [Job] {
        var jobs: [Job] = []
        for (path, locations) in StoredRun.byFile(locations) {
            guard locations[0].kind == .pack else {
                jobs += positions.map {
                    Job(
                        entry: layout.entries[$0], position: $0, locations: locations, offset: nil,
                        checksums: [])
                }
                continue
            }
            let file = "runs/\(id)/\(path)"
            try ArchiveError.reading(archive.paths.path(file)) {
                let opened = try FileSeal.open(archive.paths.file(id, path))
                let root = try opened.root()
                let weights = try root.group(CheckpointFile.weights)
                try PackFile.requireSteps(of: locations, in: root, file: file)
                for position in positions {
                    let entry = layout.entries[position]
                    let dataset = try PackFile.dataset(entry, in: weights, file: file)
                    let checksums = try PackFile.checksums(entry, from: root, file: file)
                    guard checksums.count == dataset.shape[0],
                        locations.allSatisfy({ $0.position < checksums.count })
                    else {
                        throw ArchiveError(
                            .damaged, file: file, part: "tensor \(entry.name)",
                            cause: "it has fewer rows than the index says")
                    }
                    jobs.append(
                        Job(
                            entry: entry, position: position, locations: locations,
                            offset: try dataset.contiguousOffset(), checksums: checksums))
                }
            }
        }
        return jobs
    }

    private static func byFile(_ locations: [Location]) -> [(path: String, locations: [Location])] {
        var files: [(path: String, locations: [Location])] = []
        for location in locations {
            if files.last?.path == location.path {
                files[files.count - 1].locations.append(location)
            } else {
                files.append((location.path, [location]))
            }
        }
        return files
    }

    private func visit(
        _ job: Job, _ body: (Int, TensorLayout.Entry, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        if let offset = job.offset, job.entry.byteCount > 0 {
            return try visitBlocks(job, from: offset, body)
        }
        for location in job.locations {
            let tensor = try tensor(job.position, job.entry, location)
            try tensor.bytes.withUnsafeBytes { try body(location.step, job.entry, $0) }
        }
    }

    private func tensor(
        _ position: Int, _ entry: TensorLayout.Entry, _ location: Location
    ) throws
        -> Tensor
    {
        let file = "runs/\(id)/\(location.path)"
        return try ArchiveError.reading(archive.paths.path(file), step: location.step) {
            let opened = try FileSeal.open(
                archive.paths.file(id, location.path), checksum: location.wholeChecksum)
            let root = try opened.root()
            try StoredRun.requireStep(of: location, in: root, file: file)
            let weights = try root.group(CheckpointFile.weights)
            let digest = location.digest(ofTensorAt: position)
            return location.kind == .pack
                ? try PackFile.tensor(
                    entry, row: location.position, from: weights, digest: digest, file: file)
                : try CheckpointFile.tensor(entry, from: weights, digest: digest, file: file)
        }
    }

    private func visitBlocks(
        _ job: Job, from offset: Int,
        _ body: (Int, TensorLayout.Entry, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let file = "runs/\(id)/\(job.locations[0].path)"
        let opened = try ArchiveError.reading(archive.paths.path(file)) {
            try archive.paths.file(id, job.locations[0].path).open()
        }
        let rowByteCount = job.entry.byteCount
        func use(_ bytes: UnsafeRawBufferPointer, of locations: ArraySlice<Location>) throws {
            for (row, location) in locations.enumerated() {
                let values = UnsafeRawBufferPointer(
                    rebasing: bytes[(row * rowByteCount)..<((row + 1) * rowByteCount)])
                guard FileChecksum(of: values) == job.checksums[location.position] else {
                    throw ArchiveError(
                        .damaged, file: file, step: location.step,
                        part: "tensor \(job.entry.name)",
                        cause: "the bytes of row \(location.position) do not have the recorded "
                            + "checksum")
                }
                try body(location.step, job.entry, values)
            }
        }
        var block: UnsafeMutableRawBufferPointer?
        defer { block?.deallocate() }
        let rowsPerBlock = max(1, StoredRun.blockByteCount / rowByteCount)
        for locations in StoredRun.neighbours(job.locations) {
            let start = offset + locations[locations.startIndex].position * rowByteCount
            let range = start..<start + locations.count * rowByteCount
            if let mapped = MappedRange(opened, range) {
                try use(mapped.bytes, of: locations)
                continue
            }
            // What must come from the disk is read in blocks, so that its errors are errors here.
            let buffer =
                block
                ?? .allocate(byteCount: rowsPerBlock * rowByteCount, alignment: 64)
            block = buffer
            var rest = locations
            while let first = rest.first {
                let rows = rest.prefix(rowsPerBlock)
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<(rows.count * rowByteCount)])
                let start = offset + first.position * rowByteCount
                do {
                    try opened.read(into: bytes, at: start)
                } catch {
                    throw ArchiveError(
                        .damaged, file: file, step: first.step,
                        part: "tensor \(job.entry.name)", cause: "the file is cut short",
                        underlying: error)
                }
                try use(UnsafeRawBufferPointer(bytes), of: rows)
                rest = rest.dropFirst(rowsPerBlock)
            }
        }
    }

    /// Cuts the rows of a file into those that follow each other.
    private static func neighbours(_ locations: [Location]) -> [ArraySlice<Location>] {
        var runs: [ArraySlice<Location>] = []
        var start = 0
        for index in locations.indices
        where index + 1 == locations.count
            || locations[index + 1].position != locations[index].position + 1
        {
            runs.append(locations[start...index])
            start = index + 1
        }
        return runs
    }

    /// Runs `body` for each index on some threads; the first error wins and stops the rest.
    private static func perform(
        _ count: Int, threads: Int, _ body: @escaping @Sendable (Int) throws -> Void
    ) throws {
        guard threads > 1, count > 1 else {
            for index in 0..<count { try body(index) }
            return
        }
        let failure = Mutex<(any Error)?>(nil)
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
            while failure.withLock({ $0 == nil }) {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                do {
                    try body(index)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
