"""Writes torch_*.pt with PyTorch and what PyTorch says they hold as torch_expected.json.

Run in this folder with PyTorch 2.x and NumPy; the files are small and committed.
"""

import argparse
import collections
import json
import zipfile

import numpy
import torch

torch.manual_seed(7)
dtypes = [
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.int16,
    torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool,
    torch.complex64, torch.complex128,
]


def every_dtype():
    values = {}
    for dtype in dtypes:
        source = torch.randn(3, 5, dtype=torch.float64) * 40
        if dtype in (torch.uint16, torch.uint32, torch.uint64, torch.uint8):
            source = source.abs()
        if dtype == torch.bool:
            source = source > 0
        if dtype in (torch.complex64, torch.complex128):
            source = torch.complex(source, -source.flip(0))
        values[str(dtype).removeprefix("torch.")] = source.to(dtype)
    return values


def views():
    base = torch.arange(120.0).reshape(2, 3, 4, 5)
    return {
        "transposed": base[0, 0].t(),
        "permuted": base.permute(3, 1, 0, 2),
        "slice": base[:, 1:, ::2, 1:4],
        "step": base[0, :, 1, ::3],
        "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 6),
        "overlapping": torch.arange(6.0).as_strided((4, 3), (1, 1)),
        "scalar": torch.tensor(3.5, dtype=torch.float64),
        "empty": torch.zeros(0, 4),
        "one": base[1, 2, 3, 4],
        "tied_a": base[0],
        "tied_b": base[0],
    }


def tree():
    ordered = collections.OrderedDict([("w", torch.ones(2)), ("b", torch.zeros(1))])
    return {
        "model": torch.nn.Linear(3, 2).state_dict(),
        "parameter": torch.nn.Parameter(torch.arange(4.0)),
        "ordered": ordered,
        "nested": [1, [2.5, ("three", None, True, False)], {4: {"five": torch.arange(2)}}],
        "counter": collections.Counter("aab"),
        "default": collections.defaultdict(list, {"k": [1, 2]}),
        "set": {7},
        "size": torch.Size([2, 3]),
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "bytes": b"\x00\xffz",
        "big": 2**80,
        "negative": -(2**40),
        "namespace": argparse.Namespace(lr=0.1, name="näme"),
        "numpy_scalar": numpy.float64(3.5),
        "numpy_integer": numpy.int32(-7),
        "numpy_array": numpy.arange(6, dtype=numpy.int16).reshape(2, 3),
        "numpy_fortran": numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
        "numpy_big_endian": numpy.arange(3, dtype=">f4"),
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-3}]},
    }


def flat(value, path=""):
    prefix = path + "." if path else ""
    if isinstance(value, numpy.ndarray):
        array = numpy.ascontiguousarray(value.astype(value.dtype.newbyteorder("<")))
        yield path, array.dtype.name, list(array.shape), array.tobytes().hex()
    elif isinstance(value, torch.Tensor):
        tensor = value.detach().contiguous()
        raw = bytes(tensor.clone().reshape(-1).view(torch.uint8).tolist()) if tensor.numel() else b""
        yield path, str(tensor.dtype).removeprefix("torch."), list(tensor.shape), raw.hex()
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, prefix + str(key))
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from flat(inner, prefix + str(position))


def rezip(source, target):
    """The same file, deflated by another program."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))


expected = {}
for name, content in [("dtypes", every_dtype()), ("views", views()), ("tree", tree())]:
    torch.save(content, f"torch_{name}.pt")
    expected[f"torch_{name}.pt"] = list(flat(content))
torch.save(tree(), "torch_protocol4.pt", pickle_protocol=4)
expected["torch_protocol4.pt"] = list(flat(torch.load("torch_protocol4.pt", weights_only=False)))
rezip("torch_tree.pt", "torch_deflated.pt")
expected["torch_deflated.pt"] = expected["torch_tree.pt"]
torch.serialization.set_crc32_options(False)
torch.save(every_dtype(), "torch_unchecked.pt")
expected["torch_unchecked.pt"] = list(flat(torch.load("torch_unchecked.pt")))
torch.save(tree()["model"], "torch_legacy.pt", _use_new_zipfile_serialization=False)
with open("torch_expected.json", "w") as file:
    json.dump(expected, file, indent=0)
