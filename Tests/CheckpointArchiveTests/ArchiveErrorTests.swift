import CheckpointArchive
import Checkpoints
import Foundation
import Synchronization
import SystemFiles
import TestSupport
import Testing

/// The one error of the archive: what it names, and the sentence that is made of it.
@Suite struct ArchiveErrorTests {
    @Test func theSentenceNamesFileStepAndPart() {
        let tensor = ArchiveError(
            .damaged, file: "runs/a/loose/000000004.h5", step: 4, part: "tensor w",
            cause: "its bytes do not have the recorded SHA-256")
        #expect(
            tensor.description
                == "runs/a/loose/000000004.h5 (step 4), tensor w: its bytes do not have the "
                + "recorded SHA-256; run `cairn verify` to see what else is damaged and "
                + "`cairn repair` to set it aside")
        #expect(
            ArchiveError(.missingFile, file: "runs/a/run.h5", step: 4).subject == "runs/a/run.h5")
        #expect(
            ArchiveError(.refused, run: "run test (a)", step: 4).subject == "run test (a), step 4")
        #expect(
            ArchiveError(.notFound, run: "run test (a)", part: "tensor w").subject
                == "run test (a), tensor w")
    }

    /// Whoever handles an error tells the two apart without reading its sentence.
    @Test func aMissingFileIsToldFromADamagedOne() throws {
        let folder = try TemporaryFolder()
        let archive = try TestRuns.archive(in: folder, steps: [0, 1, 2])
        let run = try archive.run(matching: "a")
        let path = archive.paths.file("a", "loose/000000001.h5").absolute
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))

        try whole.dropLast(100).write(to: URL(fileURLWithPath: path))
        let damaged = #expect(throws: ArchiveError.self) { try run.weights(at: 1) }
        #expect(damaged?.code == .damaged && damaged?.kind == .integrity && damaged?.step == 1)

        try FileManager.default.removeItem(atPath: path)
        let missing = #expect(throws: ArchiveError.self) { try run.weights(at: 1) }
        #expect(missing?.code == .missingFile && missing?.kind == .integrity)
        #expect(missing?.file == "runs/a/loose/000000001.h5")
        #expect(missing?.underlying is FileError)
        #expect(try run.weights(at: 2).count == TestRuns.checkpoint(2).weights.count)
    }

    /// What lies under it gives the kind, the cause and the advice; the run and the step stay.
    @Test func whatWasNotSavedSaysWhatLiesUnderIt() throws {
        let folder = try TemporaryFolder()
        let isArmed = Atomic<Bool>(false)
        let archive = try Archive.openOrCreate(
            at: folder.path("archive"),
            options: Archive.Options { step in
                guard isArmed.load(ordering: .relaxed), step == .syncFile else { return }
                throw FileError("write", "/disk", .code(ENOSPC))
            })
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        isArmed.store(true, ordering: .relaxed)
        let saved = #expect(throws: ArchiveError.self) {
            try writer.save(TestRuns.checkpoint(4))
        }
        #expect(saved?.code == .notSaved && saved?.step == 4 && saved?.underlying is FileError)
        #expect(
            saved?.description
                == "run test (a), step 4: not saved: /disk: cannot write: No space left on device; "
                + "free some space and try again")
        #expect(saved?.kind == .failure)
        let refused = ArchiveError(
            .notSaved, run: "run test (a)", underlying: ArchiveError(.refused, part: "tensor w"))
        #expect(refused.kind == .refused)
    }

    /// A request to stop is no failure of the archive: it comes out as it is.
    @Test func whatIsNoErrorForPeoplePassesThrough() throws {
        struct Stop: Error {}
        let folder = try TemporaryFolder()
        let isArmed = Atomic<Bool>(false)
        let archive = try Archive.openOrCreate(
            at: folder.path("archive"),
            options: Archive.Options { step in
                if isArmed.load(ordering: .relaxed), step == .syncFile { throw Stop() }
            })
        let writer = archive.writer()
        try writer.begin(TestRuns.description("a"))
        isArmed.store(true, ordering: .relaxed)
        #expect(throws: Stop.self) { try writer.save(TestRuns.checkpoint(0)) }
    }
}
