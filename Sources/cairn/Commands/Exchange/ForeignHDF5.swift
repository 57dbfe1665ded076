internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Interchange

/// HDF5 files of strangers, read by a process of their own.
///
/// The HDF5 library trusts its input; a hostile file can crash it. Here only that process dies.
enum ForeignHDF5 {
    static let opening = HDF5Opening { path in
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("cairn-hdf5-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // The arrays stay readable through the open file after its name is gone.
        defer { try? FileManager.default.removeItem(at: folder) }
        let target = folder.appendingPathComponent("tensors.npz").path
        let leftOut = folder.appendingPathComponent("left-out").path
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        child.arguments = ["read-hdf5", path, target, leftOut]
        child.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        child.standardError = errors
        try child.run()
        let message = errors.fileHandleForReading.readDataToEndOfFile()
        child.waitUntilExit()
        guard child.terminationReason == .exit || child.terminationStatus != SIGXCPU else {
            throw UserError.unreadable(
                path, "reading it takes far longer than a file of its size should",
                advice: "the file is damaged or made to do harm")
        }
        guard child.terminationReason == .exit else {
            throw UserError.unreadable(
                path, "it crashes the HDF5 library (signal \(child.terminationStatus))",
                advice: "the file is damaged or made to do harm")
        }
        guard child.terminationStatus == 0 else {
            let text = String(decoding: message, as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let start = "cairn: \(path): "
            throw UserError.unreadable(
                path, text.hasPrefix(start) ? String(text.dropFirst(start.count)) : text)
        }
        let names = try String(contentsOfFile: leftOut, encoding: .utf8)
        let notes =
            names.isEmpty ? [] : ["\(names) in an HDF5 file are no numbers and were left out"]
        guard FileManager.default.fileExists(atPath: target) else {
            throw UserError.unreadable(path, "it holds no arrays of numbers")
        }
        let file = try SourceFile(path: target, staysOpen: true)
        return (try NumPyArchive.readWithStep(file), notes)
    }
}

/// The process that reads one foreign HDF5 file and writes its tensors as `.npz`.
struct ReadHDF5Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read-hdf5", abstract: "Copies the arrays of an HDF5 file.",
        shouldDisplay: false)

    @Argument var source: String
    @Argument var target: String
    @Argument var leftOut: String

    private static let programBytes = 4 << 30
    private static let largestMemory = 1 << 36
    private static let freeSeconds = 60
    /// Slower than any disk and any filter of HDF5.
    private static let bytesPerSecond = 20 << 20

    private static func limit(_ resource: __rlimit_resource, to value: Int) {
        var limit = rlimit()
        limit.rlim_cur = rlim_t(value)
        limit.rlim_max = limit.rlim_cur
        _ = setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    }

    func run() throws {
        // Ctrl-C reaches this process too; whoever started it decides what it means.
        signal(SIGINT, SIG_IGN)
        // A lying file must take neither the machine's memory nor its time: the bounds are those of
        // the arrays that a file of its size may hold, twice, beside the program itself.
        let content = TensorHDF5.largestContent(of: try SourceFile(path: source))
        Self.limit(RLIMIT_AS, to: min(Self.programBytes + 2 * content, Self.largestMemory))
        Self.limit(RLIMIT_CPU, to: Self.freeSeconds + content / Self.bytesPerSecond)
        let (value, names) = try TensorHDF5.read(source)
        let listed = names.prefix(16).joined(separator: ", ") + (names.count > 16 ? ", …" : "")
        try Data(listed.utf8).write(to: URL(fileURLWithPath: leftOut))
        let tensors = try value.tensors(source: source)
        let step = value["step"]?.whole.map { [(key: "step", value: String($0))] } ?? []
        if !tensors.isEmpty { try NumPyArchive.write(tensors, metadata: step, to: target) }
    }
}

/// SQLite databases of strangers.
enum ForeignDatabase {
    static let opening = DatabaseOpening { path, table, columns, row in
        try ForeignTable.visit(path, table, columns, row: row)
    }
}
