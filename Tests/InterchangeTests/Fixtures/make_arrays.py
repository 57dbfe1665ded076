"""Writes numpy_*.npz, numpy_*.npy and safetensors_*.safetensors with the reference libraries and
what they hold as arrays_expected.json. Run in this folder with NumPy, ml_dtypes and safetensors.
"""

import json

import ml_dtypes
import numpy
import safetensors.numpy

generator = numpy.random.RandomState(11)
kinds = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()


def array(kind, shape):
    values = generator.standard_normal(shape) * 40
    if kind.startswith("u"):
        values = abs(values)
    if kind == "bool":
        values = values > 0
    if kind.startswith("complex"):
        values = values - 1j * values[::-1]
    return values.astype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind)


plain = {kind: array(kind, (3, 5)) for kind in kinds + ["complex64", "bfloat16"]}
numbers = {
    **{kind: array(kind, (3, 5)) for kind in kinds + ["complex64", "complex128", "bfloat16"]},
    "scalar": numpy.array(2.5),
    "empty": numpy.zeros((0, 3), "float32"),
    "vector": numpy.arange(4, dtype="int16"),
    "fortran": numpy.asfortranarray(numpy.arange(24.0).reshape(2, 3, 4)),
    "big_endian": numpy.arange(6, dtype=">i4").reshape(2, 3),
    "big_complex": (numpy.arange(3) + 2j).astype(">c16"),
    "folder/inner": numpy.ones(2, "float32"),
}


def rows(arrays):
    for name, value in arrays.items():
        little = numpy.ascontiguousarray(value).reshape(value.shape)
        if value.dtype != ml_dtypes.bfloat16:
            little = little.astype(value.dtype.newbyteorder("<"))
        yield name, value.dtype.name, list(value.shape), little.tobytes().hex()


expected = {}
numpy.savez("numpy_stored.npz", **numbers)
numpy.savez_compressed("numpy_deflated.npz", **numbers)
expected["numpy_stored.npz"] = expected["numpy_deflated.npz"] = list(rows(numbers))
numpy.save("numpy_array.npy", numbers["fortran"])
expected["numpy_array.npy"] = list(rows({"tensor": numbers["fortran"]}))
safetensors.numpy.save_file(plain, "safetensors_plain.safetensors", metadata={"format": "np"})
ordered = safetensors.numpy.load_file("safetensors_plain.safetensors")
expected["safetensors_plain.safetensors"] = sorted(rows(plain))
with open("arrays_expected.json", "w") as file:
    json.dump(expected, file, indent=0)
