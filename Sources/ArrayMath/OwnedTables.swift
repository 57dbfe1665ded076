/// Tables of plain values that live as long as this does, so that the maker of one cannot forget to
/// free it.
package final class OwnedTables {
    private var tables: [UnsafeMutableRawPointer] = []

    package init() {}

    deinit { for table in tables { table.deallocate() } }

    /// A new table of `count` values, whose memory is not set.
    package func make<Element: BitwiseCopyable>(
        _ type: Element.Type = Element.self, count: Int
    ) -> UnsafeMutablePointer<Element> {
        let table = UnsafeMutablePointer<Element>.allocate(capacity: max(1, count))
        tables.append(UnsafeMutableRawPointer(table))
        return table
    }

    /// A new table of these values.
    package func make<Element: BitwiseCopyable>(
        copying values: [Element]
    ) -> UnsafeMutablePointer<Element> {
        let table = make(Element.self, count: values.count)
        for (index, value) in values.enumerated() { table[index] = value }
        return table
    }
}
