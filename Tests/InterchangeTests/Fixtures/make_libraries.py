"""Runs as the libraries of the field leave them, and what each of them holds.

Writes the folder `libraries` and `libraries_expected.json` beside this file. Needs torch, transformers,
accelerate, peft, lightning, keras (with jax), flax, mlflow-skinny, sacred (with setuptools < 81),
hydra-core, wandb, numpy.
"""
import glob, hashlib, json, os, pathlib, shutil, subprocess, sys, tempfile

os.environ.update(KERAS_BACKEND="jax", WANDB_MODE="offline", WANDB_SILENT="true",
                  MLFLOW_ALLOW_FILE_STORE="true", CUDA_VISIBLE_DEVICES="", TQDM_DISABLE="1")
import numpy as np
import torch

here = pathlib.Path(__file__).resolve().parent
out = here / "libraries"
shutil.rmtree(out, ignore_errors=True)
out.mkdir()
expected = {}
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)
torch.manual_seed(0)


def tensor(value):
    """Type, shape and the SHA-256 of the raw bytes of an array."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().contiguous()
        kind = str(value.dtype).removeprefix("torch.")
        raw = value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
        return [kind, list(value.shape), hashlib.sha256(raw).hexdigest()]
    value = np.asarray(value)
    return [str(value.dtype), list(value.shape), hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()]


def run(path, name, checkpoints=None, curves=None, settings=None):
    expected.setdefault(path, []).append({
        "name": name, "settings": settings or {},
        "checkpoints": {str(s): {n: tensor(v) for n, v in w.items()} for s, w in (checkpoints or {}).items()},
        "curves": {n: [[s, repr(float(v))] for s, v in points] for n, points in (curves or {}).items()},
    })


def mlflow_runs():
    import mlflow
    mlflow.set_tracking_uri("file:./mlruns")
    mlflow.set_experiment("grok")
    client = mlflow.MlflowClient()
    for seed in (0, 1):
        with mlflow.start_run(run_name=f"seed{seed}") as active:
            mlflow.log_params({"lr": 0.001, "seed": seed, "optimizer": "adamw"})
            mlflow.set_tag("note", "first")
            for s in range(0, 50, 10):
                mlflow.log_metric("train/loss", 1 / (s + 1) + seed, step=s)
                mlflow.log_metric("test_accuracy", float("nan") if s == 20 else s / 100, step=s)
        history = {k: [(m.step, m.value) for m in client.get_metric_history(active.info.run_id, k)]
                   for k in ("train/loss", "test_accuracy")}
        run("mlruns", f"seed{seed}", curves={"train_loss": history["train/loss"], "test_accuracy": history["test_accuracy"]},
            settings={"lr": "0.001", "seed": str(seed), "optimizer": "adamw", "tag.note": "first"})
    with mlflow.start_run(run_name="dropped") as active:
        mlflow.log_metric("train/loss", 1.0, step=0)
    client.delete_run(active.info.run_id)
    shutil.move("mlruns", out / "mlruns")
    for meta in out.glob("mlruns/**/meta.yaml"):
        meta.write_text(meta.read_text().replace(f"file://{work}/", "").replace("user_id: root", "user_id: someone"))
    for name in ("user", "source.name", "source.type"):
        for tag in out.glob(f"mlruns/*/*/tags/mlflow.{name}"):
            tag.unlink()


def sacred_runs():
    from sacred import Experiment
    from sacred.observers import FileStorageObserver
    experiment = Experiment("grok", save_git_info=False)
    experiment.observers.append(FileStorageObserver("sacred"))
    experiment.add_config(lr=0.001, p=97, opt={"name": "adamw"})
    points = {}

    @experiment.main
    def main(_run, lr):
        points["loss"] = [(s, lr / (s + 1)) for s in range(0, 50, 10)]
        for s, v in points["loss"]:
            _run.log_scalar("train.loss", v, s)
            _run.log_scalar("test_accuracy", s / 100, s)
        return 3

    for number, update in ((1, {"seed": 5}), (2, {"seed": 6, "lr": 0.01})):
        experiment.run(config_updates=update)
        run("sacred", f"grok/{number}", curves={"train.loss": points["loss"], "test_accuracy": [(s, s / 100) for s in range(0, 50, 10)]},
            settings={"lr": str(update.get("lr", 0.001)), "p": "97", "opt.name": "adamw", "seed": str(update["seed"]), "status": "COMPLETED"})
    shutil.rmtree("sacred/_sources")
    shutil.move("sacred", out / "sacred")
    for file in out.glob("sacred/*/run.json"):
        content = json.loads(file.read_text())
        content["host"] = {"hostname": "host"}
        content["experiment"].update(base_dir=".", sources=[], dependencies=[], mainfile="main.py")
        file.write_text(json.dumps(content, indent=2, sort_keys=True))


def hydra_runs():
    pathlib.Path("app.py").write_text('''
import csv, hydra, numpy as np
from hydra.core.config_store import ConfigStore
ConfigStore.instance().store("config", {"lr": 0.1, "seed": 0, "model": {"width": 8}})
@hydra.main(version_base=None, config_path=None, config_name="config")
def main(cfg):
    with open("metrics.csv", "w") as file:
        rows = csv.writer(file)
        rows.writerow(["step", "train_loss"])
        for s in range(0, 30, 10): rows.writerow([s, cfg.lr / (s + 1)])
    np.savez("step_20.npz", w=np.full((2, 2), cfg.lr, np.float32))
main()
''')
    subprocess.run([sys.executable, "app.py", "-m", "lr=0.1,0.01", "seed=1,2", "hydra.sweep.dir=multirun",
                    "hydra.job.chdir=True"], check=True, stdout=subprocess.DEVNULL)
    for lr in (0.1, 0.01):
        for seed in (1, 2):
            run("multirun", f"lr={lr},seed={seed}", {20: {"w": np.full((2, 2), lr, np.float32)}},
                {"train_loss": [(s, lr / (s + 1)) for s in range(0, 30, 10)]},
                {"lr": str(lr), "seed": str(seed), "model.width": "8"})
    shutil.move("multirun", out / "multirun")
    for file in out.glob("multirun/**/*.yaml"):
        file.write_text(file.read_text().replace(str(work), ".").replace(sys.executable, "python"))
    for file in list(out.glob("multirun/*/.hydra/hydra.yaml")) + list(out.glob("multirun/*/app.log")):
        file.write_text("")


def wandb_run():
    import wandb
    run_ = wandb.init(project="grok", name="kind-run-1", id="a1b2c3d4", dir=str(work), config={"lr": 0.001, "seed": 3, "model": {"width": 8}},
                      settings=wandb.Settings(host="host", username="someone", x_disable_meta=True, x_disable_stats=True, console="off",
                                              disable_git=True, save_code=False, program="main.py", root_dir=str(work)))
    filling = "x" * 300
    for s in range(0, 600, 10):
        run_.log({"train/loss": 1 / (s + 1), "test_accuracy": s / 1000, "note": filling, "flag": True, "nest": {"a": s}}, step=s)
    run_.log({"odd": float("nan")}, step=600)
    run_.finish()
    source = glob.glob(str(work / "wandb/offline-run-*/run-*.wandb"))[0]
    shutil.copy(source, out / "run-a1b2c3d4.wandb")
    steps = range(0, 600, 10)
    run("run-a1b2c3d4.wandb", "kind-run-1", curves={
        "train_loss": [(s, 1 / (s + 1)) for s in steps], "test_accuracy": [(s, s / 1000) for s in steps],
        "nest.a": [(s, s) for s in steps], "odd": [(600, float("nan"))]},
        settings={"lr": "0.001", "seed": "3", "model.width": "8"})


def flax_file():
    import jax.numpy as jnp
    from flax import serialization
    r = np.random.default_rng(0)
    kernel, bias = r.standard_normal((2, 3)).astype("f4"), np.asarray(jnp.ones(3, jnp.bfloat16))
    (out / "flax").mkdir()
    for step, name in ((40, "checkpoint_40"), (80, "checkpoint_80")):
        tree = {"params": {"Dense_0": {"kernel": kernel * step, "bias": bias}}, "step": np.int32(step),
                "batch_stats": {"BatchNorm_0": {"mean": np.zeros(3, np.float32)}},
                "opt_state": {"0": {"count": np.int32(step), "mu": {"Dense_0": {"kernel": kernel}}}}}
        (out / "flax" / name).write_bytes(serialization.msgpack_serialize(tree))
    weights = lambda step: {"Dense_0.kernel": kernel * step, "Dense_0.bias": torch.ones(3, dtype=torch.bfloat16),
                            "batch_stats.BatchNorm_0.mean": np.zeros(3, np.float32)}
    run("flax", "flax", {40: weights(40), 80: weights(80)})


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel
    return GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=4, n_embd=4, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0))


def trainer_folder():
    from safetensors.torch import load_file
    from transformers import Trainer, TrainingArguments
    rows = [{"input_ids": torch.randint(0, 8, (4,))} for _ in range(8)]
    for row in rows: row["labels"] = row["input_ids"]
    Trainer(gpt2(), TrainingArguments("hf", max_steps=4, save_steps=2, logging_steps=1, per_device_train_batch_size=4,
                                      report_to=[], disable_tqdm=True, use_cpu=True, seed=0), train_dataset=rows).train()
    weights = {step: load_file(f"hf/checkpoint-{step}/model.safetensors") for step in (2, 4)}
    log = json.loads(pathlib.Path("hf/checkpoint-4/trainer_state.json").read_text())["log_history"]
    for folder in glob.glob("hf/checkpoint-*"):
        for name in ("training_args.bin", "rng_state.pth"):
            pathlib.Path(folder, name).write_bytes(b"")
    shutil.move("hf", out / "trainer")
    shutil.rmtree(out / "trainer/runs", ignore_errors=True)
    run("trainer", "trainer", weights, {"train_loss": [(e["step"], e["loss"]) for e in log if "loss" in e]})


def revisions():
    from safetensors.torch import load_file
    made = {}
    for step in (1000, 2000):
        folder = out / f"revisions/stage1-step{step}-tokens{step // 500}B"
        gpt2().save_pretrained(folder, max_shard_size=300)
        made[step] = {n: t for f in folder.glob("*.safetensors") for n, t in load_file(f).items()}
        assert len(list(folder.glob("*.safetensors"))) > 1
    run("revisions", "revisions", made)


def adapter():
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file
    model = get_peft_model(gpt2(), LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True))
    folder = out / "adapter/checkpoint-30"
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    run("adapter", "adapter", {30: load_file(folder / "adapter_model.safetensors")}, settings={"r": "2"})


def lightning_folder():
    import lightning
    from lightning.pytorch.loggers import CSVLogger

    class Module(lightning.LightningModule):
        def __init__(self, width=3):
            super().__init__()
            self.save_hyperparameters()
            self.net = torch.nn.Linear(2, width)
        def training_step(self, batch, _):
            loss = self.net(batch[0]).square().mean()
            self.log("train_loss", loss)
            return loss
        def configure_optimizers(self): return torch.optim.Adam(self.parameters())

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 2)), batch_size=4)
    saver = lightning.pytorch.callbacks.ModelCheckpoint(save_top_k=-1, every_n_epochs=1)
    lightning.Trainer(max_epochs=2, logger=CSVLogger(".", name="lightning_logs"), callbacks=[saver], log_every_n_steps=1, accelerator="cpu",
                      enable_progress_bar=False, enable_model_summary=False).fit(Module(), loader)
    files = {int(f.split("step=")[1].split(".")[0]): torch.load(f, weights_only=False)["state_dict"]
             for f in glob.glob("lightning_logs/version_0/checkpoints/*.ckpt")}
    rows = pathlib.Path("lightning_logs/version_0/metrics.csv").read_text().split()
    head = rows[0].split(",")
    curve = [(int(v[head.index("step")]), float(v[head.index("train_loss")])) for v in (r.split(",") for r in rows[1:])]
    shutil.move("lightning_logs", out / "lightning_logs")
    run("lightning_logs", "libraries/lightning_logs", files, {"train_loss": curve}, {"width": "3"})


def keras_files():
    import keras
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden"), keras.layers.BatchNormalization(name="norm")])
    model.compile("adamw", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 3)), epochs=2, batch_size=4, verbose=0)
    (out / "keras").mkdir()
    model.save(out / "keras/new.keras")
    model.save_weights(out / "keras/only.weights.h5")
    model.save(out / "keras/old.h5")
    values = [np.asarray(w.value) for w in model.weights]
    names = ["layers.dense.vars.0", "layers.dense.vars.1"] + [f"layers.batch_normalization.vars.{i}" for i in range(4)]
    run("keras/new.keras", "new", {4: dict(zip(names, values))})
    run("keras/only.weights.h5", "only", {4: dict(zip(names, values))})
    old = ["hidden.sequential.hidden.kernel", "hidden.sequential.hidden.bias"] + [
        f"norm.sequential.norm.{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance")]
    run("keras/old.h5", "old", {4: dict(zip(old, values))})


def torch_files():
    (out / "old_torch").mkdir()
    model = torch.nn.Linear(2, 3)
    for step in (0, 1000):
        torch.save({"model": model.state_dict()}, out / f"old_torch/iter_{step}.pt", _use_new_zipfile_serialization=False)
    run("old_torch", "old_torch", {0: model.state_dict(), 1000: model.state_dict()})


for make in (mlflow_runs, sacred_runs, hydra_runs, wandb_run, flax_file, trainer_folder, revisions, adapter, lightning_folder,
             keras_files, torch_files):
    make()
(here / "libraries_expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
shutil.rmtree(work)
