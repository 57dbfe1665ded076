internal import ArgumentParser
internal import Checkpoints
internal import Figures
internal import Foundation
internal import Interchange
internal import Page

/// How a picture is drawn: columns, scales, words.
struct RecipeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("line, step, points, band, bars, heat, …", valueName: "shape"))
    var shape: String?
    @Option(help: ArgumentHelp("The column along the horizontal axis.", valueName: "column"))
    var x: String?
    @Option(help: ArgumentHelp("The column along the vertical axis.", valueName: "column"))
    var y: String?
    @Option(help: ArgumentHelp("The lower end of a band or an error bar.", valueName: "column"))
    var low: String?
    @Option(help: ArgumentHelp("The upper end of a band or an error bar.", valueName: "column"))
    var high: String?
    @Option(help: ArgumentHelp("What colours the cells of a heat map.", valueName: "column"))
    var value: String?
    @Option(help: ArgumentHelp("A colour and a name for each value.", valueName: "column"))
    var color: String?
    @Option(help: ArgumentHelp("A panel for each value.", valueName: "column"))
    var facet: String?
    @Option(help: ArgumentHelp("A curve for each value, of one colour.", valueName: "column"))
    var detail: String?
    @Option(help: ArgumentHelp("The words of text marks and rules.", valueName: "column"))
    var label: String?
    @Option(help: ArgumentHelp("The shape of each row.", valueName: "column"))
    var mark: String?
    @Flag(name: .customLong("log-x"), help: "A logarithmic horizontal axis.")
    var isLogX = false
    @Flag(name: .customLong("log-y"), help: "A logarithmic vertical axis.")
    var isLogY = false
    @Option(help: ArgumentHelp("linear, log, log-step, symlog:UNIT or names.", valueName: "scale"))
    var xScale: String?
    @Option(help: ArgumentHelp("linear, log, log-step, symlog:UNIT or names.", valueName: "scale"))
    var yScale: String?
    @Option(help: ArgumentHelp("linear, log or symlog:UNIT.", valueName: "scale"))
    var colorScale: String?
    @Option(help: ArgumentHelp("The ends of the horizontal axis.", valueName: "low..high"))
    var xRange: String?
    @Option(help: ArgumentHelp("The ends of the vertical axis.", valueName: "low..high"))
    var yRange: String?
    @Option(
        help: ArgumentHelp("Axes of their own for each panel: x, y or both.", valueName: "axis"))
    var free: String?
    @Option(help: ArgumentHelp("Names: direct, legend, none.", valueName: "place"))
    var names: String?
    @Option(help: "The title.")
    var title: String?
    @Option(help: ArgumentHelp("What the horizontal axis measures.", valueName: "text"))
    var xLabel: String?
    @Option(help: ArgumentHelp("What the vertical axis measures.", valueName: "text"))
    var yLabel: String?

    /// The options as they are written in the head of a question.
    private var settings: [(String, String)] {
        let written: [(String, String?)] = [
            ("x", x), ("y", y), ("low", low), ("high", high), ("value", value), ("color", color),
            ("facet", facet), ("detail", detail), ("label", label), ("mark", mark),
            ("x-scale", isLogX ? "log" : nil), ("y-scale", isLogY ? "log" : nil),
            ("x-scale", xScale), ("y-scale", yScale), ("color-scale", colorScale),
            ("x-range", xRange), ("y-range", yRange), ("free", free), ("names", names),
        ]
        return written.compactMap { name, value in value.map { (name, $0) } }
    }

    /// A saved recipe with what the person asked for in its place.
    func changed(_ recipe: PictureRecipe) throws -> PictureRecipe {
        var recipe = recipe
        try FigureError.asUserError {
            if let shape {
                let written = recipe.written.split(separator: " ").dropFirst()
                    .joined(separator: " ")
                let (title, xLabel, yLabel) = (recipe.title, recipe.xLabel, recipe.yLabel)
                recipe = try PictureRecipe(written: "\(shape) \(written)")
                (recipe.title, recipe.xLabel, recipe.yLabel) = (title, xLabel, yLabel)
            }
            for (name, value) in settings { try recipe.set(name, value) }
        }
        relabel(&recipe)
        return recipe
    }

    /// The recipe of a statement, from the options alone.
    func recipe() throws -> PictureRecipe {
        try FigureError.asUserError {
            let words = settings.map { "\($0)=\($1)" }
            // Columns may have blanks in their names, so they are set one by one.
            let blank = settings.filter { $1.contains(" ") }
            var recipe = try PictureRecipe(
                written: ([shape ?? "line"] + words.map { $0.replacing(" ", with: "_") })
                    .joined(separator: " "))
            for (name, value) in blank { try recipe.set(name, value) }
            relabel(&recipe)
            return recipe
        }
    }

    private func relabel(_ recipe: inout PictureRecipe) {
        if let title { recipe.title = title }
        if let xLabel { recipe.xLabel = xLabel }
        if let yLabel { recipe.yLabel = yLabel }
    }
}

/// Where a picture goes and how large it is.
struct DrawingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write FILE.svg, FILE.pdf or FILE.png; without it, draw in the terminal.",
            valueName: "file"), completion: .file(extensions: ["svg", "pdf", "png"]))
    var to: String?

    @Option(help: ArgumentHelp("column (89), page (183) or millimetres.", valueName: "mm"))
    var width: String?

    @Option(help: ArgumentHelp("Millimetres; else what the picture needs.", valueName: "mm"))
    var height: Double?

    @Flag(help: "Light marks on a dark background.")
    var dark = false

    @Flag(help: "Write the notes of the question below the picture.")
    var caption = false

    private enum Target {
        case terminal
        case svg(String)
        case converted(String, VectorConversion.Format)
    }

    private var target: Target {
        get throws {
            guard let to else { return .terminal }
            let ending = to.split(separator: ".").last.map { $0.lowercased() } ?? ""
            if ending == "svg", to.contains(".") { return .svg(to) }
            if let format = VectorConversion.Format(rawValue: ending), to.contains(".") {
                return .converted(to, format)
            }
            throw UserError.usage(
                subject: "--to \(to)", cause: "its name does not say what is to be written",
                advice: "end it in .svg, .pdf or .png")
        }
    }

    private var style: SVGStyle {
        get throws {
            var style = SVGStyle()
            switch width {
            case nil, "column"?: break
            case "page"?: style.width = SVGStyle.twoColumns
            case let text?:
                guard let millimetres = Double(text), (20...2000).contains(millimetres) else {
                    throw UserError.usage(
                        subject: "--width \(text)",
                        cause: "it is neither column, page nor 20 to 2000 millimetres")
                }
                style.width = millimetres
            }
            if let height {
                guard (15...2000).contains(height) else {
                    throw UserError.usage(
                        subject: "--height \(height)", cause: "it is not 15 to 2000 millimetres")
                }
                style.height = height
            }
            style.isDark = dark
            return style
        }
    }

    /// Refuses what cannot be written before anything is computed.
    func check() throws {
        _ = try style
        if case .converted(_, let format) = try target, !VectorConversion.isAvailable {
            throw UserError.missing(
                subject: format.rawValue.uppercased(), cause: "rsvg-convert is not installed",
                advice: "install the package librsvg2-bin, or write SVG")
        }
    }

    /// Writes or prints a figure.
    func draw(_ figure: Figure) throws {
        switch try target {
        case .terminal:
            let lines = TerminalDrawing(figure, style: TerminalStyle(.output)).lines
            try Output.standard.write(lines.joined(separator: "\n") + "\n")
        case .svg(let path):
            try Self.write([UInt8](SVGDrawing(figure, style: style).text.utf8), to: path)
        case .converted(let path, let format):
            let svg = try SVGDrawing(figure, style: style).text
            try Self.write(try VectorConversion.converted(svg, to: format), to: path)
        }
    }

    /// A file that appears whole or not at all; an older picture of the name is replaced.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try TargetFile(path: path, replacing: true)
        try file.write(bytes)
        try file.commit()
    }
}

extension TerminalStyle {
    /// As much as a terminal shows.
    init(_ terminal: Terminal, rowCount: Int = 14) {
        self.init(
            columnCount: min(terminal.columnCount, 100), rowCount: rowCount,
            hasColor: terminal.hasColor, isUnicode: terminal.isUnicode)
    }
}
