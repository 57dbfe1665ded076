extension LogisticProblem {
    /// Where a minimisation ended.
    package struct Solution: Sendable {
        package let curve: LogisticCurve
        package let cost: Double
        package let iterationCount: Int
        /// The last accepted step or the projected gradient fell to rounding.
        package let converged: Bool
    }

    /// A local minimum inside the bounds, from one start.
    ///
    /// Newton's method with exact second derivatives and Levenberg–Marquardt damping. Parameters at
    /// a bound whose gradient points outwards are held; steps are projected on the box. Converges
    /// quadratically, so that the result is exact to rounding of the cost.
    package func minimum(from start: LogisticCurve, maximumIterations: Int = 200) -> Solution {
        let (low, high) = (lowerBound.parameters, upperBound.parameters)
        var point = start.parameters.clamped(lowerBound: low, upperBound: high)
        var local = expansion(at: point)
        var damping = 1e-3
        for iteration in 0..<maximumIterations {
            guard local.cost.isFinite else {
                return Solution(
                    curve: LogisticCurve(parameters: point), cost: local.cost,
                    iterationCount: iteration, converged: false)
            }
            let free = freeParameters(point, local.gradient, low, high)
            guard !free.isEmpty else {
                return solution(point, local, iteration, converged: true)
            }
            guard
                let step = dampedStep(local, free: free, damping: damping, exact: true)
                    ?? dampedStep(local, free: free, damping: damping, exact: false)
            else {
                damping = max(damping, 1e-10) * 10
                if damping > 1e12 { return solution(point, local, iteration, converged: false) }
                continue
            }
            let next = (point + step).clamped(lowerBound: low, upperBound: high)
            let change = relativeSize(of: next - point, at: point)
            let candidate = expansion(at: next)
            if candidate.cost <= local.cost {
                let small = change < 1e-11 && damping < 1
                point = next
                local = candidate
                damping = max(damping * 0.1, 1e-15)
                if small { return solution(point, local, iteration + 1, converged: true) }
            } else {
                // Near the minimum rounding decides; a step this small cannot matter.
                if change < 1e-9 { return solution(point, local, iteration + 1, converged: true) }
                damping = max(damping, 1e-10) * 10
            }
            if damping > 1e12 { return solution(point, local, iteration + 1, converged: false) }
        }
        return solution(point, local, maximumIterations, converged: false)
    }

    private func solution(
        _ point: SIMD4<Double>, _ local: LocalExpansion, _ iterations: Int, converged: Bool
    ) -> Solution {
        Solution(
            curve: LogisticCurve(parameters: point), cost: local.cost, iterationCount: iterations,
            converged: converged)
    }

    private func relativeSize(of step: SIMD4<Double>, at point: SIMD4<Double>) -> Double {
        var largest = 0.0
        for index in 0..<4 {
            largest = max(largest, abs(step[index]) / max(abs(point[index]), 1e-6))
        }
        return largest
    }

    private func freeParameters(
        _ point: SIMD4<Double>, _ gradient: SIMD4<Double>, _ low: SIMD4<Double>,
        _ high: SIMD4<Double>
    ) -> [Int] {
        (0..<4).filter { index in
            let held =
                (point[index] <= low[index] && gradient[index] > 0)
                || (point[index] >= high[index] && gradient[index] < 0)
            return !held
        }
    }

    /// Solves (H + damping · diag) step = −gradient on the free parameters; nil when the damped
    /// matrix is not positive definite.
    private func dampedStep(
        _ local: LocalExpansion, free: [Int], damping: Double, exact: Bool
    ) -> SIMD4<Double>? {
        let matrix = local.matrix(exact: exact)
        let scale = local.matrix(exact: false)
        let count = free.count
        var factor = [Double](repeating: 0, count: count * count)
        for row in 0..<count {
            for column in 0...row {
                var sum = matrix[free[row]][free[column]]
                if row == column {
                    sum += damping * max(scale[free[row]][free[row]], .leastNormalMagnitude)
                }
                for inner in 0..<column {
                    sum -= factor[row * count + inner] * factor[column * count + inner]
                }
                if row == column {
                    guard sum > 0 else { return nil }
                    factor[row * count + row] = sum.squareRoot()
                } else {
                    factor[row * count + column] = sum / factor[column * count + column]
                }
            }
        }
        var solution = free.map { -local.gradient[$0] }
        for row in 0..<count {
            for inner in 0..<row { solution[row] -= factor[row * count + inner] * solution[inner] }
            solution[row] /= factor[row * count + row]
        }
        for row in (0..<count).reversed() {
            for inner in row + 1..<count {
                solution[row] -= factor[inner * count + row] * solution[inner]
            }
            solution[row] /= factor[row * count + row]
        }
        var step = SIMD4<Double>.zero
        for (position, index) in free.enumerated() { step[index] = solution[position] }
        return step
    }
}
