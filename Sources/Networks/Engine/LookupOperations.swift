internal import ArrayMath
internal import VectorMath

/// The embedding of each input row: a row of a parameter matrix by token, plus one by position.
///
/// A table of fixed position vectors may stand in for learned ones. Linear in the parameters, so
/// that all four rules are the same gathering or scattering.
final class EmbeddingOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let output: Slot
    /// For each position, the offset of the matrix that its tokens look up.
    let embeddings: [Int]
    /// Offset of the learned position vectors, `[length, columns]`.
    let positions: Int?
    /// Fixed position vectors, `[length, columns]`; empty for none.
    let fixedPositions: [Scalar]

    init(
        embeddings: [Int], positions: Int? = nil, fixedPositions: [Scalar] = [], into output: Slot
    ) {
        self.embeddings = embeddings
        self.positions = positions
        self.fixedPositions = fixedPositions
        self.output = output
    }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        gather(frame, frame.parameters.value, into: frame.value(output))
        guard !fixedPositions.isEmpty else { return }
        let columns = output.columns
        fixedPositions.withUnsafeBufferPointer { fixed in
            guard let fixed = fixed.baseAddress else { return }
            for row in frame.inputs.rows {
                add(
                    fixed + Int(frame.plan.inputPositions[row]) * columns,
                    to: frame.value(output) + row * columns, count: columns)
            }
        }
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        gather(frame, frame.parameters.tangent, into: frame.tangent(output))
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        scatter(frame, frame.gradient(output), to: frame.parameters.gradient)
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        scatter(frame, frame.gradientTangent(output), to: frame.parameters.gradientTangent)
    }

    private func gather(
        _ frame: borrowing Frame<Scalar>, _ parameters: UnsafeMutablePointer<Scalar>,
        into matrix: UnsafeMutablePointer<Scalar>
    ) {
        let columns = output.columns
        for row in frame.inputs.rows {
            let position = Int(frame.plan.inputPositions[row])
            let token = Int(frame.plan.inputTokens[row])
            let target = matrix + row * columns
            copyElements(
                parameters + embeddings[position] + token * columns, to: target, count: columns)
            if let positions {
                add(parameters + positions + position * columns, to: target, count: columns)
            }
        }
    }

    private func scatter(
        _ frame: borrowing Frame<Scalar>, _ matrix: UnsafeMutablePointer<Scalar>,
        to parameters: UnsafeMutablePointer<Scalar>
    ) {
        let columns = output.columns
        for row in frame.inputs.rows {
            let position = Int(frame.plan.inputPositions[row])
            let token = Int(frame.plan.inputTokens[row])
            let source = matrix + row * columns
            add(source, to: parameters + embeddings[position] + token * columns, count: columns)
            if let positions {
                add(source, to: parameters + positions + position * columns, count: columns)
            }
        }
    }
}

/// y = Σ over the row's tokens of the input rows that stand for them.
final class SourceSumOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let input: Slot
    let output: Slot

    init(_ input: Slot, into output: Slot) {
        self.input = input
        self.output = output
    }

    override var reads: [Slot] { [input] }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        gather(frame, frame.value(input), into: frame.value(output))
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        gather(frame, frame.tangent(input), into: frame.tangent(output))
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        scatter(frame, frame.gradient(output), to: frame.gradient(input))
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        scatter(frame, frame.gradientTangent(output), to: frame.gradientTangent(input))
    }

    private func gather(
        _ frame: borrowing Frame<Scalar>, _ source: UnsafeMutablePointer<Scalar>,
        into target: UnsafeMutablePointer<Scalar>
    ) {
        let table = frame.table(of: output.domain, into: input.domain)
        vectorKernels.sumSources(
            frame[output.domain].rows, columns: output.columns, table, source, into: target)
    }

    private func scatter(
        _ frame: borrowing Frame<Scalar>, _ source: UnsafeMutablePointer<Scalar>,
        to target: UnsafeMutablePointer<Scalar>
    ) {
        let table = frame.table(of: output.domain, into: input.domain)
        vectorKernels.addToSources(
            frame[output.domain].rows, columns: output.columns, table, source, to: target)
    }
}
