internal import Foundation

/// How the columns of an answer become a picture.
///
/// Its written form is what stands in the head of a saved question:
///
/// ```
/// -- picture: line x=step y=value color=name low=low high=high facet=run x-scale=log-step
/// -- title: Loss over steps
/// -- x-axis: step (updates)
/// -- y-axis: loss (nats)
/// ```
package struct PictureRecipe: Sendable, Equatable {
    /// What a column of the answer is used for.
    package enum Role: String, Sendable, CaseIterable {
        case x
        case y
        /// The ends of a band, of an error bar, or of a shaded span.
        case low
        case high
        /// What colours the cells of a map.
        case value
        /// One colour and one name for each value.
        case color
        /// One panel for each value.
        case facet
        /// One curve for each value, whatever its colour.
        case detail
        /// The words at a rule, over a span, or of a text.
        case label
        /// The shape of each row, where it is not the same for all.
        case mark
        /// Not 0 for points that are drawn hollow.
        case open
    }

    /// The scale of an axis as it is written.
    package enum AxisScale: Sendable, Equatable {
        case numbers(Scale.Kind)
        case names
    }

    package var shape: Mark.Shape
    package var columns: [Role: String]
    package var xScale = AxisScale.numbers(.linear)
    package var yScale = AxisScale.numbers(.linear)
    package var colorScale = Scale.Kind.linear
    package var xRange: (Double?, Double?) = (nil, nil)
    package var yRange: (Double?, Double?) = (nil, nil)
    package var isXFree = false
    package var isYFree = false
    package var hasEqualUnits = false
    package var naming = Figure.Naming.automatic
    package var title = ""
    package var xLabel: String?
    package var yLabel: String?
    package var colorLabel: String?

    package init(_ shape: Mark.Shape, columns: [Role: String]) {
        self.shape = shape
        self.columns = columns
    }

    package static func == (left: PictureRecipe, right: PictureRecipe) -> Bool {
        left.written == right.written && left.title == right.title && left.xLabel == right.xLabel
            && left.yLabel == right.yLabel && left.colorLabel == right.colorLabel
    }

    /// Reads `line x=step y=value …`.
    package init(written text: String) throws {
        let words = text.split(separator: " ").map(String.init)
        guard let first = words.first, let shape = Mark.Shape(rawValue: first) else {
            let shapes = Mark.Shape.allCases.map(\.rawValue).joined(separator: ", ")
            throw FigureError(
                subject: "picture \(text)", cause: "it begins with no shape",
                advice: "write one of \(shapes)")
        }
        self.init(shape, columns: [:])
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw FigureError(
                    subject: "picture \(text)", cause: "'\(word)' is not of the form name=value")
            }
            try set(parts[0], parts[1])
        }
        for role in Self.needed(shape) where columns[role] == nil {
            throw FigureError(
                subject: "picture \(text)", cause: "a \(shape.rawValue) needs \(role.rawValue)",
                advice: "write \(role.rawValue)=COLUMN")
        }
    }

    /// The columns that a shape cannot do without.
    package static func needed(_ shape: Mark.Shape) -> [Role] {
        switch shape {
        case .line, .step, .points, .bars: [.x, .y]
        case .band: [.x, .low, .high]
        case .heat: [.x, .y, .value]
        case .rule: []
        case .span: [.low, .high]
        case .text: [.x, .y, .label]
        }
    }

    /// Sets one role or option by its written name and value.
    package mutating func set(_ name: String, _ value: String) throws {
        if let role = Role(rawValue: name) {
            columns[role] = value
            return
        }
        switch name {
        case "x-scale": xScale = try Self.axisScale(value, name)
        case "y-scale": yScale = try Self.axisScale(value, name)
        case "color-scale":
            guard case .numbers(let kind) = try Self.axisScale(value, name) else {
                throw Self.wrong(name, value, "linear, log, log-step or symlog:UNIT")
            }
            colorScale = kind
        case "x-range": xRange = try Self.range(value, name)
        case "y-range": yRange = try Self.range(value, name)
        case "free":
            guard ["x", "y", "both"].contains(value) else {
                throw Self.wrong(name, value, "x, y or both")
            }
            isXFree = value != "y"
            isYFree = value != "x"
        case "units":
            guard value == "equal" else { throw Self.wrong(name, value, "equal") }
            hasEqualUnits = true
        case "names":
            guard let naming = Figure.Naming(rawValue: value) else {
                throw Self.wrong(
                    name, value, Figure.Naming.allCases.map(\.rawValue).joined(separator: ", "))
            }
            self.naming = naming
        default:
            let roles = Role.allCases.map(\.rawValue)
            let options = [
                "x-scale", "y-scale", "color-scale", "x-range", "y-range", "free", "units", "names",
            ]
            throw FigureError(
                subject: "picture option \(name)", cause: "there is none of this name",
                advice: "the columns are \(roles.joined(separator: ", ")), the options "
                    + options.joined(separator: ", "))
        }
    }

    private static func axisScale(_ text: String, _ name: String) throws -> AxisScale {
        switch text {
        case "linear": return .numbers(.linear)
        case "log": return .numbers(.logarithmic)
        case "log-step": return .numbers(.symmetricLogarithmic(unit: 1))
        case "names": return .names
        default:
            if text.hasPrefix("symlog:"), let unit = Double(text.dropFirst(7)), unit > 0,
                unit.isFinite
            {
                return .numbers(.symmetricLogarithmic(unit: unit))
            }
            throw wrong(name, text, "linear, log, log-step, symlog:UNIT or names")
        }
    }

    private static func range(_ text: String, _ name: String) throws -> (Double?, Double?) {
        guard let dots = text.range(of: "..") else {
            throw wrong(name, text, "LOW..HIGH, either of which may be left out")
        }
        let ends = try [text[..<dots.lowerBound], text[dots.upperBound...]].map { part in
            if part.isEmpty { return Double?.none }
            guard let end = Double(part), end.isFinite else {
                throw wrong(name, text, "LOW..HIGH, either of which may be left out")
            }
            return end
        }
        if let low = ends[0], let high = ends[1], low >= high {
            throw wrong(name, text, "LOW..HIGH with LOW below HIGH")
        }
        return (ends[0], ends[1])
    }

    private static func wrong(_ name: String, _ value: String, _ wanted: String) -> FigureError {
        FigureError(subject: "\(name)=\(value)", cause: "it has to be \(wanted)")
    }

    /// The written form, its options in a fixed order.
    package var written: String {
        var words = [shape.rawValue]
        words += Role.allCases.compactMap { role in
            columns[role].map { "\(role.rawValue)=\($0)" }
        }
        func written(_ kind: Scale.Kind) -> String {
            switch kind {
            case .linear: "linear"
            case .logarithmic: "log"
            case .symmetricLogarithmic(1): "log-step"
            case .symmetricLogarithmic(let unit): "symlog:\(unit)"
            }
        }
        func written(_ scale: AxisScale) -> String {
            if case .numbers(let kind) = scale { written(kind) } else { "names" }
        }
        func written(_ range: (Double?, Double?)) -> String {
            (range.0.map(DataTable.Column.label) ?? "") + ".."
                + (range.1.map(DataTable.Column.label) ?? "")
        }
        if xScale != .numbers(.linear) { words.append("x-scale=" + written(xScale)) }
        if yScale != .numbers(.linear) { words.append("y-scale=" + written(yScale)) }
        if colorScale != .linear { words.append("color-scale=" + written(colorScale)) }
        if written(xRange) != ".." { words.append("x-range=" + written(xRange)) }
        if written(yRange) != ".." { words.append("y-range=" + written(yRange)) }
        if isXFree || isYFree {
            words.append("free=" + (isXFree && isYFree ? "both" : isXFree ? "x" : "y"))
        }
        if hasEqualUnits { words.append("units=equal") }
        if naming != .automatic { words.append("names=\(naming.rawValue)") }
        return words.joined(separator: " ")
    }
}
