internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints

/// One training run of an archive.
///
/// Every tensor that is read is compared with its recorded SHA-256: altered weights throw an error
/// of the kind ``ArchiveError/Kind-swift.enum/damaged`` and are never returned.
public struct ArchivedRun: Sendable, Identifiable {
    private let stored: StoredRun
    private let reader: ArchiveReader

    init(_ stored: StoredRun, of reader: ArchiveReader) {
        self.stored = stored
        self.reader = reader
    }

    /// The id, unique across archives.
    public var id: String { stored.id }

    /// The name for people; several runs may have the same.
    public var name: String { stored.name }

    /// `running`, `finished`, `interrupted`, `failed` or `imported`.
    public var status: String { stored.status.rawValue }

    /// The steps with a stored checkpoint, rising; step *s* holds the weights after *s* updates.
    public var steps: [Int] { stored.steps }

    /// Names, shapes and number types of the weights, the same at every step.
    public var tensors: [TensorDescription] {
        stored.layout.entries.map {
            TensorDescription(name: $0.name, shape: $0.shape, elementType: $0.elementType.rawValue)
        }
    }

    /// The settings that the run was made with, by name.
    public func settings() throws(ArchiveError) -> [String: Scalar] {
        try ArchiveError.mapping {
            // Imported files may name one setting twice; the first is the one that SQL shows.
            Dictionary(
                try stored.run.hyperparameters.map { ($0.name, Scalar($0.value)) },
                uniquingKeysWith: { first, _ in first })
        }
    }

    /// The names of the recorded curves, such as `train_loss` (in nats) and `test_accuracy` (0 to 1).
    public func curveNames() throws(ArchiveError) -> [String] {
        try ArchiveError.mapping { try stored.metricNames() }
    }

    /// All points of a curve in step order, nothing thinned out; no points where there is no such
    /// curve.
    public func curve(_ name: String) throws(ArchiveError) -> [CurvePoint] {
        try ArchiveError.mapping {
            try stored.metric(name).map { CurvePoint(step: $0.step, value: $0.value) }
        }
    }

    /// The rows that a documented view has for this run, such as `hessian_eigenvalues`,
    /// `weight_norms`, `grokking_times` or `analyses`.
    ///
    /// - Parameters:
    ///   - view: The name of a view with a column `run`.
    ///   - step: Only the rows of this step; nil for all of them.
    /// - Returns: All columns of the view, in the view's order.
    /// - Throws: Where there is no such view, or where it has no column `run` (or `step`).
    public func results(in view: String, at step: Int? = nil) throws(ArchiveError) -> Rows {
        let statement = "SELECT * FROM \(SQLSession.quoted(view)) AS v WHERE v.run = :run"
        guard let step else { return try reader.rows(statement, parameters: ["run": .text(id)]) }
        return try reader.rows(
            statement + " AND v.step = :step",
            parameters: ["run": .text(id), "step": .integer(Int64(step))])
    }

    /// One tensor after `step` updates.
    ///
    /// Throws where the run has no such tensor or no checkpoint at this step.
    public func tensor(_ name: String, at step: Int) throws(ArchiveError) -> TensorValues {
        try ArchiveError.mapping {
            let tensor = try stored.tensor(name, at: step)
            return TensorValues(
                steps: [step], shape: tensor.shape, type: tensor.elementType, bytes: tensor.bytes)
        }
    }

    /// One tensor at all stored steps or at the given ones, as one array `[steps, shape…]`.
    ///
    /// Packed checkpoints are read in large pieces, which is much faster than step by step. Throws
    /// where the run has no such tensor or no checkpoint at one of the steps.
    public func trajectory(
        of name: String, steps: [Int]? = nil
    ) throws(ArchiveError) -> TensorValues {
        try ArchiveError.mapping {
            let trajectory = try stored.trajectory(of: name, steps: steps)
            return TensorValues(
                steps: trajectory.steps, shape: [trajectory.steps.count] + trajectory.shape,
                type: trajectory.elementType, bytes: trajectory.bytes)
        }
    }
}

/// One point of a curve.
public struct CurvePoint: Sendable, Hashable {
    /// Updates done when the value was measured.
    public let step: Int
    /// The value; may be NaN or infinite, as it was recorded.
    public let value: Double
}
