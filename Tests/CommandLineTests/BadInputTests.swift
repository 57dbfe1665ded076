import Foundation
import TestSupport
import Testing

/// Wrong requests: one sentence, the right exit code, nothing changed on disk.
@Suite struct BadInputTests {
    @Test(arguments: [
        (["--operation", "addd"], ["operation addd", "did you mean add"]),
        (["--operation", "frobnicate"], ["operation frobnicate"]),
        (["--operation", "divide", "--modulus", "12"], ["12", "prime"]),
        (["--heads", "3"], ["heads 3", "do not divide the width 128"]),
        (["--heads", "0"], ["heads 0"]),
        (["--modulus", "1"], ["modulus 1"]),
        (["--modulus=-5"], ["modulus -5"]),
        (["--train-fraction", "0"], ["train_fraction 0"]),
        (["--train-fraction", "1.5"], ["train_fraction 1.5"]),
        (["--learning-rate=-1"], ["learning_rate -1"]),
        (["--learning-rate", "nan"], ["learning_rate"]),
        (["--weight-decay=-0.5"], ["weight_decay -0.5"]),
        (["--beta1", "1"], ["beta1 1"]),
        (["--steps=-1"], ["steps -1"]),
        (["--steps", "-1"], ["steps -1"]),
        (["--learning-rate", "-1e-3"], ["learning_rate -0.001"]),
        (["--batch", "0"], ["batch 0"]),
        (["--batch", "99999999"], ["batch 99999999"]),
        (["--checkpoint-every", "0"], ["every 0"]),
        (["--checkpoints", "sometimes"], ["sometimes"]),
        (["--evaluate-every", "0"], ["evaluate_every 0"]),
        (["--network", "resnet"], ["network"]),
        (["--activation", "sigmoid"], ["activation"]),
        (["--optimizer", "sgd", "--beta1", "0.9"], ["beta1", "sgd"]),
        (["--optimizer", "gd", "--batch", "10"], ["gd"]),
        (["--schedule", "cosine"], ["cosine"]),
        (["--group", "M11", "--operation", "compose"], ["M11"]),
        (["--preset", "nonesuch"], ["nonesuch"]),
        (["--configuration", "missing.json"], ["missing.json"]),
        (["--set", "colour=red"], ["colour"]),
        (["--set", "colour"], ["name=value"]),
        (["--compression", "zip"], ["--compression zip"]),
        (["--threads", "0"], ["threads 0"]),
        (["--dropout", "1"], ["dropout"]),
        (["--network", "mlp", "--layers", "2"], ["layers", "mlp"]),
        (["--hidden-width", "8"], ["hidden_width", "transformer"]),
        (["--optimizer", "adam", "--momentum", "0.9"], ["momentum", "adam"]),
        (["--epsilon", "0"], ["epsilon 0"]),
        (["--beta2=-0.1"], ["beta2 -0.1"]),
        (["--optimizer", "sgd", "--momentum", "1"], ["momentum 1"]),
        (["--gradient-noise=-1"], ["gradient_noise -1"]),
        (["--update-noise=-1"], ["update_noise -1"]),
        (["--weight-noise=-1"], ["weight_noise -1"]),
        (["--warmup=-1"], ["warmup -1"]),
        (["--cosine-steps", "5"], ["cosine_steps", "constant"]),
        (["--label-noise", "9999999"], ["label_noise 9999999"]),
        (["--operation", "add", "--group", "S5"], ["group", "add"]),
        (["--checkpoint-every", "2", "--checkpoints", "adaptive"], ["contradict"]),
        (["--optimizer-states", "some"], ["optimizer_states 'some'"]),
        (["--stop-at", "test_accuracy=2"], ["stop_at 'test_accuracy=2'"]),
        (["--stop-at", "loss=1"], ["stop_at 'loss=1'"]),
    ]) func trainRefuses(options: [String], mentions: [String]) throws {
        let fixture = try CommandLineFixture()
        try fixture.expectRefusal(
            ["train"] + options,
            exitCode: options[0] == "--configuration" ? 1 : 2, mentions: mentions)
    }

    @Test func anArchivePathThatIsAFileIsRefused() throws {
        let fixture = try CommandLineFixture()
        try Data("hello".utf8).write(to: URL(fileURLWithPath: fixture.archive))
        for command in [["ls"], CommandLineFixture.tiny, ["sql", "SELECT 1"], ["verify"]] {
            try fixture.expectRefusal(command, exitCode: 1, mentions: [fixture.archive])
        }
    }

    @Test func aFolderThatIsNoArchiveIsRefused() throws {
        let fixture = try CommandLineFixture()
        try FileManager.default.createDirectory(
            atPath: fixture.archive, withIntermediateDirectories: true)
        try Data("hello".utf8).write(to: URL(fileURLWithPath: fixture.archive + "/notes.txt"))
        for command in [["ls"], CommandLineFixture.tiny, ["sql", "SELECT 1"]] {
            try fixture.expectRefusal(command, exitCode: 1, mentions: ["archive"])
        }
    }

    @Test func aMissingArchiveIsNamedAndNotMade() throws {
        let fixture = try CommandLineFixture()
        for command in [
            ["ls"], ["show", "x"], ["sql", "SELECT 1"], ["analyze", "norms"], ["verify"],
            ["resume", "x"], ["du"], ["query", "runs"],
        ] {
            try fixture.expectRefusal(
                command, exitCode: 1, mentions: [fixture.archive, "no archive"])
        }
    }

    @Test func newerArchivesAreRefused() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let format = fixture.archive + "/cairn.json"
        let text = try String(contentsOfFile: format, encoding: .utf8)
        let newer = text.replacing(try Regex(#""format" ?: ?[0-9]+"#), with: "\"format\": 99")
        try newer.write(toFile: format, atomically: false, encoding: .utf8)
        for command in [["ls"], CommandLineFixture.tiny, ["sql", "SELECT 1"], ["show", "tiny"]] {
            try fixture.expectRefusal(command, exitCode: 1, mentions: ["newer"])
        }
    }

    @Test func newerIndexesAreRefused() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3") else { return }
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        let index = fixture.archive + "/index.sqlite"
        _ = try run("/usr/bin/sqlite3", [index, "PRAGMA user_version = 9999"])
        for command in [["ls"], CommandLineFixture.tiny, ["sql", "SELECT 1"], ["show", "tiny"]] {
            try fixture.expectRefusal(command, exitCode: 1, mentions: ["newer"])
        }
    }

    private static let refusals: [(arguments: [String], mentions: [String])] = [
        (["sql", "SELEC 1"], ["SELEC", "line 1, column 1"]),
        (["sql", "SELECT * FROM rnus"], ["line 1, column 15", "rnus", "did you mean runs"]),
        (["sql", "SELECT nmae FROM runs"], ["nmae"]),
        (["sql", "DELETE FROM run"], ["only reads"]),
        (["sql", "INSERT INTO tag VALUES (1, 'a', 0)"], ["only reads"]),
        (["sql", "DROP VIEW runs"], ["only reads"]),
        (["sql", "ATTACH 'other.sqlite' AS x"], ["SQL statement"]),
        (["sql", "PRAGMA journal_mode = WAL"], ["SQL statement"]),
        (["sql", ""], ["empty"]),
        (["sql", "SELECT :x"], ["x"]),
        (["sql", "SELECT 1", "-p", "x"], ["name=value"]),
        (["sql", "SELECT 1", "--timeout", "-1"], ["--timeout"]),
        (["sql", "SELECT 1", "--attach", "x"], ["alias=file"]),
        (["sql", "SELECT 1", "--arrow", "--json"], ["--arrow", "--json"]),
        (["query", "best_rnus"], ["best_rnus", "did you mean best_runs"]),
        (["query", "curve"], ["run"]),
        (["analyze", "nroms"], ["nroms", "did you mean norms"]),
        (["analyze", "norms", "--steps", "soon"], ["soon"]),
        (["ls", "--json", "--csv"], ["--csv"]),
        (["ls", "--limit=-3"], ["-3"]),
        (["show"], ["run"]),
    ]

    @Test func statementsAndQuestionsAreChecked() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        for (arguments, mentions) in BadInputTests.refusals {
            try fixture.expectRefusal(arguments, exitCode: 2, mentions: mentions)
        }
    }

    @Test func unknownAndAmbiguousRunsAreNamed() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny(name: "twin")
        try fixture.trainTiny(name: "twin", ["--seed", "1"])
        for command in [["show"], ["analyze", "norms"], ["resume"], ["replay"], ["fork"]] {
            try fixture.expectRefusal(
                command + ["nonesuch@10"].map { command == ["resume"] ? "nonesuch" : $0 },
                exitCode: 1, mentions: ["nonesuch"])
        }
        try fixture.expectRefusal(["show", "twin"], exitCode: 1, mentions: ["twin", "2"])
        try fixture.expectRefusal(["analyze", "norms", "twin"], exitCode: 1, mentions: ["twin"])
        try fixture.expectRefusal(["show", "twin@soon"], exitCode: 2, mentions: ["soon"])
    }

    @Test func aStepThatIsNotStoredNamesItsNeighbours() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        try fixture.expectRefusal(
            ["show", "tiny@15"], exitCode: 1, mentions: ["step 15", "10 and 20"])
    }

    @Test func aFinishedRunCannotBeResumed() throws {
        let fixture = try CommandLineFixture()
        try fixture.trainTiny()
        try fixture.expectRefusal(["resume", "tiny"], exitCode: 1, mentions: ["40 steps"])
    }
}
