internal import Checkpoints
internal import Foundation

/// The names of the arrays that the operation `data` learns from.
package enum DataArray {
    package static let inputs = "inputs"
    package static let answers = "answers"
    package static let testInputs = "test_inputs"
    package static let testAnswers = "test_answers"
}

extension TaskRows {
    /// A task whose examples are rows of real inputs.
    init(arrays configuration: TaskConfiguration, data: [Tensor]) throws {
        guard configuration.lossPositions == .answer, configuration.layout == nil,
            !configuration.answersOnly
        else {
            throw UserError.usage(
                subject: configuration.layout != nil
                    ? "layout \(configuration.layout?.rawValue ?? "")" : "loss_positions",
                cause: "\(configuration.operation.rawValue) has real inputs and no tokens",
                advice: "leave layout, loss_positions and answers_only out")
        }
        switch configuration.operation {
        case .data: self = try TaskRows(data: configuration, data)
        case .polynomial: self = try TaskRows.polynomial(configuration)
        case .teacher: self = try TaskRows.teacher(configuration)
        case .xorClusters: self = try TaskRows.clusters(configuration)
        default: self = try TaskRows.signedParity(configuration)
        }
    }

    /// Rows of real inputs: all training rows, then `testCount` test rows.
    init(
        name: String, inputs: FeatureMatrix, classes: [Int32]? = nil, classCount: Int? = nil,
        realAnswers: [Double] = [], testCount: Int?
    ) {
        let features = FeatureRows(inputs)
        let examples =
            classes.map { Examples(features: features, classes: $0) }
            ?? Examples(features: features, realAnswers: realAnswers)
        self.init(
            name: name, vocabulary: 1, classCount: classCount ?? examples.answerWidth,
            firstAnswerToken: 0, operandCount: 0, table: [], group: nil, examples: examples)
        testRows = testCount.map { inputs.rowCount - $0..<inputs.rowCount }
    }

    private init(data configuration: TaskConfiguration, _ tensors: [Tensor]) throws {
        guard let digest = configuration.data else {
            throw UserError.usage(
                subject: "operation data", cause: "no arrays were given",
                advice: "name a file with --data")
        }
        guard !tensors.isEmpty else {
            throw UserError.missing(
                subject: "the data \(digest.prefix(16))",
                cause: "the arrays of this digest are not at hand",
                advice: "train with --data, or use the archive that keeps them")
        }
        let found = Digest(weights: tensors).description
        guard found == digest else {
            throw UserError.integrity(
                subject: "the data \(digest.prefix(16))",
                cause: "the arrays that were found have the digest \(found.prefix(16))",
                advice: "give the arrays that the run was trained on")
        }
        func array(_ name: String) -> Tensor? { tensors.first { $0.name == name } }
        guard let inputs = array(DataArray.inputs), let answers = array(DataArray.answers) else {
            throw UserError.usage(
                subject: "the data", cause: "inputs and answers are needed",
                advice: "name the arrays with --inputs and --answers")
        }
        let pairs = [(inputs, answers)]
        let tests = [array(DataArray.testInputs), array(DataArray.testAnswers)].compactMap { $0 }
        guard tests.count != 1 else {
            throw UserError.usage(
                subject: "the test arrays", cause: "there is only \(tests[0].name)",
                advice: "give both or neither")
        }
        let all = tests.isEmpty ? pairs : pairs + [(tests[0], tests[1])]
        let shape = Array(inputs.shape.dropFirst())
        let columns = shape.reduce(1, *)
        for (inputs, answers) in all {
            try DataChecks.shapes(inputs, answers, rowShape: shape)
        }
        let kind = try DataChecks.answerKind(configuration, answers)
        let rowCounts = all.map { $0.0.shape[0] }
        if tests.isEmpty, configuration.trainFraction == 1, configuration.exampleCount == nil,
            configuration.split != .indices
        {
            throw UserError.usage(
                subject: "the data", cause: "they have no test arrays and all rows would train",
                advice: "give train_fraction or example_count, or test arrays")
        }
        var values: [Double] = []
        values.reserveCapacity(rowCounts.reduce(0, +) * columns)
        for (inputs, _) in all { values += try DataChecks.reals(inputs) }
        let matrix = FeatureMatrix(
            values, rowCount: rowCounts.reduce(0, +), columnCount: columns)
        let name = "data \(digest.prefix(8))"
        let testCount = tests.isEmpty ? nil : rowCounts[1]
        switch kind {
        case .classes:
            let classes = try all.flatMap { try DataChecks.classes($0.1) }
            let needed = Int(classes.max() ?? 0) + 1
            let classCount = configuration.classCount ?? needed
            guard classCount >= max(needed, 2) else {
                throw UserError.usage(
                    subject: "class_count \(classCount)",
                    cause: "the largest class of the answers is \(needed - 1)",
                    advice: "choose at least \(max(needed, 2))")
            }
            self.init(
                name: name, inputs: matrix, classes: classes, classCount: classCount,
                testCount: testCount)
        case .reals:
            guard configuration.classCount == nil else {
                throw UserError.usage(
                    subject: "class_count", cause: "the answers are real numbers",
                    advice: "leave it out, or set answer_kind to classes")
            }
            self.init(
                name: name, inputs: matrix,
                realAnswers: try all.flatMap { try DataChecks.reals($0.1) }, testCount: testCount)
        }
        largestInput = DataChecks.largest(inputs.elementType)
    }
}

extension TaskRows {
    /// Scales the inputs as the configuration says, by what the training rows are.
    mutating func scaleInputs(_ configuration: TaskConfiguration, trainIndices: [Int]) throws {
        guard configuration.operation == .data, let features = examples.features else { return }
        let matrix = features.matrix
        var scaling = FeatureMatrix.Scaling(means: [0], deviations: [1])
        switch configuration.inputScaling ?? .none {
        case .none: break
        case .unit:
            guard let largestInput else {
                throw UserError.usage(
                    subject: "input_scaling unit",
                    cause: "the inputs are not integers of 1 or 2 bytes",
                    advice: "choose standard or columns, or give input_deviation")
            }
            scaling.deviations = [largestInput]
        case .standard:
            let columns = 0..<matrix.columnCount
            scaling = TaskRows.moments(matrix, trainIndices, [columns])
            guard scaling.deviations[0] > 0 else {
                throw UserError.usage(
                    subject: "input_scaling standard", cause: "all inputs are equal",
                    advice: "choose none")
            }
        case .columns:
            scaling = TaskRows.moments(
                matrix, trainIndices, (0..<matrix.columnCount).map { $0..<$0 + 1 })
            // A column without variation becomes 0 rather than NaN.
            scaling.deviations = scaling.deviations.map { $0 > 0 ? $0 : 1 }
        }
        let (mean, deviation) = (configuration.inputMean ?? 0, configuration.inputDeviation ?? 1)
        guard deviation > 0, deviation.isFinite, mean.isFinite else {
            throw UserError.usage(
                subject: "input_deviation \(deviation)", cause: "it must be a positive number",
                advice: "use 1")
        }
        // ((x − m)/d − mean)/deviation = (x − (m + d·mean))/(d·deviation)
        scaling.means = zip(scaling.means, scaling.deviations).map { $0 + $1 * mean }
        scaling.deviations = scaling.deviations.map { $0 * deviation }
        guard scaling != FeatureMatrix.Scaling(means: [0], deviations: [1]) else { return }
        examples = examples.replacingFeatures(
            FeatureRows(FeatureMatrix(matrix, scaling: scaling), rows: features.rows))
    }

    /// Mean and deviation (over n) of some columns together, in two passes.
    private static func moments(
        _ matrix: FeatureMatrix, _ rows: [Int], _ groups: [Range<Int>]
    ) -> FeatureMatrix.Scaling {
        var (means, deviations) = ([Double](), [Double]())
        for columns in groups {
            let count = Double(rows.count * columns.count)
            var sum = 0.0
            for row in rows { for column in columns { sum += matrix.value(row, column) } }
            let mean = sum / count
            var squares = 0.0
            for row in rows {
                for column in columns {
                    let difference = matrix.value(row, column) - mean
                    squares += difference * difference
                }
            }
            means.append(mean)
            deviations.append((squares / count).squareRoot())
        }
        return FeatureMatrix.Scaling(means: means, deviations: deviations)
    }
}
