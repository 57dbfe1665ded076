import Figures
import Foundation

/// Figures that show every mark and every kind of axis.
enum FigureCases {
    static let all: [(name: String, figure: Figure, style: SVGStyle)] = [
        ("curves", curves, SVGStyle()),
        ("curves-dark", curves, dark(SVGStyle())),
        ("losses", losses, SVGStyle(width: SVGStyle.twoColumns, height: 70)),
        ("band", band, SVGStyle()),
        ("map", map, SVGStyle(width: 120)),
        ("facets", facets, SVGStyle(width: SVGStyle.twoColumns)),
        ("bars", bars, SVGStyle(width: 60, height: 50)),
        ("many", many, SVGStyle()),
        ("hostile", hostile, SVGStyle()),
        ("decades", decades, SVGStyle()),
    ]

    private static func dark(_ style: SVGStyle) -> SVGStyle {
        var style = style
        style.isDark = true
        return style
    }

    private static let steps = (0...120).map { (exp(Double($0) / 120 * log(40_001)) - 1).rounded() }

    private static func rise(_ middle: Double, _ steepness: Double = 6) -> [Double] {
        steps.map { 1 / (1 + exp(-steepness * (log10($0 + 1) - log10(middle)))) }
    }

    private static func curve(
        _ name: String?, _ series: Int, _ y: [Double], _ shape: Mark.Shape = .line
    ) -> Mark {
        var mark = Mark(shape, name: name, color: .series(series))
        mark.x = steps
        mark.y = y
        return mark
    }

    static var curves: Figure {
        var rules = Mark(.rule, color: .neutral)
        rules.isDashed = true
        rules.x = [300, 9000]
        rules.labels = ["memorised", "generalised"]
        var fit = curve("fit", 3, rise(4000))
        fit.isDashed = true
        return Figure(
            title: "Accuracy of addition mod 113",
            x: .init("step (updates)", .symmetricLogarithmic(unit: 1)),
            y: .init("accuracy", lower: 0, upper: 1.02),
            panels: [
                .init(marks: [
                    curve("train", 0, rise(90)), curve("test", 1, rise(4000)), fit, rules,
                ])
            ])
    }

    static var losses: Figure {
        var y = steps.map { 4.7 * pow(0.999, $0 / 4) + 1e-7 }
        y[60] = .nan
        y[61] = .infinity
        y[100] = -1
        return Figure(
            title: "", x: .init("step (updates)"), y: .init("loss (nats)", .logarithmic),
            panels: [.init(marks: [curve("loss", 0, y)])])
    }

    static var band: Figure {
        let marks = [0, 1].map { series in
            var mark = curve(
                "weight decay \(series)", series, rise(series == 0 ? 900 : 9000), .band)
            mark.low = mark.y.map { max(0, $0 - 0.12) }
            mark.high = mark.y.map { min(1, $0 + 0.1) }
            return mark
        }
        return Figure(
            title: "Test accuracy, median and 80 % of eight seeds",
            x: .init("step (updates)", .symmetricLogarithmic(unit: 1)), y: .init("accuracy"),
            panels: [.init(marks: marks)])
    }

    static var map: Figure {
        var mark = Mark(.heat)
        for step in stride(from: 0, through: 4000, by: 100) {
            for frequency in 1...20 {
                mark.x.append(Double(step))
                mark.y.append(Double(frequency))
                let share = frequency % 7 == 3 ? Double(step) / 4000 : 1 - Double(step) / 4000
                mark.value.append(step == 2000 && frequency == 5 ? .nan : share)
            }
        }
        var figure = Figure(
            title: "Power of the embedding", x: .init("step (updates)"), y: .init("frequency"),
            panels: [.init(marks: [mark])])
        figure.colors = .init("share of the power", Scale(.linear, from: 0, to: 1))
        figure.caption = ["Power at each frequency divided by the power of all but the constant."]
        return figure
    }

    static var facets: Figure {
        let circle = (0..<24).map { Double($0) / 24 * 2 * Double.pi }
        let panels = (1...5).map { number in
            var points = Mark(.points, name: "token", color: .series(0))
            points.x = circle.map { cos($0) * Double(number) }
            points.y = circle.map { sin($0) * Double(number) }
            points.isOpen = circle.indices.map { $0 % 6 == 0 }
            var words = Mark(.text, color: .neutral)
            words.x = [0]
            words.y = [0]
            words.labels = ["middle"]
            return Figure.Panel(title: "frequency \(number)", marks: [points, words])
        }
        var figure = Figure(
            title: "Circles", x: .init("cosine"), y: .init("sine"), panels: panels)
        figure.hasEqualUnits = true
        return figure
    }

    static var bars: Figure {
        var mark = Mark(.bars)
        mark.x = [0, 1, 2]
        mark.y = [3, -1, 2]
        return Figure(
            title: "Bars", x: .init("label", names: ["delayed", "never", "together"]),
            y: .init("runs"), panels: [.init(marks: [mark])])
    }

    static var many: Figure {
        let marks = (0..<9).map { index in
            var mark = curve("\(index)", index, rise(Double(50 * (1 << index))), .step)
            mark.color = .share(Double(index) / 8)
            return mark
        }
        var figure = Figure(
            title: "One colour for each number",
            x: .init("step (updates)", .symmetricLogarithmic(unit: 1)), y: .init("accuracy"),
            panels: [.init(marks: marks)])
        figure.colors = .init("training fraction", Scale(.linear, from: 0.2, to: 0.9))
        return figure
    }

    static var hostile: Figure {
        let name = "<script>alert('1 & \"2\"')</script>\u{1b}[31m\u{202e}]]>"
        var words = Mark(.text, color: .neutral)
        words.x = [1]
        words.y = [0.5]
        words.labels = [name]
        return Figure(
            title: name, x: .init(name, .symmetricLogarithmic(unit: 1)), y: .init(name),
            panels: [
                .init(
                    title: name, marks: [curve(name, 0, rise(100)), curve("b", 1, rise(9)), words])
            ])
    }

    static var decades: Figure {
        var points = Mark(.points, name: "eigenvalue", color: .series(2))
        points.x = (0..<60).map { pow(10, Double($0) / 5 - 6) }
        points.y = points.x.map { pow($0, 1.1) }
        points.low = points.y.map { $0 / 3 }
        points.high = points.y.map { $0 * 3 }
        var span = Mark(.span, color: .neutral)
        span.low = [1e-6, 1e-2, 10]
        span.high = [1e-2, 10, 1e7]
        span.labels = ["bulk", "middle", "outliers"]
        var limit = Mark(.rule, color: .neutral)
        limit.isDashed = true
        limit.y = [2000]
        limit.labels = ["2/η"]
        return Figure(
            title: "Twelve decades", x: .init("size", .logarithmic),
            y: .init("largest eigenvalue (nats per squared weight)", .logarithmic),
            panels: [.init(marks: [points, span, limit])])
    }
}
