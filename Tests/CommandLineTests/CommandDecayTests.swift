import Foundation
import Synchronization
import TestSupport
import Testing

/// Bytes of an archive change and files are cut short: every command gives the answer that it gave
/// before, or one sentence and an exit code, and never altered weights.
///
/// `CAIRN_COMMAND_DECAY_COUNT` sets how many bytes are flipped in the files of runs, and how many in
/// the index; `all` flips every byte and cuts every file at each kilobyte.
@Suite struct CommandDecayTests {
    /// One place where the archive is damaged.
    private struct Damage: Sendable {
        /// Relative to the archive.
        let file: String
        let offset: Int
        /// Whether the file ends there, instead of having another byte.
        var isCut = false

        /// The run that is asked about: the one whose file it is, one of the two for the index.
        var run: String {
            let parts = file.split(separator: "/")
            return parts.count > 1 ? String(parts[1]) : offset % 2 == 0 ? "a" : "b"
        }

        var description: String { "\(file) \(isCut ? "cut at" : "flipped at") \(offset)" }

        func inflict(on archive: String) throws {
            let url = URL(fileURLWithPath: "\(archive)/\(file)")
            var bytes = try Data(contentsOf: url)
            if isCut { bytes = bytes.prefix(offset) } else { bytes[offset] ^= 0x5a }
            try bytes.write(to: url)
        }
    }

    /// What one command said.
    private struct Answer: Sendable {
        let result: ProcessResult
        /// The file that it wrote.
        let written: Data?
    }

    private static let option = ProcessInfo.processInfo.environment["CAIRN_COMMAND_DECAY_COUNT"]

    private let folder: TemporaryFolder
    private let pristine: String

    /// Two runs of three checkpoints and no readers: `a` loose with a tag, `b` packed.
    init() throws {
        folder = try TemporaryFolder()
        pristine = folder.path("archive")
        let harness = builtExecutable("ArchiveHarness")
        let killed = try run(
            harness, ["write", pristine, "a", "2", "9"],
            environment: ["HARNESS_DIE_AFTER": "saved 2"])
        try #require(killed.output.hasSuffix("saved 2\n"), "\(killed.error)")
        let packed = try run(harness, ["write", pristine, "b", "2", "3"])
        try #require(packed.exitCode == 0, "\(packed.error)")
        // The first to open the archive for writing takes in what the killed writer left.
        let tagged = try cairn(["tag", "a@1", "kept"], on: pristine)
        try #require(tagged.exitCode == 0, "\(tagged.error)")
    }

    @Test func damagedFilesOfRunsNeverAlterAnAnswer() throws {
        let files = try files { $0.hasSuffix(".h5") || $0.hasSuffix("tags.json") }
        #expect(files.count == 10)
        var damages = flips(in: files, ordinary: 16)
        for (file, byteCount) in files {
            let lengths =
                Self.option == "all"
                ? Array(stride(from: 0, to: byteCount, by: 1_024)) : [0, byteCount / 2]
            damages += lengths.map { Damage(file: file, offset: $0, isCut: true) }
        }
        let refused = try inflict(damages) { damage, command, before, after in
            guard after.result.exitCode == 0 else {
                return after.result.error.contains(damage.file)
                    ? nil : "the error does not name the file"
            }
            return after.result.output == before.result.output && after.written == before.written
                ? nil : "the answer is another one"
        }
        // Whatever opens a damaged file of weights says so.
        let names = Set(refused.map(\.file))
        #expect(names.contains("runs/a/loose/000000001.h5"))
        #expect(names.contains("runs/b/pack-000000000-000000002.h5"))
    }

    @Test func aDamagedIndexNeverAltersWeights() throws {
        let files = try files { $0 == "index.sqlite" || $0 == "cairn.json" }
        #expect(files.count == 2)
        try inflict(flips(in: files, ordinary: 16)) { _, command, before, after in
            guard after.result.exitCode == 0 else { return nil }
            guard command == "show" else {
                return after.result.output == before.result.output
                    && after.written == before.written ? nil : "the answer is another one"
            }
            // Names and times of runs stand in the index alone; `verify` compares them.
            let (told, expected) = (weights(after), weights(before))
            return told != nil && told == expected ? nil : "other weights are told"
        }
    }

    /// The digests, names and shapes that `show` tells.
    private func weights(_ answer: Answer) -> [String]? {
        let json = try? JSONSerialization.jsonObject(with: Data(answer.result.output.utf8))
        guard let shown = json as? [String: Any], let digest = shown["digest"] as? String,
            let tensors = shown["tensors"] as? [[String: Any]]
        else { return nil }
        return [digest]
            + tensors.map { tensor in
                ["name", "shape", "dtype", "digest"].map { "\(tensor[$0] ?? "")" }
                    .joined(separator: " ")
            }
    }

    // MARK: - Damaging

    private func files(_ isChosen: (String) -> Bool) throws -> [(name: String, byteCount: Int)] {
        try FileManager.default.subpathsOfDirectory(atPath: pristine).filter(isChosen).sorted()
            .map { name in
                (name, try Data(contentsOf: URL(fileURLWithPath: "\(pristine)/\(name)")).count)
            }
    }

    /// Bytes at an even distance through all files.
    private func flips(
        in files: [(name: String, byteCount: Int)], ordinary: Int
    ) -> [Damage] {
        let total = files.reduce(0) { $0 + $1.byteCount }
        let count = Self.option == "all" ? total : Self.option.flatMap(Int.init) ?? ordinary
        var damages: [Damage] = []
        var start = 0
        let distance = max(1, total / max(1, count))
        for (file, byteCount) in files {
            let first = (distance - start % distance) % distance
            for offset in stride(from: first, to: byteCount, by: distance) {
                damages.append(Damage(file: file, offset: offset))
            }
            start += byteCount
        }
        return damages
    }

    /// Damages copies of the archive, runs every command on each, and hands their answers to
    /// `complaint`; answers the damages that some command refused.
    @discardableResult
    private func inflict(
        _ damages: [Damage],
        complaint:
            @Sendable (Damage, _ command: String, _ before: Answer, _ after: Answer) -> String?
    ) throws -> [Damage] {
        var expected: [String: [(command: String, answer: Answer)]] = [:]
        for (number, run) in ["a", "b"].enumerated() {
            let answers = try answers(about: run, on: copy(-number))
            for (command, answer) in answers {
                try #require(answer.result.exitCode == 0, "\(command): \(answer.result.error)")
            }
            expected[run] = answers
        }
        let undamaged = expected
        let next = Atomic<Int>(0)
        let found = Mutex((complaints: [String](), refused: [Damage]()))
        DispatchQueue.concurrentPerform(iterations: 2) { _ in
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < damages.count else { return }
                let damage = damages[number]
                do {
                    let archive = try copy(number + 1)
                    defer { try? FileManager.default.removeItem(atPath: archive) }
                    try damage.inflict(on: archive)
                    let answers = try answers(about: damage.run, on: archive)
                    for (before, after) in zip(undamaged[damage.run] ?? [], answers) {
                        let code = after.answer.result.exitCode
                        if code != 0 { found.withLock { $0.refused.append(damage) } }
                        let reason =
                            unclear(after.answer)
                            ?? complaint(damage, after.command, before.answer, after.answer)
                        guard let reason else { continue }
                        found.withLock {
                            $0.complaints.append(
                                "\(damage.description), \(after.command): \(reason): exit code "
                                    + "\(code), \(after.answer.result.error)")
                        }
                    }
                } catch {
                    found.withLock { $0.complaints.append("\(damage.description): \(error)") }
                }
            }
        }
        let (complaints, refused) = found.withLock { $0 }
        #expect(complaints.isEmpty, "\(complaints.count): \(complaints.prefix(5))")
        return refused
    }

    /// What is wrong with how a command ended.
    private func unclear(_ answer: Answer) -> String? {
        guard answer.result.exitCode != 0 else { return nil }
        guard [1, 3].contains(answer.result.exitCode) else { return "it ended otherwise" }
        let lines = answer.result.error.split(separator: "\n")
        guard lines.count == 1, lines[0].hasPrefix("cairn: ") else { return "not one sentence" }
        guard answer.written == nil else { return "it left a file" }
        return nil
    }

    private func copy(_ number: Int) throws -> String {
        let path = folder.path("copy-\(number)")
        try FileManager.default.copyItem(atPath: pristine, toPath: path)
        return path
    }

    // MARK: - Asking

    /// What every command says about a run.
    private func answers(
        about run: String, on archive: String
    ) throws -> [(command: String, answer: Answer)] {
        let file = "\(archive)/\(run).npz"
        let statement = """
            SELECT l2_norm('\(run)', 1, 'embedding') AS l2,
                (SELECT sum(value) FROM trajectory('\(run)', 'unembedding', 2, 3)) AS path,
                (SELECT max(value) FROM tensor_values('\(run)', 1, 'scale')) AS scale
            """
        return try [
            ["show", "\(run)@1", "--json"], ["export", "\(run)@1", "--to", file, "--quiet"],
            ["sql", "--csv", statement],
            ["analyze", "norms", run, "--steps", "1", "--csv", "--quiet"],
        ].map { arguments in
            let result = try cairn(arguments, on: archive)
            let written =
                arguments[0] == "export" ? FileManager.default.contents(atPath: file) : nil
            return (arguments[0], Answer(result: result, written: written))
        }
    }

    private func cairn(_ arguments: [String], on archive: String) throws -> ProcessResult {
        try run(
            cairnExecutable(), arguments,
            environment: ["CAIRN_ARCHIVE": archive, "HOME": folder.path], folder: folder.path,
            secondsAllowed: 60)
    }
}
