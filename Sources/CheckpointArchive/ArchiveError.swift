package import Checkpoints

/// What is wrong with an archive, or why it could not do what it was asked for.
///
/// Everything in this module that goes wrong is one of these. Two others come through as they are,
/// because they say it all themselves: `FileError` of the system and SQLite's own words about a
/// statement. What a caller's closure throws comes through too.
package struct ArchiveError: UserErrorConvertible {
    /// What kind of trouble it is, for code that handles it.
    package enum Code: Sendable {
        /// The content of a file contradicts what is recorded about it.
        case damaged
        /// A file is not where the index says.
        case missingFile
        /// A folder of runs has another name than the run in it: it is a copy.
        case copiedFolder
        /// The index contradicts itself or the files, or is no sound database.
        case damagedIndex
        /// An earlier version of Cairn made the index, and the archive is open for reading only.
        case outdatedIndex
        /// The index was deleted or replaced under a connection; nothing was read or written.
        case replacedIndex
        /// Tags came while checkpoints were being taken out.
        case changedTags
        /// The archive has no such run, checkpoint, tensor or tag.
        case notFound
        /// What is named could be one of several things.
        case ambiguous
        /// Another process holds the run or the index.
        case busy
        /// The place has something else already.
        case taken
        /// What is named cannot be used as it is: a folder, an index, an id.
        case unusable
        /// The request itself is wrong.
        case wrongRequest
        /// What was handed over cannot be stored, and what comes after it can.
        case refused
        /// The disk or the library did not take what was written.
        case notWritten
        /// Something of a run was not saved, for the reason that lies under it.
        case notSaved
    }

    package let code: Code
    /// Relative to the archive, or a whole path where it is about the archive itself; else empty.
    package let file: String
    /// The tensor or table inside the file, or the part of the run; empty for the whole.
    package let part: String
    package var step: Int?
    /// The run as people know it, `run NAME (ID)`; empty where the file tells.
    package let run: String
    package let cause: String
    package let advice: String
    /// What made it fail, where that was another error.
    package let underlying: (any Error)?

    package init(
        _ code: Code, file: String = "", run: String = "", step: Int? = nil, part: String = "",
        cause: String? = nil, advice: String? = nil, underlying: (any Error)? = nil
    ) {
        self.code = code
        self.file = file
        self.part = part
        self.step = step
        self.run = run
        self.cause = cause ?? code.cause(underlying)
        self.advice = advice ?? code.advice(underlying)
        self.underlying = underlying
    }

    /// Whether a file is not what the index and its own records say.
    var isDamage: Bool { code == .damaged || code == .missingFile }

    /// What the sentence is about.
    package var subject: String {
        if file.isEmpty {
            let parts = [run, step.map { "step \($0)" } ?? "", part]
            return parts.filter { !$0.isEmpty }.joined(separator: ", ")
        }
        return part.isEmpty ? file : file + (step.map { " (step \($0))" } ?? "") + ", \(part)"
    }

    /// The sentence for people, and the kind that decides the exit code.
    package var userError: UserError {
        UserError(code.kind(underlying), subject: subject, cause: cause, advice: advice)
    }
}

extension ArchiveError.Code {
    fileprivate func kind(_ underlying: (any Error)?) -> UserError.Kind {
        switch self {
        case .damaged, .missingFile, .damagedIndex: .integrity
        case .wrongRequest: .usage
        case .refused: .refused
        case .notSaved: (underlying as? any UserErrorConvertible)?.kind ?? .failure
        case .copiedFolder, .outdatedIndex, .replacedIndex, .changedTags, .notFound, .ambiguous,
            .busy, .taken, .unusable, .notWritten:
            .failure
        }
    }

    /// What is wrong, where the code says it all.
    fileprivate func cause(_ underlying: (any Error)?) -> String {
        switch self {
        case .damaged: "the file is damaged or cut short"
        case .missingFile: "the file is missing"
        case .replacedIndex: "it was deleted or replaced while it was being used"
        case .changedTags: "its tags were changed meanwhile"
        case .notWritten: "it was not written as it was given"
        case .notSaved: "not saved: \(underlying.map { sentence($0) } ?? "it is not known why")"
        default: "it cannot be used"
        }
    }

    /// Subject and cause of an error that lies under this one.
    private func sentence(_ error: any Error) -> String {
        guard let error = (error as? any UserErrorConvertible)?.userError else { return "\(error)" }
        return "\(error.subject): \(error.cause)"
    }

    /// What to do, unless there is something better in this case.
    fileprivate func advice(_ underlying: (any Error)?) -> String {
        switch self {
        case .damaged:
            "run `cairn verify` to see what else is damaged and `cairn repair` to set it aside"
        case .missingFile:
            "run `cairn verify` to see what else is, or restore it from a copy"
        case .copiedFolder: "move it out of runs/"
        case .damagedIndex: "run `cairn reindex` to rebuild it from the checkpoint files"
        case .outdatedIndex: "run `cairn ls` once where the archive can be written"
        case .notWritten: "check the disk"
        case .notSaved: (underlying as? any UserErrorConvertible)?.advice ?? ""
        default: ""
        }
    }
}
