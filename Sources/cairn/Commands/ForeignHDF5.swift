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
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        child.arguments = ["read-hdf5", path, target]
        child.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        child.standardError = errors
        try child.run()
        let message = errors.fileHandleForReading.readDataToEndOfFile()
        child.waitUntilExit()
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
        return try NumPyArchive.read(target)
    }
}

/// The process that reads one foreign HDF5 file and writes its tensors as `.npz`.
struct ReadHDF5Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read-hdf5", abstract: "Copies the arrays of an HDF5 file.",
        shouldDisplay: false)

    @Argument var source: String
    @Argument var target: String

    func run() throws {
        // No file needs more memory than this; a lying one must not take the machine.
        var limit = rlimit()
        limit.rlim_cur = rlim_t(1 << 36)
        limit.rlim_max = limit.rlim_cur
        _ = setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        try NumPyArchive.write(try TensorHDF5.read(source).tensors(source: source), to: target)
    }
}
