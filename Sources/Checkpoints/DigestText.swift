/// The text that a checkpoint's digest is taken of, made once for all checkpoints of a run.
package struct DigestText {
    private var text: [UInt8] = []
    /// Where the digits of each tensor's digest stand.
    private var places: [Int]

    /// The tensors of the checkpoints, in any order; `digest` speaks of them in the same one.
    package init(_ tensors: [(name: String, elementType: ElementType, shape: [Int])]) {
        places = tensors.map { _ in 0 }
        let order = tensors.indices.sorted {
            tensors[$0].name.utf8.lexicographicallyPrecedes(tensors[$1].name.utf8)
        }
        for index in order {
            let tensor = tensors[index]
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            text += Array("\(tensor.name)\t\(tensor.elementType.rawValue)\t\(shape)\t".utf8)
            places[index] = text.count
            text += [UInt8](repeating: 0, count: 64) + [UInt8(ascii: "\n")]
        }
    }

    /// The digest of a checkpoint whose tensors have these digests.
    package mutating func digest(_ found: (_ tensor: Int) -> Digest) -> Digest {
        text.withUnsafeMutableBufferPointer { text in
            for index in places.indices {
                let place = places[index]
                found(index).write(to: .init(rebasing: text[place..<place + 64]))
            }
        }
        return text.withUnsafeBytes { Digest(of: $0) }
    }
}
