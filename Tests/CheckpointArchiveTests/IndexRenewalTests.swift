import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

/// The index is deleted or replaced while programs have it open.
@Suite struct IndexRenewalTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("archive")
    }

    private func remove(_ suffixes: [String]) throws {
        for suffix in suffixes {
            try FileManager.default.removeItem(atPath: path + "/index.sqlite" + suffix)
        }
    }

    private func requireWhole(_ steps: [Int], status: RunStatus = .finished) throws {
        let archive = try Archive(opening: path)
        let run = try archive.run(matching: "a")
        #expect(run.steps == steps && run.status == status)
        for step in steps {
            #expect(try run.weights(at: step) == TestRuns.sorted(TestRuns.checkpoint(step).weights))
        }
        #expect(try run.metric("train_loss").map(\.step) == steps)
        let report = try archive.verify()
        #expect(report.problems.isEmpty, "\(report.problems)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/temporary").isEmpty)
    }

    private func publishedCount(_ archive: Archive) throws -> Int? {
        try archive.read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM analysis WHERE kind = 'published'")
        }
    }

    /// Nothing is lost, not even what is in the index alone, because the writer has it open still.
    @Test(
        arguments: [["", "-wal", "-shm"], [""], ["-wal"], ["-shm"], ["-wal", "-shm"]],
        [false, true])
    func aWriterPutsADeletedIndexBack(suffixes: [String], besideSaving: Bool) throws {
        do {
            let archive = try Archive.create(
                at: path,
                options: Archive.Options(looseLimit: 4, packsBesideSaving: besideSaving))
            let other = archive.writer()
            try other.begin(TestRuns.description("b"))
            try other.save(TestRuns.checkpoint(0, run: "b"))
            try other.finish(.finished, metrics: [])
            try archive.keepPublished(
                [MetricPoint(name: "x", step: 0, value: 1)], of: "b", digest: "")
            let reader = try Archive(opening: path, access: .readOnly)
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for step in 0..<6 { try writer.save(TestRuns.checkpoint(step)) }
            try remove(suffixes)
            for step in 6..<12 { try writer.save(TestRuns.checkpoint(step)) }
            #expect(try reader.run(matching: "a").steps == Array(0..<12))
            try writer.finish(.finished, metrics: [])
            #expect(try reader.run(matching: "a").status == .finished)
            #expect(try reader.run(matching: "b").steps == [0])
            #expect(try publishedCount(reader) == 1)
        }
        try requireWhole(Array(0..<12))
        #expect(try publishedCount(Archive(opening: path)) == 1)
    }

    /// Someone restores the index from a backup of the day before.
    @Test(arguments: [3, 7])
    func aWriterBringsAnOlderCopyUpToDate(age: Int) throws {
        let copy = folder.path("copy.sqlite")
        do {
            let archive = try Archive.create(
                at: path, options: Archive.Options(looseLimit: 4, packsBesideSaving: false))
            // The run has another key in the copy.
            for run in ["b", "c"] {
                let other = archive.writer()
                try other.begin(TestRuns.description(run))
                try other.save(TestRuns.checkpoint(0, run: run))
                try other.finish(.finished, metrics: [])
            }
            try archive.discard(archive.run(matching: "b"))
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for step in 0..<10 {
                if step == age { try archive.copyIndex(to: copy) }
                try writer.save(TestRuns.checkpoint(step))
            }
            try remove(["", "-wal", "-shm"])
            try FileManager.default.moveItem(atPath: copy, toPath: path + "/index.sqlite")
            for step in 10..<13 { try writer.save(TestRuns.checkpoint(step)) }
            try writer.finish(.finished, metrics: [])
        }
        try requireWhole(Array(0..<13))
        #expect(try Archive(opening: path).runIDs().sorted() == ["a", "c"])
    }

    /// Work on a run that ended yesterday, and was continued after the copy was made.
    enum Work: String, CaseIterable {
        case packing, collecting, continuing
    }

    @Test(arguments: Work.allCases, [WriteStep.rename, .beginIndex, .changeIndex])
    func workOnARunBringsAnOlderCopyUpToDate(work: Work, moment: WriteStep) throws {
        let copy = try archiveWithOlderCopy()
        do {
            let isReplaced = Atomic<Bool>(false)
            let archive = try Archive(
                opening: path,
                options: Archive.Options(looseLimit: nil) { [path] step in
                    guard step == moment, !isReplaced.exchange(true, ordering: .relaxed)
                    else { return }
                    for suffix in ["-wal", "-shm"] { unlink(path + "/index.sqlite" + suffix) }
                    rename(copy, path + "/index.sqlite")
                })
            switch work {
            case .packing: try archive.pack(archive.run(matching: "a"))
            case .collecting:
                let rules = KeepRules(every: 1)
                try archive.pack(archive.run(matching: "a"))
                try archive.collectGarbage(archive.planCollection(rules), by: rules)
            case .continuing:
                let writer = archive.writer()
                try writer.begin(TestRuns.description("a"))
                try writer.finish(.finished, metrics: [])
            }
            #expect(try archive.run(matching: "a").steps == Array(0..<6))
        }
        try requireWhole(Array(0..<6))
    }

    /// One process brings the index back, and the writer of a run dies before its next step.
    @Test func theLastStepsOfAWriterThatDiesWithoutNoticingAreTakenIn() throws {
        let copy = try archiveWithOlderCopy()
        do {
            let other = try Archive(opening: path)
            let writer = try Archive(opening: path, options: Archive.Options(looseLimit: nil))
                .writer()
            try writer.begin(TestRuns.description("a"))
            for step in 6..<9 { try writer.save(TestRuns.checkpoint(step)) }
            try remove(["", "-wal", "-shm"])
            try FileManager.default.moveItem(atPath: copy, toPath: path + "/index.sqlite")
            _ = try other.run(matching: "a")
        }
        try requireWhole(Array(0..<9), status: .interrupted)
    }

    /// An archive with steps 0 to 5 of a run; answers a copy of its index that lacks the last three.
    private func archiveWithOlderCopy() throws -> String {
        let copy = folder.path("copy.sqlite")
        let archive = try Archive.create(at: path, options: Archive.Options(looseLimit: nil))
        for steps in [0..<3, 3..<6] {
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for step in steps { try writer.save(TestRuns.checkpoint(step)) }
            try writer.finish(.finished, metrics: [])
            if steps.lowerBound == 0 { try archive.copyIndex(to: copy) }
        }
        return copy
    }

    /// The index goes again and again while a process writes and another one rebuilds it.
    @Test func noStepIsMissingHoweverOftenTheIndexGoes() throws {
        let writer = try HarnessProcess(["write", path, "a", "400", "16"])
        writer.wait(for: "saved 3")
        var generator = SeededGenerator(seed: 5)
        var removals = 0
        while !writer.lines.contains("finished"), writer.error.isEmpty, removals < 200 {
            for suffix in ["", "-wal", "-shm"] where Bool.random(using: &generator) {
                unlink(path + "/index.sqlite" + suffix)
            }
            removals += 1
            if removals % 5 == 0 { _ = try HarnessProcess(["reindex", path]).finish() }
            usleep(UInt32.random(in: 0...120_000, using: &generator))
        }
        #expect(writer.finish() == 0, "\(writer.error)")
        #expect(removals > 3)
        if !FileManager.default.fileExists(atPath: path + "/index.sqlite") {
            #expect(try HarnessProcess(["reindex", path]).finish() == 0)
        }
        try requireWhole(Array(0...400))
    }

    @Test func aReaderFollowsTheIndexOrSaysThatItIsMissing() throws {
        let archive = try TestRuns.archive(in: folder, steps: [0, 1])
        let reader = try Archive(opening: path, access: .readOnly)
        #expect(try reader.run(matching: "a").steps == [0, 1])
        try remove(["", "-wal", "-shm"])
        let error = #expect(throws: UserError.self) { try reader.run(matching: "a") }
        #expect(error?.cause == "the index is missing")
        #expect(throws: UserError.self) {
            try reader.read { try Int.fetchOne($0, sql: "SELECT 1") }
        }
        // Who can write puts it back, even to answer a question.
        #expect(try archive.run(matching: "a").steps == [0, 1])
        #expect(try reader.run(matching: "a").steps == [0, 1])
    }

    /// The index that came cannot be opened with its log, which may be somebody's.
    @Test func aLogThatIsNotOursIsNeverDeleted() throws {
        let log = Data(repeating: 7, count: 9_000)
        let archive = try Archive.create(at: path)
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        try writer.save(TestRuns.checkpoint(0))
        let copy = folder.path("copy.sqlite")
        try archive.copyIndex(to: copy)
        try remove(["", "-wal", "-shm"])
        try FileManager.default.moveItem(atPath: copy, toPath: path + "/index.sqlite")
        try log.write(to: URL(fileURLWithPath: path + "/index.sqlite-wal"))
        try FileManager.default.createSymbolicLink(
            atPath: path + "/index.sqlite-shm", withDestinationPath: "nowhere/else")
        try writer.save(TestRuns.checkpoint(1))
        try writer.finish(.finished, metrics: [])
        #expect(try archive.run(matching: "a").steps == [0, 1])
        let kept = path + "/quarantine/index.sqlite-wal"
        #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == log)
    }

    @Test func whatIsNoIndexStopsTheWriterWithOneSentence() throws {
        do {
            let archive = try Archive.create(
                at: path, options: Archive.Options(looseLimit: nil))
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for step in 0..<3 { try writer.save(TestRuns.checkpoint(step)) }
            try remove(["", "-wal", "-shm"])
            try Data(repeating: 7, count: 9_000).write(
                to: URL(fileURLWithPath: path + "/index.sqlite"))
            let error = #expect(throws: UserError.self) {
                try writer.save(TestRuns.checkpoint(3))
            }
            #expect(error?.subject == "run test (a), step 3")
            #expect(error?.cause.contains("index.sqlite") == true, "\(error.debugDescription)")
            #expect(error?.advice.contains("cairn reindex") == true)
        }
        _ = try Archive.reindex(at: path)
        let archive = try Archive(opening: path)
        let run = try archive.run(matching: "a")
        #expect(Set(run.steps).isSuperset(of: [0, 1, 2]))
        #expect(try archive.verify().problems.isEmpty)
    }
}

extension Archive {
    fileprivate func copyIndex(to path: String) throws {
        let copy = try DatabaseQueue(path: paths.indexFile)
        try copy.writeWithoutTransaction {
            try $0.execute(sql: "VACUUM INTO ?", arguments: [path])
        }
    }
}
