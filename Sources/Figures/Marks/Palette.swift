/// The colours of a theme.
///
/// Series differ in lightness as well as in hue, and beyond the fourth in their dashes, so that
/// colour-blind readers and greyscale printers can tell them apart; every colour stands out from
/// the background by 3 : 1 or more, text by 7 : 1.
package struct Palette: Sendable, Equatable {
    package struct Color: Sendable, Equatable {
        package let red: UInt8
        package let green: UInt8
        package let blue: UInt8

        package init(_ hex: UInt32) {
            red = UInt8(hex >> 16 & 0xff)
            green = UInt8(hex >> 8 & 0xff)
            blue = UInt8(hex & 0xff)
        }

        init(mixing first: Color, _ second: Color, _ share: Double) {
            func mixed(_ a: UInt8, _ b: UInt8) -> UInt8 {
                UInt8((Double(a) + (Double(b) - Double(a)) * share).rounded())
            }
            red = mixed(first.red, second.red)
            green = mixed(first.green, second.green)
            blue = mixed(first.blue, second.blue)
        }

        /// As in `#1f77b4`.
        package var hex: String {
            "#"
                + [red, green, blue].map { byte in
                    let text = String(byte, radix: 16)
                    return text.count == 1 ? "0" + text : text
                }.joined()
        }
    }

    package let background: Color
    package let text: Color
    package let quiet: Color
    package let grid: Color
    package let shade: Color
    package let series: [Color]
    /// The part of the colour scale that curves use, so that none of them vanishes.
    private let curveShares: ClosedRange<Double>

    package static let light = Palette(
        background: Color(0xffffff), text: Color(0x1a1a1a), quiet: Color(0x5a5a5a),
        grid: Color(0xe6e6e6), shade: Color(0xeef1f4),
        series: [0x0b3d91, 0xb5304f, 0xc07d00, 0x16181d, 0x2b8cbe, 0x7a4fb0].map { Color($0) },
        curveShares: 0...0.72)

    package static let dark = Palette(
        background: Color(0x14171c), text: Color(0xececec), quiet: Color(0xb4b8bf),
        grid: Color(0x31363e), shade: Color(0x20252c),
        series: [0x6ea8ff, 0xd6597a, 0xf2cf63, 0xffffff, 0x3f9dc9, 0xb99af0].map { Color($0) },
        curveShares: 0.38...1)

    /// Dash patterns in hundredths of a millimetre; the first is solid.
    package static let dashes: [[Int]] = [[], [160, 70], [40, 50], [160, 50, 40, 50]]

    /// The colour and the dash pattern of series number `index`.
    package func style(_ index: Int) -> (color: Color, dash: [Int]) {
        let round = index < 4 ? 0 : (index - 4) / series.count + 1
        let color = index < 4 ? series[index] : series[(index) % series.count]
        return (color, Self.dashes[round % Self.dashes.count])
    }

    /// The colour at a share of the scale (cividis), dark to light.
    package static func scale(_ share: Double) -> Color {
        let anchors: [UInt32] = [
            0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369,
            0xe1cc55, 0xfee838,
        ]
        let place = min(max(share.isNaN ? 0 : share, 0), 1) * Double(anchors.count - 1)
        let index = min(Int(place), anchors.count - 2)
        return Color(
            mixing: Color(anchors[index]), Color(anchors[index + 1]), place - Double(index))
    }

    /// The colour of a mark.
    package func color(_ color: MarkColor) -> Color {
        switch color {
        case .series(let index): style(index).color
        case .share(let share):
            Self.scale(
                curveShares.lowerBound + share * (curveShares.upperBound - curveShares.lowerBound))
        case .neutral: quiet
        }
    }

    package func dash(_ mark: Mark) -> [Int] {
        if mark.isDashed { return [110, 60] }
        if case .series(let index) = mark.color { return style(index).dash }
        return []
    }

    /// What a curve's colour scale is at a share of its legend's bar.
    package func legendColor(_ share: Double) -> Color { color(.share(share)) }
}
