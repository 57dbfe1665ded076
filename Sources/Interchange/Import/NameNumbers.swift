internal import Foundation

/// The numbers in the name of a file or folder, and what the words before them say they are.
struct NameNumbers: Sendable {
    /// What a number stands for.
    enum Meaning: Sendable, Equatable {
        case updates
        case epochs
        /// A setting that tells runs apart, such as a seed or a width.
        case setting
        /// One of several files of one state.
        case shard
        /// Something measured, or counted beside the updates.
        case other
        /// No word says what it is.
        case unknown
    }

    struct Number: Sendable {
        let label: String
        let meaning: Meaning
        let value: Double
        /// Where it stands in the name.
        let range: Range<Int>
    }

    let name: String
    let numbers: [Number]

    private static let updateWords: Set<String> = [
        "step", "steps", "iter", "iters", "iteration", "iterations", "update", "updates", "ckpt",
        "checkpoint", "chkpt", "chkpnt", "global", "globalstep", "it", "upd",
    ]
    private static let epochWords: Set<String> = ["epoch", "epochs", "ep", "epo"]
    private static let settingWords: Set<String> = [
        "seed", "seeds", "layer", "layers", "nlayers", "width", "depth", "hidden", "p", "mod",
        "modulus", "prime", "norm", "lp", "trial", "fold", "rank", "run", "version", "exp",
        "experiment", "lr", "wd", "bs", "batch", "dim", "heads", "head", "nheads", "frac",
        "fraction", "alpha", "beta", "gamma", "lambda", "eps", "temp", "temperature", "dropout",
        "stage", "size", "decay", "rate", "momentum", "task", "group", "block", "blocks", "q", "k",
        "n", "d", "h", "m", "l", "w", "s", "part", "replica", "worker", "job", "config", "cv",
        "split", "noise", "scale", "init", "mlp", "attn", "weightdecay", "learningrate", "v",
    ]
    private static let otherWords: Set<String> = [
        "loss", "acc", "accuracy", "val", "tokens", "top", "ppl", "score",
    ]

    /// Whether the name of a column or key is that of something that was set.
    static func isSetting(_ name: String) -> Bool {
        let words = name.lowercased().split { !$0.isLetter }.map(String.init)
        guard !words.isEmpty, !ContentWords.isMeasured(name) else { return false }
        let further: Set<String> = [
            "id", "model", "optimizer", "algorithm", "method", "activation",
        ]
        return words.allSatisfy {
            settingWords.contains($0) || further.contains($0) || $0 == "weight" || $0 == "learning"
                || $0 == "train" || $0 == "random" || $0 == "num"
        } && words.contains { settingWords.contains($0) || further.contains($0) }
    }

    init(_ name: String) {
        self.name = name
        let characters = Array(name)
        var found: [Number] = []
        var position = 0
        var label = ""
        var key = ""
        while position < characters.count {
            let character = characters[position]
            if character.isASCIIDigitCharacter {
                let (value, end) = Self.number(characters, from: position)
                let word = label.isEmpty ? key : label
                let isOf = word.lowercased() == "of" && found.last != nil
                if isOf, let last = found.popLast() {
                    found.append(
                        Number(
                            label: last.label, meaning: .shard, value: last.value,
                            range: last.range))
                }
                found.append(
                    Number(
                        label: word.lowercased(),
                        meaning: isOf ? .shard : Self.meaning(word.lowercased()), value: value,
                        range: position..<end))
                position = end
                label = ""
                key = ""
            } else if character.isLetter {
                label.append(character)
                position += 1
            } else {
                // `wd_0.1`, `lr=0.1` and `step-100` belong together; `a_b_1` goes by `b`.
                if !label.isEmpty { key = label }
                label = ""
                position += 1
            }
        }
        numbers = found
    }

    private static func meaning(_ label: String) -> Meaning {
        if updateWords.contains(label) { return .updates }
        if epochWords.contains(label) { return .epochs }
        if label == "shard" { return .shard }
        if settingWords.contains(label) { return .setting }
        if otherWords.contains(label) { return .other }
        return .unknown
    }

    /// A number with its fraction, exponent and a `k` or `m` for thousands and millions.
    private static func number(_ characters: [Character], from start: Int) -> (Double, Int) {
        var end = start
        while end < characters.count, characters[end].isASCIIDigitCharacter { end += 1 }
        if end + 1 < characters.count, characters[end] == ".",
            characters[end + 1].isASCIIDigitCharacter
        {
            end += 1
            while end < characters.count, characters[end].isASCIIDigitCharacter { end += 1 }
        }
        if end + 1 < characters.count, characters[end] == "e" || characters[end] == "E" {
            var exponent = end + 1
            if characters[exponent] == "-" || characters[exponent] == "+" { exponent += 1 }
            if exponent < characters.count, characters[exponent].isASCIIDigitCharacter {
                end = exponent
                while end < characters.count, characters[end].isASCIIDigitCharacter { end += 1 }
            }
        }
        var value = Double(String(characters[start..<end])) ?? .nan
        let factors: [Character: Double] = [
            "k": 1e3, "K": 1e3, "m": 1e6, "M": 1e6, "B": 1e9,
        ]
        if end < characters.count, let factor = factors[characters[end]],
            end + 1 == characters.count
                || !characters[end + 1].isLetter
                    && !characters[end + 1].isASCIIDigitCharacter
                || String(characters[(end + 1)...]).hasPrefix("B")
        {
            value *= factor
            end += 1
        }
        return (value, end)
    }

    /// The number that says the step, best first: one after a word for updates, the second of
    /// `checkpoint_EPOCH_UPDATES`, one after a word for epochs.
    var step: Number? {
        let updates = numbers.filter { $0.meaning == .updates && $0.isWhole }
        if let strong = updates.last(where: { !["ckpt", "checkpoint"].contains($0.label) }) {
            return strong
        }
        if let checkpoint = updates.last {
            let after = numbers.first {
                $0.range.lowerBound > checkpoint.range.lowerBound && $0.label.isEmpty && $0.isWhole
            }
            return after ?? checkpoint
        }
        return numbers.last { $0.meaning == .epochs && $0.isWhole }
    }

    /// The number that could be a step, where no word says so.
    var candidate: Number? {
        step ?? numbers.last { $0.meaning == .unknown && $0.isWhole }
    }

    /// The name with the number of the step replaced by `#`, in small letters.
    var pattern: String {
        guard let step = candidate else { return name.lowercased() }
        var text = Array(name)
        // What was measured differs from file to file too.
        let varying = numbers.filter {
            $0.range == step.range || $0.meaning == .other || $0.meaning == .epochs
                || $0.meaning == .updates || $0.label.isEmpty && step.meaning == .updates
        }
        for number in varying.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
            text.replaceSubrange(number.range, with: ["#"])
        }
        return String(text).lowercased()
    }

    /// The settings that the name gives, with the words before them.
    var settings: [(name: String, value: Double)] {
        numbers.compactMap { number in
            number.meaning == .setting ? (number.label, number.value) : nil
        }
    }

    /// The name without the numbers of a shard: `model-00001-of-00002` is `model`.
    var withoutShard: String? {
        guard let first = numbers.first(where: { $0.meaning == .shard }) else { return nil }
        let stem = String(Array(name)[..<first.range.lowerBound])
        return stem.trimmingCharacters(in: CharacterSet(charactersIn: "-_. "))
    }
}

extension NameNumbers.Number {
    var isWhole: Bool { Int(exactly: value) != nil }
    var whole: Int? { Int(exactly: value) }
}

extension Character {
    fileprivate var isASCIIDigitCharacter: Bool { ("0"..."9").contains(self) }
}
