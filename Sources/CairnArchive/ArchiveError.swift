internal import ArchiveQueries
internal import Checkpoints

/// Why something could not be read, in one sentence: subject, cause, and what to do.
public struct ArchiveError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Kind: Sendable, Hashable {
        /// It could not be done: nothing is there, or the system refused.
        case failed
        /// The request itself is wrong, for example a misspelt statement.
        case wrongRequest
        /// Stored data is damaged or contradicts itself.
        case damaged
    }

    /// What kind of trouble it is.
    public let kind: Kind
    /// What it is about, for example a file, a run or a statement.
    public let subject: String
    /// What is wrong with it.
    public let cause: String
    /// What can be done; empty when nothing helps.
    public let advice: String

    /// `subject: cause; advice`.
    public var description: String {
        advice.isEmpty ? "\(subject): \(cause)" : "\(subject): \(cause); \(advice)"
    }

    init(_ error: any Error) {
        let user =
            (error as? any UserErrorConvertible)?.userError
            ?? UserError(.failure, subject: "archive", cause: String(describing: error))
        kind =
            switch user.kind {
            case .failure, .refused: .failed
            case .usage: .wrongRequest
            case .integrity: .damaged
            }
        (subject, cause, advice) = (user.subject, user.cause, user.advice)
    }

    /// Runs `body`, whose errors come out as this type.
    static func mapping<Value>(_ body: () throws -> Value) throws(ArchiveError) -> Value {
        do { return try body() } catch { throw ArchiveError(error) }
    }
}
