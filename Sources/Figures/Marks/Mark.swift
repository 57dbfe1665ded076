/// One thing that is drawn in a panel: a curve, a cloud of points, a band, a map.
///
/// Its numbers stand in parallel lists; which of them count depends on the shape. NaN is a gap.
package struct Mark: Sendable {
    /// What a mark looks like.
    package enum Shape: String, Sendable, CaseIterable {
        /// Straight lines from point to point, in the order of the data.
        case line
        /// A line that holds each value until the next point.
        case step
        case points
        /// The space between `low` and `high`, with a line at `y` where there is one.
        case band
        /// From 0 to `y`.
        case bars
        /// Cells around (x, y) coloured by `value`.
        case heat
        /// A straight line across the panel: upright at `x`, or level at `y` where x is missing.
        case rule
        /// Shade across the panel from `low` to `high` along x.
        case span
        /// `labels` at (x, y).
        case text
    }

    package var shape: Shape
    /// What the legend calls it; nil keeps it out of the legend.
    package var name: String?
    package var color: MarkColor
    /// Whether its line is dashed: what was fitted or assumed, not measured.
    package var isDashed = false
    package var x: [Double] = []
    package var y: [Double] = []
    package var low: [Double] = []
    package var high: [Double] = []
    package var value: [Double] = []
    package var labels: [String] = []
    /// Which points are drawn hollow, such as runs that had not got there; empty for none.
    package var isOpen: [Bool] = []

    package init(_ shape: Shape, name: String? = nil, color: MarkColor = .series(0)) {
        self.shape = shape
        self.name = name
        self.color = color
    }
}

/// How the colour of a mark is chosen.
package enum MarkColor: Sendable, Equatable, Hashable {
    /// A colour and a dash pattern of its own, by number from 0.
    case series(Int)
    /// A place on the colour scale, from 0 to 1.
    case share(Double)
    /// The colour of axes and notes.
    case neutral
}
