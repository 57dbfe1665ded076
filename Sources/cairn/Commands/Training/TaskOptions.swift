internal import ArgumentParser
internal import Checkpoints
internal import Networks

/// What a run learns.
///
/// An option that is not given keeps what the preset says.
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
        } else if operationTable != nil {
            changes.add("operation", TaskOperation.table.rawValue)
        }
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
