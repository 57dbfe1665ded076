internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

extension Archive {
    /// Takes back a run whose source turned out to be unusable while it was being stored.
    ///
    /// Its row goes first, then its folder, because a row without files must never be. Should it be
    /// cut short in between, the next opening of the archive takes the run in again. Errors: another
    /// process is writing the run.
    package func discard(_ run: StoredRun) throws {
        let claim = try claim(run.run)
        try withExtendedLifetime(claim) {
            let temporary = files.temporaryPath()
            try maintaining(run.id) {
                try write { db in
                    try db.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [run.id])
                }
                try files.move(paths.runFolder(run.id), to: temporary)
            }
            try temporary.removeTree()
        }
    }
}
