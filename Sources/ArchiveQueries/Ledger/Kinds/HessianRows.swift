package import Analysis
package import ArrayMath
package import GRDB

/// One eigenvalue of a matrix of curvature.
package struct EigenvalueRow: ResultRow, Equatable {
    package let value: CurvatureEigenvalue
    package let curvature: CurvatureOperator
    package let split: ExampleSplit

    init(_ value: CurvatureEigenvalue, curvature: CurvatureOperator, split: ExampleSplit) {
        self.value = value
        self.curvature = curvature
        self.split = split
    }

    package static let insertion =
        "INSERT INTO hessian_eigenvalue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    package var arguments: [(any DatabaseValueConvertible)?] {
        [
            curvature.rawValue, split.rawValue, value.side.rawValue, value.rank, value.eigenvalue,
            value.residual, value.converged, value.method,
        ]
    }
}

/// The trace of a matrix of curvature, or of one tensor's block.
package struct TraceRow: ResultRow {
    package let estimate: TraceEstimate
    /// `total` for the whole matrix.
    package let tensor: String
    package let method: String
    package let curvature: CurvatureOperator
    package let split: ExampleSplit

    init(
        _ estimate: TraceEstimate, tensor: String, method: String, curvature: CurvatureOperator,
        split: ExampleSplit
    ) {
        self.estimate = estimate
        self.tensor = tensor
        self.method = method
        self.curvature = curvature
        self.split = split
    }

    package static let insertion = """
        INSERT INTO hessian_trace (analysis_key, operator, split, tensor, method, trace,
            standard_error, product_count)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [
            curvature.rawValue, split.rawValue, tensor, method, estimate.trace,
            estimate.standardError, estimate.productCount,
        ]
    }
}

/// One node of the spectral density's quadrature.
package struct DensityRow: ResultRow {
    package let probe: Int
    package let place: Int
    package let node: SpectralDensity.Node
    package let curvature: CurvatureOperator
    package let split: ExampleSplit

    package static let insertion = """
        INSERT INTO hessian_density (analysis_key, operator, split, probe, node, eigenvalue, weight)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [curvature.rawValue, split.rawValue, probe, place, node.eigenvalue, node.weight]
    }
}

/// One eigenvalue of a tensor's diagonal block.
package struct BlockEigenvalueRow: ResultRow {
    package let value: CurvatureEigenvalue
    package let tensor: String
    package let curvature: CurvatureOperator
    package let split: ExampleSplit

    init(
        _ value: CurvatureEigenvalue, tensor: String, curvature: CurvatureOperator,
        split: ExampleSplit
    ) {
        self.value = value
        self.tensor = tensor
        self.curvature = curvature
        self.split = split
    }

    package static let insertion = """
        INSERT INTO hessian_block (analysis_key, operator, split, tensor, rank, eigenvalue,
            residual, converged)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [
            curvature.rawValue, split.rawValue, tensor, value.rank, value.eigenvalue,
            value.residual, value.converged,
        ]
    }
}

/// One sharpness of the loss.
package struct SharpnessRow: ResultRow {
    private let columns: [(any DatabaseValueConvertible & Sendable)?]

    init(_ value: PreconditionedSharpness, split: ExampleSplit) {
        // Without a step there is no threshold: infinity would read as a number.
        func threshold(_ value: Double) -> Double? { value.isFinite ? value : nil }
        columns = [
            "preconditioned", split.rawValue, value.sharpness, value.residual, value.converged,
            value.learningRate, threshold(value.threshold), threshold(value.thresholdWithDecay),
            nil, nil, nil, nil, nil,
        ]
    }

    init(_ value: KeskarSharpnesses, split: ExampleSplit) {
        columns = [
            "keskar", split.rawValue, value.median, nil, nil, nil, nil, nil,
            value.largest.lossAtCentre, value.largest.largestLoss, value.subspaces.count,
            value.smallest, value.largest.sharpness,
        ]
    }

    package static let insertion = """
        INSERT INTO sharpness (analysis_key, measure, split, value, residual, converged,
            learning_rate, threshold, threshold_with_decay, loss, largest_loss,
            subspace_count, low, high)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] { columns.map { $0 } }
}
