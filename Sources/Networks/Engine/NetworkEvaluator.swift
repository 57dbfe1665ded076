package import ArrayMath
internal import Checkpoints
internal import VectorMath

/// The mean loss of a set of examples and the share of them answered rightly.
package struct LossAndAccuracy: Sendable, Equatable {
    /// The mean loss over all answers; of cross-entropy in nats.
    package var loss: Double
    /// Examples with every answer right (the largest logit, the first of equals; for real answers
    /// the error below the loss's threshold) over all examples.
    package var accuracy: Double

    package init(loss: Double, accuracy: Double) {
        self.loss = loss
        self.accuracy = accuracy
    }
}

/// The arithmetic in which the cross-entropy is evaluated, whatever the weights' type.
package enum LossPrecision: String, Codable, Sendable, CaseIterable {
    /// As PyTorch does on `float32` logits: losses below 6e-8 round to 0, and their gradients too.
    case float32
    /// Stable: the loss and its derivatives keep the relative accuracy of the logits however small
    /// they are, as casting the logits to double precision does.
    case float64
}

/// Values inside a network at the read-out positions, one row per answer in example order.
package enum ActivationKind: Sendable, Equatable {
    /// Outputs of the hidden layer's non-linearity, `[answers, mlpWidth or hiddenWidth]`; layer 0
    /// for the one-hidden-layer networks.
    case mlpHidden(layer: Int)
    /// Attention of the read-out position to each position, `[answers, heads · length]`, 0 for
    /// positions after it.
    case attention(layer: Int)
    /// The residual stream after a block, `[answers, width]`.
    case residual(layer: Int)
    /// The residual stream between a block's attention and its hidden layer, `[answers, width]`.
    case middle(layer: Int)
}

/// Evaluates one network on one set of examples: logits, loss, gradient and exact second-order
/// products.
///
/// All memory is reserved once, so that repeated calls allocate nothing. Results are independent
/// of the number of threads, bit by bit. An evaluator belongs to one thread at a time.
package final class NetworkEvaluator<Scalar: NetworkScalar> {
    package let network: NetworkConfiguration
    package let space: TokenSpace
    package let examples: Examples
    package let layout: ParameterLayout
    package let loss: LossConfiguration
    package let threadCount: Int
    /// Activations of a linearisation beyond this many bytes are computed again for each product.
    package var mostCachedBytes = 1 << 31

    let program: NetworkProgram<Scalar>
    let plan: RowPlan
    let lanes: [LaneMemory<Scalar>]
    let inputValue: AlignedMemory<Scalar>
    let parameterValue: AlignedMemory<Scalar>
    /// The real inputs of all examples; nil where they are tokens.
    let features: AlignedMemory<Scalar>?
    /// Real answers of all examples; nil where answers are classes.
    let realAnswers: AlignedMemory<Double>?
    let lossRule: LossRule<Scalar>
    private let pool: LanePool
    /// The factor on each answer's loss: one over their number.
    private(set) var lossWeight = 1.0
    private(set) var dropoutKey: UInt64?
    /// What the products share; made by the first linearisation.
    private(set) var linearization: Linearization<Scalar>?
    /// The linearisation that a gradient pass is filling.
    private(set) var linearizing: Linearization<Scalar>?
    private var isWholeSetSelected = true

    /// Prepares for the examples; throws a `UserError` where the configuration cannot work.
    ///
    /// Evaluators that are used in turn may share the threads of one pool.
    package init(
        network: NetworkConfiguration, space: TokenSpace, examples: Examples,
        loss: LossConfiguration = LossConfiguration(), threadCount: Int = 1, pool: LanePool? = nil
    ) throws {
        try network.validate()
        try space.validate(examples, network, loss)
        self.network = network
        self.space = space
        self.examples = examples
        self.loss = loss
        lossRule = LossRule(loss, columns: space.classCount)
        self.threadCount = pool?.threadCount ?? threadCount
        layout = ParameterLayout(network, space)
        program = NetworkProgram(network, space, layout)
        let plan = RowPlan(
            examples, blockCount: network.isTransformer ? network.layers : 1,
            sharesPrefixes: network.dropout == 0)
        self.plan = plan
        let program = program
        lanes = (0..<RowPlan.laneCount).map { _ in LaneMemory(program, plan) }
        inputValue = AlignedMemory(count: program.inputColumns * plan.inputCount)
        parameterValue = AlignedMemory(count: layout.count)
        features = examples.features.map { rows in
            let memory = AlignedMemory<Scalar>(count: rows.count * rows.columnCount)
            rows.copy(into: memory.base)
            return memory
        }
        realAnswers =
            examples.realAnswers.isEmpty
            ? nil : AlignedMemory(copying: examples.realAnswers)
        self.pool = pool ?? LanePool(threadCount: max(1, min(threadCount, RowPlan.laneCount)))
    }

    /// Loss and accuracy over all examples.
    package func lossAndAccuracy(_ parameters: [Scalar]) -> LossAndAccuracy {
        prepare(parameters, rows: nil)
        run(.inputsForward)
        run(.tilesForward(collect: []))
        return result()
    }

    /// Loss and accuracy, with the gradient of the loss in `gradient`, over the given rows of the
    /// examples, or over all of them.
    ///
    /// `step` seeds what is random in training (dropout).
    package func gradient(
        _ parameters: [Scalar], rows: [Int]? = nil, step: Int? = nil,
        into gradient: inout [Scalar]
    ) -> LossAndAccuracy {
        prepare(parameters, rows: rows)
        dropoutKey = step.map { UInt64(bitPattern: Int64($0)) }
        defer { dropoutKey = nil }
        run(.inputsForward)
        run(.tilesGradient)
        run(.inputsReverse)
        run(.sumGradients)
        export(lanes[0].parameterGradient.base, to: &gradient)
        return result()
    }

    /// Replaces all examples by fresh ones of a stream; for examples of real inputs and classes.
    package func refill(_ parities: FreshParities, using stream: inout RandomStream) {
        guard let features else { preconditionFailure("only real inputs are drawn anew") }
        linearization?.isValid = false
        // All rows share one token, so that the plan keeps them in order.
        parities.draw(
            examples.count, using: &stream,
            into: UnsafeMutableBufferPointer(start: features.base, count: features.count),
            UnsafeMutableBufferPointer(start: plan.readoutTargets, count: examples.count))
    }

    /// The matrix products of one gradient and nothing else, with the same shapes on the same
    /// threads; returns the number of floating-point operations.
    package func multiplyOnly() -> Int {
        linearization?.isValid = false
        run(.productsOnly)
        return lanes.reduce(0) { $0 + $1.productOperations }
    }

    /// Fixes the weights at which the products below are taken, and keeps what they share.
    @discardableResult
    package func linearize(at parameters: [Scalar]) -> LossAndAccuracy {
        prepare(parameters, rows: nil)
        let kept =
            linearization
            ?? Linearization(program, plan, mostCachedBytes: mostCachedBytes)
        linearization = kept
        linearizing = kept
        defer { linearizing = nil }
        run(.inputsForward)
        run(.tilesGradient)
        run(.inputsReverse)
        kept.isValid = true
        return result()
    }

    /// The Hessian of the loss at the linearisation, times `vector`; exact up to rounding.
    package func hessianProduct(_ vector: [Scalar], into product: inout [Scalar]) {
        multiply(.hessian, vector, into: &product)
    }

    /// The generalised Gauss–Newton matrix, the mean over answers of JᵀLJ with the loss's second
    /// derivative L by the outputs (diag(p) − ppᵀ for cross-entropy), times `vector`.
    package func gaussNewtonProduct(_ vector: [Scalar], into product: inout [Scalar]) {
        multiply(.gaussNewton, vector, into: &product)
    }

    private func multiply(
        _ kind: EvaluationStage<Scalar>.ProductKind, _ vector: [Scalar],
        into product: inout [Scalar]
    ) {
        let kept = startProduct(vector)
        run(.inputsTangent)
        run(.tilesProduct(kind))
        run(.inputsReverseTangent(kind))
        run(.sumGradientTangents)
        export(kept.lanes[0].parameterGradientTangent.base, to: &product)
    }

    /// The change of all logits along `vector`, row-major `[answers, classCount]`.
    package func jacobianProduct(_ vector: [Scalar]) -> [Scalar] {
        _ = startProduct(vector)
        return collect(program.logits, .tangent) { rows in
            run(.inputsTangent)
            run(.tilesProduct(.jacobian(rows)))
        }
    }

    /// All logits, row-major `[count · targetsPerExample, classCount]`, in example order; NaN for
    /// answers that are not asked for.
    package func logits(_ parameters: [Scalar]) -> [Scalar] {
        collect([program.logits], at: parameters)[0]
    }

    /// Inner values at the read-out positions, in example order.
    ///
    /// NaN stands for answers that are not asked for. Throws where the network has no such layer.
    package func activations(_ parameters: [Scalar], _ kind: ActivationKind) throws -> [Scalar] {
        collect([try program.slot(of: kind)], at: parameters)[0]
    }

    /// Logits and inner values of one pass, each as `logits` and `activations` give them.
    package func logitsAndActivations(
        _ parameters: [Scalar], _ kinds: [ActivationKind]
    ) throws -> (logits: [Scalar], activations: [[Scalar]]) {
        let slots = try kinds.map { try program.slot(of: $0) }
        let values = collect([program.logits] + slots, at: parameters)
        return (values[0], Array(values.dropFirst()))
    }
}

extension NetworkEvaluator {
    private func run(_ stage: EvaluationStage<Scalar>) {
        pool.run(RowPlan.laneCount, EvaluationPass(evaluator: self, stage: stage))
    }

    private func result() -> LossAndAccuracy {
        var sum = LossSum()
        for lane in lanes {
            sum.loss += lane.sum.loss
            sum.rightExamples += lane.sum.rightExamples
        }
        return LossAndAccuracy(
            loss: sum.loss * lossWeight,
            accuracy: Double(sum.rightExamples) / Double(plan.exampleCount))
    }

    /// Brings in the parameters and selects the rows; a linearisation ends here, because the input
    /// rows are about to be computed again.
    private func prepare(_ parameters: [Scalar], rows: [Int]?) {
        linearization?.isValid = false
        importVector(parameters, to: parameterValue.base)
        if let rows {
            plan.select(rows)
            isWholeSetSelected = false
        } else if !isWholeSetSelected {
            plan.selectAll()
            isWholeSetSelected = true
        }
        lossWeight = 1 / Double(plan.readoutCount)
    }

    private func startProduct(_ vector: [Scalar]) -> Linearization<Scalar> {
        guard let linearization, linearization.isValid else {
            preconditionFailure("products need linearize(at:) first, and no gradient in between")
        }
        importVector(vector, to: linearization.parameterTangent.base)
        return linearization
    }

    /// What the forward pass of all tiles leaves in some slots.
    private func collect(_ slots: [Slot], at parameters: [Scalar]) -> [[Scalar]] {
        prepare(parameters, rows: nil)
        run(.inputsForward)
        var wanted: [EvaluationStage<Scalar>.CopiedRows] = []
        func collect(_ rest: ArraySlice<Slot>) -> [[Scalar]] {
            guard let slot = rest.first else {
                run(.tilesForward(collect: wanted))
                return []
            }
            var others: [[Scalar]] = []
            let values = self.collect(slot, .value) { rows in
                wanted.append(rows)
                others = collect(rest.dropFirst())
            }
            return [values] + others
        }
        return collect(slots[...])
    }

    /// A new array that the tiles of `body` fill with their rows of a slot.
    private func collect(
        _ slot: Slot, _ version: Version, _ body: (EvaluationStage<Scalar>.CopiedRows) -> Void
    ) -> [Scalar] {
        let count = examples.targets.count * slot.columns
        var result = [Scalar](repeating: .nan, count: count)
        result.withUnsafeMutableBufferPointer { buffer in
            if let target = buffer.baseAddress {
                body(.init(slot: slot, version: version, target: target))
            }
        }
        return result
    }

    /// Copies a flat vector into the engine's order: the matrices of attention heads side by side.
    private func importVector(_ vector: [Scalar], to target: UnsafeMutablePointer<Scalar>) {
        precondition(vector.count == layout.count, "\(vector.count) of \(layout.count) parameters")
        vector.withUnsafeBufferPointer { vector in
            guard let source = vector.baseAddress else { return }
            copyElements(source, to: target, count: layout.count)
            forEachHeadRow { offset, beside, count in
                copyElements(source + offset, to: target + beside, count: count)
            }
        }
    }

    /// The reverse of `importVector`.
    private func export(_ source: UnsafeMutablePointer<Scalar>, to vector: inout [Scalar]) {
        precondition(vector.count == layout.count, "\(vector.count) of \(layout.count) parameters")
        vector.withUnsafeMutableBufferPointer { vector in
            guard let target = vector.baseAddress else { return }
            copyElements(source, to: target, count: layout.count)
            forEachHeadRow { offset, beside, count in
                copyElements(source + beside, to: target + offset, count: count)
            }
        }
    }

    /// Tells of each row of a head's matrix where it lies in a flat vector, where in the engine's
    /// order, and how long it is.
    private func forEachHeadRow(_ body: (_ offset: Int, _ beside: Int, _ count: Int) -> Void) {
        for entry in program.headMatrices {
            let (heads, rows, columns) = (entry.shape[0], entry.shape[1], entry.shape[2])
            for head in 0..<heads {
                for row in 0..<rows {
                    body(
                        entry.offset + (head * rows + row) * columns,
                        entry.offset + (row * heads + head) * columns, columns)
                }
            }
        }
    }
}
