internal import Foundation

/// Numbers as they stand beside ticks and in captions.
package enum NumberLabel {
    /// A number that is a multiple of `step`, with as many decimals as the step needs.
    ///
    /// Below 1,000,000 it is written out, with thousands apart; else as a mantissa times a power of
    /// ten, as are steps below 0.00001.
    static func text(_ value: Double, step: Double, largest: Double) -> String {
        if value == 0 || abs(value) < step * 1e-6 { return "0" }
        if largest >= 1e6 || step < 1e-5 {
            let exponent = Int(floor(log10(largest) + 1e-9))
            let mantissa = value / pow(10, Double(exponent))
            let decimals = decimalCount(step / pow(10, Double(exponent)))
            return fixed(mantissa, decimals) + "×" + power(exponent)
        }
        return fixed(value, decimalCount(step))
    }

    /// A number with at most `digits` significant digits; `NaN`, `∞` and `−∞` by their signs.
    package static func rounded(_ value: Double, digits: Int = 3) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "−∞" : "∞" }
        if value == 0 { return "0" }
        let exponent = Int(floor(log10(abs(value))))
        guard (-4..<6).contains(exponent) else {
            let text = String(format: "%.\(digits - 1)e", value)
            let parts = text.split(separator: "e")
            guard parts.count == 2, let power = Int(parts[1]) else { return text }
            return trimmed(String(parts[0])) + "×" + self.power(power)
        }
        let decimals = max(0, digits - 1 - exponent)
        return fixed(value, decimals, trimming: true)
    }

    /// 10 to a whole power: written out between 0.001 and 10,000 when `plain`, else with a
    /// superscript.
    static func powerOfTen(_ exponent: Int, plain: Bool) -> String {
        guard plain, (-3...5).contains(exponent) else { return power(exponent) }
        return exponent >= 0
            ? grouped(String(format: "%.0f", pow(10, Double(exponent))))
            : fixed(pow(10, Double(exponent)), -exponent)
    }

    static func power(_ exponent: Int) -> String {
        let digits: [Character: Character] = [
            "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶",
            "7": "⁷", "8": "⁸", "9": "⁹",
        ]
        return "10" + String(String(exponent).compactMap { digits[$0] })
    }

    /// The decimals that a step of 1, 2, 2.5 or 5 times a power of ten needs.
    private static func decimalCount(_ step: Double) -> Int {
        var decimals = 0
        var scaled = step
        while decimals < 12, abs(scaled - scaled.rounded()) > 1e-6 * scaled {
            scaled *= 10
            decimals += 1
        }
        return decimals
    }

    private static func fixed(_ value: Double, _ decimals: Int, trimming: Bool = false) -> String {
        var text = String(format: "%.\(decimals)f", value)
        if trimming { text = trimmed(text) }
        if text.hasPrefix("-") { return "−" + grouped(String(text.dropFirst())) }
        return grouped(text)
    }

    private static func trimmed(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var text = text
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    private static func grouped(_ text: String) -> String {
        let whole = text.prefix { $0 != "." }
        guard whole.count > 3 else { return text }
        var digits = Array(whole)
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return String(digits) + text.dropFirst(whole.count)
    }
}
