internal import Analysis

extension GrokkingLabel {
    /// What the label says, in a few words; `cairn help labels` has the rules.
    var meaning: String {
        switch self {
        case .diverged: "a loss or accuracy ended in NaN, or a loss in infinity"
        case .noFit: "training never stayed at the threshold"
        case .collapsed: "generalised, and had lost it at the end"
        case .unstable: "crossed the threshold to and fro without settling"
        case .memorisedOnly: "memorised; the test accuracy ended at chance"
        case .incomplete: "never generalised, still rising at the end"
        case .partial: "never generalised, flat above chance at the end"
        case .concurrent: "generalised in less than twice the time of memorising"
        case .delayed: "generalised in at least twice the time of memorising, short of grokked"
        case .grokked:
            "in at least ten times the time, from a plateau at chance, within half a decade"
        }
    }

    /// Explains the labels of a table on standard error, each once.
    static func remark(on labels: some Sequence<String>) {
        let found = Set(labels.compactMap(GrokkingLabel.init(rawValue:)))
        for label in allCases where found.contains(label) {
            Output.error.remark("\(label.rawValue): \(label.meaning)")
        }
        if !found.isEmpty { Output.error.remark("The rules: cairn help labels") }
    }
}
