internal import CHDF5

/// A folder of datasets and other groups inside a file.
///
/// Names are the user's; `HDF5Name` says how they are stored.
package struct HDF5Group: ~Copyable, Sendable {
    let identifier: Identifier
    /// The file's path, a colon, and the path inside the file.
    package let path: String

    /// Releases a group of a file that is being written, reporting any failure.
    ///
    /// Without it the file cannot be finished. The corresponding C function is `H5Gclose`.
    package consuming func close() throws(HDF5Error) {
        let path = path
        try identifier.close(path)
    }

    /// Creates a group inside this one.
    ///
    /// The corresponding C function is `H5Gcreate2`.
    package borrowing func createGroup(_ name: String) throws(HDF5Error) -> HDF5Group {
        let path = child(name)
        let link = try utf8Link(path)
        let creation = try Identifier("H5Pcreate", path) { H5Pcreate(hdf5_group_creation()) }
        try HDF5Library.check("H5Pset_obj_track_times", path) {
            H5Pset_obj_track_times(creation.number, false)
        }
        let number = identifier.number
        let group = try Identifier("H5Gcreate2", path, of: identifier.written) {
            unsafe H5Gcreate2(
                number, HDF5Name.encoded(name), link.number, creation.number, hid_t(H5P_DEFAULT))
        }
        return HDF5Group(identifier: group, path: path)
    }

    /// Opens a group inside this one.
    ///
    /// The corresponding C function is `H5Gopen2`.
    package borrowing func group(_ name: String) throws(HDF5Error) -> HDF5Group {
        let path = child(name)
        try requireOwn(name)
        let number = identifier.number
        let group = try Identifier("H5Gopen2", path, of: identifier.written) {
            unsafe H5Gopen2(number, HDF5Name.encoded(name), hid_t(H5P_DEFAULT))
        }
        return HDF5Group(identifier: group, path: path)
    }

    /// Refuses a name that is a link to another file or to another name.
    borrowing func requireOwn(_ name: String) throws(HDF5Error) {
        guard try isOwn(name) else {
            throw .mismatch(child(name), "it is a link elsewhere, which is not followed")
        }
    }

    /// Whether there is anything of this name.
    ///
    /// The corresponding C function is `H5Lexists`.
    package borrowing func contains(_ name: String) throws(HDF5Error) -> Bool {
        let number = identifier.number
        return try HDF5Library.check("H5Lexists", child(name)) {
            unsafe H5Lexists(number, HDF5Name.encoded(name), hid_t(H5P_DEFAULT))
        } > 0
    }

    /// The names of all members, in the byte order of their stored form.
    ///
    /// The corresponding C function is `H5Literate`, which sorts the names once; asking for them one
    /// by one would sort them each time.
    package borrowing func names() throws(HDF5Error) -> [String] {
        let number = identifier.number
        var names: [String] = []
        try HDF5Library.check("H5Literate", path) {
            unsafe withUnsafeMutablePointer(to: &names) { pointer in
                unsafe H5Literate(
                    number, H5_INDEX_NAME, H5_ITER_INC, nil,
                    { _, name, _, context in
                        guard let name = unsafe name,
                            let names = unsafe context?.assumingMemoryBound(to: [String].self)
                        else { return -1 }
                        unsafe names.pointee.append(HDF5Name.decoded(String(cString: name)))
                        return 0
                    }, pointer)
            }
        }
        return names
    }

    borrowing func child(_ name: String) -> String { path + "/" + name }

    /// A link creation list that marks names as UTF-8, so that h5py shows them rightly.
    borrowing func utf8Link(_ path: String) throws(HDF5Error) -> Identifier {
        let link = try Identifier("H5Pcreate", path) { H5Pcreate(hdf5_link_creation()) }
        try HDF5Library.check("H5Pset_char_encoding", path) {
            H5Pset_char_encoding(link.number, H5T_CSET_UTF8)
        }
        return link
    }
}
