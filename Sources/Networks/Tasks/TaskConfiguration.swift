/// What a run learns and from which rows, as stored in its configuration under `task`.
///
/// Every field has a default, so that a JSON object names only what differs; keys that are not
/// known are refused.
package struct TaskConfiguration: Codable, Sendable, Equatable {
    /// How an example is written as tokens.
    package enum Layout: String, Codable, CaseIterable, Sendable {
        /// `x y =`: elements are the tokens 0..<n, `=` is n; the answer is read after `=`.
        case operands
        /// `x y` alone, for networks that read two one-hot or embedded operands; bits alone for
        /// sparse parity.
        case pairs
        /// `eos x operation y = answer`: tokens eos, `=`, operation, then the elements.
        case equation
        /// The same seven-token equation with the vocabulary of the grokking paper's code: 239
        /// tokens, the residues modulo 97 from 22, the permutations of five points from 119.
        case publishedEquation = "published_equation"
    }

    /// Which of an equation's tokens count in the loss and must be right for the accuracy.
    package enum LossPositions: String, Codable, CaseIterable, Sendable {
        /// The answer alone.
        case answer
        /// The answer and the end token after it: the mean cross-entropy is about half of the
        /// answer's.
        case answerAndEnd = "answer_eos"
    }

    /// How wrong training answers are drawn.
    package enum LabelNoiseRule: String, Codable, CaseIterable, Sendable {
        /// The paper's text: k training rows get the answers of other random training rows.
        case paper
        /// The paper's code: after the NumPy shuffle, k answers are drawn with replacement from all
        /// rows and written to the first k rows; some stay right by chance.
        case code
    }

    /// What the answers of arrays are.
    package enum AnswerKind: String, Codable, CaseIterable, Sendable {
        case classes
        case reals
    }

    /// What is done to the inputs of arrays before anything else.
    package enum InputScaling: String, Codable, CaseIterable, Sendable {
        case none
        /// Divided by the largest value of their integer type: bytes come to lie in 0...1.
        case unit
        /// Less the mean and over the deviation of all values of the training rows.
        case standard
        /// Less the mean and over the deviation of each column in the training rows; columns that
        /// never change become 0.
        case columns
    }

    /// Which numbers a teacher and its inputs are drawn from.
    package enum TaskStream: String, Codable, CaseIterable, Sendable {
        case cairn
        /// As PyTorch draws them after `torch.manual_seed(task_seed)`: the teacher's linear layers,
        /// the training inputs, the test inputs, all in `float32`.
        case torch
        /// The same with PyTorch's default type set to `float64`.
        case torchFloat64 = "torch_float64"
    }

    package var operation: TaskOperation = .add
    /// p, for operations on residues.
    package var modulus: Int?
    /// The name of a group, for operations on groups.
    package var group: String?
    package var elementOrder: FiniteGroup.ElementOrder = .lexicographic
    /// The number n of things a random table is about.
    package var elements: Int?
    /// Answers of a given table, one array per left operand; −1 where there is no answer.
    package var table: [[Int]]?
    /// The length of the lists of `sort`, `reverse` and `copy`.
    package var operandLength: Int?
    /// The number of bits of sparse parity.
    package var bits: Int?
    /// How many bits count in sparse parity.
    package var subsetSize: Int?
    /// The digits of each summand of digit addition.
    package var digits: Int?
    /// How many examples to draw where there are too many to list; nil lists all.
    ///
    /// Of arrays, how many of the training rows to keep; of made data, how many to make.
    package var exampleCount: Int?
    /// The seed of what the task itself draws: a random table, a hidden subset, drawn examples.
    package var taskSeed = 0

    // MARK: Real inputs; nil where the operation has none or takes its default

    /// The digest of the arrays of `data`, 64 hexadecimal digits.
    package var data: String?
    /// Nil for classes where the answers are one column of integers, else real vectors.
    package var answerKind: AnswerKind?
    /// The number of classes; nil for one more than the largest.
    package var classCount: Int?
    package var inputScaling: InputScaling?
    /// After the scaling, inputs become (x − mean) / deviation.
    package var inputMean: Double?
    package var inputDeviation: Double?
    /// The number of real inputs of made data.
    package var dimension: Int?
    /// The number of real answers of a teacher.
    package var outputs: Int?
    /// The power of `polynomial`.
    package var degree: Int?
    /// Standard deviation of normal noise on real training answers.
    package var answerNoise: Double?
    /// How many test examples to make, or to keep of those that there are.
    package var testCount: Int?
    /// Neurons of each hidden layer of a teacher; empty for a linear one.
    package var teacherWidths: NumberList<Int>?
    package var teacherActivation: NetworkConfiguration.Activation?
    /// The factor on a teacher's weights.
    package var teacherScale: Double?
    package var taskStream: TaskStream?
    /// The distance of the centre of each cluster from 0.
    package var signal: Double?
    /// The chance that a training answer is the other class.
    package var flipChance: Double?
    /// Whether every update sees fresh examples; `example_count` of them.
    package var online: Bool?

    /// Nil until the kind of network decides: `operands` for transformers, `pairs` for others.
    package var layout: Layout?
    package var lossPositions: LossPositions = .answer
    /// The logits have columns for answers alone where the layout is `operands`; otherwise every
    /// token has one, `=` included.
    package var answersOnly = false

    package var split: SplitRule = .cairn
    package var splitSeed = 0
    package var trainFraction = 0.3
    /// The rows to train on, in the order of use, where the split lists them.
    package var trainIndices: [Int]?

    /// The number of training rows with drawn answers.
    package var labelNoise = 0
    package var labelNoiseRule: LabelNoiseRule = .paper
    package var labelNoiseSeed = 0

    /// An operation on the residues modulo p.
    package init(
        operation: TaskOperation = .add, modulus: Int? = 113, trainFraction: Double = 0.3,
        split: SplitRule = .cairn, splitSeed: Int = 0
    ) {
        self.operation = operation
        self.modulus = operation.domain == .residues ? modulus : nil
        self.trainFraction = trainFraction
        self.split = split
        self.splitSeed = splitSeed
    }

    /// An operation in a group.
    package init(
        operation: TaskOperation = .compose, group: String,
        elementOrder: FiniteGroup.ElementOrder = .lexicographic, trainFraction: Double = 0.3,
        split: SplitRule = .cairn, splitSeed: Int = 0
    ) {
        self.init(
            operation: operation, modulus: nil, trainFraction: trainFraction, split: split,
            splitSeed: splitSeed)
        self.group = group
        self.elementOrder = elementOrder
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case operation, modulus, group
        case elementOrder = "element_order"
        case elements, table
        case operandLength = "operand_length"
        case bits
        case subsetSize = "subset_size"
        case digits
        case exampleCount = "example_count"
        case taskSeed = "task_seed"
        case data
        case answerKind = "answer_kind"
        case classCount = "class_count"
        case inputScaling = "input_scaling"
        case inputMean = "input_mean"
        case inputDeviation = "input_deviation"
        case dimension, outputs, degree
        case answerNoise = "answer_noise"
        case testCount = "test_count"
        case teacherWidths = "teacher_widths"
        case teacherActivation = "teacher_activation"
        case teacherScale = "teacher_scale"
        case taskStream = "task_stream"
        case signal
        case flipChance = "flip_chance"
        case online
        case layout
        case lossPositions = "loss_positions"
        case answersOnly = "answers_only"
        case split
        case splitSeed = "split_seed"
        case trainFraction = "train_fraction"
        case trainIndices = "train_indices"
        case labelNoise = "label_noise"
        case labelNoiseRule = "label_noise_rule"
        case labelNoiseSeed = "label_noise_seed"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.settings(of: CodingKeys.self, section: "task")
        try values.read(.operation, into: &operation)
        try values.read(.modulus, into: &modulus)
        try values.read(.group, into: &group)
        try values.read(.elementOrder, into: &elementOrder)
        try values.read(.elements, into: &elements)
        try values.read(.table, into: &table)
        try values.read(.operandLength, into: &operandLength)
        try values.read(.bits, into: &bits)
        try values.read(.subsetSize, into: &subsetSize)
        try values.read(.digits, into: &digits)
        try values.read(.exampleCount, into: &exampleCount)
        try values.read(.taskSeed, into: &taskSeed)
        try values.read(.data, into: &data)
        try values.read(.answerKind, into: &answerKind)
        try values.read(.classCount, into: &classCount)
        try values.read(.inputScaling, into: &inputScaling)
        try values.read(.inputMean, into: &inputMean)
        try values.read(.inputDeviation, into: &inputDeviation)
        try values.read(.dimension, into: &dimension)
        try values.read(.outputs, into: &outputs)
        try values.read(.degree, into: &degree)
        try values.read(.answerNoise, into: &answerNoise)
        try values.read(.testCount, into: &testCount)
        try values.read(.teacherWidths, into: &teacherWidths)
        try values.read(.teacherActivation, into: &teacherActivation)
        try values.read(.teacherScale, into: &teacherScale)
        try values.read(.taskStream, into: &taskStream)
        try values.read(.signal, into: &signal)
        try values.read(.flipChance, into: &flipChance)
        try values.read(.online, into: &online)
        try values.read(.layout, into: &layout)
        try values.read(.lossPositions, into: &lossPositions)
        try values.read(.answersOnly, into: &answersOnly)
        try values.read(.split, into: &split)
        try values.read(.splitSeed, into: &splitSeed)
        try values.read(.trainFraction, into: &trainFraction)
        try values.read(.trainIndices, into: &trainIndices)
        try values.read(.labelNoise, into: &labelNoise)
        try values.read(.labelNoiseRule, into: &labelNoiseRule)
        try values.read(.labelNoiseSeed, into: &labelNoiseSeed)
        if operation.domain == .residues, modulus == nil, !values.contains(.modulus) {
            modulus = 113
        }
        // Made data train on all rows that were made for it, arrays on all that they have.
        if operation.domain == .arrays, !values.contains(.trainFraction) { trainFraction = 1 }
        // Made rows are drawn one by one already.
        if operation.domain == .arrays, operation != .data, !values.contains(.split) {
            split = .inOrder
        }
    }
}
