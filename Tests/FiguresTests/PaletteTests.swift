import Foundation
import Testing

@testable import Figures

/// Whether readers who see fewer colours, and printers that have none, can tell series apart.
@Suite struct PaletteTests {
    private static let themes = [Palette.light, .dark]

    private static func linear(_ byte: UInt8) -> Double {
        let share = Double(byte) / 255
        return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
    }

    private static func luminance(_ color: Palette.Color) -> Double {
        0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue)
    }

    /// CIE lightness, 0 to 100.
    private static func lightness(_ luminance: Double) -> Double {
        luminance > 0.008856 ? 116 * cbrt(luminance) - 16 : 903.3 * luminance
    }

    private static func contrast(_ a: Palette.Color, _ b: Palette.Color) -> Double {
        let (high, low) = (max(luminance(a), luminance(b)), min(luminance(a), luminance(b)))
        return (high + 0.05) / (low + 0.05)
    }

    @Test func everySeriesStandsOutFromTheBackground() {
        for theme in PaletteTests.themes {
            for color in theme.series {
                #expect(PaletteTests.contrast(color, theme.background) >= 3, "\(color.hex)")
            }
            #expect(PaletteTests.contrast(theme.text, theme.background) >= 7)
            #expect(PaletteTests.contrast(theme.quiet, theme.background) >= 4.5)
        }
    }

    @Test func theFirstFourSeriesDifferInGrey() {
        for theme in PaletteTests.themes {
            let greys = theme.series.prefix(4).map {
                PaletteTests.lightness(PaletteTests.luminance($0))
            }.sorted()
            for (low, high) in zip(greys, greys.dropFirst()) {
                #expect(high - low >= 8, "\(greys)")
            }
        }
    }

    /// Colours as people without red (protanopia) or green (deuteranopia) cones see them, in linear
    /// light (Viénot, Brettel and Mollon 1999), then their distance in CIE L*a*b*.
    @Test func theFirstFourSeriesDifferForColourBlindReaders() {
        let protanopia = [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]
        let deuteranopia = [
            [0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1],
        ]
        for theme in PaletteTests.themes {
            for matrix in [protanopia, deuteranopia] {
                let seen = theme.series.prefix(4).map { color in
                    let light = [color.red, color.green, color.blue].map(PaletteTests.linear)
                    return PaletteTests.lab(
                        matrix.map { row in zip(row, light).reduce(0) { $0 + $1.0 * $1.1 } })
                }
                for first in seen.indices {
                    for second in seen.indices where second > first {
                        let distance = sqrt(
                            zip(seen[first], seen[second]).reduce(0) { $0 + pow($1.0 - $1.1, 2) })
                        #expect(distance >= 15, "\(first) and \(second)")
                    }
                }
            }
        }
    }

    private static func lab(_ rgb: [Double]) -> [Double] {
        let x = (0.4124 * rgb[0] + 0.3576 * rgb[1] + 0.1805 * rgb[2]) / 0.9505
        let y = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
        let z = (0.0193 * rgb[0] + 0.1192 * rgb[1] + 0.9505 * rgb[2]) / 1.089
        func f(_ t: Double) -> Double { t > 0.008856 ? cbrt(t) : 7.787 * t + 16 / 116 }
        return [116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))]
    }

    @Test func noTwoSeriesShareColourAndDash() {
        var styles: Set<String> = []
        for index in 0..<18 {
            let style = Palette.light.style(index)
            #expect(styles.insert("\(style.color.hex) \(style.dash)").inserted, "\(index)")
        }
    }

    @Test func theColourScaleRisesInLightness() {
        let values = (0...100).map {
            PaletteTests.luminance(Palette.scale(Double($0) / 100))
        }
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
    }
}
