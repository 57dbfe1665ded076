internal import Analysis
internal import ArchiveQueries
internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints

/// `cairn analyze topology`.
struct TopologyCommand: AnalysisCommand {
    static let configuration = describe(
        .topology, "Loops and merging components of the rows of embeddings.")

    @OptionGroup var options: AnalysisOptions

    @Option(
        help: ArgumentHelp("The seed of the rows, where there are too many.", valueName: "seed"))
    var seed = 0

    func analyses() -> [any LedgerAnalysis] {
        var analysis = TopologyAnalysis()
        analysis.seed = seed
        return [analysis]
    }
}

/// `cairn analyze similarity`.
struct SimilarityCommand: AnalysisCommand {
    static let configuration = describe(
        .similarity,
        "How alike layers are to the checkpoint before, to the last and to one of any run.")

    @OptionGroup var options: AnalysisOptions

    @Option(
        help: ArgumentHelp(
            "A further checkpoint to compare with, RUN@STEP.", valueName: "checkpoint"))
    var to: String?

    @Option(
        help: ArgumentHelp("The seed of the rows hidden layers are compared on.", valueName: "seed")
    )
    var seed = 0

    func analyses() throws -> [any LedgerAnalysis] {
        var analysis = SimilarityAnalysis()
        analysis.seed = seed
        if let to {
            let reference = try CheckpointReference(to)
            let run = try ArchiveAccess(options.common).openReadOnly()
                .run(matching: reference.run)
            analysis.other = SimilarityAnalysis.Reference(
                run: run.id, step: try reference.step(among: run.steps))
        }
        return [analysis]
    }
}

/// `cairn analyze gradients`.
struct GradientsCommand: AnalysisCommand {
    static let configuration = describe(
        .gradients, "The noise scale of gradients, and their spectral edge over checkpoints.")

    @OptionGroup var options: AnalysisOptions

    @Option(
        help: ArgumentHelp("Examples whose own gradient is computed, at most.", valueName: "count"))
    var samples = 512

    @Option(help: ArgumentHelp("The seed of their choice.", valueName: "seed"))
    var seed = 0

    @Option(help: ArgumentHelp("train, test or all examples.", valueName: "which"))
    var split: String?

    func analyses() throws -> [any LedgerAnalysis] {
        var analysis = GradientsAnalysis()
        analysis.samples = try OptionCheck.count(samples, "--samples", least: 2)
        analysis.seed = seed
        if let split { analysis.split = try Choice.read(split, option: "--split") }
        return [analysis]
    }
}

/// `cairn analyze landscape`.
struct LandscapeCommand: AnalysisCommand {
    static let configuration = describe(
        .landscape, "Loss and accuracy of the weights times factors from 1/10 to 10.")

    @OptionGroup var options: AnalysisOptions

    @Option(help: ArgumentHelp("How many factors.", valueName: "count"))
    var factors = 21

    func analyses() throws -> [any LedgerAnalysis] {
        var analysis = LandscapeAnalysis()
        analysis.factors = try OptionCheck.count(factors, "--factors", least: 1)
        return [analysis]
    }
}

/// `cairn analyze learning_coefficient`.
struct LearningCoefficientCommand: AnalysisCommand {
    static let configuration = describe(
        .learningCoefficient,
        "The local learning coefficient by Langevin sampling, with its diagnostics.")

    @OptionGroup var options: AnalysisOptions

    @Option(help: ArgumentHelp("Chains, each with its own seed.", valueName: "count"))
    var chains = 4

    @Option(help: ArgumentHelp("Steps of each chain that are not counted.", valueName: "count"))
    var burnIn = 400

    @Option(help: ArgumentHelp("Steps of each chain that are counted.", valueName: "count"))
    var draws = 400

    @Option(help: ArgumentHelp("The step size ε.", valueName: "size"))
    var stepSize = 2.5e-4

    @Option(help: ArgumentHelp("The pull γ back to the weights.", valueName: "strength"))
    var localization = 100.0

    @Option(help: ArgumentHelp("nβ (N / ln N of N examples).", valueName: "number"))
    var temperature: Double?

    @Option(help: ArgumentHelp("Examples of each gradient (all).", valueName: "count"))
    var batch: Int?

    @Option(help: ArgumentHelp("none or rmsprop.", valueName: "rule"))
    var preconditioner: String?

    @Option(help: ArgumentHelp("train, test or all examples.", valueName: "which"))
    var split: String?

    @Option(help: ArgumentHelp("The seed of what is drawn.", valueName: "seed"))
    var seed = 0

    func analyses() throws -> [any LedgerAnalysis] {
        func positive(_ value: Double, _ option: String) throws -> Double {
            try OptionCheck.number(
                value, option, { $0 > 0 && $0.isFinite }, "it is out of range",
                "choose a positive number")
        }
        var analysis = LearningCoefficientAnalysis()
        analysis.settings.chains = try OptionCheck.count(chains, "--chains", least: 1)
        analysis.settings.burnIn = try OptionCheck.count(burnIn, "--burn-in")
        analysis.settings.draws = try OptionCheck.count(draws, "--draws", least: 1)
        analysis.settings.stepSize = try positive(stepSize, "--step-size")
        analysis.settings.localization = try OptionCheck.number(
            localization, "--localization", { $0 >= 0 && $0.isFinite }, "it is out of range",
            "choose 0 or a positive number")
        analysis.settings.inverseTemperature = try temperature.map {
            try positive($0, "--temperature")
        }
        analysis.settings.batch = try batch.map { try OptionCheck.count($0, "--batch", least: 1) }
        if let preconditioner {
            analysis.settings.preconditioner = try Choice.read(
                preconditioner, option: "--preconditioner")
        }
        if let split { analysis.split = try Choice.read(split, option: "--split") }
        analysis.settings.seed = seed
        return [analysis]
    }
}
