import Foundation

/// One HTTP request to a server on this machine, over a connection of its own.
///
/// `URLSession` on Linux refuses the answers of chromium's driver, whose header fields have no blank
/// after the colon ("Failed writing header").
struct LoopbackRequest {
    let port: UInt16
    let method: String
    let path: String
    let body: Data?

    /// The body of the answer.
    func answer() throws -> Data {
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(connection) }
        var limit = timeval(tv_sec: 300, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw failure("no connection") }
        let content = body ?? Data()
        let head = """
            \(method) /\(path) HTTP/1.1\r
            Host: 127.0.0.1:\(port)\r
            Content-Type: application/json\r
            Content-Length: \(content.count)\r
            Connection: close\r
            \r

            """
        try send(Data(head.utf8) + content, on: connection)
        return try receive(on: connection)
    }

    private func send(_ bytes: Data, on connection: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw failure("the request was not taken") }
            rest = rest.dropFirst(count)
        }
    }

    private func receive(on connection: Int32) throws -> Data {
        var received = Data()
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let end = received.range(of: Data("\r\n\r\n".utf8)) {
                let body = received[end.upperBound...]
                if body.count >= length(received[..<end.lowerBound]) { return Data(body) }
            }
            let count = recv(connection, &piece, piece.count, 0)
            guard count > 0 else { throw failure("the answer broke off") }
            received.append(contentsOf: piece[..<count])
        }
    }

    private func length(_ head: Data) -> Int {
        for line in String(decoding: head, as: UTF8.self).lowercased().split(separator: "\r\n")
        where line.hasPrefix("content-length:") {
            return Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
        }
        return 0
    }

    private func failure(_ cause: String) -> BackgroundProgram.Failure {
        BackgroundProgram.Failure(description: "\(method) /\(path): \(cause)")
    }
}
