internal import CHDF5

/// How a dataset's elements lie in the file.
package enum HDF5Layout: Sendable, Equatable {
    /// One block, readable at the speed of memory.
    case contiguous
    /// One block per index of the first axis (one block for a vector), shuffled and deflated;
    /// every HDF5 library can read it.
    case deflated(level: Int)
}

/// An array in a file.
package struct HDF5Dataset: ~Copyable, Sendable {
    let identifier: Identifier
    /// The file's path, a colon, and the path inside the file.
    package let path: String
    /// The extent along each axis, outermost first; empty for a scalar.
    package let shape: [Int]
    package let type: HDF5Type

    /// The number of bytes of all elements in memory.
    package var byteCount: Int { shape.reduce(type.byteCount, *) }

    /// Releases a dataset of a file that is being written, reporting any failure.
    ///
    /// Without it the file cannot be finished. The corresponding C function is `H5Dclose`.
    package consuming func close() throws(HDF5Error) {
        let path = path
        try identifier.close(path)
    }

    /// Writes all elements.
    ///
    /// The corresponding C function is `H5Dwrite`.
    package borrowing func write(_ bytes: [UInt8]) throws(HDF5Error) {
        precondition(bytes.count == byteCount, "the bytes of \(path) do not fill its shape")
        let number = identifier.number
        let memory = try type.identifier()
        try HDF5Library.check("H5Dwrite", path) {
            unsafe bytes.withUnsafeBytes { buffer in
                unsafe H5Dwrite(
                    number, memory.number, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT),
                    buffer.baseAddress ?? placeholder)
            }
        }
    }

    /// Writes the elements from `start` of as many rows as the bytes fill.
    package borrowing func write(_ bytes: [UInt8], fromRow start: Int) throws(HDF5Error) {
        let rowByteCount = shape.dropFirst().reduce(type.byteCount, *)
        guard rowByteCount > 0, !bytes.isEmpty else { return }
        precondition(bytes.count % rowByteCount == 0, "the bytes of \(path) do not fill its rows")
        var offset = [Int](repeating: 0, count: shape.count)
        offset[0] = start
        var count = shape
        count[0] = bytes.count / rowByteCount
        precondition(start + count[0] <= shape[0], "the rows lie outside \(path)")
        let spaces = try Hyperslab(path: path, shape: shape, offset: offset, count: count)
        let memory = try type.identifier()
        let number = identifier.number
        try HDF5Library.check("H5Dwrite", path) {
            unsafe bytes.withUnsafeBytes { buffer in
                unsafe H5Dwrite(
                    number, memory.number, spaces.memory.number, spaces.file.number,
                    hid_t(H5P_DEFAULT), buffer.baseAddress)
            }
        }
    }

    /// All elements in row-major order.
    ///
    /// The corresponding C function is `H5Dread`.
    package borrowing func read() throws(HDF5Error) -> [UInt8] {
        try unsafe readBytes(byteCount) { number, memory, buffer in
            unsafe H5Dread(
                number, memory, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT), buffer)
        }
    }

    /// The elements of a box: `count` along each axis from `offset`.
    ///
    /// The corresponding C function is `H5Sselect_hyperslab`.
    package borrowing func read(offset: [Int], count: [Int]) throws(HDF5Error) -> [UInt8] {
        guard offset.count == shape.count, count.count == shape.count,
            zip(zip(offset, count), shape).allSatisfy({
                $0.0 >= 0 && $0.1 >= 0 && $0.0 + $0.1 <= $1
            })
        else {
            throw .mismatch(path, "the box \(offset) + \(count) is outside the shape \(shape)")
        }
        if shape.isEmpty { return try read() }
        let spaces = try Hyperslab(path: path, shape: shape, offset: offset, count: count)
        let memorySpace = spaces.memory.number
        let fileSpace = spaces.file.number
        return try unsafe readBytes(count.reduce(type.byteCount, *)) { number, memory, buffer in
            unsafe H5Dread(
                number, memory, memorySpace, fileSpace, hid_t(H5P_DEFAULT), buffer)
        }
    }

    /// The rows of a range of the first axis.
    package borrowing func read(rows: Range<Int>) throws(HDF5Error) -> [UInt8] {
        guard let rowCount = shape.first else {
            throw .mismatch(path, "a scalar has no rows")
        }
        guard rows.lowerBound >= 0, rows.upperBound <= rowCount else {
            throw .mismatch(path, "rows \(rows) are outside the \(rowCount) there are")
        }
        return try read(
            offset: [rows.lowerBound] + shape.dropFirst().map { _ in 0 },
            count: [rows.count] + shape.dropFirst())
    }

    /// Where the elements start in the file, for reading without the library; nil unless they lie
    /// in one plain block.
    ///
    /// The corresponding C function is `H5Dget_offset`.
    package borrowing func contiguousOffset() throws(HDF5Error) -> Int? {
        let number = identifier.number
        let creation = try Identifier("H5Dget_create_plist", path) { H5Dget_create_plist(number) }
        return HDF5Library.locked {
            guard H5Pget_layout(creation.number) == H5D_CONTIGUOUS,
                H5Pget_external_count(creation.number) == 0
            else { return nil }
            let offset = H5Dget_offset(number)
            return offset == hdf5_undefined_address() ? nil : Int(offset)
        }
    }

    /// Where the elements lie in the file as they are stored: one block, or one per chunk.
    ///
    /// The corresponding C functions are `H5Dget_offset` and `H5Dget_chunk_info`.
    package borrowing func storedExtents() throws(HDF5Error) -> [Range<Int>] {
        let number = identifier.number
        if let offset = try contiguousOffset() {
            return [offset..<offset + byteCount]
        }
        let path = path
        let creation = try Identifier("H5Dget_create_plist", path) { H5Dget_create_plist(number) }
        guard HDF5Library.locked({ H5Pget_layout(creation.number) == H5D_CHUNKED }) else {
            return []
        }
        let space = try Identifier("H5Dget_space", path) { H5Dget_space(number) }
        var chunkCount: hsize_t = 0
        try HDF5Library.check("H5Dget_num_chunks", path) {
            unsafe H5Dget_num_chunks(number, space.number, &chunkCount)
        }
        var extents: [Range<Int>] = []
        for index in 0..<chunkCount {
            var address: haddr_t = 0
            var size: hsize_t = 0
            try HDF5Library.check("H5Dget_chunk_info", path) {
                unsafe H5Dget_chunk_info(number, space.number, index, nil, nil, &address, &size)
            }
            extents.append(Int(address)..<Int(address) + Int(size))
        }
        return extents
    }

    private borrowing func readBytes(
        _ byteCount: Int, _ call: (hid_t, hid_t, UnsafeMutableRawPointer) -> herr_t
    ) throws(HDF5Error) -> [UInt8] {
        let number = identifier.number
        let memory = try type.identifier()
        var failure: HDF5Error?
        let path = path
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            guard byteCount > 0, let base = buffer.baseAddress else { return }
            do throws(HDF5Error) {
                try HDF5Library.check("H5Dread", path) {
                    unsafe call(number, memory.number, UnsafeMutableRawPointer(base))
                }
                count = byteCount
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// The library refuses a null pointer even where there is nothing to write.
private var placeholder: UnsafeRawPointer {
    unsafe UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped
}

/// The same box selected in a file and densely in memory.
struct Hyperslab: ~Copyable {
    let file: Identifier
    let memory: Identifier

    init(path: String, shape: [Int], offset: [Int], count: [Int]) throws(HDF5Error) {
        let file = try HDF5Group.space(shape, path)
        let memory = try HDF5Group.space(count, path)
        let start = offset.map(hsize_t.init)
        let extent = count.map(hsize_t.init)
        let number = file.number
        try HDF5Library.check("H5Sselect_hyperslab", path) {
            unsafe H5Sselect_hyperslab(number, H5S_SELECT_SET, start, nil, extent, nil)
        }
        self.file = file
        self.memory = memory
    }
}
