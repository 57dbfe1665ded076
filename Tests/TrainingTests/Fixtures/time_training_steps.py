"""Updates a second of the networks that `cairn bench train --preset NAME` times, in eager PyTorch.

usage: time_training_steps.py {power-divide|chughtai-s5-mlp|one-hot} [STEPS]       (numpy, torch)

Same shapes, batch sizes, losses and optimiser (AdamW, fused) as the presets of those names, float32
weights, two threads. What PyTorch need not compute is left out in its favour: only the read-out
positions are unembedded, and batches are drawn with one index per update.
"""
import math, sys, time
import numpy as np
import torch
import torch.nn.functional as F

kind = sys.argv[1]
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 300
torch.set_num_threads(2)
torch.manual_seed(0)


def two_layer_transformer():
    """Power et al. 2022: x / y mod 97 as `eos x o y = r eos`, post-norm, no biases, 512 of the rows."""
    p, width, heads, hidden, vocabulary = 97, 128, 4, 512, 239
    rows = torch.tensor([(x * y % p, y, x) for x in range(p) for y in range(1, p)])
    rows = rows[torch.randperm(len(rows))[: len(rows) // 2]] + 2
    fill = lambda token: torch.full((len(rows), 1), token)
    sequences = torch.cat(
        [fill(0), rows[:, :1], fill(100), rows[:, 1:2], fill(1), rows[:, 2:], fill(0)], 1)
    positions = torch.zeros(6, width)
    for i in range(0, width, 2):
        angle = torch.arange(6) / 10000 ** (i / width)
        positions[:, i], positions[:, i + 1] = torch.sin(angle), torch.cos(angle)
    mask = torch.triu(torch.full((6, 6), -math.inf), 1)

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            linear = lambda m, n: torch.nn.Linear(m, n, bias=False)
            self.qkv, self.out = linear(width, 3 * width), linear(width, width)
            self.up, self.down = linear(width, hidden), linear(hidden, width)
            self.norm1, self.norm2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)

        def forward(self, h):
            n, length, _ = h.shape
            q, k, v = self.qkv(h).view(n, length, 3, heads, -1).permute(2, 0, 3, 1, 4)
            a = (q @ k.transpose(-1, -2) / math.sqrt(width // heads) + mask).softmax(-1)
            h = self.norm1(h + self.out((a @ v).transpose(1, 2).reshape(n, length, width)))
            return self.norm2(h + self.down(F.relu(self.up(h))))

    embedding = torch.nn.Embedding(vocabulary, width)
    blocks = torch.nn.Sequential(Block(), Block())
    unembedding = torch.nn.Linear(width, vocabulary, bias=False)
    batch = min(512, math.ceil(len(rows) / 2))

    def loss():
        chosen = sequences[torch.randint(len(sequences), (batch,))]
        h = blocks(embedding(chosen[:, :-1]) + positions)[:, -2:]
        return F.cross_entropy(unembedding(h).flatten(0, 1), chosen[:, -2:].flatten())

    modules = [embedding, blocks, unembedding]
    return loss, [q for module in modules for q in module.parameters()]


def two_embeddings():
    """Chughtai et al. 2023: composition in S5 on 40 % of the pairs, float64 loss."""
    n, embedding, hidden = 120, 256, 128
    weight = lambda *shape: torch.nn.Parameter(torch.randn(*shape) / math.sqrt(shape[0]))
    x_embedding, y_embedding = weight(n, embedding), weight(n, embedding)
    into, unembedding = weight(2 * embedding, hidden), weight(hidden, n)
    pairs = torch.randperm(n * n)[: int(0.4 * n * n)]
    x, y = pairs // n, pairs % n
    # Which element is the answer does not change the time.
    answers = (x + y) % n

    def loss():
        h = F.relu(torch.cat([x_embedding[x], y_embedding[y]], 1) @ into)
        return F.cross_entropy((h @ unembedding).double(), answers)

    return loss, [x_embedding, y_embedding, into, unembedding]


def one_hot():
    """One-hot codes of both operands, 512 quadratic neurons, mod 97, half of the pairs."""
    n, hidden = 97, 512
    weight = lambda *shape: torch.nn.Parameter(torch.randn(*shape) / math.sqrt(shape[0]))
    into, unembedding = weight(2 * n, hidden), weight(hidden, n)
    pairs = torch.randperm(n * n)[: n * n // 2]
    x, y = pairs // n, pairs % n
    codes = torch.cat([F.one_hot(x, n), F.one_hot(y, n)], 1).float()
    answers = (x + y) % n

    def loss():
        return F.cross_entropy(((codes @ into) ** 2 @ unembedding).double(), answers)

    return loss, [into, unembedding]


make = {"power-divide": two_layer_transformer, "chughtai-s5-mlp": two_embeddings, "one-hot": one_hot}
loss, parameters = make[kind]()
optimizer = torch.optim.AdamW(
    parameters, lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98), fused=True)
times = []
for step in range(steps):
    began = time.perf_counter()
    value = loss()
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    times.append(time.perf_counter() - began)
print(f"{kind} steps/s {1 / np.median(times[5:]):.2f} loss {value.item():.5f}")
