package import ArrayMath
internal import Foundation

/// How the local learning coefficient is sampled.
package struct SamplerSettings: Sendable, Equatable {
    package enum Preconditioner: String, Sendable, CaseIterable {
        case none
        /// v ← 0.99 v + 0.01 g², from 0 and without correction; drift by 1/(√v + 0.1), noise by its root.
        case rmsprop
    }

    /// Chains, each with a seed of its own.
    package var chains = 4
    /// Steps of each chain that are not counted.
    package var burnIn = 400
    /// Steps of each chain that are.
    package var draws = 400
    /// ε.
    package var stepSize = 2.5e-4
    /// γ, the strength of the pull back to w*.
    package var localization = 100.0
    /// nβ; nil for N / ln N of N examples.
    package var inverseTemperature: Double?
    /// Examples of each gradient; nil for all.
    package var batch: Int?
    package var preconditioner = Preconditioner.none
    package var seed = 0

    package init() {}
}

/// One chain of a sampler around some weights.
package struct SamplerChain: Sendable, Equatable {
    /// The loss before each step, burn-in first; ends where it was not finite.
    package let losses: [Double]
    /// |w − w*|² after the last step.
    package let squaredDistance: Double
    /// The mean chance with which a Metropolis correction would have kept the counted steps; nothing is
    /// rejected.
    ///
    /// Nil for batches, whose loss is not that of the next step, and with a preconditioner.
    package let acceptance: Double?

    package var isFinite: Bool { losses.allSatisfy(\.isFinite) && squaredDistance.isFinite }
}

/// The local learning coefficient λ̂ = nβ (mean of L over the chains − L(w*)) (Lau and others 2023), with
/// what tells whether to believe it.
package struct LearningCoefficient: Sendable, Equatable {
    package let inverseTemperature: Double
    /// L(w*) over all examples.
    package let centreLoss: Double
    package let chains: [SamplerChain]
    private let burnIn: Int

    init(
        chains: [SamplerChain], centreLoss: Double, inverseTemperature: Double, burnIn: Int
    ) {
        self.chains = chains
        self.centreLoss = centreLoss
        self.inverseTemperature = inverseTemperature
        self.burnIn = burnIn
    }

    private var counted: [[Double]] {
        chains.filter(\.isFinite).map { Array($0.losses.dropFirst(burnIn)) }.filter { !$0.isEmpty }
    }

    /// λ̂ of each chain that stayed finite.
    package var chainValues: [Double] {
        counted.map { inverseTemperature * ($0.reduce(0, +) / Double($0.count) - centreLoss) }
    }

    /// The mean over chains; nil where none stayed finite.
    package var value: Double? {
        let values = chainValues
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// The standard deviation of the chains, by n − 1; nil for fewer than two.
    package var deviation: Double? {
        guard chainValues.count > 1, let value else { return nil }
        let squares = chainValues.reduce(0) { $0 + ($1 - value) * ($1 - value) }
        return (squares / Double(chainValues.count - 1)).squareRoot()
    }

    package var lostChains: Int { chains.count - counted.count }

    /// λ̂ of the later half of the counted steps less that of the earlier half: 0 within its scatter once
    /// the chains have settled.
    ///
    /// Nil for fewer than four counted steps.
    package var drift: Double? {
        let halves = counted.filter { $0.count >= 4 }.map { losses -> Double in
            let middle = losses.count / 2
            let early = losses[..<middle].reduce(0, +) / Double(middle)
            let late = losses[middle...].reduce(0, +) / Double(losses.count - middle)
            return inverseTemperature * (late - early)
        }
        return halves.isEmpty ? nil : halves.reduce(0, +) / Double(halves.count)
    }

    /// Gelman's and Rubin's ratio of the spread of all counted steps to that within chains: near 1 once
    /// the chains agree.
    ///
    /// Nil for a single chain, or without spread.
    package var chainAgreement: Double? {
        let counted = counted
        guard counted.count > 1, let length = counted.map(\.count).min(), length > 1 else {
            return nil
        }
        let means = counted.map { $0.prefix(length).reduce(0, +) / Double(length) }
        let within =
            zip(counted, means).reduce(0) { sum, chain in
                sum + chain.0.prefix(length).reduce(0) { $0 + ($1 - chain.1) * ($1 - chain.1) }
            } / Double(counted.count * (length - 1))
        let mean = means.reduce(0, +) / Double(means.count)
        let between =
            means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(means.count - 1)
        guard within > 0 else { return nil }
        return (Double(length - 1) / Double(length) + between / within).squareRoot()
    }

    package var acceptance: Double? {
        let known = chains.compactMap(\.acceptance)
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    package var squaredDistance: Double? {
        let known = chains.filter(\.isFinite).map(\.squaredDistance)
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    /// The mean loss over the finite chains at evenly spaced steps, at most `count` of them.
    package func trace(count: Int = 50) -> [(step: Int, loss: Double)] {
        let finite = chains.filter(\.isFinite).map(\.losses)
        guard let length = finite.map(\.count).min(), length > 0 else { return [] }
        let kept = min(count, length)
        return (0..<kept).map { place in
            let step = kept == 1 ? 0 : place * (length - 1) / (kept - 1)
            return (step, finite.reduce(0) { $0 + $1[step] } / Double(finite.count))
        }
    }

    /// Why the number may not be one: each reason in words.
    package var warnings: [String] {
        guard let value else { return ["no chain stayed finite: the step is too large"] }
        var texts: [String] = []
        if lostChains > 0 {
            texts.append("\(lostChains) of \(chains.count) chains did not stay finite")
        }
        if value < 0 {
            texts.append("it is negative: the weights are no minimum, or the step is too large")
        }
        if let drift, abs(drift) > max(0.1 * abs(value), 2 * (deviation ?? 0)) {
            texts.append("the loss still drifts: more steps are needed before those that count")
        }
        if let chainAgreement, chainAgreement > 1.1 {
            texts.append("the chains disagree: more steps are needed")
        }
        if let acceptance, acceptance < 0.5 {
            texts.append("the step is too large: half of the steps would be rejected")
        }
        return texts
    }
}

/// Samples around w* by stochastic gradient Langevin dynamics:
/// w ← w − (ε/2) (nβ ∇L + γ (w − w*)) + √ε N(0, 1), with a preconditioner G on drift and √G on noise and
/// no correction for its change.
///
/// `lossAndGradient` gives the mean loss and its gradient at a point, of all examples or of a batch that
/// the chain's generator draws; `exampleCount` is N. Chains run one after the other, each with its own
/// seed. `watch` is asked before every gradient.
package func learningCoefficient(
    at centre: [Double], exampleCount: Int, settings: SamplerSettings,
    centreLoss: Double,
    watch: () throws -> Void = {},
    lossAndGradient: (
        _ point: [Double], _ generator: inout ProbeGenerator, _ gradient: inout [Double]
    ) throws -> Double
) throws -> LearningCoefficient {
    let count = Double(max(exampleCount, 2))
    let temperature = settings.inverseTemperature ?? count / log(count)
    let chains = try (0..<settings.chains).map { chain in
        var sampler = LangevinChain(
            centre, settings, temperature: temperature,
            seed: UInt64(bitPattern: Int64(settings.seed)) &* 0x2545_F491_4F6C_DD1D
                &+ UInt64(chain))
        for step in 0..<settings.burnIn + settings.draws {
            try watch()
            let isCounted = step >= settings.burnIn
            guard try sampler.advance(countsAcceptance: isCounted, lossAndGradient) else { break }
        }
        return sampler.result
    }
    return LearningCoefficient(
        chains: chains, centreLoss: centreLoss, inverseTemperature: temperature,
        burnIn: settings.burnIn)
}

/// A chain on its way.
private struct LangevinChain {
    private let centre: [Double]
    private let settings: SamplerSettings
    private let temperature: Double
    private var generator: ProbeGenerator
    private var point: [Double]
    private var gradient: [Double]
    private var losses: [Double] = []
    private var secondMoment: [Double]
    /// The point before, ∇U and U there.
    private var before: (point: [Double], slope: [Double], energy: Double)?
    private var accepted: (sum: Double, count: Int) = (0, 0)

    init(_ centre: [Double], _ settings: SamplerSettings, temperature: Double, seed: UInt64) {
        self.centre = centre
        self.settings = settings
        self.temperature = temperature
        generator = ProbeGenerator(seed: seed)
        point = centre
        gradient = [Double](repeating: 0, count: centre.count)
        secondMoment = settings.preconditioner == .none ? [] : gradient
    }

    /// One step; false where the loss is not finite.
    mutating func advance(
        countsAcceptance: Bool,
        _ lossAndGradient: (
            _ point: [Double], _ generator: inout ProbeGenerator, _ gradient: inout [Double]
        ) throws -> Double
    ) rethrows -> Bool {
        let loss = try lossAndGradient(point, &generator, &gradient)
        losses.append(loss)
        guard loss.isFinite else { return false }
        let step = settings.stepSize
        var slope = gradient
        for place in slope.indices {
            slope[place] =
                temperature * gradient[place]
                + settings.localization * (point[place] - centre[place])
        }
        let measuresAcceptance = settings.batch == nil && settings.preconditioner == .none
        if measuresAcceptance {
            let pull = zip(point, centre).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let energy = temperature * loss + settings.localization / 2 * pull
            if countsAcceptance, let before {
                accepted.sum += metropolisAcceptance(
                    from: before, to: (point, slope, energy), stepSize: step)
                accepted.count += 1
            }
            before = (point, slope, energy)
        }
        let noise = generator.normals(point.count)
        if settings.preconditioner == .none {
            let scale = step.squareRoot()
            for place in point.indices {
                point[place] += -step / 2 * slope[place] + scale * noise[place]
            }
        } else {
            for place in point.indices {
                secondMoment[place] =
                    0.99 * secondMoment[place] + 0.01 * gradient[place] * gradient[place]
                let factor = 1 / (secondMoment[place].squareRoot() + 0.1)
                point[place] +=
                    -step / 2 * factor * slope[place] + (step * factor).squareRoot() * noise[place]
            }
        }
        return true
    }

    var result: SamplerChain {
        SamplerChain(
            losses: losses,
            squaredDistance: zip(point, centre).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) },
            acceptance: accepted.count > 0 ? accepted.sum / Double(accepted.count) : nil)
    }
}

/// The chance with which a Metropolis correction keeps a Langevin step from w to w′ with slopes d, d′ and
/// energies U, U′: min(1, exp([−|w − w′ + (ε/2) d′|² + |w′ − w + (ε/2) d|²] / (2ε) + U − U′)).
package func metropolisAcceptance(
    from start: (point: [Double], slope: [Double], energy: Double),
    to end: (point: [Double], slope: [Double], energy: Double), stepSize: Double
) -> Double {
    var (back, forth) = (0.0, 0.0)
    for place in start.point.indices {
        let move = end.point[place] - start.point[place]
        let (there, here) = (
            -move + stepSize / 2 * end.slope[place], move + stepSize / 2 * start.slope[place]
        )
        back += there * there
        forth += here * here
    }
    return min(1, exp((forth - back) / (2 * stepSize) + start.energy - end.energy))
}

/// Aoyagi's learning coefficient (2024) of a deep linear network at a product of the given rank: λ and its
/// multiplicity.
///
/// `widths` are H₁ … H_{L+1}, inputs and outputs included.
///
/// Traps unless the rank is at most the smallest width.
package func deepLinearLearningCoefficient(
    widths: [Int], rank: Int
) -> (value: Double, multiplicity: Int) {
    precondition(
        widths.count > 1 && widths.allSatisfy { $0 >= rank } && rank >= 0, "a possible product")
    // The set S of the smallest ones: widths sorted, the shortest prefix that satisfies the conditions.
    let excess = widths.map { $0 - rank }.sorted()
    for size in 2...excess.count {
        let (inside, outside) = (excess.prefix(size), excess.dropFirst(size))
        let (count, sum) = (size - 1, excess.prefix(size).reduce(0, +))
        let largest = inside.last ?? 0
        guard outside.first.map({ largest < $0 && sum < count * $0 }) ?? true,
            sum >= count * largest
        else { continue }
        let ceiling = (sum + count - 1) / count
        let rest = sum - (ceiling - 1) * count
        let squares = inside.reduce(0) { $0 + $1 * $1 }
        let pairs = Double(sum * sum - squares) / 2
        let (width, size) = (Double(widths[0] + (widths.last ?? 0)), Double(count))
        let value =
            (Double(rank) * width - Double(rank * rank)) / 2
            + Double(rest) * (size - Double(rest)) / (4 * size)
            - (size - 1) * Double(sum * sum) / (4 * size) + pairs / 2
        return (value, rest * (count - rest) + 1)
    }
    return (.nan, 0)
}
