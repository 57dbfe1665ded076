internal import ArrayMath

/// A network as a list of operations: its one definition, from which everything else follows.
struct NetworkProgram<Scalar: NetworkScalar> {
    /// On the input rows.
    var inputOperations: [Operation<Scalar>] = []
    /// On the prefix and read-out rows of a tile.
    var tileOperations: [Operation<Scalar>] = []
    /// Columns of all slots of each domain together.
    var inputColumns = 0
    var prefixColumns = 0
    var readoutColumns = 0
    /// Input slots whose derivatives come from tiles, and so from several lanes.
    var sharedInputs: [Slot] = []
    var logits = Slot(domain: .readouts, columns: 0, firstColumn: 0)
    /// Outputs of the hidden layers, by block.
    var hidden: [Slot] = []
    /// Attention probabilities, by block.
    var attention: [Slot] = []
    /// The residual stream after each block.
    var residual: [Slot] = []
    /// The residual stream between attention and hidden layer, by block.
    var middle: [Slot] = []
    /// Stored matrices that the engine keeps as `[width, heads · headWidth]` instead of
    /// `[heads, width, headWidth]`, so that all heads are one product.
    var headMatrices: [ParameterLayout.Entry] = []

    let network: NetworkConfiguration
    let space: TokenSpace
    let layout: ParameterLayout

    init(_ network: NetworkConfiguration, _ space: TokenSpace, _ layout: ParameterLayout) {
        self.network = network
        self.space = space
        self.layout = layout
        switch network.kind {
        case .transformer, .attentionOnly: buildTransformer()
        case .mlp, .oneHot: buildHiddenLayer()
        case .feedforward: buildFeedforward()
        }
        Operation.assignFirstToAdd(inputOperations + tileOperations)
        for slot in tileOperations.flatMap(\.reads) where slot.domain == .inputs {
            if !sharedInputs.contains(where: { $0.firstColumn == slot.firstColumn }) {
                sharedInputs.append(slot)
            }
        }
    }

    /// A new matrix of activations.
    mutating func slot(_ domain: RowDomain, _ columns: Int) -> Slot {
        switch domain {
        case .inputs:
            inputColumns += columns
            return Slot(domain: domain, columns: columns, firstColumn: inputColumns - columns)
        case .prefixes:
            prefixColumns += columns
            return Slot(domain: domain, columns: columns, firstColumn: prefixColumns - columns)
        case .readouts:
            readoutColumns += columns
            return Slot(domain: domain, columns: columns, firstColumn: readoutColumns - columns)
        }
    }

    /// Appends an operation to the list of its domain.
    mutating func append(_ operation: Operation<Scalar>, on domain: RowDomain) {
        if domain == .inputs {
            inputOperations.append(operation)
        } else {
            tileOperations.append(operation)
        }
    }

    /// Where a parameter of the layout starts; nil when the network has none of this name.
    func offset(_ name: String) -> Int? { layout.entry(name)?.offset }

    /// Where a parameter starts that every network of this kind has.
    func required(_ name: String) -> Int {
        guard let offset = offset(name) else { preconditionFailure("no parameter \(name)") }
        return offset
    }
}

extension NetworkProgram {
    /// The networks of one hidden layer: every token's share of the hidden layer is an input row,
    /// so that an example costs one sum per neuron before the unembedding.
    private mutating func buildHiddenLayer() {
        let hidden = network.hiddenWidth
        let share = slot(.inputs, hidden)
        if network.kind == .mlp {
            let columns = network.embeddingWidth
            let embedded = slot(.inputs, columns)
            let sides = ["left_embedding", "right_embedding"].map { required($0) }
            append(EmbeddingOperation(embeddings: sides, into: embedded), on: .inputs)
            for position in 0..<2 {
                append(
                    LinearOperation(
                        embedded, weight: required("hidden") + position * columns * hidden,
                        rows: .position(position), into: share), on: .inputs)
            }
        } else {
            let blocks = (0..<space.length).map {
                required("hidden") + $0 * space.vocabulary * hidden
            }
            append(EmbeddingOperation(embeddings: blocks, into: share), on: .inputs)
        }
        let sum = slot(.readouts, hidden)
        append(SourceSumOperation(share, into: sum), on: .readouts)
        if let bias = offset("hidden_bias") {
            append(BiasOperation(sum, bias: bias), on: .readouts)
        }
        let activated = appendActivation(sum, on: .readouts)
        self.hidden = [activated]
        logits = slot(.readouts, space.classCount)
        append(
            LinearOperation(
                activated, weight: required("unembedding"), bias: offset("unembedding_bias"),
                into: logits), on: .readouts)
    }
}
