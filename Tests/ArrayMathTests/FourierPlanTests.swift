import ArrayMath
import Foundation
import TestSupport
import Testing

struct FourierPlanTests {
    /// |X[k]|² by the defining sum.
    private func directPower(_ line: [Double], _ frequency: Int) -> Double {
        var (real, imaginary) = (0.0, 0.0)
        for (point, value) in line.enumerated() {
            let turn = Double(point * frequency % line.count) / Double(line.count)
            real += value * cos(2 * .pi * turn)
            imaginary -= value * sin(2 * .pi * turn)
        }
        return real * real + imaginary * imaginary
    }

    @Test("powers of strided lines agree with the defining sum", arguments: 0..<40)
    func agreesWithDirectSum(seed: Int) {
        var generator = SeededGenerator(seed: seed)
        let length = Int.random(in: 1...60, using: &generator)
        let lines = Int.random(in: 1...19, using: &generator)
        let values = (0..<length * lines).map { _ in Double.random(in: -1...1, using: &generator) }
        var power = [Double](repeating: 0, count: length / 2 + 1)
        var plan = RealFourierPlan(length: length)
        values.withUnsafeBufferPointer {
            plan.addPower(
                of: $0, lineCount: lines, lineStart: { $0 }, stride: lines, into: &power)
        }
        // Each coefficient is a sum of n terms of size 1, each power a sum of `lines` squares.
        let tolerance = 8 * Double.ulpOfOne * Double(length * length * lines)
        for frequency in power.indices {
            let direct = (0..<lines).reduce(0) { sum, line in
                sum + directPower((0..<length).map { values[$0 * lines + line] }, frequency)
            }
            #expect(abs(power[frequency] - direct) <= tolerance, "n \(length), k \(frequency)")
        }
    }

    @Test("single and double precision input give the same powers")
    func floatInputConvertsExactly() {
        let values: [Float] = (0..<30).map { Float($0 % 7) - 2.5 }
        var (single, double) = ([Double](repeating: 0, count: 6), [Double](repeating: 0, count: 6))
        var plan = RealFourierPlan(length: 10)
        values.withUnsafeBufferPointer {
            plan.addPower(of: $0, lineCount: 3, lineStart: { $0 * 10 }, stride: 1, into: &single)
        }
        values.map(Double.init).withUnsafeBufferPointer {
            plan.addPower(of: $0, lineCount: 3, lineStart: { $0 * 10 }, stride: 1, into: &double)
        }
        #expect(single == double)
        #expect(single[0] > 0)
    }

    @Test("plans made and used on many threads at once do not disturb each other")
    func plansOnManyThreads() async {
        let results = await withTaskGroup(of: [Double].self) { group in
            for _ in 0..<32 {
                group.addTask {
                    var plan = RealFourierPlan(length: 113)
                    return plan.transform((0..<113).map { Double($0 * $0 % 113) }).real
                }
            }
            return await group.reduce(into: [[Double]]()) { $0.append($1) }
        }
        #expect(Set(results).count == 1)
        #expect(results.first?.first == Double((0..<113).reduce(0) { $0 + $1 * $1 % 113 }))
    }
}
