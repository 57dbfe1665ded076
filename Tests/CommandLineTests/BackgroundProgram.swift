import Foundation

/// A program that goes on while the test does other things.
final class BackgroundProgram {
    private let process = Process()
    private(set) var text = ""

    /// Starts it and waits until it has written a text.
    init(_ executable: String, _ arguments: [String], until mark: String) throws {
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        while !mark.isEmpty && !text.contains(mark) {
            let data = pipe.fileHandleForReading.availableData
            if data.isEmpty { throw Failure(description: "\(executable) ended: \(text)") }
            text += String(decoding: data, as: UTF8.self)
        }
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    func stop() {
        if process.isRunning { process.terminate() }
        // A browser that does not end when it is asked to must not keep the other tests waiting.
        let limit = ContinuousClock.now + .seconds(5)
        while process.isRunning, ContinuousClock.now < limit { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    deinit { stop() }
}
