/// The checksum of an HDF5 file's first 44 bytes, which stands in the four bytes after them.
///
/// HDF5 1.10.8 clears the mark of an open file in the image that `H5Fget_file_image` hands out but
/// leaves the checksum as it was, so that the image does not open. This sets it right.
enum SuperblockChecksum {
    private static let coveredByteCount = 44

    /// Corrects the checksum of a file whose superblock has one (versions 2 and 3).
    static func renew(in image: inout [UInt8]) {
        // Byte 8 is the version of the superblock, after the eight bytes of the signature.
        guard image.count >= coveredByteCount + 4, image[8] == 2 || image[8] == 3 else { return }
        var sum = unsafe image.withUnsafeBytes {
            unsafe MetadataChecksum.value(
                of: UnsafeRawBufferPointer(rebasing: $0[..<coveredByteCount]))
        }
        for index in coveredByteCount..<coveredByteCount + 4 {
            image[index] = UInt8(truncatingIfNeeded: sum)
            sum >>= 8
        }
    }
}
