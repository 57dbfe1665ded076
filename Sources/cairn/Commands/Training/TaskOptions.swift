internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Networks

/// What a run learns.
///
/// An option that is not given keeps what the preset says.
struct TaskOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "add, subtract, multiply, divide, compose, … (see --list-operations).",
            valueName: "name"), completion: NameCompletion.operations)
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
    var operationTable: String?

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
    var exampleCount: Int?

    @Option(help: ArgumentHelp("The seed of what the task draws.", valueName: "seed"))
    var taskSeed: Int?

    @Option(help: ArgumentHelp("operands, pairs, equation or published_equation."))
    var layout: String?

    @Option(help: ArgumentHelp("answer or answer_eos.", valueName: "which"))
    var lossPositions: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Logits of the answers alone, without a column for = (layout operands).")
    var answersOnly: Bool?

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

    @Option(
        help: ArgumentHelp(
            "Learn from arrays: an .npz, .npy, IDX or CSV file, or a folder of MNIST's files.",
            valueName: "file"),
        completion: .file())
    var data: String?

    @Option(help: ArgumentHelp("The array of inputs inside the file.", valueName: "name"))
    var inputs: String?

    @Option(
        help: ArgumentHelp(
            "The array of answers, a file of its own, or columns of a table.", valueName: "name"))
    var answers: String?

    @Option(help: ArgumentHelp("Inputs to test on: an array or a file.", valueName: "name"))
    var testInputs: String?

    @Option(help: ArgumentHelp("Answers to test on: an array or a file.", valueName: "name"))
    var testAnswers: String?

    @Option(
        help: ArgumentHelp("A second .npz or CSV file to test on.", valueName: "file"),
        completion: .file())
    var testData: String?

    @Flag(help: "Keep the place and the digest of the arrays instead of the arrays.")
    var dataByReference = false

    @Option(help: ArgumentHelp("classes or reals.", valueName: "kind"))
    var answerKind: String?

    @Option(help: ArgumentHelp("none, unit, standard or columns.", valueName: "rule"))
    var inputScaling: String?

    @Option(help: ArgumentHelp("Test examples to make or to keep.", valueName: "n"))
    var testCount: Int?

    @Option(help: ArgumentHelp("Real inputs of made data.", valueName: "n"))
    var dimension: Int?

    /// Where the arrays lie that were named; nil for none.
    ///
    /// Errors: names without a file they could stand in.
    func reference() throws -> DataReference? {
        guard let data else {
            let names = [inputs, answers, testInputs, testAnswers, testData]
            guard names.allSatisfy({ $0 == nil }), !dataByReference else {
                throw UserError.usage(
                    subject: "--answers and its like", cause: "they name parts of --data",
                    advice: "name the file with --data")
            }
            return nil
        }
        func absolute(_ path: String?) -> String? {
            path.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        }
        /// A file of this name where there is one; else the name of an array.
        func nameOrFile(_ name: String?) -> String? {
            guard let name, FileManager.default.fileExists(atPath: name) else { return name }
            return absolute(name)
        }
        var reference = DataReference(path: absolute(data) ?? data)
        reference.inputs = inputs
        reference.answers = nameOrFile(answers)
        reference.testInputs = nameOrFile(testInputs)
        reference.testAnswers = nameOrFile(testAnswers)
        reference.testPath = absolute(testData)
        return reference
    }

    /// Adds what was given.
    func add(to changes: inout SettingChanges) throws {
        if let operation {
            // The name may be a formula such as x+y; what is stored is the operation's own name.
            guard let known = TaskOperation(named: operation) else {
                throw UserError.usage(
                    subject: "operation \(operation)", cause: "there is no such operation",
                    advice: Choice.advice(
                        for: operation, among: TaskOperation.allCases.map(\.rawValue)))
            }
            changes.add("operation", known.rawValue)
        } else if data != nil {
            changes.add("operation", TaskOperation.data.rawValue)
        } else if operationTable != nil {
            changes.add("operation", TaskOperation.table.rawValue)
        }
        changes.add("answer_kind", answerKind)
        changes.add("input_scaling", inputScaling)
        changes.add("test_count", testCount)
        changes.add("dimension", dimension)
        changes.add("modulus", modulus)
        changes.add("group", group)
        changes.add("element_order", elementOrder)
        try changes.add("table", jsonFile: operationTable)
        changes.add("elements", elements)
        changes.add("operand_length", operandLength)
        changes.add("bits", bits)
        changes.add("subset_size", subsetSize)
        changes.add("digits", digits)
        changes.add("example_count", exampleCount)
        changes.add("task_seed", taskSeed)
        changes.add("layout", layout)
        changes.add("loss_positions", lossPositions)
        changes.add("answers_only", answersOnly)
        changes.add("train_fraction", trainFraction)
        changes.add("split", trainIndices == nil ? split : "indices")
        changes.add("split_seed", splitSeed)
        try changes.add("train_indices", jsonFile: trainIndices)
        changes.add("label_noise", labelNoise)
        changes.add("label_noise_rule", labelNoiseRule)
        changes.add("label_noise_seed", labelNoiseSeed)
    }
}
