/// In what accuracies are given.
package enum AccuracyUnit: Sendable, Equatable {
    case share
    case percent

    /// The unit of all accuracies of a run; nil where they are neither shares nor percent.
    ///
    /// Percent needs a value of at least 2: what lies between 1 and 2 could be a slip of either. Where
    /// no value is above 1 they are shares, although percent of a run that never got one row in a
    /// hundred right look the same. NaN says nothing.
    package init?(of values: some Sequence<Double>) {
        let known = values.filter { !$0.isNaN }
        let (smallest, largest) = (known.min() ?? 0, known.max() ?? 0)
        // What a mean of many shares is above 1 is rounding.
        if smallest >= 0, largest <= 1 + 1e-6 {
            self = .share
        } else if smallest >= 0, largest >= 2, largest <= 100 + 1e-4 {
            self = .percent
        } else {
            return nil
        }
    }

    /// The range of some accuracies in words, for a refusal.
    package static func refusal(of values: some Sequence<Double>) -> String {
        let known = values.filter { !$0.isNaN }
        if let largest = known.max(), largest > 1, largest < 2, (known.min() ?? 0) >= 0 {
            return
                "its largest accuracy is \(largest): above 1 it is no share, below 2 it may be a "
                + "share gone wrong as well as percent of a run that learnt nothing"
        }
        return "its accuracies lie in \(known.min() ?? 0)...\(known.max() ?? 0), which are neither "
            + "shares nor percent"
    }
}
