/// The shape of a row by the word in its `mark` column.
private struct RowShape: Hashable {
    let shape: Mark.Shape
    let isDashed: Bool

    init(_ shape: Mark.Shape, isDashed: Bool = false) {
        self.shape = shape
        self.isDashed = isDashed
    }

    init(written word: String) throws {
        if word == "dashed" {
            self.init(.line, isDashed: true)
            return
        }
        guard let shape = Mark.Shape(rawValue: word) else {
            let shapes = Mark.Shape.allCases.map(\.rawValue) + ["dashed"]
            throw FigureError(
                subject: "mark '\(TextMetrics.harmless(word))'", cause: "there is no such shape",
                advice: "the shapes are \(shapes.joined(separator: ", "))")
        }
        self.init(shape)
    }
}

extension Figure {
    /// Draws the rows of a table as a recipe says.
    ///
    /// Rows keep their order. A value that is missing is a gap.
    package init(_ table: DataTable, recipe: PictureRecipe) throws {
        let assembly = try Assembly(table, recipe)
        self = try assembly.figure()
    }
}

/// A table on its way to a figure.
private struct Assembly {
    let table: DataTable
    let recipe: PictureRecipe
    private let xNames: DataTable.Groups?
    private let yNames: DataTable.Groups?
    private let facets: DataTable.Groups?
    private let colors: DataTable.Groups?
    private let details: DataTable.Groups?
    private let shapes: [RowShape]
    private let shapeCodes: [Int32]?

    init(_ table: DataTable, _ recipe: PictureRecipe) throws {
        self.table = table
        self.recipe = recipe
        guard table.rowCount > 0 else {
            throw FigureError(
                subject: "picture", cause: "the answer is empty, so there is nothing to draw",
                advice: "cairn ls lists the runs, cairn analyze computes what is missing")
        }
        for (role, name) in recipe.columns.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where table.column(name) == nil {
            throw FigureError(
                subject: "\(role.rawValue)=\(name)", cause: "the answer has no column \(name)",
                advice: "its columns are "
                    + TextMetrics.harmless(table.columns.map(\.name).joined(separator: ", ")))
        }
        func groups(_ role: PictureRecipe.Role) -> DataTable.Groups? {
            recipe.columns[role].flatMap(table.column)?.groups()
        }
        xNames = recipe.xScale == .names ? groups(.x) : nil
        yNames = recipe.yScale == .names ? groups(.y) : nil
        facets = groups(.facet)
        colors = groups(.color)
        details = groups(.detail)
        if let marks = groups(.mark) {
            shapes = try marks.labels.map { word in
                try word.map(RowShape.init(written:)) ?? RowShape(recipe.shape)
            }
            shapeCodes = marks.codes
        } else {
            shapes = [RowShape(recipe.shape)]
            shapeCodes = nil
        }
        try checkNumbers()
    }

    private func checkNumbers() throws {
        for role in [PictureRecipe.Role.x, .y, .low, .high, .value, .open] {
            guard let name = recipe.columns[role], let column = table.column(name), column.hasText,
                !(role == .x && recipe.xScale == .names), !(role == .y && recipe.yScale == .names)
            else { continue }
            let text = TextMetrics.harmless(String((column.firstText ?? "").prefix(40)))
            let canBeNamed = role == .x || role == .y
            throw FigureError(
                subject: "\(role.rawValue)=\(name)",
                cause: "the column holds text ('\(text)'), and the axis wants numbers",
                advice: canBeNamed
                    ? "choose another column, or \(role.rawValue)-scale=names"
                    : "choose another column"
            )
        }
    }

    // MARK: Groups

    private struct Key: Hashable {
        let facet: Int32
        let shape: Int32
        let color: Int32
        let detail: Int32
    }

    func figure() throws -> Figure {
        var order: [Key] = []
        var rows: [Key: [Int]] = [:]
        var indexOfKey: [Key: Int] = [:]
        var lists: [[Int]] = []
        var last: (key: Key, index: Int)?
        for row in 0..<table.rowCount {
            let key = Key(
                facet: facets?.codes[row] ?? 0, shape: shapeCodes?[row] ?? 0,
                color: colors?.codes[row] ?? 0, detail: details?.codes[row] ?? 0)
            if let last, last.key == key {
                lists[last.index].append(row)
                continue
            }
            let index = indexOfKey[key] ?? lists.count
            if index == lists.count {
                indexOfKey[key] = index
                order.append(key)
                lists.append([])
            }
            lists[index].append(row)
            last = (key, index)
        }
        for (key, list) in zip(order, lists) { rows[key] = list }

        let palette = ColorChoice(colors, kind: recipe.colorScale)
        var panels: [Int32: [Mark]] = [:]
        var panelOrder: [Int32] = []
        for key in order {
            if panels[key.facet] == nil { panelOrder.append(key.facet) }
            panels[key.facet, default: []].append(mark(key, rows[key] ?? [], palette))
        }
        var figure = Figure(
            title: recipe.title,
            x: axis(.x, recipe.xLabel, recipe.xScale, recipe.xRange, recipe.isXFree, xNames),
            y: axis(.y, recipe.yLabel, recipe.yScale, recipe.yRange, recipe.isYFree, yNames),
            panels: panelOrder.map { facet in
                Figure.Panel(
                    title: facets.flatMap { $0.labels[Int(facet)] } ?? "",
                    marks: panels[facet] ?? [])
            })
        figure.naming = recipe.naming
        figure.hasEqualUnits = recipe.hasEqualUnits
        figure.colors = try colorScale(figure, palette)
        try checkPlaces(figure)
        return figure
    }

    private func mark(_ key: Key, _ rows: [Int], _ palette: ColorChoice) -> Mark {
        let shape = shapes[Int(key.shape)]
        let label = colors.flatMap { $0.labels[Int(key.color)] }
        let color: MarkColor =
            colors == nil
            ? (shape.shape == .rule || shape.shape == .span || shape.shape == .text
                ? .neutral : .series(0))
            : label == nil ? .neutral : palette.color(Int(key.color))
        var mark = Mark(shape.shape, color: color)
        if case .series = color, let label { mark.name = label }
        if case .share = color, let label { mark.name = label }
        mark.isDashed = shape.isDashed || (shape.shape == .rule && color == .neutral)
        let isWhole = rows.count == table.rowCount
        func numbers(_ role: PictureRecipe.Role, _ names: DataTable.Groups? = nil) -> [Double] {
            if let names { return rows.map { Double(names.codes[$0]) } }
            guard let column = recipe.columns[role].flatMap(table.column) else { return [] }
            return isWhole ? column.numbers : rows.map { column.numbers[$0] }
        }
        mark.x = numbers(.x, xNames)
        mark.y = numbers(.y, yNames)
        mark.low = numbers(.low)
        mark.high = numbers(.high)
        if shape.shape == .heat { mark.value = numbers(.value) }
        if let column = recipe.columns[.label].flatMap(table.column),
            shape.shape == .rule || shape.shape == .span || shape.shape == .text
        {
            mark.labels = rows.map { column.label($0) ?? "" }
        }
        mark.isOpen = numbers(.open).map { $0 != 0 && !$0.isNaN }
        return mark
    }

    // MARK: Axes and colours

    private func axis(
        _ role: PictureRecipe.Role, _ label: String?, _ scale: PictureRecipe.AxisScale,
        _ range: (Double?, Double?), _ isFree: Bool, _ names: DataTable.Groups?
    ) -> Figure.Axis {
        var kind = Scale.Kind.linear
        if case .numbers(let wanted) = scale { kind = wanted }
        let label = label ?? recipe.columns[role] ?? ""
        return Figure.Axis(
            label, kind, lower: range.0, upper: range.1, isFree: isFree,
            names: names?.labels.map { $0 ?? "none" } ?? [])
    }

    private func colorScale(
        _ figure: Figure, _ palette: ColorChoice
    ) throws -> Figure.ColorScale? {
        let maps = figure.panels.flatMap(\.marks).filter { $0.shape == .heat }
        if !maps.isEmpty {
            let values = maps.flatMap(\.value).filter {
                $0.isFinite && Scale.hasPlace($0, on: recipe.colorScale)
            }
            guard let low = values.min(), let high = values.max() else {
                throw FigureError(
                    subject: "value=\(recipe.columns[.value] ?? "")",
                    cause: "no cell has a number that the colour scale can show",
                    advice: recipe.colorScale == .logarithmic
                        ? "a logarithmic scale shows numbers above 0" : "")
            }
            let label = recipe.colorLabel ?? recipe.columns[.value] ?? ""
            return Figure.ColorScale(
                label, Scale(recipe.colorScale, holding: low, high, margin: 0))
        }
        return palette.scale.map {
            Figure.ColorScale(recipe.colorLabel ?? recipe.columns[.color] ?? "", $0)
        }
    }

    /// Refuses a picture of which nothing can be seen.
    private func checkPlaces(_ figure: Figure) throws {
        let marks = figure.panels.flatMap(\.marks)
        func numbers(_ mark: Mark, _ isX: Bool) -> [[Double]] {
            isX ? [mark.x, mark.low] : [mark.y, mark.low, mark.high]
        }
        for (axis, isX) in [(figure.x, true), (figure.y, false)] {
            let all = marks.lazy.filter { isX || $0.shape != .span }
                .flatMap { numbers($0, isX) }
            guard axis.kind == .logarithmic, !all.joined().contains(where: { $0 > 0 }),
                let wrong = all.joined().first(where: { $0 <= 0 })
            else { continue }
            let name = recipe.columns[isX ? .x : .y] ?? axis.label
            throw FigureError(
                subject: "\(isX ? "x" : "y")=\(name)",
                cause: "no value is above 0 (one is \(NumberLabel.rounded(wrong))), and a "
                    + "logarithmic axis has no place for others",
                advice: "use a linear axis, or \(isX ? "x" : "y")-scale=symlog:UNIT")
        }
        let isSeen = marks.contains { mark in
            switch mark.shape {
            case .rule: (mark.x + mark.y).contains { !$0.isNaN }
            case .span: zip(mark.low, mark.high).contains { !$0.isNaN || !$1.isNaN }
            case .band: zip(mark.x, mark.low).contains { !$0.isNaN && !$1.isNaN }
            case .line, .step, .points, .bars, .heat, .text:
                zip(mark.x, mark.y).contains { !$0.isNaN && !$1.isNaN }
            }
        }
        guard isSeen else {
            throw FigureError(
                subject: "picture", cause: "no row of the answer has numbers in all of its columns",
                advice: "look at the rows with --data")
        }
    }
}

/// Which colour each value of the colour column has.
private struct ColorChoice {
    private var colors: [MarkColor] = []
    private(set) var scale: Scale?
    /// More numbers than this are told apart by a scale, not by colours of their own.
    private static let mostNumbers = 6

    init(_ groups: DataTable.Groups?, kind: Scale.Kind) {
        guard let groups else { return }
        let present = groups.labels.indices.filter { groups.labels[$0] != nil }
        let areNumbers = present.allSatisfy { groups.numbers[$0].isFinite }
        colors = groups.labels.map { _ in .neutral }
        guard areNumbers else {
            for (position, index) in present.enumerated() { colors[index] = .series(position) }
            return
        }
        let sorted = present.sorted { groups.numbers[$0] < groups.numbers[$1] }
        let usable = sorted.filter { Scale.hasPlace(groups.numbers[$0], on: kind) }
        guard sorted.count > Self.mostNumbers, let first = usable.first, let last = usable.last
        else {
            for (position, index) in sorted.enumerated() { colors[index] = .series(position) }
            return
        }
        let scale = Scale(
            kind, holding: groups.numbers[first], groups.numbers[last], margin: 0)
        for index in sorted {
            let share = scale.position(groups.numbers[index])
            colors[index] = .share(share.isNaN ? 0 : min(max(share, 0), 1))
        }
        self.scale = scale
    }

    func color(_ code: Int) -> MarkColor { colors[code] }
}
