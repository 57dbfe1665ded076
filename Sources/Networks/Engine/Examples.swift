/// Examples with the answers that a network is asked for: token sequences, or rows of real inputs.
///
/// Rows of real inputs have one token, 0, that nothing reads; their answers are classes or real
/// vectors.
/// Every sequence has the same length. A network reads `tokens` and is asked for
/// `targetsPerExample` answers, each at a read-out position of its own: the logits at position *t*
/// are computed from the tokens up to and including *t*.
package struct Examples: Sendable, Equatable {
    /// The tokens, row-major `[count, length]`, each in `0..<vocabulary`.
    package let tokens: [Int32]
    /// The right classes, row-major `[count, targetsPerExample]`; -1 marks an answer that is not
    /// asked for, so that examples may have different numbers of answers.
    package let targets: [Int32]
    /// The position at which each answer is read, row-major `[count, targetsPerExample]`.
    package let readoutPositions: [Int32]
    /// The number of tokens of each example.
    package let length: Int
    /// The number of examples.
    package let count: Int
    /// The number of answers of each example.
    package let targetsPerExample: Int
    /// The real inputs of the examples; nil where they are tokens.
    package let features: FeatureRows?
    /// The real answers, row-major `[count, answerWidth]`; empty where answers are classes.
    package let realAnswers: [Double]

    /// Examples whose answers are read at the same positions in each of them.
    ///
    /// Without `readoutPositions` the answers are read at the last positions, in order.
    package init(
        tokens: [Int32], targets: [Int32], length: Int, targetsPerExample: Int = 1,
        readoutPositions: [Int]? = nil
    ) {
        precondition(length > 0, "an example needs a token")
        let positions =
            readoutPositions ?? Array((length - targetsPerExample)..<length)
        precondition(positions.count == targetsPerExample, "one read-out position per answer")
        let count = tokens.count / length
        self.init(
            tokens: tokens, targets: targets, length: length, targetsPerExample: targetsPerExample,
            raggedReadoutPositions: (0..<count).flatMap { _ in positions.map(Int32.init) })
    }

    /// Examples whose read-out positions differ from one to the next, `[count, targetsPerExample]`.
    package init(
        tokens: [Int32], targets: [Int32], length: Int, targetsPerExample: Int,
        raggedReadoutPositions: [Int32]
    ) {
        precondition(length > 0 && targetsPerExample > 0, "an example needs a token and an answer")
        precondition(tokens.count % length == 0, "the tokens do not fill whole examples")
        count = tokens.count / length
        precondition(targets.count == count * targetsPerExample, "one target per answer")
        precondition(raggedReadoutPositions.count == targets.count, "one position per answer")
        precondition(
            raggedReadoutPositions.allSatisfy { $0 >= 0 && $0 < Int32(length) },
            "a read-out position lies inside the example")
        self.tokens = tokens
        self.targets = targets
        readoutPositions = raggedReadoutPositions
        self.length = length
        self.targetsPerExample = targetsPerExample
        features = nil
        realAnswers = []
    }

    /// Rows of real inputs with a class each.
    package init(features: FeatureRows, classes: [Int32]) {
        self.init(features: features, targets: classes, realAnswers: [])
    }

    /// Rows of real inputs with a real vector each, `[count, width]`.
    package init(features: FeatureRows, realAnswers: [Double]) {
        self.init(
            features: features, targets: [Int32](repeating: 0, count: features.count),
            realAnswers: realAnswers)
    }

    private init(features: FeatureRows, targets: [Int32], realAnswers: [Double]) {
        precondition(targets.count == features.count, "one answer per row")
        precondition(
            features.count == 0 || realAnswers.count % features.count == 0,
            "the answers do not fill whole rows")
        count = features.count
        tokens = [Int32](repeating: 0, count: count)
        readoutPositions = tokens
        self.targets = targets
        length = 1
        targetsPerExample = 1
        self.features = features
        self.realAnswers = realAnswers
    }

    /// Columns of the real answers; 0 where answers are classes.
    package var answerWidth: Int { count == 0 ? 0 : realAnswers.count / count }

    /// The examples at the given rows, in their order; rows may repeat.
    package func subset(_ rows: some Collection<Int>) -> Examples {
        if let features {
            for row in rows { precondition(row >= 0 && row < count, "row \(row) of \(count)") }
            let width = answerWidth
            return Examples(
                features: features.subset(rows), targets: rows.map { targets[$0] },
                realAnswers: width == 0
                    ? [] : rows.flatMap { realAnswers[$0 * width..<($0 + 1) * width] })
        }
        var chosenTokens: [Int32] = []
        var chosenTargets: [Int32] = []
        var chosenPositions: [Int32] = []
        chosenTokens.reserveCapacity(rows.count * length)
        for row in rows {
            precondition(row >= 0 && row < count, "row \(row) of \(count) examples")
            chosenTokens += tokens[row * length..<(row + 1) * length]
            let answers = row * targetsPerExample..<(row + 1) * targetsPerExample
            chosenTargets += targets[answers]
            chosenPositions += readoutPositions[answers]
        }
        return Examples(
            tokens: chosenTokens, targets: chosenTargets, length: length,
            targetsPerExample: targetsPerExample, raggedReadoutPositions: chosenPositions)
    }

    /// The tokens of one example.
    package func tokens(of row: Int) -> ArraySlice<Int32> {
        tokens[row * length..<(row + 1) * length]
    }

    /// The answers of one example; -1 where none is asked for.
    package func targets(of row: Int) -> ArraySlice<Int32> {
        targets[row * targetsPerExample..<(row + 1) * targetsPerExample]
    }
}

extension Examples {
    /// The same examples with other real inputs.
    func replacingFeatures(_ features: FeatureRows) -> Examples {
        Examples(features: features, targets: targets, realAnswers: realAnswers)
    }

    /// The same examples with other classes.
    func replacingTargets(_ targets: [Int32]) -> Examples {
        if let features {
            return Examples(features: features, targets: targets, realAnswers: realAnswers)
        }
        return Examples(
            tokens: tokens, targets: targets, length: length, targetsPerExample: targetsPerExample,
            raggedReadoutPositions: readoutPositions)
    }
}
