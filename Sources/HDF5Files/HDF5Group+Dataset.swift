internal import CHDF5

extension HDF5Group {
    /// The largest number of axes an HDF5 dataset can have.
    private static let largestRank = 32

    /// Creates a dataset of this type and shape; `[]` makes a scalar.
    ///
    /// The corresponding C function is `H5Dcreate2`.
    package borrowing func createDataset(
        _ name: String, type: HDF5Type, shape: [Int], layout: HDF5Layout = .contiguous
    ) throws(HDF5Error) -> HDF5Dataset {
        let path = child(name)
        let creation = try datasetCreation(path)
        // Space is taken at creation, so that a full disk shows before any data is written.
        try HDF5Library.check("H5Pset_alloc_time", path) {
            H5Pset_alloc_time(creation.number, H5D_ALLOC_TIME_EARLY)
        }
        try HDF5Library.check("H5Pset_fill_time", path) {
            H5Pset_fill_time(creation.number, H5D_FILL_TIME_NEVER)
        }
        if case .deflated(let level) = layout, let first = shape.first, !shape.contains(0) {
            let chunk =
                shape.count == 1 ? [hsize_t(first)] : [1] + shape.dropFirst().map(hsize_t.init)
            try HDF5Library.check("H5Pset_chunk", path) {
                unsafe H5Pset_chunk(creation.number, Int32(chunk.count), chunk)
            }
            try HDF5Library.check("H5Pset_shuffle", path) { H5Pset_shuffle(creation.number) }
            try HDF5Library.check("H5Pset_deflate", path) {
                H5Pset_deflate(creation.number, UInt32(level))
            }
        }
        return try createDataset(name, type: type, shape: shape, creation: creation)
    }

    /// Rows of another file's dataset, shown at a place of a virtual dataset.
    package struct VirtualSource: Sendable {
        /// Relative to the folder of the file that shows it.
        package let file: String
        /// The stored (encoded) path inside that file, from its root.
        package let dataset: String
        package let rowCount: Int

        package init(file: String, dataset: String, rowCount: Int) {
            self.file = file
            self.dataset = dataset
            self.rowCount = rowCount
        }
    }

    /// Creates a dataset that shows the rows of other files one after the other.
    ///
    /// `rowShape` is the shape without the first axis. The corresponding C function is
    /// `H5Pset_virtual`.
    package borrowing func createVirtualDataset(
        _ name: String, type: HDF5Type, rowShape: [Int], sources: [VirtualSource],
        attributes: [(name: String, text: String)] = []
    ) throws(HDF5Error) {
        let path = child(name)
        let creation = try datasetCreation(path)
        let shape = [sources.reduce(0) { $0 + $1.rowCount }] + rowShape
        let origin = [Int](repeating: 0, count: shape.count)
        var firstRow = 0
        for source in sources where source.rowCount > 0 {
            let extent = [source.rowCount] + rowShape
            var offset = origin
            offset[0] = firstRow
            let spaces = try Hyperslab(path: path, shape: shape, offset: offset, count: extent)
            let target = spaces.file.number
            let selection = spaces.memory.number
            // The library reads `%b` and the like as patterns, so a plain `%` is doubled.
            let file = source.file.split(separator: "%", omittingEmptySubsequences: false)
                .joined(separator: "%%")
            let dataset = source.dataset.split(separator: "%", omittingEmptySubsequences: false)
                .joined(separator: "%%")
            try HDF5Library.check("H5Pset_virtual", path) {
                unsafe H5Pset_virtual(creation.number, target, file, dataset, selection)
            }
            firstRow += source.rowCount
        }
        let dataset = try createDataset(name, type: type, shape: shape, creation: creation)
        for attribute in attributes { try dataset.setAttribute(attribute.name, attribute.text) }
        try dataset.close()
    }

    /// The places that a virtual dataset shows, without opening their files.
    ///
    /// The corresponding C functions are `H5Pget_virtual_filename` and `H5Pget_virtual_vspace`.
    package borrowing func virtualSources(
        of name: String
    ) throws(HDF5Error) -> [VirtualSource] {
        let path = child(name)
        try requireOwn(name)
        let number = identifier.number
        let dataset = try Identifier("H5Dopen2", path) {
            unsafe H5Dopen2(number, HDF5Name.encoded(name), hid_t(H5P_DEFAULT))
        }
        let datasetNumber = dataset.number
        let creation = try Identifier("H5Dget_create_plist", path) {
            H5Dget_create_plist(datasetNumber)
        }
        let list = creation.number
        guard HDF5Library.locked({ H5Pget_layout(list) == H5D_VIRTUAL }) else { return [] }
        var count = 0
        try HDF5Library.check("H5Pget_virtual_count", path) {
            unsafe H5Pget_virtual_count(list, &count)
        }
        let shape = try HDF5Group.shape(of: datasetNumber, path)
        let rowElementCount = max(1, shape.dropFirst().reduce(1, *))
        var sources: [VirtualSource] = []
        for index in 0..<count {
            let space = try Identifier("H5Pget_virtual_vspace", path) {
                H5Pget_virtual_vspace(list, index)
            }
            let elementCount = try HDF5Library.check("H5Sget_select_npoints", path) {
                H5Sget_select_npoints(space.number)
            }
            let file = try unsafe HDF5Group.text("H5Pget_virtual_filename", path) {
                unsafe H5Pget_virtual_filename(list, index, $0, $1)
            }
            let source = try unsafe HDF5Group.text("H5Pget_virtual_dsetname", path) {
                unsafe H5Pget_virtual_dsetname(list, index, $0, $1)
            }
            sources.append(
                VirtualSource(
                    file: file.replacing("%%", with: "%"),
                    dataset: source.replacing("%%", with: "%"),
                    rowCount: Int(elementCount) / rowElementCount))
        }
        return sources
    }

    /// A text that the library writes into memory of the caller's.
    private static func text(
        _ function: String, _ path: String,
        _ call: (UnsafeMutablePointer<CChar>?, Int) -> Int
    ) throws(HDF5Error) -> String {
        let length = try HDF5Library.check(function, path) { call(nil, 0) }
        guard length < largestSourceName else { throw .mismatch(path, "it shows too long a name") }
        var bytes = [CChar](repeating: 0, count: length + 1)
        try HDF5Library.check(function, path) {
            unsafe bytes.withUnsafeMutableBufferPointer { buffer in
                unsafe call(buffer.baseAddress, length + 1)
            }
        }
        return String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static let largestSourceName = 1 << 16

    /// Opens a dataset whose elements must have this type and lie in this file.
    ///
    /// The corresponding C function is `H5Dopen2`.
    package borrowing func dataset(
        _ name: String, type: HDF5Type
    ) throws(HDF5Error)
        -> HDF5Dataset
    {
        let path = child(name)
        try requireOwn(name)
        let number = identifier.number
        let dataset = try Identifier("H5Dopen2", path, of: identifier.written) {
            unsafe H5Dopen2(number, HDF5Name.encoded(name), hid_t(H5P_DEFAULT))
        }
        let datasetNumber = dataset.number
        let stored = try Identifier("H5Dget_type", path) { H5Dget_type(datasetNumber) }
        let expected = try type.identifier()
        let isEqual = try HDF5Library.check("H5Tequal", path) {
            H5Tequal(stored.number, expected.number)
        }
        guard isEqual > 0 else { throw .mismatch(path, "its elements are not \(type)") }
        let shape = try HDF5Group.shape(of: datasetNumber, path)
        try HDF5Group.requireStored(datasetNumber, shape.reduce(type.byteCount, *), path)
        return HDF5Dataset(identifier: dataset, path: path, shape: shape, type: type)
    }

    private borrowing func datasetCreation(_ path: String) throws(HDF5Error) -> Identifier {
        let creation = try Identifier("H5Pcreate", path) { H5Pcreate(hdf5_dataset_creation()) }
        try HDF5Library.check("H5Pset_obj_track_times", path) {
            H5Pset_obj_track_times(creation.number, false)
        }
        return creation
    }

    private borrowing func createDataset(
        _ name: String, type: HDF5Type, shape: [Int], creation: borrowing Identifier
    ) throws(HDF5Error) -> HDF5Dataset {
        let path = child(name)
        let space = try HDF5Group.space(shape, path)
        let stored = try type.identifier()
        let link = try utf8Link(path)
        let number = identifier.number
        let creationNumber = creation.number
        let dataset = try Identifier("H5Dcreate2", path, of: identifier.written) {
            unsafe H5Dcreate2(
                number, HDF5Name.encoded(name), stored.number, space.number, link.number,
                creationNumber, hid_t(H5P_DEFAULT))
        }
        return HDF5Dataset(identifier: dataset, path: path, shape: shape, type: type)
    }

    /// The extents of a dataset, checked for being possible.
    static func shape(of dataset: hid_t, _ path: String) throws(HDF5Error) -> [Int] {
        let space = try Identifier("H5Dget_space", path) { H5Dget_space(dataset) }
        let rank = try HDF5Library.check("H5Sget_simple_extent_ndims", path) {
            H5Sget_simple_extent_ndims(space.number)
        }
        guard rank > 0 else { return [] }
        var extents = [hsize_t](repeating: 0, count: Int(rank))
        try HDF5Library.check("H5Sget_simple_extent_dims", path) {
            unsafe H5Sget_simple_extent_dims(space.number, &extents, nil)
        }
        // A damaged extent must not become a huge allocation.
        var product: UInt64 = 1
        for extent in extents {
            let (value, overflow) = product.multipliedReportingOverflow(by: extent)
            guard !overflow, value < 1 << 46 else {
                throw .mismatch(path, "its shape \(extents) is not possible")
            }
            product = max(value, 1)
        }
        return extents.map(Int.init)
    }

    /// A space of these extents; a scalar for none.
    static func space(_ shape: [Int], _ path: String) throws(HDF5Error) -> Identifier {
        guard shape.count <= largestRank else {
            throw .mismatch(path, "it has \(shape.count) axes, HDF5 allows \(largestRank)")
        }
        if shape.isEmpty {
            return try Identifier("H5Screate", path) { H5Screate(H5S_SCALAR) }
        }
        let extents = shape.map(hsize_t.init)
        return try Identifier("H5Screate_simple", path) {
            unsafe H5Screate_simple(Int32(extents.count), extents, nil)
        }
    }
}
