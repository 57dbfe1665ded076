internal import Checkpoints

/// One section of a configuration while it is decoded: keys that are absent keep their default,
/// keys that are unknown or hold the wrong kind of value are named.
package struct SectionDecoder<Key: CodingKey & CaseIterable> {
    private let container: KeyedDecodingContainer<Key>
    private let section: String

    fileprivate init(_ decoder: any Decoder, section: String) throws {
        let known = Key.allCases.map(\.stringValue)
        let all = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        if let stranger = all.sorted().first(where: { !known.contains($0) }) {
            throw UserError.usage(
                subject: "\(section) setting \(stranger)", cause: "there is no such setting",
                advice: "the settings are \(known.joined(separator: ", "))")
        }
        container = try decoder.container(keyedBy: Key.self)
        self.section = section
    }

    package func contains(_ key: Key) -> Bool { container.contains(key) }

    /// Replaces the value when the key is there.
    package func read<Value: Decodable>(_ key: Key, into value: inout Value) throws {
        guard container.contains(key) else { return }
        do {
            value = try container.decode(Value.self, forKey: key)
        } catch let error as UserError {
            throw error
        } catch {
            throw UserError.usage(
                subject: "\(section) setting \(key.stringValue)",
                cause: "its value does not fit",
                advice: SectionDecoder.advice(for: Value.self))
        }
    }

    /// Replaces the value when the key is there; `null` clears it.
    package func read<Value: Decodable>(_ key: Key, into value: inout Value?) throws {
        guard container.contains(key) else { return }
        guard try !container.decodeNil(forKey: key) else {
            value = nil
            return
        }
        var given: Value?
        do {
            given = try container.decode(Value.self, forKey: key)
        } catch let error as UserError {
            throw error
        } catch {
            throw UserError.usage(
                subject: "\(section) setting \(key.stringValue)",
                cause: "its value does not fit", advice: SectionDecoder.advice(for: Value.self))
        }
        value = given
    }

    private static func advice<Value>(for type: Value.Type) -> String {
        if let choices = type as? any CaseIterable.Type {
            return "choose one of \(names(of: choices))"
        }
        return switch type {
        case is Int.Type: "give an integer"
        case is Double.Type: "give a number"
        case is Bool.Type: "give true or false"
        case is String.Type: "give a text"
        default: "see the documentation of this setting"
        }
    }

    private static func names<Choices: CaseIterable>(of type: Choices.Type) -> String {
        type.allCases.map { choice in
            (choice as? any RawRepresentable).map { "\($0.rawValue)" } ?? "\(choice)"
        }.joined(separator: ", ")
    }
}

extension Decoder {
    /// The settings of one section, refusing unknown keys.
    package func settings<Key: CodingKey & CaseIterable>(
        of keys: Key.Type, section: String
    ) throws -> SectionDecoder<Key> {
        try SectionDecoder(self, section: section)
    }
}

/// Any key at all, to list what is there.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension TaskConfiguration {
    /// The keys of the section `task`, in the order shown to people.
    package static var settingKeys: [String] { CodingKeys.allCases.map(\.rawValue) }
}
