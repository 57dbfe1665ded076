internal import Analysis
internal import ArrayMath
package import Checkpoints
internal import Networks

/// The analyses of one checkpoint, as pure functions from what was read to the rows to store.
package enum CheckpointAnalyses {
    /// The norms of each tensor and of their total.
    package static func norms(_ weights: [Tensor]) -> [ResultRow] {
        weightNorms(of: weights).map(ResultRow.norm)
    }

    /// The power per frequency of each tensor that has an axis of tokens.
    ///
    /// `operands` are the tokens that are operands; further tokens, such as `=`, are left out.
    /// Without them the whole axis is transformed.
    package static func fourier(
        _ weights: [Tensor], operands: Range<Int>?
    ) throws -> [ResultRow] {
        try weights.flatMap { tensor -> [ResultRow] in
            guard let axis = TokenAxis.of(tensor) else { return [] }
            return try spectrum(of: tensor, axis: axis, operands: operands).map(
                ResultRow.spectrum)
        }
    }

    /// The spectrum of one tensor along an axis; the share leaves the constant out.
    package static func spectrum(
        of tensor: Tensor, axis: Int, operands: Range<Int>?
    ) throws -> [SpectrumRow] {
        let kept = operands.flatMap { TokenAxis.slice(tensor, axis: axis, $0) } ?? tensor
        let spectrum = try fourierSpectrum(of: kept, axis: axis)
        let shares = spectrum.shares
        return spectrum.power.enumerated().map { frequency, power in
            SpectrumRow(
                tensor: tensor.name, basis: "cyclic", frequency: frequency, power: power,
                share: shares[frequency])
        }
    }

    /// The extreme eigenvalues of the loss's curvature, and a start for the next checkpoint.
    ///
    /// Errors: weights that do not fit the network or are not finite.
    static func curvature(
        _ weights: [Tensor], model: RunModel, settings: AnalysisSettings, warmStart: [Double]?,
        threadCount: Int, watch: @escaping () throws -> Void
    ) throws -> (rows: [ResultRow], warmStart: [Double]?) {
        let spectrum =
            settings.precision == .float32
            ? try spectrum(Float.self, weights, model, settings, warmStart, threadCount, watch)
            : try spectrum(Double.self, weights, model, settings, warmStart, threadCount, watch)
        return (
            spectrum.eigenvalues.map {
                .eigenvalue($0, curvature: settings.curvature, split: settings.split)
            }, spectrum.warmStart
        )
    }

    private static func spectrum<Scalar: NetworkScalar>(
        _ type: Scalar.Type, _ weights: [Tensor], _ model: RunModel, _ settings: AnalysisSettings,
        _ warmStart: [Double]?, _ threadCount: Int, _ watch: @escaping () throws -> Void
    ) throws -> CurvatureSpectrum {
        let parameters: [Scalar] = try model.layout.pack(weights)
        let evaluator = try model.configuration.evaluator(
            for: model.task, examples: model.examples(settings.split), threadCount: threadCount,
            as: type)
        let matrix = curvatureOperator(settings.curvature, of: evaluator, at: parameters)
        // Asked between products, so that an interruption ends a long search soon.
        let watched = LinearOperator(dimension: matrix.dimension) { vector, result in
            try watch()
            try matrix.apply(vector, result)
        }
        return try curvatureSpectrum(
            of: watched,
            options: LanczosOptions(
                top: settings.top, bottom: settings.bottom, tolerance: settings.tolerance,
                seed: UInt64(settings.seed), start: warmStart))
    }
}

/// Which axis of a tensor runs over tokens.
package enum TokenAxis {
    /// The axis by the tensor's name; nil for tensors without one.
    package static func of(_ tensor: Tensor) -> Int? {
        switch tensor.name {
        case "embedding", "left_embedding", "right_embedding":
            tensor.shape.count == 2 ? 0 : nil
        case "unembedding": tensor.shape.count == 2 ? 1 : nil
        default: nil
        }
    }

    /// The entries in a range along an axis of a matrix; nil where the matrix has no such range.
    static func slice(_ tensor: Tensor, axis: Int, _ range: Range<Int>) -> Tensor? {
        guard tensor.shape.count == 2, tensor.shape.indices.contains(axis), !range.isEmpty,
            range.upperBound <= tensor.shape[axis]
        else { return nil }
        let element = tensor.elementType.byteCount
        let row = tensor.shape[1] * element
        let rows = axis == 0 ? range : 0..<tensor.shape[0]
        let columns = axis == 1 ? range : 0..<tensor.shape[1]
        let bytes = rows.flatMap { index in
            tensor.bytes[
                (index * row + columns.lowerBound * element)..<(index * row + columns.upperBound
                    * element)]
        }
        return Tensor(
            name: tensor.name, shape: [rows.count, columns.count], elementType: tensor.elementType,
            bytes: bytes)
    }
}
