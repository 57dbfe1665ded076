internal import Checkpoints
internal import Foundation
internal import GRDB

extension Archive {
    /// Takes back a run whose source turned out to be unusable while it was being stored.
    ///
    /// Its row goes first, then its folder: a stray folder would come back with `reindex`, a row
    /// without files must never be. Errors: somebody else is writing the run.
    package func discard(_ run: StoredRun) throws {
        let lock = try RunWriter.claim(layout.runLock(run.id), try run.run)
        try withExtendedLifetime(lock) {
            try Archive.mapErrors {
                try write { db in
                    try db.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [run.id])
                }
                let temporary = files.temporaryPath()
                try files.place(layout.runFolder(run.id), at: temporary)
                try FileManager.default.removeItem(atPath: temporary)
            }
        }
    }
}
