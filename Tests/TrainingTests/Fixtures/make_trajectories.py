"""Ten training steps of small networks in PyTorch, in double precision.

usage: make_trajectories.py > trajectories.json

Every case starts from weights that both programs compute by the same formula (`start` below), so
that the file holds losses only: the training loss before each of ten updates and after the last,
and the sum of squares of all weights at the end. Made with PyTorch 2 on a CPU.
"""
import itertools
import json
import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
P = 7
ROWS = [(x, y, (x - y) % P) for x in range(P) for y in range(P)][: int(0.6 * P * P)]
STEPS = 10


def start(name, shape):
    count = math.prod(shape)
    phase = sum(name.encode())
    wave = torch.tensor([math.sin(1.3 * i + phase) for i in range(count)]).reshape(shape)
    return 1 + 0.1 * wave if name.endswith("scale") else 0.25 * wave


NETWORKS = {
    "plain": dict(kind="transformer", layers=1, width=8, heads=2, mlp_width=12),
    "tied": dict(kind="transformer", layers=1, width=8, heads=2, mlp_width=12, tied=True,
                 activation="gelu"),
    "pre": dict(kind="transformer", layers=2, width=8, heads=2, mlp_width=12, normalization="pre",
                final_norm=True, activation="gelu", attention_biases=True, unembedding_bias=True),
    "post": dict(kind="transformer", layers=2, width=8, heads=4, mlp_width=12,
                 normalization="post", positions="sinusoidal", mlp_biases=False),
    "template": dict(kind="transformer", layers=2, width=8, heads=2, mlp_width=12,
                     normalization="post", final_norm=True, activation="gelu",
                     attention_biases=True, unembedding_bias=True),
    "mlp": dict(kind="mlp", embedding_width=5, hidden_width=9),
    "one_hot": dict(kind="one_hot", hidden_width=9),
}
OPTIMIZERS = {
    "gd": dict(kind="gd", learning_rate=0.02),
    "gd_l2": dict(kind="gd", learning_rate=0.02, weight_decay=0.1),
    "momentum": dict(kind="sgd", learning_rate=0.02, momentum=0.9),
    "momentum_l2": dict(kind="sgd", learning_rate=0.02, momentum=0.9, weight_decay=0.1),
    "sgd_decay": dict(kind="sgd", learning_rate=0.02, weight_decay=0.1, decay="to_zero"),
    "sgd_to_init": dict(kind="sgd", learning_rate=0.02, momentum=0.9, weight_decay=1.0,
                        decay="to_init"),
    "adam": dict(kind="adam", learning_rate=0.003),
    "adam_l2": dict(kind="adam", learning_rate=0.003, weight_decay=0.01),
    "adamw": dict(kind="adamw", learning_rate=0.003, weight_decay=1.0),
    "adamw_to_init": dict(kind="adamw", learning_rate=0.003, weight_decay=1.0, decay="to_init"),
}
# On the answer among all tokens, on it and the end token, on the answer among possible answers.
LOSSES = ["answer", "answer_eos", "answers_only"]
SCHEDULES = {"warmup": dict(warmup=4), "cosine": dict(warmup=3, shape="cosine", cosine_steps=5)}


def factor(schedule, step):
    if step < schedule["warmup"]:
        return step / schedule["warmup"]
    if schedule.get("shape") != "cosine":
        return 1
    time = min((step - schedule["warmup"]) / schedule["cosine_steps"], 1)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * time)) / 2


class Transformer:
    def __init__(self, config, vocabulary, length, classes=None):
        self.c = config
        self.classes = classes = classes or vocabulary
        width, heads = config["width"], config["heads"]
        hidden, head = config["mlp_width"], width // heads
        shapes = {"embedding": (vocabulary, width)}
        if config.get("positions", "learned") == "learned":
            shapes["positions"] = (length, width)
        for layer in range(config["layers"]):
            block = f"blocks.{layer}"
            for part in ("query", "key", "value"):
                shapes[f"{block}.attention.{part}"] = (heads, width, head)
                if config.get("attention_biases"):
                    shapes[f"{block}.attention.{part}_bias"] = (heads, head)
            shapes[f"{block}.attention.output"] = (heads, head, width)
            if config.get("attention_biases"):
                shapes[f"{block}.attention.output_bias"] = (width,)
            shapes[f"{block}.mlp.input"] = (width, hidden)
            shapes[f"{block}.mlp.output"] = (hidden, width)
            if config.get("mlp_biases", True):
                shapes[f"{block}.mlp.input_bias"] = (hidden,)
                shapes[f"{block}.mlp.output_bias"] = (width,)
            if config.get("normalization", "none") != "none":
                for norm in ("attention_norm", "mlp_norm"):
                    shapes[f"{block}.{norm}.scale"] = (width,)
                    shapes[f"{block}.{norm}.shift"] = (width,)
        if config.get("final_norm"):
            shapes["final_norm.scale"] = (width,)
            shapes["final_norm.shift"] = (width,)
        if not config.get("tied"):
            shapes["unembedding"] = (width, classes)
        if config.get("unembedding_bias"):
            shapes["unembedding_bias"] = (classes,)
        self.shapes = shapes
        self.length = length

    def norm(self, w, name, h):
        return F.layer_norm(h, h.shape[-1:], w[f"{name}.scale"], w[f"{name}.shift"], 1e-5)

    def attention(self, w, block, h):
        def project(part):
            value = torch.einsum("btd,hde->bhte", h, w[f"{block}.{part}"])
            bias = w.get(f"{block}.{part}_bias")
            return value if bias is None else value + bias[None, :, None, :]

        query, key, value = project("query"), project("key"), project("value")
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        mask = torch.ones(self.length, self.length).tril().bool()
        shares = scores.masked_fill(~mask, -math.inf).softmax(-1)
        result = torch.einsum("bhte,hed->btd", shares @ value, w[f"{block}.output"])
        bias = w.get(f"{block}.output_bias")
        return result if bias is None else result + bias

    def mlp(self, w, block, h):
        act = F.gelu if self.c.get("activation") == "gelu" else F.relu
        inner = h @ w[f"{block}.input"]
        if f"{block}.input_bias" in w:
            inner = inner + w[f"{block}.input_bias"]
        outer = act(inner) @ w[f"{block}.output"]
        return outer + w[f"{block}.output_bias"] if f"{block}.output_bias" in w else outer

    def logits(self, w, tokens):
        width = self.c["width"]
        h = w["embedding"][tokens]
        if "positions" in w:
            h = h + w["positions"]
        else:
            table = torch.zeros(self.length, width)
            for t, i in itertools.product(range(self.length), range(width)):
                table[t, i] = (math.sin(t / 10000 ** (i / width)) if i % 2 == 0
                               else math.cos(t / 10000 ** ((i - 1) / width)))
            h = h + table
        kind = self.c.get("normalization", "none")
        for layer in range(self.c["layers"]):
            block = f"blocks.{layer}"
            for part, norm, apply in (("attention", "attention_norm", self.attention),
                                      ("mlp", "mlp_norm", self.mlp)):
                inside = self.norm(w, f"{block}.{norm}", h) if kind == "pre" else h
                h = h + apply(w, f"{block}.{part}", inside)
                if kind == "post":
                    h = self.norm(w, f"{block}.{norm}", h)
        if self.c.get("final_norm"):
            h = self.norm(w, "final_norm", h)
        tied = self.c.get("tied")
        logits = h @ (w["embedding"][:self.classes].T if tied else w["unembedding"])
        return logits + w["unembedding_bias"] if "unembedding_bias" in w else logits


class Pairs:
    def __init__(self, config):
        self.c = config
        e, h = config.get("embedding_width"), config["hidden_width"]
        if config["kind"] == "mlp":
            self.shapes = {"left_embedding": (P, e), "right_embedding": (P, e),
                           "hidden": (2 * e, h), "unembedding": (h, P)}
        else:
            self.shapes = {"hidden": (2 * P, h), "unembedding": (h, P)}

    def logits(self, w, tokens):
        if self.c["kind"] == "mlp":
            x = torch.cat([w["left_embedding"][tokens[:, 0]], w["right_embedding"][tokens[:, 1]]], 1)
            hidden = F.relu(x @ w["hidden"])
        else:
            x = torch.cat([F.one_hot(tokens[:, 0], P), F.one_hot(tokens[:, 1], P)], 1).double()
            hidden = (x @ w["hidden"]) ** 2
        return (hidden @ w["unembedding"])[:, None]


def problem(config, loss):
    """The network, its tokens, its targets and where they are read."""
    if config["kind"] != "transformer":
        tokens = [(x, y) for x, y, _ in ROWS]
        return Pairs(config), tokens, [(c,) for *_, c in ROWS], [0]
    if loss != "answer_eos":
        tokens = [(x, y, P) for x, y, _ in ROWS]
        classes = P if loss == "answers_only" else P + 1
        return Transformer(config, P + 1, 3, classes), tokens, [(c,) for *_, c in ROWS], [2]
    tokens = [(0, x + 3, 2, y + 3, 1, c + 3) for x, y, c in ROWS]
    return Transformer(config, P + 3, 6), tokens, [(c + 3, 0) for *_, c in ROWS], [4, 5]


def optimizer(config, weights):
    """PyTorch's own rule, and what is done to the weights before each of its steps."""
    values = list(weights.values())
    rate, decay = config["learning_rate"], config.get("weight_decay", 0)
    form = config.get("decay", "to_zero" if config["kind"] == "adamw" else "honest")
    l2 = decay if form == "honest" else 0
    if config["kind"] in ("gd", "sgd"):
        rule = torch.optim.SGD(values, rate, momentum=config.get("momentum", 0), weight_decay=l2)
    elif config["kind"] == "adamw" and form == "to_zero":
        rule = torch.optim.AdamW(values, rate, betas=(0.9, 0.98), weight_decay=decay)
    else:
        rule = torch.optim.Adam(values, rate, betas=(0.9, 0.98), weight_decay=l2)
    anchor = [v.detach().clone() for v in values]

    def before(rate):
        with torch.no_grad():
            for value, first in zip(values, anchor):
                if form == "to_init":
                    value += rate * decay * (first - value)
                elif form == "to_zero" and config["kind"] == "sgd":
                    value *= 1 - rate * decay

    return rule, before


def run(network, rule, loss, schedule="warmup"):
    config, options = NETWORKS[network], OPTIMIZERS[rule]
    model, tokens, targets, places = problem(config, loss)
    weights = {n: start(n, s).requires_grad_() for n, s in model.shapes.items()}
    tokens, targets = torch.tensor(tokens), torch.tensor(targets)

    def compute():
        logits = model.logits(weights, tokens)[:, places]
        return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))

    step_rule, before = optimizer(options, weights)
    losses = []
    for step in range(STEPS):
        value = compute()
        losses.append(value.item())
        step_rule.zero_grad()
        value.backward()
        rate = options["learning_rate"] * factor(SCHEDULES[schedule], step)
        for group in step_rule.param_groups:
            group["lr"] = rate
        before(rate)
        step_rule.step()
    losses.append(compute().item())
    squares = sum((v.detach() ** 2).sum().item() for v in weights.values())
    return dict(network=network, optimizer=rule, loss=loss, schedule=schedule, losses=losses,
                squares=squares)


cases = []
for network in NETWORKS:
    for loss in LOSSES if NETWORKS[network]["kind"] == "transformer" else LOSSES[:1]:
        for rule in OPTIMIZERS:
            cases.append(run(network, rule, loss))
for network in ("plain", "mlp"):
    for rule in ("momentum", "adamw"):
        cases.append(run(network, rule, "answer", "cosine"))
lines = ",\n".join(json.dumps(case, sort_keys=True) for case in cases)
print('{"networks": %s,\n"optimizers": %s,\n"schedules": %s,\n"cases": [\n%s\n]}'
      % (json.dumps(NETWORKS), json.dumps(OPTIMIZERS), json.dumps(SCHEDULES), lines))
