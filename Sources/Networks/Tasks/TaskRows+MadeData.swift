internal import ArrayMath
internal import Checkpoints
internal import Foundation

/// Data that are made from a seed: training rows first, then test rows.
extension TaskRows {
    /// (β·x)^d / d! with x ~ N(0, 1/D) and β ~ N(0, 1) in D dimensions (Kumar and others 2024 for d = 2);
    /// the noise is on training answers alone.
    static func polynomial(_ configuration: TaskConfiguration) throws -> TaskRows {
        let size = try MadeSize(configuration)
        let degree = configuration.degree ?? 2
        guard (1...8).contains(degree) else {
            throw UserError.usage(
                subject: "degree \(degree)", cause: "it is out of range", advice: "choose 1...8")
        }
        var stream = RandomStream(seed: configuration.taskSeed, purpose: .examples)
        let direction: [Double] = stream.normals(size.dimension)
        let inputs: [Double] = stream.normals(
            size.rowCount * size.dimension,
            standardDeviation: 1 / Double(size.dimension).squareRoot())
        let factorial = (1...degree).reduce(1) { $0 * $1 }
        let answers = (0..<size.rowCount).map { row in
            let projection = (0..<size.dimension).reduce(0.0) {
                $0 + direction[$1] * inputs[row * size.dimension + $1]
            }
            return pow(projection, Double(degree)) / Double(factorial)
        }
        return try TaskRows(
            name: "polynomial of degree \(degree) in \(size.dimension) dimensions",
            inputs: size.matrix(inputs),
            realAnswers: size.noisy(answers, configuration, &stream), testCount: size.testCount)
    }

    /// What a network of `teacher_widths` answers to inputs from N(0, 1).
    static func teacher(_ configuration: TaskConfiguration) throws -> TaskRows {
        let size = try MadeSize(configuration)
        let outputs = configuration.outputs ?? 1
        let widths = configuration.teacherWidths?.values ?? [100, 100]
        let scale = configuration.teacherScale ?? 1
        guard (1...4096).contains(outputs), widths.allSatisfy((1...65_536).contains),
            scale > 0, scale.isFinite
        else {
            throw UserError.usage(
                subject: "the teacher of widths '\(NumberList(widths))'",
                cause: "its sizes or its scale are out of range",
                advice: "give positive widths, outputs of 1...4096 and a positive scale")
        }
        var network = NetworkConfiguration.defaults(for: .feedforward)
        network.widths = NumberList(widths)
        network.activation = configuration.teacherActivation ?? .tanh
        network.initializationScale = scale
        let space = TokenSpace(
            vocabulary: 1, length: 1, classCount: outputs, featureCount: size.dimension)
        let layout = ParameterLayout(network, space)
        let weights: [Double]
        let inputs: [Double]
        var stream = RandomStream(seed: configuration.taskSeed, purpose: .examples)
        let stream32 = configuration.taskStream == .torch
        switch configuration.taskStream ?? .cairn {
        case .cairn:
            weights = layout.initialParameters(using: &stream)
            inputs = stream.normals(size.rowCount * size.dimension)
        case .torch, .torchFloat64:
            guard size.trainCount * size.dimension >= 16,
                size.testCount == 0 || size.testCount * size.dimension >= 16
            else {
                throw UserError.usage(
                    subject: "task_stream \(configuration.taskStream?.rawValue ?? "")",
                    cause: "it is defined for 16 and more inputs",
                    advice: "make more examples, or choose cairn")
            }
            var twister = MersenneTwister(seed: configuration.taskSeed)
            func drawn<Scalar: NetworkScalar>(as type: Scalar.Type) -> ([Double], [Double]) {
                let weights: [Scalar] = layout.torchParameters(using: &twister)
                var inputs: [Scalar] = []
                for count in [size.trainCount, size.testCount] where count > 0 {
                    inputs += twister.torchNormals(count * size.dimension)
                }
                return (weights.map { Double($0) }, inputs.map { Double($0) })
            }
            (weights, inputs) = stream32 ? drawn(as: Float.self) : drawn(as: Double.self)
        }
        let matrix = size.matrix(inputs)
        let evaluator = try NetworkEvaluator<Double>(
            network: network, space: space,
            examples: Examples(
                features: FeatureRows(matrix),
                realAnswers: [Double](repeating: 0, count: size.rowCount * outputs)),
            loss: LossConfiguration(.meanSquaredError))
        return try TaskRows(
            name: "teacher \(size.dimension)-"
                + (widths + [outputs]).map(String.init).joined(separator: "-"),
            inputs: matrix,
            realAnswers: size.noisy(evaluator.logits(weights), configuration, &stream),
            testCount: size.testCount)
    }

    /// x = ±μ₁ + N(0, 1) for class 1 and ±μ₂ + N(0, 1) for class 0, with μ₁ and μ₂ the first two
    /// axes times `signal` (Xu and others 2024); training answers are flipped by chance.
    static func clusters(_ configuration: TaskConfiguration) throws -> TaskRows {
        let size = try MadeSize(configuration)
        let signal =
            configuration.signal
            ?? 2.5 * (Double(size.dimension) / Double(size.trainCount)).squareRoot()
        let flipChance = configuration.flipChance ?? 0
        guard signal >= 0, signal.isFinite, (0...1).contains(flipChance), size.dimension >= 2 else {
            throw UserError.usage(
                subject: "the clusters", cause: "their settings are out of range",
                advice: "give a dimension from 2, a signal of at least 0, flip_chance in 0...1")
        }
        var stream = RandomStream(seed: configuration.taskSeed, purpose: .examples)
        var inputs: [Double] = []
        inputs.reserveCapacity(size.rowCount * size.dimension)
        var classes: [Int32] = []
        for row in 0..<size.rowCount {
            let draw = stream.index(below: 4)
            let (answer, sign) = (draw % 2, draw < 2 ? 1.0 : -1.0)
            let isFlipped = row < size.trainCount && stream.uniform() < flipChance
            // Single precision keeps 40,000 dimensions of 400 examples in 64 MB.
            let noise: [Float] = stream.normals(size.dimension)
            let start = inputs.count
            inputs += noise.map { Double($0) }
            inputs[start + (answer == 1 ? 0 : 1)] =
                Double(Float(inputs[start + (answer == 1 ? 0 : 1)] + sign * signal))
            classes.append(Int32(isFlipped ? 1 - answer : answer))
        }
        return TaskRows(
            name: "XOR clusters in \(size.dimension) dimensions", inputs: size.matrix(inputs),
            classes: classes, classCount: 2, testCount: size.testCount)
    }

    /// The product of k hidden signs of n, class 1 where it is +1.
    static func signedParity(_ configuration: TaskConfiguration) throws -> TaskRows {
        guard let bits = configuration.bits, (1...4096).contains(bits) else {
            throw UserError.usage(
                subject: "setting bits", cause: "the operation needs a number of signs",
                advice: "choose 1...4096")
        }
        guard let subsetSize = configuration.subsetSize, (1...bits).contains(subsetSize) else {
            throw UserError.usage(
                subject: "setting subset_size",
                cause: "the operation needs a number of signs that count",
                advice: "choose 1...\(bits)")
        }
        var sized = configuration
        sized.dimension = bits
        let size = try MadeSize(sized)
        var order = Array(0..<bits)
        var stream = RandomStream(seed: configuration.taskSeed, purpose: .table)
        stream.shuffle(&order)
        let parities = FreshParities(bits: bits, subset: Array(order[..<subsetSize]))
        var inputs = [Double](repeating: 0, count: size.rowCount * bits)
        var classes = [Int32](repeating: 0, count: size.rowCount)
        var examples = RandomStream(seed: configuration.taskSeed, purpose: .examples)
        inputs.withUnsafeMutableBufferPointer { inputs in
            classes.withUnsafeMutableBufferPointer { classes in
                parities.draw(size.rowCount, using: &examples, into: inputs, classes)
            }
        }
        var rows = TaskRows(
            name: "parity of \(subsetSize) of \(bits) signs", inputs: size.matrix(inputs),
            classes: classes, classCount: 2, testCount: size.testCount)
        if configuration.online == true { rows.fresh = parities }
        return rows
    }
}

/// Draws examples of signed parity.
package struct FreshParities: Sendable, Equatable {
    package let bits: Int
    package let subset: [Int]

    /// Fills rows of signs ±1 and their classes.
    func draw<Scalar: BinaryFloatingPoint>(
        _ count: Int, using stream: inout RandomStream,
        into inputs: UnsafeMutableBufferPointer<Scalar>,
        _ classes: UnsafeMutableBufferPointer<Int32>
    ) {
        for row in 0..<count {
            var word: UInt64 = 0
            for bit in 0..<bits {
                if bit % 64 == 0 { word = stream.next() }
                inputs[row * bits + bit] = word & 1 == 0 ? -1 : 1
                word >>= 1
            }
            var isNegative = false
            for bit in subset where inputs[row * bits + bit] < 0 { isNegative.toggle() }
            classes[row] = isNegative ? 0 : 1
        }
    }
}

/// How many rows to make, of how many numbers.
private struct MadeSize {
    let dimension: Int
    let trainCount: Int
    let testCount: Int
    var rowCount: Int { trainCount + testCount }

    /// More numbers than this would not fit a workstation's memory beside the network.
    private static let largestValueCount = 1 << 27

    init(_ configuration: TaskConfiguration) throws {
        let operation = configuration.operation.rawValue
        func count(_ name: String, _ value: Int?, from least: Int) throws -> Int {
            guard let value, value >= least else {
                throw UserError.usage(
                    subject: value.map { "\(name) \($0)" } ?? "setting \(name)",
                    cause: value == nil
                        ? "the operation \(operation) needs it" : "it is out of range",
                    advice: "choose at least \(least)")
            }
            return value
        }
        dimension = try count("dimension", configuration.dimension, from: 1)
        trainCount = try count("example_count", configuration.exampleCount, from: 1)
        testCount = try count("test_count", configuration.testCount ?? 0, from: 0)
        let (values, overflow) = dimension.multipliedReportingOverflow(by: rowCount)
        guard !overflow, values <= MadeSize.largestValueCount else {
            throw UserError.usage(
                subject: "\(rowCount) examples of \(dimension) numbers",
                cause: "they are more than \(MadeSize.largestValueCount) numbers",
                advice: "choose fewer")
        }
    }

    func matrix(_ values: [Double]) -> FeatureMatrix {
        FeatureMatrix(values, rowCount: rowCount, columnCount: dimension)
    }

    /// The answers, those of the training rows with noise.
    func noisy(
        _ answers: [Double], _ configuration: TaskConfiguration, _ stream: inout RandomStream
    ) throws -> [Double] {
        let noise = configuration.answerNoise ?? 0
        guard noise >= 0, noise.isFinite else {
            throw UserError.usage(
                subject: "answer_noise \(noise)", cause: "it is out of range",
                advice: "choose at least 0")
        }
        guard noise > 0 else { return answers }
        let width = answers.count / rowCount
        var answers = answers
        let added: [Double] = stream.normals(trainCount * width, standardDeviation: noise)
        for (place, value) in added.enumerated() { answers[place] += value }
        return answers
    }
}
