package import CheckpointArchive
internal import Checkpoints
internal import FlyingFox
internal import FlyingSocks
package import Foundation

/// The read-only page of an archive, on this machine alone.
///
/// Whoever opens it has to know the random token in its address; a request whose Host is not this
/// machine is refused, so that no page from elsewhere can reach it by another name.
package struct PageServer: Sendable {
    /// Where the page is served.
    package enum Door: Sendable {
        /// A port of the loopback; 0 takes a free one.
        case port(UInt16)
        /// A socket file, for machines with other people on them.
        case socket(String)
    }

    private let door: Door
    private let archive: Archive
    private let token: String

    package init(_ archive: Archive, door: Door) {
        self.archive = archive
        self.door = door
        token = (0..<4).map { _ in
            let digits = String(UInt32.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// Serves until the task is cancelled; `ready` is told the port (0 for a socket) and the token.
    package func run(
        ready: @escaping @Sendable (_ port: UInt16, _ token: String) -> Void
    ) async throws {
        let handler = PageHandler(routes: PageRoutes(archive: archive), token: token)
        let server: HTTPServer
        switch door {
        case .port(let port):
            server = HTTPServer(
                address: sockaddr_in.inet(port: port, loopback: true), timeout: 60,
                logger: .disabled, handler: handler)
        case .socket(let path):
            try Self.clear(path)
            server = HTTPServer(
                address: sockaddr_un.unix(path: path), timeout: 60, logger: .disabled,
                handler: handler)
        }
        let serving = Task { try await server.run() }
        do {
            try await server.waitUntilListening(timeout: 10)
        } catch {
            serving.cancel()
            throw Self.busy(door)
        }
        if case .socket(let path) = door { chmod(path, 0o600) }
        var port: UInt16 = 0
        if case .ip4(_, let taken)? = await server.listeningAddress { port = taken }
        ready(port, token)
        try await withTaskCancellationHandler {
            try await serving.value
        } onCancel: {
            serving.cancel()
        }
    }

    /// Removes a socket that a server that is gone has left; refuses anything else.
    private static func clear(_ path: String) throws {
        guard path.utf8.count < 100 else {
            throw UserError.usage(
                subject: "--socket \(path)", cause: "the path of a socket has at most 99 bytes")
        }
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw UserError.usage(
                subject: "--socket \(path)", cause: "there is a file of this name",
                advice: "name another one")
        }
        unlink(path)
    }

    private static func busy(_ door: Door) -> UserError {
        switch door {
        case .port(let port):
            UserError.missing(
                subject: "port \(port)", cause: "it is in use or may not be opened",
                advice: "name another one with --port, or leave it out for a free one")
        case .socket(let path):
            UserError.missing(
                subject: "--socket \(path)", cause: "it cannot be made",
                advice: "check that its folder exists and is writable")
        }
    }
}

extension SocketAddress where Self == sockaddr_in {
    /// 127.0.0.1 and nothing else.
    fileprivate static func inet(port: UInt16, loopback: Bool) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}

/// Lets in who knows the token and came by the right name; everything else is refused the same way.
struct PageHandler: HTTPHandler {
    let routes: PageRoutes
    let token: String

    private static let guards: [(String, String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        ("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        let answer = await answer(request)
        var headers = HTTPHeaders()
        for (name, value) in Self.guards { headers[HTTPHeader(name)] = value }
        headers[.contentType] = answer.type
        if let name = answer.fileName {
            headers[.contentDisposition] = "attachment; filename=\"\(name)\""
        }
        if request.headers[.connection]?.lowercased() != "close" {
            headers[.connection] = "keep-alive"
        }
        return HTTPResponse(
            statusCode: HTTPStatusCode(
                answer.status, phrase: answer.status == 200 ? "OK" : "Refused"),
            headers: headers, body: answer.body)
    }

    private func answer(_ request: HTTPRequest) async -> PageAnswer {
        guard Self.isHere(request.headers[.host] ?? "") else {
            return .failure(403, "the page is served to this machine alone")
        }
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false)
        // The slash at the end of an address does not always come through.
        guard parts.count >= 2, Self.isEqual(String(parts[1]), token) else {
            return .failure(404, "the address lacks the token that cairn serve printed")
        }
        guard request.method == .GET else { return .failure(405, "the page only reads") }
        var values: [String: String] = [:]
        for item in request.query { values[item.name] = item.value }
        let path = parts.dropFirst(2).joined(separator: "/")
        let (routes, query) = (routes, values)
        // SQL and drawing block their thread, and must not block the server's.
        return await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(returning: routes.answer(path, query))
            }
        }
    }

    /// Whether a Host header names this machine.
    static func isHere(_ host: String) -> Bool {
        let name: Substring
        if host.hasPrefix("[") {
            name = host.prefix { $0 != "]" }.dropFirst()
        } else {
            name = host.prefix { $0 != ":" }
        }
        return ["127.0.0.1", "localhost", "::1"].contains(name.lowercased())
    }

    /// Compares in a time that does not tell how much is right.
    static func isEqual(_ given: String, _ token: String) -> Bool {
        let (a, b) = (Array(given.utf8), Array(token.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// What is sent back.
package struct PageAnswer: Sendable {
    var status = 200
    var type = "application/json; charset=utf-8"
    package var body = Data()
    var fileName: String?

    static func json(_ text: String) -> PageAnswer { PageAnswer(body: Data(text.utf8)) }

    static func failure(_ status: Int, _ sentence: String) -> PageAnswer {
        PageAnswer(
            status: status,
            body: Data(JSONWriting.object([("error", JSONWriting.string(sentence))]).utf8))
    }
}
