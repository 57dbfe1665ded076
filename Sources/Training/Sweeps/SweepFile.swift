internal import ArrayMath
internal import Checkpoints
internal import Foundation
internal import Yams

/// The content of a sweep file, every key checked.
struct SweepFile {
    typealias Changes = [(name: String, value: JSONValue)]

    var name: String?
    /// What the preset says.
    var base: JSONValue = [:]
    var settings: Changes = []
    /// Options for sbatch.
    private(set) var slurm: [SlurmSetting] = []
    private var grid: [(name: String, values: [JSONValue])] = []
    private var list: [Changes] = []
    private var random: [(name: String, draw: Draw)] = []
    private var draws = 0
    private var drawSeed = 0
    private var seeds: [Int] = []

    private enum Draw {
        case uniform(Double, Double)
        case logUniform(Double, Double)
        case choice([JSONValue])
    }

    init(yaml: String) throws {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw UserError.usage(
                subject: "the sweep file", cause: "it is not YAML: \(SweepFile.oneLine(error))",
                advice: "see the example in cairn sweep --help")
        }
        guard let root, case .mapping(let sections) = root else {
            throw UserError.usage(
                subject: "the sweep file", cause: "it has no sections",
                advice: "give at least one of settings, grid, list, random or seeds")
        }
        for (key, node) in sections {
            switch key.string {
            case "name": name = node.string
            case "preset": base = try Preset(named: node.string ?? "").settings
            case "settings": settings = try SweepFile.changes(node, "settings")
            case "grid":
                grid = try SweepFile.changes(node, "grid").map { name, value in
                    (name, SweepFile.values(value))
                }
            case "list":
                guard case .sequence(let entries) = node else {
                    throw SweepFile.wrong("list", node, "it is not a list of settings")
                }
                list = try entries.map { try SweepFile.changes($0, "list") }
            case "random": try readRandom(node)
            case "seeds": seeds = try SweepFile.seeds(node)
            case "slurm": slurm = try SweepFile.slurmSettings(node)
            default:
                throw SweepFile.unknown(
                    key,
                    "a sweep has name, preset, settings, grid, list, random, seeds and slurm")
            }
        }
        if let empty = grid.first(where: { $0.values.isEmpty }) {
            throw UserError.usage(
                subject: "grid setting \(empty.name)", cause: "it has no values",
                advice: "list at least one")
        }
        try refuseTwice()
    }

    /// Refuses a setting that two sections vary: one of them would be silently overruled.
    private func refuseTwice() throws {
        var sections = [Set(list.flatMap { $0.map(\.name) })]
        sections.append(Set(grid.map(\.name)))
        sections.append(Set(random.map(\.name)))
        if !seeds.isEmpty { sections.append(["seed"]) }
        var seen = Set<String>()
        for section in sections {
            if let twice = section.intersection(seen).min() {
                throw UserError.usage(
                    subject: "setting \(twice)", cause: "two sections of the sweep vary it",
                    advice: "keep it in one of list, grid, random and seeds")
            }
            seen.formUnion(section)
        }
    }

    /// All combinations of the list, the grid, the draws and the seeds, in that nesting.
    func variants(limit: Int) throws -> [Changes] {
        var factors: [[Changes]] = []
        if !list.isEmpty { factors.append(list) }
        factors += grid.map { setting in setting.values.map { [(setting.name, $0)] } }
        if draws > 0 { factors.append(drawn()) }
        if !seeds.isEmpty { factors.append(seeds.map { [("seed", .integer($0))] }) }
        let count = factors.reduce(1.0) { $0 * Double($1.count) }
        guard count <= Double(limit) else {
            throw UserError.usage(
                subject: "the sweep", cause: "it has \(count.formattedBriefly) runs",
                advice: "keep it to \(limit)")
        }
        return factors.reduce([[]]) { variants, factor in
            variants.flatMap { variant in factor.map { variant + $0 } }
        }
    }

    private func drawn() -> [Changes] {
        (0..<draws).map { index in
            var stream = RandomStream(seed: drawSeed, purpose: .sweep, lane: index)
            return random.map { name, draw in
                switch draw {
                case .uniform(let low, let high):
                    (name, .real(low + (high - low) * stream.uniform()))
                case .logUniform(let low, let high):
                    (name, .real(exp(log(low) + (log(high) - log(low)) * stream.uniform())))
                case .choice(let values): (name, values[stream.index(below: values.count)])
                }
            }
        }
    }

    private mutating func readRandom(_ node: Node) throws {
        guard case .mapping(let entries) = node else {
            throw SweepFile.wrong("random", node, "it has no settings")
        }
        for (key, value) in entries {
            switch key.string {
            case "draws":
                guard let count = value.int, count > 0 else {
                    throw SweepFile.wrong("draws", value, "it is not a positive number")
                }
                try SweepFile.requireFew(count, "draws", value)
                draws = count
            // A drawn seed of runs is written under `seeds`.
            case "seed":
                guard let seed = value.int else {
                    throw SweepFile.wrong("seed", value, "it is not a number")
                }
                drawSeed = seed
            default:
                let name = try SweepFile.settingName(key)
                random.append((name, try SweepFile.draw(name, value)))
            }
        }
        guard draws > 0, !random.isEmpty else {
            throw SweepFile.wrong("random", node, "it needs draws and at least one setting")
        }
    }

    private static func draw(_ name: String, _ node: Node) throws -> Draw {
        guard case .mapping(let rule) = node, rule.count == 1, let (key, value) = rule.first else {
            throw wrong(name, node, "it is not one of uniform, log_uniform or choice")
        }
        let numbers = value.array().map(\.float)
        switch (key.string, numbers.count) {
        case ("choice", 1...):
            return .choice(values(tree(value)))
        case ("uniform", 2), ("log_uniform", 2):
            guard let low = numbers[0], let high = numbers[1], low <= high else { break }
            if key.string == "uniform" { return .uniform(low, high) }
            if low > 0 { return .logUniform(low, high) }
        default: break
        }
        throw wrong(
            name, node,
            "it is not uniform: [low, high], log_uniform: [low, high] with "
                + "positive bounds, or choice: [...]")
    }

    /// A number of seeds counted from 0, or the seeds themselves.
    private static func seeds(_ node: Node) throws -> [Int] {
        if let count = node.int {
            guard count > 0 else { throw wrong("seeds", node, "it is not a positive number") }
            try requireFew(count, "seeds", node)
            return Array(0..<count)
        }
        let listed = node.array().map(\.int)
        guard !listed.isEmpty, !listed.contains(nil) else {
            throw wrong("seeds", node, "it is neither a number nor a list of numbers")
        }
        return listed.compactMap { $0 }
    }

    private static func slurmSettings(_ node: Node) throws -> [SlurmSetting] {
        guard case .mapping(let entries) = node else {
            throw wrong("slurm", node, "it is not a list of options for sbatch with their values")
        }
        return try entries.map { key, value in
            let isFlag = value.bool == true || value.null != nil
            return try SlurmSetting(name: key.string ?? "", value: isFlag ? nil : value.string)
        }
    }

    private static func requireFew(_ count: Int, _ what: String, _ node: Node) throws {
        guard count <= Sweep.largestRunCount else {
            throw wrong(what, node, "a sweep has at most \(Sweep.largestRunCount) runs")
        }
    }

    private static func changes(_ node: Node, _ section: String) throws -> Changes {
        guard case .mapping(let entries) = node else {
            throw wrong(section, node, "it is not a list of settings with values")
        }
        return try entries.map { (try settingName($0.key), tree($0.value)) }
    }

    private static func settingName(_ key: Node) throws -> String {
        do {
            return try SettingName(key.string ?? "").flat
        } catch let error as UserError {
            throw unknown(key, error.advice)
        }
    }

    private static func values(_ value: JSONValue) -> [JSONValue] {
        if case .array(let values) = value { values } else { [value] }
    }

    private static func tree(_ node: Node) -> JSONValue {
        switch node {
        case .mapping(let entries):
            .object(entries.map { .init($0.key.string ?? "", tree($0.value)) })
        case .sequence(let entries): .array(entries.map(tree))
        default:
            if let integer = node.int {
                .integer(integer)
            } else if let real = node.float {
                // JSON has no such numbers; as text they are refused with the setting's name.
                real.isFinite ? .real(real) : .text("\(real)")
            } else if let boolean = node.bool {
                .boolean(boolean)
            } else if node.null != nil {
                .null
            } else {
                // YAML 1.1 reads 1e-3 as text; people mean the number.
                JSONValue(written: node.string ?? "")
            }
        }
    }

    private static func unknown(_ key: Node, _ advice: String) -> UserError {
        .usage(
            subject: "line \(key.mark?.line ?? 0) of the sweep file",
            cause: "there is no setting \(key.string ?? "?")", advice: advice)
    }

    private static func wrong(_ what: String, _ node: Node, _ cause: String) -> UserError {
        .usage(
            subject: "\(what) in line \(node.mark?.line ?? 0) of the sweep file", cause: cause,
            advice: "see the example in cairn sweep --help")
    }

    private static func oneLine(_ error: YamlError) -> String {
        "\(error)".split(separator: "\n").first.map(String.init) ?? "unreadable"
    }
}
