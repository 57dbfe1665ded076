import Foundation
import TestSupport
import Testing

/// The file that `cairn client python` prints, beside a training and in a notebook.
@Suite struct ClientTests {
    private static let h5py = ReferencePython.interpreter(with: "h5py", "numpy")
    private static let xarray = ReferencePython.interpreter(with: "xarray", "h5py")
    private static let torch = ReferencePython.interpreter(with: "torch", "h5py")
    private static let jax = ReferencePython.interpreter(with: "jax", "h5py")

    private let fixture: CommandLineFixture

    init() throws {
        fixture = try CommandLineFixture()
        let client = try fixture.cairn(["client", "python"])
        try #require(client.exitCode == 0)
        try Data(client.output.utf8).write(
            to: fixture.folder.url.appendingPathComponent("cairn.py"))
    }

    private func rows(_ arguments: [String]) throws -> [[String: Any]] {
        let result = try fixture.cairn(arguments + ["--json"])
        try #require(result.exitCode == 0, "\(result.error)")
        return try objects(result.output)
    }

    /// Runs a script beside the client; it fails where an assertion of the script does.
    @discardableResult
    private func python(
        _ script: String, by interpreter: String? = "/usr/bin/python3",
        program: String = cairnExecutable()
    ) throws -> ProcessResult {
        let result = try run(
            try #require(interpreter), ["-c", script],
            environment: ["CAIRN_ARCHIVE": fixture.archive, "CAIRN": program],
            folder: fixture.folder.path, secondsAllowed: 240)
        #expect(result.exitCode == 0, "\(result.error)")
        return result
    }

    /// Python alone is enough to record: any array that shows its memory is one.
    @Test func aTrainingWithoutLibrariesIsRecorded() throws {
        let result = try python(
            """
            from array import array
            from cairn import Archive, Run
            with Run("plain", {"lr": 0.1, "seed": 3}) as run:
                for step in range(300):
                    run.log(step, train_loss=1 / (step + 1), words="no number")
                    if step % 100 == 0:
                        run.checkpoint(step, {"w": array("f", [step, 1, 2]), "b": {"c": array("d", [1])}})
                print(len(run._files), "files wait")
            archive = Archive()
            assert [row["name"] for row in archive.runs()] == ["plain"]
            steps = archive.sql("SELECT step FROM checkpoints WHERE run = :run ORDER BY step",
                                run=archive.runs()[0]["run"])
            assert [row["step"] for row in steps] == [0, 100, 200], steps
            try:
                archive.sql("SELEC")
                raise SystemExit("a wrong statement has an answer")
            except Exception as error:
                assert "syntax" in str(error), error
            """)
        #expect(result.error.contains("300 times not stored: words is a text"), "\(result.error)")
        let runs = try rows(["ls"])
        #expect(runs.first?["status"] as? String == "finished")
        let tensors = try rows(["sql", "SELECT name, dtype, shape FROM tensors ORDER BY name"])
        #expect(tensors.compactMap { $0["name"] as? String } == ["b.c", "w"])
        #expect(tensors.compactMap { $0["dtype"] as? String } == ["float64", "float32"])
        #expect(try rows(["sql", "SELECT * FROM metrics"]).count == 300)
    }

    @Test func nothingHereEndsATraining() throws {
        let missing = try python(
            """
            from cairn import Run
            run = Run("none", {"lr": 1})
            for step in range(10):
                run.log(step, loss=1)
                run.checkpoint(step, {"w": b"1234"})
            run.finish()
            print("trained")
            """, program: "/nowhere/cairn")
        #expect(missing.output == "trained\n")
        #expect(missing.error.contains("not recorded"), "\(missing.error)")
        let broken = try python(
            """
            from cairn import Run
            run = Run("none")
            run._process.kill()
            run._process.wait()
            for step in range(100):
                run.log(step, loss=1)
                run.checkpoint(step, {"w": object()})
            run.finish()
            print("trained")
            """)
        #expect(broken.output == "trained\n")
        #expect(broken.error.contains("100 times not recorded: checkpoints"), "\(broken.error)")
    }

    @Test func anExceptionEndsTheRunAsFailed() throws {
        try python(
            """
            from cairn import Run
            try:
                with Run("bad") as run:
                    run.log(1, loss=2)
                    raise ValueError("x")
            except ValueError:
                pass
            """)
        #expect(try rows(["ls"]).first?["status"] as? String == "failed")
    }

    @Test(.enabled(if: h5py != nil, "h5py is not installed")) func weightsAreReadWithoutCopies()
        throws
    {
        try fixture.trainTiny()
        try #require(fixture.cairn(["pack"]).exitCode == 0)
        try #require(fixture.cairn(["export", "tiny@20", "--to", "w.npz"]).exitCode == 0)
        try python(
            """
            import numpy
            from cairn import Archive
            archive = Archive()
            steps, values = archive.weights("tiny", "hidden")
            assert isinstance(values, numpy.memmap) and not values.flags.writeable
            assert steps.tolist() == [0, 10, 20, 30, 40] and values.shape == (5, 8, 8)
            expected = numpy.load("w.npz")
            tensors = archive.tensors("tiny", 20)
            assert set(tensors) == set(expected)
            for name in expected:
                assert numpy.array_equal(tensors[name], expected[name])
                assert numpy.array_equal(archive.weights("tiny", name).values[2], expected[name])
            try:
                archive.weights("tiny", "none")
                raise SystemExit("a tensor that is not there")
            except Exception as error:
                assert "hidden" in str(error)
            """, by: Self.h5py)
    }

    @Test(.enabled(if: xarray != nil, "xarray is not installed")) func aRunIsADataset() throws {
        try fixture.trainTiny()
        try python(
            """
            from cairn import Archive
            data = Archive().xarray("tiny")
            assert data["hidden"].dims[0] == "step" and data["step"].values[-1] == 40
            assert data["train_loss"].sizes["train_loss_step"] == 5
            """, by: Self.xarray)
    }

    /// Ten lines around a training of PyTorch, and it has a Hessian.
    @Test(.enabled(if: torch != nil, "torch is not installed"))
    func aTrainingOfPyTorchIsAnalysable() throws {
        try python(
            """
            import torch
            from cairn import Archive, Run
            torch.manual_seed(0)
            p = 7
            pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
            answers = pairs.sum(1) % p
            rows = torch.randperm(p * p)[:30]
            class Network(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.left, self.right = torch.nn.Embedding(p, 4), torch.nn.Embedding(p, 4)
                    self.hidden = torch.nn.Linear(8, 16, bias=False)
                    self.out = torch.nn.Linear(16, p, bias=False)
                def forward(self, x):
                    both = torch.cat([self.left(x[:, 0]), self.right(x[:, 1])], 1)
                    return self.out(torch.relu(self.hidden(both)))
            model = Network()
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
            with Run("torch", {"lr": 0.01}, task=f"add mod {p}", train_indices=rows,
                     network={"kind": "mlp", "embedding_width": 4, "hidden_width": 16},
                     tensors={"left_embedding": "left.weight", "right_embedding": "right.weight",
                              "hidden": {"from": "hidden.weight", "axes": [1, 0]},
                              "unembedding": {"from": "out.weight", "axes": [1, 0]}}) as run:
                for step in range(21):
                    loss = torch.nn.functional.cross_entropy(model(pairs[rows]), answers[rows])
                    run.log(step, train_loss=loss)
                    if step % 10 == 0:
                        run.checkpoint(step, model, optimizer)
                    optimizer.zero_grad(); loss.backward(); optimizer.step()
            state = Archive().state_dict("torch", 10)
            assert state["hidden"].shape == (8, 16) and state["hidden"].dtype == torch.float32
            """, by: Self.torch)
        let id = try #require(try rows(["ls"]).first?["run"] as? String)
        let eigenvalues = try rows(["sql", "SELECT eigenvalue FROM hessian('\(id)', 20, 2)"])
        #expect(eigenvalues.count == 2)
    }

    @Test(.enabled(if: jax != nil, "jax is not installed")) func arraysOfJAXAreRecorded() throws {
        try python(
            """
            import jax.numpy as jnp
            from cairn import Archive, Run
            with Run("jax") as run:
                run.checkpoint(0, {"params": {"w": jnp.ones((2, 3), jnp.bfloat16)}}, loss=jnp.float32(1))
            assert Archive().tensors("jax")["params.w"].shape == (2, 3)
            """, by: Self.jax)
        let types = try rows(["sql", "SELECT dtype FROM tensors"])
        #expect(types.first?["dtype"] as? String == "bfloat16")
    }
}
