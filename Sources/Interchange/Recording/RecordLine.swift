internal import Checkpoints
internal import Foundation
internal import Networks

/// A line of the protocol, taken apart: every part of it is used or named as left out.
struct RecordLine {
    /// What a line says of a checkpoint.
    enum Checkpoint: Equatable {
        case file(String)
        case refused(String)
    }

    /// Something of a line that is not stored.
    struct LeftOut: Equatable {
        /// The same words for all of its kind.
        let cause: String
        let detail: String
    }

    var step: Int?
    var points: [MetricPoint] = []
    var checkpoint: Checkpoint?
    var settings: Value?
    var status: RunStatus?
    /// The keys that say what the run is; nil where there are none.
    var description: Value?
    var leftOut: [LeftOut] = []

    private static let descriptionKeys: Set<String> = [
        "network", "tensors", "task", "train_indices", "test_indices",
    ]
    private static let keys: Set<String> = descriptionKeys.union([
        "step", "checkpoint", "hyperparameters", "status",
    ])
    /// Lines beyond this are no protocol: a trainer that prints a picture must not fill the memory.
    static let largestByteCount = 16 << 20
    /// What editors on Windows put in front of a text.
    private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

    /// Whether bytes that have come of a line can be the beginning of one of the protocol.
    static func mayBegin(_ bytes: [UInt8]) -> Bool {
        guard bytes.count <= largestByteCount else { return false }
        if bytes.count < byteOrderMark.count, byteOrderMark.starts(with: bytes) { return true }
        let text = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(3) : bytes[...]
        return (text.first { $0 != 0x20 && $0 != 0x09 } ?? UInt8(ascii: "{")) == UInt8(ascii: "{")
    }

    /// The parts of a line without its line feed; nil for every line that is not the protocol's.
    ///
    /// It is cheap for lines that are not, so that a reader can sort them as they come.
    init?(_ line: [UInt8]) {
        let hasMark = line.starts(with: Self.byteOrderMark)
        guard Self.mayBegin(line),
            let json = try? JSONValue(parsing: hasMark ? Array(line.dropFirst(3)) : line),
            let entries = Value(json).entries
        else { return nil }
        let object = Value.dictionary(entries)
        settings = object["hyperparameters"].flatMap { $0.entries == nil ? nil : $0 }
        status = object["status"]?.textual.flatMap(Self.status)
        let described = entries.filter { Self.descriptionKeys.contains($0.key.label) }
        let isDescription = described.contains {
            $0.key.label == "train_indices" || $0.value.entries != nil
                || $0.key.label == "task" && entries.count == described.count
        }
        guard object["step"] != nil || settings != nil || status != nil || isDescription else {
            return nil
        }
        if isDescription { description = .dictionary(described) }
        guard let found = object["step"] else { return }
        guard let step = Self.step(found) else {
            leftOut.append(
                LeftOut(
                    cause: "a line whose step is no number of updates",
                    detail: "step \(found.json())"))
            return
        }
        self.step = step
        switch object["checkpoint"] {
        case nil, Value.none?: break
        case .text(let path)?: checkpoint = .file(path)
        default: checkpoint = .refused("checkpoint is not the name of a file")
        }
        take(entries, step: step, isDescription: isDescription)
    }

    private static func status(_ text: String) -> RunStatus? {
        switch text {
        case "finished": .finished
        case "failed": .failed
        case "interrupted": .interrupted
        default: nil
        }
    }

    /// A number of updates, also where it is written as 12.0.
    private static func step(_ value: Value) -> Int? {
        let whole = value.whole ?? value.number.flatMap(Int.init(exactly:))
        return whole.flatMap { (0...ImportedRun.largestStep).contains($0) ? $0 : nil }
    }

    /// The values of a line as points of curves, under the names that import gives them.
    private mutating func take(_ entries: [Value.Entry], step: Int, isDescription: Bool) {
        let names = Set(entries.map(\.key.label))
        var used: Set<String> = []
        for entry in entries {
            let given = entry.key.label
            guard !Self.keys.subtracting(isDescription ? [] : Self.descriptionKeys).contains(given)
            else { continue }
            guard let value = Self.number(entry.value) else {
                // A null is how trainers write that nothing was measured.
                if case .none = entry.value { continue }
                leftOut.append(
                    LeftOut(
                        cause: "\(Self.shown(given)) is \(Self.kind(entry.value)), not a number",
                        detail: "step \(step)"))
                continue
            }
            guard !given.isEmpty, given.utf8.count <= Value.longestName, !given.utf8.contains(0)
            else {
                leftOut.append(
                    LeftOut(
                        cause: "a name that is empty, holds the character NUL or has more than "
                            + "\(Value.longestName) bytes",
                        detail: "step \(step), \(Self.shown(given))"))
                continue
            }
            // Where a line has a standard curve under Cairn's own name, others keep theirs.
            let standard = CurveName.any(given)
            let name = standard != given && names.contains(standard) ? given : standard
            let isFree = used.insert(name).inserted
            points.append(MetricPoint(name: isFree ? name : given, step: step, value: value))
        }
    }

    private static func number(_ value: Value) -> Double? {
        switch value {
        case .real, .integer: value.number
        case .text("NaN"): .nan
        case .text("Infinity"): .infinity
        case .text("-Infinity"): -.infinity
        default: nil
        }
    }

    private static func kind(_ value: Value) -> String {
        switch value {
        case .boolean: "true or false"
        case .text: "a text"
        case .list: "a list"
        case .dictionary: "an object"
        default: "something else"
        }
    }

    /// A name as it is shown to people, cut where it is endless.
    private static func shown(_ name: String) -> String {
        let plain = name.replacingOccurrences(of: "\0", with: "\\0")
        return plain.count > 40 ? plain.prefix(40) + "…" : plain
    }
}
