import CheckpointArchive
import Checkpoints
import Foundation
import TestSupport

/// A command that writes, and what must be true of its archive before and after it.
struct FaultedCommand: CustomStringConvertible, Sendable {
    let name: String
    var input = ""
    /// The archive it begins with.
    var base: Base = .loose
    /// Whether it may say that data is damaged.
    var isOfDamage = false
    /// Whether it is for the long form only.
    var isLong = false
    /// The arguments for an archive, with the folder of inputs and results.
    let arguments: @Sendable (_ inputs: String, _ results: String) -> [String]
    /// Whether the command has done its work.
    let isDone: @Sendable (_ archive: Archive, _ results: String) throws -> Bool
    /// Steps of the run `r` that may be gone, or must be there when it has not.
    var spares: @Sendable (_ step: Int) -> Bool = { _ in true }

    var description: String { name }

    /// An archive with the run `r`, steps 0 to 20.
    enum Base: String, CaseIterable, Sendable {
        /// No checkpoint is packed; step 5 has the tag `keep`.
        case loose
        /// All are packed.
        case packed
        /// All are packed, and one value in a pack is not the one that was written.
        case damaged
        /// There is no archive.
        case none
    }

    static let steps = Array(0...20)
    /// What `damaged` has lost.
    static let damagedStep = 3

    static let tiny = [
        "train", "--operation", "add", "--modulus", "7", "--train-fraction", "0.5", "--network",
        "mlp", "--embedding-width", "4", "--hidden-width", "8", "--steps", "40",
        "--checkpoint-every", "10", "--evaluate-every", "10", "--quiet", "--name", "trained",
    ]

    static let all: [FaultedCommand] = [
        FaultedCommand(name: "train") { _, _ in
            tiny
        } isDone: { archive, _ in
            try archive.runs(named: "trained").contains { $0.status == .finished }
        },
        FaultedCommand(name: "train in a new archive", base: .none) { _, _ in
            tiny
        } isDone: { archive, _ in
            try archive.runs(named: "trained").contains { $0.status == .finished }
        },
        FaultedCommand(name: "pack") { _, _ in
            ["pack", "--quiet"]
        } isDone: { archive, _ in
            try !FileManager.default.contentsOfDirectory(
                atPath: archive.paths.root + "/runs/r/loose"
            ).contains { $0.hasSuffix(".h5") }
        },
        FaultedCommand(name: "gc") { _, _ in
            ["gc", "--every", "7", "--yes", "--quiet"]
        } isDone: { archive, _ in
            try archive.run(matching: "r").steps == [0, 5, 7, 14, 20]
        } spares: {
            [0, 5, 7, 14, 20].contains($0)
        },
        FaultedCommand(name: "gc of packs", base: .packed) { _, _ in
            ["gc", "--every", "7", "--yes", "--quiet"]
        } isDone: { archive, _ in
            try archive.run(matching: "r").steps == [0, 5, 7, 14, 20]
        } spares: {
            [0, 5, 7, 14, 20].contains($0)
        },
        FaultedCommand(name: "gc --purge") { _, _ in
            ["gc", "--every", "7", "--purge", "--yes", "--quiet"]
        } isDone: { archive, _ in
            try archive.run(matching: "r").steps == [0, 5, 7, 14, 20]
        } spares: {
            [0, 5, 7, 14, 20].contains($0)
        },
        FaultedCommand(name: "merge") { inputs, _ in
            ["merge", inputs + "/other", "--quiet"]
        } isDone: { archive, _ in
            try archive.run(matching: "r").steps == Array(0...25)
                && archive.run(matching: "q").steps == Array(0...8)
        },
        FaultedCommand(name: "reindex") { _, _ in
            ["reindex", "--quiet"]
        } isDone: { _, _ in
            true
        },
        FaultedCommand(name: "repair", base: .damaged, isOfDamage: true) { _, _ in
            ["repair", "--yes", "--quiet"]
        } isDone: { archive, _ in
            try archive.verify().isSound
        },
        FaultedCommand(name: "tag") { _, _ in
            ["tag", "r@7", "new", "--quiet"]
        } isDone: { archive, _ in
            try archive.tags(of: archive.run(matching: "r")).map(\.name) == ["keep", "new"]
        },
        FaultedCommand(name: "describe") { _, _ in
            ["describe", "r", "--steps", "epochs", "--quiet"]
        } isDone: { archive, _ in
            try archive.run(matching: "r").run.hyperparameters.contains {
                $0.name == "step_convention"
            }
        },
        FaultedCommand(
            name: "record",
            input: #"{"step": 1, "loss": 0.5}"# + "\n" + #"{"step": 2, "loss": 0.25}"# + "\n"
        ) { _, _ in
            ["record", "--name", "recorded", "--quiet"]
        } isDone: { archive, _ in
            try archive.runs(named: "recorded").contains { $0.status == .finished }
        },
        FaultedCommand(name: "import") { inputs, _ in
            ["import", inputs + "/weights.safetensors", "--name", "imported", "--quiet"]
        } isDone: { archive, _ in
            try archive.runs(named: "imported").contains { !$0.steps.isEmpty }
        },
        FaultedCommand(name: "import of a large file", isLong: true) { inputs, _ in
            [
                "import", inputs + "/large.safetensors", "--step", "0", "--name", "imported",
                "--quiet",
            ]
        } isDone: { archive, _ in
            try archive.runs(named: "imported").contains { !$0.steps.isEmpty }
        },
        export("h5"), export("safetensors"), export("npz"),
        FaultedCommand(name: "export of a run") { _, results in
            ["export", "r", "--to", "\(results)/run", "--force", "--quiet"]
        } isDone: { _, results in
            FileManager.default.fileExists(atPath: "\(results)/run")
        },
    ]

    private static func export(_ ending: String) -> FaultedCommand {
        FaultedCommand(name: "export to .\(ending)") { _, results in
            ["export", "r@5", "--to", "\(results)/weights.\(ending)", "--force", "--quiet"]
        } isDone: { _, results in
            // The same file as without a fault.
            let found = FileManager.default.contents(atPath: "\(results)/weights.\(ending)")
            return found
                == FileManager.default.contents(atPath: "\(results)/expected.\(ending)")
                && found != nil
        }
    }
}
