package import Analysis
package import GRDB

/// One row of an analysis's result, as the table of its kind stores it.
package protocol ResultRow: Sendable {
    /// The statement that stores a row; its first argument is the key of the analysis.
    static var insertion: String { get }
    /// The further arguments, in the statement's order.
    var arguments: [(any DatabaseValueConvertible)?] { get }
}

extension [MeasuredValue] {
    /// As rows of the table of measurements.
    var measurementRows: [any ResultRow] { map(MeasurementRow.init) }
}

/// A measured number of a kind that needs no table of its own.
package struct MeasurementRow: ResultRow, Equatable {
    package let measure: String
    package let variant: String
    package let split: String
    package let subject: String
    package let position: Int
    package let value: Double?
    package let text: String?

    package init(
        _ measure: String, variant: String = "", split: String = "", subject: String = "",
        position: Int = 0, value: Double? = nil, text: String? = nil
    ) {
        self.measure = measure
        self.variant = variant
        self.split = split
        self.subject = subject
        self.position = position
        self.value = value
        self.text = text
    }

    /// A measured value as it is.
    package init(_ value: MeasuredValue) {
        self.init(
            value.measure, variant: value.variant, split: value.split, subject: value.subject,
            position: value.position, value: value.value, text: value.text)
    }

    package static let insertion = """
        INSERT INTO measurement (analysis_key, measure, variant, split, subject, position, value,
            text)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    package var arguments: [(any DatabaseValueConvertible)?] {
        [measure, variant, split, subject, position, value, text]
    }
}
