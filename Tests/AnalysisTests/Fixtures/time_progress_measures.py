"""Times the progress measures of modular addition in NumPy, for comparison with `cairn bench analyze`.

Usage: time_progress_measures.py [CHECKPOINTS] [P]

A one-layer transformer of the canonical size with random weights is evaluated on all pairs, and the
same measures as those of `cairn analyze progress` are computed in float64: losses, restricted and
excluded losses (sum, one key at a time, 2x2 and 3x3 blocks) on train, test and all pairs, the largest
excluded loss of a single frequency, the cosine coefficients, trig ratios, the fraction explained, and
what the directions that the logits read explain.
Prints seconds per checkpoint, forward pass and measures apart.
"""
import sys
import time

import numpy as np

checkpoints = int(sys.argv[1]) if len(sys.argv) > 1 else 5
p = int(sys.argv[2]) if len(sys.argv) > 2 else 113
width, heads, neurons, keys = 128, 4, 512, [14, 35, 41, 42, 52]
random = np.random.default_rng(0)
x, y = np.divmod(np.arange(p * p), p)
answer = (x + y) % p
train = random.permutation(p * p) < int(0.3 * p * p)
tokens = np.stack([x, y, np.full(p * p, p)], axis=1)


def weights():
    def normal(*shape):
        return random.normal(0, 1 / np.sqrt(width), shape)

    return {
        "embedding": normal(p + 1, width), "positions": normal(3, width),
        "query": normal(heads, width, width // heads), "key": normal(heads, width, width // heads),
        "value": normal(heads, width, width // heads), "output": normal(heads, width // heads, width),
        "in": normal(width, neurons), "in_bias": np.zeros(neurons),
        "out": normal(neurons, width), "out_bias": np.zeros(width), "unembedding": normal(width, p + 1),
    }


def forward(w):
    """Hidden layer and logits at the last position; only that position asks."""
    stream = w["embedding"][tokens] + w["positions"]
    last = stream[:, 2].copy()
    query = np.einsum("nd,hde->nhe", last, w["query"], optimize=True)
    key = np.einsum("ntd,hde->nhte", stream, w["key"], optimize=True)
    value = np.einsum("ntd,hde->nhte", stream, w["value"], optimize=True)
    score = np.einsum("nhe,nhte->nht", query, key, optimize=True) / np.sqrt(width // heads)
    score = np.exp(score - score.max(-1, keepdims=True))
    attention = score / score.sum(-1, keepdims=True)
    mixed = np.einsum("nht,nhte->nhe", attention, value, optimize=True)
    last += np.einsum("nhe,hed->nd", mixed, w["output"], optimize=True)
    hidden = np.maximum(last @ w["in"] + w["in_bias"], 0)
    return hidden, ((last + hidden @ w["out"] + w["out_bias"]) @ w["unembedding"])[:, :p]


def losses(logits):
    largest = logits.max(1, keepdims=True)
    each = np.log(np.exp(logits - largest).sum(1)) + largest[:, 0] - logits[np.arange(p * p), answer]
    return each[train].mean(), each[~train].mean(), each.mean()


basis = np.empty((p, p))
basis[0] = 1 / np.sqrt(p)
for k in range(1, (p - 1) // 2 + 1):
    angle = 2 * np.pi * k * np.arange(p) / p
    basis[2 * k - 1] = np.cos(angle) * np.sqrt(2 / p)
    basis[2 * k] = np.sin(angle) * np.sqrt(2 / p)


difference = (answer[:, None] - np.arange(p)) % p
cosines = np.cos(2 * np.pi * np.arange(p) / p)


def waves(frequencies):
    """Unit vectors on the grid of pairs: cos and sin of w_k times the answer."""
    rows = [basis[row][answer] / np.sqrt(p) for k in frequencies for row in (2 * k - 1, 2 * k)]
    return np.stack(rows)


def along(directions, values):
    return directions.T @ (directions @ values)


def block(logits, constant):
    cube = logits.reshape(p, p, p)
    result = np.zeros_like(cube)
    for k in keys:
        rows = basis[[2 * k - 1, 2 * k]]
        if constant:
            rows = np.concatenate([basis[:1], rows])
        coefficients = np.einsum("ix,jy,xyz->ijz", rows, rows, cube, optimize=True)
        if constant:
            coefficients[0, 0] = 0
        result += np.einsum("ix,jy,ijz->xyz", rows, rows, coefficients, optimize=True)
    return result.reshape(p * p, p)


def measures(hidden, logits, neuron_map):
    mean = logits.mean(0)
    projected = along(waves(keys), logits)
    restricted = projected + mean
    result = [losses(logits), losses(restricted), losses(logits - projected)]
    result.append((restricted.argmax(1) == answer).mean())
    for k in keys:
        result.append(losses(logits - along(waves([k]), logits)))
    for constant in (False, True):
        part = block(logits, constant)
        result += [losses(part + mean), losses(logits - part)]
    every = []
    for k in range(1, (p - 1) // 2 + 1):
        directions = waves([k])
        kept = logits[train] - directions[:, train].T @ (directions @ logits)
        largest = kept.max(1, keepdims=True)
        each = np.log(np.exp(kept - largest).sum(1)) + largest[:, 0]
        every.append((each - kept[np.arange(len(kept)), answer[train]]).mean())
    result.append(max(every))
    centred = logits - logits.mean(1, keepdims=True)
    squares = (centred**2).sum()
    explained = 0.0
    for k in range(1, (p - 1) // 2 + 1):
        wave = cosines[k * difference % p]
        coefficient = (wave * logits).sum() / np.linalg.norm(wave)
        result.append(coefficient)
        if k in keys:
            explained += coefficient**2 / squares
    result.append(explained)
    for values in (logits, hidden):
        total = ((values - values.mean(0)) ** 2).sum()
        result.append([((waves([k]) @ values) ** 2).sum() / total for k in keys])
    rows = [row for k in keys for row in (2 * k - 1, 2 * k)]
    read = hidden @ (neuron_map @ basis[rows].T)
    read -= read.mean(0)
    result.append((waves(keys) * read.T).sum(1) ** 2 / (read**2).sum(0))
    return result


seconds = np.zeros(2)
for _ in range(checkpoints):
    network = weights()
    start = time.perf_counter()
    hidden, logits = forward(network)
    middle = time.perf_counter()
    measures(hidden, logits, network["out"] @ network["unembedding"][:, :p])
    seconds += [middle - start, time.perf_counter() - middle]
forward_seconds, measure_seconds = seconds / checkpoints
print(f"forward pass {forward_seconds:.4f} s, measures {measure_seconds:.4f} s, "
      f"together {forward_seconds + measure_seconds:.4f} s a checkpoint")
