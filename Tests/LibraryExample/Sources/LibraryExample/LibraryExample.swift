import CairnArchive

/// Prints what an archive says of a run, with the library that other programs import.
@main
struct LibraryExample {
    static func main() throws {
        let archive = try ArchiveReader(opening: CommandLine.arguments[1])
        let run = try archive.run(CommandLine.arguments[2])
        print("run", run.id, run.name, run.status)
        for (name, value) in try run.settings().sorted(by: { $0.key < $1.key }) {
            print("setting", name, value)
        }
        for name in try run.curveNames() {
            guard let last = try run.curve(name).last else { continue }
            print("curve", name, last.step, last.value)
        }
        for tensor in run.tensors {
            let values = try run.trajectory(of: tensor.name)
            let squares = values.doubles()?.reduce(0) { $0 + $1 * $1 } ?? .nan
            print("tensor", tensor.name, values.shape, squares)
        }
        let rows = try archive.rows(
            "SELECT count(*) FROM checkpoints WHERE run = :run", parameters: ["run": .text(run.id)])
        print("checkpoints", rows[0][0])
        do {
            _ = try run.tensor("no such tensor", at: 0)
        } catch {
            print("error", error.kind, error)
        }
    }
}
