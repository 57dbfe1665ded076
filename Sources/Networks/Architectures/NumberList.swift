internal import Checkpoints

/// A list of numbers that is one setting, written `200,200`.
///
/// One text rather than a list, so that it is a value that queries and sweeps can compare; a list or
/// a single number is read too.
package struct NumberList<Number: LosslessStringConvertible & Codable & Sendable & Equatable>:
    Sendable, Equatable, Codable, CustomStringConvertible
{
    package var values: [Number]

    package init(_ values: [Number]) { self.values = values }

    package var description: String { values.map(\.description).joined(separator: ",") }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let values = try? container.decode([Number].self) {
            self.values = values
        } else if let value = try? container.decode(Number.self) {
            values = [value]
        } else {
            let text = try container.decode(String.self)
            values = try text.split { $0 == "," || $0 == " " }.map { part in
                guard let value = Number(String(part)) else {
                    throw UserError.usage(
                        subject: "the list '\(text)'", cause: "'\(part)' does not fit in it",
                        advice: "write numbers with commas between them, for example 200,200")
                }
                return value
            }
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
