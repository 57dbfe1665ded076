"""Ten training steps of feed-forward networks, losses and methods in PyTorch, in double precision.

usage: make_method_trajectories.py > method_trajectories.json

Every case starts from weights and data that both programs compute by the same formulas (`start`,
`INPUTS`, `CLASSES`, `REALS` below), so that the file holds losses only: the training loss before
each of ten updates and after the last, and the sum of squares of all weights at the end. Made with
PyTorch 2.15 on a CPU; Muon, Grokfast, the perpendicular gradient, SAM and StableMax are written out
from their formulas, clipping and schedules are PyTorch's own or Hugging Face's formulas.
"""
import json
import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
ROWS, COLUMNS, STEPS = 24, 6, 10
INPUTS = torch.tensor([[math.sin(0.7 * i + 1.9 * j + 0.3) for j in range(COLUMNS)] for i in range(ROWS)])
CLASSES = torch.tensor([(i * i + i // 3) % 3 for i in range(ROWS)])
BINARY = torch.tensor([(i * i + i // 3) % 2 for i in range(ROWS)])
REALS = torch.tensor([[math.cos(0.4 * i + 2.3 * c) for c in range(2)] for i in range(ROWS)])


def start(name, shape):
    count = math.prod(shape)
    phase = sum(name.encode())
    wave = torch.tensor([math.sin(1.3 * i + phase) for i in range(count)]).reshape(shape)
    return 1 + 0.1 * wave if name.endswith("scale") else 0.25 * wave


NETWORKS = {
    "relu": dict(widths="8,7"),
    "tanh": dict(widths="8,8", activation="tanh", residual=True, normalization="pre"),
    "gelu_tanh": dict(widths="8,8", activation="gelu_tanh", residual=True, normalization="post",
                      output_scale=3.0),
    "gelu": dict(widths="9", activation="gelu", biases=False),
    "square": dict(widths="9,5", activation="quadratic", biases=False),
    "mixed": dict(widths="8", activation="linear_quadratic", activation_strength=0.4),
    "linear": dict(widths=""),
}
LOSSES = ["cross_entropy", "one_hot_squares", "one_hot_sums", "real_squares", "stablemax", "hinge",
          "logistic"]
ADAMW = dict(kind="adamw", learning_rate=0.003, weight_decay=0.5)
SGD = dict(kind="sgd", learning_rate=0.005, momentum=0.9)
METHODS = {
    "adamw": ADAMW,
    "sgd": SGD,
    "ema": dict(ADAMW, filter="ema", filter_decay=0.9, filter_gain=1.5),
    "moving_average": dict(ADAMW, filter="moving_average", filter_window=3, filter_gain=2.0),
    "perpendicular": dict(SGD, perpendicular_gradient=True),
    "clip_norm": dict(SGD, clip_norm=0.05),
    "clip_value": dict(SGD, clip_value=0.01),
    "sam": dict(SGD, sharpness_radius=0.05),
    "adaptive_sam": dict(SGD, sharpness_radius=0.5, sharpness_adaptive=True),
    "keep_norm": dict(kind="adamw", learning_rate=0.003, weight_decay=0.0, keep_norm=True),
    "muon": dict(kind="muon", learning_rate=0.02, weight_decay=0.1),
    "muon_plain": dict(kind="muon", learning_rate=0.02, weight_decay=0.0, nesterov=False,
                       muon_scale="match_adam"),
    "all": dict(ADAMW, filter="ema", filter_decay=0.9, filter_gain=1.5, clip_norm=0.1,
                perpendicular_gradient=True, sharpness_radius=0.05),
}
SCHEDULES = {
    "none": dict(warmup=0),
    "linear": dict(warmup=2, shape="linear", decay_steps=6, final_factor=0.2),
    "stable_linear": dict(warmup=2, shape="warmup_stable_decay", stable_steps=3, decay_steps=4,
                          decay_shape="linear"),
    "stable_cosine": dict(warmup=2, shape="warmup_stable_decay", stable_steps=3, decay_steps=4,
                          final_factor=0.1),
    "stable_root": dict(warmup=2, shape="warmup_stable_decay", stable_steps=3, decay_steps=4,
                        decay_shape="square_root"),
}


def widths(network):
    return [int(w) for w in network["widths"].split(",") if w]


def parameters(network, outputs):
    shapes, rows = [], COLUMNS
    for i, width in enumerate(widths(network)):
        shapes.append((f"layers.{i}.weight", (rows, width)))
        if network.get("biases", True):
            shapes.append((f"layers.{i}.bias", (width,)))
        norm = {"pre": rows if i else 0, "post": width}.get(network.get("normalization"), 0)
        if norm:
            shapes += [(f"layers.{i}.norm.scale", (norm,)), (f"layers.{i}.norm.shift", (norm,))]
        rows = width
    shapes.append(("output.weight", (rows, outputs)))
    if network.get("biases", True):
        shapes.append(("output.bias", (outputs,)))
    return {name: start(name, shape).requires_grad_() for name, shape in shapes}


ACTIVATIONS = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "quadratic": lambda x: x * x,
    "linear_quadratic": lambda x: x + 0.2 * x * x,
}


def forward(network, p):
    x = INPUTS
    act = ACTIVATIONS[network.get("activation", "relu")]
    for i, width in enumerate(widths(network)):
        name = f"layers.{i}"
        h = x
        def norm(v):
            return F.layer_norm(v, v.shape[-1:], p[f"{name}.norm.scale"], p[f"{name}.norm.shift"])
        if network.get("normalization") == "pre" and i:
            h = norm(h)
        h = h @ p[f"{name}.weight"]
        if f"{name}.bias" in p:
            h = h + p[f"{name}.bias"]
        h = act(h)
        if network.get("residual") and i and x.shape[1] == width:
            h = h + x
        if network.get("normalization") == "post":
            h = norm(h)
        x = h
    out = x @ p["output.weight"]
    if "output.bias" in p:
        out = out + p["output.bias"]
    return out * network.get("output_scale", 1.0)


def loss_of(kind, z):
    if kind == "cross_entropy":
        return F.cross_entropy(z, CLASSES)
    if kind == "one_hot_squares":
        return F.mse_loss(z, F.one_hot(CLASSES, 3).double())
    if kind == "one_hot_sums":
        return F.mse_loss(z, F.one_hot(CLASSES, 3).double(), reduction="sum") / ROWS
    if kind == "real_squares":
        return F.mse_loss(z, REALS)
    if kind == "stablemax":
        s = torch.where(z >= 0, z + 1, 1 / (1 - z))
        return -torch.log(s / s.sum(1, keepdim=True))[torch.arange(ROWS), CLASSES].mean()
    margin = (2 * BINARY - 1) * z[:, 0]
    if kind == "hinge":
        return torch.clamp(1 - margin, min=0).mean()
    return F.softplus(-margin).mean()


OUTPUTS = {"real_squares": 2, "hinge": 1, "logistic": 1}


def factor(s, k):
    if k < s["warmup"]:
        return k / s["warmup"]
    shape, floor = s.get("shape", "constant"), s.get("final_factor", 0.0)
    if shape == "constant":
        return 1.0
    begin = s["warmup"] + s.get("stable_steps", 0)
    if k < begin:
        return 1.0
    t = min((k - begin) / s["decay_steps"], 1.0)
    way = "linear" if shape == "linear" else s.get("decay_shape", "cosine")
    left = {"linear": 1 - t, "cosine": (1 + math.cos(math.pi * t)) / 2, "square_root": 1 - math.sqrt(t)}
    return floor + (1 - floor) * left[way]


def newton_schulz(u):
    x = u / (u.norm() + 1e-7)
    if x.shape[0] > x.shape[1]:
        x = x.T
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if u.shape[0] > u.shape[1] else x


def run(network, loss, method, schedule):
    p = parameters(network, OUTPUTS.get(loss, 3))
    first_norm = math.sqrt(sum((v * v).sum().item() for v in p.values()))
    state = {name: dict(m=torch.zeros_like(v), v=torch.zeros_like(v), queue=[]) for name, v in p.items()}
    losses = []
    for step in range(STEPS):
        value = loss_of(loss, forward(network, p))
        grads = dict(zip(p, torch.autograd.grad(value, list(p.values()))))
        losses.append(value.item())
        radius = method.get("sharpness_radius", 0)
        if radius:
            adaptive = method.get("sharpness_adaptive", False)
            scale = {n: p[n].detach().abs() if adaptive else torch.ones_like(p[n]) for n in p}
            total = math.sqrt(sum(((scale[n] * grads[n]) ** 2).sum().item() for n in p))
            point = {n: (p[n].detach() + radius / (total + 1e-12) * scale[n] ** 2 * grads[n])
                     .requires_grad_() for n in p}
            grads = dict(zip(p, torch.autograd.grad(loss_of(loss, forward(network, point)),
                                                    list(point.values()))))
        for n, g in grads.items():
            s = state[n]
            if method.get("filter") == "ema":
                a = method["filter_decay"]
                s["slow"] = g if step == 0 else a * s["slow"] + (1 - a) * g
                grads[n] = g + method["filter_gain"] * s["slow"]
            elif method.get("filter") == "moving_average":
                s["queue"] = (s["queue"] + [g])[-method["filter_window"]:]
                if len(s["queue"]) == method["filter_window"]:
                    grads[n] = g + method["filter_gain"] * sum(s["queue"]) / method["filter_window"]
        if method.get("perpendicular_gradient"):
            for n, g in grads.items():
                w = p[n].detach()
                q = g - (w * g).sum() / ((w * w).sum() + 1e-30) * w
                # Nothing but rounding is left of a tensor of one element.
                grads[n] = (q * g.norm() / (q.norm() + 1e-30) if q.norm() > 1e-10 * g.norm()
                            else torch.zeros_like(g))
        for n in p:
            p[n].grad = grads[n]
        if "clip_norm" in method:
            torch.nn.utils.clip_grad_norm_(list(p.values()), method["clip_norm"])
        if "clip_value" in method:
            torch.nn.utils.clip_grad_value_(list(p.values()), method["clip_value"])
        share = factor(schedule, step)
        rate, decay = method["learning_rate"] * share, method.get("weight_decay", 0.0)
        with torch.no_grad():
            for n, w in p.items():
                g, s = w.grad, state[n]
                if method["kind"] == "sgd":
                    s["m"] = method["momentum"] * s["m"] + g
                    w -= rate * s["m"]
                elif method["kind"] == "muon" and w.dim() == 2 and n != "output.weight":
                    s["m"] = 0.95 * s["m"] + 0.05 * g
                    u = 0.05 * g + 0.95 * s["m"] if method.get("nesterov", True) else s["m"]
                    size = (0.2 * math.sqrt(max(w.shape)) if method.get("muon_scale") == "match_adam"
                            else math.sqrt(max(1, w.shape[1] / w.shape[0])))
                    w *= 1 - rate * decay
                    w -= rate * size * newton_schulz(u)
                else:
                    eta = 1e-3 * share if method["kind"] == "muon" else rate
                    s["m"] = 0.9 * s["m"] + 0.1 * g
                    s["v"] = 0.98 * s["v"] + 0.02 * g * g
                    w *= 1 - eta * decay
                    hat = s["v"] / (1 - 0.98 ** (step + 1))
                    w -= eta * s["m"] / (1 - 0.9 ** (step + 1)) / (hat.sqrt() + 1e-8)
            if method.get("keep_norm"):
                now = math.sqrt(sum((v * v).sum().item() for v in p.values()))
                for v in p.values():
                    v *= first_norm / now
    losses.append(loss_of(loss, forward(network, p)).item())
    return losses, sum((v * v).sum().item() for v in p.values())


cases = [(n, l, m, "none") for n in NETWORKS for l in LOSSES for m in METHODS]
cases += [("relu", "cross_entropy", m, s) for m in ("adamw", "muon") for s in SCHEDULES if s != "none"]
result = []
for n, l, m, s in cases:
    losses, squares = run(NETWORKS[n], l, METHODS[m], SCHEDULES[s])
    assert all(math.isfinite(value) for value in losses), (n, l, m)
    result.append(dict(network=n, loss=l, method=m, schedule=s, losses=losses, squares=squares))
print(json.dumps(dict(networks=NETWORKS, methods=METHODS, schedules=SCHEDULES, cases=result)))
