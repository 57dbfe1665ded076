/// One sentence for the person at the terminal: what, why, and what to do next.
///
/// Every module throws this (or an error that converts to it) for bad input; the command line
/// prints `subject: cause; advice` and leaves with the exit code of the kind.
package struct UserError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Decides the exit code of the command line.
    package enum Kind: Sendable, Equatable {
        /// The work could not be done: exit code 1.
        case failure
        /// The request itself is wrong: exit code 2.
        case usage
        /// Stored data is damaged or contradicts itself: exit code 3.
        case integrity
        /// What was handed over cannot be taken, and what comes after it can: exit code 1.
        case refused
    }

    package let kind: Kind
    /// What it is about, for example a file, a run or an option.
    package let subject: String
    /// What is wrong with it.
    package let cause: String
    /// What the person can do next; empty when nothing helps.
    package let advice: String

    package init(_ kind: Kind, subject: String, cause: String, advice: String = "") {
        self.kind = kind
        self.subject = subject
        self.cause = cause
        self.advice = advice
    }

    /// Something that was asked for is not there: a failure.
    package static func missing(subject: String, cause: String, advice: String = "") -> UserError {
        UserError(.failure, subject: subject, cause: cause, advice: advice)
    }

    /// A wrong option or argument.
    package static func usage(subject: String, cause: String, advice: String = "") -> UserError {
        UserError(.usage, subject: subject, cause: cause, advice: advice)
    }

    /// Damaged data.
    package static func integrity(subject: String, cause: String, advice: String = "") -> UserError
    {
        UserError(.integrity, subject: subject, cause: cause, advice: advice)
    }

    package var description: String {
        advice.isEmpty ? "\(subject): \(cause)" : "\(subject): \(cause); \(advice)"
    }
}

/// An error of another type that has one sentence for the person at the terminal.
package protocol UserErrorConvertible: Error, CustomStringConvertible {
    var userError: UserError { get }
}

extension UserErrorConvertible {
    package var kind: UserError.Kind { userError.kind }
    package var subject: String { userError.subject }
    package var cause: String { userError.cause }
    package var advice: String { userError.advice }
    package var description: String { userError.description }
}

extension UserError: UserErrorConvertible {
    package var userError: UserError { self }
}
