import Checkpoints
import Testing

struct AccuracyUnitTests {
    private static let units: [([Double], AccuracyUnit)] = [
        ([0, 0.5, 1], .share), ([0, 100], .percent), ([0, 1 + 1e-9], .share), ([0, 2], .percent),
        ([.nan, 0.9], .share), ([], .share), ([0.4, 0.9], .share),
    ]

    @Test(
        "accuracies are shares, percent or refused with the number that decides", arguments: units)
    func unit(values: [Double], unit: AccuracyUnit) {
        #expect(AccuracyUnit(of: values) == unit)
    }

    @Test func whatIsNeitherIsRefusedInWords() {
        for values in [[0, 1.4], [-0.1, 1], [0, 101], [0, 1.0001]] {
            #expect(AccuracyUnit(of: values) == nil)
        }
        #expect(AccuracyUnit.refusal(of: [0.2, 1.4]).contains("largest accuracy is 1.4"))
        #expect(AccuracyUnit.refusal(of: [0, 101]).contains("0.0...101.0"))
    }
}
