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
    private let layout: ParameterLayout
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
    /// The lanes of a pass; holds nothing between updates.
    private let pass = UpdatePass<Scalar>()

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
        case .adam, .adamw:
            firstMoment = zeros
            secondMoment = zeros
        }
        if configuration.decay == .toInit, configuration.weightDecay > 0 { anchor = initial }
        if configuration.gradientNoise > 0 || configuration.updateNoise > 0 { noise = zeros }
    }

    /// Takes weights as the first ones of a run: what the decay `to_init` pulls towards.
    mutating func begin(at initial: [Scalar]) {
        if !anchor.isEmpty { anchor = initial }
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
        if configuration.weightDecay > 0 { decay(&parameters, &gradient, step, rate, pool) }
        switch configuration.kind {
        case .gd: add(gradient, to: &parameters, times: -rate, pool)
        case .sgd: descend(&parameters, gradient, rate, pool)
        case .adam, .adamw: adam(&parameters, gradient, rate, pool)
        }
        if configuration.updateNoise > 0 {
            drawNoise(.updateNoise, step, configuration.updateNoise)
            add(noise, to: &parameters, times: -rate / firstCorrection, pool)
        }
    }

    /// 1 − β₁ᵗ for the Adam rules, 1 for the others.
    private var firstCorrection: Double {
        switch configuration.kind {
        case .gd, .sgd: 1
        case .adam, .adamw: 1 - pow(configuration.beta1, Double(time))
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
                pass.run(
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
            pass.run(
                .scale(first + range.lowerBound, factor: Scalar(factor)), count: range.count, pool)
        }
    }

    private func add(
        _ addend: [Scalar], to values: inout [Scalar], times factor: Double, _ pool: LanePool?
    ) {
        Self.change(&values, addend) { values, addend in
            pass.run(.add(addend, to: values, factor: Scalar(factor)), count: layout.count, pool)
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
        let (pass, count) = (pass, layout.count)
        firstMoment.withUnsafeMutableBufferPointer { velocity in
            guard let velocity = velocity.baseAddress else { return }
            Self.change(&parameters, gradient) { parameters, gradient in
                pass.run(
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
        let count = parameters.count
        parameters.withUnsafeMutableBufferPointer { parameters in
            firstMoment.withUnsafeMutableBufferPointer { first in
                secondMoment.withUnsafeMutableBufferPointer { second in
                    gradient.withUnsafeBufferPointer { gradient in
                        guard let parameters = parameters.baseAddress,
                            let first = first.baseAddress, let second = second.baseAddress,
                            let gradient = gradient.baseAddress
                        else { return }
                        pass.run(
                            .adam(
                                constants,
                                AdamVectors(
                                    parameters: parameters, first: first, second: second,
                                    gradient: gradient)), count: count, pool)
                    }
                }
            }
        }
    }
}

extension Optimizer {
    /// The memory as stored: moments by tensor, and the time.
    func state(step: Int) -> OptimizerState {
        var tensors: [Tensor] = []
        for (name, values) in [
            ("first_moment", firstMoment), ("second_moment", secondMoment), ("anchor", anchor),
        ] where !values.isEmpty {
            tensors += layout.entries.map {
                Tensor(
                    name: "\(name)/\($0.name)", shape: $0.shape, values: Array(values[$0.range]))
            }
        }
        return OptimizerState(
            tensors: tensors,
            attributes:
                #"{"rule":"\#(configuration.kind.rawValue)","step":\#(step),"time":\#(time)}"#
        )
    }

    /// Takes over a stored memory.
    ///
    /// Errors: a tensor that the rule needs is missing or has another shape.
    mutating func restore(_ state: OptimizerState) throws {
        guard
            let attributes = try? JSONDecoder().decode(
                StateAttributes.self, from: Data(state.attributes.utf8))
        else {
            throw UserError.integrity(
                subject: "the optimiser state", cause: "it does not say how many updates it saw",
                advice: "fork from the weights alone")
        }
        time = attributes.time
        func packed(_ kind: String) throws -> [Scalar] {
            let prefix = kind + "/"
            return try layout.pack(
                state.tensors.filter { $0.name.hasPrefix(prefix) }.map {
                    Tensor(
                        name: String($0.name.dropFirst(prefix.count)), shape: $0.shape,
                        elementType: $0.elementType, bytes: $0.bytes)
                })
        }
        if !firstMoment.isEmpty { firstMoment = try packed("first_moment") }
        if !secondMoment.isEmpty { secondMoment = try packed("second_moment") }
        // A fork that turns this decay on keeps the first weights that its seed gives.
        if !anchor.isEmpty, state.tensors.contains(where: { $0.name.hasPrefix("anchor/") }) {
            anchor = try packed("anchor")
        }
    }
}

/// What a stored optimiser state says beside its tensors.
private struct StateAttributes: Decodable { let time: Int }
