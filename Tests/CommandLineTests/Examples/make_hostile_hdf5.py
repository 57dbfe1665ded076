"""HDF5 files that point outside, lie about their size or hold what is no number.

Run with a folder; beside it, secret.h5 and secret.bin must never be read, and fifo never be opened.
"""

import os
import sys

import h5py
import numpy as np

folder = sys.argv[1]
os.makedirs(folder + "/files")
secret, raw, fifo = (f"{folder}/{name}" for name in ("secret.h5", "secret.bin", "fifo"))
os.mkfifo(fifo)
with open(raw, "wb") as file:
    file.write(bytes(16))


def new(name):
    return h5py.File(f"{folder}/files/{name}.h5", "w")


with h5py.File(secret, "w") as file:
    file["w"] = np.arange(4.0)
with new("external_link") as file:
    file["a"] = h5py.ExternalLink(secret, "/w")
with new("link_to_a_pipe") as file:
    file["a"] = h5py.ExternalLink(fifo, "/w")
with new("soft_cycle") as file:
    file["a"] = h5py.SoftLink("/a")
with new("hard_cycle") as file:
    file.create_group("g")["again"] = file["/"]
with new("external_storage") as file:
    file.create_dataset("w", shape=(4,), dtype="f4", external=[(raw, 0, 16)])
for name, source in [("virtual", secret), ("virtual_pipe", fifo)]:
    with new(name) as file:
        layout = h5py.VirtualLayout(shape=(4,), maxshape=(None,), dtype="f8")
        data = h5py.VirtualSource(source, "w", shape=(4,), maxshape=(None,))
        layout[: h5py.h5s.UNLIMITED] = data[: h5py.h5s.UNLIMITED]
        file.create_virtual_dataset("w", layout)
with new("huge") as file:
    file.create_dataset("w", shape=(1 << 40,), dtype="f4", chunks=(1024,))
with new("empty_huge") as file:
    file.create_dataset("w", shape=(0, 1 << 62), dtype="f4")
with new("deep") as file:
    group = file
    for _ in range(200):
        group = group.create_group("g")
with new("unknown_filter") as file:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((4,))
    creation.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, space, creation)
with new("no_numbers") as file:
    file["text"] = "words"
with new("cut") as file:
    file["w"] = np.arange(1000.0)
os.truncate(folder + "/files/cut.h5", 4000)

# What can be read of this one is; the rest is named.
with new("mixed") as file:
    file["w"] = np.array([1.5, -2.0])
    file["text"] = "words"
    file["named_type"] = np.dtype("f8")
    file["fields"] = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")])
    choices = h5py.enum_dtype({"a": 5, "b": 9}, "i1")
    file.create_dataset("choice", data=np.array([5, 9], "i1"), dtype=choices)
    file["flags"] = np.array([True, False])
    file["complex"] = np.array([1 + 2j])
    short = h5py.h5t.IEEE_F32LE.copy()
    short.set_fields(15, 7, 8, 0, 7)
    short.set_size(2)
    short.set_ebias(127)
    data = h5py.h5d.create(file.id, b"brain", short, h5py.h5s.create_simple((2,)))
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1e38, 1.5], "f4"))
