internal import Checkpoints

/// The name, shape and number type of one tensor of a run.
public struct TensorDescription: Sendable, Hashable {
    /// For example `embedding`.
    public let name: String
    /// The extent along each axis, outermost first; empty for a scalar.
    public let shape: [Int]
    /// How a number is stored: `float32`, `float64`, `bfloat16`, `int64` and so on.
    public let elementType: String
}

/// The values of one tensor at one step or at many, in row-major order.
public struct TensorValues: Sendable {
    /// The steps that were read, rising.
    public let steps: [Int]
    /// The tensor's shape; with the number of steps in front for a trajectory.
    public let shape: [Int]
    /// The values as they are stored: little-endian, without padding.
    public let bytes: [UInt8]
    private let type: ElementType

    init(steps: [Int], shape: [Int], type: ElementType, bytes: [UInt8]) {
        self.steps = steps
        self.shape = shape
        self.type = type
        self.bytes = bytes
    }

    /// The number type that is stored, as in ``TensorDescription/elementType``.
    public var elementType: String { type.rawValue }

    /// All values as `Double`, or nil for complex numbers.
    ///
    /// Every type but 64-bit integers beyond 2⁵³ converts exactly.
    public func doubles() -> [Double]? {
        Tensor(name: "", shape: shape, elementType: type, bytes: bytes).doubles()
    }

    /// All values as `Float`, or nil where another type than `float32` is stored.
    public func floats() -> [Float]? {
        guard type == .float32 else { return nil }
        return Tensor(name: "", shape: shape, elementType: type, bytes: bytes)
            .values(as: Float.self)
    }
}
