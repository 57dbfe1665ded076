internal import CHDF5

extension HDF5Group {
    /// What deflate can make of one byte, rounded up: no stream is denser.
    private static let largestExpansion = 1_100

    /// Refuses a dataset whose elements are not all in this file, in a form that is written here.
    ///
    /// A file of a stranger can claim any shape, and that its elements lie in other files.
    static func requireStored(
        _ dataset: hid_t, _ byteCount: Int, _ path: String
    ) throws(HDF5Error) {
        let creation = try Identifier("H5Dget_create_plist", path) { H5Dget_create_plist(dataset) }
        let list = creation.number
        let externalCount = try HDF5Library.check("H5Pget_external_count", path) {
            H5Pget_external_count(list)
        }
        let layout = HDF5Library.locked { H5Pget_layout(list) }
        guard externalCount == 0, layout != H5D_VIRTUAL else {
            throw .mismatch(path, "its elements lie in another file")
        }
        let filterCount = try HDF5Library.check("H5Pget_nfilters", path) { H5Pget_nfilters(list) }
        var isDeflated = false
        for index in 0..<max(filterCount, 0) {
            var (flags, valueCount, configuration): (UInt32, Int, UInt32) = (0, 0, 0)
            let filter = try HDF5Library.check("H5Pget_filter2", path) {
                unsafe H5Pget_filter2(
                    list, UInt32(index), &flags, &valueCount, nil, 0, nil, &configuration)
            }
            guard filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE else {
                throw .mismatch(
                    path, "its elements went through filter \(filter), which is not used")
            }
            isDeflated = isDeflated || filter == H5Z_FILTER_DEFLATE
        }
        guard byteCount > 0 else { return }
        let (stored, fileByteCount) = try sizes(of: dataset, path)
        let largest =
            isDeflated ? stored.multipliedReportingOverflow(by: largestExpansion) : (stored, false)
        guard stored <= fileByteCount, largest.1 || byteCount <= largest.0 else {
            throw .mismatch(
                path, "it says that it has \(byteCount) bytes, of which the file holds \(stored)")
        }
    }

    /// The bytes that a dataset takes in its file, and those of the file.
    ///
    /// The corresponding C functions are `H5Dget_storage_size` and `H5Fget_filesize`.
    private static func sizes(
        of dataset: hid_t, _ path: String
    ) throws(HDF5Error) -> (stored: Int, fileByteCount: Int) {
        let file = try Identifier("H5Iget_file_id", path) { H5Iget_file_id(dataset) }
        var byteCount: hsize_t = 0
        try HDF5Library.check("H5Fget_filesize", path) {
            unsafe H5Fget_filesize(file.number, &byteCount)
        }
        let stored = HDF5Library.locked { H5Dget_storage_size(dataset) }
        return (Int(clamping: stored), Int(clamping: byteCount))
    }
}
