internal import CHDF5

/// The type of a dataset's elements, always little-endian.
package indirect enum HDF5Type: Sendable, Equatable {
    case int8
    case int16
    case int32
    case int64
    case uint8
    case uint16
    case uint32
    case uint64
    /// IEEE 754 binary16, which h5py shows as `float16`.
    case float16
    /// The upper half of a `float32`, which h5py shows as `bfloat16` where `ml_dtypes` is installed.
    case bfloat16
    case float32
    case float64
    /// Two `float32` named `r` and `i`, which h5py shows as `complex64`.
    case complex64
    case complex128
    /// UTF-8 text of at most this many bytes, padded with zeros.
    case text(byteCount: Int)
    /// Fields one after the other without gaps.
    case record([Field])

    /// A named part of a record.
    package struct Field: Sendable, Equatable {
        package let name: String
        package let type: HDF5Type

        package init(_ name: String, _ type: HDF5Type) {
            self.name = name
            self.type = type
        }
    }

    /// The bytes of one element.
    package var byteCount: Int {
        switch self {
        case .int8, .uint8: 1
        case .int16, .uint16, .float16, .bfloat16: 2
        case .int32, .uint32, .float32: 4
        case .int64, .uint64, .float64, .complex64: 8
        case .complex128: 16
        case .text(let byteCount): byteCount
        case .record(let fields): fields.reduce(0) { $0 + $1.type.byteCount }
        }
    }

    /// A new identifier of the type, owned by the caller.
    func identifier() throws(HDF5Error) -> Identifier {
        switch self {
        case .int8: try copy { hdf5_int8() }
        case .int16: try copy { hdf5_int16() }
        case .int32: try copy { hdf5_int32() }
        case .int64: try copy { hdf5_int64() }
        case .uint8: try copy { hdf5_uint8() }
        case .uint16: try copy { hdf5_uint16() }
        case .uint32: try copy { hdf5_uint32() }
        case .uint64: try copy { hdf5_uint64() }
        // Sign at bit 15, five bits of exponent from bit 10, ten bits of fraction.
        case .float16: try shortFloat(exponent: 5, bias: 15)
        case .bfloat16: try shortFloat(exponent: 8, bias: 127)
        case .float32: try copy { hdf5_float32() }
        case .float64: try copy { hdf5_float64() }
        case .complex64:
            try HDF5Type.record([Field("r", .float32), Field("i", .float32)]).identifier()
        case .complex128:
            try HDF5Type.record([Field("r", .float64), Field("i", .float64)]).identifier()
        case .text(let byteCount): try fixedText(byteCount)
        case .record(let fields): try compound(fields)
        }
    }

    /// Variable-length UTF-8, used for attributes because h5py shows it as `str`.
    static func variableText() throws(HDF5Error) -> Identifier {
        let type = try Identifier("H5Tcopy", "text type") { H5Tcopy(hdf5_c_string()) }
        try HDF5Library.check("H5Tset_size", "text type") {
            H5Tset_size(type.number, hdf5_variable_length())
        }
        try HDF5Library.check("H5Tset_cset", "text type") {
            H5Tset_cset(type.number, H5T_CSET_UTF8)
        }
        return type
    }

    private func copy(_ standard: () -> hid_t) throws(HDF5Error) -> Identifier {
        try Identifier("H5Tcopy", "type \(self)") { H5Tcopy(standard()) }
    }

    /// Sixteen bits: the sign on top, below it the exponent, then the fraction.
    private func shortFloat(exponent: Int, bias: Int) throws(HDF5Error) -> Identifier {
        let type = try copy { hdf5_float32() }
        let fraction = 15 - exponent
        try HDF5Library.check("H5Tset_fields", "\(self)") {
            H5Tset_fields(type.number, 15, fraction, exponent, 0, fraction)
        }
        try HDF5Library.check("H5Tset_size", "\(self)") { H5Tset_size(type.number, 2) }
        try HDF5Library.check("H5Tset_ebias", "\(self)") { H5Tset_ebias(type.number, bias) }
        return type
    }

    private func fixedText(_ byteCount: Int) throws(HDF5Error) -> Identifier {
        let type = try copy { hdf5_c_string() }
        try HDF5Library.check("H5Tset_size", "text type") { H5Tset_size(type.number, byteCount) }
        try HDF5Library.check("H5Tset_strpad", "text type") {
            H5Tset_strpad(type.number, H5T_STR_NULLPAD)
        }
        try HDF5Library.check("H5Tset_cset", "text type") {
            H5Tset_cset(type.number, H5T_CSET_UTF8)
        }
        return type
    }

    private func compound(_ fields: [Field]) throws(HDF5Error) -> Identifier {
        let byteCount = byteCount
        let type = try Identifier("H5Tcreate", "record type") {
            H5Tcreate(H5T_COMPOUND, byteCount)
        }
        var offset = 0
        for field in fields {
            let member = try field.type.identifier()
            try HDF5Library.check("H5Tinsert", "field \(field.name)") {
                unsafe H5Tinsert(type.number, field.name, offset, member.number)
            }
            offset += field.type.byteCount
        }
        return type
    }
}
