internal import Foundation
internal import SystemFiles

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
    init?(_ file: OpenFile, _ range: Range<Int>) {
        guard let status = try? file.status(), status.owner == geteuid(),
            status.byteCount >= range.upperBound
        else { return nil }
        let page = sysconf(Int32(_SC_PAGESIZE))
        guard page > 0, !range.isEmpty else { return nil }
        let first = range.lowerBound / page * page
        let length = range.upperBound - first
        guard
            let start = mmap(nil, length, PROT_READ, MAP_SHARED, file.descriptor, off_t(first)),
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
}
