import Checkpoints
import Foundation
import Training

/// Trains a network on a small task, with the C library writing down every allocation of steps 100
/// to 200, which takes its debugging library, loaded before the program.
enum Steps {
    static func run(preset: String, modulus: Int, batch: String) throws {
        let small: JSONValue = [
            "task": ["operation": "add", "modulus": .integer(modulus), "train_fraction": 0.5],
            "training": [
                "steps": 201, "evaluate_every": 201, "checkpoints": "every 1000",
                "batch": .text(batch),
            ],
        ]
        let configuration = try TrainingConfiguration(
            Preset(named: preset).settings.overlaid(by: small))
        let trainer = try Trainer(configuration)
        let sink = MemorySink()
        var failure: (any Error)?
        try trainer.run(try trainer.describe(), into: sink) { progress in
            do {
                if progress.step == 100 { try call("mtrace") }
                if progress.step == 200 { try call("muntrace") }
            } catch {
                failure = error
            }
            return failure == nil
        }
        if let failure { throw failure }
        print("tensors", sink.checkpoints.first?.weights.count ?? 0)
    }

    /// Calls a function of the C library's debugging library, which later versions of the C library
    /// do not find by its name alone.
    private static func call(_ function: String) throws {
        typealias Find =
            @convention(c) (
                UnsafeMutableRawPointer?, UnsafePointer<CChar>, UnsafePointer<CChar>
            ) -> UnsafeMutableRawPointer?
        guard let library = dlopen("libc_malloc_debug.so.0", RTLD_NOW | RTLD_NOLOAD),
            let find = dlsym(nil, "dlvsym").map({ unsafeBitCast($0, to: Find.self) }),
            let address = ["GLIBC_2.2.5", "GLIBC_2.17"].lazy.compactMap({ version in
                function.withCString { function in
                    version.withCString { find(library, function, $0) }
                }
            }).first
        else { throw UserError.missing(subject: function, cause: "it is not loaded") }
        unsafeBitCast(address, to: (@convention(c) () -> Void).self)()
    }
}
