internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints
internal import Foundation

/// What surrounds every command: signals, one-sentence errors and exit codes.
enum Shell {
    /// The exit codes of every command.
    enum ExitStatus {
        static let done: Int32 = 0
        static let failed: Int32 = 1
        static let usage: Int32 = 2
        static let integrity: Int32 = 3
        static let interrupted: Int32 = 130
    }

    /// Runs the command that the program was called with and gives its exit code.
    static func runProgram() -> Int32 {
        // Its place in a mapped file is gone: the system tells of it in no other way.
        signal(SIGBUS) { _ in
            let sentence: StaticString =
                "cairn: a mapped file could not be read; look for a full or failing disk\n"
            _ = write(STDERR_FILENO, sentence.utf8Start, sentence.utf8CodeUnitCount)
            _exit(ExitStatus.failed)
        }
        do {
            try requireText()
        } catch {
            return report(error)
        }
        return run(Array(CommandLine.arguments.dropFirst()))
    }

    /// Refuses arguments and a path in the environment that are not text, because Swift would put
    /// another character in the place of what it cannot read, and thereby name another file.
    private static func requireText() throws {
        let isText = { (text: UnsafePointer<CChar>) in String(validatingCString: text) != nil }
        for (number, argument) in CommandLine.arguments.enumerated().dropFirst() {
            guard let bytes = CommandLine.unsafeArgv[number], !isText(bytes) else { continue }
            throw UserError.usage(
                subject: "argument \(argument)", cause: "it is not UTF-8 text",
                advice: "give the file or folder another name, or go to it and use a relative path")
        }
        if let path = getenv("CAIRN_ARCHIVE"), !isText(path) {
            throw UserError.usage(subject: "CAIRN_ARCHIVE", cause: "it is not UTF-8 text")
        }
    }

    /// Parses the arguments, runs the command and gives its exit code.
    static func run(_ arguments: [String]) -> Int32 {
        // A write to a closed pipe then fails with EPIPE, which `Output` turns into a quiet end.
        signal(SIGPIPE, SIG_IGN)
        // A write beyond a limit on file size then fails with EFBIG instead of ending the program.
        signal(SIGXFSZ, SIG_IGN)
        do {
            let ordered = GlobalArguments.movedBehindCommand(
                GlobalArguments.joinedNegativeValues(arguments))
            if let guide = try guide(ordered) {
                Terminal.output.showPages()
                try Output.standard.write(guide.text)
                return finish(ExitStatus.done)
            }
            try refuseUnknownCommand(ordered)
            var command = try Cairn.parseAsRoot(ordered)
            try command.run()
            return finish(ExitStatus.done)
        } catch {
            return report(error)
        }
    }

    /// Ends the process without running the destructors of libraries.
    static func end(_ status: Int32) -> Never { exit(status) }

    /// Prints what an error has to say and gives its exit code.
    static func report(_ error: any Error) -> Int32 {
        switch error {
        case is ClosedPipe:
            // The reader has seen all it wanted.
            Output.standard.endPages()
            return ExitStatus.done
        case is Interrupted:
            return finish(ExitStatus.interrupted)
        case let convertible as any UserErrorConvertible:
            let error = convertible.userError
            return finish(status(of: error.kind), message: error.description)
        case let code as ExitCode:
            return finish(code == .validationFailure ? ExitStatus.usage : code.rawValue)
        default:
            return reportParsed(error)
        }
    }

    private static func status(of kind: UserError.Kind) -> Int32 {
        switch kind {
        case .failure, .refused: ExitStatus.failed
        case .usage: ExitStatus.usage
        case .integrity: ExitStatus.integrity
        }
    }

    /// Help and version go to standard output; wrong usage becomes one sentence and exit code 2.
    private static func reportParsed(_ error: any Error) -> Int32 {
        let code = Cairn.exitCode(for: error)
        if code == .success {
            do {
                try Output.standard.write(Cairn.fullMessage(for: error) + "\n")
            } catch {
                return ExitStatus.done
            }
            return finish(ExitStatus.done)
        }
        guard code == .validationFailure else {
            return finish(ExitStatus.failed, message: sentence(for: error))
        }
        let message = Cairn.message(for: error)
        let help = helpCommand(in: Cairn.fullMessage(for: error))
        return finish(ExitStatus.usage, message: "\(withoutEnd(message)) (see '\(help)')")
    }

    /// Rows that were printed stay in front of the message that follows them.
    private static func finish(_ status: Int32, message: String? = nil) -> Int32 {
        Output.standard.endPages()
        do { try Output.standard.flush() } catch { return status }
        if let message { Output.error.note("cairn: \(withoutEnd(message))") }
        return status
    }

    /// An error as one sentence, for work that goes on after it.
    static func words(_ error: any Error) -> String {
        (error as? any UserErrorConvertible)?.userError.description ?? sentence(for: error)
    }

    private static func sentence(for error: any Error) -> String {
        let text = (error as? any LocalizedError)?.errorDescription ?? "\(error)"
        return text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// The parser's messages end with a full stop in some cases and not in others.
    private static func withoutEnd(_ message: String) -> String {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.hasSuffix(".") ? String(line.dropLast()) : line
    }

    /// The `cairn … --help` that the parser's full message names.
    private static func helpCommand(in message: String) -> String {
        let parts = message.split(separator: "'")
        return parts.first { $0.hasPrefix("cairn") && $0.hasSuffix("--help") }.map(String.init)
            ?? "cairn --help"
    }

    /// The guide that `help TOPIC` asks for; nil where the parser's help is meant.
    private static func guide(_ arguments: [String]) throws -> Guide? {
        guard arguments.first == "help", arguments.count == 2, !arguments[1].hasPrefix("-"),
            !Cairn.commandNames.contains(arguments[1])
        else { return nil }
        if let guide = Guide(rawValue: arguments[1]) { return guide }
        let names = Guide.allCases.map(\.rawValue) + Cairn.commandNames
        let near = NearNames.nearest(to: arguments[1], in: names).first
        throw UserError.usage(
            subject: "help \(arguments[1])", cause: "there is no such command or guide",
            advice: near.map { "did you mean '\($0)'?" } ?? "the guides are \(Guide.names)")
    }

    /// The parser would call a misspelt command an unexpected argument.
    private static func refuseUnknownCommand(_ arguments: [String]) throws {
        guard let first = arguments.first, !first.hasPrefix("-"), first != "help" else { return }
        let names = Cairn.commandNames
        guard !names.contains(first) else { return }
        let near = NearNames.nearest(to: first, in: names).first
        throw UserError.usage(
            subject: "command \(first)", cause: "there is no such command",
            advice: near.map { "did you mean '\($0)'?" } ?? "see 'cairn --help'")
    }
}

extension Cairn {
    /// The names of all subcommands, in the order of the help.
    static var commandNames: [String] {
        (configuration.groupedSubcommands.flatMap(\.subcommands) + configuration.subcommands)
            .map { $0._commandName }
    }
}
