/// One measured number of an analysis whose results are not a fixed set of columns.
///
/// What it is called, what it is about and, in lists, its place. The value is absent where the
/// definition does not hold; `text` then says why, or holds a result that is no number.
package struct MeasuredValue: Sendable, Equatable {
    /// The name of the measure, for example `restricted_loss`.
    package let measure: String
    /// Which of the published definitions, for example `sum`; empty where there is one.
    package let variant: String
    /// `train`, `test` or `all`; empty where no examples are involved.
    package let split: String
    /// The tensor, layer or component it is about; empty for the whole network.
    package let subject: String
    /// The place in a list, from 0.
    package let position: Int
    package let value: Double?
    package let text: String?

    package init(
        _ measure: String, variant: String = "", split: String = "", subject: String = "",
        position: Int = 0, value: Double?, text: String? = nil
    ) {
        self.measure = measure
        self.variant = variant
        self.split = split
        self.subject = subject
        self.position = position
        self.value = value
        self.text = text
    }
}

extension Array where Element == MeasuredValue {
    /// The value of one measurement; nil when it is absent.
    package func value(
        _ measure: String, variant: String = "", split: String = "", subject: String = "",
        position: Int = 0
    ) -> Double? {
        first {
            $0.measure == measure && $0.variant == variant && $0.split == split
                && $0.subject == subject && $0.position == position
        }?.value
    }
}
