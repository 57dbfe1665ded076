internal import CHDF5

extension HDF5Dataset {
    /// A box of elements that lie one after the other.
    package struct Block: Sendable {
        let offset: [Int]
        let count: [Int]
        package let byteCount: Int
    }

    /// The whole array cut into blocks in the order of its elements.
    ///
    /// Each has at most `limit` bytes, or one element.
    package borrowing func blocks(ofAtMost limit: Int) -> [Block] {
        guard !shape.contains(0) else { return [] }
        guard !shape.isEmpty, byteCount > limit else {
            return [
                Block(offset: shape.map { _ in 0 }, count: shape, byteCount: byteCount)
            ]
        }
        // The first axis one index of which fits; those before it are walked one by one.
        var axis = 0
        var inner = byteCount / shape[0]
        while inner > limit, axis + 1 < shape.count {
            axis += 1
            inner /= shape[axis]
        }
        let outerCount = shape[..<axis].reduce(1, *)
        let most = max(1, limit / inner)
        var blocks: [Block] = []
        for outer in 0..<outerCount {
            var offset = [Int](repeating: 0, count: shape.count)
            var rest = outer
            for position in (0..<axis).reversed() {
                offset[position] = rest % shape[position]
                rest /= shape[position]
            }
            for start in stride(from: 0, to: shape[axis], by: most) {
                var count = shape
                for position in 0..<axis { count[position] = 1 }
                offset[axis] = start
                count[axis] = min(most, shape[axis] - start)
                blocks.append(
                    Block(offset: offset, count: count, byteCount: count[axis] * inner))
            }
        }
        return blocks
    }

    /// The elements of one block.
    package borrowing func read(_ block: Block) throws(HDF5Error) -> [UInt8] {
        try read(offset: block.offset, count: block.count)
    }

    /// Writes the elements of one block.
    package borrowing func write(
        _ bytes: UnsafeRawBufferPointer, in block: Block
    ) throws(HDF5Error) {
        precondition(bytes.count == block.byteCount, "the bytes do not fill the block")
        let memory = try type.identifier()
        let number = identifier.number
        guard !shape.isEmpty else {
            try HDF5Library.check("H5Dwrite", path) {
                unsafe H5Dwrite(
                    number, memory.number, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT),
                    bytes.baseAddress)
            }
            return
        }
        let spaces = try Hyperslab(
            path: path, shape: shape, offset: block.offset, count: block.count)
        try HDF5Library.check("H5Dwrite", path) {
            unsafe H5Dwrite(
                number, memory.number, spaces.memory.number, spaces.file.number,
                hid_t(H5P_DEFAULT), bytes.baseAddress)
        }
    }
}
