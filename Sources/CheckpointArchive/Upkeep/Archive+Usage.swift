internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// The room that one kind of thing takes.
    package struct Usage: Sendable, Equatable {
        /// The run's id; empty for what belongs to no run.
        package let run: String
        package let name: String
        /// loose, pack, optimizer, run, end, other, index, trash, quarantine or temporary.
        package let kind: String
        package let fileCount: Int
        package let byteCount: Int
    }

    /// The room each run takes by kind of file, and what the rest of the archive takes.
    package func usage() throws -> [Usage] {
        var usages = try lookUp { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT id, name, kind, count(*), sum(file.bytes) FROM file
                    JOIN run USING (run_key) GROUP BY run_key, kind ORDER BY created_at, id, kind
                    """
            ).map {
                Usage(
                    run: try $0.decode(atIndex: 0), name: try $0.decode(atIndex: 1),
                    kind: try $0.decode(atIndex: 2),
                    fileCount: try $0.decode(atIndex: 3), byteCount: try $0.decode(atIndex: 4))
            }
        }
        let index = ["", "-wal", "-shm"].compactMap { try? paths.index($0).fileByteCount() }
        usages.append(
            Usage(
                run: "", name: "", kind: "index", fileCount: index.count,
                byteCount: index.reduce(0, +)))
        for (kind, folder) in [
            ("trash", paths.trashFolder), ("quarantine", paths.quarantineFolder),
            ("temporary", paths.temporaryFolder),
        ] {
            let sizes = Archive.sizes(in: folder)
            guard !sizes.isEmpty else { continue }
            usages.append(
                Usage(
                    run: "", name: "", kind: kind, fileCount: sizes.count,
                    byteCount: sizes.reduce(0, +)))
        }
        return usages
    }

    /// The sizes of all files at and below a path; links and what is neither file nor folder have none.
    static func sizes(in path: RootedPath) -> [Int] {
        guard let status = try? path.status() else { return [] }
        switch status.kind {
        case .regular: return [status.byteCount]
        case .folder:
            return ((try? path.names()) ?? []).flatMap { Archive.sizes(in: path.appending($0)) }
        default: return []
        }
    }
}
