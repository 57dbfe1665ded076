import Foundation
import TestSupport
import Testing

/// Sweeps whose runs several processes share.
@Suite struct ShardedSweepTests {
    static let settings =
        "{operation: add, modulus: 7, network: mlp, embedding_width: 4, hidden_width: 8"

    /// A fixture with a sweep file of some seeds.
    static func fixture(seeds: Int, steps: Int, more: String = "") throws -> CommandLineFixture {
        let fixture = try CommandLineFixture()
        try """
        name: small
        settings: \(settings), checkpoints: every \(max(steps / 4, 1)), steps: \(steps)}
        seeds: \(seeds)
        \(more)
        """.write(toFile: fixture.folder.path("s.yaml"), atomically: true, encoding: .utf8)
        return fixture
    }

    /// The digest of the last checkpoint of each run, by the run's name.
    static func digests(_ fixture: CommandLineFixture, _ archive: String) throws -> [String: String]
    {
        let result = try fixture.cairn([
            "sql", "--json", "--archive", archive,
            """
            SELECT name, status, digest FROM runs JOIN checkpoints AS c USING (run)
            WHERE c.step = last_step
            """,
        ])
        var digests: [String: String] = [:]
        for row in try objects(result.output) {
            let name = try #require(row["name"] as? String)
            #expect(row["status"] as? String == "finished", "\(row)")
            #expect(digests[name] == nil, "\(name) is there twice")
            digests[name] = row["digest"] as? String
        }
        return digests
    }

    /// Expects that an archive has the bits of the same sweep trained here at once, and is sound.
    static func expectSame(
        _ fixture: CommandLineFixture, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let alone = fixture.folder.path("alone")
        let result = try fixture.cairn(["sweep", "s.yaml", "-q", "-j", "2", "--archive", alone])
        try #require(result.exitCode == 0, "\(result.error)", sourceLocation: location)
        let expected = try digests(fixture, alone)
        #expect(try digests(fixture, fixture.archive) == expected, sourceLocation: location)
        let verified = try fixture.cairn(["verify"])
        #expect(
            verified.exitCode == 0, "\(verified.output) \(verified.error)", sourceLocation: location
        )
        let left = try FileManager.default.contentsOfDirectory(
            atPath: "\(fixture.archive)/incoming")
        #expect(
            !left.contains { $0.hasPrefix("ready-") || $0.hasPrefix("part-") }, "\(left)",
            sourceLocation: location)
    }

    /// The program, started with the archive of a fixture and no folder for temporary files.
    static func start(
        _ fixture: CommandLineFixture, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: cairnExecutable())
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "CAIRN_ARCHIVE": fixture.archive, "HOME": fixture.folder.path, "TMPDIR": "",
            "SLURM_JOB_ID": "",
        ]) { $1 }.merging(environment) { $1 }
        process.currentDirectoryURL = fixture.folder.url
        process.standardOutput = FileHandle.nullDevice
        let log = fixture.folder.path("log-\(UUID().uuidString)")
        try Data().write(to: URL(fileURLWithPath: log))
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        return process
    }

    /// Waits until a task has saved a checkpoint of a run after its first one.
    private func waitForCheckpoint(_ fixture: CommandLineFixture) throws {
        let limit = ContinuousClock.now + .seconds(60)
        let incoming = URL(fileURLWithPath: "\(fixture.archive)/incoming")
        while ContinuousClock.now < limit {
            let names = FileManager.default.subpaths(atPath: incoming.path) ?? []
            if names.contains(where: {
                $0.contains("work-") && $0.contains("/loose/") && !$0.contains("/000000000.h5")
                    && $0.hasSuffix(".h5")
            }) {
                return
            }
            usleep(5_000)
        }
        Issue.record("no task saved anything")
    }

    @Test func theShardsTogetherGiveTheBitsOfOneMachine() throws {
        let fixture = try Self.fixture(seeds: 7, steps: 12)
        let processes = try (1...3).map {
            try Self.start(fixture, ["sweep", "s.yaml", "--shard", "\($0)/3", "-j", "1", "-q"])
        }
        for process in processes {
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        // Whoever found the turn taken has left its runs to the one who had it.
        try Self.expectSame(fixture)
        let again = try fixture.cairn(["sweep", "s.yaml", "--shard", "1,2,3/3", "--json"])
        #expect(again.exitCode == 0)
        #expect(try objects(again.output).allSatisfy { $0["ended"] as? String == "skipped" })
        let status = try fixture.cairn(["sweep", "s.yaml", "--status", "--json"])
        #expect(try objects(status.output).allSatisfy { $0["state"] as? String == "finished" })
        #expect(status.error.contains("7 runs: 7 finished."))
    }

    @Test func twoSubmissionsAtOnceTrainEachRunOnce() throws {
        let fixture = try Self.fixture(seeds: 6, steps: 40)
        let processes = try (0..<2).map { _ in
            try Self.start(fixture, ["sweep", "s.yaml", "--shard", "1/1", "-j", "1", "-q"])
        }
        for process in processes {
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        try Self.expectSame(fixture)
    }

    @Test func aKilledTaskLosesNothingThatLiesBesideTheArchive() throws {
        let fixture = try Self.fixture(seeds: 2, steps: 4_000_000)
        let shard = ["sweep", "s.yaml", "--shard", "1/1", "-j", "2", "-q"]
        try Self.shorten(fixture, to: 4_000, "checkpoints: every 10")
        let process = try Self.start(fixture, shard)
        try waitForCheckpoint(fixture)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let status = try fixture.cairn(["sweep", "s.yaml", "--status", "--json"])
        #expect(try objects(status.output).allSatisfy { $0["state"] as? String != "running" })
        let again = try fixture.cairn(shard, environment: ["TMPDIR": ""])
        #expect(again.exitCode == 0, "\(again.error)")
        try Self.expectSame(fixture)
    }

    /// Gives the sweep other numbers of steps.
    static func shorten(_ fixture: CommandLineFixture, to steps: Int, _ schedule: String) throws {
        try """
        name: small
        settings: \(settings), \(schedule), evaluate_every: 100, steps: \(steps)}
        seeds: 2
        """.write(toFile: fixture.folder.path("s.yaml"), atomically: true, encoding: .utf8)
    }

    @Test(arguments: [SIGUSR1, SIGUSR2, SIGTERM])
    func aSignalStoresMergesAndAsksToGoOn(_ signal: Int32) throws {
        let fixture = try Self.fixture(seeds: 2, steps: 4)
        try Self.shorten(fixture, to: 6_000, "checkpoints: every 50")
        let shard = ["sweep", "s.yaml", "--shard", "1/1", "-j", "2", "--requeue", "75"]
        let process = try Self.start(fixture, shard)
        try waitForCheckpoint(fixture)
        kill(process.processIdentifier, signal)
        // Schedulers send one after the other.
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 75)
        let steps = try objects(
            fixture.cairn(["sql", "--json", "SELECT status, last_step FROM runs"]).output)
        #expect(!steps.isEmpty)
        #expect(steps.allSatisfy { $0["status"] as? String == "interrupted" }, "\(steps)")
        #expect(steps.allSatisfy { $0["last_step"] as? Int ?? 0 >= 0 }, "\(steps)")
        #expect(try fixture.cairn(shard).exitCode == 0)
        try Self.expectSame(fixture)
    }

    @Test func aLongRunIsMergedWhileItTrains() throws {
        let fixture = try Self.fixture(seeds: 2, steps: 4)
        try Self.shorten(fixture, to: 3_000, "checkpoints: every 100")
        let result = try fixture.cairn([
            "sweep", "s.yaml", "--shard", "1/1", "-j", "2", "-q", "--merge-every", "0.002",
        ])
        #expect(result.exitCode == 0, "\(result.error)")
        try Self.expectSame(fixture)
    }

    @Test func aRunThatFailsThreeTimesIsLeftAndTheOthersFinish() throws {
        let fixture = try CommandLineFixture()
        try """
        name: partly
        settings: \(Self.settings), steps: 10}
        list: [{train_fraction: 0.5}, {train_fraction: 0.6, initialization_scale: 1.0e+30}]
        """.write(toFile: fixture.folder.path("s.yaml"), atomically: true, encoding: .utf8)
        func sweep(_ more: [String] = []) throws -> ProcessResult {
            try fixture.cairn(["sweep", "s.yaml", "--shard", "1/1", "--json", "-q"] + more)
        }
        for _ in 0..<3 {
            let result = try sweep()
            #expect(result.exitCode == 1)
            #expect(result.error.contains("1 of 2 runs failed"), "\(result.error)")
            #expect(result.output.contains("\"failed\""), "\(result.output)")
        }
        let left = try sweep()
        #expect(left.exitCode == 1)
        #expect(left.output.contains("failed too often"), "\(left.output)")
        #expect(left.error.contains("--retry-failed"))
        let status = try objects(fixture.cairn(["sweep", "s.yaml", "--status", "--json"]).output)
        #expect(status.map { $0["state"] as? String } == ["finished", "failed"])
        #expect((status[1]["reason"] as? String)?.hasPrefix("3 times: ") == true, "\(status)")
        #expect(try sweep(["--retry-failed"]).output.contains("\"failed\""))
        let runs = try objects(
            fixture.cairn(["sql", "--json", "SELECT status FROM runs ORDER BY status"]).output)
        #expect(runs.map { $0["status"] as? String } == ["failed", "finished"])
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    @Test func whoeverComesNextTakesInWhatATaskLeft() throws {
        let fixture = try Self.fixture(seeds: 2, steps: 8)
        #expect(try fixture.cairn(["init"]).exitCode == 0)
        // This very process has the turn, as a task of this machine.
        let host = ProcessInfo.processInfo.hostName.filter { $0 != "-" && $0 != "/" }
        let token = "\(host)-\(getpid())-0000000000000000"
        for folder in ["tasks", "claims"] {
            try FileManager.default.createDirectory(
                atPath: "\(fixture.archive)/incoming/\(folder)", withIntermediateDirectories: true)
        }
        try "0\n".write(
            toFile: "\(fixture.archive)/incoming/tasks/\(token)", atomically: true, encoding: .utf8)
        let turn = "\(fixture.archive)/incoming/claims/turn.4"
        try "\(token)\n".write(toFile: turn, atomically: true, encoding: .utf8)
        #expect(try fixture.cairn(["sweep", "s.yaml", "--shard", "1/2", "-q"]).exitCode == 0)
        func states() throws -> [String] {
            try objects(fixture.cairn(["sweep", "s.yaml", "--status", "--json"]).output)
                .compactMap { $0["state"] as? String }.sorted()
        }
        #expect(try states() == ["missing", "waiting"])
        try "released\n".write(toFile: turn, atomically: true, encoding: .utf8)
        #expect(try fixture.cairn(["sweep", "s.yaml", "--shard", "2/2", "-q"]).exitCode == 0)
        #expect(try states() == ["finished", "finished"])
        try Self.expectSame(fixture)
    }

    @Test func whereTheSharedDiskFailsTheRunsStayAndAreMergedLater() throws {
        let fixture = try Self.fixture(seeds: 2, steps: 4)
        try Self.shorten(fixture, to: 2_000, "checkpoints: every 100")
        #expect(try fixture.cairn(["init"]).exitCode == 0)
        let work = fixture.folder.path("work")
        let incoming = "\(fixture.archive)/incoming"
        let files = FileManager.default
        try files.createDirectory(atPath: work, withIntermediateDirectories: true)
        let process = try Self.start(
            fixture, ["sweep", "s.yaml", "--shard", "1/1", "-j", "1", "--work", work])
        let limit = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < limit,
            !(files.subpaths(atPath: work) ?? []).contains(where: { $0.hasSuffix("run.h5") })
        {
            usleep(5_000)
        }
        try files.moveItem(atPath: incoming, toPath: fixture.folder.path("away"))
        try "".write(toFile: incoming, atomically: true, encoding: .utf8)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        try files.removeItem(atPath: incoming)
        let own = try #require(files.contentsOfDirectory(atPath: work).first)
        let merged = try fixture.cairn(["merge", "\(work)/\(own)"])
        #expect(merged.exitCode == 0, "\(merged.error)")
        #expect(try fixture.cairn(["sweep", "s.yaml", "--shard", "1/1", "-q"]).exitCode == 0)
        try Self.expectSame(fixture)
    }

    @Test func aTaskWhoseOwnDiskGoesBlamesNoRun() throws {
        let fixture = try Self.fixture(seeds: 1, steps: 4)
        try Self.shorten(fixture, to: 400_000, "checkpoints: every 10")
        let work = fixture.folder.path("work")
        let files = FileManager.default
        try files.createDirectory(atPath: work, withIntermediateDirectories: true)
        let process = try Self.start(
            fixture, ["sweep", "s.yaml", "--shard", "1/1", "-j", "1", "--work", work])
        let limit = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < limit,
            !(files.subpaths(atPath: work) ?? []).contains(where: {
                $0.contains("/loose/") && $0.hasSuffix("10.h5")
            })
        {
            usleep(5_000)
        }
        // Away at once: what is being written cannot be removed piece by piece.
        try files.moveItem(atPath: work, toPath: fixture.folder.path("gone"))
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 1)
        try Self.shorten(fixture, to: 400, "checkpoints: every 10")
        #expect(try fixture.cairn(["sweep", "s.yaml", "--shard", "1/1", "-q"]).exitCode == 0)
        try Self.expectSame(fixture)
    }

    /// Analyses of a shared archive, in parts.
    @Test func theAnalysesOfAllPartsAreThoseOfOneMachine() throws {
        let fixture = try Self.fixture(seeds: 3, steps: 12)
        #expect(try fixture.cairn(["sweep", "s.yaml", "-q"]).exitCode == 0)
        let alone = fixture.folder.path("alone")
        #expect(try fixture.cairn(["merge", fixture.archive, "--archive", alone]).exitCode == 0)
        for kind in [["hessian", "--top", "2", "--trace"], ["grokking"]] {
            let processes = try (1...3).map {
                try Self.start(fixture, ["analyze"] + kind + ["--shard", "\($0)/3", "-q"])
            }
            for process in processes {
                process.waitUntilExit()
                #expect(process.terminationStatus == 0)
            }
            #expect(
                try fixture.cairn(["analyze"] + kind + ["-q", "--archive", alone]).exitCode == 0)
            let list = try fixture.cairn(["analyze"] + kind + ["--list", "--json"])
            #expect(try objects(list.output).isEmpty, "\(list.output)")
        }
        for sql in [
            "SELECT run, step, rank, eigenvalue FROM hessian_eigenvalues ORDER BY 1, 2, 3",
            "SELECT run, metric, label, chance FROM grokking_times ORDER BY 1, 2",
            "SELECT kind, count(*) AS answers FROM analyses GROUP BY kind ORDER BY kind",
        ] {
            let shared = try fixture.cairn(["sql", "--json", sql])
            #expect(shared.output.contains("{"))
            let expected = try fixture.cairn(["sql", "--json", sql, "--archive", alone])
            #expect(shared.output == expected.output)
        }
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    @Test func otherKernelsAreRecordedAndSaid() throws {
        let fixture = try Self.fixture(seeds: 2, steps: 4)
        try Self.shorten(fixture, to: 3_000, "checkpoints: every 50")
        let process = try Self.start(
            fixture, ["sweep", "s.yaml", "--shard", "1/1", "-j", "2", "--requeue", "75"],
            environment: ["OPENBLAS_CORETYPE": "PRESCOTT"])
        try waitForCheckpoint(fixture)
        kill(process.processIdentifier, SIGUSR1)
        process.waitUntilExit()
        #expect(process.terminationStatus == 75)
        let first = try fixture.cairn(["replay", "small/seed=0@1"])
        #expect(first.error.contains("openblas_kernels is"), "\(first.error)")
        let result = try fixture.cairn(["sweep", "s.yaml", "--shard", "1/1", "-j", "2"])
        #expect(result.exitCode == 0, "\(result.error)")
        #expect(result.error.contains("small/seed=0: the bits may differ"), "\(result.error)")
        let notes = FileManager.default.subpaths(atPath: fixture.archive)?
            .filter { $0.hasPrefix("runs/") && $0.hasSuffix("places.jsonl") }
        #expect(notes?.count == 2)
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    @Test func partsThatMeanNothingAreRefused() throws {
        let fixture = try Self.fixture(seeds: 2, steps: 8)
        for (part, mention) in [
            ("0/2", "1/8"), ("3/2", "1/8"), ("1/0", "1/8"), ("1", "1/8"), ("a/b", "1/8"),
            (",/2", "1/8"),
        ] {
            try fixture.expectRefusal(
                ["sweep", "s.yaml", "--shard", part], exitCode: 2, mentions: [mention])
        }
        try fixture.expectRefusal(
            ["sweep", "s.yaml", "--merge-every", "3"], exitCode: 2, mentions: ["--shard"])
        try fixture.expectRefusal(
            ["sweep", "s.yaml", "--shard", "1/2", "--merge-every", "0"], exitCode: 2,
            mentions: ["minutes"])
        try fixture.expectRefusal(
            ["sweep", "s.yaml", "--shard", "1/2", "--requeue", "often"], exitCode: 2,
            mentions: ["scontrol"])
        try fixture.expectRefusal(
            ["sweep", "s.yaml", "--at-once", "3"], exitCode: 2, mentions: ["--slurm"])
    }
}
