internal import ArrayMath
internal import VectorMath

/// The passes over rows that an evaluation is made of; the lanes of each may run side by side.
///
/// Input rows are cut by lane, tiles are dealt to lanes, and every lane adds to sums of its own,
/// which the next stage adds up in lane order.
enum EvaluationStage<Scalar: NetworkScalar> {
    case inputsForward
    /// Without rows to collect the losses are added up instead.
    case tilesForward(collect: [CopiedRows])
    case tilesGradient
    case inputsReverse
    case sumGradients
    case inputsTangent
    case tilesProduct(ProductKind)
    case inputsReverseTangent(ProductKind)
    case sumGradientTangents
    case productsOnly

    /// Rows to copy out of every tile: a slot of answers or inner values, and where they go.
    struct CopiedRows {
        let slot: Slot
        let version: Version
        /// `[answers, slot.columns]`.
        let target: UnsafeMutablePointer<Scalar>
    }

    enum ProductKind {
        case hessian
        case gaussNewton
        case jacobian(CopiedRows)
    }
}

/// One stage of an evaluation, in lanes.
struct EvaluationPass<Scalar: NetworkScalar>: LaneWork {
    let evaluator: NetworkEvaluator<Scalar>
    let stage: EvaluationStage<Scalar>

    func perform(lane: Int) { evaluator.perform(stage, lane: lane) }
}

extension NetworkEvaluator {
    fileprivate func perform(_ stage: EvaluationStage<Scalar>, lane: Int) {
        switch stage {
        case .inputsForward: inputsForward(lane)
        case .tilesForward(let collect): tilesForward(lane, collect)
        case .tilesGradient: tilesGradient(lane)
        case .inputsReverse: inputsReverse(lane)
        case .sumGradients: sumLanes(lane) { lanes[$0].parameterGradient }
        case .inputsTangent: inputsTangent(lane)
        case .tilesProduct(let kind): tilesProduct(lane, kind)
        case .inputsReverseTangent(let kind): inputsReverseTangent(lane, kind)
        case .productsOnly: productsOnly(lane)
        case .sumGradientTangents:
            if let linearization {
                sumLanes(lane) { linearization.lanes[$0].parameterGradientTangent }
            }
        }
    }

    /// The frame of one lane; `tile` nil stands for the lane's input rows.
    private func frame(
        _ lane: Int, tile index: Int?, values: TileMemory<Scalar>? = nil,
        gradients: TileMemory<Scalar>? = nil
    ) -> Frame<Scalar> {
        let memory = lanes[lane]
        let product = linearization?.lanes[lane]
        let tile = index.map { plan.tiles[$0] } ?? RowPlan.Tile()
        let values = values ?? memory.value
        let gradients = gradients ?? memory.gradient
        // Tiles of one lane add to the lane's own derivatives of the input rows; on the way back
        // through the input rows themselves, the sum of all lanes stands in lane 0's.
        let owner = index == nil ? 0 : lane
        let inputChange = linearization?.lanes[owner].inputGradientTangent
        return Frame(
            inputs: DomainMemory(
                value: inputValue.base, gradient: lanes[owner].inputGradient.base,
                tangent: linearization?.inputTangent.base ?? inputValue.base,
                gradientTangent: inputChange?.base ?? inputValue.base, capacity: plan.inputCount,
                rows: index == nil ? plan.inputs(ofLane: lane) : 0..<plan.inputCount,
                firstQuery: plan.firstQueryInput),
            prefixes: DomainMemory(
                value: values.prefixes.base, gradient: gradients.prefixes.base,
                tangent: product?.tangent.prefixes.base ?? values.prefixes.base,
                gradientTangent: product?.gradientTangent.prefixes.base ?? values.prefixes.base,
                capacity: values.prefixRows, rows: 0..<tile.prefixCount,
                firstQuery: tile.firstQueryPrefix),
            readouts: DomainMemory(
                value: values.readouts.base, gradient: gradients.readouts.base,
                tangent: product?.tangent.readouts.base ?? values.readouts.base,
                gradientTangent: product?.gradientTangent.readouts.base ?? values.readouts.base,
                capacity: values.readoutRows, rows: 0..<tile.readoutCount, firstQuery: 0),
            parameters: ParameterMemory(
                value: parameterValue.base, gradient: memory.parameterGradient.base,
                tangent: linearization?.parameterTangent.base ?? parameterValue.base,
                gradientTangent: product?.parameterGradientTangent.base ?? parameterValue.base),
            plan: plan, tile: tile, scratch: memory.scratch.base, dropoutKey: dropoutKey,
            features: features.map { UnsafePointer($0.base) })
    }

    /// The matrix products of a gradient, with the same shapes in the same memory.
    private func productsOnly(_ lane: Int) {
        lanes[lane].productOperations = 0
        func multiply(_ operations: [Operation<Scalar>], _ frame: borrowing Frame<Scalar>) {
            for operation in operations {
                if let linear = operation as? LinearOperation {
                    lanes[lane].productOperations += linear.multiplyOnly(frame)
                }
            }
        }
        multiply(program.inputOperations, frame(lane, tile: nil))
        for index in plan.tiles(ofLane: lane) {
            multiply(program.tileOperations, frame(lane, tile: index))
        }
    }

    private func inputsForward(_ lane: Int) {
        let memory = lanes[lane]
        memory.sum = LossSum()
        memory.inputGradient.clear()
        memory.parameterGradient.clear()
        let frame = frame(lane, tile: nil)
        for operation in program.inputOperations { operation.forward(frame) }
    }

    private func tilesForward(_ lane: Int, _ collect: [EvaluationStage<Scalar>.CopiedRows]) {
        for index in plan.tiles(ofLane: lane) {
            let frame = frame(lane, tile: index)
            for operation in program.tileOperations { operation.forward(frame) }
            if collect.isEmpty { addLoss(lane, frame, gradient: false) }
            for rows in collect { copyOut(frame, rows) }
        }
    }

    private func tilesGradient(_ lane: Int) {
        for index in plan.tiles(ofLane: lane) {
            let frame = frame(
                lane, tile: index, values: linearizing?.tileValues.element(index),
                gradients: linearizing?.tileGradients.element(index))
            forwardAndReverse(lane, frame)
        }
    }

    private func forwardAndReverse(_ lane: Int, _ frame: borrowing Frame<Scalar>) {
        for operation in program.tileOperations { operation.forward(frame) }
        addLoss(lane, frame, gradient: true)
        for operation in program.tileOperations.reversed() { operation.reverse(frame) }
    }

    private func addLoss(_ lane: Int, _ frame: borrowing Frame<Scalar>, gradient: Bool) {
        let outputGradient = gradient ? frame.gradient(program.logits) : nil
        let sum =
            loss.kind == .crossEntropy
            ? crossEntropy(
                frame.value(program.logits), rows: frame.readouts.rows.count,
                classes: space.classCount, frame: frame, precision: loss.precision,
                weight: lossWeight, gradient: outputGradient,
                scratch: lanes[lane].lossScratch.base)
            : lossRule.evaluate(lossTile(frame), gradient: outputGradient)
        lanes[lane].sum.loss += sum.loss
        lanes[lane].sum.rightExamples += sum.rightExamples
    }

    private func lossTile(_ frame: borrowing Frame<Scalar>) -> LossRule<Scalar>.Tile {
        LossRule.Tile(
            outputs: frame.value(program.logits), rows: frame.readouts.rows.count,
            columns: space.classCount, targets: plan.readoutTargets + frame.tile.firstReadout,
            answers: plan.answerOfReadout + frame.tile.firstReadout,
            realAnswers: realAnswers.map { UnsafePointer($0.base) }, weight: lossWeight)
    }

    /// The changes of the loss's derivatives by the outputs along their own changes.
    private func bendLoss(_ frame: borrowing Frame<Scalar>) {
        guard loss.kind == .crossEntropy else {
            return lossRule.curvature(
                lossTile(frame), frame.tangent(program.logits),
                into: frame.gradientTangent(program.logits))
        }
        vectorKernels.crossEntropyCurvature(
            frame.gradient(program.logits), frame.tangent(program.logits),
            rows: frame.readouts.rows.count, classes: space.classCount,
            targets: plan.readoutTargets + frame.tile.firstReadout, weight: lossWeight,
            into: frame.gradientTangent(program.logits))
    }

    private func inputsReverse(_ lane: Int) {
        let frame = frame(lane, tile: nil)
        sumInputs(frame.inputs.rows) { lanes[$0].inputGradient }
        for operation in program.inputOperations.reversed() { operation.reverse(frame) }
    }

    /// Adds up what the lanes' tiles gave to some input rows, into lane 0's memory.
    private func sumInputs(_ rows: Range<Int>, _ memory: (Int) -> AlignedMemory<Scalar>) {
        for slot in program.sharedInputs {
            let start = slot.firstColumn * plan.inputCount + rows.lowerBound * slot.columns
            for lane in 1..<RowPlan.laneCount {
                add(
                    memory(lane).base + start, to: memory(0).base + start,
                    count: rows.count * slot.columns)
            }
        }
    }

    /// Adds up all lanes' sums over one lane's share of the parameters, into lane 0's memory.
    private func sumLanes(_ lane: Int, _ memory: (Int) -> AlignedMemory<Scalar>) {
        let start = lane * layout.count / RowPlan.laneCount
        let end = (lane + 1) * layout.count / RowPlan.laneCount
        for other in 1..<RowPlan.laneCount {
            add(memory(other).base + start, to: memory(0).base + start, count: end - start)
        }
    }

    private func inputsTangent(_ lane: Int) {
        guard let linearization else { return }
        linearization.lanes[lane].inputGradientTangent.clear()
        linearization.lanes[lane].parameterGradientTangent.clear()
        let frame = frame(lane, tile: nil)
        for operation in program.inputOperations { operation.tangent(frame) }
    }

    private func tilesProduct(_ lane: Int, _ kind: EvaluationStage<Scalar>.ProductKind) {
        guard let linearization else { return }
        for index in plan.tiles(ofLane: lane) {
            let frame = frame(
                lane, tile: index, values: linearization.tileValues.element(index),
                gradients: linearization.tileGradients.element(index))
            if linearization.tileValues.isEmpty { recompute(lane, frame) }
            for operation in program.tileOperations { operation.tangent(frame) }
            if case .jacobian(let collection) = kind {
                copyOut(frame, collection)
                continue
            }
            bendLoss(frame)
            if case .hessian = kind {
                for operation in program.tileOperations.reversed() {
                    operation.reverseTangent(frame)
                }
            } else {
                let changes = frame.withChangesAsGradients()
                for operation in program.tileOperations.reversed() { operation.reverse(changes) }
            }
        }
    }

    /// A tile's values and derivatives again, where they were not kept; what this adds to the sums
    /// of first derivatives is never read.
    private func recompute(_ lane: Int, _ frame: borrowing Frame<Scalar>) {
        var aside = copy frame
        if let linearization {
            // The derivatives of input rows that the linearisation holds must stay as they are.
            aside.inputs.gradient = linearization.lanes[lane].discardedInputs.base
            aside.parameters.gradient = linearization.lanes[lane].discardedParameters.base
        }
        forwardAndReverse(lane, aside)
    }

    private func inputsReverseTangent(
        _ lane: Int, _ kind: EvaluationStage<Scalar>.ProductKind
    ) {
        guard let linearization else { return }
        let frame = frame(lane, tile: nil)
        sumInputs(frame.inputs.rows) { linearization.lanes[$0].inputGradientTangent }
        if case .gaussNewton = kind {
            let changes = frame.withChangesAsGradients()
            for operation in program.inputOperations.reversed() { operation.reverse(changes) }
        } else {
            for operation in program.inputOperations.reversed() {
                operation.reverseTangent(frame)
            }
        }
    }

    /// Copies a tile's rows to the places of their answers.
    private func copyOut(
        _ frame: borrowing Frame<Scalar>, _ collection: EvaluationStage<Scalar>.CopiedRows
    ) {
        let columns = collection.slot.columns
        let source = frame.matrix(collection.slot, collection.version)
        let table = frame.table(of: .readouts, into: .prefixes)
        for row in frame.readouts.rows {
            let answer = Int(plan.answerOfReadout[frame.tile.firstReadout + row])
            let place = collection.slot.domain == .readouts ? row : table.own(row)
            copyElements(
                source + place * columns, to: collection.target + answer * columns, count: columns)
        }
    }
}

extension Frame {
    /// The same frame with the changes of the derivatives in the derivatives' place: what was the
    /// reverse rule of the gradient is then that of a Gauss–Newton product.
    func withChangesAsGradients() -> Frame {
        var frame = self
        frame.inputs.gradient = inputs.gradientTangent
        frame.prefixes.gradient = prefixes.gradientTangent
        frame.readouts.gradient = readouts.gradientTangent
        frame.parameters.gradient = parameters.gradientTangent
        return frame
    }
}

extension Array {
    /// The element, or nil in an empty array.
    fileprivate func element(_ index: Int) -> Element? { isEmpty ? nil : self[index] }
}
