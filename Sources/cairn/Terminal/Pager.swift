internal import Foundation

/// A program that shows a long text page by page, reading it from a pipe.
struct Pager: Sendable {
    private let process: pid_t
    /// The end of the pipe to write to.
    let descriptor: Int32

    /// The command that shows pages: `PAGER`, else `less`; nil where there is none or it is `cat`.
    static func command(_ environment: [String: String]) -> String? {
        let command = environment["PAGER"] ?? "less"
        guard command != "cat", let program = command.split(separator: " ").first else {
            return nil
        }
        let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let isThere =
            program.contains("/")
            ? access(String(program), X_OK) == 0
            : folders.contains { access("\($0)/\(program)", X_OK) == 0 }
        return isThere ? command : nil
    }

    /// Starts the command on the terminal; nil where that does not work.
    ///
    /// `less` gets its usual options unless the person has chosen some: end at once where one page is
    /// enough (F), show colours (R), and leave the text on the screen (X).
    init?(_ command: String) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var environment = ProcessInfo.processInfo.environment
        environment["LESS"] = environment["LESS"] ?? "FRX"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let words = ["sh", "-c", command]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let settings = environment.map { "\($0.key)=\($0.value)" }
        let variables: [UnsafeMutablePointer<CChar>?] = settings.map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var process = pid_t()
        let code = posix_spawn(&process, "/bin/sh", &actions, nil, arguments, variables)
        close(ends[0])
        guard code == 0 else {
            close(ends[1])
            return nil
        }
        self.process = process
        descriptor = ends[1]
    }

    /// Ends the text and waits until the person has read it; Ctrl-C is the pager's meanwhile.
    func end() {
        close(descriptor)
        let before = signal(SIGINT, SIG_IGN)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        signal(SIGINT, before)
    }
}

/// What becomes of text on its way to a terminal.
enum Paging: Sendable {
    /// It is shown as it comes.
    case off
    /// It waits until it is known whether it fits the screen.
    case waiting(Screen, isTimed: Bool)
    /// A pager shows it.
    case running(Pager)

    /// What fits, and what to start when it does not.
    struct Screen: Sendable {
        let rowCount: Int
        let columnCount: Int
        let command: String

        /// Whether a text needs more rows than there are beside the shell's next prompt.
        func isTooSmall(for bytes: [UInt8]) -> Bool {
            var rows = 0
            var width = 0
            for byte in bytes {
                // Continuation bytes of UTF-8 take no room of their own.
                if byte == 0x0a {
                    rows += 1 + max(width - 1, 0) / columnCount
                    width = 0
                } else if byte & 0xc0 != 0x80 {
                    width += 1
                }
                if rows >= rowCount { return true }
            }
            return false
        }
    }

    /// Text that comes slowly is not kept from the person longer than this, and not paged.
    static let longestWait = 0.5
}
