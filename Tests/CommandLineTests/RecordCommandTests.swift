import Foundation
import TestSupport
import Testing

/// The command record beside a trainer, when things go wrong.
@Suite struct RecordCommandTests {
    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    private func rows(_ arguments: [String]) throws -> [[String: Any]] {
        let result = try fixture.cairn(arguments + ["--json"])
        try #require(result.exitCode == 0, "\(result.error)")
        return try objects(result.output)
    }

    private func shell(_ script: String) throws -> ProcessResult {
        try run(
            "/bin/bash", ["-c", script],
            environment: ["CAIRN_ARCHIVE": fixture.archive, "CAIRN": cairnExecutable()],
            folder: fixture.folder.path, secondsAllowed: 120)
    }

    /// A `.npy` file of zeros with a given number of elements.
    private func array(_ name: String, count: Int) throws {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(count),), }"
        let padded = header + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(padded.utf8.count), 0]
        bytes += Array(padded.utf8) + [UInt8](repeating: 0, count: 4 * count)
        try Data(bytes).write(to: fixture.folder.url.appendingPathComponent(name))
    }

    @Test func aNetworkThatGrowsCostsItsCheckpointsAlone() throws {
        try array("a.npy", count: 4)
        try array("b.npy", count: 5)
        let input = """
            {"step": 0, "train_loss": 1, "checkpoint": "a.npy"}
            {"step": 1, "train_loss": 0.9, "checkpoint": "b.npy"}
            {"step": 2, "train_loss": 0.8, "extra": [1, 2]}

            """
        let result = try fixture.cairn(["record", "--name", "grow"], input: input)
        #expect(result.exitCode == 0, "\(result.error)")
        #expect(result.error.contains("not those of the steps before"), "\(result.error)")
        #expect(try rows(["sql", "SELECT * FROM metrics"]).count == 3)
        #expect(try rows(["sql", "SELECT * FROM checkpoints"]).count == 1)
        let shown = try fixture.cairn(["show", "grow"])
        #expect(shown.output.contains("not stored"), "\(shown.output)")
        #expect(shown.output.contains("extra is a list"), "\(shown.output)")
        let next = try fixture.cairn(
            ["record", "--name", "other"], input: "{\"step\": 0, \"train_loss\": 1}\n")
        #expect(next.exitCode == 0, "\(next.error)")
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }

    /// Ctrl-C reaches the whole group; the trainer's last line comes after it.
    @Test func controlCEndsTheRunAsInterrupted() throws {
        let trainer = """
            import json, time
            try:
                for step in range(10000):
                    print(json.dumps({"step": step, "train_loss": 1.0 / (step + 1)}), flush=True)
                    time.sleep(0.02)
            except KeyboardInterrupt:
                print(json.dumps({"step": step, "final_eval": 42.0}), flush=True)
            """
        let group = """
            import glob, os, signal, subprocess, sys, time
            recording = subprocess.Popen(
                ["/bin/bash", "-c", "set -o pipefail; python3 trainer.py | '"
                 + os.environ["CAIRN"] + "' record -q --name stopped"],
                preexec_fn=lambda: (os.setsid(), signal.signal(signal.SIGINT, signal.SIG_DFL),
                                    signal.pthread_sigmask(signal.SIG_SETMASK, [])))
            lines = lambda: "".join(open(name).read() for name in glob.glob(
                os.environ["CAIRN_ARCHIVE"] + "/spool/*/lines.tsv"))
            while lines().count("train_loss") < 5: time.sleep(0.02)
            os.killpg(recording.pid, signal.SIGINT)
            print("code", recording.wait())
            """
        try Data(trainer.utf8).write(to: fixture.folder.url.appendingPathComponent("trainer.py"))
        let result = try run(
            "/usr/bin/python3", ["-c", group],
            environment: ["CAIRN_ARCHIVE": fixture.archive, "CAIRN": cairnExecutable()],
            folder: fixture.folder.path, secondsAllowed: 120)
        #expect(result.output.hasPrefix("code "), "\(result)")
        let runs = try rows(["ls"])
        #expect(runs.first?["status"] as? String == "interrupted")
        let counts = try rows([
            "sql", "SELECT name, count(*) AS n FROM metrics GROUP BY name ORDER BY name",
        ])
        #expect(counts.compactMap { $0["name"] as? String } == ["final_eval", "train_loss"])
        #expect((counts.last?["n"] as? Int ?? 0) >= 5)
    }

    /// A checkpoint that no room is left for is refused; lines go on, and so does the trainer.
    @Test func aFullDiskCostsTheCheckpointAndNotTheTrainer() throws {
        try array("large.npy", count: 1 << 20)
        let result = try shell(
            """
            (for s in 0 1 2 3; do
               echo "{\\"step\\": $s, \\"train_loss\\": $s, \\"checkpoint\\": \\"large.npy\\"}"
             done; echo alive >&2; touch survived) | (ulimit -f 1024; "$CAIRN" record --name full)
            """)
        #expect(result.exitCode == 0, "\(result.error)")
        #expect(FileManager.default.fileExists(atPath: fixture.folder.path("survived")))
        #expect(result.error.contains("File too large"), "\(result.error)")
        #expect(result.error.contains("4 times not stored"), "\(result.error)")
        #expect(try rows(["sql", "SELECT * FROM metrics"]).count == 4)
        #expect(try rows(["sql", "SELECT * FROM checkpoints"]).isEmpty)
    }

    @Test func aTrainerOutlivesARecorderThatCannotBegin() throws {
        try FileManager.default.createDirectory(
            atPath: fixture.archive, withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: fixture.archive + "/mine"))
        let result = try shell(
            """
            (for s in $(seq 3000); do echo "{\\"step\\": $s, \\"train_loss\\": 1, \\"pad\\": \\"$s$s$s\\"}"
             done; touch survived) | "$CAIRN" record --name none
            """)
        #expect(FileManager.default.fileExists(atPath: fixture.folder.path("survived")))
        #expect(result.error.contains("nothing is recorded"), "\(result.error)")
        #expect(result.output.split(separator: "\n").count == 3000)
    }

    @Test func spoolsThatCannotBeStoredAreNamedAndStopNobody() throws {
        try fixture.cairn(["init"])
        let spool = fixture.archive + "/spool/broken"
        try FileManager.default.createDirectory(
            atPath: spool, withIntermediateDirectories: true)
        try Data("\t{\"step\": 1, \"train_loss\": 1}\n".utf8).write(
            to: URL(fileURLWithPath: spool + "/lines.tsv"))
        let result = try fixture.cairn(
            ["record", "--name", "good"], input: "{\"step\": 0, \"train_loss\": 1}\n")
        #expect(result.exitCode == 0)
        #expect(result.error.contains(spool) && result.error.contains("cannot be stored"))
        #expect(try rows(["ls"]).count == 1)
        for command in ["verify", "doctor"] {
            let told = try fixture.cairn([command])
            #expect((told.output + told.error).contains("waits to be stored"), "\(command)")
            #expect(told.exitCode == 0)
        }
        let recovered = try fixture.cairn(["record", "--recover"])
        #expect(recovered.error.contains(spool))
    }

    @Test func aTerminalShowsHowFarTheRunIs() throws {
        let terminal = try PseudoTerminal(
            cairnExecutable(), ["record", "--name", "seen", "--archive", fixture.archive])
        terminal.type("{\"step\": 1200, \"train_loss\": 1}\n")
        let line = try terminal.read(upTo: "0 checkpoints").text
        #expect(line.contains("seen: step 1,200  1 values"), "\(line)")
        terminal.type("\u{04}")
        #expect(terminal.exitCode() == 0)
    }

    @Test func bytesThatAreNoTextPassUnchanged() throws {
        let result = try shell(
            "printf 'a\\xff\\xfe\\n' | \"$CAIRN\" record -q --name none | od -An -tx1")
        #expect(result.output == " 61 ff fe 0a\n", "\(result.error)")
    }

    /// A run whose lines say task, network and rows has a Hessian.
    @Test func aDescribedRunIsAnalysable() throws {
        try fixture.trainTiny()
        try fixture.cairn(["export", "tiny@0", "--to", "first.npz"])
        try fixture.cairn(["export", "tiny@last", "--to", "last.npz"])
        let details = try fixture.cairn(["show", "tiny", "--configuration"])
        let configuration = try #require(
            try JSONSerialization.jsonObject(with: Data(details.output.utf8)) as? [String: Any])
        let network = try JSONSerialization.data(
            withJSONObject: try #require(configuration["network"]))
        let input = """
            {"network": \(String(decoding: network, as: UTF8.self)), "task": "add mod 7", \
            "train_indices": [0, 3, 5, 9, 11, 20, 31, 40, 48]}
            {"step": 0, "checkpoint": "first.npz"}
            {"step": 40, "checkpoint": "last.npz"}

            """
        let result = try fixture.cairn(["record", "--name", "own"], input: input)
        #expect(result.exitCode == 0, "\(result.error)")
        let runs = try rows(["sql", "SELECT task, network FROM runs WHERE name = 'own'"])
        #expect(runs.first?["task"] as? String == "add mod 7")
        #expect(runs.first?["network"] as? String == "mlp")
        let id = try #require(
            try rows(["sql", "SELECT run FROM runs WHERE name = 'own'"]).first?["run"] as? String)
        let eigenvalues = try rows([
            "sql", "SELECT eigenvalue FROM hessian('\(id)', 40, 2)",
        ])
        #expect(eigenvalues.count == 2)
        #expect(try fixture.cairn(["verify"]).exitCode == 0)
    }
}
