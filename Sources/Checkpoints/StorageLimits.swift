/// What an archive can hold: writers refuse what readers would not take.
package enum StorageLimits {
    /// The most bytes of a curve's name.
    package static let longestMetricName = 4_096
    /// The most bytes of a tensor's name.
    package static let longestTensorName = 4_096
    /// The most bytes of a name in the optimiser's memory, which has that of a tensor in it.
    package static let longestStateName = 2 * longestTensorName
    /// A pack has one axis more, and HDF5 allows 32.
    package static let largestAxisCount = 31
    /// Of one tensor; a damaged extent must not become a huge allocation.
    package static let largestElementCount = 1 << 46
    /// The most bytes of a tag.
    package static let longestTagName = 100

    /// Why a curve of this name cannot be stored; nil when it can.
    package static func refusal(ofMetric name: String) -> String? {
        refusal(ofName: name, longestMetricName)
    }

    /// Why a tensor of this name and shape cannot be stored; nil when it can.
    package static func refusal(
        ofTensor name: String, shape: [Int], isState: Bool = false
    ) -> String? {
        let most = isState ? longestStateName : longestTensorName
        if let refusal = refusal(ofName: name, most) { return refusal }
        if shape.count > largestAxisCount {
            return "it has \(shape.count) axes, \(largestAxisCount) are the most"
        }
        var count = 1
        for extent in shape where extent != 0 {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard extent > 0, !overflow, product < largestElementCount else {
                return "its shape \(shape) is not possible"
            }
            count = product
        }
        return nil
    }

    private static func refusal(ofName name: String, _ most: Int) -> String? {
        if name.isEmpty { return "its name is empty" }
        if name.utf8.contains(0) { return "its name holds the character NUL" }
        guard name.utf8.count <= most else {
            return "its name has \(name.utf8.count) bytes, \(most) are the most"
        }
        return nil
    }

    /// Throws unless every tensor of an optimiser's memory can be stored.
    package static func requireStorable(state tensors: [(name: String, shape: [Int])]) throws {
        for tensor in tensors {
            guard let refusal = refusal(ofTensor: tensor.name, shape: tensor.shape, isState: true)
            else { continue }
            throw UserError(
                .refused, subject: "\(tensor.name.prefix(40)) of the optimiser's memory",
                cause: refusal)
        }
    }

    /// Throws unless every point can be stored.
    package static func requireStorable(_ points: [MetricPoint]) throws {
        for point in points {
            guard let refusal = refusal(ofMetric: point.name) else { continue }
            throw UserError(
                .failure, subject: "a curve (\(point.name.prefix(40)))", cause: refusal,
                advice: "give it another name")
        }
    }
}
