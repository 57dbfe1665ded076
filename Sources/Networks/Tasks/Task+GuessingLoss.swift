internal import Foundation

/// The loss of a network that does not look at its input.
package struct GuessingLoss: Sendable, Equatable {
    package let value: Double
    /// How it is known, in words.
    package let source: String
    /// Whether losses have the unit of the answers, so that only their ratio to this one has a
    /// meaning of its own.
    package let isScale: Bool

    package init(value: Double, source: String, isScale: Bool = false) {
        self.value = value
        self.source = source
        self.isScale = isScale
    }

    /// ln(classes), the cross-entropy of equal shares.
    package init(classCount: Int, source: String) {
        self.init(value: log(Double(max(classCount, 2))), source: source)
    }
}

extension Task {
    /// The loss of guessing, by the kind of loss.
    ///
    /// Cross-entropies: ln(classes), of equal shares. Logistic: ln 2, hinge: 1, of the output 0. Mean
    /// squared error: that of the best constant output over all rows, Σ_j Var(y_j), divided by the
    /// number of outputs where the loss is.
    package func guessingLoss(of loss: LossConfiguration) -> GuessingLoss {
        switch loss.kind {
        case .crossEntropy, .stableMax:
            GuessingLoss(classCount: classCount, source: "ln of the number of answers")
        case .logistic: GuessingLoss(value: log(2), source: "output 0")
        case .hinge: GuessingLoss(value: 1, source: "output 0")
        case .meanSquaredError:
            GuessingLoss(
                value: answerVariance / (loss.reduction == .mean ? Double(outputCount) : 1),
                source: "the best constant output", isScale: true)
        }
    }

    private var outputCount: Int { max(1, answerWidth > 0 ? answerWidth : tokenSpace.classCount) }

    /// The sum over outputs of the variance of the answers, classes as one-hot codes.
    private var answerVariance: Double {
        let (rows, width) = (allExamples.count, answerWidth)
        guard rows > 0 else { return 0 }
        guard width > 0 else {
            var counts: [Int32: Double] = [:]
            for row in 0..<rows {
                counts[allExamples.targets[row * allExamples.targetsPerExample], default: 0] += 1
            }
            return 1 - counts.values.reduce(0) { $0 + $1 * $1 } / Double(rows * rows)
        }
        return (0..<width).reduce(0) { sum, output in
            let values = (0..<rows).map { allExamples.realAnswers[$0 * width + output] }
            let mean = values.reduce(0, +) / Double(rows)
            return sum + values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
        }
    }
}
