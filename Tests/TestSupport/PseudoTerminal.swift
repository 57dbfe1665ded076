internal import Foundation

/// A program that believes to be talking to a person: its standard streams are one terminal.
package final class PseudoTerminal {
    private let process = Process()
    private let own: Int32
    private var text = ""

    /// Starts a program on a new terminal of 80 columns.
    package init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws {
        own = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        // Linux's requests to unlock the other end and to tell its number: the functions of the C
        // library for it are hidden from Swift.
        var (lock, number) = (Int32(0), Int32(-1))
        guard own >= 0, ioctl(own, 0x4004_5431, &lock) == 0, ioctl(own, 0x8004_5430, &number) == 0
        else { throw Failure("no terminal can be opened") }
        let path = "/dev/pts/\(number)"
        let other = open(path, O_RDWR | O_NOCTTY)
        guard other >= 0 else { throw Failure("terminal \(path) cannot be opened") }
        var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(other, UInt(TIOCSWINSZ), &size)
        _ = fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK)
        let terminal = FileHandle(fileDescriptor: other, closeOnDealloc: true)
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        // A pager would wait for keys; tests of pages name one of their own.
        let ours = ["TERM": "xterm", "COLUMNS": "80", "PAGER": "cat"]
        process.environment = ProcessInfo.processInfo.environment.merging(ours) { $1 }
            .merging(environment) { $1 }
        process.standardInput = terminal
        process.standardOutput = terminal
        process.standardError = terminal
        try process.run()
    }

    deinit {
        if process.isRunning { process.terminate() }
        close(own)
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        init(_ description: String) { self.description = description }
    }

    /// Types keys.
    package func type(_ keys: String) {
        let bytes = Array(keys.utf8)
        _ = bytes.withUnsafeBytes { write(own, $0.baseAddress, $0.count) }
    }

    /// Sends the signal that a terminal sends for Ctrl-C.
    package func interrupt() { process.interrupt() }

    /// What was written up to and with a text, and how many seconds that took.
    package func read(
        upTo mark: String, within limit: Double = 60
    ) throws -> (text: String, seconds: Double) {
        let clock = ContinuousClock()
        let start = clock.now
        while true {
            collect()
            let taken = (clock.now - start) / .seconds(1)
            if let range = text.range(of: mark) {
                let before = String(text[..<range.upperBound])
                text.removeSubrange(..<range.upperBound)
                return (before, taken)
            }
            guard taken < limit else { throw Failure("no \(mark) in: \(text)") }
            usleep(5000)
        }
    }

    /// The exit code, once the program has ended.
    package func exitCode() -> Int {
        while process.isRunning {
            collect()
            usleep(5000)
        }
        process.waitUntilExit()
        collect()
        let signalled = process.terminationReason == .uncaughtSignal
        return Int(process.terminationStatus) + (signalled ? 128 : 0)
    }

    private func collect() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Foundation.read(own, &buffer, buffer.count)
            guard count > 0 else { return }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }
}
