internal import Analysis
internal import ArrayMath
internal import Checkpoints

/// The scalars over the tensors of an archive.
struct TensorFunctions {
    let reader: WeightReader

    var all: [ScalarFunction] {
        [
            measure(FunctionCatalogue.l2Norm) { VectorSizes(of: $0).norm(of: $0) },
            measure(FunctionCatalogue.rmsNorm) {
                $0.isEmpty
                    ? nil : VectorSizes(of: $0).norm(of: $0) / Double($0.count).squareRoot()
            },
            measure(FunctionCatalogue.maxNorm) { VectorSizes(of: $0).largestMagnitude },
            norms(FunctionCatalogue.spectralNorm) { $0.spectral },
            norms(FunctionCatalogue.stableRank) { $0.stableRank },
            norms(FunctionCatalogue.effectiveRank) { $0.effectiveRank },
            compare(FunctionCatalogue.distance) { first, second in
                vectorNorm(zip(first, second).map { $0 - $1 })
            },
            compare(FunctionCatalogue.cosine) { first, second in
                let lengths = vectorNorm(first) * vectorNorm(second)
                guard lengths > 0 else { return nil }
                let product = zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
                return min(max(product / lengths, -1), 1)
            },
            element,
        ]
    }

    /// The values of one tensor, or of all tensors in name order for `total`; nil where missing.
    private func values(_ run: String, _ step: Int, _ name: String) throws -> [Double]? {
        if let tensor = try reader.tensor(run, step, name) { return tensor.doubles }
        guard name == WeightNorms.totalName else { return nil }
        return try reader.weights(run, step)?.flatMap { $0.doubles() ?? [] }
    }

    private func measure(
        _ description: FunctionDescription, _ body: @escaping ([Double]) -> Double?
    ) -> ScalarFunction {
        ScalarFunction(description) { arguments in
            let values = try values(
                try arguments.text(0, "run"), try arguments.integer(1, "step"),
                try arguments.text(2, "tensor"))
            return values.flatMap(body).map { .real($0) } ?? .null
        }
    }

    private func norms(
        _ description: FunctionDescription, _ body: @escaping (WeightNorms) -> Double?
    ) -> ScalarFunction {
        ScalarFunction(description) { arguments in
            let tensor = try reader.tensor(
                try arguments.text(0, "run"), try arguments.integer(1, "step"),
                try arguments.text(2, "tensor"))
            guard let tensor, let norms = weightNorms(of: tensor.tensor) else { return .null }
            return body(norms).map { .real($0) } ?? .null
        }
    }

    private func compare(
        _ description: FunctionDescription, _ body: @escaping ([Double], [Double]) -> Double?
    ) -> ScalarFunction {
        ScalarFunction(description) { arguments in
            let run = try arguments.text(0, "run")
            let name = try arguments.text(3, "tensor")
            guard let first = try values(run, try arguments.integer(1, "step_a"), name),
                let second = try values(run, try arguments.integer(2, "step_b"), name),
                first.count == second.count
            else { return .null }
            return body(first, second).map { .real($0) } ?? .null
        }
    }

    private var element: ScalarFunction {
        ScalarFunction(FunctionCatalogue.weight) { arguments in
            let tensor = try reader.tensor(
                try arguments.text(0, "run"), try arguments.integer(1, "step"),
                try arguments.text(2, "tensor"))
            guard let tensor,
                let offset = try ElementIndex.offset(
                    of: arguments, from: 3, in: tensor.tensor.shape),
                let values = tensor.doubles
            else { return .null }
            return .real(values[offset])
        }
    }
}

/// The place of an element in row-major order.
enum ElementIndex {
    /// The offset that the indices in a call mean; nil outside the shape.
    ///
    /// Errors: not as many indices as the tensor has axes.
    static func offset(
        of arguments: FunctionArguments, from first: Int, in shape: [Int]
    ) throws -> Int? {
        let given = arguments.values.count - first
        guard given == max(shape.count, 1) else {
            throw UserError.usage(
                subject: arguments.function,
                cause: "the tensor has the shape \(shape), so it takes \(max(shape.count, 1)) "
                    + "indices and not \(given)")
        }
        var offset = 0
        for (axis, extent) in (shape.isEmpty ? [1] : shape).enumerated() {
            let index = try arguments.integer(first + axis, "index \(axis)")
            guard (0..<extent).contains(index) else { return nil }
            offset = offset * extent + index
        }
        return offset
    }

    /// The indices of an element as a JSON array.
    static func position(of offset: Int, in shape: [Int]) -> String {
        var rest = offset
        var indices: [Int] = []
        for extent in shape.reversed() {
            indices.append(rest % extent)
            rest /= extent
        }
        return "[" + indices.reversed().map(String.init).joined(separator: ",") + "]"
    }
}
