import Analysis
import ArrayMath
import Foundation
import TestSupport
import Testing

/// A fit that SciPy made, with the points of a synthetic curve or the name of a published one.
struct ReferenceFit: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let chance: Double
    let fit: [Double]
    let cost: Double
    let steps: [Int]?
    let values: [Double]?
    let run: String?
    let column: String?

    var testDescription: String { name }

    /// Made by `make_logistic_fits.py` beside the file.
    static let all: [ReferenceFit] = {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/logistic_fits.json")
        guard let data = try? Data(contentsOf: url) else { return [] }
        return (try? JSONDecoder().decode([ReferenceFit].self, from: data)) ?? []
    }()

    func curve() throws -> Curve? {
        if let steps, let values { return Curve(steps: steps, values: values) }
        guard let run, let column else { return nil }
        return try publishedCurve(run: run, column: column)
    }
}

/// One column of a published run's curves, by epoch; nil where the files are not at hand.
func publishedCurve(run: String, column: String) throws -> Curve? {
    guard let folder = ReferenceData.folder else { return nil }
    let url = folder.appendingPathComponent("rep/\(run)/metrics.csv")
    let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
    let header = lines[0].split(separator: ",", omittingEmptySubsequences: false)
    let epoch = try #require(header.firstIndex(of: "epoch"))
    let wanted = try #require(header.firstIndex { $0 == column })
    let rows = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    return Curve(
        steps: rows.compactMap { Double($0[epoch]).map { Int($0) } },
        values: rows.compactMap { Double($0[wanted]) })
}

struct TransitionFitTests {
    @Test("the fit agrees with SciPy's curve_fit", arguments: ReferenceFit.all)
    func agreesWithSciPy(reference: ReferenceFit) throws {
        guard let curve = try reference.curve() else { return }
        let problem = curve.transitionProblem(chance: reference.chance, timeScale: .logarithmic)
        let solution = try #require(curve.logisticMinimum(of: problem))
        let (c, d, k, t) = (
            reference.fit[0], reference.fit[1], reference.fit[2], reference.fit[3]
        )
        #expect(solution.converged)
        // Never worse than SciPy's minimum, whose √(1 + z) − 1 rounds at 1e-16 for each point.
        #expect(solution.cost <= reference.cost * (1 + 1e-9) + 1e-18 * Double(curve.count))
        // Levels relative to the rise, steepness and midpoint to themselves.
        #expect(abs(solution.curve.lower - c) <= 1e-6 * (d - c))
        #expect(abs(solution.curve.upper - d) <= 1e-6 * (d - c))
        #expect(abs(solution.curve.steepness - k) <= 1e-6 * k)
        #expect(abs(solution.curve.midpoint - t) <= 1e-6 * t)
    }

    @Test("SciPy's fits cover 24 curves")
    func fixtureIsThere() {
        #expect(ReferenceFit.all.count == 24)
        #expect(ReferenceFit.all.count { $0.steps != nil } == 18)
    }

    private let steps = (0..<80).map { Int(pow(10, 5 * Double($0) / 79)) }

    @Test("curves without a transition give no fit and say why")
    func refusals() {
        func outcome(_ values: (Int) -> Double) -> FitOutcome {
            Curve(steps: steps, values: steps.indices.map(values))
                .transitionFit(chance: 0.01)
        }
        #expect(outcome { _ in 0.01 } == .refused(.noTransition))
        #expect(outcome { _ in 1 }.fit == nil)
        #expect(outcome { _ in 0 }.fit == nil)
        #expect(outcome { 0.01 + ($0 % 2 == 0 ? 0.005 : 0) } == .refused(.noTransition))
        #expect(outcome { $0 % 2 == 0 ? 0.2 : 0.8 }.fit == nil)
        // A jump between two evaluations has no measurable steepness.
        #expect(outcome { $0 < 60 ? 0.01 : 1 } == .refused(.unresolved))
        // A falling curve is no rise.
        #expect(outcome { 1 - Double($0) / 79 }.fit == nil)
        #expect(outcome { _ in .infinity } == .refused(.poorFit))
        #expect(Curve(steps: [5], values: [1]).transitionFit(chance: 0) == .refused(.tooFewPoints))
        #expect(Curve(steps: [], values: []).transitionFit(chance: 0) == .refused(.tooFewPoints))
    }

    @Test("exact logistic data give back their parameters", arguments: 0..<20)
    func recoversParameters(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let exact = LogisticCurve(
            lower: Double.random(in: 0...0.05, using: &generator),
            upper: Double.random(in: 0.6...1, using: &generator),
            steepness: Double.random(in: 5...30, using: &generator),
            midpoint: Double.random(in: 2...4.2, using: &generator))
        let curve = Curve(
            steps: steps, values: steps.map { exact.value(at: log10(Double($0) + 1)) })
        let fit = try #require(curve.transitionFit(chance: 0.01).fit)
        #expect(abs(fit.curve.lower - exact.lower) < 1e-8)
        #expect(abs(fit.curve.upper - exact.upper) < 1e-8)
        #expect(abs(fit.curve.steepness - exact.steepness) < 1e-6)
        #expect(abs(fit.curve.midpoint - exact.midpoint) < 1e-8)
        #expect(fit.rSquared > 0.999999)
        #expect(abs(log10(fit.midpointStep + 1) - exact.midpoint) < 1e-7)
        let width = log10((fit.ninetyPercentStep + 1) / (fit.tenPercentStep + 1))
        #expect(abs(width - (fit.widthDecades ?? 0)) < 1e-9)
    }
}
