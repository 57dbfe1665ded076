/// A picture before it has a size: what is drawn, along which axes, and what is said about it.
///
/// The same figure becomes SVG (`SVGDrawing`) or text (`TerminalDrawing`).
package struct Figure: Sendable {
    /// Where the names of marks stand.
    package enum Naming: String, Sendable, CaseIterable {
        /// Beside the ends of curves where there is one panel with few of them, else a legend.
        case automatic
        case direct
        case legend
        case none
    }

    /// One axis of all panels.
    package struct Axis: Sendable, Equatable {
        /// What is measured, with its unit in parentheses.
        package var label: String
        package var kind: Scale.Kind
        /// Its ends where they are given; else they are taken from the data.
        package var lower: Double?
        package var upper: Double?
        /// Whether each panel has a range of its own.
        package var isFree: Bool
        /// Names of the places 0, 1, 2, … of an axis of names.
        package var names: [String]

        package init(
            _ label: String, _ kind: Scale.Kind = .linear, lower: Double? = nil,
            upper: Double? = nil, isFree: Bool = false, names: [String] = []
        ) {
            self.label = label
            self.kind = kind
            self.lower = lower
            self.upper = upper
            self.isFree = isFree
            self.names = names
        }
    }

    /// What the colours of a scale mean.
    package struct ColorScale: Sendable, Equatable {
        package var label: String
        package var scale: Scale

        package init(_ label: String, _ scale: Scale) {
            self.label = label
            self.scale = scale
        }
    }

    /// One coordinate system; several stand side by side.
    package struct Panel: Sendable {
        package var title: String
        package var marks: [Mark]

        package init(title: String = "", marks: [Mark]) {
            self.title = title
            self.marks = marks
        }
    }

    package var title: String
    package var x: Axis
    package var y: Axis
    package var panels: [Panel]
    package var colors: ColorScale?
    package var naming: Naming = .automatic
    /// Whether one unit is as long on both axes.
    package var hasEqualUnits = false
    /// Sentences below the picture.
    package var caption: [String] = []
    /// Whether the caption counts what lies outside of axes whose ends are given.
    package var countsClipped = true

    package init(title: String, x: Axis, y: Axis, panels: [Panel]) {
        self.title = title
        self.x = x
        self.y = y
        self.panels = panels
    }
}

/// Why a figure cannot be made: what is wrong with which part, and what to do.
package struct FigureError: Error, Equatable {
    package let subject: String
    package let cause: String
    package let advice: String

    package init(subject: String, cause: String, advice: String = "") {
        self.subject = subject
        self.cause = cause
        self.advice = advice
    }
}
