internal import Analysis
internal import ArchiveQueries
package import CheckpointArchive
internal import Checkpoints
internal import Figures
internal import Foundation
internal import Page

/// How fast the page answers and figures are drawn.
package enum PageBenchmark {
    /// The times of the page on an archive that `SampleArchive.fill` made, the medians of the
    /// repetitions, and the time of a figure of `points` points.
    package static func measure(
        _ archive: Archive, points: Int, repetitions: Int
    ) throws -> [Measure] {
        let routes = PageRoutes(archive: archive)
        let session = try SQLSession(archive: archive)
        let ids = try session.rows(
            """
            SELECT r.run, s.last_step FROM runs AS r JOIN metric_summaries AS s USING (run)
            WHERE s.name = 'test_accuracy' ORDER BY r.run LIMIT 1000
            """
        ).map { (run: $0[0].written, last: $0[1].written) }
        let count = try session.rows("SELECT count(*) FROM runs")[0][0].written
        let last = ids.first.flatMap { Int($0.last) } ?? 0
        func request(_ path: String, _ query: [String: String]) -> (Double, Int) {
            var bytes = 0
            let times = (0..<max(1, repetitions)).map { _ in
                seconds { bytes = routes.answer(path, query).body.count }
            }
            return (median(times), bytes)
        }
        let view = request("api/runs", [:])
        let compare = request(
            "api/picture",
            [
                "name": "curves_by_setting", "runs": ids.map(\.run).joined(separator: ","),
                "width": "1200",
            ])
        let update = request(
            "api/updates", ["run": ids.first?.run ?? "", "after": String(last - 100)])
        var svg = ""
        let figure = self.figure(points)
        let drawing = seconds { svg = SVGDrawing(figure).text }
        return [
            Measure("first view of \(count) runs", view.0 * 1e3, "ms"),
            Measure("comparison of \(ids.count) curves", compare.0 * 1e3, "ms"),
            Measure("its size", Double(compare.1), "bytes"),
            Measure("an update of a run", update.0 * 1e3, "ms"),
            Measure("figure of \(points) points", drawing, "s"),
            Measure("its size", Double(svg.utf8.count), "bytes"),
        ]
    }

    /// A noisy fall with one spike.
    private static func figure(_ points: Int) -> Figure {
        var mark = Mark(.line)
        mark.x = (0..<points).map(Double.init)
        var state: UInt64 = 1
        mark.y = mark.x.map { step in
            // A linear congruential generator (Knuth): noise that is the same each time.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return 5 / (1 + step / 1000) + Double(state >> 40) / 16_777_216 * 0.1 + 1e-3
        }
        if points > 2 { mark.y[points / 2] = 4 }
        return Figure(
            title: "", x: .init("step", .symmetricLogarithmic(unit: 1)),
            y: .init("loss", .logarithmic),
            panels: [.init(marks: [mark])])
    }
}
