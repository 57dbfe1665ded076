package import ArrayMath
package import Checkpoints
internal import Foundation

/// A scalar that networks compute in and that tensors store.
package protocol NetworkScalar: ArrayScalar, TensorElement {}

extension Float: NetworkScalar {}
extension Double: NetworkScalar {}

/// How the first values of one parameter tensor are drawn.
package enum InitialDistribution: Sendable, Equatable {
    case constant(Double)
    case normal(standardDeviation: Double)
    /// Uniform in ±bound.
    case uniform(bound: Double)
}

/// The parameters of a network as consecutive pieces of one flat vector.
package struct ParameterLayout: Sendable, Equatable {
    /// One tensor inside the flat vector.
    package struct Entry: Sendable, Equatable {
        package let name: String
        package let shape: [Int]
        /// Index of its first element in the flat vector.
        package let offset: Int
        package let initial: InitialDistribution
        /// The number of elements.
        package var count: Int { shape.reduce(1, *) }
        /// Its elements in the flat vector.
        package var range: Range<Int> { offset..<offset + count }
    }

    /// In the order of the flat vector.
    package private(set) var entries: [Entry] = []
    /// The number of scalars of all tensors together.
    package private(set) var count = 0

    package init() {}

    /// Adds a tensor at the end of the flat vector.
    package mutating func append(_ name: String, _ shape: [Int], _ initial: InitialDistribution) {
        let entry = Entry(name: name, shape: shape, offset: count, initial: initial)
        entries.append(entry)
        count += entry.count
    }

    /// The entry of a name; nil when the network has no such tensor.
    package func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

    /// The flat vector of stored tensors; tensors of other names are left aside.
    ///
    /// Float tensors of either width convert to the scalar asked for.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package func pack<Scalar: NetworkScalar>(
        _ tensors: [Tensor], as type: Scalar.Type = Scalar.self
    ) throws -> [Scalar] {
        var parameters = [Scalar](repeating: 0, count: count)
        let byName = Dictionary(
            tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for entry in entries {
            guard let tensor = byName[entry.name] else {
                throw UserError.missing(
                    subject: "tensor \(entry.name)", cause: "the checkpoint does not hold it",
                    advice: "the network of this run needs it")
            }
            guard tensor.shape == entry.shape else {
                throw UserError(
                    .failure, subject: "tensor \(entry.name)",
                    cause: "its shape is \(tensor.shape), the network needs \(entry.shape)")
            }
            if tensor.elementType == Scalar.elementType {
                parameters.replaceSubrange(entry.range, with: tensor.values(as: Scalar.self))
            } else if let values = tensor.doubles() {
                parameters.replaceSubrange(entry.range, with: values.map { Scalar($0) })
            } else {
                throw UserError(
                    .failure, subject: "tensor \(entry.name)",
                    cause: "it holds complex numbers, the network needs real ones")
            }
        }
        return parameters
    }

    /// The tensors of a flat vector, in the order of the layout.
    package func unpack<Scalar: NetworkScalar>(_ parameters: [Scalar]) -> [Tensor] {
        precondition(
            parameters.count == count, "\(parameters.count) scalars for \(count) parameters")
        return entries.map {
            Tensor(name: $0.name, shape: $0.shape, values: Array(parameters[$0.range]))
        }
    }

    /// First weights drawn tensor by tensor in the order of the layout, in double precision and
    /// then rounded, so that both widths start from the same numbers.
    package func initialParameters<Scalar: NetworkScalar>(
        using generator: inout some RandomNumberGenerator, as type: Scalar.Type = Scalar.self
    ) -> [Scalar] {
        var parameters = [Scalar](repeating: 0, count: count)
        for entry in entries {
            switch entry.initial {
            case .constant(let value):
                for index in entry.range { parameters[index] = Scalar(value) }
            case .normal(let deviation):
                for index in entry.range {
                    parameters[index] = Scalar(deviation * standardNormal(using: &generator))
                }
            case .uniform(let bound):
                for index in entry.range {
                    parameters[index] = Scalar(Double.random(in: -bound...bound, using: &generator))
                }
            }
        }
        return parameters
    }
}

extension ParameterLayout {
    /// First weights as PyTorch draws those of linear layers after `torch.manual_seed(seed)`: layer
    /// by layer the weights, `[outputs, inputs]` there, then the biases, all uniform and in the
    /// scalar's own type.
    package func torchParameters<Scalar: NetworkScalar>(
        seed: Int, as type: Scalar.Type = Scalar.self
    ) -> [Scalar] {
        var twister = MersenneTwister(seed: seed)
        return torchParameters(using: &twister)
    }

    /// The same from a generator that may have been used before.
    package func torchParameters<Scalar: NetworkScalar>(
        using twister: inout MersenneTwister, as type: Scalar.Type = Scalar.self
    ) -> [Scalar] {
        var parameters = [Scalar](repeating: 0, count: count)
        for entry in entries {
            guard case .uniform(let bound) = entry.initial else {
                preconditionFailure("\(entry.name) is not uniform")
            }
            let columns = entry.shape.count == 2 ? entry.shape[1] : entry.count
            let rows = entry.count / max(columns, 1)
            for place in 0..<entry.count {
                let value: Scalar = twister.torchUniform() * Scalar(2 * bound) - Scalar(bound)
                // The transposed place; a bias is a matrix of one row.
                let (column, row) = (place / rows, place % rows)
                parameters[entry.offset + row * columns + column] = value
            }
        }
        return parameters
    }
}

/// One draw from N(0, 1) by the polar method of Marsaglia, without a cached second value.
private func standardNormal(using generator: inout some RandomNumberGenerator) -> Double {
    while true {
        let x = Double.random(in: -1...1, using: &generator)
        let y = Double.random(in: -1...1, using: &generator)
        let square = x * x + y * y
        if square > 0 && square < 1 { return x * (-2 * log(square) / square).squareRoot() }
    }
}
