internal import CHDF5

/// A dataset that another program wrote, opened so that reading converts its elements.
package struct HDF5ForeignDataset: ~Copyable, Sendable {
    /// Little-endian elements of a type that is known here.
    package let dataset: HDF5Dataset
    /// The elements are the names FALSE and TRUE for 0 and 1, as h5py writes truth values.
    package let isBoolean: Bool
}

extension HDF5Group {
    /// Whether a name leads to an object of this file, not through a link elsewhere.
    ///
    /// The corresponding C function is `H5Lget_info`.
    package borrowing func isOwn(_ name: String) throws(HDF5Error) -> Bool {
        let number = identifier.number
        var info = H5L_info_t()
        try HDF5Library.check("H5Lget_info", child(name)) {
            unsafe H5Lget_info(number, HDF5Name.encoded(name), &info, hid_t(H5P_DEFAULT))
        }
        return info.type == H5L_TYPE_HARD
    }

    /// What a name of this file leads to.
    package enum ObjectKind: Sendable {
        case group
        case dataset
        /// A named type, or something newer than this library.
        case other
    }

    /// What a name leads to.
    ///
    /// The corresponding C function is `H5Iget_type`.
    package borrowing func kind(_ name: String) throws(HDF5Error) -> ObjectKind {
        let number = identifier.number
        let path = child(name)
        let object = try Identifier("H5Oopen", path) {
            unsafe H5Oopen(number, HDF5Name.encoded(name), hid_t(H5P_DEFAULT))
        }
        return switch H5Iget_type(object.number) {
        case H5I_GROUP: .group
        case H5I_DATASET: .dataset
        default: .other
        }
    }

    /// Whether a dataset has elements that `foreignDataset` reads.
    package borrowing func holdsNumbers(_ name: String) throws(HDF5Error) -> Bool {
        let path = child(name)
        let number = identifier.number
        let dataset = try Identifier("H5Dopen2", path) {
            unsafe H5Dopen2(number, HDF5Name.encoded(name), hid_t(H5P_DEFAULT))
        }
        let stored = try Identifier("H5Dget_type", path) { H5Dget_type(dataset.number) }
        return HDF5Group.readable(stored) != nil
    }

    /// Opens a dataset of numbers of any byte order.
    ///
    /// Errors: elements that are not numbers, or that lie in another file.
    package borrowing func foreignDataset(_ name: String) throws(HDF5Error) -> HDF5ForeignDataset {
        let path = child(name)
        let number = identifier.number
        let dataset = try Identifier("H5Dopen2", path) {
            unsafe H5Dopen2(number, HDF5Name.encoded(name), hid_t(H5P_DEFAULT))
        }
        let datasetNumber = dataset.number
        let creation = try Identifier("H5Dget_create_plist", path) {
            H5Dget_create_plist(datasetNumber)
        }
        let externalCount = try HDF5Library.check("H5Pget_external_count", path) {
            H5Pget_external_count(creation.number)
        }
        guard externalCount == 0, H5Pget_layout(creation.number) != H5D_VIRTUAL else {
            throw .mismatch(path, "its elements lie in another file")
        }
        try HDF5Group.requireFilters(creation, path)
        let stored = try Identifier("H5Dget_type", path) { H5Dget_type(datasetNumber) }
        guard let (type, isBoolean) = HDF5Group.readable(stored) else {
            throw .mismatch(path, "its elements are not numbers")
        }
        let shape = try HDF5Group.shape(of: datasetNumber, path)
        return HDF5ForeignDataset(
            dataset: HDF5Dataset(identifier: dataset, path: path, shape: shape, type: type),
            isBoolean: isBoolean)
    }

    /// Whether a type has exactly these two members, in this order.
    ///
    /// The corresponding C function is `H5Tget_member_index`.
    private static func hasMembers(_ type: hid_t, _ first: String, _ second: String) -> Bool {
        unsafe H5Tget_nmembers(type) == 2 && H5Tget_member_index(type, first) == 0
            && H5Tget_member_index(type, second) == 1
    }

    /// Refuses elements that are compressed in a way this library has not learnt.
    ///
    /// The corresponding C functions are `H5Pget_filter2` and `H5Zfilter_avail`.
    private static func requireFilters(
        _ creation: borrowing Identifier, _ path: String
    ) throws(HDF5Error) {
        let list = creation.number
        let count = try HDF5Library.check("H5Pget_nfilters", path) { H5Pget_nfilters(list) }
        for index in 0..<max(count, 0) {
            var (flags, valueCount, configuration): (UInt32, Int, UInt32) = (0, 0, 0)
            let filter = try HDF5Library.check("H5Pget_filter2", path) {
                unsafe H5Pget_filter2(
                    list, UInt32(index), &flags, &valueCount, nil, 0, nil, &configuration)
            }
            let isThere = HDF5Library.locked { H5Zfilter_avail(filter) > 0 }
            guard isThere else {
                throw .mismatch(
                    path, "its elements are compressed by filter \(filter), which is not installed")
            }
        }
    }

    /// Whether a float of two bytes has the eight bits of exponent of a `float32`.
    ///
    /// The corresponding C function is `H5Tget_fields`.
    private static func isBrainFloat(_ type: hid_t) -> Bool {
        var (sign, exponent, exponentSize, fraction, fractionSize) = (0, 0, 0, 0, 0)
        let status = unsafe H5Tget_fields(
            type, &sign, &exponent, &exponentSize, &fraction, &fractionSize)
        return status >= 0 && exponentSize == 8
    }

    /// The type in memory that holds every value of a stored type; nil for what is no number.
    private static func readable(
        _ stored: borrowing Identifier
    ) -> (HDF5Type, isBoolean: Bool)? {
        let number = stored.number
        let byteCount = H5Tget_size(number)
        switch H5Tget_class(number) {
        case H5T_ENUM where byteCount == 1 && hasMembers(number, "FALSE", "TRUE"):
            return (.int8, true)
        case H5T_INTEGER:
            let isSigned = H5Tget_sign(number) == H5T_SGN_2
            switch byteCount {
            case 1: return (isSigned ? .int8 : .uint8, false)
            case 2: return (isSigned ? .int16 : .uint16, false)
            case 4: return (isSigned ? .int32 : .uint32, false)
            case 8: return (isSigned ? .int64 : .uint64, false)
            default: break
            }
        case H5T_FLOAT:
            switch byteCount {
            case 2: return isBrainFloat(number) ? (.bfloat16, false) : (.float16, false)
            case 4: return (.float32, false)
            case 8: return (.float64, false)
            default: break
            }
        case H5T_COMPOUND
        where hasMembers(number, "r", "i")
            && (0..<2).allSatisfy { H5Tget_member_class(number, $0) == H5T_FLOAT }:
            if byteCount == 8 { return (.complex64, false) }
            if byteCount == 16 { return (.complex128, false) }
        default: break
        }
        return nil
    }
}
