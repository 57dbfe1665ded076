internal import Dispatch
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
        var paging = Paging.off
        /// How often text has begun to wait for a pager.
        var pageCount = 0
        var hidesRemarks = false
    }

    private static let bufferByteCount = 1 << 16
    private static let longestDelay = Duration.milliseconds(50)

    private let descriptor: Int32
    private let state = Mutex(State())

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// From now on a pager shows what does not fit a screen, until `endPages`.
    func beginPages(on screen: Paging.Screen) {
        state.withLock { state in
            guard case .off = state.paging else { return }
            state.paging = .waiting(screen, isTimed: false)
            state.pageCount += 1
        }
    }

    /// Shows what waited for a pager, or waits until the person has read the pages.
    func endPages() {
        let pager = state.withLock { state -> Pager? in
            defer { state.paging = .off }
            guard case .running(let pager) = state.paging else {
                state.paging = .off
                try? drain(&state)
                return nil
            }
            try? drain(&state)
            state.isClosed = false
            return pager
        }
        pager?.end()
    }

    /// Appends text; throws `ClosedPipe` when nobody reads any more.
    func write(_ text: String) throws { try write(bytes: text.utf8) }

    /// Appends bytes as they are, which need not be text.
    func write(bytes: some Sequence<UInt8>) throws {
        try state.withLock { state in
            state.bytes.append(contentsOf: bytes)
            if isWaiting(&state) { return }
            let now = ContinuousClock.now
            let isDue = state.lastFlush.map { now - $0 > Output.longestDelay } ?? true
            if isDue || state.bytes.count >= Output.bufferByteCount {
                try drain(&state)
                state.lastFlush = now
            }
        }
    }

    /// Passes everything on now, unless it waits for a pager.
    func flush() throws {
        try state.withLock { state in
            if !isWaiting(&state) { try drain(&state) }
        }
    }

    /// Whether text stays here until it is known to fit the screen; starts the pager once it does not.
    private func isWaiting(_ state: inout State) -> Bool {
        guard case .waiting(let screen, let isTimed) = state.paging else { return false }
        guard screen.isTooSmall(for: state.bytes) else {
            if !isTimed, !state.bytes.isEmpty {
                state.paging = .waiting(screen, isTimed: true)
                let number = state.pageCount
                DispatchQueue.global().asyncAfter(deadline: .now() + Paging.longestWait) {
                    self.showWaiting(number)
                }
            }
            return true
        }
        state.paging = Pager(screen.command).map(Paging.running) ?? .off
        return false
    }

    /// Shows what still waits, and from then on everything as it comes.
    ///
    /// With the number of a wait only where it is still that one.
    private func showWaiting(_ number: Int? = nil) {
        state.withLock { state in
            guard case .waiting = state.paging, number ?? state.pageCount == state.pageCount else {
                return
            }
            state.paging = .off
            // Whoever writes next hears of a terminal that is gone.
            try? drain(&state)
        }
    }

    /// Adds a line to pages that are being shown or may be; false where there are none.
    private func takesNote(_ text: String) -> Bool {
        let isPaged = state.withLock { state in
            if case .off = state.paging { false } else { true }
        }
        guard isPaged else { return false }
        // A pager that has ended wants no notes either.
        try? write(text)
        return true
    }

    /// Writes a line at once and ignores a closed descriptor: notes must never end the work.
    ///
    /// Beside pages it belongs to them, because nobody would see it above or below them.
    func note(_ line: String) {
        let text = TerminalText.plain(line) + "\n"
        if self === Output.error, Output.standard.takesNote(text) { return }
        draw(text)
    }

    /// Writes a line that `--quiet` hides.
    func remark(_ line: String) {
        if !state.withLock({ $0.hidesRemarks }) { note(line) }
    }

    /// Chooses whether remarks are written.
    func hideRemarks(_ hidesRemarks: Bool) {
        state.withLock { $0.hidesRemarks = hidesRemarks }
    }

    /// Writes text at once as it stands, ignoring a closed descriptor.
    ///
    /// What waits for a pager comes first, as the text may be about it.
    func draw(_ text: String) {
        if self === Output.error { Output.standard.showWaiting() }
        state.withLock { state in
            state.bytes.append(contentsOf: text.utf8)
            do { try drain(&state) } catch { state.bytes = [] }
        }
    }

    private func drain(_ state: inout State) throws {
        guard !state.isClosed else { throw ClosedPipe() }
        var descriptor = descriptor
        if case .running(let pager) = state.paging { descriptor = pager.descriptor }
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
