/// Mean cross-entropy over train pairs, test pairs and all pairs, in nats.
package struct SplitLosses: Sendable, Equatable {
    /// Against the answers that were trained on, with label noise some of them wrong; nil when there is
    /// no such pair.
    package let train: Double?
    /// The same pairs against the right answers; nil where they do not differ.
    package let trainClean: Double?
    package let test: Double?
    package let all: Double

    /// Means of per-pair losses.
    ///
    /// `noise` is what each train pair with another trained answer has more for that one.
    init(_ losses: [Double], isTrain: [Bool], noise: [Double] = []) {
        var sums = SplitSums()
        for (loss, flag) in zip(losses, isTrain) { sums.add(loss, isTrain: flag) }
        for difference in noise { sums.addNoise(difference) }
        self.init(sums)
    }

    init(_ sums: SplitSums) {
        train = sums.trainCount > 0 ? sums.trained / Double(sums.trainCount) : nil
        trainClean =
            sums.trainCount > 0 && sums.hasNoise ? sums.train / Double(sums.trainCount) : nil
        test = sums.testCount > 0 ? sums.test / Double(sums.testCount) : nil
        all = (sums.train + sums.test) / Double(max(sums.trainCount + sums.testCount, 1))
    }

    /// The three values as measurements.
    func measurements(_ measure: String, variant: String) -> [MeasuredValue] {
        let splits: [(String, Double?)] =
            [("train", train), ("test", test), ("all", all)]
            + (trainClean.map { [("train_clean", $0)] } ?? [])
        return splits.map {
            MeasuredValue(measure, variant: variant, split: $0.0, value: $0.1)
        }
    }
}

/// Per-pair losses added up on their way to `SplitLosses`.
struct SplitSums {
    /// Against the right answers.
    private(set) var train = 0.0
    /// What train pairs with another trained answer have more or less for it.
    private var noise = 0.0
    private(set) var hasNoise = false
    private(set) var test = 0.0
    private(set) var trainCount = 0
    private(set) var testCount = 0

    /// Against the trained answers.
    var trained: Double { train + noise }

    /// Adds what a train pair's value against its trained answer has more than against the right one.
    mutating func addNoise(_ difference: Double) {
        noise += difference
        hasNoise = true
    }

    /// Adds what was added up of other pairs.
    mutating func add(_ other: SplitSums) {
        train += other.train
        noise += other.noise
        hasNoise = hasNoise || other.hasNoise
        test += other.test
        trainCount += other.trainCount
        testCount += other.testCount
    }

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
