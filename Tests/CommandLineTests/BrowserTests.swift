import Foundation
import TestSupport
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The page in a real browser: Debian's chromium, driven by chromium-driver.
@Suite struct BrowserTests {
    /// By option: the driver refuses the first request of this client, and why is not known yet.
    static let isAsked =
        ProcessInfo.processInfo.environment["CAIRN_BROWSER"] != nil
        && ["/usr/bin/chromium", "/usr/bin/chromedriver"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: $0)
        }

    @Test(
        .enabled(
            if: isAsked, "set CAIRN_BROWSER=1 where chromium and chromium-driver are installed"))
    func aBrowserReadsZoomsHoversFiltersAndSeesNewPoints() async throws {
        let fixture = try CommandLineFixture()
        let hostile = "<img src=x onerror=document.title='owned'>"
        try fixture.trainTiny(name: hostile)
        let server = try BackgroundProgram(
            cairnExecutable(), ["serve", "--archive", fixture.archive], until: "/\n")
        let address = try #require(
            server.text.split(separator: "\n").first { $0.hasPrefix("http://127.0.0.1") })
        let browser = try await Browser()
        func wait(_ condition: String) async throws { try await browser.wait(for: condition) }

        // Runs: filter by a condition in SQL's words, follow the link.
        try await browser.open(String(address))
        try await wait("document.querySelector('td a')")
        #expect(
            try await browser.run("return document.querySelector('td a').textContent") == hostile)
        try await browser.run(
            """
            document.querySelector('input[name=where]').value = 'seed > 100';
            document.querySelector('form button').click();
            """)
        try await wait("main.textContent.includes('0 runs')")
        try await wait("location.hash.includes('where=seed')")
        try await browser.run("location.hash = '#/runs'")
        try await wait("document.querySelector('td a')")
        try await browser.run("document.querySelector('td a').click()")

        // Run: pictures, zoom by dragging, values under the pointer, an address that restores.
        try await wait("document.querySelectorAll('figure svg').length >= 2")
        try await wait("document.body.dataset.ready.startsWith('#/run/')")
        try await browser.drag(over: "figure svg", from: 0.4, to: 0.7)
        try await wait("location.hash.includes('accuracy_curves.x-range')")
        try await browser.hover(over: "figure svg", at: 0.5)
        try await wait("/train|test/.test(document.querySelector('figure .value').textContent)")
        try await browser.run("location.reload()")
        try await wait("document.querySelectorAll('figure svg').length >= 2")
        #expect(
            try await browser.run("return location.hash").contains("accuracy_curves.x-range"))
        try await browser.run(
            """
            const slider = document.querySelector('input[type=range]');
            slider.value = 1;
            slider.dispatchEvent(new Event('input'));
            """)
        try await wait("document.querySelector('.choice') && location.hash.includes('step=10')")

        // Compare and Ask.
        try await browser.run("location.hash = '#/compare'")
        try await wait("document.querySelectorAll('figure svg').length >= 1")
        try await browser.run("location.hash = '#/ask?sql=SELECT+name+FROM+runs'")
        try await wait("document.querySelector('td') && document.querySelector('td').textContent")
        #expect(try await browser.run("return document.title") == "ask – Cairn")

        // A run that trains: a point that is new arrives by itself.
        let training = try BackgroundProgram(
            cairnExecutable(),
            CommandLineFixture.tiny.filter { $0 != "--quiet" } + [
                "--steps", "2000000", "--name", "live", "--archive", fixture.archive,
            ], until: "")
        try await browser.run("location.hash = '#/runs?where=name=%27live%27'")
        try await browser.wait(for: "document.querySelector('td a')", reloading: true)
        try await browser.run("document.querySelector('td a').click()")
        try await wait("document.getElementById('state')")
        let before = try await browser.run("return document.getElementById('state').textContent")
        try await wait("document.getElementById('state').textContent !== '\(before)'")
        training.stop()

        #expect(try await browser.complaints() == [])
        let requests = try await browser.requests()
        #expect(!requests.isEmpty)
        #expect(requests.filter { !$0.hasPrefix(address) && !$0.hasPrefix("data:") } == [])
        try await browser.close()
    }
}

/// A program that goes on while the test does other things.
final class BackgroundProgram {
    private let process = Process()
    private(set) var text = ""

    /// Starts it and waits until it has written a text.
    init(_ executable: String, _ arguments: [String], until mark: String) throws {
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        while !mark.isEmpty && !text.contains(mark) {
            let data = pipe.fileHandleForReading.availableData
            if data.isEmpty { throw Failure(description: "\(executable) ended: \(text)") }
            text += String(decoding: data, as: UTF8.self)
        }
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    func stop() {
        if process.isRunning { process.terminate() }
        // A browser that does not end when it is asked to must not keep the other tests waiting.
        let limit = ContinuousClock.now + .seconds(5)
        while process.isRunning, ContinuousClock.now < limit { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    deinit { stop() }
}

/// A headless chromium by the WebDriver protocol (W3C), with only what the test needs.
final class Browser {
    private let driver: BackgroundProgram
    private let base: URL
    private var session = ""

    init() async throws {
        driver = try BackgroundProgram(
            "/usr/bin/chromedriver", ["--port=0"], until: "successfully on port")
        let words = driver.text.split { !$0.isNumber }
        guard let port = words.compactMap({ Int($0) }).last(where: { $0 > 1023 && $0 < 65536 })
        else {
            throw BackgroundProgram.Failure(description: "no port in \(driver.text)")
        }
        base = try #require(URL(string: "http://127.0.0.1:\(port)/"))
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
        var request = URLRequest(url: base.appendingPathComponent(path))
        request.httpMethod = method
        request.timeoutInterval = 60
        if let body {
            request.httpBody = try JSONSerialization.data(withJSONObject: body)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        let (data, _) = try await URLSession.shared.data(for: request)
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

    /// Waits until a condition holds.
    func wait(for condition: String, reloading: Bool = false) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(60)
        while clock.now < end {
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
