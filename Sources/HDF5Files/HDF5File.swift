internal import CHDF5
internal import Synchronization

/// An open HDF5 file.
///
/// Files are written once and never changed, so the library's own file locks are not used: they
/// fail on several network file systems and protect nothing here. The format is held at what
/// HDF5 1.8 (2008) reads; its metadata carries checksums.
package struct HDF5File: ~Copyable, Sendable {
    private let identifier: Identifier
    /// The path, or a name for a file in memory.
    package let path: String

    private static let memoryFileCount = Atomic<Int>(0)

    /// Which library versions can read a new file.
    package enum Format: Sendable {
        /// HDF5 1.8 and later.
        case version18
        /// HDF5 1.10 and later, needed for virtual datasets.
        case version110

        fileprivate var bound: H5F_libver_t {
            switch self {
            case .version18: H5F_LIBVER_V18
            case .version110: H5F_LIBVER_V110
            }
        }
    }

    /// Opens an existing file for reading; messages call it by `name` where that is not its path.
    ///
    /// The corresponding C function is `H5Fopen`.
    package init(readingFrom path: String, name: String? = nil) throws(HDF5Error) {
        let name = name ?? path
        let access = try HDF5File.access(name, .version110)
        identifier = try Identifier("H5Fopen", name) {
            unsafe H5Fopen(path, hdf5_open_read_only(), access.number)
        }
        self.path = name
    }

    /// Creates a file that must not exist yet, with what `fill` puts into its root.
    ///
    /// Once it returns, the library has given every byte to the system without an error. The file
    /// of a `fill` that fails is incomplete. The corresponding C function is `H5Fcreate`.
    package static func create<Value>(
        _ path: String, format: Format = .version18,
        _ fill: (borrowing HDF5Group) throws -> Value
    ) throws -> Value {
        let access = try HDF5File.access(path, format)
        let file = HDF5File(identifier: try HDF5File.create(path, access), path: path)
        let root = try file.root()
        let value = try fill(root)
        try root.close()
        try file.close()
        return value
    }

    /// The bytes, as they would be on disk, of a file with what `fill` puts into its root.
    ///
    /// `expectedByteCount` only saves reallocations. The corresponding C functions are
    /// `H5Pset_fapl_core` and `H5Fget_file_image`.
    package static func image(
        _ name: String, expectedByteCount: Int, _ fill: (borrowing HDF5Group) throws -> Void
    ) throws -> [UInt8] {
        // The library takes two open files of one name for the same file.
        let number = HDF5File.memoryFileCount.add(1, ordering: .relaxed).newValue
        let name = "\(name) in memory (\(number))"
        let access = try HDF5File.access(name, .version18)
        try HDF5Library.check("H5Pset_fapl_core", name) {
            H5Pset_fapl_core(access.number, max(expectedByteCount, 1 << 16), false)
        }
        let file = HDF5File(identifier: try HDF5File.create(name, access), path: name)
        let root = try file.root()
        try fill(root)
        try root.close()
        let image = try file.image()
        try file.close()
        return image
    }

    private init(identifier: consuming Identifier, path: String) {
        self.identifier = identifier
        self.path = path
    }

    private borrowing func image() throws(HDF5Error) -> [UInt8] {
        let number = identifier.number
        let path = path
        return try HDF5Library.locked { () throws(HDF5Error) -> [UInt8] in
            try HDF5Library.check("H5Fflush", path) { H5Fflush(number, H5F_SCOPE_GLOBAL) }
            let byteCount = try HDF5Library.check("H5Fget_file_image", path) {
                H5Fget_file_image(number, nil, 0)
            }
            var failure: HDF5Error?
            var bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
                do throws(HDF5Error) {
                    count = try HDF5Library.check("H5Fget_file_image", path) {
                        unsafe H5Fget_file_image(number, buffer.baseAddress, byteCount)
                    }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            SuperblockChecksum.renew(in: &bytes)
            return bytes
        }
    }

    /// The group that holds everything.
    package borrowing func root() throws(HDF5Error) -> HDF5Group {
        let number = identifier.number
        let identifier = try Identifier("H5Gopen2", path, of: identifier.written) {
            unsafe H5Gopen2(number, "/", hid_t(H5P_DEFAULT))
        }
        return HDF5Group(identifier: identifier, path: path + ":")
    }

    /// Writes what is pending and closes, reporting any failure.
    private consuming func close() throws(HDF5Error) {
        let path = path
        let number = identifier.number
        try identifier.written?.requireChecked(path)
        try HDF5Library.check("H5Fflush", path) { H5Fflush(number, H5F_SCOPE_GLOBAL) }
        try identifier.close(path)
    }

    private static func create(
        _ path: String, _ access: borrowing Identifier
    ) throws(HDF5Error)
        -> Identifier
    {
        let creation = try Identifier("H5Pcreate", path) { H5Pcreate(hdf5_file_creation()) }
        // Time stamps would make equal content unequal files.
        try HDF5Library.check("H5Pset_obj_track_times", path) {
            H5Pset_obj_track_times(creation.number, false)
        }
        let accessNumber = access.number
        return try Identifier("H5Fcreate", path, of: WrittenObjects()) {
            unsafe H5Fcreate(path, hdf5_create_exclusively(), creation.number, accessNumber)
        }
    }

    private static func access(_ path: String, _ format: Format) throws(HDF5Error) -> Identifier {
        let access = try Identifier("H5Pcreate", path) { H5Pcreate(hdf5_file_access()) }
        try HDF5Library.check("H5Pset_libver_bounds", path) {
            H5Pset_libver_bounds(access.number, H5F_LIBVER_V18, format.bound)
        }
        try HDF5Library.check("H5Pset_file_locking", path) {
            H5Pset_file_locking(access.number, false, true)
        }
        return access
    }
}
