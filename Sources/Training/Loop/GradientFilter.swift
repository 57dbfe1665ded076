internal import Checkpoints
internal import Foundation
internal import Networks

/// Grokfast (Lee and others 2024): adds the slow part of the gradients to each of them.
///
/// `ema`: m ← αm + (1 − α)g, from m = g at the first update, and g ← g + λm.
/// `moving_average`: once the last w gradients are there, this one included, g ← g + λ·(their mean).
struct GradientFilter<Scalar: NetworkScalar> {
    private let kind: OptimizerConfiguration.Filter
    private let decay: Scalar
    private let rest: Scalar
    private let gain: Double
    private let window: Int
    /// m of the running mean; empty otherwise.
    private var mean: [Scalar] = []
    /// The last gradients, `[window, parameters]`, each in the place of its update modulo w.
    private var latest: [Scalar] = []
    /// Their sum, in double precision so that what is added and taken away again leaves no trace.
    private var sum: [Double] = []
    /// Gradients seen.
    private(set) var time = 0

    init(_ configuration: OptimizerConfiguration, count: Int) {
        kind = configuration.filter
        decay = Scalar(configuration.filterDecay)
        rest = Scalar(1 - configuration.filterDecay)
        gain = configuration.filterGain
        window = configuration.filterWindow
        switch kind {
        case .none: break
        case .ema: mean = [Scalar](repeating: 0, count: count)
        case .movingAverage:
            latest = [Scalar](repeating: 0, count: window * count)
            sum = [Double](repeating: 0, count: count)
        }
    }

    /// Takes a gradient and strengthens its slow part.
    mutating func apply(to gradient: inout [Scalar]) {
        switch kind {
        case .none: return
        case .ema:
            follow(
                &mean, &gradient, decay: time == 0 ? 0 : decay, rest: time == 0 ? 1 : rest,
                gain: Scalar(gain))
        case .movingAverage:
            let isFull = time >= window - 1
            replaceOldest(
                &latest, &sum, &gradient, start: time % window * gradient.count,
                gain: isFull ? gain / Double(window) : 0)
        }
        time += 1
    }

    /// What resuming needs, by tensor.
    func tensors(_ layout: ParameterLayout) -> [Tensor] {
        layout.entries.flatMap { entry -> [Tensor] in
            switch kind {
            case .none: []
            case .ema:
                [
                    Tensor(
                        name: "filter_mean/\(entry.name)", shape: entry.shape,
                        values: Array(mean[entry.range]))
                ]
            case .movingAverage:
                [
                    Tensor(
                        name: "filter_window/\(entry.name)", shape: [window] + entry.shape,
                        values: (0..<window).flatMap { row in
                            latest[
                                row * layout.count + entry.offset..<row * layout.count
                                    + entry.offset + entry.count]
                        }),
                    Tensor(
                        name: "filter_sum/\(entry.name)", shape: entry.shape,
                        values: Array(sum[entry.range])),
                ]
            }
        }
    }

    /// Takes over a stored memory.
    ///
    /// Errors: a tensor is missing or has another shape.
    mutating func restore(_ state: OptimizerState, time: Int, layout: ParameterLayout) throws {
        guard kind != .none else { return }
        let byName = Dictionary(
            state.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        func stored<Element: TensorElement>(
            _ kind: String, _ entry: ParameterLayout.Entry, copies: Int,
            as type: Element.Type
        ) throws -> [Element] {
            let name = "\(kind)/\(entry.name)"
            guard let tensor = byName[name], tensor.elementType == Element.elementType,
                tensor.elementCount == copies * entry.count
            else {
                throw UserError.integrity(
                    subject: "the optimiser state",
                    cause: "the tensor \(name) is missing or has another form",
                    advice: "fork from the weights alone")
            }
            return tensor.values(as: Element.self)
        }
        for entry in layout.entries {
            if kind == .ema {
                mean.replaceSubrange(
                    entry.range, with: try stored("filter_mean", entry, copies: 1, as: Scalar.self))
                continue
            }
            let rows = try stored("filter_window", entry, copies: window, as: Scalar.self)
            for row in 0..<window {
                let start = row * layout.count + entry.offset
                latest.replaceSubrange(
                    start..<start + entry.count,
                    with: rows[row * entry.count..<(row + 1) * entry.count])
            }
            sum.replaceSubrange(
                entry.range, with: try stored("filter_sum", entry, copies: 1, as: Double.self))
        }
        self.time = time
    }
}

/// m ← decay·m + rest·g, g ← g + gain·m.
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func follow<Scalar: NetworkScalar>(
    _ mean: inout [Scalar], _ gradient: inout [Scalar], decay: Scalar, rest: Scalar, gain: Scalar
) {
    mean.withUnsafeMutableBufferPointer { mean in
        gradient.withUnsafeMutableBufferPointer { gradient in
            for index in 0..<gradient.count {
                let next = decay * mean[index] + rest * gradient[index]
                mean[index] = next
                gradient[index] += gain * next
            }
        }
    }
}

/// Puts g in the place of the oldest gradient, then g ← g + gain·(the sum of all that are kept).
@_specialize(where Scalar == Float)
@_specialize(where Scalar == Double)
private func replaceOldest<Scalar: NetworkScalar>(
    _ latest: inout [Scalar], _ sum: inout [Double], _ gradient: inout [Scalar], start: Int,
    gain: Double
) {
    latest.withUnsafeMutableBufferPointer { latest in
        sum.withUnsafeMutableBufferPointer { sum in
            gradient.withUnsafeMutableBufferPointer { gradient in
                for index in 0..<gradient.count {
                    let new = gradient[index]
                    sum[index] += Double(new) - Double(latest[start + index])
                    latest[start + index] = new
                    gradient[index] = Scalar(Double(new) + gain * sum[index])
                }
            }
        }
    }
}
