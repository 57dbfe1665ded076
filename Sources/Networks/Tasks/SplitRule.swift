internal import ArrayMath
internal import Checkpoints

/// How a task's rows are divided into training and test rows.
package enum SplitRule: String, Codable, CaseIterable, Sendable {
    /// Cairn's own stream: the first ⌊fraction · N⌋ rows of a shuffled order train.
    case cairn
    /// `numpy.random.RandomState(seed).shuffle`, then the first round(fraction · N) rows train, a
    /// half rounded to the even neighbour (the grokking paper's code).
    case numpy
    /// `random.seed(seed); random.shuffle`, then the first ⌊fraction · N⌋ rows train.
    case python
    /// `torch.manual_seed(seed); torch.randperm(N)`, then the first ⌊fraction · N⌋ rows train.
    case torch
    /// The rows as they are, the first ⌊fraction · N⌋ train.
    case inOrder = "in_order"
    /// The training rows are listed; all others test.
    case indices
    /// Nobody knows which rows train: no row belongs to either part.
    case unknown

    /// The rules by which a run can be trained.
    package static var trainable: [SplitRule] { allCases.filter { $0 != .unknown } }

    /// The rows in the order of use and how many of them train.
    ///
    /// Errors: a fraction outside (0, 1], or one that leaves no row to train on.
    func order(rows: Int, fraction: Double, seed: Int) throws -> (order: [Int], trainCount: Int) {
        guard self == .unknown || fraction > 0 && fraction <= 1 else {
            throw UserError.usage(
                subject: "train_fraction \(fraction)", cause: "it is not a share of the rows",
                advice: "choose a number above 0 and at most 1")
        }
        var order = Array(0..<rows)
        switch self {
        case .cairn:
            var stream = RandomStream(seed: seed, purpose: .split)
            stream.shuffle(&order)
        case .numpy:
            try SplitRule.checkSeed(seed)
            var twister = MersenneTwister(seed: seed)
            twister.numPyShuffle(&order)
        case .python:
            var twister = MersenneTwister(pythonSeed: seed)
            twister.pythonShuffle(&order)
        case .torch:
            var twister = MersenneTwister(seed: seed)
            order = twister.torchPermutation(rows)
        case .inOrder, .indices: break
        case .unknown: return ([], 0)
        }
        let exact = Double(rows) * fraction
        let count = Int(self == .numpy ? exact.rounded(.toNearestOrEven) : exact.rounded(.down))
        guard count > 0 else {
            throw UserError.usage(
                subject: "train_fraction \(fraction)",
                cause: "it leaves none of the \(rows) rows to train on",
                advice: "choose a larger fraction")
        }
        return (order, count)
    }

    /// NumPy refuses such seeds, so no published split has one.
    private static func checkSeed(_ seed: Int) throws {
        guard (0...Int(UInt32.max)).contains(seed) else {
            throw UserError.usage(
                subject: "split_seed \(seed)", cause: "NumPy's seeds lie in 0...4294967295",
                advice: "choose such a seed or another split rule")
        }
    }
}
