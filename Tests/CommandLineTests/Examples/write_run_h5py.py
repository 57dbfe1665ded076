"""Writes a run of two checkpoints into an archive with h5py alone, as schema/FILES.md describes."""

import hashlib
import json
import os
import sys

import h5py
import numpy

folder = os.path.join(sys.argv[1], "runs", "byhand0000000001")
os.makedirs(os.path.join(folder, "loose"))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def describe(file, kind):
    file.attrs["kind"], file.attrs["format"], file.attrs["run"] = kind, 1, "byhand0000000001"


description = json.dumps(
    {"id": "byhand0000000001", "name": "by hand", "created_at": 1.0, "task": "", "network": "",
     "configuration": "{}", "hyperparameters": [{"name": "lr", "type": "real", "value": "0.1"}],
     "versions": {}})
with h5py.File(os.path.join(folder, "run.h5"), "w", libver=("v108", "v108")) as file:
    describe(file, "run")
    file.attrs["description"] = description
    file.attrs["sha256"] = sha256(description.encode())

for step in (0, 100):
    weights = {"hidden": numpy.full((2, 3), step, "<f4"), "unembedding": numpy.arange(3.0, dtype="<f8")}
    path = os.path.join(folder, "loose", f"{step:09d}.h5")
    with h5py.File(path, "w", libver=("v108", "v108")) as file:
        describe(file, "checkpoint")
        file.attrs["step"] = step
        lines = ""
        for name in sorted(weights):
            array = weights[name]
            dataset = file.create_dataset("weights/" + name, data=array)
            dataset.attrs["dtype"] = array.dtype.name
            dataset.attrs["sha256"] = sha256(array.tobytes())
            shape = ",".join(map(str, array.shape))
            lines += f"{name}\t{array.dtype.name}\t{shape}\t{sha256(array.tobytes())}\n"
        file.attrs["digest"] = sha256(lines.encode())
        row = numpy.dtype([("name", h5py.string_dtype("utf-8", 10)), ("step", "<i8"), ("value", "<f8")])
        metrics = numpy.array([(b"train_loss", step, 2.5)], row)
        dataset = file.create_dataset("metrics", data=metrics)
        dataset.attrs["name_bytes"], dataset.attrs["sha256"] = "10", sha256(metrics.tobytes())
