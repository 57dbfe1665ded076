import CHDF5
import Foundation
import TestSupport

@testable import HDF5Files

/// Changes a file through the HDF5 library in ways that no writer of Cairn's would.
struct ForeignHDF5 {
    /// What stands in the place of an object or of an attribute.
    enum Change: CaseIterable, Sendable {
        case removed, softLink, danglingLink, externalLink, cycle
        case externalStorage, virtualStorage, otherFilter
        case giantShape, emptyShape, otherRank
        case text, variableText, record, group
        case giantAttribute, numberAttribute, textAttribute, emptyAttribute
    }

    /// A pipe: whoever opens it waits for ever.
    let outside: String

    /// The objects and attributes that files of this kind have.
    static let objects = [
        "/weights/embedding", "/weights/scale", "/weights/unembedding", "/metrics",
        "/step_digests", "/optimizer", "/steps", "/sha256/embedding", "/checksums/embedding",
        "/train_indices", "/test_indices", "/weights", "/sha256", "/checksums",
    ]
    static let attributes = [
        ("/", "kind"), ("/", "format"), ("/", "run"), ("/", "step"), ("/", "digest"),
        ("/", "description"), ("/", "sha256"), ("/", "status"), ("/", "finished_at"),
        ("/", "last_step"), ("/", "name"), ("/weights/embedding", "dtype"),
        ("/weights/embedding", "sha256"), ("/weights/scale", "sha256"),
        ("/metrics", "name_bytes"), ("/metrics", "sha256"), ("/step_digests", "sha256"),
        ("/steps", "sha256"), ("/optimizer", "state"), ("/optimizer", "sha256"),
        ("/train_indices", "sha256"),
    ]

    /// Makes one change that the seed decides; answers what it was, or nil where the file has nothing
    /// to change so.
    func change(_ path: String, using generator: inout SeededGenerator) -> String? {
        let change = Change.allCases[Int.random(in: 0..<Change.allCases.count, using: &generator)]
        let object = Self.objects[Int.random(in: 0..<Self.objects.count, using: &generator)]
        let (owner, attribute) = Self.attributes[
            Int.random(in: 0..<Self.attributes.count, using: &generator)]
        return HDF5Library.locked {
            // `H5F_ACC_RDWR` is a macro that calls a function.
            let file = H5Fopen(path, 1, hid_t(H5P_DEFAULT))
            guard file >= 0 else { return nil }
            defer { H5Fclose(file) }
            switch change {
            case .giantAttribute, .numberAttribute, .textAttribute, .emptyAttribute:
                guard exists(owner, in: file) else { return nil }
                replace(attribute, of: owner, by: change, in: file)
                return "\(owner) \(attribute): \(change)"
            default:
                guard exists(object, in: file) else { return nil }
                H5Ldelete(file, object, hid_t(H5P_DEFAULT))
                put(change, at: object, in: file)
                return "\(object): \(change)"
            }
        }
    }

    private func exists(_ path: String, in file: hid_t) -> Bool {
        var partial = ""
        for part in path.split(separator: "/") {
            partial += "/\(part)"
            guard H5Lexists(file, partial, hid_t(H5P_DEFAULT)) > 0 else { return false }
        }
        return true
    }

    private func put(_ change: Change, at path: String, in file: hid_t) {
        let none = hid_t(H5P_DEFAULT)
        switch change {
        case .softLink: H5Lcreate_soft("/metrics", file, path, none, none)
        case .danglingLink: H5Lcreate_soft("/nowhere", file, path, none, none)
        case .externalLink: H5Lcreate_external(outside, "/weights", file, path, none, none)
        case .cycle: H5Lcreate_hard(file, "/", file, path, none, none)
        case .externalStorage:
            make(path, hdf5_float32(), [5, 8], in: file) {
                H5Pset_external($0, outside, 0, 1_000)
            }
        case .virtualStorage:
            make(path, hdf5_float32(), [5, 8], in: file) { creation in
                let space = H5Screate_simple(2, [5, 8], nil)
                H5Pset_virtual(creation, space, outside, "/w", space)
                H5Sclose(space)
            }
        case .otherFilter:
            make(path, hdf5_float32(), [5, 8], in: file) {
                H5Pset_chunk($0, 2, [5, 8])
                H5Pset_filter($0, 32_015, UInt32(H5Z_FLAG_OPTIONAL), 0, nil)
            }
        case .giantShape:
            make(path, hdf5_float32(), [1 << 33, 1 << 20], in: file) {
                H5Pset_chunk($0, 2, [1, 1_024])
            }
        case .emptyShape: make(path, hdf5_float32(), [0, 8], in: file) { _ in }
        case .otherRank: make(path, hdf5_int64(), [2, 2, 2, 2], in: file) { _ in }
        case .text:
            let type = H5Tcopy(hdf5_c_string())
            H5Tset_size(type, 100_000)
            make(path, type, [3], in: file) { _ in }
            H5Tclose(type)
        case .variableText:
            let type = H5Tcopy(hdf5_c_string())
            H5Tset_size(type, hdf5_variable_length())
            make(path, type, [3], in: file) { _ in }
            H5Tclose(type)
        case .record:
            let type = H5Tcreate(H5T_COMPOUND, 12)
            H5Tinsert(type, "name", 0, hdf5_float32())
            H5Tinsert(type, "value", 4, hdf5_float64())
            make(path, type, [3], in: file) { _ in }
            H5Tclose(type)
        case .group: H5Gclose(H5Gcreate2(file, path, none, none, none))
        default: break
        }
    }

    private func make(
        _ path: String, _ type: hid_t, _ shape: [hsize_t], in file: hid_t,
        _ set: (_ creation: hid_t) -> Void
    ) {
        let creation = H5Pcreate(hdf5_dataset_creation())
        set(creation)
        let space = H5Screate_simple(Int32(shape.count), shape, nil)
        let none = hid_t(H5P_DEFAULT)
        H5Dclose(H5Dcreate2(file, path, type, space, none, creation, none))
        H5Sclose(space)
        H5Pclose(creation)
    }

    private func replace(
        _ name: String, of owner: String, by change: Change, in file: hid_t
    ) {
        let none = hid_t(H5P_DEFAULT)
        H5Adelete_by_name(file, owner, name, none)
        let text = H5Tcopy(hdf5_c_string())
        defer { H5Tclose(text) }
        let space: hid_t
        var type = text
        switch change {
        case .giantAttribute:
            H5Tset_size(text, 60_000)
            space = H5Screate(H5S_SCALAR)
        case .numberAttribute:
            type = hdf5_float64()
            space = H5Screate_simple(1, [3], nil)
        case .textAttribute:
            H5Tset_size(text, hdf5_variable_length())
            space = H5Screate(H5S_SCALAR)
        default:
            type = hdf5_int64()
            space = H5Screate(H5S_NULL)
        }
        H5Aclose(H5Acreate_by_name(file, owner, name, type, space, none, none, none))
        H5Sclose(space)
    }
}
