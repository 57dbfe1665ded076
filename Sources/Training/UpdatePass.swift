internal import ArrayMath
internal import Networks

/// The numbers of one Adam update.
struct AdamConstants<Scalar: NetworkScalar> {
    let beta1: Scalar
    let rest1: Scalar
    let beta2: Scalar
    let rest2: Scalar
    /// The corrected rate η/(1−β₁ᵗ).
    let rate: Scalar
    /// The correction 1/√(1−β₂ᵗ) of the root of the second moment.
    let secondScale: Scalar
    let epsilon: Scalar
    /// The factor 1 − ηλ of the decay, or 1.
    let keep: Scalar
}

/// The four vectors of an Adam update, all of one length.
struct AdamVectors<Scalar: NetworkScalar> {
    let parameters: UnsafeMutablePointer<Scalar>
    let first: UnsafeMutablePointer<Scalar>
    let second: UnsafeMutablePointer<Scalar>
    let gradient: UnsafePointer<Scalar>
}

/// One pass of an update over the parameters, cut into lanes.
final class UpdatePass<Scalar: NetworkScalar>: LaneWork {
    private static var laneCount: Int { 4 }
    /// Below this many parameters a pass is over before another thread has begun.
    private static var fewestParameters: Int { 8192 }

    private var work: (AdamConstants<Scalar>, AdamVectors<Scalar>)?
    private var count = 0

    /// Updates all parameters, on the threads of the pool where there is one.
    func run(
        _ constants: AdamConstants<Scalar>, _ vectors: AdamVectors<Scalar>, count: Int,
        _ pool: LanePool?
    ) {
        guard let pool, count >= Self.fewestParameters else {
            adamUpdate(constants, vectors, 0..<count)
            return
        }
        work = (constants, vectors)
        self.count = count
        pool.run(Self.laneCount, self)
        work = nil
    }

    func perform(lane: Int) {
        guard let (constants, vectors) = work else { return }
        // Shares begin on cache lines, so that no two lanes write the same one.
        func bound(_ lane: Int) -> Int {
            lane == Self.laneCount ? count : lane * count / Self.laneCount / 16 * 16
        }
        adamUpdate(constants, vectors, bound(lane)..<bound(lane + 1))
    }
}

/// m = β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², θ = κθ − rate·m/(√v·scale + ε), element by element.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func adamUpdate<Scalar: NetworkScalar>(
    _ constants: AdamConstants<Scalar>, _ vectors: AdamVectors<Scalar>, _ range: Swift.Range<Int>
) {
    let (parameters, first) = (vectors.parameters, vectors.first)
    let (second, gradient) = (vectors.second, vectors.gradient)
    for index in range {
        let slope = gradient[index]
        let mean = constants.beta1 * first[index] + constants.rest1 * slope
        let square = constants.beta2 * second[index] + constants.rest2 * (slope * slope)
        first[index] = mean
        second[index] = square
        let step =
            mean / (square.squareRoot() * constants.secondScale + constants.epsilon)
        parameters[index] = constants.keep * parameters[index] - constants.rate * step
    }
}
