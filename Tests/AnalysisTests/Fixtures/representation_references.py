"""Reference values of RepresentationMeasureTests: python3 representation_references.py

Needs NumPy and ripser (0.6.15 gave the stored ones); ripser works in single precision.
"""
import numpy as np
from ripser import ripser

x = np.sin(np.arange(1, 41)[:, None] * np.arange(1, 4)[None, :] ** 2)
merges, loops = ripser(x, maxdim=1)["dgms"]
length = loops[:, 1] - loops[:, 0]
finite = merges[np.isfinite(merges[:, 1])]
print("loops", len(length), length.max(), length.sum(), (finite[:, 1] - finite[:, 0]).sum())

distance = np.linalg.norm(x[:, None] - x[None], axis=2)
distance.sort(axis=1)
ratio = np.sort(np.log(distance[:, 2] / distance[:, 1]))
n = len(ratio)
kept = int(0.9 * n)
y = -np.log(1 - np.arange(1, kept + 1) / n)
print("slope", (ratio[:kept] * y).sum() / (ratio[:kept] ** 2).sum())
print("dimension", n / ratio.sum())
