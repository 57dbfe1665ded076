internal import Analysis
internal import Checkpoints
package import GRDB
internal import Networks

/// Power per frequency, or per representation, of what has an axis of operands.
///
/// Three questions: the weights of a run (the usual one), one tensor along any axis, and with the
/// network the logits and the hidden layer as functions of two operands.
package struct FourierAnalysis: CheckpointAnalysis {
    package static let kind = AnalysisKind.fourier
    package static let codeVersion = "3"
    package static let view = "fourier_spectra"

    /// What is transformed.
    package enum Subject: Sendable, Equatable {
        /// Every tensor that has an axis of operands, along it.
        case operandAxes
        /// One tensor along an axis, from 0.
        case tensor(String, axis: Int)
        /// The network's logits and hidden layer.
        case network
    }

    package var subject = Subject.operandAxes

    package init() {}

    package var question: Question {
        switch subject {
        case .operandAxes: Question(.fourier)
        case .tensor(let name, let axis):
            Question(.fourier, ["tensor": Question.json(name), "axis": "\(axis)"])
        case .network: Question(.fourier, ["network": "true"], view: "pair_spectra")
        }
    }

    package func check(_ run: AnalysedRun) throws {
        if subject == .network { _ = try GroupGrid(run.model.task) }
    }

    package func prepare(_ run: AnalysedRun) throws -> CheckpointPlan {
        switch subject {
        case .operandAxes: return plan(ofOperandAxes: try? run.model)
        case .tensor(let name, let axis): return plan(ofTensor: name, axis: axis)
        case .network: return try plan(ofNetwork: run.model)
        }
    }

    private func plan(ofOperandAxes model: RunModel?) -> CheckpointPlan {
        let grid = try? model.map { try GroupGrid($0.task) }
        guard let model, let grid else {
            let operands = model?.operands
            return CheckpointPlan { _ in
                { input in try Self.rows(input.weights, operands: operands) }
            }
        }
        return CheckpointPlan { _ in
            { input in
                let spectra = try weightSpectra(
                    of: input.weights, model: model.configuration, task: model.task, grid: grid)
                return spectra.flatMap { SpectrumRow.rows($0, on: grid) }
                    + keyMeasures(spectra).measurementRows
            }
        }
    }

    private func plan(ofTensor name: String, axis: Int) -> CheckpointPlan {
        CheckpointPlan { _ in
            { input in
                guard let tensor = input.weights.first(where: { $0.name == name }) else {
                    throw UserError.missing(
                        subject: "tensor \(name)", cause: "the run has none",
                        advice: "it has "
                            + input.weights.prefix(8).map(\.name).joined(separator: ", "))
                }
                return try Self.spectrum(
                    of: tensor, axis: axis, operands: nil, basis: "cyclic along axis \(axis)")
            }
        }
    }

    private func plan(ofNetwork model: RunModel) throws -> CheckpointPlan {
        CheckpointPlan { surroundings in
            let analysis = try ProgressAnalysis(
                model.configuration, task: model.task, threadCount: surroundings.threadCount)
            return { input in
                let view = try analysis.view(of: input.weights, includingAttention: true)
                return [("logits", view.logits), ("hidden", view.hidden)].flatMap { name, values in
                    PairSpectrumRow.rows(view.grid.pairSpectrum(values), of: name)
                }
                    + neuronMeasures(
                        hidden: view.hidden, attention: view.attention, on: view.grid
                    ).measurementRows
            }
        }
    }

    /// The power per frequency of each tensor that has an axis of tokens, for runs whose task is
    /// unknown or no product in a group.
    ///
    /// `operands` are the tokens that are operands; further tokens, such as `=`, are left out.
    /// Without them the whole axis is transformed.
    static func rows(_ weights: [Tensor], operands: Range<Int>?) throws -> [SpectrumRow] {
        let rows = try weights.flatMap { tensor -> [SpectrumRow] in
            guard let axis = TokenAxis.of(tensor) else { return [] }
            return try spectrum(of: tensor, axis: axis, operands: operands)
        }
        guard !rows.isEmpty else {
            throw UserError.missing(
                subject: "this checkpoint", cause: "no tensor is known to have an axis of operands",
                advice: "choose one with --tensor and --axis")
        }
        return rows
    }

    /// The spectrum of one tensor along its axis of tokens, over the group of the run's task.
    ///
    /// Without a group, or for residues in their own order, by the fast Fourier transform; then the
    /// frequencies are those of the operands, or of the whole axis where the task is unknown.
    static func spectrum(
        of tensor: Tensor, axis: Int, model: RunModel?, grid: GroupGrid?
    ) throws -> [SpectrumRow] {
        if let model, let grid, !grid.isInPlainOrder,
            let spectrum = groupSpectrum(of: tensor, task: model.task, grid: grid)
        {
            return SpectrumRow.rows(spectrum, on: grid)
        }
        return try self.spectrum(of: tensor, axis: axis, operands: model?.operands)
    }

    /// The spectrum of one tensor along an axis; the share leaves the constant out.
    static func spectrum(
        of tensor: Tensor, axis: Int, operands: Range<Int>?, basis: String = "cyclic"
    ) throws -> [SpectrumRow] {
        let kept = operands.flatMap { TokenAxis.slice(tensor, axis: axis, $0) } ?? tensor
        let spectrum = try fourierSpectrum(of: kept, axis: axis)
        let shares = spectrum.shares
        return spectrum.power.enumerated().map { frequency, power in
            SpectrumRow(
                tensor: tensor.name, basis: basis, frequency: frequency, power: power,
                share: shares[frequency])
        }
    }
}

/// The power of one tensor at one frequency.
package struct SpectrumRow: ResultRow, Equatable {
    package let tensor: String
    package let basis: String
    package let frequency: Int
    package let power: Double
    /// The part of the power of all frequencies but 0; nil for frequency 0 and for no power.
    package let share: Double?
    /// The representation's name and dimension; nil for plain frequencies.
    package var component: String?
    package var dimension: Int?

    /// The spectrum of one tensor over a task's group.
    static func rows(_ named: NamedSpectrum, on grid: GroupGrid) -> [SpectrumRow] {
        let shares = named.spectrum.shares
        return zip(grid.orderedComponents, named.spectrum.power).enumerated().map { place, entry in
            SpectrumRow(
                tensor: named.tensor, basis: grid.basis, frequency: place, power: entry.1,
                share: shares[place], component: grid.isCyclic ? nil : entry.0.name,
                dimension: entry.0.dimension)
        }
    }

    package static let insertion = """
        INSERT INTO fourier_spectrum (analysis_key, tensor, basis, frequency, power, share,
            component, dimension)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [tensor, basis, frequency, power, share, component, dimension]
    }
}

/// The power of a function of two operands at one pair of components.
private struct PairSpectrumRow: ResultRow {
    let tensor: String
    let basis: String
    let left: Int
    let right: Int
    let power: Double
    let share: Double?

    static func rows(_ spectrum: PairSpectrum, of name: String) -> [any ResultRow] {
        let count = spectrum.componentCount
        return zip(spectrum.power, spectrum.shares).enumerated().map { place, entry in
            PairSpectrumRow(
                tensor: name, basis: spectrum.basis, left: place / count, right: place % count,
                power: entry.0, share: entry.1)
        }
    }

    static let insertion = "INSERT INTO pair_spectrum VALUES (?, ?, ?, ?, ?, ?, ?)"
    var arguments: [(any DatabaseValueConvertible)?] { [tensor, basis, left, right, power, share] }
}
