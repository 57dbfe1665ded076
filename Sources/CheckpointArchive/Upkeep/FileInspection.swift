internal import Checkpoints
internal import Foundation
internal import HDF5Files
package import SystemFiles

/// What the bytes of one file of weights are, read as far as they can be.
///
/// It needs neither the index nor trust in the file, so that it can run in a process of its own
/// and a fall of HDF5's parser over damaged bytes takes nothing else with it.
package struct FileInspection: Codable, Sendable, Equatable {
    /// One tensor of one checkpoint.
    package struct Row: Codable, Sendable, Equatable {
        package let step: Int
        package let tensor: String
        /// Hexadecimal SHA-256 of the bytes as they are now; nil when they cannot be read.
        package let digest: String?
        /// Whether every value is a number and not infinite.
        package let isFinite: Bool
        /// Whether the file records this digest.
        package let isRecorded: Bool
    }

    package var rows: [Row] = []
    /// The format that the file says it has.
    package var format = 0
    /// Where raw values lie: the first byte and the one behind the last.
    package var extents: [[Int]] = []
    /// Why nothing, or not everything, could be read.
    package var failures: [String] = []

    /// Whether everything in a file of a format with seals is what its digests say.
    var hasOnlyLostItsSeal: Bool {
        format > 1 && failures.isEmpty && rows.allSatisfy(\.isRecorded)
            && extents.allSatisfy { $0.count == 2 && $0[0] >= 0 && $0[0] <= $0[1] }
    }

    /// Reads everything in a file of weights, of optimiser state, or about a run.
    ///
    /// With `ignoringSeal`, which only a process of its own may do, it hands even a file whose
    /// seal is broken to the library.
    package static func inspect(
        _ path: RootedPath, run: String, ignoringSeal: Bool = false
    ) -> FileInspection {
        let file = path.path
        var inspection = FileInspection()
        let failure = failure {
            let opened =
                ignoringSeal
                ? try FileSeal.openUnchecked(path) : try FileSeal.open(path)
            let root = try opened.root()
            try ArchiveFormat.check(root, file)
            inspection.format = try root.integerAttribute("format") ?? 0
            guard try root.textAttribute("run") == run else {
                throw ArchiveError(.damaged, file: file, cause: "it belongs to another run")
            }
            switch try root.textAttribute("kind") {
            case "checkpoint": try inspection.readLoose(root, file)
            case "pack": try inspection.readPack(root, file)
            case "optimizer_state":
                guard try root.integerAttribute("step") != nil else {
                    throw ArchiveError(.damaged, file: file, cause: "it has no step")
                }
            case "run": _ = try RunDescriptionFile.read(from: root, file: file)
            case "end": _ = try EndFile.read(from: root, file: file, run: run)
            case let kind:
                throw ArchiveError(
                    .damaged, file: file, cause: "its kind \(kind ?? "") is unknown")
            }
            inspection.note(
                FileInspection.failure { _ = try StoredTables.readMetrics(from: root, file) })
            inspection.note(
                FileInspection.failure { _ = try StoredTables.readStepDigests(from: root, file) })
            inspection.note(
                FileInspection.failure {
                    _ = try CheckpointFile.optimizerState(from: root, file: file)
                })
            if let group = try? root.group(CheckpointFile.optimizer) {
                for name in try group.names() {
                    inspection.extents += FileInspection.extents(of: name, in: group, file)
                }
            }
        }
        inspection.note(failure)
        return inspection
    }

    /// Reads in a child process, which may crash or hang without harm.
    ///
    /// The child gets `arguments`, the archive, the run and the path inside the run's folder, and
    /// prints what `childMain` prints.
    package static func inspect(
        _ paths: ArchivePaths, run: String, path: String, using child: Child
    ) -> FileInspection {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: child.executable)
        process.arguments = child.arguments + [paths.root, run, path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            return inspect(paths.file(run, path), run: run)
        }
        let timer = DispatchSource.makeTimerSource()
        timer.schedule(deadline: .now() + child.seconds)
        timer.setEventHandler { process.terminate() }
        timer.resume()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        timer.cancel()
        guard process.terminationReason == .exit, process.terminationStatus == 0,
            let inspection = try? JSONDecoder().decode(FileInspection.self, from: data)
        else {
            return FileInspection(failures: ["the HDF5 library fell over its damaged bytes"])
        }
        return inspection
    }

    /// How to start a process that calls `childMain`.
    package struct Child: Sendable {
        package let executable: String
        package let arguments: [String]
        /// The longest a healthy inspection may take.
        package var seconds: Double

        package init(executable: String, arguments: [String], seconds: Double = 300) {
            self.executable = executable
            self.arguments = arguments
            self.seconds = seconds
        }
    }

    /// What the child does: prints the inspection of a file as JSON.
    package static func childMain(_ arguments: [String]) throws {
        guard arguments.count == 3 else {
            throw ArchiveError(
                .wrongRequest, part: "inspection", cause: "it takes archive, run and path")
        }
        let paths = ArchivePaths(root: arguments[0])
        let inspection = inspect(
            paths.file(arguments[1], arguments[2]), run: arguments[1], ignoringSeal: true)
        try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(inspection))
    }

    // MARK: - Reading

    private mutating func readLoose(_ root: borrowing HDF5Group, _ file: String) throws {
        let step = try root.integerAttribute("step") ?? -1
        let group = try root.group(CheckpointFile.weights)
        for name in try group.names() {
            let recorded = try group.attribute("sha256", ofDataset: name)
            read(step, name, recorded) {
                let type = try FileInspection.type(of: name, in: group, file)
                return (type, try group.dataset(name, type: type.stored).read())
            }
            extents += FileInspection.extents(of: name, in: group, file)
        }
    }

    private mutating func readPack(_ root: borrowing HDF5Group, _ file: String) throws {
        let steps = try PackFile.readSteps(from: root, file: file)
        let group = try root.group(CheckpointFile.weights)
        for name in try group.names() {
            let digests = try root.group(PackFile.digests).dataset(name, type: .uint8).read()
            for (row, step) in steps.enumerated() {
                let recorded =
                    digests.count == 32 * steps.count
                    ? Digest(storedBytes: Array(digests[(row * 32)..<(row * 32 + 32)])).description
                    : nil
                read(step, name, recorded) {
                    let type = try FileInspection.type(of: name, in: group, file)
                    let dataset = try group.dataset(name, type: type.stored)
                    return (type, try dataset.read(rows: row..<row + 1))
                }
            }
            note(
                FileInspection.failure { try FileInspection.checkSums(of: name, root, file) })
            extents += FileInspection.extents(of: name, in: group, file)
        }
    }

    /// Compares the quick sums of a pack with its bytes.
    private static func checkSums(
        of name: String, _ root: borrowing HDF5Group, _ file: String
    ) throws {
        let group = try root.group(CheckpointFile.weights)
        let type = try type(of: name, in: group, file)
        let dataset = try group.dataset(name, type: type.stored)
        let entry = TensorLayout.Entry(
            name: name, shape: Array(dataset.shape.dropFirst()), elementType: type)
        for (row, sum) in try PackFile.checksums(entry, from: root, file: file).enumerated()
        where try FileChecksum(of: dataset.read(rows: row..<row + 1)) != sum {
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(name)",
                cause: "the checksum of row \(row) is not that of its bytes")
        }
    }

    private mutating func read(
        _ step: Int, _ tensor: String, _ recorded: String?,
        _ body: () throws -> (ElementType, [UInt8])
    ) {
        do {
            let (type, bytes) = try body()
            let digest = Digest(of: bytes).description
            rows.append(
                Row(
                    step: step, tensor: tensor, digest: digest,
                    isFinite: FileInspection.isFinite(bytes, type), isRecorded: digest == recorded))
        } catch {
            rows.append(
                Row(step: step, tensor: tensor, digest: nil, isFinite: true, isRecorded: false))
        }
    }

    /// Where the values of a tensor lie; nothing where that cannot be told, so that a seal covers
    /// them.
    private static func extents(
        of name: String, in group: borrowing HDF5Group, _ file: String
    ) -> [[Int]] {
        let extents = try? group.dataset(name, type: type(of: name, in: group, file).stored)
            .storedExtents()
        return (extents ?? []).map { [$0.lowerBound, $0.upperBound] }
    }

    private mutating func note(_ failure: String?) {
        if let failure { failures.append(failure) }
    }

    /// Why `body` failed, in words; nil when it did not.
    private static func failure(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let error as ArchiveError where error.isDamage {
            return error.part.isEmpty ? error.cause : "\(error.part): \(error.cause)"
        } catch let error as HDF5Error {
            return error.cause
        } catch {
            return "\(error)"
        }
    }

    private static func type(
        of name: String, in group: borrowing HDF5Group, _ file: String
    ) throws
        -> ElementType
    {
        guard let type = try group.attribute("dtype", ofDataset: name).flatMap(ElementType.init)
        else {
            throw ArchiveError(
                .damaged, file: file, part: "tensor \(name)", cause: "it has no known dtype")
        }
        return type
    }

    /// Whether no value is NaN or infinite; types without such values are always finite.
    static func isFinite(_ bytes: [UInt8], _ type: ElementType) -> Bool {
        switch type {
        case .float32, .complex64:
            bytes.withUnsafeBytes { $0.bindMemory(to: UInt32.self) }.allSatisfy {
                $0 & 0x7f80_0000 != 0x7f80_0000
            }
        case .float64, .complex128:
            bytes.withUnsafeBytes { $0.bindMemory(to: UInt64.self) }.allSatisfy {
                $0 & 0x7ff0_0000_0000_0000 != 0x7ff0_0000_0000_0000
            }
        case .float16:
            bytes.withUnsafeBytes { $0.bindMemory(to: UInt16.self) }.allSatisfy {
                $0 & 0x7c00 != 0x7c00
            }
        case .bfloat16:
            bytes.withUnsafeBytes { $0.bindMemory(to: UInt16.self) }.allSatisfy {
                $0 & 0x7f80 != 0x7f80
            }
        default: true
        }
    }
}
