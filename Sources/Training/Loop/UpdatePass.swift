internal import ArrayMath
internal import Networks
internal import VectorMath

/// One pass of an update over the parameters, cut into lanes.
///
/// Every element is computed alone, so the bits do not depend on the cuts.
struct UpdatePass<Scalar: NetworkScalar>: LaneWork {
    /// What a pass does to each element.
    enum Rule {
        case adam(AdamConstants<Scalar>, AdamVectors<Scalar>)
        /// b ← μ·b + g, θ ← θ − η·b.
        case momentum(
            parameters: UnsafeMutablePointer<Scalar>, velocity: UnsafeMutablePointer<Scalar>,
            gradient: UnsafePointer<Scalar>, momentum: Scalar, rate: Scalar)
        /// y ← y + factor·x.
        case add(UnsafePointer<Scalar>, to: UnsafeMutablePointer<Scalar>, factor: Scalar)
        /// y ← y + share·(x − y).
        case pull(UnsafeMutablePointer<Scalar>, towards: UnsafePointer<Scalar>, share: Scalar)
        /// y ← factor·y.
        case scale(UnsafeMutablePointer<Scalar>, factor: Scalar)
    }

    private static var laneCount: Int { 4 }
    /// Below this many parameters a pass is over before another thread has begun.
    private static var fewestParameters: Int { 8192 }

    private let rule: Rule
    private let range: Swift.Range<Int>

    /// Changes all elements, on the threads of the pool where there is one.
    static func run(_ rule: Rule, count: Int, _ pool: LanePool?) { run(rule, 0..<count, pool) }

    /// Changes a range of elements.
    static func run(_ rule: Rule, _ range: Swift.Range<Int>, _ pool: LanePool?) {
        let pass = UpdatePass(rule: rule, range: range)
        if let pool, range.count >= fewestParameters {
            pool.run(laneCount, pass)
        } else {
            pass.change(range)
        }
    }

    func perform(lane: Int) {
        // Shares begin on cache lines, so that no two lanes write the same one.
        func bound(_ lane: Int) -> Int {
            lane == Self.laneCount
                ? range.count : lane * range.count / Self.laneCount / 16 * 16
        }
        change(range.lowerBound + bound(lane)..<range.lowerBound + bound(lane + 1))
    }

    private func change(_ range: Swift.Range<Int>) {
        switch rule {
        case .adam(let constants, let vectors):
            vectorKernels.adamUpdate(constants, vectors, range)
        case .momentum(let parameters, let velocity, let gradient, let momentum, let rate):
            for index in range {
                let next = momentum * velocity[index] + gradient[index]
                velocity[index] = next
                parameters[index] -= rate * next
            }
        case .add(let addend, let values, let factor):
            for index in range { values[index] += factor * addend[index] }
        case .pull(let values, let anchor, let share):
            for index in range { values[index] += share * (anchor[index] - values[index]) }
        case .scale(let values, let factor):
            for index in range { values[index] *= factor }
        }
    }
}
