internal import ArrayMath
internal import VectorMath

/// The kinds of rows a network computes; `RowPlan` says which rows there are.
enum RowDomain {
    case inputs
    case prefixes
    case readouts
}

/// The place of one matrix of activations: all rows of a domain, `columns` wide.
struct Slot {
    let domain: RowDomain
    let columns: Int
    /// Columns of the domain's slots before this one.
    let firstColumn: Int
}

/// The versions of a matrix of activations.
enum Version {
    case value
    case gradient
    case tangent
    case gradientTangent
}

/// The activations of one domain: each slot in four versions.
struct DomainMemory<Scalar: NetworkScalar> {
    /// The values of the forward pass.
    var value: UnsafeMutablePointer<Scalar>
    /// Derivatives of the loss with respect to the values.
    var gradient: UnsafeMutablePointer<Scalar>
    /// Changes of the values along the direction of a product.
    var tangent: UnsafeMutablePointer<Scalar>
    /// Changes of the derivatives along that direction.
    var gradientTangent: UnsafeMutablePointer<Scalar>
    /// Rows that each slot has room for.
    var capacity: Int
    /// The rows to compute.
    var rows: Range<Int>
    /// Rows from here on are read out.
    var firstQuery: Int
}

/// The parameters, or a direction or gradient in their space, in the order the engine works in.
struct ParameterMemory<Scalar: NetworkScalar> {
    var value: UnsafeMutablePointer<Scalar>
    var gradient: UnsafeMutablePointer<Scalar>
    var tangent: UnsafeMutablePointer<Scalar>
    var gradientTangent: UnsafeMutablePointer<Scalar>
}

/// Everything an operation needs to know about the tile (or the input rows) it works on.
struct Frame<Scalar: NetworkScalar> {
    var inputs: DomainMemory<Scalar>
    var prefixes: DomainMemory<Scalar>
    var readouts: DomainMemory<Scalar>
    var parameters: ParameterMemory<Scalar>
    let plan: RowPlan
    var tile: RowPlan.Tile
    /// Room for one row's scores or logits, and then some.
    var scratch: UnsafeMutablePointer<Scalar>
    /// What random numbers of a training step depend on; nil outside training.
    var dropoutKey: UInt64?
    /// The real inputs of all examples, row-major; nil where examples are tokens.
    var features: UnsafePointer<Scalar>?

    subscript(domain: RowDomain) -> DomainMemory<Scalar> {
        switch domain {
        case .inputs: inputs
        case .prefixes: prefixes
        case .readouts: readouts
        }
    }

    func matrix(_ slot: Slot, _ version: Version) -> UnsafeMutablePointer<Scalar> {
        let memory = self[slot.domain]
        let base =
            switch version {
            case .value: memory.value
            case .gradient: memory.gradient
            case .tangent: memory.tangent
            case .gradientTangent: memory.gradientTangent
            }
        return base + slot.firstColumn * memory.capacity
    }

    func value(_ slot: Slot) -> UnsafeMutablePointer<Scalar> { matrix(slot, .value) }
    func gradient(_ slot: Slot) -> UnsafeMutablePointer<Scalar> { matrix(slot, .gradient) }
    func tangent(_ slot: Slot) -> UnsafeMutablePointer<Scalar> { matrix(slot, .tangent) }
    func gradientTangent(_ slot: Slot) -> UnsafeMutablePointer<Scalar> {
        matrix(slot, .gradientTangent)
    }

    /// For each row of `domain`, the rows of `source` that its tokens stand for.
    func table(of domain: RowDomain, into source: RowDomain) -> SourceTable {
        let length = plan.length
        switch domain {
        case .prefixes:
            let table = source == .inputs ? plan.prefixInputs : plan.prefixSources
            return SourceTable(
                sources: UnsafePointer(table + tile.firstPrefix * length),
                positions: UnsafePointer(plan.prefixPositions + tile.firstPrefix), length: length)
        case .readouts:
            return SourceTable(
                sources: UnsafePointer(plan.readoutSources + tile.firstReadout * length),
                positions: UnsafePointer(plan.readoutPositions + tile.firstReadout), length: length)
        case .inputs: preconditionFailure("input rows have no sources")
        }
    }
}
