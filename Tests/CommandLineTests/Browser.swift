import Foundation
import Testing

/// A headless chromium by the WebDriver protocol (W3C), with only what the test needs.
final class Browser {
    static let isInstalled = ["/usr/bin/chromium", "/usr/bin/chromedriver"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    private let driver: BackgroundProgram
    private let port: UInt16
    private var session = ""

    init() async throws {
        driver = try BackgroundProgram(
            "/usr/bin/chromedriver", ["--port=0"], until: "successfully on port")
        let words = driver.text.split { !$0.isNumber }
        guard let port = words.compactMap({ Int($0) }).last(where: { $0 > 1023 && $0 < 65536 })
        else {
            throw BackgroundProgram.Failure(description: "no port in \(driver.text)")
        }
        self.port = UInt16(port)
        let options: [String: Any] = [
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--window-size=1200,1600",
            ]
        ]
        let answer = try await send(
            "session",
            [
                "capabilities": [
                    "alwaysMatch": [
                        "goog:chromeOptions": options,
                        "goog:loggingPrefs": ["browser": "ALL", "performance": "ALL"],
                    ]
                ]
            ])
        session = try #require((answer as? [String: Any])?["sessionId"] as? String)
    }

    private func send(
        _ path: String, _ body: [String: Any]?, method: String = "POST"
    ) async throws -> Any {
        let data = try LoopbackRequest(
            port: port, method: method, path: path,
            body: body.map { try JSONSerialization.data(withJSONObject: $0) }
        ).answer()
        let object = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
        let value = (object as? [String: Any])?["value"] ?? ""
        if let error = value as? [String: Any], let message = error["message"] as? String,
            error["error"] != nil
        {
            throw BackgroundProgram.Failure(description: message)
        }
        return value
    }

    func open(_ address: String) async throws {
        _ = try await send("session/\(session)/url", ["url": address])
    }

    @discardableResult
    func run(_ script: String) async throws -> String {
        let value = try await send(
            "session/\(session)/execute/sync", ["script": script, "args": [String]()])
        return value as? String ?? "\(value)"
    }

    /// Waits until a condition holds, long enough for a machine on which many tests run beside.
    func wait(for condition: String, reloading: Bool = false) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(300)
        // A pause can take minutes while other tests hold the threads: looking often counts as well.
        var looks = 0
        while clock.now < end || looks < 50 {
            looks += 1
            if try await run("return String(Boolean(\(condition)))") == "true" { return }
            if reloading {
                try await run("location.reload()")
                try await Task.sleep(for: .milliseconds(500))
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let seen = try await run("return location.href + ' ' + document.body.innerText")
        throw BackgroundProgram.Failure(
            description: "it never held that \(condition): \(seen.prefix(600))")
    }

    private func move(over selector: String, along shares: [(Double, String)]) async throws {
        var actions: [[String: Any]] = []
        let box = try await run(
            """
            const svg = document.querySelector('\(selector)');
            svg.scrollIntoView({block: 'center'});
            const box = svg.getBoundingClientRect();
            return [box.left, box.top, box.width, box.height].join(' ');
            """
        ).split(separator: " ").compactMap { Double($0) }
        for (share, action) in shares {
            actions.append([
                "type": "pointerMove", "duration": 20, "x": Int(box[0] + share * box[2]),
                "y": Int(box[1] + 0.5 * box[3]),
            ])
            if action != "" { actions.append(["type": action, "button": 0]) }
        }
        _ = try await send(
            "session/\(session)/actions",
            [
                "actions": [
                    [
                        "type": "pointer", "id": "mouse", "parameters": ["pointerType": "mouse"],
                        "actions": actions,
                    ]
                ]
            ])
    }

    func drag(over selector: String, from: Double, to: Double) async throws {
        try await move(
            over: selector,
            along: [(from, "pointerDown"), ((from + to) / 2, ""), (to, "pointerUp")])
    }

    func hover(over selector: String, at share: Double) async throws {
        try await move(over: selector, along: [(share - 0.05, ""), (share, "")])
    }

    /// Shows the page as a window of this width does; phones are narrower than any window.
    func show(width: Int) async throws {
        _ = try await send(
            "session/\(session)/goog/cdp/execute",
            [
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": [
                    "width": width, "height": 1600, "deviceScaleFactor": 1, "mobile": false,
                ],
            ])
    }

    /// Presses keys one after another; `\u{e004}` is Tab, `\u{e007}` Enter.
    func press(_ keys: String) async throws {
        let actions = keys.flatMap { key in
            ["keyDown", "keyUp"].map { ["type": $0, "value": String(key)] }
        }
        _ = try await send(
            "session/\(session)/actions",
            ["actions": [["type": "key", "id": "keys", "actions": actions]]])
    }

    private func log(_ type: String) async throws -> [[String: Any]] {
        try await send("session/\(session)/se/log", ["type": type]) as? [[String: Any]] ?? []
    }

    /// Errors in the console.
    func complaints() async throws -> [String] {
        try await log("browser").compactMap { entry in
            // A refused request that the page itself shows is no error of the page.
            let message = entry["message"] as? String ?? ""
            return message.contains("400 (Refused)") ? nil : message
        }
    }

    /// Every address that was asked for.
    func requests() async throws -> [String] {
        try await log("performance").compactMap { entry in
            guard let text = entry["message"] as? String,
                let object = try? JSONSerialization.jsonObject(with: Data(text.utf8))
                    as? [String: Any],
                let message = object["message"] as? [String: Any],
                message["method"] as? String == "Network.requestWillBeSent",
                let parameters = message["params"] as? [String: Any],
                let request = parameters["request"] as? [String: Any]
            else { return nil }
            return request["url"] as? String
        }
    }

    func close() async throws { _ = try await send("session/\(session)", nil, method: "DELETE") }
}
