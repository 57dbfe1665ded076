import CheckpointArchive
import Checkpoints
import TestSupport
import Testing

@Suite struct OptimizerStateTests {
    /// A run with a checkpoint every ten steps whose settings say which states stay.
    private func archive(
        in folder: TemporaryFolder, keeping policy: String?, upTo last: Int
    ) throws -> Archive {
        let archive = try Archive.openOrCreate(
            at: folder.path("archive"), options: Archive.Options(looseLimit: 4))
        var run = TestRuns.description("a")
        if let policy {
            run.hyperparameters.append(
                Hyperparameter(OptimizerStatePolicy.settingName, .text(policy)))
        }
        let writer = archive.writer()
        try writer.begin(run)
        for step in stride(from: 0, through: last, by: 10) {
            try writer.save(TestRuns.checkpoint(step))
        }
        try writer.finish(.finished, metrics: [])
        return archive
    }

    @Test(arguments: [
        (nil, [110]), ("newest", [110]), ("all", Array(stride(from: 0, through: 110, by: 10))),
        ("every 20", [0, 20, 40, 60, 80, 100, 110]), ("every 50", [0, 50, 100, 110]),
    ])
    func packingKeepsTheStatesThatTheRunAsksFor(policy: String?, steps: [Int]) throws {
        let folder = try TemporaryFolder()
        let archive = try archive(in: folder, keeping: policy, upTo: 110)
        let run = try archive.run(matching: "a")
        #expect(run.resumableSteps == steps)
        for step in steps {
            #expect(
                try run.optimizerState(at: step) == TestRuns.checkpoint(step).optimizerState)
        }
        #expect(try archive.verify().isSound)
        // The files alone say the same.
        let again = try Archive.reindex(at: folder.path("archive")).archive
        #expect(try again.run(matching: "a").resumableSteps == steps)
    }

    @Test func aRunThatGoesOnDropsOnlyItsFormerNewestState() throws {
        let folder = try TemporaryFolder()
        let archive = try archive(in: folder, keeping: "every 40", upTo: 90)
        #expect(try archive.run(matching: "a").resumableSteps == [0, 40, 80, 90])
        let writer = archive.writer()
        try writer.begin(try archive.run(matching: "a").run)
        for step in [100, 110] { try writer.save(TestRuns.checkpoint(step)) }
        try writer.finish(.finished, metrics: [])
        #expect(try archive.run(matching: "a").resumableSteps == [0, 40, 80, 110])
        #expect(try archive.verify().isSound)
    }

    @Test func aStateThatComesLaterIsAddedAndOutlivesPacking() throws {
        let folder = try TemporaryFolder()
        let archive = try Archive.openOrCreate(
            at: folder.path("archive"), options: Archive.Options(looseLimit: nil))
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        for step in [0, 10, 20, 30] {
            var checkpoint = TestRuns.checkpoint(step)
            if step > 10 { checkpoint.optimizerState = nil }
            try writer.save(checkpoint)
        }
        let run = try archive.run(matching: "a")
        #expect(run.resumableSteps == [0, 10])
        for _ in 0..<2 { try writer.save(TestRuns.checkpoint(30)) }
        try writer.finish(.interrupted, metrics: [])
        func requireState(_ archive: Archive, _ steps: [Int]) throws {
            let run = try archive.run(matching: "a")
            #expect(run.resumableSteps == steps)
            #expect(try run.optimizerState(at: 30) == TestRuns.checkpoint(30).optimizerState)
            #expect(try archive.verify().isSound)
        }
        try requireState(archive, [0, 10, 30])
        try archive.pack(run)
        try requireState(archive, [30])
        try requireState(try Archive.reindex(at: folder.path("archive")).archive, [30])
    }

    @Test func garbageCollectionSparesThemUnlessItIsTold() throws {
        let folder = try TemporaryFolder()
        let archive = try archive(in: folder, keeping: "every 20", upTo: 110)
        let rules = KeepRules(every: 40)
        let plan = try archive.planCollection(rules)
        let states = plan.filter { $0.part == "optimizer" && $0.isKept }
        #expect(states.map(\.step) == [0, 40, 80, 110])
        #expect(states.first?.reason == "the run's settings")
        try archive.collectGarbage(plan, by: rules)
        #expect(try archive.run(matching: "a").resumableSteps == [0, 40, 80, 110])
        #expect(try archive.verify().isSound)
        let newest = KeepRules(every: 1, optimizerStates: 1)
        try archive.collectGarbage(archive.planCollection(newest), by: newest)
        let run = try archive.run(matching: "a")
        #expect(run.resumableSteps == [110])
        #expect(run.steps == [0, 40, 80, 110])
        #expect(try archive.verify().isSound)
    }
}

@Suite struct OptimizerStatePolicyTests {
    @Test(arguments: ["newest", "all", "every 3"]) func isReadAsItIsWritten(text: String) {
        #expect(OptimizerStatePolicy(text)?.description == text)
    }

    @Test(arguments: ["", "none", "every", "every 0", "every -1", "every x", "all 3", "every 3 4"])
    func otherTextsAreRefused(text: String) {
        #expect(OptimizerStatePolicy(text) == nil)
    }
}
