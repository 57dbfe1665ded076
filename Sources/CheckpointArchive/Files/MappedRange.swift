internal import Foundation

/// Part of a file in memory without a copy.
///
/// The corresponding C function is `mmap`.
struct MappedRange: ~Copyable {
    private let start: UnsafeMutableRawPointer
    private let length: Int
    /// The bytes asked for, valid as long as this lives.
    let bytes: UnsafeRawBufferPointer

    /// Maps bytes of a file that the system holds in its cache; nil where it does not, or does not
    /// tell, because a page that cannot be read from the disk would end the process.
    init?(_ descriptor: Int32, _ range: Range<Int>) {
        guard MappedRange.isOwn(descriptor, atLeast: range.upperBound) else { return nil }
        let page = sysconf(Int32(_SC_PAGESIZE))
        guard page > 0, !range.isEmpty else { return nil }
        let first = range.lowerBound / page * page
        let length = range.upperBound - first
        guard
            let start = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, off_t(first)),
            start != MAP_FAILED
        else { return nil }
        let pageCount = (length + page - 1) / page
        let isCached = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: pageCount) { pages in
            pages.initialize(repeating: 0)
            return mincore(start, length, pages.baseAddress) == 0
                && pages.allSatisfy { $0 & 1 == 1 }
        }
        guard isCached else {
            munmap(start, length)
            return nil
        }
        self.start = start
        self.length = length
        bytes = UnsafeRawBufferPointer(
            start: start + (range.lowerBound - first), count: range.count)
    }

    deinit { munmap(start, length) }

    /// Whether the system tells this process what it holds of the file, and the file is this long.
    private static func isOwn(_ descriptor: Int32, atLeast byteCount: Int) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_uid == geteuid()
            && Int(status.st_size) >= byteCount
    }
}
