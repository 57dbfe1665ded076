internal import ArrayMath
internal import VectorMath

/// Scalars in memory aligned to cache lines, cleared, and freed with the owner.
final class AlignedMemory<Scalar: NetworkScalar> {
    let base: UnsafeMutablePointer<Scalar>
    let count: Int

    init(count: Int) {
        self.count = count
        let bytes = max(count, 1) * MemoryLayout<Scalar>.stride
        base = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            .bindMemory(to: Scalar.self, capacity: max(count, 1))
        setToZero(base, count: max(count, 1))
    }

    convenience init(copying values: [Scalar]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { base[index] = value }
    }

    deinit { base.deallocate() }

    func clear() { setToZero(base, count: count) }
}

/// Values and derivatives of one tile's rows.
final class TileMemory<Scalar: NetworkScalar> {
    let prefixRows: Int
    let readoutRows: Int
    let prefixes: AlignedMemory<Scalar>
    let readouts: AlignedMemory<Scalar>

    init(_ program: NetworkProgram<Scalar>, prefixRows: Int, readoutRows: Int) {
        // Slots start on cache lines when their rows are a multiple of 16.
        self.prefixRows = (prefixRows + 15) / 16 * 16
        self.readoutRows = (readoutRows + 15) / 16 * 16
        prefixes = AlignedMemory(count: program.prefixColumns * self.prefixRows)
        readouts = AlignedMemory(count: program.readoutColumns * self.readoutRows)
    }

    /// Bytes that the rows of such a tile take.
    static func byteCount(
        _ program: NetworkProgram<Scalar>, prefixRows: Int, readoutRows: Int
    ) -> Int {
        let prefixes = program.prefixColumns * ((prefixRows + 15) / 16 * 16)
        let readouts = program.readoutColumns * ((readoutRows + 15) / 16 * 16)
        return (prefixes + readouts) * MemoryLayout<Scalar>.stride
    }
}

/// What one lane owns: its tile's activations and its share of every sum.
final class LaneMemory<Scalar: NetworkScalar> {
    let value: TileMemory<Scalar>
    let gradient: TileMemory<Scalar>
    let inputGradient: AlignedMemory<Scalar>
    let parameterGradient: AlignedMemory<Scalar>
    let scratch: AlignedMemory<Scalar>
    let lossScratch: AlignedMemory<Double>
    var sum = LossSum()
    /// Floating-point operations of the lane's products, counted when they are measured.
    var productOperations = 0

    init(_ program: NetworkProgram<Scalar>, _ plan: RowPlan) {
        value = TileMemory(
            program, prefixRows: plan.prefixCapacity, readoutRows: plan.readoutCapacity)
        gradient = TileMemory(
            program, prefixRows: plan.prefixCapacity, readoutRows: plan.readoutCapacity)
        inputGradient = AlignedMemory(count: program.inputColumns * plan.inputCount)
        parameterGradient = AlignedMemory(count: program.layout.count)
        let scores = program.network.heads * plan.length
        // Layer norms need two rows; those of a feed-forward network may be wider than the stream.
        let widest = max(program.network.width, program.network.widths.values.max() ?? 0)
        scratch = AlignedMemory(count: max(scores, 2 * widest) + 64)
        lossScratch = AlignedMemory(count: 2 * program.space.classCount + 64)
    }
}

/// What a lane owns besides for products with second derivatives.
final class ProductMemory<Scalar: NetworkScalar> {
    let tangent: TileMemory<Scalar>
    let gradientTangent: TileMemory<Scalar>
    let inputGradientTangent: AlignedMemory<Scalar>
    let parameterGradientTangent: AlignedMemory<Scalar>
    /// Where first derivatives go that a product computes again but nobody reads.
    let discardedInputs: AlignedMemory<Scalar>
    let discardedParameters: AlignedMemory<Scalar>

    init(_ program: NetworkProgram<Scalar>, _ plan: RowPlan, keepsTiles: Bool) {
        discardedInputs = AlignedMemory(
            count: keepsTiles ? 0 : program.inputColumns * plan.inputCount)
        discardedParameters = AlignedMemory(count: keepsTiles ? 0 : program.layout.count)
        tangent = TileMemory(
            program, prefixRows: plan.prefixCapacity, readoutRows: plan.readoutCapacity)
        gradientTangent = TileMemory(
            program, prefixRows: plan.prefixCapacity, readoutRows: plan.readoutCapacity)
        inputGradientTangent = AlignedMemory(count: program.inputColumns * plan.inputCount)
        parameterGradientTangent = AlignedMemory(count: program.layout.count)
    }
}

/// What is kept of a linearisation, so that each product only computes changes.
final class Linearization<Scalar: NetworkScalar> {
    let lanes: [ProductMemory<Scalar>]
    let inputTangent: AlignedMemory<Scalar>
    let parameterTangent: AlignedMemory<Scalar>
    /// Values and derivatives of every tile; empty where they would take too much memory and are
    /// computed again for each product instead.
    let tileValues: [TileMemory<Scalar>]
    let tileGradients: [TileMemory<Scalar>]
    var isValid = false

    init(_ program: NetworkProgram<Scalar>, _ plan: RowPlan, mostCachedBytes: Int) {
        let tiles = plan.tiles[0..<plan.tileCount]
        let bytes = tiles.reduce(0) {
            $0 + 2
                * TileMemory.byteCount(
                    program, prefixRows: $1.prefixCount, readoutRows: $1.readoutCount)
        }
        let keepsTiles = bytes <= mostCachedBytes
        func makeTiles() -> [TileMemory<Scalar>] {
            guard keepsTiles else { return [] }
            return tiles.map {
                TileMemory(program, prefixRows: $0.prefixCount, readoutRows: $0.readoutCount)
            }
        }
        tileValues = makeTiles()
        tileGradients = makeTiles()
        lanes = (0..<RowPlan.laneCount).map { _ in
            ProductMemory(program, plan, keepsTiles: keepsTiles)
        }
        inputTangent = AlignedMemory(count: program.inputColumns * plan.inputCount)
        parameterTangent = AlignedMemory(count: program.layout.count)
    }
}

extension AlignedMemory {
    var byteCount: Int { count * MemoryLayout<Scalar>.stride }
}

extension TileMemory {
    var byteCount: Int { prefixes.byteCount + readouts.byteCount }
}

extension NetworkEvaluator {
    /// What is reserved now; short pieces of scratch are left out.
    package var reservedBytes: Int {
        let evaluation = lanes.reduce(inputValue.byteCount + parameterValue.byteCount) {
            $0 + $1.value.byteCount + $1.gradient.byteCount + $1.inputGradient.byteCount
                + $1.parameterGradient.byteCount
        }
        guard let kept = linearization else { return evaluation + (features?.byteCount ?? 0) }
        let tiles = (kept.tileValues + kept.tileGradients).reduce(0) { $0 + $1.byteCount }
        let lanes = kept.lanes.reduce(0) {
            $0 + $1.tangent.byteCount + $1.gradientTangent.byteCount
                + $1.inputGradientTangent.byteCount + $1.parameterGradientTangent.byteCount
                + $1.discardedInputs.byteCount + $1.discardedParameters.byteCount
        }
        return evaluation + (features?.byteCount ?? 0) + tiles + lanes
            + kept.inputTangent.byteCount + kept.parameterTangent.byteCount
    }

    /// Bytes that an evaluator of some examples takes, known before it is made.
    package struct MemoryNeed: Sendable, Equatable {
        /// For values and gradients.
        package let evaluation: Int
        /// For second-order products besides, at most `mostCachedBytes` of them kept activations.
        package let products: Int

        package var total: Int { evaluation + products }
    }

    /// What `init` and the first `linearize(at:)` of an evaluator with the same arguments reserve.
    package static func memoryNeed(
        network: NetworkConfiguration, space: TokenSpace, examples: Examples,
        mostCachedBytes: Int = 1 << 31
    ) -> MemoryNeed {
        let layout = ParameterLayout(network, space)
        let program = NetworkProgram<Scalar>(network, space, layout)
        let plan = RowPlan(
            examples, blockCount: network.isTransformer ? network.layers : 1,
            sharesPrefixes: network.dropout == 0)
        let scalar = MemoryLayout<Scalar>.stride
        // Derivatives of input rows and of parameters are summed in each lane.
        let sums = (program.inputColumns * plan.inputCount + layout.count) * scalar
        let tile = TileMemory<Scalar>.byteCount(
            program, prefixRows: plan.prefixCapacity, readoutRows: plan.readoutCapacity)
        let lane = 2 * tile + sums
        let features = (examples.features.map { $0.count * $0.columnCount } ?? 0) * scalar
        let tiles =
            2
            * plan.tiles[0..<plan.tileCount].reduce(0) {
                $0
                    + TileMemory<Scalar>.byteCount(
                        program, prefixRows: $1.prefixCount, readoutRows: $1.readoutCount)
            }
        let keepsTiles = tiles <= mostCachedBytes
        return MemoryNeed(
            evaluation: RowPlan.laneCount * lane + sums + features,
            products: RowPlan.laneCount * (lane + (keepsTiles ? 0 : sums)) + sums
                + (keepsTiles ? tiles : 0))
    }
}
