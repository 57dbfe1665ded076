import Foundation
import TestSupport
import Testing

/// A real Slurm of two nodes, for one test.
private final class SlurmCluster {
    private static let programs = [
        "slurmctld", "slurmd", "munged", "sbatch", "scancel", "scontrol",
    ]

    /// Whether it can be started: by root, who alone may start its daemons.
    static var canStart: Bool {
        geteuid() == 0
            && programs.allSatisfy { program in
                ["/usr/bin", "/usr/sbin"].contains {
                    FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
                }
            }
    }

    let folder: TemporaryFolder
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Examples/slurm_cluster.sh").path

    var environment: [String: String] {
        [
            "SLURM_CONF": folder.path("etc/slurm.conf"), "TMPDIR": folder.path,
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        ]
    }

    init() throws {
        folder = try TemporaryFolder()
        try script(["start"])
    }

    deinit { _ = try? script(["stop"]) }

    @discardableResult
    private func script(_ arguments: [String]) throws -> ProcessResult {
        let result = try TestSupport.run(
            "/bin/bash", [Self.script, arguments[0], folder.path] + arguments.dropFirst(),
            environment: environment, secondsAllowed: 60)
        #expect(result.exitCode == 0, "\(arguments): \(result.error)")
        return result
    }

    @discardableResult
    func slurm(_ program: String, _ arguments: [String]) throws -> ProcessResult {
        try TestSupport.run(
            "/usr/bin/env", [program] + arguments, environment: environment, secondsAllowed: 30)
    }

    /// The tasks in a state, as `12_3`.
    func tasks(_ state: String? = nil) throws -> [String] {
        try slurm("squeue", ["-h", "-r", "-o", "%i"] + (state.map { ["-t", $0] } ?? [])).output
            .split(separator: "\n").map(String.init)
    }

    /// Kills the daemon of a node without warning, and starts it again.
    func restartNode(_ name: String) throws {
        let file = folder.path("run/slurmd.\(name).pid")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let process = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(process, SIGKILL)
        try script(["node", name])
    }
}

/// Sweeps and analyses on a real scheduler.
@Suite(
    .enabled(
        if: SlurmCluster.canStart,
        "needs slurmctld, slurmd, slurm-client and munge, and the rights of root"),
    .serialized, .timeLimit(.minutes(5)))
struct SlurmTests {
    /// Submits until nothing is missing, doing `disturb` while tasks run.
    private func sweep(
        _ fixture: CommandLineFixture, _ cluster: SlurmCluster, _ more: [String],
        disturb: (_ round: Int) throws -> Void
    ) throws {
        for round in 0..<8 {
            let submitted = try fixture.cairn(
                ["sweep", "s.yaml", "--slurm"] + more, environment: cluster.environment)
            try #require(submitted.exitCode == 0, "\(submitted.error)")
            if submitted.error.contains("Nothing is missing") { return }
            try disturb(round)
            let limit = ContinuousClock.now + .seconds(120)
            while try !cluster.tasks().isEmpty {
                try #require(ContinuousClock.now < limit, "the tasks go on for long")
                usleep(100_000)
            }
        }
        Issue.record("runs are missing after eight submissions")
    }

    private func fixture(runs: Int, steps: Int) throws -> CommandLineFixture {
        try ShardedSweepTests.fixture(
            seeds: runs, steps: steps, more: "slurm: {cpus-per-task: 1, comment: from the file}")
    }

    @Test func aDisturbedArrayEndsWithTheBitsOfOneMachine() throws {
        let cluster = try SlurmCluster()
        let fixture = try fixture(runs: 24, steps: 3_000)
        var generator = SeededGenerator(seed: 5)
        try sweep(fixture, cluster, ["--runs-per-task", "4", "--at-once", "4"]) { round in
            for disturbance in 0..<(round == 0 ? 8 : 0) {
                let limit = ContinuousClock.now + .seconds(30)
                var running: [String] = []
                while running.isEmpty, try !cluster.tasks().isEmpty, ContinuousClock.now < limit {
                    running = try cluster.tasks("RUNNING")
                }
                guard let task = running.randomElement(using: &generator) else { break }
                usleep(UInt32.random(in: 0..<300_000, using: &generator))
                switch disturbance {
                case 3: try cluster.slurm("scancel", ["--signal=KILL", "--batch", task])
                case 5: try cluster.restartNode("c1")
                case 6: try cluster.slurm("scontrol", ["requeue", task])
                default:
                    let name = ["USR1", "USR2", "TERM"].randomElement(using: &generator) ?? ""
                    try cluster.slurm("scancel", ["--signal=\(name)", "--batch", task])
                }
            }
        }
        try ShardedSweepTests.expectSame(fixture)
        let logs = try FileManager.default.contentsOfDirectory(
            atPath: "\(fixture.archive)/incoming/logs")
        let analyze = ["analyze", "hessian", "--top", "1", "--steps", "last"]
        let submitted = try fixture.cairn(
            analyze + ["--slurm", "--runs-per-task", "8"], environment: cluster.environment)
        #expect(submitted.exitCode == 0, "\(submitted.error)")
        let limit = ContinuousClock.now + .seconds(120)
        while try !cluster.tasks().isEmpty, ContinuousClock.now < limit { usleep(100_000) }
        let alone = fixture.folder.path("alone")
        #expect(try fixture.cairn(analyze + ["-q", "--archive", alone]).exitCode == 0)
        let sql = """
            SELECT name, step, eigenvalue FROM hessian_eigenvalues JOIN runs USING (run) ORDER BY 1
            """
        let eigenvalues = try fixture.cairn(["sql", "--json", sql])
        #expect(try objects(eigenvalues.output).count == 24)
        #expect(
            try fixture.cairn(["sql", "--json", sql, "--archive", alone]).output
                == eigenvalues.output)
        // Arrays of at most five tasks, by this site's limit: six tasks are two arrays.
        #expect(Set(logs.map { $0.split(separator: "_").first }).count >= 2, "\(logs)")
    }
}

/// What is submitted, without a scheduler.
@Suite struct SlurmScriptTests {
    private func printed(_ fixture: CommandLineFixture, _ more: [String]) throws -> ProcessResult {
        try fixture.cairn(["sweep", "s.yaml", "--slurm", "--print", "-q"] + more)
    }

    @Test func theScriptSaysWhatEachTaskDoes() throws {
        let fixture = try ShardedSweepTests.fixture(
            seeds: 45, steps: 4, more: "slurm: {partition: gpu, exclusive: true}")
        let result = try printed(
            fixture, ["--at-once", "2", "--sbatch", "--partition=cpu --mem=2G", "--work", "/x y"])
        #expect(result.exitCode == 0, "\(result.error)")
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(lines.first == "#!/bin/bash")
        for line in [
            "#SBATCH --array=0-2%2", "#SBATCH --open-mode=append", "#SBATCH --signal=B:USR1@120",
            "#SBATCH --exclusive", "#SBATCH --partition=cpu", "#SBATCH --mem=2G", "parts=(1 2 3)",
        ] { #expect(lines.contains(line), "\(line) in \(result.output)") }
        #expect(!result.output.contains("partition=gpu"))
        #expect(lines.last?.contains("--shard \"${parts[$SLURM_ARRAY_TASK_ID]}/3\"") == true)
        #expect(lines.last?.contains("--work '/x y'") == true)
        #expect(lines.last?.hasSuffix("-j \"${SLURM_CPUS_PER_TASK:-1}\"") == true)
        #expect(try run("/bin/bash", ["-n"], input: result.output).exitCode == 0)
        // Printing changes nothing.
        #expect(!FileManager.default.fileExists(atPath: fixture.archive))
    }

    @Test func onlyWhatIsMissingIsSubmittedAndFewPartsMakeOneTask() throws {
        let fixture = try ShardedSweepTests.fixture(seeds: 12, steps: 4)
        let first = try printed(fixture, ["--runs-per-task", "3"])
        #expect(first.output.contains("parts=(1 2 3 4)"), "\(first.output)")
        // Everything but one run of the second and one of the fourth part.
        #expect(try fixture.cairn(["sweep", "s.yaml", "-q", "-j", "2"]).exitCode == 0)
        let rows = try objects(
            fixture.cairn(["sweep", "s.yaml", "--shard", "2,4/4", "--status", "--json"]).output)
        #expect(rows.count == 6)
        for part in ["2/4", "4/4"] {
            let runs = try objects(
                fixture.cairn(["sweep", "s.yaml", "--shard", part, "--status", "--json"]).output)
            let name = try #require(runs.first?["run"] as? String)
            #expect(try fixture.cairn(["rm", name, "--yes"]).exitCode == 0)
        }
        let second = try printed(fixture, ["--runs-per-task", "3"])
        #expect(second.output.contains("parts=(2,4)"), "\(second.output) \(second.error)")
        #expect(
            try fixture.cairn(["sweep", "s.yaml", "--shard", "2,4/4", "-q"]).exitCode == 0)
        let third = try fixture.cairn(["sweep", "s.yaml", "--slurm", "--print"])
        #expect(third.output.isEmpty)
        #expect(third.error.contains("Nothing is missing"))
    }

    @Test func minutesBecomeRunsByTheTimeThatRunsTook() throws {
        let fixture = try ShardedSweepTests.fixture(seeds: 3, steps: 200_000_000)
        let result = try fixture.cairn([
            "sweep", "s.yaml", "--slurm", "--print", "--minutes-per-task", "1",
        ])
        #expect(result.error.contains("A run takes about"), "\(result.error)")
        #expect(result.output.contains("parts=(1 2 3)"))
        #expect(result.output.contains("#SBATCH --time=7"))
    }

    @Test func optionsThatWouldNotWorkAreRefused() throws {
        let fixture = try ShardedSweepTests.fixture(seeds: 3, steps: 4)
        for (option, mention) in [
            ("--array=1-2", "--at-once"), ("--signal=USR1@60", "B:USR1@60"), ("-p", "--partition"),
        ] {
            try fixture.expectRefusal(
                ["sweep", "s.yaml", "--slurm", "--print", "--sbatch=\(option)"], exitCode: 2,
                mentions: [mention])
        }
        try fixture.expectRefusal(
            ["sweep", "s.yaml", "--slurm", "--shard", "1/2"], exitCode: 2, mentions: ["--shard"])
        try fixture.expectRefusal(
            [
                "sweep", "s.yaml", "--slurm", "--print", "--runs-per-task", "2",
                "--minutes-per-task", "3",
            ], exitCode: 2, mentions: ["one of them"])
    }

    @Test func aSiteWithoutSbatchIsToldWhatToDo() throws {
        let fixture = try ShardedSweepTests.fixture(seeds: 3, steps: 4)
        let result = try fixture.cairn(
            ["sweep", "s.yaml", "--slurm"], environment: ["PATH": fixture.folder.path])
        #expect(result.exitCode == 1)
        #expect(result.error.contains("there is no such program here"), "\(result.error)")
    }
}
