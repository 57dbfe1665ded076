"""Writes adamw_trajectories.json: losses of ten AdamW steps in PyTorch (float64) for each network.

The networks are written here with PyTorch's own functions and automatic differentiation, from the
published definitions. Initial weights come from SplitMix64, which the Swift test repeats.

usage: python make_adamw_trajectories.py   (needs torch; versions are recorded in the file)
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
STEPS, RATE, DECAY, BETAS = 10, 1e-2, 1.0, (0.9, 0.98)


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        """A multiple of 2^-53 in [-0.5, 0.5)."""
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        return (z >> 11) * 2.0**-53 - 0.5


def shapes(net, space):
    kind, vocabulary, classes = net["kind"], space["vocabulary"], space["class_count"]
    if kind == "mlp":
        e, h = net["embedding_width"], net["hidden_width"]
        return [("left_embedding", (vocabulary, e)), ("right_embedding", (vocabulary, e)),
                ("hidden", (2 * e, h)), ("unembedding", (h, classes))]
    if kind == "one_hot":
        h = net["hidden_width"]
        return [("hidden", (space["length"] * vocabulary, h)), ("unembedding", (h, classes))]
    d, heads, m = net["width"], net["heads"], net["mlp_width"]
    out = [("embedding", (vocabulary, d))]
    if net["positions"] == "learned":
        out.append(("positions", (space["length"], d)))

    def norm(name):
        return [(name + ".scale", (d,)), (name + ".shift", (d,))]

    for layer in range(net["layers"]):
        b = f"blocks.{layer}."
        for part in ("query", "key", "value"):
            out.append((b + "attention." + part, (heads, d, d // heads)))
            if net["attention_biases"]:
                out.append((b + f"attention.{part}_bias", (heads, d // heads)))
        out.append((b + "attention.output", (heads, d // heads, d)))
        if net["attention_biases"]:
            out.append((b + "attention.output_bias", (d,)))
        if net["normalization"] != "none":
            out += norm(b + "attention_norm")
        out.append((b + "mlp.input", (d, m)))
        if net["mlp_biases"]:
            out.append((b + "mlp.input_bias", (m,)))
        out.append((b + "mlp.output", (m, d)))
        if net["mlp_biases"]:
            out.append((b + "mlp.output_bias", (d,)))
        if net["normalization"] != "none":
            out += norm(b + "mlp_norm")
    if net["final_norm"]:
        out += norm("final_norm")
    if not net["tied"]:
        out.append(("unembedding", (d, classes)))
    if net["unembedding_bias"]:
        out.append(("unembedding_bias", (classes,)))
    return out


def activate(net, x):
    if net["activation"] == "relu":
        return F.relu(x)
    return F.gelu(x) if net["activation"] == "gelu" else x * x


def logits(net, space, p, tokens):
    """[examples, positions, classes] for transformers, [examples, 1, classes] otherwise."""
    if net["kind"] == "mlp":
        x = torch.cat([p["left_embedding"][tokens[:, 0]], p["right_embedding"][tokens[:, 1]]], 1)
        return (activate(net, x @ p["hidden"]) @ p["unembedding"])[:, None]
    if net["kind"] == "one_hot":
        x = F.one_hot(tokens, space["vocabulary"]).to(p["hidden"].dtype).flatten(1)
        return (activate(net, x @ p["hidden"]) @ p["unembedding"])[:, None]
    length, d, heads = tokens.shape[1], net["width"], net["heads"]
    span = d // heads
    if net["positions"] == "learned":
        position = p["positions"]
    else:
        position = torch.tensor([[
            (math.sin if i % 2 == 0 else math.cos)(t / 10000 ** ((i - i % 2) / d))
            for i in range(d)] for t in range(length)])
    x = p["embedding"][tokens] + position
    mask = torch.tril(torch.ones(length, length)).bool()

    def norm(name, value):
        return F.layer_norm(value, (d,), p[name + ".scale"], p[name + ".shift"], eps=1e-5)

    for layer in range(net["layers"]):
        b = f"blocks.{layer}."
        pre, post = net["normalization"] == "pre", net["normalization"] == "post"
        h = norm(b + "attention_norm", x) if pre else x

        def project(part):
            out = torch.einsum("btd,hde->bhte", h, p[b + "attention." + part])
            if net["attention_biases"]:
                out = out + p[b + f"attention.{part}_bias"][None, :, None]
            return out

        q, k, v = project("query"), project("key"), project("value")
        scores = (q @ k.transpose(-1, -2) / math.sqrt(span)).masked_fill(~mask, -torch.inf)
        mixed = scores.softmax(-1) @ v
        out = torch.einsum("bhte,hed->btd", mixed, p[b + "attention.output"])
        if net["attention_biases"]:
            out = out + p[b + "attention.output_bias"]
        x = x + out
        if post:
            x = norm(b + "attention_norm", x)
        h = norm(b + "mlp_norm", x) if pre else x
        h = h @ p[b + "mlp.input"]
        if net["mlp_biases"]:
            h = h + p[b + "mlp.input_bias"]
        h = activate(net, h) @ p[b + "mlp.output"]
        if net["mlp_biases"]:
            h = h + p[b + "mlp.output_bias"]
        x = x + h
        if post:
            x = norm(b + "mlp_norm", x)
    if net["final_norm"]:
        x = norm("final_norm", x)
    out = x @ (p["embedding"].T[:, :space["class_count"]] if net["tied"] else p["unembedding"])
    return out + p["unembedding_bias"] if net["unembedding_bias"] else out


def trajectory(case):
    net, space = case["network"], case["space"]
    draw = SplitMix(case["seed"])
    p = {}
    for name, shape in shapes(net, space):
        values = [case["scale"] * draw.uniform() + (1 if name.endswith(".scale") else 0)
                  for _ in range(math.prod(shape))]
        p[name] = torch.nn.Parameter(torch.tensor(values).reshape(shape))
    tokens = torch.tensor(case["tokens"]).reshape(-1, space["length"])
    targets = torch.tensor(case["targets"]).reshape(tokens.shape[0], -1)
    positions = case["readout_positions"]
    optimizer = torch.optim.AdamW(p.values(), lr=RATE, weight_decay=DECAY, betas=BETAS, eps=1e-8)
    losses = []
    for _ in range(STEPS + 1):
        out = logits(net, space, p, tokens)
        read = out[:, positions] if net["kind"] == "transformer" else out
        loss = F.cross_entropy(read.flatten(0, 1), targets.flatten())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def transformer(**changes):
    base = dict(kind="transformer", layers=1, width=16, heads=4, mlp_width=32, activation="relu",
                normalization="none", final_norm=False, positions="learned",
                attention_biases=False, mlp_biases=True, unembedding_bias=False, tied=False)
    return {**base, **changes}


def pairs(modulus, tail):
    rows = [(a, b) for a in range(modulus) for b in range(modulus) if (3 * a + 5 * b) % 7 != 0]
    return ([t for a, b in rows for t in (a, b, *tail)], [(a - b) % modulus for a, b in rows])


def cases():
    equals, difference = pairs(11, (11,))
    plain, same = pairs(11, ())
    template = dict(tokens=equals, targets=difference, readout_positions=[2],
                    space=dict(vocabulary=12, length=3, class_count=12))
    yield dict(template, name="one layer, ReLU, no norm", network=transformer())
    yield dict(template, name="one layer, pre-norm, GELU, all biases, final norm",
               network=transformer(activation="gelu", normalization="pre", final_norm=True,
                                   attention_biases=True, unembedding_bias=True))
    yield dict(template, name="one layer, post-norm, tied, quadratic",
               network=transformer(activation="quadratic", normalization="post", tied=True))
    yield dict(template, name="three layers, pre-norm, GELU, tied",
               network=transformer(layers=3, activation="gelu", normalization="pre", tied=True,
                                   final_norm=True))
    # eos a op b = c -> answers at "=" and at c, as in the loss on answer and end token.
    sequence = [t for a, b in zip(plain[::2], plain[1::2])
                for t in (13, a, 12, b, 11, (a - b) % 11)]
    both = [t for c in same for t in (c, 13)]
    long = dict(tokens=sequence, targets=both, readout_positions=[4, 5],
                space=dict(vocabulary=14, length=6, class_count=14))
    yield dict(long, name="two layers, post-norm, sinusoidal, answer and end token",
               network=transformer(layers=2, normalization="post", positions="sinusoidal",
                                   mlp_biases=False))
    yield dict(long, name="two layers, no norm, GELU, answer and end token",
               network=transformer(layers=2, activation="gelu"))
    short = dict(tokens=plain, targets=same, readout_positions=[1],
                 space=dict(vocabulary=11, length=2, class_count=11))
    for activation in ("relu", "gelu", "quadratic"):
        yield dict(short, name=f"two embeddings, {activation}", network=dict(
            kind="mlp", embedding_width=9, hidden_width=14, activation=activation))
        yield dict(short, name=f"one-hot, {activation}", network=dict(
            kind="one_hot", hidden_width=15, activation=activation))


if __name__ == "__main__":
    written = []
    for index, case in enumerate(cases()):
        case.update(seed=100 + index, scale=0.8)
        case["losses"] = trajectory(case)
        print(case["name"], case["losses"][0], case["losses"][-1])
        written.append(case)
    target = pathlib.Path(__file__).with_name("adamw_trajectories.json")
    header = dict(torch=torch.__version__.split("+")[0], learning_rate=RATE, weight_decay=DECAY,
                  beta1=BETAS[0], beta2=BETAS[1])
    lines = ",\n".join(json.dumps(case, sort_keys=True) for case in written)
    target.write_text(json.dumps(header, sort_keys=True)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
