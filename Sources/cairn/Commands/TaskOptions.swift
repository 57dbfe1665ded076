internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Networks

/// What a run learns. An option that is not given keeps what the preset says.
struct TaskOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "add, subtract, multiply, divide, compose, … (see --list-operations).",
            valueName: "name"))
    var operation: String?

    @Option(help: ArgumentHelp("Operands are the residues modulo p.", valueName: "p"))
    var modulus: Int?

    @Option(help: ArgumentHelp("A group such as S5, A5, D59 or C113.", valueName: "name"))
    var group: String?

    @Option(help: ArgumentHelp("lexicographic or published.", valueName: "order"))
    var elementOrder: String?

    @Option(
        help: ArgumentHelp("A JSON file with the rows of an operation table.", valueName: "file"),
        completion: .file())
    var table: String?

    @Option(help: ArgumentHelp("Elements of a random table.", valueName: "n"))
    var elements: Int?

    @Option(help: ArgumentHelp("Length of the lists of sort, reverse and copy.", valueName: "n"))
    var operandLength: Int?

    @Option(help: ArgumentHelp("Bits of sparse parity.", valueName: "n"))
    var bits: Int?

    @Option(help: ArgumentHelp("Bits that count in sparse parity.", valueName: "k"))
    var subsetSize: Int?

    @Option(help: ArgumentHelp("Digits of each summand of digit addition.", valueName: "k"))
    var digits: Int?

    @Option(help: ArgumentHelp("Draw this many examples instead of all.", valueName: "n"))
    var examples: Int?

    @Option(help: ArgumentHelp("The seed of what the task draws.", valueName: "seed"))
    var taskSeed: Int?

    @Option(help: ArgumentHelp("operands, pairs, equation or published_equation."))
    var layout: String?

    @Option(help: ArgumentHelp("answer or answer_eos.", valueName: "which"))
    var lossPositions: String?

    @Option(help: ArgumentHelp("The share of the examples to train on.", valueName: "share"))
    var trainFraction: Double?

    @Option(help: ArgumentHelp("cairn, numpy, python, torch or in_order.", valueName: "rule"))
    var split: String?

    @Option(help: ArgumentHelp("The seed of the split.", valueName: "seed"))
    var splitSeed: Int?

    @Option(
        help: ArgumentHelp(
            "A JSON file with the list of rows to train on.", valueName: "file"),
        completion: .file())
    var trainIndices: String?

    @Option(help: ArgumentHelp("Training rows with drawn answers.", valueName: "count"))
    var labelNoise: Int?

    @Option(help: ArgumentHelp("paper or code.", valueName: "rule"))
    var labelNoiseRule: String?

    @Option(help: ArgumentHelp("The seed of the label noise.", valueName: "seed"))
    var labelNoiseSeed: Int?

    /// Writes what was given over a configuration.
    func apply(to task: inout TaskConfiguration) throws {
        if let operation { try choose(operation, for: &task) }
        if let group { try choose(group: group, for: &task) }
        if let modulus {
            guard task.operation.domain == .residues else {
                throw UserError.usage(
                    subject: "--modulus \(modulus)",
                    cause: "the operation \(task.operation.rawValue) works on no residues",
                    advice: "leave it away or choose an operation such as add")
            }
            task.modulus = modulus
        }
        try set(elementOrder, "--element-order", on: \.elementOrder, of: &task)
        if let table {
            task.operation = .table
            task.table = try TaskOptions.json(table)
        }
        set(elements, on: \.elements, of: &task)
        set(operandLength, on: \.operandLength, of: &task)
        set(bits, on: \.bits, of: &task)
        set(subsetSize, on: \.subsetSize, of: &task)
        set(digits, on: \.digits, of: &task)
        set(examples, on: \.exampleCount, of: &task)
        if let taskSeed { task.taskSeed = taskSeed }
        if let layout { task.layout = try Choice.read(layout, option: "--layout") }
        try set(lossPositions, "--loss-positions", on: \.lossPositions, of: &task)
        if let trainFraction { task.trainFraction = trainFraction }
        try set(split, "--split", on: \.split, of: &task)
        if let splitSeed { task.splitSeed = splitSeed }
        if let trainIndices {
            task.split = .indices
            task.trainIndices = try TaskOptions.json(trainIndices)
        }
        if let labelNoise { task.labelNoise = labelNoise }
        try set(labelNoiseRule, "--label-noise-rule", on: \.labelNoiseRule, of: &task)
        if let labelNoiseSeed { task.labelNoiseSeed = labelNoiseSeed }
    }

    /// An operation brings its own kind of operands: what belongs to another kind is dropped.
    private func choose(_ name: String, for task: inout TaskConfiguration) throws {
        guard let operation = TaskOperation(named: name) else {
            throw UserError.usage(
                subject: "operation \(name)", cause: "there is no such operation",
                advice: Choice.advice(for: name, among: TaskOperation.allCases.map(\.rawValue))
            )
        }
        guard operation != task.operation else { return }
        task.operation = operation
        if operation.domain == .residues {
            task.group = nil
            if task.modulus == nil { task.modulus = 113 }
        } else {
            task.modulus = nil
            if operation.domain != .group { task.group = nil }
        }
    }

    private func choose(group: String, for task: inout TaskConfiguration) throws {
        guard task.operation.domain == .group || operation == nil else {
            throw UserError.usage(
                subject: "--group \(group)",
                cause: "the operation \(task.operation.rawValue) works on no group",
                advice: "choose compose, conjugate or aba")
        }
        if task.operation.domain != .group {
            task.operation = .compose
            task.modulus = nil
        }
        task.group = group
    }

    private func set<Value>(
        _ value: Value?, on field: WritableKeyPath<TaskConfiguration, Value?>,
        of task: inout TaskConfiguration
    ) {
        if let value { task[keyPath: field] = value }
    }

    private func set<Value: RawRepresentable & CaseIterable>(
        _ text: String?, _ option: String, on field: WritableKeyPath<TaskConfiguration, Value>,
        of task: inout TaskConfiguration
    ) throws where Value.RawValue == String {
        if let text { task[keyPath: field] = try Choice.read(text, option: option) }
    }

    private static func json<Value: Decodable>(_ path: String) throws -> Value {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw UserError.missing(subject: "file \(path)", cause: "it cannot be read")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch {
            throw UserError.usage(
                subject: "file \(path)", cause: "it is not the JSON array of integers expected")
        }
    }
}
