internal import Checkpoints

/// The settings of one run from all its files; the file that comes first wins.
struct SettingBook {
    /// What became of a setting.
    enum Outcome {
        case stored(String)
        /// A file has the same value already.
        case same(String)
        /// A file has another value.
        case contradicted(String)
    }

    private var entries: [Value.Entry] = []
    private var found: [String: (value: String, source: String)] = [:]

    /// Adds a setting that a file gives.
    mutating func add(_ name: String, _ value: Value, from source: String) -> Outcome {
        let text = value.json()
        if let known = found[name] {
            if known.value == text { return .same(known.source) }
            guard known.source == source else { return .contradicted(known.source) }
            // Two sections of one file may use one word for two things.
            var number = 2
            while found["\(name).\(number)"] != nil { number += 1 }
            return add("\(name).\(number)", value, from: source)
        }
        found[name] = (text, source)
        entries.append(.init(key: .text(name), value: value))
        return .stored(name)
    }

    /// All settings; nil where there are none.
    var value: Value? { entries.isEmpty ? nil : .dictionary(entries) }

    /// The seed of the run's random streams.
    var seed: Int? {
        let all = Value.dictionary(entries)
        return ["seed", "random_seed"].lazy.compactMap { all[$0]?.wholeNumber }.first
    }
}

extension Value {
    /// A typed setting.
    init(_ value: ScalarValue) {
        self =
            switch value {
            case .integer(let number): .integer(number)
            case .real(let number): .real(number)
            case .text(let text): .text(text)
            case .boolean(let flag): .boolean(flag)
            case .null: .none
            case .blob(let bytes): .bytes(bytes)
            }
    }
}
