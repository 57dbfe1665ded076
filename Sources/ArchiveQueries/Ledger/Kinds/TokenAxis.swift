package import Checkpoints

/// Which axis of a tensor runs over tokens.
package enum TokenAxis {
    /// The axis by the tensor's name; nil for tensors without one.
    package static func of(_ tensor: Tensor) -> Int? {
        switch tensor.name {
        case "embedding", "left_embedding", "right_embedding":
            tensor.shape.count == 2 ? 0 : nil
        case "unembedding": tensor.shape.count == 2 ? 1 : nil
        default: nil
        }
    }

    /// The entries in a range along an axis of a matrix; nil where the matrix has no such range.
    static func slice(_ tensor: Tensor, axis: Int, _ range: Range<Int>) -> Tensor? {
        guard tensor.shape.count == 2, tensor.shape.indices.contains(axis), !range.isEmpty,
            range.upperBound <= tensor.shape[axis]
        else { return nil }
        let element = tensor.elementType.byteCount
        let row = tensor.shape[1] * element
        let rows = axis == 0 ? range : 0..<tensor.shape[0]
        let columns = axis == 1 ? range : 0..<tensor.shape[1]
        let bytes = rows.flatMap { index in
            tensor.bytes[
                (index * row + columns.lowerBound * element)..<(index * row + columns.upperBound
                    * element)]
        }
        return Tensor(
            name: tensor.name, shape: [rows.count, columns.count], elementType: tensor.elementType,
            bytes: bytes)
    }
}
