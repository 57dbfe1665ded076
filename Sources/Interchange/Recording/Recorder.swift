internal import Checkpoints
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Reads a trainer's output, keeps what is to be recorded, and stores it beside the trainer.
///
/// The reader only copies lines and checkpoint files into the spool; the archive is written by
/// another thread, so the trainer waits for neither locks nor syncs. Nothing that goes wrong here
/// ends the reading: a trainer whose lines nobody reads would be killed by its next one.
package final class Recorder: Sendable {
    private let session: RecordSession
    private let spool: RecordSpool
    private let queue = DispatchQueue(label: "cairn.record")
    private let failure = Mutex<(any Error)?>(nil)
    private let handledCount: Mutex<Int>
    /// Tells the person something.
    private let note: @Sendable (String) -> Void
    /// Is told what is stored so far, after each line.
    private let watch: @Sendable (RecordAccount) -> Void

    private static let pieceByteCount = 1 << 16

    package init(
        session: RecordSession, spool: RecordSpool, note: @escaping @Sendable (String) -> Void,
        watch: @escaping @Sendable (RecordAccount) -> Void = { _ in }
    ) {
        self.session = session
        self.spool = spool
        self.note = note
        self.watch = watch
        handledCount = Mutex(0)
    }

    /// Records what comes from a file descriptor until its end; `passOn` gets everything that is not
    /// part of the protocol, at once and unchanged.
    ///
    /// `isInterrupted` is asked at the end: a person who stops a trainer stops the recorder with it,
    /// which then still reads what the trainer has to say. The result says whether there is a run.
    /// After an error the spool stays, and the next recorder stores what is in it.
    package func record(
        from descriptor: Int32, isInterrupted: () -> Bool = { false },
        passOn: @escaping (ArraySlice<UInt8>) throws -> Void
    ) throws -> Bool {
        var isOpen = true
        // Whoever watches the trainer may leave; the recording goes on.
        let passOn: (ArraySlice<UInt8>) -> Void = { bytes in
            guard isOpen else { return }
            do { try passOn(bytes) } catch { isOpen = false }
        }
        var splitter = RecordLines()
        var piece = [UInt8](repeating: 0, count: Self.pieceByteCount)
        while true {
            let count = piece.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            splitter.take(piece[..<count], line: keep, passOn: passOn)
        }
        let wasCutOff = splitter.end(line: keep, passOn: passOn)
        return try finish(wasCutOff: wasCutOff || isInterrupted())
    }

    /// Stores what a recorder that died left in its spool, and ends the run as interrupted.
    package func recover() throws -> Bool {
        let (lines, storedCount) = try spool.waiting()
        for (line, _) in lines.prefix(storedCount) { try session.skip(line) }
        handledCount.withLock { $0 = storedCount }
        for (line, copy) in lines.dropFirst(storedCount) { store(line, copy: copy) }
        return try finish(wasCutOff: true)
    }

    /// Whether a line was the protocol's; if so it is safe in the spool when this returns.
    private func keep(_ line: [UInt8]) -> Bool {
        guard let parts = RecordLine(line) else { return false }
        var checkpoint: String?
        if case .file(let name)? = parts.checkpoint { checkpoint = name }
        let copy = spool.keep(line, checkpoint: checkpoint)
        queue.async { [self] in store(line, copy: copy) }
        return true
    }

    private func store(_ line: [UInt8], copy: RecordSpool.Copy?) {
        guard failure.withLock({ $0 == nil }) else { return }
        do {
            let result = try session.accept(line, copy: copy)
            let count = handledCount.withLock { count in
                count += 1
                return count
            }
            switch result {
            case .recorded, .other: break
            case .refused(let reason, let isNews):
                if isNews { note("not recorded: \(reason)") }
                // What was refused once is refused again: its bytes only take room.
                spool.release(copy)
            case .stored(_, let isComplete):
                guard isComplete, copy != nil else { break }
                spool.markStored(count)
                spool.release(copy)
            }
            watch(session.account)
        } catch {
            failure.withLock { $0 = error }
            note("storing failed, what follows is kept in \(spool.path): \(error)")
        }
    }

    private func finish(wasCutOff: Bool) throws -> Bool {
        try queue.sync {
            let lostCount = spool.settle()
            if let error = failure.withLock({ $0 }) {
                if lostCount > 0 {
                    note("\(lostCount) lines are lost: \(spool.path) had no room for them")
                }
                throw error
            }
            let exists = try session.end(wasCutOff: wasCutOff)
            spool.remove()
            return exists
        }
    }
}

/// Cuts a stream into lines that may be protocol and everything else.
struct RecordLines {
    private var line: [UInt8] = []
    /// The current line cannot be protocol: what comes of it is passed on as it comes.
    private var isPassing = false

    /// Takes the next bytes; `line` says whether it used a complete line.
    mutating func take(
        _ bytes: ArraySlice<UInt8>, line use: ([UInt8]) -> Bool,
        passOn: (ArraySlice<UInt8>) -> Void
    ) {
        var rest = bytes
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            let part = end.map { rest[...$0] } ?? rest
            rest = rest[part.endIndex...]
            if isPassing {
                passOn(part)
            } else {
                line += part
                if end != nil {
                    if !use(Array(line.dropLast())) { passOn(line[...]) }
                    line = []
                } else if !RecordLine.mayBegin(line) {
                    passOn(line[...])
                    line = []
                    isPassing = true
                }
            }
            if end != nil { isPassing = false }
        }
    }

    /// Ends the stream; whether it broke off inside a line that was to be recorded.
    mutating func end(
        line use: ([UInt8]) -> Bool, passOn: (ArraySlice<UInt8>) -> Void
    ) -> Bool {
        guard !line.isEmpty else { return false }
        let used = use(line)
        if !used { passOn(line[...]) }
        let wasCutOff = !used && line.first == UInt8(ascii: "{")
        line = []
        return wasCutOff
    }
}
