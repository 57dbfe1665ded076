import ArchiveQueries
import Testing

/// The texts by which answers of earlier versions are found again.
@Suite("Questions as the ledger keys them")
struct QuestionTests {
    private static let usual: [(any LedgerAnalysis, String, String?, Int?)] = [
        (NormsAnalysis(), "{}", nil, nil), (TailsAnalysis(), "{}", nil, 0),
        (FourierAnalysis(), "{}", nil, nil), (GeometryMeasuresAnalysis(), "{}", nil, nil),
        (
            ProgressMeasuresAnalysis(),
            #"{"ablations":false,"irreps":false,"keys":"of the final weights"}"#, nil, nil
        ),
        (GrokkingTimesAnalysis(), #"{"loss_threshold":0.01,"threshold":0.99}"#, nil, nil),
        (
            EigenvalueAnalysis(),
            #"{"bottom":0,"operator":"hessian","tolerance":1e-06,"top":5}"#, "train", 0
        ),
        (
            TraceAnalysis(), #"{"measure":"trace","operator":"hessian","products":30}"#, "train", 0
        ),
        (
            DensityAnalysis(),
            #"{"measure":"density","operator":"hessian","probes":5,"steps":64}"#, "train", 0
        ),
        (
            BlockAnalysis(),
            #"{"measure":"blocks","operator":"hessian","probes":30,"tolerance":1e-06,"top":5}"#,
            "train", 0
        ),
        (
            PreconditionedSharpnessAnalysis(),
            #"{"measure":"preconditioned","tolerance":1e-06}"#, "train", 0
        ),
        (KeskarSharpnessAnalysis(), #"{"epsilon":0.001,"measure":"keskar"}"#, "train", 0),
    ]

    @Test("the usual settings give the texts that archives hold", arguments: usual.indices)
    func usualSettings(index: Int) {
        let (analysis, parameters, split, seed) = Self.usual[index]
        #expect(analysis.question.parameters == parameters)
        #expect(analysis.question.split == split)
        #expect(analysis.question.seed == seed)
        #expect(analysis.question.dtype == "float64")
    }

    @Test("other settings too")
    func otherSettings() {
        var fourier = FourierAnalysis()
        fourier.subject = .tensor("a/b \"é\"", axis: 1)
        #expect(fourier.question.parameters == #"{"axis":1,"tensor":"a\/b \"é\""}"#)
        fourier.subject = .network
        #expect(fourier.question.parameters == #"{"network":true}"#)
        #expect(fourier.question.view == "pair_spectra")
        #expect(FourierAnalysis().question.view == "fourier_spectra")
        #expect(TraceAnalysis().question.view == "hessian_traces")
        var progress = ProgressMeasuresAnalysis()
        progress.keys = ["1", "x"]
        #expect(
            progress.question.parameters
                == #"{"ablations":false,"irreps":false,"keys":["1","x"]}"#)
    }
}
