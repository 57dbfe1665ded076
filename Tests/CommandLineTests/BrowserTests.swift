import Foundation
import TestSupport
import Testing

/// The page in a real browser: Debian's chromium, driven by chromium-driver.
@Suite struct BrowserTests {
    @Test(.enabled(if: Browser.isInstalled, "chromium and chromium-driver are not installed"))
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

        // Narrow and wide: nothing sticks out of the page, and words stay words.
        for width in [360, 2560] {
            try await browser.show(width: width)
            try await wait("innerWidth === \(width)")
            #expect(
                try await browser.run(
                    "return String(document.documentElement.scrollWidth <= innerWidth)")
                    == "true", "\(width) pixels")
            #expect(
                try await browser.run(
                    "return String([...document.querySelectorAll('th')].every(th => th.clientHeight < 60))"
                )
                    == "true", "\(width) pixels")
        }
        try await browser.show(width: 1200)

        // By keyboard alone to the run.
        for _ in 0..<60 {
            if try await browser.run("return document.activeElement.closest('td a') ? 'yes' : ''")
                == "yes"
            {
                break
            }
            try await browser.press("\u{e004}")
        }
        try await browser.press("\u{e007}")

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
