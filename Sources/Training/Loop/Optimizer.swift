internal import ArrayMath
internal import Checkpoints
internal import Foundation
internal import Networks
internal import VectorMath

/// The optimiser's memory and its update, for one flat vector of parameters.
///
/// The update of a rule is one pass over the parameters, shared by the threads of a pool; every
/// parameter is computed alone, so the bits do not depend on them. Nothing is allocated after the
/// initialisation.
struct Optimizer<Scalar: NetworkScalar> {
    let configuration: OptimizerConfiguration
    let layout: ParameterLayout
    private let seed: Int
    /// The running mean of gradients (Adam) or the velocity (SGD with momentum); empty otherwise.
    private(set) var firstMoment: [Scalar] = []
    /// The running mean of squared gradients (Adam); empty otherwise.
    private(set) var secondMoment: [Scalar] = []
    /// θ₀ of the decay `to_init`; empty otherwise.
    private(set) var anchor: [Scalar] = []
    /// Updates that the moments have seen: t of the bias correction.
    private(set) var time = 0
    private var noise: [Scalar] = []
    var filter: GradientFilter<Scalar>
    /// ‖θ‖ that every update ends with, where the configuration keeps it.
    private(set) var keptNorm: Double?
    /// The matrices of Muon; nil for other rules.
    private let muon: MuonPass<Scalar>?
    /// What an Adam rule updates: all parameters, or with Muon those that are not its matrices.
    private let adamRanges: [Swift.Range<Int>]

    init(
        _ configuration: OptimizerConfiguration, layout: ParameterLayout, seed: Int,
        initial: [Scalar]
    ) {
        self.configuration = configuration
        self.layout = layout
        self.seed = seed
        let zeros = [Scalar](repeating: 0, count: layout.count)
        switch configuration.kind {
        case .gd: break
        case .sgd: if configuration.momentum > 0 { firstMoment = zeros }
        case .adam, .adamw, .muon:
            firstMoment = zeros
            secondMoment = zeros
        }
        filter = GradientFilter(configuration, count: layout.count)
        if configuration.keepNorm { keptNorm = GradientShaping.norm(initial) }
        let isMuon = configuration.kind == .muon
        muon = isMuon ? MuonPass(configuration, layout: layout) : nil
        adamRanges =
            isMuon
            ? layout.entries.filter { !$0.isHiddenMatrix }.map(\.range) : [0..<layout.count]
        if configuration.decay == .toInit, configuration.weightDecay > 0 { anchor = initial }
        if configuration.gradientNoise > 0 || configuration.updateNoise > 0 { noise = zeros }
    }

    /// Takes weights as the first ones of a run: what the decay `to_init` pulls towards.
    mutating func begin(at initial: [Scalar]) {
        if !anchor.isEmpty { anchor = initial }
        beginNorm(at: initial)
    }

    /// Takes the norm of weights as the one to keep, where one is kept.
    mutating func beginNorm(at weights: [Scalar]) {
        if configuration.keepNorm { keptNorm = GradientShaping.norm(weights) }
    }

    /// Changes the parameters by one update.
    ///
    /// `step` is the number of updates done before, `rate` the learning rate η of this one. The
    /// gradient is overwritten where noise or an L2 penalty changes it.
    mutating func update(
        _ parameters: inout [Scalar], gradient: inout [Scalar], step: Int, rate: Double,
        pool: LanePool? = nil
    ) {
        time += 1
        if configuration.gradientNoise > 0 {
            drawNoise(.gradientNoise, step, configuration.gradientNoise)
            add(noise, to: &gradient, times: 1, pool)
        }
        filter.apply(to: &gradient)
        if configuration.perpendicularGradient {
            GradientShaping.makePerpendicular(&gradient, to: parameters, layout)
        }
        if let largest = configuration.clipNorm {
            GradientShaping.clip(&gradient, norm: largest)
        }
        if let largest = configuration.clipValue {
            GradientShaping.clip(&gradient, value: largest)
        }
        if configuration.weightDecay > 0 { decay(&parameters, &gradient, step, rate, pool) }
        switch configuration.kind {
        case .gd: add(gradient, to: &parameters, times: -rate, pool)
        case .sgd: descend(&parameters, gradient, rate, pool)
        case .adam, .adamw: adam(&parameters, gradient, rate, pool)
        case .muon:
            moveMatrices(&parameters, gradient, rate, pool)
            // The schedule scales both rates.
            let share = configuration.learningRate > 0 ? rate / configuration.learningRate : 0
            adam(&parameters, gradient, share * configuration.adamLearningRate, pool)
        }
        if configuration.updateNoise > 0 {
            drawNoise(.updateNoise, step, configuration.updateNoise)
            add(noise, to: &parameters, times: -rate / firstCorrection, pool)
        }
        if let keptNorm { GradientShaping.setNorm(&parameters, to: keptNorm) }
    }

    private mutating func moveMatrices(
        _ parameters: inout [Scalar], _ gradient: [Scalar], _ rate: Double, _ pool: LanePool?
    ) {
        guard let muon else { return }
        firstMoment.withUnsafeMutableBufferPointer { momentum in
            guard let momentum = momentum.baseAddress else { return }
            Self.change(&parameters, gradient) { parameters, gradient in
                muon.run(
                    MuonPass.Step(
                        parameters: parameters, momentum: momentum, gradient: gradient, rate: rate),
                    pool)
            }
        }
    }

    /// 1 − β₁ᵗ for the Adam rules, 1 for the others.
    private var firstCorrection: Double {
        switch configuration.kind {
        case .gd, .sgd: 1
        case .adam, .adamw, .muon: 1 - pow(configuration.beta1, Double(time))
        }
    }

    private mutating func drawNoise(
        _ purpose: RandomStream.Purpose, _ step: Int, _ deviation: Double
    ) {
        var stream = RandomStream(seed: seed, purpose: purpose, lane: step)
        noise.withUnsafeMutableBufferPointer {
            stream.fillNormal($0, standardDeviation: deviation)
        }
    }

    private func decay(
        _ parameters: inout [Scalar], _ gradient: inout [Scalar], _ step: Int, _ rate: Double,
        _ pool: LanePool?
    ) {
        let strength = configuration.weightDecay
        switch configuration.decay {
        case .toZero:
            // Adam folds this factor into its own pass.
            if secondMoment.isEmpty {
                scale(&parameters, parameters.indices, by: 1 - rate * strength, pool)
            }
        case .honest: add(parameters, to: &gradient, times: strength, pool)
        case .toInit:
            let share = Scalar(rate * strength)
            Self.change(&parameters, anchor) { values, anchor in
                UpdatePass<Scalar>.run(
                    .pull(values, towards: anchor, share: share), count: layout.count, pool)
            }
        case .jiggle:
            var stream = RandomStream(seed: seed, purpose: .decayJiggle, lane: step)
            for entry in layout.entries {
                let factor = exp(rate * strength * stream.normalPair().0)
                scale(&parameters, entry.range, by: factor, pool)
            }
        }
    }

    private func scale(
        _ values: inout [Scalar], _ range: Swift.Range<Int>, by factor: Double, _ pool: LanePool?
    ) {
        values.withUnsafeMutableBufferPointer { values in
            guard let first = values.baseAddress else { return }
            UpdatePass<Scalar>.run(
                .scale(first + range.lowerBound, factor: Scalar(factor)), count: range.count, pool)
        }
    }

    private func add(
        _ addend: [Scalar], to values: inout [Scalar], times factor: Double, _ pool: LanePool?
    ) {
        Self.change(&values, addend) { values, addend in
            UpdatePass<Scalar>.run(
                .add(addend, to: values, factor: Scalar(factor)), count: layout.count, pool)
        }
    }

    /// Hands over the memory of two vectors over all parameters.
    private static func change(
        _ values: inout [Scalar], _ others: [Scalar],
        _ body: (UnsafeMutablePointer<Scalar>, UnsafePointer<Scalar>) -> Void
    ) {
        values.withUnsafeMutableBufferPointer { values in
            others.withUnsafeBufferPointer { others in
                guard let values = values.baseAddress, let others = others.baseAddress else {
                    return
                }
                body(values, others)
            }
        }
    }

    /// b = μ·b + g, θ −= η·b; without momentum θ −= η·g.
    private mutating func descend(
        _ parameters: inout [Scalar], _ gradient: [Scalar], _ rate: Double, _ pool: LanePool?
    ) {
        guard !firstMoment.isEmpty else {
            add(gradient, to: &parameters, times: -rate, pool)
            return
        }
        let (momentum, rate) = (Scalar(configuration.momentum), Scalar(rate))
        let count = layout.count
        firstMoment.withUnsafeMutableBufferPointer { velocity in
            guard let velocity = velocity.baseAddress else { return }
            Self.change(&parameters, gradient) { parameters, gradient in
                UpdatePass<Scalar>.run(
                    .momentum(
                        parameters: parameters, velocity: velocity, gradient: gradient,
                        momentum: momentum, rate: rate),
                    count: count, pool)
            }
        }
    }

    /// m = β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², θ = κθ − η/(1−β₁ᵗ)·m/(√v/√(1−β₂ᵗ) + ε).
    ///
    /// κ = 1 − ηλ for the decay `to_zero`, else 1.
    private mutating func adam(
        _ parameters: inout [Scalar], _ gradient: [Scalar], _ rate: Double, _ pool: LanePool?
    ) {
        let decays = configuration.decay == .toZero
        let constants = AdamConstants<Scalar>(
            beta1: Scalar(configuration.beta1), rest1: Scalar(1 - configuration.beta1),
            beta2: Scalar(configuration.beta2), rest2: Scalar(1 - configuration.beta2),
            rate: Scalar(rate / firstCorrection),
            secondScale: Scalar(1 / (1 - pow(configuration.beta2, Double(time))).squareRoot()),
            epsilon: Scalar(configuration.epsilon),
            keep: Scalar(decays ? 1 - rate * configuration.weightDecay : 1))
        let ranges = adamRanges
        parameters.withUnsafeMutableBufferPointer { parameters in
            firstMoment.withUnsafeMutableBufferPointer { first in
                secondMoment.withUnsafeMutableBufferPointer { second in
                    gradient.withUnsafeBufferPointer { gradient in
                        guard let parameters = parameters.baseAddress,
                            let first = first.baseAddress, let second = second.baseAddress,
                            let gradient = gradient.baseAddress
                        else { return }
                        let vectors = AdamVectors(
                            parameters: parameters, first: first, second: second,
                            gradient: gradient)
                        for range in ranges {
                            UpdatePass<Scalar>.run(.adam(constants, vectors), range, pool)
                        }
                    }
                }
            }
        }
    }
}

extension Optimizer {
    /// Goes on with a stored memory; what is nil stays.
    mutating func takeOver(
        time: Int, first: [Scalar]?, second: [Scalar]?, anchor: [Scalar]?, norm: Double?
    ) {
        self.time = time
        if let first { firstMoment = first }
        if let second { secondMoment = second }
        if let anchor { self.anchor = anchor }
        if configuration.keepNorm, let norm { keptNorm = norm }
    }
}
