internal import Foundation
internal import Synchronization

/// The other end of standard output is closed: nobody wants more.
struct ClosedPipe: Error {}

/// A buffered file descriptor.
///
/// Text is passed on when the buffer is full or when 50 ms have gone by since it was last passed
/// on: slow rows appear one by one and fast ones cost no system call each.
final class Output: Sendable {
    static let standard = Output(descriptor: 1)
    static let error = Output(descriptor: 2)

    private struct State {
        var bytes: [UInt8] = []
        var lastFlush: ContinuousClock.Instant?
        var isClosed = false
    }

    private static let bufferByteCount = 1 << 16
    private static let longestDelay = Duration.milliseconds(50)

    private let descriptor: Int32
    private let state = Mutex(State())

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Appends text; throws `ClosedPipe` when nobody reads any more.
    func write(_ text: String) throws { try write(bytes: text.utf8) }

    /// Appends bytes as they are, which need not be text.
    func write(bytes: some Sequence<UInt8>) throws {
        try state.withLock { state in
            state.bytes.append(contentsOf: bytes)
            let now = ContinuousClock.now
            let isDue = state.lastFlush.map { now - $0 > Output.longestDelay } ?? true
            if isDue || state.bytes.count >= Output.bufferByteCount {
                try drain(&state)
                state.lastFlush = now
            }
        }
    }

    /// Passes everything on now.
    func flush() throws { try state.withLock { try drain(&$0) } }

    /// Writes a line at once and ignores a closed descriptor: notes must never end the work.
    func note(_ line: String) { draw(TerminalText.plain(line) + "\n") }

    /// Writes text at once as it stands, ignoring a closed descriptor.
    func draw(_ text: String) {
        state.withLock { state in
            state.bytes.append(contentsOf: text.utf8)
            do { try drain(&state) } catch { state.bytes = [] }
        }
    }

    private func drain(_ state: inout State) throws {
        guard !state.isClosed else { throw ClosedPipe() }
        var start = 0
        while start < state.bytes.count {
            let written = state.bytes.withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress.map { $0 + start }, $0.count - start)
            }
            if written >= 0 {
                start += written
            } else if errno != EINTR && errno != EAGAIN {
                let reason = errno
                state.isClosed = true
                state.bytes = []
                if reason == EPIPE { throw ClosedPipe() }
                throw CocoaError(.fileWriteUnknown)
            }
        }
        state.bytes.removeAll(keepingCapacity: true)
    }
}
