internal import Checkpoints
internal import GRDB
internal import HDF5Files
internal import SystemFiles

/// What the libraries below say, in the archive's words: one translation for reading files, one for
/// writing them, one for the index.
extension ArchiveError {
    /// Runs `body`, which reads a file of the archive; what goes wrong is the damage of that file.
    static func reading<Value>(
        _ path: RootedPath, step: Int? = nil, _ body: () throws -> Value
    ) throws -> Value {
        do {
            return try body()
        } catch var error as ArchiveError {
            if error.isDamage, error.step == nil { error.step = step }
            throw error
        } catch let error as FileError {
            throw ArchiveError(
                error.isMissing ? .missingFile : .damaged, file: path.path, step: step,
                cause: error.isMissing ? nil : error.cause, underlying: error)
        } catch let error as HDF5Error {
            guard path.exists else {
                throw ArchiveError(.missingFile, file: path.path, step: step, underlying: error)
            }
            throw ArchiveError(
                .damaged, file: path.path, step: step,
                cause: "the file is damaged or cut short (\(error.cause))", underlying: error)
        }
    }

    /// What is thrown for a file that could not be written: HDF5's errors as those of the system
    /// where one lies under them, others as they are.
    static func writing(_ path: RootedPath, failed error: any Error) -> any Error {
        guard let error = error as? HDF5Error else { return error }
        if let code = error.systemCode { return FileError("write", path.absolute, .code(code)) }
        return ArchiveError(
            .notWritten, file: path.absolute, cause: error.cause, advice: "", underlying: error)
    }

    /// SQLite's error about the index; errors of statements keep SQLite's own words.
    static func using(index path: String, failed error: DatabaseError) -> any Error {
        let message = error.message ?? "error \(error.resultCode.rawValue)"
        func explained(_ code: Code, _ cause: String, _ advice: String? = nil) -> ArchiveError {
            ArchiveError(code, file: path, cause: cause, advice: advice, underlying: error)
        }
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return explained(.damagedIndex, "it is not a sound SQLite database (\(message))")
        case .SQLITE_TOOBIG:
            return explained(
                .damagedIndex,
                "a value in it has more than \(ArchiveIndex.largestValueByteCount >> 20) MB")
        case .SQLITE_FULL, .SQLITE_IOERR:
            return explained(
                .notWritten, "cannot write the index (\(message))",
                "check free space and limits; nothing acknowledged before is lost")
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_PROTOCOL:
            return explained(
                .unusable, "cannot open the index (\(message))",
                "check the permissions of the archive")
        case .SQLITE_BUSY:
            return explained(
                .busy,
                "another program has kept the index locked for \(Int(ArchiveIndex.patience)) s",
                "close that program and try again")
        case .SQLITE_ERROR:
            guard let damage = IndexSchema.damage(ofIndexAt: path) else { return error }
            return explained(.damagedIndex, "\(damage) (\(message))")
        default:
            return error
        }
    }
}
