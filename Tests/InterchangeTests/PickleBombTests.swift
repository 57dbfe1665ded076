import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Interchange

/// Small files that would become large in memory or on disk, and numbers that no run has.
@Suite struct PickleBombTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let mebibyte = 1 << 20

    /// A pickle of a list whose items are left by `body` after `before` has run.
    private static func list(_ before: [UInt8], times count: Int, _ body: [UInt8]) -> [UInt8] {
        PickleText.whole(
            before + [0x28] + [[UInt8]](repeating: body, count: count).flatMap { $0 } + [0x6c])
    }

    /// Leaves nothing on the stack, but the item under a number in the memo.
    private static func kept(_ item: [UInt8], as number: UInt8) -> [UInt8] {
        item + [0x71, number, 0x30]
    }

    private static let longText = PickleText.text(String(repeating: "x", count: mebibyte))
    private static let longList: [UInt8] =
        [0x5d, 0x28] + [UInt8](repeating: 0x4e, count: mebibyte) + [0x65]

    struct Bomb: CustomTestStringConvertible, Sendable {
        let name: String
        let pickle: [UInt8]
        let reason: String
        var testDescription: String { name }
    }

    static let bombs: [Bomb] = [
        Bomb(
            name: "encodes one text again and again",
            pickle: list(
                kept(longText, as: 0) + kept(PickleText.text("latin1"), as: 1)
                    + kept(PickleText.global("_codecs", "encode"), as: 2),
                times: 1000, [0x68, 2, 0x68, 0, 0x68, 1, 0x86, 0x52]), reason: "again and again"),
        Bomb(
            name: "copies one list again and again",
            pickle: list(
                kept(longList, as: 0) + kept(PickleText.global("builtins", "list"), as: 1),
                times: 1000, [0x68, 1, 0x68, 0, 0x85, 0x52, 0x4b, 1, 0x61]),
            reason: "again and again"),
        Bomb(
            name: "gives one state to many dictionaries",
            pickle: list(
                kept(
                    [0x7d, 0x28] + [UInt8](repeating: 0x4e, count: mebibyte) + [0x75], as: 0),
                times: 1000, [0x7d, 0x68, 0, 0x62, 0x4b, 1, 0x4b, 1, 0x73]),
            reason: "again and again"),
        Bomb(
            name: "has one long shape for many tensors",
            pickle: list(
                kept([0x28] + [UInt8](repeating: 0x4e, count: mebibyte) + [0x74], as: 0)
                    + kept(PickleText.global("torch", "Size"), as: 1),
                times: 1000, [0x68, 1, 0x68, 0, 0x85, 0x52]), reason: "again and again"),
        Bomb(
            name: "refers to one text again and again",
            pickle: list(kept(longText, as: 0), times: 1000, [0x68, 0]),
            reason: "repeats its texts"),
        Bomb(
            name: "stores one tensor again and again",
            pickle: list(
                kept(
                    PickleText.tensor(count: mebibyte, offset: 0, shape: [mebibyte], strides: [1]),
                    as: 0), times: 1000, [0x68, 0]), reason: "too many for a file"),
        Bomb(
            name: "spreads two elements over a storage, again and again",
            pickle: list(
                kept(
                    PickleText.tensor(
                        count: mebibyte, offset: 0, shape: [2], strides: [mebibyte - 1]), as: 0),
                times: 1000, [0x68, 0]), reason: "too many for a file"),
        Bomb(
            name: "names a tensor by long keys",
            pickle: PickleText.whole(
                [0x7d] + longText
                    + PickleText.tensor(count: 1, offset: 0, shape: [1], strides: [1]) + [0x73]),
            reason: "name of more than 1024 bytes"),
        Bomb(
            name: "names a tensor with NUL",
            pickle: PickleText.whole(
                [0x7d] + PickleText.text("a\0b")
                    + PickleText.tensor(count: 1, offset: 0, shape: [1], strides: [1]) + [0x73]),
            reason: "character NUL"),
    ]

    @Test(arguments: bombs) func isRefusedWithoutItsMemory(bomb: Bomb) throws {
        let bytes = HostileZip.torch(
            bomb.pickle, storages: [("0", [UInt8](repeating: 0, count: 4 * Self.mebibyte))])
        let file = SourceFile(memory: bytes, path: "model.pt")
        let before = peakMemory()
        let error = #expect(throws: UserError.self) {
            try TorchFile.read(file).flattened(source: "model.pt")
        }
        #expect(error?.cause.contains(bomb.reason) == true, "\(error?.cause ?? "")")
        // Other tests run beside this one; a bomb that goes off takes many times as much.
        #expect(peakMemory() - before < 1 << 30)
    }

    private func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }

    // MARK: - Numbers that no run has

    private func runs(
        _ entries: [(String, [UInt8])], step: Int? = nil
    ) throws -> [ImportedRun] {
        let tensor = PickleText.tensor(count: 1, offset: 0, shape: [1], strides: [1])
        let fields = entries.flatMap { PickleText.text($0) + $1 }
        let pickle = PickleText.whole(
            [0x7d, 0x28] + fields + PickleText.text("model") + [0x7d] + PickleText.text("w")
                + tensor + [0x73, 0x75])
        try Data(HostileZip.torch(pickle, storages: [("0", [0, 0, 0, 0])])).write(
            to: folder.url.appendingPathComponent("model.pt"))
        return try Importer.runs(
            at: folder.path("model.pt"), options: ImportOptions(step: step))
    }

    @Test(arguments: [("step", -7), ("epoch", Int.max), ("epoch", -9), ("global_step", 1 << 60)])
    func stepsThatCannotBeAreRefused(key: String, number: Int) {
        let error = #expect(throws: UserError.self) {
            try runs([(key, PickleText.integer(number)), ("train_loss", PickleText.integer(1))])
        }
        #expect(error?.cause.contains("no number of updates") == true, "\(error?.cause ?? "")")
    }

    @Test(arguments: [Double.nan, .infinity, 1e300, 0.5])
    func rowsThatCannotBeAreLeftOut(row: Double) throws {
        let bits = withUnsafeBytes(of: row.bitPattern.bigEndian) { [0x47] + [UInt8]($0) }
        let found = try runs(
            [("train_indices", [0x5d, 0x28] + bits + bits + [0x65])], step: 0)
        #expect(found[0].description.trainIndices == nil)
        #expect(found[0].notes.contains { $0.contains("train_indices") }, "\(found[0].notes)")
    }

    @Test func anOptimizerOfManyEntriesTakesLinearTime() throws {
        let count = 100_000
        var optimizer: [UInt8] = [0x7d, 0x28] + PickleText.text("state") + [0x7d, 0x28]
        for number in 0..<count { optimizer += PickleText.integer(number) + [0x7d] }
        optimizer += [0x75] + PickleText.text("param_groups") + [0x5d, 0x7d, 0x61, 0x75]
        let found = try runs([("optimizer", optimizer)], step: 0)
        let clock = ContinuousClock()
        let time = try clock.measure { _ = try found[0].states[0].content() }
        // Comparing each with each takes minutes.
        #expect(time < .seconds(10), "\(time)")
    }

    @Test(arguments: ["-5", "9223372036854775807"]) func curvesOfImpossibleStepsAreRefused(
        step: String
    ) throws {
        for (name, text) in [
            ("a.csv", "step,loss\n\(step),1\n"), ("a.jsonl", "{\"step\": \(step), \"loss\": 1}\n"),
        ] {
            try Data(text.utf8).write(to: folder.url.appendingPathComponent(name))
            let error = #expect(throws: UserError.self) {
                try Importer.runs(at: folder.path(name), options: ImportOptions())
            }
            let words = "\(error?.description ?? "")"
            #expect(
                words.contains("no number of updates") || words.contains("no whole number"),
                "\(words)")
        }
    }
}
