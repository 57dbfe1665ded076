internal import Foundation

/// How numbers are laid along an axis.
///
/// Positions run from 0 at the lower end to 1 at the upper end and rise with the value.
package struct Scale: Sendable, Equatable {
    /// The shape of an axis.
    package enum Kind: Sendable, Equatable {
        case linear
        /// log₁₀ x; numbers that are not positive have no place.
        case logarithmic
        /// sign(x) · log₁₀(1 + |x| / unit): linear around 0, logarithmic far from it. With a unit
        /// of 1 it is the axis of steps, on which step 0 has a place.
        case symmetricLogarithmic(unit: Double)
    }

    package let kind: Kind
    package let lower: Double
    package let upper: Double
    private let start: Double
    private let span: Double

    /// A scale over a range that is not empty; a logarithmic one starts above 0.
    package init(_ kind: Kind, from lower: Double, to upper: Double) {
        precondition(lower < upper && lower.isFinite && upper.isFinite, "a scale needs a range")
        precondition(kind != .logarithmic || lower > 0, "a logarithmic scale starts above 0")
        self.kind = kind
        self.lower = lower
        self.upper = upper
        start = Self.warped(lower, kind)
        span = Self.warped(upper, kind) - start
    }

    /// The scale that holds all these numbers, with a little room at the ends.
    ///
    /// Numbers without a place on the axis do not count; none at all give a unit range, and one
    /// number alone gets room on both sides.
    package init(_ kind: Kind, holding low: Double, _ high: Double, margin: Double = 0.03) {
        guard low.isFinite, high.isFinite, low <= high, kind != .logarithmic || low > 0 else {
            self.init(kind, from: kind == .logarithmic ? 1 : 0, to: kind == .logarithmic ? 10 : 1)
            return
        }
        let (first, last) = (Self.warped(low, kind), Self.warped(high, kind))
        var room = (last - first) * margin
        if !(last - first > max(abs(first), abs(last)) * 1e-12) {
            room = kind == .linear ? max(abs(first) * 0.1, 0.5) : 0.2
        }
        // A count that starts at 0 has nothing below it.
        let bottom = kind != .linear && low == 0 ? first : first - room
        self.init(
            kind, from: max(Self.unwarped(bottom, kind), -Double.greatestFiniteMagnitude),
            to: min(Self.unwarped(last + room, kind), Double.greatestFiniteMagnitude))
    }

    /// The share of the axis below a number: outside 0…1 beyond its ends, NaN without a place.
    @inline(__always)
    package func position(_ value: Double) -> Double { (Self.warped(value, kind) - start) / span }

    /// The number at a share of the axis.
    package func value(at position: Double) -> Double {
        Self.unwarped(start + position * span, kind)
    }

    /// Whether a number can be shown on an axis of this kind at all.
    package static func hasPlace(_ value: Double, on kind: Kind) -> Bool {
        kind != .logarithmic || value > 0
    }

    @inline(__always)
    private static func warped(_ value: Double, _ kind: Kind) -> Double {
        switch kind {
        case .linear: value
        case .logarithmic: value > 0 ? log10(value) : .nan
        case .symmetricLogarithmic(let unit):
            value < 0 ? -log1p(-value / unit) / log(10) : log1p(value / unit) / log(10)
        }
    }

    private static func unwarped(_ value: Double, _ kind: Kind) -> Double {
        switch kind {
        case .linear: value
        case .logarithmic: pow(10, value)
        case .symmetricLogarithmic(let unit):
            value < 0 ? -unit * expm1(-value * log(10)) : unit * expm1(value * log(10))
        }
    }
}
