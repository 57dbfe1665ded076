internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Page
internal import Synchronization

/// `cairn serve`: the archive as a page in a browser.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a read-only page of the archive to a browser on this machine.",
        discussion: """
            The page is for this machine alone, and for those who know the random token in its \
            address. From another machine, forward the port with the ssh line that is printed. On \
            a machine with other people on it, --socket serves a file that only you may open.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: ArgumentHelp("The port; without it, a free one.", valueName: "number"))
    var port: Int?

    @Option(
        help: ArgumentHelp("A socket file instead of a port.", valueName: "path"),
        completion: .file())
    var socket: String?

    func run() throws {
        let door = try door
        StopSignals.listen()
        let server = PageServer(try ArchiveAccess(common).openReadOnly(), door: door)
        let (common, path) = (common, socket)
        let serving = Task {
            try await server.run { port, token in
                Self.announce(port: port, token: token, socket: path, common: common)
            }
        }
        // Commands are synchronous: this thread waits for the server and for Ctrl-C.
        let outcome = Outcome()
        Task {
            let result = await serving.result
            outcome.result.withLock { $0 = result }
        }
        while !StopSignals.isRequested, outcome.isOpen {
            Thread.sleep(forTimeInterval: 0.05)
        }
        if StopSignals.isRequested {
            serving.cancel()
            if let path { unlink(path) }
            return
        }
        try outcome.result.withLock { $0 }?.get()
    }

    private var door: PageServer.Door {
        get throws {
            if let socket {
                guard port == nil else {
                    throw UserError.usage(
                        subject: "--socket \(socket)", cause: "--port is given too",
                        advice: "give one of them")
                }
                return .socket(socket)
            }
            guard let number = UInt16(exactly: port ?? 0) else {
                throw UserError.usage(
                    subject: "--port \(port ?? 0)", cause: "it is not between 0 and 65535")
            }
            return .port(number)
        }
    }

    private static func announce(
        port: UInt16, token: String, socket: String?, common: CommonOptions
    ) {
        let host = ProcessInfo.processInfo.hostName
        let lines: [String]
        if let socket {
            lines = [
                "http://127.0.0.1:8080/\(token)/",
                "Serving on \(socket); forward it with ssh -L 8080:\(socket) \(host)",
            ]
        } else {
            lines = [
                "http://127.0.0.1:\(port)/\(token)/",
                "From another machine: ssh -L \(port):127.0.0.1:\(port) \(host)",
            ]
        }
        Output.standard.draw(lines[0] + "\n")
        common.note(lines[1])
        common.note("Ctrl-C ends it.")
    }
}

/// How serving ended; nil while it goes on.
private final class Outcome: Sendable {
    let result = Mutex<Result<Void, any Error>?>(nil)

    var isOpen: Bool {
        result.withLock { if case nil = $0 { true } else { false } }
    }
}
