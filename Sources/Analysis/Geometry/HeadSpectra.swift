internal import ArrayMath
package import Checkpoints
internal import Foundation

/// The spectral measures of each attention head, and of the two products that are all a network's
/// function sees of its head: query · keyᵀ and value · output, both [width, width].
///
/// A change of basis inside a head changes its query and its key but no logit, nor the products; the
/// flattened tensors of `weightNorms` mix all heads. `l2`, `spectral`, `stable_rank` and `effective_rank`
/// with the variant `head`, the head as position and as subject `….query`, `….key`, `….value`,
/// `….output`, `….query_key` or `….value_output`. A head of zeros has no ranks. Networks without
/// attention, and tensors of other shapes, have no rows.
package func headSpectra(of tensors: [Tensor]) -> [MeasuredValue] {
    let byName = Dictionary(tensors.map { ($0.name, $0) }) { first, _ in first }
    let suffix = ".attention.query"
    return tensors.filter { $0.name.hasSuffix(suffix) }.flatMap { query -> [MeasuredValue] in
        let block = String(query.name.dropLast(".query".count))
        let parts = ["query", "key", "value", "output"].map { byName["\(block).\($0)"] }
        guard query.shape.count == 3, !query.shape.contains(0) else { return [] }
        let (heads, width, columns) = (query.shape[0], query.shape[1], query.shape[2])
        let shapes =
            [[heads, width, columns], [heads, width, columns], [heads, width, columns]]
            + [[heads, columns, width]]
        let values = zip(parts, shapes).compactMap { tensor, shape in
            tensor?.shape == shape ? tensor?.doubles() : nil
        }
        guard values.count == 4 else { return [] }
        let size = width * columns
        return (0..<heads).flatMap { head -> [MeasuredValue] in
            let own = values.map { Array($0[head * size..<(head + 1) * size]) }
            // The head's columns against each other, [columns, columns].
            func gram(_ matrix: [Double], isWide: Bool) -> [Double] {
                matrixProduct(
                    matrix, transposed: !isWide, matrix, transposed: isWide, rows: columns,
                    columns: columns, inner: width)
            }
            let roots = own.enumerated().map { place, matrix in
                symmetricRoot(gram(matrix, isWide: place == 3), order: columns)
            }
            let names = ["query", "key", "value", "output", "query_key", "value_output"]
            let matrices =
                roots
                + [(0, 1), (2, 3)].map { left, right in
                    matrixProduct(
                        roots[left], roots[right], rows: columns, columns: columns, inner: columns)
                }
            return zip(names, matrices).flatMap { name, matrix in
                spectralMeasures(
                    singularValues(matrix, rows: columns, columns: columns, method: .direct),
                    subject: "\(block).\(name)", head: head)
            }
        }
    }
}

private func spectralMeasures(
    _ spectrum: [Double], subject: String, head: Int
) -> [MeasuredValue] {
    let (l2, spectral) = (vectorNorm(spectrum), spectrum.first ?? 0)
    let numbers: [(String, Double?)] = [
        ("l2", l2), ("spectral", spectral), ("stable_rank", stableRank(l2: l2, spectral: spectral)),
        ("effective_rank", singularValueEntropy(spectrum).map { exp($0) }),
    ]
    return numbers.map { name, value in
        let finite = value.flatMap { $0.isFinite ? $0 : nil }
        return MeasuredValue(
            name, variant: "head", subject: subject, position: head, value: finite,
            text: finite == nil ? "the head is zero, or not finite" : nil)
    }
}

/// The symmetric square root of a positive semi-definite matrix: it has the singular values of any
/// matrix whose Gram matrix this is.
private func symmetricRoot(_ matrix: [Double], order: Int) -> [Double] {
    let eigen = SymmetricEigen(of: matrix, order: order)
    var scaled = eigen.vectors
    for index in 0..<order {
        let root = eigen.values[index].isNaN ? .nan : max(0, eigen.values[index]).squareRoot()
        for place in 0..<order { scaled[index * order + place] *= root }
    }
    return matrixProduct(
        eigen.vectors, transposed: true, scaled, transposed: false, rows: order, columns: order,
        inner: order)
}
