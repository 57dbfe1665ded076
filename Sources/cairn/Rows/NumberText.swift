internal import Foundation

/// Numbers written so that reading them back gives the same number.
enum NumberText {
    /// A number with at most `digits` significant digits, for reports that people read.
    ///
    /// Edge cases: NaN is `nan`, infinities are `inf` and `-inf`, whole numbers lose their point.
    static func rounded(_ value: Double, digits: Int = 4) -> String {
        guard value.isFinite else { return value.description }
        return String(format: "%.\(digits)g", value)
    }

    /// A whole number with thousands separated, as in `12,769`.
    static func grouped(_ value: Int) -> String {
        var digits = Array(String(value.magnitude))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return (value < 0 ? "-" : "") + String(digits)
    }

    /// A size in bytes with a unit, as in `12.3 MB` (powers of 1,000).
    static func bytes(_ count: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB"]
        var value = Double(count)
        var unit = 0
        while value >= 999.95, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : String(format: "%.1f %@", value, units[unit])
    }

    /// A time span as `0:07`, `12:30` or `3:05:00`.
    static func clock(seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded(.up))
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        let tail = String(format: "%02d", rest)
        return hours == 0
            ? "\(minutes):\(tail)" : "\(hours):" + String(format: "%02d", minutes) + ":\(tail)"
    }
}
