internal import Checkpoints

/// The curves of one run, from all its files: one value at each step of each curve.
struct CurveBook {
    /// What became of the values of one curve of one file.
    struct Outcome {
        var stored = 0
        /// Equal values that were there already, and the file they came from.
        var same: [String: Int] = [:]
        /// Values of the same file and step that a later one takes the place of.
        var overtaken = 0
        /// Values where an earlier file has another one.
        var contradicted: [String: Int] = [:]
    }

    private struct Curve {
        var steps: [Int] = []
        var values: [Double] = []
        /// For each value the file it came from.
        var sources: [Int32] = []
        /// Where each step stands; made when it is needed.
        var places: [Int: Int]?

        mutating func place(of step: Int) -> Int? {
            if let last = steps.last, step > last, places == nil { return nil }
            if places == nil {
                places = Dictionary(
                    zip(steps, steps.indices), uniquingKeysWith: { first, _ in first })
            }
            return places?[step]
        }

        mutating func append(_ step: Int, _ value: Double, source: Int32) {
            if places != nil {
                places?[step] = steps.count
            } else if let last = steps.last, step <= last {
                places = Dictionary(
                    zip(steps, steps.indices), uniquingKeysWith: { first, _ in first })
                places?[step] = steps.count
            }
            steps.append(step)
            values.append(value)
            sources.append(source)
        }
    }

    private var curves: [String: Curve] = [:]
    private(set) var names: [String] = []
    private var sources: [String] = []

    var isEmpty: Bool { curves.isEmpty }

    /// The last step of any curve.
    var end: Int? { curves.values.lazy.compactMap { $0.steps.max() }.max() }

    /// Adds the values of a curve; the file that came first wins, within a file the value that came
    /// last.
    mutating func add(
        _ found: FoundCurve, named name: String, steps: [Int], file: String
    ) -> Outcome {
        let source = Int32(truncatingIfNeeded: sourceIndex(file))
        var outcome = Outcome()
        if curves[name] == nil { names.append(name) }
        var curve = curves.removeValue(forKey: name) ?? Curve()
        for (step, value) in zip(steps, found.values) {
            guard let place = curve.place(of: step) else {
                curve.append(step, value, source: source)
                outcome.stored += 1
                continue
            }
            let isEqual =
                curve.values[place].bitPattern == value.bitPattern
                || curve.values[place].isNaN && value.isNaN
            if isEqual {
                outcome.same[sources[Int(curve.sources[place])], default: 0] += 1
            } else if curve.sources[place] == source {
                // The earlier value of this file is not stored a second time.
                curve.values[place] = value
                outcome.overtaken += 1
            } else {
                outcome.contradicted[sources[Int(curve.sources[place])], default: 0] += 1
            }
        }
        curves[name] = curve
        return outcome
    }

    private mutating func sourceIndex(_ file: String) -> Int {
        if let index = sources.lastIndex(of: file) { return index }
        sources.append(file)
        return sources.count - 1
    }

    /// How the values of a curve would fare: whether one contradicts what is there, and whether all
    /// are there already.
    mutating func compare(
        _ found: FoundCurve, named name: String, steps: [Int]
    ) -> (contradicts: Bool, isContained: Bool) {
        guard var curve = curves[name] else { return (false, found.values.isEmpty) }
        var isContained = true
        for (step, value) in zip(steps, found.values) {
            guard let place = curve.place(of: step) else {
                isContained = false
                continue
            }
            let isEqual =
                curve.values[place].bitPattern == value.bitPattern
                || curve.values[place].isNaN && value.isNaN
            if !isEqual { return (true, false) }
        }
        return (false, isContained)
    }

    /// All points, in the order of their steps.
    var points: [MetricPoint] {
        var points: [MetricPoint] = []
        for name in names {
            guard let curve = curves[name] else { continue }
            for (step, value) in zip(curve.steps, curve.values) {
                points.append(MetricPoint(name: name, step: step, value: value))
            }
        }
        return points.enumerated().sorted {
            ($0.element.step, $0.offset) < ($1.element.step, $1.offset)
        }.map(\.element)
    }
}
