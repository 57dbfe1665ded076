/// How a name of the user's becomes the name of an HDF5 link.
///
/// HDF5 reads `/` as a separator and `.` as the current group. Those, the escape character `%`
/// and control characters are written as `%` and two hexadecimal digits of each UTF-8 byte, as in
/// URLs; a name of dots only has its first dot escaped. Everything else stays readable, and
/// decoding gives back the exact name: `a/b` is stored as `a%2Fb`, `.` as `%2E`.
package enum HDF5Name {
    /// The link name that stands for `name`.
    package static func encoded(_ name: String) -> String {
        let bytes = Array(name.utf8)
        let isOnlyDots = bytes.allSatisfy { $0 == UInt8(ascii: ".") }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            let isEscaped =
                byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "/")
                || byte == UInt8(ascii: "%") || (isOnlyDots && index == 0)
            if isEscaped {
                result.append(UInt8(ascii: "%"))
                result.append(digits[Int(byte >> 4)])
                result.append(digits[Int(byte & 15)])
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The name that a link name stands for; a `%` without two digits stands for itself.
    package static func decoded(_ linkName: String) -> String {
        let bytes = Array(linkName.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = digits.firstIndex(of: bytes[index + 1]),
                let low = digits.firstIndex(of: bytes[index + 2])
            {
                result.append(UInt8(high << 4 | low))
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)
}
