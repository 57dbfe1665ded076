internal import Analysis
internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints

/// `cairn analyze hessian`.
struct HessianCommand: AnalysisCommand {
    static let configuration = describe(
        .hessian, "Extreme eigenvalues of the loss's curvature, and what else is measured of it.")

    @OptionGroup var options: AnalysisOptions

    @Option(help: ArgumentHelp("How many of the largest eigenvalues.", valueName: "k"))
    var top = 5

    @Option(help: ArgumentHelp("How many of the smallest.", valueName: "k"))
    var bottom = 0

    @Flag(help: "The trace, with its standard error.")
    var trace = false

    @Flag(help: "The spectral density, as nodes and weights of random probes.")
    var density = false

    @Flag(help: "Eigenvalues and trace of each tensor's diagonal block.")
    var blocks = false

    @Flag(help: "The sharpness that Adam sees, beside its threshold; needs the optimiser's state.")
    var preconditioned = false

    @Flag(help: "The rise of the loss in a small box (Keskar's sharpness).")
    var keskar = false

    @Option(help: ArgumentHelp("hessian or gauss_newton.", valueName: "matrix"))
    var `operator`: String?

    @Option(help: ArgumentHelp("train, test or all examples.", valueName: "which"))
    var split: String?

    @Option(help: ArgumentHelp("float64 (the usual) or float32.", valueName: "type"))
    var dtype: String?

    @Option(
        help: ArgumentHelp("Error bound relative to the largest eigenvalue.", valueName: "share"))
    var tolerance = 1e-6

    @Option(help: ArgumentHelp("The seed of what is drawn.", valueName: "seed"))
    var seed = 0

    @Option(help: ArgumentHelp("Products for a trace.", valueName: "count"))
    var products = 30

    @Option(help: ArgumentHelp("Random probes of the density.", valueName: "count"))
    var probes = 5

    @Option(help: ArgumentHelp("Lanczos steps of each probe.", valueName: "count"))
    var lanczosSteps = 64

    /// Eigenvalues unless there are none to find, and what the flags ask for.
    func analyses() throws -> [any LedgerAnalysis] {
        let matrix: CurvatureOperator =
            try self.operator.map { try Choice.read($0, option: "--operator") } ?? .hessian
        let tolerance = try OptionCheck.number(
            tolerance, "--tolerance", { $0 > 0 && $0 < 1 }, "it is out of range",
            "choose a number between 0 and 1")
        var found: [any CurvatureAnalysis] = []
        var eigenvalues = EigenvalueAnalysis()
        eigenvalues.top = try OptionCheck.count(top, "--top")
        eigenvalues.bottom = try OptionCheck.count(bottom, "--bottom")
        (eigenvalues.matrix, eigenvalues.tolerance) = (matrix, tolerance)
        if top > 0 || bottom > 0 { found.append(eigenvalues) }
        var traceAnalysis = TraceAnalysis()
        traceAnalysis.matrix = matrix
        traceAnalysis.products = try OptionCheck.count(products, "--products", least: 3)
        if trace { found.append(traceAnalysis) }
        var densityAnalysis = DensityAnalysis()
        densityAnalysis.matrix = matrix
        densityAnalysis.probes = try OptionCheck.count(probes, "--probes", least: 1)
        densityAnalysis.lanczosSteps = try OptionCheck.count(
            lanczosSteps, "--lanczos-steps", least: 2)
        if density { found.append(densityAnalysis) }
        var blockAnalysis = BlockAnalysis()
        (blockAnalysis.matrix, blockAnalysis.tolerance) = (matrix, tolerance)
        (blockAnalysis.top, blockAnalysis.probes) = (max(top, 1), products)
        if blocks { found.append(blockAnalysis) }
        var adam = PreconditionedSharpnessAnalysis()
        adam.tolerance = tolerance
        if preconditioned { found.append(adam) }
        if keskar { found.append(KeskarSharpnessAnalysis()) }
        guard !found.isEmpty else {
            throw UserError.usage(
                subject: "--top 0", cause: "nothing is left to compute",
                advice: "ask for an eigenvalue, or for --trace, --density, --blocks, "
                    + "--preconditioned or --keskar")
        }
        let settings = try settings()
        return found.map { analysis in
            var analysis = analysis
            analysis.settings = settings
            return analysis
        }
    }

    private func settings() throws -> CurvatureSettings {
        var settings = CurvatureSettings()
        if let split { settings.split = try Choice.read(split, option: "--split") }
        if let dtype {
            guard let type = ElementType(rawValue: dtype), type == .float64 || type == .float32
            else {
                throw UserError.usage(
                    subject: "--dtype \(dtype)", cause: "there is no such choice",
                    advice: "choose one of float64, float32")
            }
            settings.precision = type
        }
        settings.seed = seed
        return settings
    }
}
