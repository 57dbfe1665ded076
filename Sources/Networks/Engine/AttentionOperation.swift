internal import ArrayMath
internal import VectorMath

/// Causal attention of each row to the rows of its own tokens so far, head by head:
/// z = Σⱼ aⱼ·vⱼ with a = softmax(q·kⱼ / √headWidth).
///
/// Queries, keys and values are rows of `source`; the output rows find theirs through the table of
/// their domain. Head *h* owns columns `h·headWidth..<(h+1)·headWidth`.
final class AttentionOperation<Scalar: NetworkScalar>: Operation<Scalar> {
    let query: Slot
    let key: Slot
    let value: Slot
    /// The attention itself, `[rows, heads · length]`; only positions up to the row's own are set.
    let probabilities: Slot
    let output: Slot
    let heads: Int

    init(
        query: Slot, key: Slot, value: Slot, heads: Int, probabilities: Slot, into output: Slot
    ) {
        self.query = query
        self.key = key
        self.value = value
        self.heads = heads
        self.probabilities = probabilities
        self.output = output
    }

    override var reads: [Slot] { [query, key, value] }

    private func shape(_ frame: borrowing Frame<Scalar>) -> AttentionShape {
        AttentionShape(
            rows: frame[output.domain].rows, heads: heads, headWidth: output.columns / heads,
            table: frame.table(of: output.domain, into: query.domain))
    }

    override func forward(_ frame: borrowing Frame<Scalar>) {
        vectorKernels.attend(
            shape(frame), AttentionVersions(frame, self, .value), scratch: frame.scratch)
    }

    override func reverse(_ frame: borrowing Frame<Scalar>) {
        clearWhereFirst(frame, .gradient)
        vectorKernels.attendReverse(
            shape(frame), AttentionVersions(frame, self, .value),
            gradient: AttentionVersions(frame, self, .gradient))
    }

    override func tangent(_ frame: borrowing Frame<Scalar>) {
        vectorKernels.attendTangent(
            shape(frame), AttentionVersions(frame, self, .value),
            tangent: AttentionVersions(frame, self, .tangent))
    }

    override func reverseTangent(_ frame: borrowing Frame<Scalar>) {
        clearWhereFirst(frame, .gradientTangent)
        vectorKernels.attendReverseTangent(
            shape(frame), AttentionVersions(frame, self, .value),
            gradient: AttentionVersions(frame, self, .gradient),
            tangent: AttentionVersions(frame, self, .tangent),
            gradientTangent: AttentionVersions(frame, self, .gradientTangent))
    }

    private func clearWhereFirst(_ frame: borrowing Frame<Scalar>, _ version: Version) {
        let rows = frame[query.domain].rows
        if isFirstToAdd[0] {
            clear(frame.matrix(query, version), rows: rows, columns: query.columns)
        }
        if isFirstToAdd[1] { clear(frame.matrix(key, version), rows: rows, columns: key.columns) }
        if isFirstToAdd[2] {
            clear(frame.matrix(value, version), rows: rows, columns: value.columns)
        }
    }
}

extension AttentionVersions where Scalar: NetworkScalar {
    init(
        _ frame: borrowing Frame<Scalar>, _ operation: AttentionOperation<Scalar>,
        _ version: Version
    ) {
        self.init(
            query: frame.matrix(operation.query, version),
            key: frame.matrix(operation.key, version),
            value: frame.matrix(operation.value, version),
            probabilities: frame.matrix(operation.probabilities, version),
            output: frame.matrix(operation.output, version))
    }
}
