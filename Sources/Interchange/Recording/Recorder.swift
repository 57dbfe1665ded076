internal import Checkpoints
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Reads a trainer's output, keeps what is to be recorded, and stores it beside the trainer.
///
/// The reader only copies lines and checkpoint files into the spool; the archive is written by
/// another thread, so the trainer waits for neither locks nor syncs.
package final class Recorder: Sendable {
    private let session: RecordSession
    private let spool: RecordSpool
    private let queue = DispatchQueue(label: "cairn.record")
    private let failure = Mutex<(any Error)?>(nil)
    private let handledCount = Mutex(0)
    /// Tells the person something.
    private let note: @Sendable (String) -> Void

    private static let pieceByteCount = 1 << 16

    package init(
        session: RecordSession, spool: RecordSpool, note: @escaping @Sendable (String) -> Void
    ) {
        self.session = session
        self.spool = spool
        self.note = note
    }

    /// Records what comes from a file descriptor until its end; `passOn` gets everything that is not
    /// part of the protocol, at once and unchanged.
    ///
    /// The result says whether there is a run. After an error the spool stays, and the next
    /// recorder stores what is in it.
    package func record(
        from descriptor: Int32, passOn: (ArraySlice<UInt8>) throws -> Void
    ) throws -> Bool {
        var splitter = RecordLines()
        var piece = [UInt8](repeating: 0, count: Self.pieceByteCount)
        while true {
            let count = piece.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            try splitter.take(piece[..<count], line: keep, passOn: passOn)
        }
        let wasCutOff = try splitter.end(line: keep, passOn: passOn)
        return try finish(wasCutOff: wasCutOff)
    }

    /// Stores what a recorder that died left in its spool, and ends the run as interrupted.
    package func recover() throws -> Bool {
        let (lines, storedCount) = try spool.waiting()
        for (line, _) in lines.prefix(storedCount) { try session.skip(line) }
        for (line, copy) in lines.dropFirst(storedCount) { store(line, copy: copy) }
        return try finish(wasCutOff: true)
    }

    /// Whether a line was the protocol's; if so it is safe in the spool when this returns.
    private func keep(_ line: [UInt8]) throws -> Bool {
        let (isProtocol, checkpoint) = RecordSession.inspect(line)
        guard isProtocol else { return false }
        let copy = try spool.keep(line, checkpoint: checkpoint)
        queue.async { [self] in store(line, copy: copy) }
        return true
    }

    private func store(_ line: [UInt8], copy: String?) {
        guard failure.withLock({ $0 == nil }) else { return }
        do {
            let result = try session.accept(line, checkpoint: copy)
            let count = handledCount.withLock { count in
                count += 1
                return count
            }
            switch result {
            case .recorded, .other: break
            case .refused(let reason): note("not recorded: \(reason)")
            case .stored(_, let isComplete):
                guard isComplete, let copy else { break }
                try spool.markStored(count)
                RecordSpool.release(copy)
            }
        } catch {
            failure.withLock { $0 = error }
            note("storing failed, what follows is kept in \(spool.path): \(error)")
        }
    }

    private func finish(wasCutOff: Bool) throws -> Bool {
        try queue.sync {
            if let error = failure.withLock({ $0 }) { throw error }
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
        _ bytes: ArraySlice<UInt8>, line use: ([UInt8]) throws -> Bool,
        passOn: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        var rest = bytes
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            let part = end.map { rest[...$0] } ?? rest
            rest = rest[part.endIndex...]
            if isPassing {
                try passOn(part)
            } else {
                line += part
                if end != nil {
                    if try !use(Array(line.dropLast())) { try passOn(line[...]) }
                    line = []
                } else if !Self.mayBeProtocol(line) {
                    try passOn(line[...])
                    line = []
                    isPassing = true
                }
            }
            if end != nil { isPassing = false }
        }
    }

    private static func mayBeProtocol(_ line: [UInt8]) -> Bool {
        guard line.count <= RecordSession.largestLineByteCount else { return false }
        return (line.first { $0 != 0x20 && $0 != 0x09 } ?? UInt8(ascii: "{")) == UInt8(ascii: "{")
    }

    /// Ends the stream; whether it broke off inside a line that was to be recorded.
    mutating func end(
        line use: ([UInt8]) throws -> Bool, passOn: (ArraySlice<UInt8>) throws -> Void
    ) throws -> Bool {
        guard !line.isEmpty else { return false }
        let used = try use(line)
        if !used { try passOn(line[...]) }
        let wasCutOff = !used && line.first == UInt8(ascii: "{")
        line = []
        return wasCutOff
    }
}
