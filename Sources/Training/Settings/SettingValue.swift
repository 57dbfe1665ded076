internal import Foundation

/// A JSON value: what a configuration, a preset or a sweep is written in before it is checked.
package enum SettingValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    indirect case array([SettingValue])
    indirect case object([String: SettingValue])

    /// The value that a person wrote on a command line: a number, `true`, `false`, `null`, else
    /// text.
    package init(written text: String) {
        switch text {
        case "true": self = .boolean(true)
        case "false": self = .boolean(false)
        case "null", "none": self = .null
        default:
            if let integer = Int(text) {
                self = .integer(integer)
            } else if let real = Double(text), real.isFinite {
                self = .real(real)
            } else {
                self = .text(text)
            }
        }
    }

    /// The value as a person writes it.
    package var written: String {
        switch self {
        case .null: "null"
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .real(let value): "\(value)"
        case .text(let value): value
        case .array(let values): "[" + values.map(\.written).joined(separator: ", ") + "]"
        case .object(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.written)" }
                .joined(separator: ", ") + "}"
        }
    }

    /// The members of an object; nil for other values.
    package var members: [String: SettingValue]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// This object with another laid over it, section by section and key by key.
    package func overlaid(by other: SettingValue) -> SettingValue {
        guard let mine = members, let theirs = other.members else { return other }
        return .object(mine.merging(theirs) { $0.overlaid(by: $1) })
    }
}

extension SettingValue: Codable {
    package init(from decoder: any Decoder) throws {
        if let values = try? decoder.container(keyedBy: MemberKey.self) {
            var members: [String: SettingValue] = [:]
            for key in values.allKeys {
                members[key.stringValue] = try values.decode(SettingValue.self, forKey: key)
            }
            self = .object(members)
            return
        }
        if var values = try? decoder.unkeyedContainer() {
            var elements: [SettingValue] = []
            while !values.isAtEnd { elements.append(try values.decode(SettingValue.self)) }
            self = .array(elements)
            return
        }
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let boolean = try? value.decode(Bool.self) {
            self = .boolean(boolean)
        } else if let integer = try? value.decode(Int.self) {
            self = .integer(integer)
        } else if let real = try? value.decode(Double.self) {
            self = .real(real)
        } else {
            self = .text(try value.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var container = encoder.container(keyedBy: MemberKey.self)
            for (name, value) in members { try container.encode(value, forKey: MemberKey(name)) }
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .boolean(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .real(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            default: try container.encodeNil()
            }
        }
    }

    private struct MemberKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
