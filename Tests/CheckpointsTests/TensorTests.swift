import Checkpoints
import TestSupport
import Testing

/// What a tensor's bytes stand for.
@Suite struct TensorTests {
    /// All 65,536 numbers of 16 bits, against the processor's own.
    @Test func halfPrecisionIsThatOfTheProcessor() {
        for bits in UInt16.min...UInt16.max {
            let expected = Double(Float16(bitPattern: bits))
            let found = Double(halfPrecisionBits: bits)
            guard found != expected, !(found.isNaN && expected.isNaN) else { continue }
            Issue.record("\(bits) gives \(found), not \(expected)")
        }
    }

    /// A `bfloat16` is the upper half of a `float32`.
    @Test func aBrainFloatIsTheUpperHalfOfAFloat() {
        for bits: UInt16 in [0, 1, 0x3f80, 0xbf80, 0x7f80, 0xff80, 0x7f7f, 0x0080] {
            let tensor = Tensor(
                name: "x", shape: [], elementType: .bfloat16,
                bytes: [UInt8(bits & 0xff), UInt8(bits >> 8)])
            #expect(tensor.doubles() == [Double(Float(bitPattern: UInt32(bits) << 16))])
        }
    }

    @Test(arguments: 0..<20)
    func numbersComeBackAsTheyWent(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let count = Int.random(in: 0...9, using: &generator)
        func check<Element: TensorElement & Equatable>(
            _ values: [Element], _ double: (Element) -> Double
        ) {
            let tensor = Tensor(name: "x", shape: [count], values: values)
            #expect(tensor.elementCount == count)
            #expect(tensor.bytes.count == count * tensor.elementType.byteCount)
            #expect(tensor.values(as: Element.self) == values)
            #expect(tensor.doubles() == values.map(double))
        }
        check((0..<count).map { _ in Float.random(in: -1e9...1e9, using: &generator) }) {
            Double($0)
        }
        check((0..<count).map { _ in Double.random(in: -1e9...1e9, using: &generator) }) { $0 }
        check((0..<count).map { _ in Int8.random(in: .min ... .max, using: &generator) }) {
            Double($0)
        }
        check((0..<count).map { _ in UInt16.random(in: .min ... .max, using: &generator) }) {
            Double($0)
        }
        check((0..<count).map { _ in Int32.random(in: .min ... .max, using: &generator) }) {
            Double($0)
        }
        check((0..<count).map { _ in Int64.random(in: -(1 << 53)...1 << 53, using: &generator) }) {
            Double($0)
        }
    }

    @Test func complexNumbersHaveNoSingleReal() {
        let tensor = Tensor(
            name: "x", shape: [1], elementType: .complex64, bytes: [UInt8](repeating: 0, count: 8))
        #expect(tensor.isComplex && tensor.doubles() == nil)
    }

    /// By the names of the layers of PyTorch and Keras, and by type.
    @Test(arguments: [
        ("bn.running_mean", ElementType.float32, [4], TensorRole.buffer),
        ("bn.weight", .float32, [4], .parameter),
        ("bn.num_batches_tracked", .int64, [], .buffer),
        ("attn.bias", .float32, [1, 1, 8, 8], .buffer),
        ("attn.bias", .float32, [8], .parameter),
        ("layer.weight_mask", .float32, [2], .buffer),
        ("layer.other_mask", .float32, [2], .parameter),
        ("embedding", .float16, [3], .parameter), ("embedding", .uint8, [3], .buffer),
    ])
    func theRoleFollowsFromNameTypeAndShape(
        name: String, type: ElementType, shape: [Int], expected: TensorRole
    ) {
        let role = TensorRole(name: name, elementType: type, shape: shape) {
            $0 == "layer.weight_orig"
        }
        #expect(role == expected)
    }
}
