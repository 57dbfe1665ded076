import Checkpoints
import Testing

@Suite struct DigestTests {
    /// FIPS 180-4's example: the digest of "abc".
    @Test func matchesThePublishedExample() {
        #expect(
            Digest(of: Array("abc".utf8)).description
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func orderOfTensorsDoesNotMatter() {
        let first = Tensor(name: "a", shape: [2], values: [1, 2] as [Float])
        let second = Tensor(name: "b", shape: [1], values: [3] as [Float])
        #expect(Digest(weights: [first, second]) == Digest(weights: [second, first]))
    }

    @Test(arguments: ["name", "shape", "type", "value"])
    func everyPartOfATensorCounts(part: String) {
        let base = Tensor(name: "a", shape: [2, 1], values: [1, 2] as [Float])
        let other =
            switch part {
            case "name": Tensor(name: "b", shape: [2, 1], values: [1, 2] as [Float])
            case "shape": Tensor(name: "a", shape: [1, 2], values: [1, 2] as [Float])
            case "type":
                Tensor(name: "a", shape: [2, 1], elementType: .int32, bytes: base.bytes)
            default: Tensor(name: "a", shape: [2, 1], values: [1, 3] as [Float])
            }
        #expect(Digest(weights: [base]) != Digest(weights: [other]))
    }

    @Test func hexadecimalTextRoundTrips() {
        let digest = Digest(of: [1, 2, 3])
        #expect(Digest(hexadecimal: digest.description) == digest)
        #expect(Digest(hexadecimal: "zz") == nil)
    }
}
