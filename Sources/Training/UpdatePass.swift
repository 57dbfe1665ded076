internal import ArrayMath
internal import Networks
internal import VectorMath

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
            vectorKernels.adamUpdate(constants, vectors, 0..<count)
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
        vectorKernels.adamUpdate(constants, vectors, bound(lane)..<bound(lane + 1))
    }
}
