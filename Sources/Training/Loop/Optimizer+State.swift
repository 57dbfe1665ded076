internal import Checkpoints
internal import Foundation
internal import Networks

extension Optimizer {
    /// The memory as stored: moments by tensor, what the gradient filter keeps, and the time.
    func state(step: Int) -> OptimizerState {
        var tensors: [Tensor] = []
        for (name, values) in [
            ("first_moment", firstMoment), ("second_moment", secondMoment), ("anchor", anchor),
        ] where !values.isEmpty {
            tensors += layout.entries.filter { keeps(name, $0) }.map {
                Tensor(
                    name: "\(name)/\($0.name)", shape: $0.shape, values: Array(values[$0.range]))
            }
        }
        tensors += filter.tensors(layout)
        var attributes =
            #"{"rule":"\#(configuration.kind.rawValue)","step":\#(step),"time":\#(time)"#
        if configuration.filter != .none { attributes += #","filter_time":\#(filter.time)"# }
        if let keptNorm { attributes += #","kept_norm":\#(keptNorm)"# }
        return OptimizerState(tensors: tensors, attributes: attributes + "}")
    }

    /// Whether a tensor has this kind of memory: the matrices of Muon have no second moment.
    private func keeps(_ kind: String, _ entry: ParameterLayout.Entry) -> Bool {
        kind != "second_moment" || configuration.kind != .muon || !entry.isHiddenMatrix
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
        let layout = layout
        let absent = layout.entries.filter { !keeps("second_moment", $0) }
        func packed(_ kind: String) throws -> [Scalar] {
            let prefix = kind + "/"
            let zeros =
                kind == "second_moment"
                ? absent.map {
                    Tensor(
                        name: $0.name, shape: $0.shape,
                        values: [Scalar](repeating: 0, count: $0.count))
                } : []
            return try layout.pack(
                state.tensors.filter { $0.name.hasPrefix(prefix) }.map {
                    Tensor(
                        name: String($0.name.dropFirst(prefix.count)), shape: $0.shape,
                        elementType: $0.elementType, bytes: $0.bytes)
                } + zeros)
        }
        try takeOver(
            time: attributes.time, first: firstMoment.isEmpty ? nil : packed("first_moment"),
            second: secondMoment.isEmpty ? nil : packed("second_moment"),
            // A fork that turns this decay on keeps the first weights that its seed gives.
            anchor: !anchor.isEmpty && state.tensors.contains { $0.name.hasPrefix("anchor/") }
                ? packed("anchor") : nil,
            norm: attributes.keptNorm)
        try filter.restore(state, time: attributes.filterTime ?? 0, layout: layout)
    }
}

/// What a stored optimiser state says beside its tensors.
private struct StateAttributes: Decodable {
    let time: Int
    let filterTime: Int?
    let keptNorm: Double?

    private enum CodingKeys: String, CodingKey {
        case time
        case filterTime = "filter_time"
        case keptNorm = "kept_norm"
    }
}
