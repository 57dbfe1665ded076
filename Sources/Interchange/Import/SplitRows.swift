internal import Checkpoints
internal import Networks

/// The rows of a split that a file lists itself.
struct SplitRows {
    let train: [Int]
    let test: [Int]?

    var trainFraction: Double {
        Double(train.count) / Double(max(train.count + (test?.count ?? 0), 1))
    }

    /// `train_indices`, or `train_data` as triples of x, y and the token of `=`; nil without them.
    init?(last: Value?, first: Value?, operandCount: Int) {
        for content in [first, last].compactMap({ $0 }) {
            if let train = Self.indices(content["train_indices"]) {
                self.train = train
                test = Self.indices(content["test_indices"])
                return
            }
            if let train = Self.pairs(content["train_data"], operandCount) {
                self.train = train
                test = Self.pairs(content["test_data"], operandCount)
                return
            }
        }
        return nil
    }

    private static func indices(_ value: Value?) -> [Int]? {
        guard let numbers = value?.numbers else { return nil }
        let indices = numbers.compactMap(Int.init(exactly:))
        return indices.count == numbers.count ? indices : nil
    }

    private static func pairs(_ value: Value?, _ operandCount: Int) -> [Int]? {
        guard let rows = value?.elements else { return nil }
        let indices = rows.compactMap { row -> Int? in
            guard let x = row[0]?.whole, let y = row[1]?.whole, (0..<operandCount).contains(x),
                (0..<operandCount).contains(y)
            else { return nil }
            return x * operandCount + y
        }
        return indices.count == rows.count ? indices : nil
    }
}

/// The task of a recognised network, from its settings.
enum ForeignTask {
    static func infer(
        _ model: ForeignModel?, settings: Value?, _ notes: inout [String]
    ) -> TaskConfiguration? {
        guard let model else { return nil }
        switch model.convention {
        case "grok": return PublishedTask.grok(settings)
        case "progress_measures", "transformer_lens":
            // Three positions and a token for `=` are what both grokking demonstrations use.
            guard model.positionCount == 3 else { return nil }
            let task = PublishedTask.progressMeasures(settings, modulus: model.vocabulary - 1)
            if settings?["fn_name"]?.textual == nil, let task {
                notes.append(
                    "the files name no operation: addition modulo \(task.modulus ?? 0) is assumed; "
                        + "name another with --task")
            }
            return task
        default: return nil
        }
    }
}
