internal import Foundation

/// A JSON text as a tree: a configuration, a description, a row.
///
/// The members of an object keep their order, but two objects with the same members are equal
/// whatever their order.
package enum JSONValue: Sendable {
    case scalar(ScalarValue)
    case array([JSONValue])
    case object([Member])

    /// One named value of an object.
    package struct Member: Sendable, Equatable {
        package let name: String
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// A row as an object.
    package init(_ names: [String], _ values: [ScalarValue]) {
        self = .object(zip(names, values).map { Member($0, .scalar($1)) })
    }

    package static let null = JSONValue.scalar(.null)
    package static func boolean(_ value: Bool) -> JSONValue { .scalar(.boolean(value)) }
    package static func integer(_ value: Int?) -> JSONValue { .scalar(ScalarValue(value)) }
    package static func real(_ value: Double?) -> JSONValue { .scalar(ScalarValue(value)) }
    package static func text(_ value: String?) -> JSONValue { .scalar(ScalarValue(value)) }
}

extension JSONValue: Equatable {
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.scalar(let left), .scalar(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)):
            left.count == right.count
                && (left == right
                    || left.sorted { $0.name < $1.name } == right.sorted { $0.name < $1.name })
        default: false
        }
    }
}

extension JSONValue {
    /// The members of an object; nil for other values.
    package var members: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The values of an array; nil for other values.
    package var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The value that is neither an array nor an object; nil for those.
    package var scalar: ScalarValue? {
        if case .scalar(let value) = self { value } else { nil }
    }

    package var text: String? { scalar?.string }
    package var integer: Int? { scalar?.integer }

    /// A number, also where it is written as the texts `NaN`, `Infinity` and `-Infinity`.
    package var real: Double? {
        switch scalar {
        case .text("NaN"): .nan
        case .text("Infinity"): .infinity
        case .text("-Infinity"): -.infinity
        default: scalar?.real
        }
    }

    /// The member of a name; nil where there is none and for other values.
    ///
    /// Setting a member of a value that is no object makes it one.
    package subscript(_ name: String) -> JSONValue? {
        get { members?.first { $0.name == name }?.value }
        set {
            var members = members ?? []
            let place = members.firstIndex { $0.name == name }
            switch (place, newValue) {
            case (let place?, let value?): members[place].value = value
            case (let place?, nil): members.remove(at: place)
            case (nil, let value?): members.append(Member(name, value))
            case (nil, nil): break
            }
            self = .object(members)
        }
    }

    /// This object with another laid over it, section by section and key by key.
    package func overlaid(by other: JSONValue) -> JSONValue {
        guard members != nil, let theirs = other.members else { return other }
        var result = self
        for member in theirs {
            result[member.name] = result[member.name]?.overlaid(by: member.value) ?? member.value
        }
        return result
    }
}

extension JSONValue {
    /// The JSON text on one line.
    ///
    /// `spaced` puts a space after commas and colons, for people; `sorted` orders members by name.
    package func json(spaced: Bool = false, sorted: Bool = false) -> String {
        let space = spaced ? " " : ""
        switch self {
        case .scalar(let value): return value.json
        case .array(let values):
            return "["
                + values.map { $0.json(spaced: spaced, sorted: sorted) }
                .joined(separator: "," + space) + "]"
        case .object(let members):
            let shown = sorted ? members.sorted { $0.name < $1.name } : members
            return "{"
                + shown.map {
                    JSONValue.quoted($0.name) + ":" + space
                        + $0.value.json(spaced: spaced, sorted: sorted)
                }.joined(separator: "," + space) + "}"
        }
    }

    /// The JSON text over several lines, one member of the outermost object each.
    package var pretty: String {
        guard let members, !members.isEmpty else { return json(spaced: true) }
        return "{\n"
            + members.map { "  \(JSONValue.quoted($0.name)): \($0.value.json(spaced: true))" }
            .joined(separator: ",\n") + "\n}"
    }

    /// The value as a person writes it in a list of settings: names and texts without quotes.
    package var written: String {
        switch self {
        case .scalar(.null): "null"
        case .scalar(let value): value.written
        case .array(let values): "[" + values.map(\.written).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.name < $1.name }
                .map { "\($0.name): \($0.value.written)" }.joined(separator: ", ") + "}"
        }
    }

    /// A JSON string; everything but quotes, backslashes and control characters stays UTF-8.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                result += String(format: "\\u%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .real(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
