"""Reads the folder of a run by schema/FILES.md alone and compares every digest and checksum.

    read_run_h5py.py archive/runs/RUN-ID

Prints one line for each kind of file with the number of things that were compared.
"""

import collections
import glob
import hashlib
import struct
import sys
import urllib.parse

import h5py
import numpy

MULTIPLIERS = [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93]
WORD = (1 << 64) - 1


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def checksum(data):
    words = numpy.frombuffer(data + bytes(-len(data) % 32), "<u8").reshape(-1, 4)
    sums = numpy.cumsum(words, axis=0, dtype="u8")
    lanes = sums[-1] if len(sums) else numpy.zeros(4, "u8")
    first = sum(int(s) * m for s, m in zip(lanes, MULTIPLIERS))
    second = sum(int(t) * m for t, m in zip(sums.sum(axis=0, dtype="u8"), MULTIPLIERS))
    return first & WORD, (second + len(data)) & WORD


def digest(tensors):
    """The digest of a checkpoint from (name, dtype, shape, SHA-256) of each tensor."""
    lines = [
        "\t".join([name, dtype, ",".join(map(str, shape)), sha]) + "\n"
        for name, dtype, shape, sha in sorted(tensors, key=lambda t: t[0].encode())
    ]
    return sha256("".join(lines).encode())


def compare(kind, found, recorded):
    assert found == recorded, (kind, found, recorded)
    counts[kind] += 1


counts = collections.Counter()
digests = {}
folder = sys.argv[1]
for path in sorted(glob.glob(folder + "/**/*.h5", recursive=True)):
    with h5py.File(path, "r") as file:
        kind = file.attrs["kind"]
        for table in ["metrics", "step_digests", "steps", "train_indices", "test_indices"]:
            if table in file and kind != "packed":
                data = file[table][...].tobytes()
                compare(kind, sha256(data), file[table].attrs["sha256"])
        if kind == "run":
            text = file.attrs["description"].encode()
            compare(kind, sha256(text), file.attrs["sha256"])
        if kind == "end":
            bits = struct.unpack("<q", struct.pack("<d", file.attrs["finished_at"]))[0]
            text = f"{file.attrs['status']} {bits} {file.attrs['last_step']}"
            compare(kind, sha256(text.encode()), file.attrs["sha256"])
        if kind == "checkpoint":
            tensors = []
            for name, data in file["weights"].items():
                sha = sha256(data[...].tobytes())
                compare(kind, sha, data.attrs["sha256"])
                tensors.append(
                    (urllib.parse.unquote(name), data.attrs["dtype"], data.shape, sha))
            compare(kind, digest(tensors), file.attrs["digest"])
            digests[int(file.attrs["step"])] = file.attrs["digest"]
        if "optimizer" in file:
            group = file["optimizer"]
            compare("optimizer", sha256(group.attrs["state"].encode()), group.attrs["sha256"])
            for data in group.values():
                compare("optimizer", sha256(data[...].tobytes()), data.attrs["sha256"])
        if kind in ("pack", "packed"):
            for row, step in enumerate(file["steps"][...]):
                tensors = []
                for name, data in file["weights"].items():
                    raw = data[row].tobytes()
                    compare(kind, sha256(raw), file["sha256"][name][row].tobytes().hex())
                    if kind == "pack":
                        compare(kind, checksum(raw), tuple(map(int, file["checksums"][name][row])))
                        dtype, shape = data.attrs["dtype"], data.shape[1:]
                        tensors.append((urllib.parse.unquote(name), dtype, shape, sha256(raw)))
                if kind == "pack":
                    digests[int(step)] = digest(tensors)
        if "step_digests" in file:
            for step, first, second in file["step_digests"][...]:
                if int(step) in digests:
                    compare("steps", f"{first:016x}{second:016x}", digests[int(step)][:32])

for kind, count in sorted(counts.items()):
    print(kind, count)
for step in sorted(digests):
    print("digest", step, digests[step])
