internal import CHDF5

/// Anything in a file that can carry attributes.
protocol HDF5Object: ~Copyable {
    var identifier: Identifier { get }
    var path: String { get }
}

extension HDF5Group: HDF5Object {}
extension HDF5Dataset: HDF5Object {}

extension HDF5Group {
    /// Attaches a text, which h5py shows as `str`.
    package borrowing func setAttribute(_ name: String, _ text: String) throws(HDF5Error) {
        try HDF5Attribute.set(name, text, on: identifier, path)
    }

    /// Attaches an integer.
    package borrowing func setAttribute(_ name: String, _ value: Int) throws(HDF5Error) {
        try HDF5Attribute.set(name, value, .int64, on: identifier, path)
    }

    /// Attaches a number.
    package borrowing func setAttribute(_ name: String, _ value: Double) throws(HDF5Error) {
        try HDF5Attribute.set(name, value, .float64, on: identifier, path)
    }

    /// A text attribute; nil when there is none of this name.
    package borrowing func textAttribute(_ name: String) throws(HDF5Error) -> String? {
        try HDF5Attribute.text(name, of: identifier.number, path)
    }

    /// A text attribute of a dataset in this group, whatever its type; nil when there is none.
    ///
    /// The corresponding C function is `H5Oopen`.
    package borrowing func attribute(
        _ name: String, ofDataset dataset: String
    ) throws(HDF5Error)
        -> String?
    {
        let path = child(dataset)
        try requireOwn(dataset)
        let number = identifier.number
        let object = try Identifier("H5Oopen", path) {
            unsafe H5Oopen(number, HDF5Name.encoded(dataset), hid_t(H5P_DEFAULT))
        }
        return try HDF5Attribute.text(name, of: object.number, path)
    }

    /// An integer attribute; nil when there is none of this name.
    package borrowing func integerAttribute(_ name: String) throws(HDF5Error) -> Int? {
        try HDF5Attribute.value(name, .int64, of: identifier.number, path, zero: 0)
    }

    /// A number attribute; nil when there is none of this name.
    package borrowing func numberAttribute(_ name: String) throws(HDF5Error) -> Double? {
        try HDF5Attribute.value(name, .float64, of: identifier.number, path, zero: 0)
    }
}

extension HDF5Dataset {
    /// Attaches a text, which h5py shows as `str`.
    package borrowing func setAttribute(_ name: String, _ text: String) throws(HDF5Error) {
        try HDF5Attribute.set(name, text, on: identifier, path)
    }

    /// A text attribute; nil when there is none of this name.
    package borrowing func textAttribute(_ name: String) throws(HDF5Error) -> String? {
        try HDF5Attribute.text(name, of: identifier.number, path)
    }
}

/// Attributes of the object with a given number, which the caller keeps alive.
private enum HDF5Attribute {
    static func set(
        _ name: String, _ text: String, on object: borrowing Identifier, _ path: String
    ) throws(HDF5Error) {
        let type = try HDF5Type.variableText()
        let attribute = try create(name, type, on: object, path)
        try HDF5Library.check("H5Awrite", "\(path) attribute \(name)") {
            unsafe text.withCString { pointer in
                unsafe withUnsafePointer(to: pointer) {
                    unsafe H5Awrite(attribute.number, type.number, $0)
                }
            }
        }
        try attribute.close("\(path) attribute \(name)")
    }

    static func set<Value: BitwiseCopyable>(
        _ name: String, _ value: Value, _ type: HDF5Type, on object: borrowing Identifier,
        _ path: String
    ) throws(HDF5Error) {
        let type = try type.identifier()
        let attribute = try create(name, type, on: object, path)
        try HDF5Library.check("H5Awrite", "\(path) attribute \(name)") {
            unsafe withUnsafePointer(to: value) {
                unsafe H5Awrite(attribute.number, type.number, $0)
            }
        }
        try attribute.close("\(path) attribute \(name)")
    }

    static func text(_ name: String, of object: hid_t, _ path: String) throws(HDF5Error) -> String?
    {
        let subject = "\(path) attribute \(name)"
        guard try exists(name, of: object, subject) else { return nil }
        return try HDF5Library.locked { () throws(HDF5Error) -> String? in
            let attribute = try open(name, of: object, subject)
            let stored = try Identifier("H5Aget_type", subject) { H5Aget_type(attribute.number) }
            guard H5Tis_variable_str(stored.number) > 0 else {
                throw .mismatch(subject, "it is not a text")
            }
            try requireScalar(attribute, subject)
            let type = try HDF5Type.variableText()
            var pointer: UnsafeMutablePointer<CChar>? = nil
            try HDF5Library.check("H5Aread", subject) {
                unsafe H5Aread(attribute.number, type.number, &pointer)
            }
            guard let pointer = unsafe pointer else { return "" }
            let text = unsafe String(cString: pointer)
            _ = unsafe H5free_memory(pointer)
            return text
        }
    }

    static func value<Value: BitwiseCopyable>(
        _ name: String, _ type: HDF5Type, of object: hid_t, _ path: String, zero: Value
    ) throws(HDF5Error) -> Value? {
        let subject = "\(path) attribute \(name)"
        guard try exists(name, of: object, subject) else { return nil }
        let attribute = try open(name, of: object, subject)
        try requireScalar(attribute, subject)
        let memory = try type.identifier()
        var value = zero
        try HDF5Library.check("H5Aread", subject) {
            unsafe H5Aread(attribute.number, memory.number, &value)
        }
        return value
    }

    private static func create(
        _ name: String, _ type: borrowing Identifier, on object: borrowing Identifier,
        _ path: String
    ) throws(HDF5Error) -> Identifier {
        let space = try HDF5Group.space([], path)
        let typeNumber = type.number
        let number = object.number
        return try Identifier("H5Acreate2", "\(path) attribute \(name)", of: object.written) {
            unsafe H5Acreate2(
                number, name, typeNumber, space.number, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT))
        }
    }

    private static func open(
        _ name: String, of object: hid_t, _ subject: String
    ) throws(HDF5Error)
        -> Identifier
    {
        try Identifier("H5Aopen", subject) { unsafe H5Aopen(object, name, hid_t(H5P_DEFAULT)) }
    }

    private static func exists(
        _ name: String, of object: hid_t, _ subject: String
    )
        throws(HDF5Error) -> Bool
    {
        try HDF5Library.check("H5Aexists", subject) { unsafe H5Aexists(object, name) } > 0
    }

    /// A damaged extent would make the library write beyond the one value there is room for.
    private static func requireScalar(
        _ attribute: borrowing Identifier, _ subject: String
    )
        throws(HDF5Error)
    {
        let number = attribute.number
        let space = try Identifier("H5Aget_space", subject) { H5Aget_space(number) }
        let count = try HDF5Library.check("H5Sget_simple_extent_npoints", subject) {
            H5Sget_simple_extent_npoints(space.number)
        }
        guard count == 1 else { throw .mismatch(subject, "it is not one value") }
    }
}
