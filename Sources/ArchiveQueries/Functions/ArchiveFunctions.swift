package import CheckpointArchive

/// Every SQL function of Cairn over one archive, registered on one connection.
package final class ArchiveFunctions {
    private let memory: ResultMemory

    /// Registers the functions on an SQLite handle; the connection keeps them alive.
    ///
    /// - Parameters:
    ///   - connection: The handle, used by one thread at a time.
    ///   - archive: Where runs and weights are read.
    ///   - remembers: Whether expensive results are stored in the archive's ledger by `flush`.
    package convenience init(
        registeringOn connection: OpaquePointer, archive: Archive, remembers: Bool
    ) {
        self.init(connection, archive: archive, remembers: remembers, watch: nil)
    }

    init(
        _ connection: OpaquePointer, archive: Archive, remembers: Bool,
        watch: StatementWatch?
    ) {
        let reader = WeightReader(archive: archive)
        memory = ResultMemory(reader: reader, watch: watch, remembers: remembers)
        for function in TensorFunctions(reader: reader).all { function.register(on: connection) }
        let aggregates = CurveFunctions.all + ComparisonFunctions.aggregates
        for function in aggregates { function.register(on: connection) }
        for function in ComparisonFunctions.scalars { function.register(on: connection) }
        for table in ArchiveTables(reader: reader, memory: memory).all {
            VirtualTableModule(table, watch: watch).register(on: connection)
        }
    }

    /// Stores expensive results of the statement that has just ended.
    package func flush() { memory.flush() }
}
