/// Mean cross-entropy over train pairs, test pairs and all pairs, in nats.
package struct SplitLosses: Sendable, Equatable {
    /// Nil when there is no such pair.
    package let train: Double?
    package let test: Double?
    package let all: Double

    /// Means of per-pair losses.
    init(_ losses: [Double], isTrain: [Bool]) {
        var sums = SplitSums()
        for (loss, flag) in zip(losses, isTrain) { sums.add(loss, isTrain: flag) }
        self.init(sums)
    }

    init(_ sums: SplitSums) {
        train = sums.trainCount > 0 ? sums.train / Double(sums.trainCount) : nil
        test = sums.testCount > 0 ? sums.test / Double(sums.testCount) : nil
        all = (sums.train + sums.test) / Double(max(sums.trainCount + sums.testCount, 1))
    }

    /// The three values as measurements.
    func measurements(_ measure: String, variant: String) -> [MeasuredValue] {
        [("train", train), ("test", test), ("all", all)].map {
            MeasuredValue(measure, variant: variant, split: $0.0, value: $0.1)
        }
    }
}

/// Per-pair losses added up on their way to `SplitLosses`.
struct SplitSums {
    private(set) var train = 0.0
    private(set) var test = 0.0
    private(set) var trainCount = 0
    private(set) var testCount = 0

    @inline(__always)
    mutating func add(_ loss: Double, isTrain: Bool) {
        if isTrain {
            train += loss
            trainCount += 1
        } else {
            test += loss
            testCount += 1
        }
    }
}
