"""The store of MLflow in SQLite, with two runs, a deleted one, and their artifacts.

Writes the folder `mlflow_database` beside this file. Needs mlflow-skinny 3.17, sqlalchemy, alembic, numpy. The
tables of registries, traces and evaluations, all of them empty, are dropped so that the file is small.
"""
import os, pathlib, shutil, sqlite3

import numpy as np
import mlflow

out = pathlib.Path(__file__).resolve().parent / "mlflow_database"
shutil.rmtree(out, ignore_errors=True)
out.mkdir()
os.chdir(out)
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("grok")
for seed in (0, 1):
    with mlflow.start_run(run_name=f"seed{seed}"):
        mlflow.log_params({"lr": 0.001, "seed": seed, "model": "mlp"})
        mlflow.set_tag("note", "first")
        for s in range(0, 30, 10):
            mlflow.log_metric("train/loss", 1 / (s + 1) + seed, step=s)
            mlflow.log_metric("test_accuracy", float("nan") if s == 10 else s / 30, step=s)
        mlflow.log_metric("sharpness", float("inf"), step=1)
        np.savez("step_20.npz", w=np.full((2, 2), seed, np.float32))
        mlflow.log_artifact("step_20.npz", "checkpoints")
with mlflow.start_run(run_name="dropped") as dropped:
    mlflow.log_metric("train/loss", 1.0, step=0)
mlflow.delete_run(dropped.info.run_id)
os.remove("step_20.npz")
database = sqlite3.connect("mlflow.db")
database.execute("PRAGMA foreign_keys = OFF")
kept = {"runs", "metrics", "latest_metrics", "params", "tags", "experiments", "alembic_version"}
for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
    if name not in kept and not name.startswith("sqlite_"):
        database.execute(f'DROP TABLE "{name}"')
# Nothing of the machine that made it.
place = str(out) + "/"
database.execute("UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ''), user_id = ''", [place])
database.execute("UPDATE experiments SET artifact_location = replace(artifact_location, ?, '')", [place])
database.execute("DELETE FROM tags WHERE key = 'mlflow.user' OR key LIKE 'mlflow.source.%'")
database.commit()
database.execute("VACUUM")
database.close()
