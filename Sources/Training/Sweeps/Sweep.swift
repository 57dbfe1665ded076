internal import ArrayMath
package import Checkpoints
internal import Foundation

/// Many runs that differ in some settings: grids, lists, random draws and seeds.
///
/// A sweep file is YAML:
///
/// ```yaml
/// name: decay                     # the runs are named decay/weight_decay=0.3,seed=1
/// preset: nanda                   # optional: what the settings start from
/// settings: {modulus: 59, steps: 5000}
/// grid:                           # every combination
///   weight_decay: [0.3, 1, 3]
///   train_fraction: [0.3, 0.5]
/// list:                           # one run for each entry, combined with the grid
///   - {optimizer: sgd, learning_rate: 0.1}
///   - {optimizer: adamw}
/// random:                         # drawn settings, combined with all of the above
///   draws: 20
///   seed: 1
///   learning_rate: {log_uniform: [1.0e-4, 1.0e-2]}
///   momentum: {uniform: [0, 0.9]}
///   width: {choice: [32, 64]}
/// seeds: 5                        # seeds 0...4, or a list
/// slurm: {partition: gpu}         # options for sbatch
/// ```
package struct Sweep: Sendable {
    /// One run of a sweep.
    package struct Run: Sendable {
        /// The sweep's name and what is special about this run.
        package let name: String
        package let configuration: TrainingConfiguration
    }

    /// More runs than this are a slip in the file.
    package static let largestRunCount = 100_000

    package let name: String
    /// The runs, or those of a shard.
    package let runs: [Run]
    /// The names of all runs, also of other shards.
    package let allNames: [String]
    /// Options for sbatch.
    package let slurm: [SlurmSetting]

    /// Reads a sweep from YAML text.
    ///
    /// `data` gives the arrays of a digest, for tasks that learn from arrays. With `shard`, only its
    /// runs are made and checked.
    /// Errors: an unknown key, named with its line; a run whose settings cannot work, named.
    package init(
        yaml: String, defaultName: String, shard: SweepShard? = nil,
        data: (Digest) throws -> [Tensor] = { _ in [] }
    ) throws {
        let file = try SweepFile(yaml: yaml)
        let sweepName = file.name ?? defaultName
        name = sweepName
        slurm = file.slurm
        let variants = try file.variants(limit: Sweep.largestRunCount)
        var names = Set<String>()
        var named: [(name: String, variant: SweepFile.Changes)] = []
        for variant in variants {
            let label = variant.map { "\($0.name)=\($0.value.written)" }.joined(separator: ",")
            let runName = label.isEmpty ? sweepName : "\(sweepName)/\(label)"
            // Equal settings drawn twice are one run.
            if names.insert(runName).inserted { named.append((runName, variant)) }
        }
        allNames = named.map(\.name)
        if let shard {
            let shards = SweepShard.deal(allNames, among: shard.count)
            let numbers = Set(shard.numbers)
            named = zip(named, shards).filter { numbers.contains($0.1) }.map(\.0)
        }
        var runs: [Run] = []
        for (runName, variant) in named {
            do {
                let configuration = try TrainingConfiguration(
                    file.base.changing(file.settings + variant))
                // Builds the task and checks every setting before the first run begins.
                _ = try Trainer(configuration, threadCount: 1, data: data)
                runs.append(Run(name: runName, configuration: configuration))
            } catch let error as UserError {
                throw UserError(
                    error.kind, subject: "run \(runName): \(error.subject)", cause: error.cause,
                    advice: error.advice)
            }
        }
        self.runs = runs
    }

    /// The same sweep with some of its runs alone.
    package func with(_ indices: [Int]) -> Sweep {
        Sweep(of: self, runs: indices.map { runs[$0] })
    }

    private init(of whole: Sweep, runs: [Run]) {
        name = whole.name
        allNames = whole.allNames
        slurm = whole.slurm
        self.runs = runs
    }
}
