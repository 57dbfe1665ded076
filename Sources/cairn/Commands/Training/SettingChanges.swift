internal import Checkpoints
internal import Foundation
internal import Training

/// Settings that options change, by the names that configurations, sweeps and SQL use.
struct SettingChanges {
    private(set) var list: [(name: String, value: JSONValue)] = []

    mutating func add(_ name: String, _ value: Int?) {
        if let value { list.append((name, .integer(value))) }
    }

    mutating func add(_ name: String, _ value: Double?) {
        // JSON has no such numbers; as text they are refused with the setting's name.
        if let value { list.append((name, value.isFinite ? .real(value) : .text("\(value)"))) }
    }

    mutating func add(_ name: String, _ value: String?) {
        if let value { list.append((name, .text(value))) }
    }

    mutating func add(_ name: String, _ value: Bool?) {
        if let value { list.append((name, .boolean(value))) }
    }

    /// A value that a JSON file holds.
    mutating func add(_ name: String, jsonFile path: String?) throws {
        guard let path else { return }
        list.append((name, try SettingChanges.json(path)))
    }

    /// A setting written as `name=value`.
    mutating func add(written text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw UserError.usage(
                subject: "--set \(text)", cause: "it is not of the form name=value")
        }
        list.append((String(parts[0]), JSONValue(written: String(parts[1]))))
    }

    /// The JSON value of a file.
    static func json(_ path: String) throws -> JSONValue {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw UserError.missing(subject: "file \(path)", cause: "it cannot be read")
        }
        do {
            return try JSONValue(parsing: data)
        } catch let problem as JSONValue.Problem {
            throw UserError.usage(subject: "file \(path)", cause: "it is not JSON: \(problem)")
        }
    }
}
