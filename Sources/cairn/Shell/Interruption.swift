internal import Foundation
internal import Synchronization

/// Ctrl-C and termination requests, turned into a question that long work asks between steps.
///
/// The first request asks for a clean stop; a second one ends the process at once, which an
/// archive survives like any other kill.
enum Interruption {
    private static let requestCount = Atomic<Int>(0)

    /// From now on the signals are counted instead of ending the process.
    static func listen() {
        // The counter must exist before a handler can run: creating it there is not signal-safe.
        requestCount.store(0, ordering: .releasing)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                if Interruption.requestCount.add(1, ordering: .acquiringAndReleasing).oldValue > 0 {
                    _exit(Shell.ExitStatus.interrupted)
                }
            }
        }
    }

    /// Whether the person asked to stop.
    static var isRequested: Bool { requestCount.load(ordering: .acquiring) > 0 }

    /// Throws `Interrupted` once a stop was asked for.
    static func check() throws {
        if isRequested { throw Interrupted() }
    }
}
