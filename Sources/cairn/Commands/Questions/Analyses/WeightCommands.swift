internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints

/// `cairn analyze norms`.
struct NormsCommand: AnalysisCommand {
    static let configuration = describe(
        .norms, "Sizes of each tensor and of all weights, and how far they moved.")

    @OptionGroup var options: AnalysisOptions

    func analyses() -> [any LedgerAnalysis] { [NormsAnalysis()] }
}

/// `cairn analyze tails`.
struct TailsCommand: AnalysisCommand {
    static let configuration = describe(
        .tails, "Power laws and correlation traps in the singular values of each tensor.")

    @OptionGroup var options: AnalysisOptions

    @Option(help: ArgumentHelp("The seed of the shuffled matrices.", valueName: "seed"))
    var seed = 0

    func analyses() -> [any LedgerAnalysis] {
        var analysis = TailsAnalysis()
        analysis.seed = seed
        return [analysis]
    }
}

/// `cairn analyze fourier`.
struct FourierCommand: AnalysisCommand {
    static let configuration = describe(
        .fourier, "Power per frequency, or per representation, of what has an axis of operands.")

    @OptionGroup var options: AnalysisOptions

    @Option(
        help: ArgumentHelp("The tensor to transform, whatever its axes are.", valueName: "name"),
        completion: NameCompletion.tensors)
    var tensor: String?

    @Option(help: ArgumentHelp("The axis of that tensor, from 0.", valueName: "axis"))
    var axis: Int?

    @Flag(help: "Transform logits and hidden layer as functions of two operands.")
    var network = false

    func analyses() throws -> [any LedgerAnalysis] {
        var analysis = FourierAnalysis()
        if let tensor {
            guard !network else {
                throw UserError.usage(
                    subject: "--network", cause: "it does not go with --tensor",
                    advice: "ask for one after the other")
            }
            analysis.subject = .tensor(tensor, axis: try OptionCheck.count(axis ?? 0, "--axis"))
        } else if let axis {
            throw UserError.usage(
                subject: "--axis \(axis)", cause: "it is the axis of no tensor",
                advice: "name one with --tensor")
        } else if network {
            analysis.subject = .network
        }
        return [analysis]
    }
}

/// `cairn analyze progress`.
struct ProgressCommand: AnalysisCommand {
    static let configuration = describe(
        .progress,
        "Restricted and excluded losses and what belongs to them, and the phases of a run.")

    @OptionGroup var options: AnalysisOptions

    @Option(
        help: ArgumentHelp(
            "Frequencies or representations, by commas (those of the final weights).",
            valueName: "keys"))
    var keys: String?

    @Flag(help: "Also the losses after parts of the hidden layer are replaced.")
    var ablations = false

    @Flag(help: "For cyclic groups also the measures by representation.")
    var irreps = false

    func analyses() -> [any LedgerAnalysis] {
        var analysis = ProgressMeasuresAnalysis()
        analysis.keys = keys.map { $0.split(separator: ",").map { String($0) } }
        analysis.includesAblations = ablations
        analysis.includesIrreps = irreps
        return [analysis]
    }
}

/// `cairn analyze geometry`.
struct GeometryCommand: AnalysisCommand {
    static let configuration = describe(
        .geometry, "Shape of embeddings, hidden layers and updates.")

    @OptionGroup var options: AnalysisOptions

    func analyses() -> [any LedgerAnalysis] { [GeometryMeasuresAnalysis()] }
}

/// `cairn analyze grokking`.
struct GrokkingCommand: AnalysisCommand {
    static let configuration = describe(
        .grokking, "Times of memorisation and generalisation, from the curves.")

    @OptionGroup var options: AnalysisOptions

    @Option(help: ArgumentHelp("The accuracy that counts as solved (0.99).", valueName: "share"))
    var threshold: Double?

    @Option(
        help: ArgumentHelp(
            "The loss that counts as solved, for runs without accuracies (0.01): in nats, for "
                + "squared errors as a share of the loss of guessing.",
            valueName: "loss"))
    var lossThreshold: Double?

    func analyses() throws -> [any LedgerAnalysis] {
        var analysis = GrokkingTimesAnalysis()
        if let threshold {
            analysis.threshold = try OptionCheck.number(
                threshold, "--threshold", { $0 > 0 && $0 <= 1 }, "it is no accuracy",
                "choose a number above 0 and at most 1")
        }
        if let lossThreshold {
            analysis.lossThreshold = try OptionCheck.number(
                lossThreshold, "--loss-threshold", { $0 > 0 && $0.isFinite }, "it is no loss",
                "choose a positive number")
        }
        return [analysis]
    }
}
