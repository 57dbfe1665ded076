"""Writes small runs in the published layouts with PyTorch, and in layouts_expected.json the loss of
each, computed here from the definitions in float64. Run in this folder with PyTorch.

The networks are random: what is tested is which tensor, axis, row and position means what.
"""

import json
import math
import os
import random
import shutil
import sys
import types

import numpy
import torch
import torch.nn.functional as F

torch.manual_seed(3)
P, D, HEADS, HEAD, MLP = 7, 8, 2, 4, 12
expected = {}


def attention(x, q, k, v, o, bq=0, bk=0, bv=0, bo=0):
    """x [n, t, d]; q, k, v [heads, d, head]; o [heads, head, d]."""
    query, key, value = (torch.einsum("ntd,hde->nthe", x, w) + b for w, b in ((q, bq), (k, bk), (v, bv)))
    scores = torch.einsum("nthe,nshe->nhts", query, key) / math.sqrt(q.shape[-1])
    length = x.shape[1]
    mask = torch.tril(torch.ones(length, length)) == 0
    weights = scores.masked_fill(mask, float("-inf")).softmax(-1)
    return torch.einsum("nhts,nshe,hed->ntd", weights, value, o) + bo


def norm(x, w, b):
    return F.layer_norm(x, (x.shape[-1],), w, b)


def pairs(p):
    x = torch.arange(p * p) // p
    y = torch.arange(p * p) % p
    return x, y


def progress_measures():
    """{init,0,2,final}.pth with column conventions."""

    def state(scale):
        r = lambda *shape: torch.randn(*shape) * scale
        return {
            "embed.W_E": r(D, P + 1), "pos_embed.W_pos": r(3, D),
            "blocks.0.attn.W_K": r(HEADS, HEAD, D), "blocks.0.attn.W_Q": r(HEADS, HEAD, D),
            "blocks.0.attn.W_V": r(HEADS, HEAD, D), "blocks.0.attn.W_O": r(D, HEADS * HEAD),
            "blocks.0.attn.mask": torch.tril(torch.ones(3, 3)), "blocks.0.mlp.W_in": r(MLP, D),
            "blocks.0.mlp.b_in": r(MLP), "blocks.0.mlp.W_out": r(D, MLP),
            "blocks.0.mlp.b_out": r(D), "unembed.W_U": r(D, P + 1),
        }

    def loss(s, rows):
        s = {k: v.double() for k, v in s.items()}
        x, y = pairs(P)
        tokens = torch.stack([x, y, torch.full_like(x, P)], 1)[rows]
        h = s["embed.W_E"].T[tokens] + s["pos_embed.W_pos"]
        turn = lambda n: s[f"blocks.0.attn.{n}"].transpose(1, 2)
        o = s["blocks.0.attn.W_O"].reshape(D, HEADS, HEAD).permute(1, 2, 0)
        h = h + attention(h, turn("W_Q"), turn("W_K"), turn("W_V"), o)
        hidden = F.relu(h @ s["blocks.0.mlp.W_in"].T + s["blocks.0.mlp.b_in"])
        h = h + hidden @ s["blocks.0.mlp.W_out"].T + s["blocks.0.mlp.b_out"]
        logits = (h @ s["unembed.W_U"])[:, -1]
        return F.cross_entropy(logits, ((x + y) % P)[rows]).item()

    os.makedirs("progress_measures", exist_ok=True)
    cells = [(i, j, P) for i in range(P) for j in range(P)]
    random.seed(5)
    random.shuffle(cells)
    train, test = cells[:20], cells[20:]
    rows = torch.tensor([i * P + j for i, j, _ in train])
    for name, extra in [
        ("init", {"train_data": train, "test_data": test}),
        ("0", {"train_loss": 3.5, "test_loss": 4.5, "epoch": 0}),
        ("2", {"train_loss": 2.5, "test_loss": 4.25, "epoch": 2}),
    ]:
        s = state(0.5)
        torch.save({"model": s, **extra}, f"progress_measures/{name}.pth")
        expected[f"progress_measures/{name}"] = loss(s, rows)
    s = state(0.5)
    parameters = [v for k, v in s.items() if not k.endswith("mask")]
    moments = {
        i: {"step": torch.tensor(4.0), "exp_avg": torch.randn_like(v), "exp_avg_sq": v * v}
        for i, v in enumerate(parameters)
    }
    group = {"lr": 1e-3, "betas": (0.9, 0.98), "eps": 1e-8, "weight_decay": 1.0, "initial_lr": 1e-3,
             "params": list(range(len(parameters)))}
    torch.save(
        {"model": s, "train_losses": [4.0, 3.5, 3.0, 2.5], "test_losses": [5.0, 4.5, 4.3, 4.25],
         "epoch": 4, "optimizer": {"state": moments, "param_groups": [group]}},
        "progress_measures/final.pth")
    expected["progress_measures/final"] = loss(s, rows)
    expected["progress_measures/train"] = rows.tolist()
    expected["progress_measures/moment"] = moments[4]["exp_avg"].transpose(1, 2).flatten().tolist()


class HookedTransformerConfig:
    def __init__(self):
        self.act_fn, self.d_model, self.seed = "relu", D, 999


def transformer_lens():
    """One file with many checkpoints, row conventions, biases and layer norms."""

    def state():
        r = lambda *shape: torch.randn(*shape) * 0.4
        s = {"embed.W_E": r(P + 1, D), "pos_embed.W_pos": r(3, D)}
        for layer in range(2):
            b = f"blocks.{layer}."
            s |= {b + "ln1.w": 1 + r(D), b + "ln1.b": r(D), b + "ln2.w": 1 + r(D), b + "ln2.b": r(D)}
            for n in "QKV":
                s[b + f"attn.W_{n}"], s[b + f"attn.b_{n}"] = r(HEADS, D, HEAD), r(HEADS, HEAD)
            s |= {b + "attn.W_O": r(HEADS, HEAD, D), b + "attn.b_O": r(D), b + "mlp.W_in": r(D, MLP),
                  b + "mlp.b_in": r(MLP), b + "mlp.W_out": r(MLP, D), b + "mlp.b_out": r(D),
                  b + "attn.mask": torch.ones(3, 3), b + "attn.IGNORE": torch.tensor(-1e5)}
        return s | {"ln_final.w": 1 + r(D), "ln_final.b": r(D), "unembed.W_U": r(D, P),
                    "unembed.b_U": torch.zeros(P)}

    def loss(s):
        s = {k: v.double() for k, v in s.items()}
        x, y = pairs(P)
        h = s["embed.W_E"][torch.stack([x, y, torch.full_like(x, P)], 1)] + s["pos_embed.W_pos"]
        for layer in range(2):
            g = lambda n: s[f"blocks.{layer}.{n}"]
            h = h + attention(
                norm(h, g("ln1.w"), g("ln1.b")), g("attn.W_Q"), g("attn.W_K"), g("attn.W_V"),
                g("attn.W_O"), g("attn.b_Q"), g("attn.b_K"), g("attn.b_V"), g("attn.b_O"))
            hidden = F.relu(norm(h, g("ln2.w"), g("ln2.b")) @ g("mlp.W_in") + g("mlp.b_in"))
            h = h + hidden @ g("mlp.W_out") + g("mlp.b_out")
        logits = (norm(h, s["ln_final.w"], s["ln_final.b"]) @ s["unembed.W_U"])[:, -1]
        return F.cross_entropy(logits, (x + y) % P).item()

    module = types.ModuleType("transformer_lens.HookedTransformerConfig")
    module.HookedTransformerConfig = HookedTransformerConfig
    HookedTransformerConfig.__module__ = module.__name__
    sys.modules["transformer_lens"] = types.ModuleType("transformer_lens")
    sys.modules[module.__name__] = module
    states = [state() for _ in range(3)]
    order = torch.randperm(P * P)
    torch.save(
        {"model": states[-1], "config": HookedTransformerConfig(), "checkpoints": states,
         "checkpoint_epochs": [0, 10, 20], "train_losses": [1.0] * 20, "test_losses": [2.0] * 20,
         "train_indices": order[:15], "test_indices": order[15:]}, "transformer_lens.pth")
    expected["transformer_lens/losses"] = [loss(s) for s in states]
    expected["transformer_lens/train"] = order[:15].tolist()


def grok():
    """A Lightning checkpoint of the grokking paper's code, with its metrics in percent."""
    r = lambda *shape: torch.randn(*shape) * 0.4
    t = "transformer."
    s = {t + "position_encoding": torch.zeros(50, D), t + "self_attn_mask": torch.ones(50, 50),
         t + "embedding.weight": r(239, D)}
    for layer in range(2):
        b = f"{t}decoder.blocks.{layer}."
        for head in range(HEADS):
            for n in "qkv":
                s[f"{b}self_attn.attn_heads.{head}.W{n}.weight"] = r(HEAD, D)
        s |= {b + "self_attn.Wo.weight": r(D, D), b + "self_attn_norm.weight": 1 + r(D),
              b + "self_attn_norm.bias": r(D), b + "ffn.ffn.0.weight": r(4 * D, D),
              b + "ffn.ffn.2.weight": r(D, 4 * D), b + "ffn_norm.weight": 1 + r(D),
              b + "ffn_norm.bias": r(D)}
    s[t + "linear.weight"] = r(239, D)

    double = {k: v.double() for k, v in s.items()}
    operators = ["sort", "reverse", "copy", "+", "-", "*", "/", "**2+", "**3+",
                 "x**2+y**2_mod_97", "x**2+y**2+x*y_mod_97", "x**2+y**2+x*y+x_mod_97",
                 "x**3+x*y_mod_97", "x**3+x*y**2+y_mod_97",
                 "(x._value//y)if(y._value%2==1)else(x-y)_mod_97", "s5", "s5conj", "s5aba", "+*", "+-"]
    equation = {word: i for i, word in enumerate(["<|eos|>", "="] + sorted(operators))}
    x, y = pairs(97)
    c = (x - y) % 97
    first = 22
    full = torch.stack(
        [torch.zeros_like(x), x + first, torch.full_like(x, equation["-"]), y + first,
         torch.ones_like(x), c + first, torch.zeros_like(x)], 1)
    order = list(range(97 * 97))
    numpy.random.RandomState(0).shuffle(order)
    rows = order[: round(len(order) * 0.5)]
    tokens, targets = full[rows][:, :-1], full[rows][:, 1:]
    position = torch.zeros(6, D, dtype=torch.float64)
    for i in range(D):
        angle = torch.arange(6).double() / 10000 ** ((i if i % 2 == 0 else i - 1) / D)
        position[:, i] = torch.sin(angle) if i % 2 == 0 else torch.cos(angle)
    h = double[t + "embedding.weight"][tokens] + position
    for layer in range(2):
        g = lambda n: double[f"{t}decoder.blocks.{layer}.{n}"]
        stack = lambda n: torch.stack([g(f"self_attn.attn_heads.{i}.W{n}.weight").T for i in range(HEADS)])
        o = g("self_attn.Wo.weight").reshape(D, HEADS, HEAD).permute(1, 2, 0)
        h = norm(h + attention(h, stack("q"), stack("k"), stack("v"), o),
                 g("self_attn_norm.weight"), g("self_attn_norm.bias"))
        ffn = F.relu(h @ g("ffn.ffn.0.weight").T) @ g("ffn.ffn.2.weight").T
        h = norm(h + ffn, g("ffn_norm.weight"), g("ffn_norm.bias"))
    logits = h @ double[t + "linear.weight"].T
    expected["grok/train_loss"] = F.cross_entropy(
        logits[:, -2:].flatten(0, 1), targets[:, -2:].flatten()).item()

    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    module.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})
    for name in ["pytorch_lightning", "pytorch_lightning.callbacks"]:
        sys.modules[name] = types.ModuleType(name)
    sys.modules[module.__name__] = module
    os.makedirs("grok/checkpoints", exist_ok=True)
    os.makedirs("grok/default/version_0", exist_ok=True)
    parameters = [v for k, v in s.items() if "encoding" not in k and "mask" not in k]
    state = {i: {"step": 80, "exp_avg": v, "exp_avg_sq": v * v} for i, v in enumerate(parameters)}
    torch.save(
        {"epoch": 8, "global_step": 80, "pytorch-lightning_version": "1.1", "state_dict": s,
         "callbacks": {module.ModelCheckpoint: {"best_model_score": None}},
         "optimizer_states": [{"state": state, "param_groups": [
             {"lr": 0.001, "betas": (0.9, 0.98), "eps": 1e-8, "weight_decay": 1.0,
              "params": list(range(len(parameters)))}]}],
         "lr_schedulers": [{"lr_lambdas": [{}]}], "hparams_name": "hparams",
         "hyper_parameters": {"math_operator": "-", "train_data_pct": 50.0, "max_lr": 1e-3,
                              "n_layers": 2, "n_heads": HEADS, "d_model": D, "random_seed": 17,
                              "non_linearity": "relu", "weight_decay": 1.0}},
        "grok/checkpoints/epoch_8.ckpt")
    with open("grok/checkpoints/init.pt", "wb") as file:
        torch.save(HookedTransformerConfig, file)
    with open("grok/default/version_0/metrics.csv", "w") as file:
        file.write("train_loss,train_accuracy,epoch,step,val_loss,val_accuracy\n")
        file.write("2.5,50.0,0,9,,\n,,0,9,3.5,25.0\n1.5,100.0,1,19,,\n")


progress_measures()
transformer_lens()
grok()
with open("layouts_expected.json", "w") as file:
    json.dump(expected, file, indent=0)
