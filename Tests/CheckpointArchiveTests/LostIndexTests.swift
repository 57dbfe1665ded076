import CheckpointArchive
import Checkpoints
import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

/// The index is deleted or replaced while programs have it open: who writes goes on with files
/// alone, and whoever opens the archive next takes them in.
@Suite struct LostIndexTests {
    private let folder: TemporaryFolder
    private let path: String
    private let warnings = Warnings()

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("archive")
    }

    /// What archives said that did not end their work.
    private final class Warnings: Sendable {
        private let sentences = Mutex<[String]>([])
        var all: [String] { sentences.withLock(\.self) }
        func add(_ sentence: String) { sentences.withLock { $0.append(sentence) } }
    }

    private func options(looseLimit: Int? = nil, besideSaving: Bool = false) -> Archive.Options {
        var options = Archive.Options(looseLimit: looseLimit, packsBesideSaving: besideSaving)
        options.warn = { [warnings] in warnings.add($0) }
        return options
    }

    private func remove(_ suffixes: [String]) throws {
        for suffix in suffixes {
            try FileManager.default.removeItem(atPath: path + "/index.sqlite" + suffix)
        }
    }

    private func replaceIndex(by copy: String) throws {
        try remove(["", "-wal", "-shm"])
        try FileManager.default.moveItem(atPath: copy, toPath: path + "/index.sqlite")
    }

    /// Opens the archive as the next command would, after a rebuilding where it asks for one.
    private func openNext() throws -> Archive {
        if FileManager.default.fileExists(atPath: path + "/index.sqlite") {
            return try Archive(opening: path)
        }
        let error = #expect(throws: ArchiveError.self) { try Archive(opening: path) }
        #expect(error?.cause == "the index is missing")
        #expect(error?.advice.contains("cairn reindex") == true)
        _ = try Archive.reindex(at: path)
        return try Archive(opening: path)
    }

    private func requireWhole(_ steps: [Int], status: RunStatus = .finished) throws {
        let archive = try openNext()
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

    private func save(_ steps: Range<Int>, to writer: RunWriter) throws {
        for step in steps { try writer.save(TestRuns.checkpoint(step)) }
    }

    @Test(
        arguments: [["", "-wal", "-shm"], [""], ["-wal"], ["-shm"], ["-wal", "-shm"]],
        [false, true])
    func aWriterGoesOnWithoutItsIndex(suffixes: [String], besideSaving: Bool) throws {
        do {
            let archive = try Archive.create(
                at: path, options: options(looseLimit: 4, besideSaving: besideSaving))
            let other = archive.writer()
            try other.begin(TestRuns.description("b"))
            try other.save(TestRuns.checkpoint(0, run: "b"))
            try other.finish(.finished, metrics: [])
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try save(0..<6, to: writer)
            try remove(suffixes)
            try save(6..<12, to: writer)
            try writer.finish(.finished, metrics: [MetricPoint(name: "end", step: 11, value: 3)])
            #expect(warnings.all.count == 1)
            let sentence = try #require(warnings.all.first)
            #expect(sentence.contains("index.sqlite: it was deleted or replaced"))
            #expect(sentence.contains("cairn reindex") == suffixes.contains(""))
            let error = #expect(throws: ArchiveError.self) { try archive.runs() }
            #expect(error?.cause == "it was deleted or replaced while this program was using it")
        }
        try requireWhole(Array(0..<12))
        let archive = try Archive(opening: path)
        #expect(try archive.run(matching: "a").metric("end").map(\.value) == [3])
        #expect(try archive.run(matching: "b").steps == [0])
        #expect(warnings.all.count == 1)
    }

    /// Someone restores the index from a backup of the day before, which another run is not in.
    @Test(arguments: [3, 7])
    func whatAnOlderCopyLacksIsTakenIn(age: Int) throws {
        let copy = folder.path("copy.sqlite")
        do {
            let archive = try Archive.create(at: path, options: options(looseLimit: 4))
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            for step in 0..<10 {
                if step == age { try archive.copyIndex(to: copy) }
                try writer.save(TestRuns.checkpoint(step))
            }
            let other = archive.writer()
            try other.begin(TestRuns.description("c"))
            try other.save(TestRuns.checkpoint(0, run: "c"))
            try other.finish(.finished, metrics: [])
            try replaceIndex(by: copy)
            try save(10..<13, to: writer)
            try writer.finish(.finished, metrics: [])
        }
        try requireWhole(Array(0..<13))
        #expect(try Archive(opening: path).runIDs().sorted() == ["a", "c"])
    }

    /// Work on a run that ended yesterday, and was continued after the copy was made.
    enum Work: String, CaseIterable {
        case packing, collecting, continuing
    }

    /// It ends with one sentence, or with all it was to do.
    @Test(arguments: Work.allCases, [WriteStep.rename, .beginIndex, .changeIndex])
    func workOnARunLosesNothing(work: Work, moment: WriteStep) throws {
        let copy = try archiveWithOlderCopy()
        do {
            let isReplaced = Atomic<Bool>(false)
            var options = options()
            options.hook = { [path] step in
                guard step == moment, !isReplaced.exchange(true, ordering: .relaxed)
                else { return }
                for suffix in ["-wal", "-shm"] { unlink(path + "/index.sqlite" + suffix) }
                rename(copy, path + "/index.sqlite")
            }
            let archive = try Archive(opening: path, options: options)
            do {
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
            } catch let error as ArchiveError {
                #expect(error.cause.contains("deleted or replaced"), "\(error)")
            }
            #expect(warnings.all.count == 1)
        }
        try requireWhole(Array(0..<6))
    }

    /// One process finds it out, and the writer of a run dies before its next step.
    @Test func theLastStepsOfAWriterThatDiesWithoutNoticingAreTakenIn() throws {
        let copy = try archiveWithOlderCopy()
        do {
            let other = try Archive(opening: path, options: options())
            let writer = try Archive(opening: path, options: options()).writer()
            try writer.begin(TestRuns.description("a"))
            try save(6..<9, to: writer)
            try replaceIndex(by: copy)
            #expect(throws: ArchiveError.self) { try other.run(matching: "a") }
        }
        try requireWhole(Array(0..<9), status: .interrupted)
    }

    /// An archive with steps 0 to 5 of a run; answers a copy of its index that lacks the last three.
    private func archiveWithOlderCopy() throws -> String {
        let copy = folder.path("copy.sqlite")
        let archive = try Archive.create(at: path, options: options())
        for steps in [0..<3, 3..<6] {
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try save(steps, to: writer)
            try writer.finish(.finished, metrics: [])
            if steps.lowerBound == 0 { try archive.copyIndex(to: copy) }
        }
        return copy
    }

    /// The index is rebuilt, and a tag set, between two steps of a writer that has lost the old one.
    @Test func rebuildingBesideAWriterLosesNothing() throws {
        do {
            let writer = try Archive.create(at: path, options: options(looseLimit: 4)).writer()
            try writer.begin(TestRuns.description("a"))
            try save(0..<6, to: writer)
            try remove(["", "-wal", "-shm"])
            try save(6..<8, to: writer)
            do {
                let (rebuilt, report) = try Archive.reindex(at: path)
                #expect(report.runCount == 1 && report.unreadable.isEmpty)
                let run = try rebuilt.run(matching: "a")
                #expect(run.steps == Array(0..<8) && run.status == .running)
                try rebuilt.addTags([RunTag(name: "good", step: 3)], to: run)
            }
            try save(8..<10, to: writer)
            try writer.finish(.finished, metrics: [])
        }
        try requireWhole(Array(0..<10))
        let archive = try Archive(opening: path)
        #expect(
            try archive.tags(of: archive.run(matching: "a")) == [RunTag(name: "good", step: 3)])
    }

    /// A sweep begins its next run after the index has gone.
    @Test func aNewRunBeginsWithoutAnIndex() throws {
        do {
            let archive = try TestRuns.archive(
                in: folder, steps: [0, 1], run: "b", options: options())
            try remove(["", "-wal", "-shm"])
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try save(0..<3, to: writer)
            try writer.save(TestRuns.checkpoint(2))
            try writer.finish(.finished, metrics: [])
            #expect(warnings.all.count == 1)
            let error = #expect(throws: ArchiveError.self) {
                try archive.writer().begin(TestRuns.description("b"))
            }
            #expect(error?.advice.contains("cairn reindex") == true)
        }
        try requireWhole(Array(0..<3))
        #expect(try Archive(opening: path).run(matching: "b").steps == [0, 1])
    }

    /// Files of the index go again and again while a process writes and others rebuild it.
    @Test func noStepIsMissingHoweverOftenTheIndexGoes() throws {
        let writer = try HarnessProcess(["write", path, "a", "200", "16"])
        writer.wait(for: "saved 3")
        var generator = SeededGenerator(seed: 5)
        var removals = 0
        while !writer.lines.contains("finished"), writer.isRunning, removals < 200 {
            for suffix in ["", "-wal", "-shm"] where Bool.random(using: &generator) {
                unlink(path + "/index.sqlite" + suffix)
            }
            removals += 1
            if removals % 5 == 0 { _ = try HarnessProcess(["reindex", path]).finish() }
            usleep(UInt32.random(in: 0...40_000, using: &generator))
        }
        #expect(writer.finish() == 0, "\(writer.error)")
        #expect(removals > 3)
        try requireWhole(Array(0...200))
    }

    @Test func aReaderFollowsTheIndexOrSaysThatItIsMissing() throws {
        let archive = try TestRuns.archive(in: folder, steps: [0, 1], options: options())
        let copy = folder.path("copy.sqlite")
        try archive.copyIndex(to: copy)
        let reader = try Archive(opening: path, access: .readOnly)
        #expect(try reader.run(matching: "a").steps == [0, 1])
        try remove(["", "-wal", "-shm"])
        let error = #expect(throws: ArchiveError.self) { try reader.run(matching: "a") }
        #expect(error?.cause == "the index is missing")
        #expect(error?.advice.contains("cairn reindex") == true)
        #expect(throws: ArchiveError.self) {
            try reader.read { try Int.fetchOne($0, sql: "SELECT 1") }
        }
        try FileManager.default.moveItem(atPath: copy, toPath: path + "/index.sqlite")
        #expect(try reader.run(matching: "a").steps == [0, 1])
    }

    /// What is left of the old log would be taken for part of the index that comes into its place.
    @Test func theLogOfTheOldIndexIsSetAside() throws {
        let copy = folder.path("copy.sqlite")
        do {
            let archive = try Archive.create(at: path, options: options())
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try writer.save(TestRuns.checkpoint(0))
            try archive.copyIndex(to: copy)
            try save(1..<3, to: writer)
            try remove([""])
            try FileManager.default.moveItem(atPath: copy, toPath: path + "/index.sqlite")
            try save(3..<5, to: writer)
            try writer.finish(.finished, metrics: [])
        }
        #expect(FileManager.default.fileExists(atPath: path + "/quarantine/index.sqlite-wal"))
        try requireWhole(Array(0..<5))
    }

    @Test func aWriterGoesOnBesideWhatIsNoIndex() throws {
        do {
            let archive = try Archive.create(at: path, options: options())
            let writer = archive.writer()
            try writer.begin(TestRuns.description("a"))
            try save(0..<3, to: writer)
            try remove(["", "-wal", "-shm"])
            try Data(repeating: 7, count: 9_000).write(
                to: URL(fileURLWithPath: path + "/index.sqlite"))
            try save(3..<5, to: writer)
            try writer.finish(.finished, metrics: [])
        }
        let error = #expect(throws: ArchiveError.self) { try Archive(opening: path) }
        #expect(error?.kind == .integrity && error?.advice.contains("cairn reindex") == true)
        _ = try Archive.reindex(at: path)
        try requireWhole(Array(0..<5))
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
