internal import Checkpoints

/// Rows of named values, as a CSV file, lines of JSON or a list of records have them.
///
/// One column counts steps or epochs; the numbers of the others are curves. Where the same step comes
/// again, other columns say of which run or network a row speaks.
struct RowTable {
    enum Cell: Sendable, Equatable {
        case missing
        case number(Double)
        case text(String)
        case boolean(Bool)
        /// Something that is no single value, in words.
        case other(String)
    }

    /// The rows of one run.
    struct Part {
        /// What tells it from the other parts, and what is the same in all its rows.
        var identity: [Value.Entry] = []
        var items: [FoundItem] = []
        /// The run's name, where the file gives it.
        var name: String?
    }

    private(set) var names: [String] = []
    private var positions: [String: Int] = [:]
    /// One array per column; all have `rowCount` cells.
    private var columns: [[Cell]] = []
    private(set) var rowCount = 0

    init() {}

    /// Columns of these names, in this order.
    init(columns names: [String]) {
        for name in names { _ = column(name) }
    }

    /// A list of dictionaries; nil for anything else.
    init?(records: [Value]) {
        guard records.contains(where: { $0.entries != nil }),
            records.allSatisfy({ $0.entries.map { !$0.isEmpty } ?? false }),
            !records.contains(where: \.holdsTensorsOfAnySize)
        else { return nil }
        for record in records { append(record.entries ?? []) }
    }

    private mutating func column(_ name: String) -> Int {
        if let position = positions[name] { return position }
        positions[name] = names.count
        names.append(name)
        columns.append([Cell](repeating: .missing, count: rowCount))
        return names.count - 1
    }

    /// Adds a row of cells in the order of the columns.
    mutating func append(_ cells: [Cell]) {
        for (position, cell) in cells.enumerated() { columns[position].append(cell) }
        for position in cells.count..<max(cells.count, columns.count) {
            columns[position].append(.missing)
        }
        rowCount += 1
    }

    /// Adds an object; what is nested is named by its path.
    mutating func append(_ entries: [Value.Entry]) {
        var cells: [(Int, Cell)] = []
        collect(entries, prefix: "", into: &cells)
        for position in columns.indices { columns[position].append(.missing) }
        rowCount += 1
        for (position, cell) in cells { columns[position][rowCount - 1] = cell }
    }

    private mutating func collect(
        _ entries: [Value.Entry], prefix: String, into cells: inout [(Int, Cell)]
    ) {
        for entry in entries {
            let name = prefix + entry.key.label
            if let nested = entry.value.entries, !nested.isEmpty {
                collect(nested, prefix: name + "/", into: &cells)
            } else {
                cells.append((column(name), Self.cell(entry.value)))
            }
        }
    }

    private static func cell(_ value: Value) -> Cell {
        switch value {
        case .none: .missing
        case .boolean(let flag): .boolean(flag)
        case .integer, .real: value.number.map(Cell.number) ?? .missing
        case .text(let text): Double.written(text).map(Cell.number) ?? .text(text)
        case .list(let elements): .other("a list of \(elements.count)")
        case .bytes(let bytes): .other("\(bytes.count) bytes")
        case .tensor: value.number.map(Cell.number) ?? .other("a tensor")
        case .dictionary: .other("an empty dictionary")
        case .opaque(let what): .other(what)
        }
    }

    func cell(_ position: Int, row: Int) -> Cell { columns[position][row] }

    // MARK: - Steps

    /// The column that counts, and whether it counts epochs; nil where there is none.
    private var axis: (position: Int, isEpoch: Bool)? {
        let lower = names.map { $0.lowercased() }
        for (words, isEpoch) in [(ContentWords.updates, false), (ContentWords.epochs, true)] {
            for word in words {
                guard let position = lower.firstIndex(of: word), hasNumbers(position) else {
                    continue
                }
                return (position, isEpoch)
            }
        }
        return nil
    }

    private func hasNumbers(_ position: Int) -> Bool {
        columns[position].contains { if case .number = $0 { true } else { false } }
    }

    /// Whether it is a table of curves at all: it counts something, or its columns have the names of
    /// the standard curves.
    var holdsCurves: Bool {
        axis != nil || rowCount > 1 && names.contains { CurveName.standard($0) != nil }
    }

    /// The curves of all rows together, named with a prefix.
    func curves(prefix: String) -> [FoundItem] {
        let all = Array(0..<rowCount)
        return items(of: all, leaving: [], prefix: prefix)
    }

    // MARK: - Runs

    /// The runs of the table.
    func parts() -> [Part] {
        let all = Array(0..<rowCount)
        let long = longColumns
        guard repeats(in: all, leaving: Set([long?.name, splitColumn].compactMap { $0 })) else {
            return [part(all, identity: [])]
        }
        var keys = names.indices.filter { position in
            position != axis?.position && position != long?.name && position != splitColumn
                && (isTextual(position) || NameNumbers.isSetting(names[position]))
        }
        var groups = grouped(all, by: keys)
        if groups.contains(where: { repeats(in: $0, leaving: Set(keys)) }) {
            let further = names.indices.filter { position in
                !keys.contains(position) && position != axis?.position && position != long?.value
                    && position != long?.name && position != splitColumn && isBlockwise(position)
            }
            let more = grouped(all, by: keys + further)
            if !further.isEmpty, !more.contains(where: { repeats(in: $0, leaving: []) }) {
                keys += further
                groups = more
            }
        }
        return groups.map { part($0, identity: keys) }
    }

    private func part(_ rows: [Int], identity keys: [Int]) -> Part {
        var part = Part()
        var constants = Set(keys)
        for position in names.indices where position != axis?.position {
            guard !constants.contains(position), isTextual(position), position != longColumns?.name,
                position != splitColumn, let first = rows.first,
                rows.allSatisfy({ columns[position][$0] == columns[position][first] })
            else { continue }
            constants.insert(position)
        }
        for position in constants.sorted() {
            guard let row = rows.first, let value = columns[position][row].value else {
                continue
            }
            part.identity.append(.init(key: .text(names[position]), value: value))
            part.items.append(FoundItem(names[position], .setting(value), count: rows.count))
        }
        part.items += items(of: rows, leaving: constants, prefix: "")
        return part
    }

    private func isTextual(_ position: Int) -> Bool {
        var found = false
        for cell in columns[position] {
            switch cell {
            case .text, .boolean: found = true
            case .missing: break
            case .number, .other: return false
            }
        }
        return found
    }

    /// Whether a column of numbers changes seldom and is nothing that is measured.
    private func isBlockwise(_ position: Int) -> Bool {
        guard !ContentWords.isMeasured(names[position]) else { return false }
        var changes = 0
        var last: Cell?
        for cell in columns[position] {
            guard case .number = cell else { return false }
            if cell != last { changes += 1 }
            last = cell
        }
        return changes * 2 <= rowCount
    }

    private func grouped(_ rows: [Int], by keys: [Int]) -> [[Int]] {
        guard !keys.isEmpty else { return [rows] }
        var order: [[Int]] = []
        var places: [String: Int] = [:]
        for row in rows {
            let key = keys.map { "\(columns[$0][row])" }.joined(separator: "\u{1f}")
            if let place = places[key] {
                order[place].append(row)
            } else {
                places[key] = order.count
                order.append([row])
            }
        }
        return order
    }

    /// Whether some curve has two values at one step.
    private func repeats(in rows: [Int], leaving keys: Set<Int>) -> Bool {
        guard let axis else { return false }
        var last = -Double.infinity
        let isRising = rows.allSatisfy { row in
            guard case .number(let step) = columns[axis.position][row] else { return true }
            defer { last = step }
            return step > last
        }
        guard !isRising else { return false }
        for position in columns.indices where position != axis.position && !keys.contains(position)
        {
            var steps: Set<String> = []
            for row in rows {
                guard case .number = columns[position][row],
                    case .number(let step) = columns[axis.position][row]
                else { continue }
                let key = "\(curveName(position, row: row)) \(step)"
                if !steps.insert(key).inserted { return true }
            }
        }
        return false
    }

    // MARK: - Curves

    /// The columns of a table with one value per row: which curve, and its value.
    private var longColumns: (name: Int, value: Int)? {
        guard let value = names.firstIndex(where: { $0.lowercased() == "value" }),
            let name = names.firstIndex(where: {
                ["name", "metric", "variable", "tag", "key", "measure", "curve"].contains(
                    $0.lowercased())
            }), isTextual(name)
        else { return nil }
        return (name, value)
    }

    /// The column that says on which data a row was measured.
    private var splitColumn: Int? {
        let words: Set<String> = [
            "train", "training", "test", "val", "valid", "validation", "eval", "dev",
        ]
        return names.indices.first { position in
            ["split", "phase", "mode", "set", "stage", "subset", "dataset"].contains(
                names[position].lowercased())
                && isTextual(position)
                && columns[position].allSatisfy {
                    if case .text(let text) = $0 {
                        words.contains(text.lowercased())
                    } else {
                        false
                    }
                }
        }
    }

    private func curveName(_ position: Int, row: Int) -> String {
        var name = names[position]
        if let long = longColumns, long.value == position,
            case .text(let text) = columns[long.name][row]
        {
            name = text
        }
        if let split = splitColumn, case .text(let text) = columns[split][row] {
            name = "\(text)/\(name)"
        }
        return name
    }

    /// The curves of some rows, and what else is in them.
    private func items(of rows: [Int], leaving keys: Set<Int>, prefix: String) -> [FoundItem] {
        let axis = axis
        let named = Set([longColumns?.name, splitColumn].compactMap { $0 })
        // Where a file has a standard curve under Cairn's own name, others keep theirs.
        var standards: [String: Int] = [:]
        for name in names { standards[CurveName.any(name), default: 0] += 1 }
        var builder = CurveColumns(isEpoch: axis?.isEpoch ?? false, hasAxis: axis != nil)
        let isNamedByColumn = named.isEmpty
        var places = [Int?](repeating: nil, count: columns.count)
        let axisPlace = axis.map { builder.counter(names[$0.position]) }
        for (place, row) in rows.enumerated() {
            let step: Int?
            if let axis {
                if case .number(let number) = columns[axis.position][row] {
                    step = Int(exactly: number)
                } else {
                    step = nil
                }
                if let axisPlace, columns[axis.position][row] != .missing {
                    builder.count(axisPlace, isUsed: step != nil)
                }
            } else {
                step = place
            }
            for position in columns.indices where position != axis?.position {
                guard !keys.contains(position) else { continue }
                let cell = columns[position][row]
                if named.contains(position) {
                    if cell != .missing {
                        builder.count(builder.counter(names[position]), isUsed: true)
                    }
                    continue
                }
                if cell == .missing { continue }
                if let known = places[position] {
                    builder.add(cell, to: known, step: step)
                    continue
                }
                let own = curveName(position, row: row)
                let standard = CurveName.any(own)
                let name =
                    own != standard && (standards[standard] ?? 0) > 1 ? own : standard
                let curve = builder.curve(
                    name == own ? prefix + own : name, path: prefix + own)
                if isNamedByColumn { places[position] = curve }
                builder.add(cell, to: curve, step: step)
            }
        }
        return builder.items
    }
}

extension RowTable.Cell {
    var number: Double? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    /// The cell as a setting.
    var value: Value? {
        switch self {
        case .number(let number): Int(exactly: number).map(Value.integer) ?? .real(number)
        case .text(let text): .text(text)
        case .boolean(let flag): .boolean(flag)
        case .missing, .other: nil
        }
    }
}

/// Collects the cells of a table as curves, and counts what is none.
private struct CurveColumns {
    private struct Curve {
        let name: String
        let path: String
        var steps: [Int] = []
        var values: [Double] = []
        var leftOut: [(reason: String, count: Int)] = []

        mutating func leaveOut(_ reason: String) {
            if let index = leftOut.firstIndex(where: { $0.reason == reason }) {
                leftOut[index].count += 1
            } else {
                leftOut.append((reason, 1))
            }
        }
    }

    let isEpoch: Bool
    let hasAxis: Bool
    private var curves: [Curve] = []
    private var places: [String: Int] = [:]
    private var counts: [(name: String, used: Int, unused: Int)] = []

    init(isEpoch: Bool, hasAxis: Bool) {
        self.isEpoch = isEpoch
        self.hasAxis = hasAxis
    }

    /// The place of a column whose cells say where their rows belong.
    mutating func counter(_ name: String) -> Int {
        if let index = counts.firstIndex(where: { $0.name == name }) { return index }
        counts.append((name, 0, 0))
        return counts.count - 1
    }

    mutating func count(_ place: Int, isUsed: Bool) {
        if isUsed { counts[place].used += 1 } else { counts[place].unused += 1 }
    }

    /// The place of a curve.
    mutating func curve(_ name: String, path: String) -> Int {
        if let place = places[path] { return place }
        places[path] = curves.count
        curves.append(Curve(name: name, path: path))
        return curves.count - 1
    }

    mutating func add(_ cell: RowTable.Cell, to place: Int, step: Int?) {
        switch cell {
        case .number(let value):
            if let step {
                curves[place].steps.append(step)
                curves[place].values.append(value)
            } else {
                curves[place].leaveOut("its step is no whole number")
            }
        case .boolean, .text: curves[place].leaveOut("it is not a number")
        case .other(let what): curves[place].leaveOut("it is \(what)")
        case .missing: break
        }
    }

    var items: [FoundItem] {
        var items: [FoundItem] = []
        for count in counts {
            if count.used > 0 { items.append(FoundItem(count.name, .step, count: count.used)) }
            if count.unused > 0 {
                items.append(
                    FoundItem(
                        count.name, .leftOut("it is no whole number"), count: count.unused))
            }
        }
        for curve in curves {
            let path = curve.path
            if !curve.values.isEmpty {
                let found = FoundCurve(
                    name: curve.name, axis: !hasAxis ? .positions : isEpoch ? .epochs : .updates,
                    steps: curve.steps, values: curve.values)
                items.append(FoundItem(path, .curve(found), count: curve.values.count))
            }
            items += curve.leftOut.map { FoundItem(path, .leftOut($0.reason), count: $0.count) }
        }
        return items
    }
}

extension Value {
    fileprivate var holdsTensorsOfAnySize: Bool {
        switch self {
        case .tensor(let tensor): tensor.elementCount != 1
        case .dictionary(let entries): entries.contains { $0.value.holdsTensorsOfAnySize }
        case .list(let elements): elements.contains(where: \.holdsTensorsOfAnySize)
        default: false
        }
    }
}
