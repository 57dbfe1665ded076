internal import ArchiveQueries
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation
internal import Training

/// A part of some analyses, computed in an archive of its own whose results are merged into the shared
/// one.
struct SharedAnalysis {
    private let common: CommonOptions
    private let sharing: SharingOptions
    private let shared: Archive
    private let requests: [AnalysisRequest]
    private let trustsNetwork: Bool

    init(
        _ requests: [AnalysisRequest], in shared: Archive, common: CommonOptions,
        sharing: SharingOptions, trustsNetwork: Bool
    ) {
        self.requests = requests
        self.shared = shared
        self.common = common
        self.sharing = sharing
        self.trustsNetwork = trustsNetwork
    }

    /// What is to be computed of one run.
    private struct Work {
        let run: String
        /// Nil where the answer is about the whole run.
        var steps: [Int]?
    }

    /// How many answers are missing.
    func missingCount() throws -> Int {
        try requests.reduce(0) { count, request in
            try count + possible(analyzer.pending(request)).count
        }
    }

    /// Computes what is missing of a part and merges the results.
    func compute(_ shard: SweepShard) throws {
        StopSignals.listenAsTask()
        let queue = IncomingQueue(common.archivePath)
        try queue.prepare()
        let task = try TaskMark(queue)
        let turn = IncomingTurn(
            queue: queue, task: task, watch: TaskWatch(queue), access: ArchiveAccess(common))
        let folder =
            sharing.workFolder.map { "\($0)/cairn-\(task.token)" } ?? queue.workPath(of: task)
        let own = try Archive.scratch(at: folder)
        let watched = WatchedAnalysis(
            archive: own, common: common, trustsNetwork: trustsNetwork)
        var report = AnalysisReport()
        var waiting: Set<String> = []
        var count = 0
        var lastTime = ContinuousClock.now
        func handOver(isDue: Bool = false) throws {
            guard isDue || ContinuousClock.now - lastTime > .seconds(5) else { return }
            if !waiting.isEmpty {
                count += 1
                _ = try queue.publish(
                    [], results: waiting.sorted(), of: own, as: "\(task.token)-\(count)")
                waiting = []
            }
            lastTime = .now
            try turn.take { common.note($0) }
        }
        do {
            for request in requests {
                for work in try part(of: request, shard) {
                    try own.takeOverWithResults(work.run, of: shared)
                    var request = request
                    request.runs = [work.run]
                    if let steps = work.steps { request.steps = .steps(steps) }
                    do {
                        waiting.insert(work.run)
                        report.add(try watched.run(request))
                    } catch let error where !(error is Interrupted) {
                        report.failures.append(error)
                    }
                    try handOver()
                }
            }
            try handOver(isDue: true)
        } catch is Interrupted {
            // What was computed is stored; the rest is for the next time.
            try handOver(isDue: true)
        }
        try? FileManager.default.removeItem(atPath: folder)
        watched.tell(report)
        if StopSignals.isRequested {
            guard let signal = StopSignals.schedulerSignal else { return try StopSignals.check() }
            try Requeue(sharing.requeueWay, common).ask(after: signal)
        }
        if let failure = report.failures.first { throw failure }
    }

    /// What falls to a part: every n-th of all answers that were asked for, the costly ones first, and of
    /// these what is missing.
    ///
    /// The cost of an answer grows with the parameters of its network.
    private func part(of request: AnalysisRequest, _ shard: SweepShard) throws -> [Work] {
        var whole = request
        whole.recompute = true
        let parameters = Dictionary(
            try shared.standings().map { ($0.id, $0.parameterCount) }, uniquingKeysWith: { $1 })
        let answers = possible(try analyzer.pending(whole)).sorted {
            let costs = [parameters[$0.run] ?? 0, parameters[$1.run] ?? 0]
            return costs[0] == costs[1]
                ? ($0.run, $0.step ?? -1) < ($1.run, $1.step ?? -1) : costs[0] > costs[1]
        }
        // An answer about a whole run may rest on those about its steps.
        let isWhole = answers.contains { $0.step == nil }
        let units =
            isWhole
            ? Array(Set(answers.map(\.run))).sorted {
                (-(parameters[$0] ?? 0), $0) < (-(parameters[$1] ?? 0), $1)
            } : answers.map { "\($0.run)@\($0.step ?? 0)" }
        let numbers = Set(shard.numbers)
        let mine = Set(
            units.enumerated().filter { numbers.contains($0.offset % shard.count + 1) }
                .map(\.element))
        var works: [Work] = []
        var places: [String: Int] = [:]
        for answer in possible(try analyzer.pending(request)) {
            let unit = isWhole ? answer.run : "\(answer.run)@\(answer.step ?? 0)"
            guard mine.contains(unit) else { continue }
            if let place = places[answer.run] {
                if !isWhole, let step = answer.step { works[place].steps?.append(step) }
            } else {
                places[answer.run] = works.count
                works.append(
                    Work(run: answer.run, steps: isWhole ? nil : answer.step.map { [$0] }))
            }
        }
        return works
    }

    private var analyzer: Analyzer {
        WatchedAnalysis.analyzer(shared, trustsNetwork: trustsNetwork)
    }

    private func possible(_ answers: [PendingAnalysis]) -> [PendingAnalysis] {
        answers.filter { if case .impossible = $0.reason { false } else { true } }
    }
}

/// Submits what is missing of some analyses to Slurm.
struct AnalysisSubmission {
    let name: String
    let work: SharedAnalysis
    let common: CommonOptions
    let options: SlurmOptions
    /// The command line that asked for it.
    let arguments: [String]

    func run() throws {
        let count = try work.missingCount()
        guard count > 0 else { return common.note("Nothing is missing.") }
        let settings = try options.settings([])
        let perTask = try options.piecesPerTask(cpus: 1) {
            throw UserError.usage(
                subject: "--minutes-per-task", cause: "nothing says how long an answer takes",
                advice: "give --runs-per-task, the answers that a task computes")
        }
        let tasks = SweepSubmission.shardCount(count, perTask)
        let archivePath = URL(fileURLWithPath: common.archivePath).standardizedFileURL.path
        let array = SlurmArray(
            name: name,
            command: [SweepSubmission.program] + AnalysisSubmission.kept(arguments)
                + ["--archive", archivePath, "--shard", "{part}/\(tasks)"],
            jobsOption: "--jobs", parts: (1...tasks).map(String.init), settings: settings,
            atOnce: options.atOnce, minutes: nil,
            logs: options.logs.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
                ?? "\(archivePath)/incoming/logs")
        try array.submit(
            options, common: common, folder: "\(archivePath)/incoming/analyses/\(name)",
            what: "\(count) answers")
    }

    /// The arguments that a task gets as well.
    private static func kept(_ arguments: [String]) -> [String] {
        let flags: Set<String> = ["--slurm", "--print"]
        let options: Set<String> = [
            "--minutes-per-task", "--runs-per-task", "--at-once", "--sbatch", "--logs", "--archive",
            "--jobs", "-j",
        ]
        var kept: [String] = []
        var isValue = false
        for argument in arguments {
            if isValue {
                isValue = false
            } else if options.contains(argument) {
                isValue = true
            } else if !flags.contains(argument),
                !options.contains(where: { argument.hasPrefix("\($0)=") })
            {
                kept.append(argument)
            }
        }
        return kept
    }
}
