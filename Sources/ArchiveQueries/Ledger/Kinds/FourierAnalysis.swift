internal import Analysis
internal import Checkpoints
package import GRDB

/// Power per frequency of the tensors that have an axis of tokens.
struct FourierAnalysis: AnalysisDefinition {
    let codeVersion = "1"
    let view = "fourier_spectra"

    func question(_ settings: AnalysisSettings) -> Question {
        Question(kind: .fourier, parameters: "{}", split: nil, dtype: "float64", seed: nil)
    }

    func prepare(_ run: AnalysedRun, settings: AnalysisSettings) throws -> CheckpointPlan {
        let operands = (try? run.model)?.operands
        return CheckpointPlan { _ in
            { input in try Self.rows(input.weights, operands: operands) }
        }
    }

    /// The power per frequency of each tensor that has an axis of tokens.
    ///
    /// `operands` are the tokens that are operands; further tokens, such as `=`, are left out.
    /// Without them the whole axis is transformed.
    static func rows(_ weights: [Tensor], operands: Range<Int>?) throws -> [SpectrumRow] {
        try weights.flatMap { tensor -> [SpectrumRow] in
            guard let axis = TokenAxis.of(tensor) else { return [] }
            return try spectrum(of: tensor, axis: axis, operands: operands)
        }
    }

    /// The spectrum of one tensor along an axis; the share leaves the constant out.
    static func spectrum(
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
}

/// The power of one tensor at one frequency.
package struct SpectrumRow: ResultRow, Equatable {
    package let tensor: String
    package let basis: String
    package let frequency: Int
    package let power: Double
    /// The part of the power of all frequencies but 0; nil for frequency 0 and for no power.
    package let share: Double?

    package static let insertion = """
        INSERT INTO fourier_spectrum (analysis_key, tensor, basis, frequency, power, share)
        VALUES (?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [tensor, basis, frequency, power, share]
    }
}
