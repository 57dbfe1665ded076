internal import ArchiveQueries
internal import ArgumentParser
internal import Checkpoints

/// What `cairn analyze hessian` measures besides eigenvalues, and how.
struct CurvatureOptions: ParsableArguments {
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

    @Option(help: ArgumentHelp("Products for a trace (30).", valueName: "count"))
    var products: Int?

    @Option(help: ArgumentHelp("Random probes of the density (5).", valueName: "count"))
    var probes: Int?

    @Option(help: ArgumentHelp("Lanczos steps of each probe (64).", valueName: "count"))
    var lanczosSteps: Int?

    /// Takes over the counts.
    func read(into settings: inout AnalysisSettings) throws {
        func positive(_ value: Int, _ option: String, least: Int) throws -> Int {
            guard value >= least else {
                throw UserError.usage(
                    subject: "\(option) \(value)", cause: "it is too small",
                    advice: "choose at least \(least)")
            }
            return value
        }
        if let products {
            settings.traceProducts = try positive(products, "--products", least: 3)
        }
        if let probes { settings.densityProbes = try positive(probes, "--probes", least: 1) }
        if let lanczosSteps {
            settings.densitySteps = try positive(lanczosSteps, "--lanczos-steps", least: 2)
        }
    }

    /// What was asked for: eigenvalues unless there are none to find, and the flags.
    func measures(_ settings: AnalysisSettings) throws -> [CurvatureMeasure] {
        let flags: [(Bool, CurvatureMeasure)] = [
            (settings.top + settings.bottom > 0, .eigenvalues), (trace, .trace),
            (density, .density), (blocks, .blocks), (preconditioned, .preconditioned),
            (keskar, .keskar),
        ]
        let measures = flags.filter(\.0).map(\.1)
        guard !measures.isEmpty else {
            throw UserError.usage(
                subject: "--top 0", cause: "nothing is left to compute",
                advice: "ask for an eigenvalue, or for --trace, --density, --blocks, "
                    + "--preconditioned or --keskar")
        }
        return measures
    }

    /// The view that shows the measures: their own, or the one of all.
    static func view(of measures: [CurvatureMeasure]) -> String {
        let views = Set(measures.map(\.view))
        return views.count == 1 ? views.first ?? "" : "curvature_measures"
    }
}
