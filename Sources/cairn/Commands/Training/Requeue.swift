internal import ArchiveQueries
internal import ArgumentParser
internal import Foundation

/// Asks the scheduler to start a task again that it has stopped.
struct Requeue {
    private let way: SharingOptions.RequeueWay
    private let common: CommonOptions

    init(_ way: SharingOptions.RequeueWay, _ common: CommonOptions) {
        self.way = way
        self.common = common
    }

    /// Ends the task after a signal, in the way that was chosen, and says so.
    func ask(after signal: String) throws {
        switch way {
        case .never:
            common.note("\(signal): everything is merged; submit the sweep again to go on.")
            throw ExitCode(Shell.ExitStatus.interrupted)
        case .exitCode(let code):
            common.note("\(signal): everything is merged; the exit code \(code) asks to go on.")
            throw ExitCode(code)
        case .scontrol:
            guard let job = Requeue.job else {
                common.note("\(signal): everything is merged; start it again to go on.")
                throw ExitCode(Shell.ExitStatus.interrupted)
            }
            // A job that was cancelled is not to come back, and one that Slurm preempts or ends at its
            // limit is queued again, or not, by Slurm.
            guard let state = Scheduler.state(of: job), state == "RUNNING" else {
                common.note("\(signal): everything is merged; submit the sweep again to go on.")
                throw ExitCode(Shell.ExitStatus.interrupted)
            }
            common.note("\(signal): everything is merged; task \(job) is queued again.")
            guard Scheduler.requeue(job) else {
                common.note("Slurm does not queue it again; submit the sweep again to go on.")
                throw ExitCode(Shell.ExitStatus.interrupted)
            }
        }
    }

    /// This task, as Slurm's programs call it: an element of an array, or a job.
    private static var job: String? {
        let environment = ProcessInfo.processInfo.environment
        if let array = environment["SLURM_ARRAY_JOB_ID"],
            let task = environment["SLURM_ARRAY_TASK_ID"]
        {
            return "\(array)_\(task)"
        }
        return environment["SLURM_JOB_ID"]
    }
}
