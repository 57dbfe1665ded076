internal import ArchiveQueries
internal import Foundation
internal import Synchronization

/// Ctrl-C and termination requests, turned into a question that long work asks between steps.
///
/// The first request asks for a clean stop; a second one ends the process at once, which an
/// archive survives like any other kill.
enum StopSignals {
    /// What running SQL statements watch.
    static let interruption = Interruption()

    /// From now on the signals ask for a clean stop instead of ending the process.
    static func listen() {
        // The flag must exist before a handler can run: creating it there is not signal-safe.
        interruption.reset()
        // A parent that blocks signals, as worker threads do, hands its mask on to its children.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                if StopSignals.interruption.isRequested { _exit(Shell.ExitStatus.interrupted) }
                StopSignals.interruption.request()
            }
        }
    }

    /// The signal that asked first; 0 for none.
    private static let first = Atomic<Int32>(0)

    /// As `listen`, for a task of a scheduler: USR1, USR2 and TERM ask for a clean stop however often
    /// they come, as schedulers send one after the other.
    static func listenAsTask() {
        listen()
        first.store(0, ordering: .relaxed)
        for number in [SIGUSR1, SIGUSR2, SIGTERM] {
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, number)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            signal(number) { number in
                _ = StopSignals.first.compareExchange(
                    expected: 0, desired: number, ordering: .relaxed)
                StopSignals.interruption.request()
            }
        }
    }

    /// The name of the scheduler's signal that asked for a stop; nil where none did.
    static var schedulerSignal: String? {
        switch first.load(ordering: .relaxed) {
        case SIGUSR1: "USR1"
        case SIGUSR2: "USR2"
        case SIGTERM: "TERM"
        default: nil
        }
    }

    /// Whether the person asked to stop.
    static var isRequested: Bool { interruption.isRequested }

    /// Throws `Interrupted` once a stop was asked for.
    static func check() throws {
        if isRequested { throw Interrupted() }
    }
}
