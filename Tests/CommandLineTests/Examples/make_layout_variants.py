"""Small runs of the published layouts with random weights, written without PyTorch.

Run with a folder. Each entry of it is what a person would import.
"""

import json
import os
import random
import struct
import sys
import zipfile

root = sys.argv[1]
random.seed(11)


def draw(*shape, scale=0.4, shift=0.0):
    count = 1
    for extent in shape:
        count *= extent
    return shape, [random.gauss(shift, scale) for _ in range(count)]


def zeros(*shape):
    return draw(*shape, scale=0.0)


class Pickle:
    """The few opcodes that torch.save uses for dictionaries of tensors and plain values."""

    def __init__(self):
        self.storages = []

    def value(self, item):
        if isinstance(item, bool):
            return b"\x88" if item else b"\x89"
        if item is None:
            return b"N"
        if isinstance(item, int):
            return b"\x8a\x08" + struct.pack("<q", item)
        if isinstance(item, float):
            return b"G" + struct.pack(">d", item)
        if isinstance(item, str):
            return b"X" + struct.pack("<I", len(item.encode())) + item.encode()
        if isinstance(item, dict):
            return b"}(" + b"".join(self.value(k) + self.value(v) for k, v in item.items()) + b"u"
        if isinstance(item, list):
            return b"](" + b"".join(map(self.value, item)) + b"e"
        return self.tensor(*item)

    def tensor(self, shape, numbers):
        strides, step = [], 1
        for extent in reversed(shape):
            strides.insert(0, step)
            step *= extent
        self.storages.append(struct.pack(f"<{len(numbers)}f", *numbers))
        parts = lambda items: b"(" + b"".join(items) + b"t"
        storage = parts([
            self.value("storage"), b"ctorch\nFloatStorage\n",
            self.value(str(len(self.storages) - 1)), self.value("cpu"), self.value(len(numbers))])
        return b"ctorch._utils\n_rebuild_tensor_v2\n" + parts([
            storage + b"Q", self.value(0), parts(map(self.value, shape)),
            parts(map(self.value, strides)), b"\x89", b"ccollections\nOrderedDict\n)R"]) + b"R"


def save(path, content):
    os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
    pickle = Pickle()
    text = b"\x80\x02" + pickle.value(content) + b"."
    with zipfile.ZipFile(f"{root}/{path}", "w") as archive:
        archive.writestr("archive/data.pkl", text)
        for number, storage in enumerate(pickle.storages):
            archive.writestr(f"archive/data/{number}", storage)


def hooked(tokens, classes, layers=1, biases=None, norm=None, d=8, heads=2, head=4, mlp=12):
    """Names of TransformerLens; biases are zeros, drawn or left out."""
    state = {"embed.W_E": draw(tokens, d), "pos_embed.W_pos": draw(3, d)}
    for layer in range(layers):
        b = f"blocks.{layer}."
        for part in "QKV":
            state[f"{b}attn.W_{part}"] = draw(heads, d, head)
        state |= {b + "attn.W_O": draw(heads, head, d), b + "mlp.W_in": draw(d, mlp),
                  b + "mlp.W_out": draw(mlp, d)}
        if biases:
            for part in "QKV":
                state[f"{b}attn.b_{part}"] = biases(heads, head)
            state |= {b + "attn.b_O": biases(d), b + "mlp.b_in": biases(mlp),
                      b + "mlp.b_out": biases(d), b + "attn.mask": zeros(3, 3)}
        for place in ["ln1", "ln2"] if norm else []:
            state[f"{b}{place}.w"] = draw(d, shift=1.0)
            if norm == "LN":
                state[f"{b}{place}.b"] = draw(d)
    if norm:
        state["ln_final.w"] = draw(d, shift=1.0)
        if norm == "LN":
            state["ln_final.b"] = draw(d)
    state["unembed.W_U"] = draw(d, classes)
    if biases:
        state["unembed.b_U"] = biases(classes)
    return state


def composition(name, group, parameter, n, state):
    save(f"{name}/model.pt", state)
    settings = {"lr": 1e-3, "weight_decay": 1, "betas": [0.9, 0.98], "num_epochs": 50,
                "layers": {"embed_dim": 8, "hidden_dim": 12},
                "model": "Transformer" if "embed.W_E" in state else "OneLayerMLP",
                "group": group, "group_parameter": parameter, "frac_train": 0.4, "seed": 1}
    with open(f"{root}/{name}/cfg.json", "w") as file:
        json.dump(settings, file)
    with open(f"{root}/{name}/metrics.csv", "w") as file:
        file.write(",epoch,train_loss,test_loss,train_acc,test_acc,percent_x_embed_sign_rep\n")
        # In the order of the folder, as theirs.
        for row, epoch in enumerate([49, 0, 10, 20, 30, 40]):
            rise = min(1.0, epoch / 25)
            late = max(0.0, (epoch - 20) / 29)
            file.write(f"{row},{epoch},{3 - 2 * rise},{3 - 2 * late},{rise},{late},0.5\n")
    with open(f"{root}/{name}/summary_metrics.json", "w") as file:
        json.dump({"epoch": 50, "test_loss": 1.0}, file)


composition("C7_T_seed1", "CyclicGroup", 7, 7, hooked(8, 7, biases=zeros))
composition("D5_T_seed1", "DihedralGroup", 5, 10, hooked(11, 10, biases=zeros))
composition("S5_T_seed1", "SymmetricGroup", 5, 120, hooked(121, 120, biases=zeros))
composition("A5_MLP_seed1", "AlternatingGroup", 5, 60, {
    "W_x": draw(60, 8), "W_y": draw(60, 8), "W": draw(16, 12), "W_U": draw(12, 60)})


def grok(name, operator, d=8, heads=2):
    t = "transformer."
    state = {t + "position_encoding": zeros(50, d), t + "self_attn_mask": zeros(50, 50),
             t + "embedding.weight": draw(239, d)}
    for layer in range(2):
        b = f"{t}decoder.blocks.{layer}."
        for number in range(heads):
            for part in "qkv":
                state[f"{b}self_attn.attn_heads.{number}.W{part}.weight"] = draw(d // heads, d)
        state |= {b + "self_attn.Wo.weight": draw(d, d),
                  b + "self_attn_norm.weight": draw(d, shift=1.0),
                  b + "self_attn_norm.bias": draw(d), b + "ffn.ffn.0.weight": draw(4 * d, d),
                  b + "ffn.ffn.2.weight": draw(d, 4 * d), b + "ffn_norm.weight": draw(d, shift=1.0),
                  b + "ffn_norm.bias": draw(d)}
    state[t + "linear.weight"] = draw(239, d)
    settings = {"math_operator": operator, "train_data_pct": 50, "random_seed": 17,
                "max_lr": 1e-3, "weight_decay": 1, "n_layers": 2, "n_heads": heads, "d_model": d,
                "non_linearity": "relu"}
    for epoch, step in [(4, 40), (8, 80)]:
        save(f"{name}/checkpoints/epoch_{epoch}.ckpt", {
            "epoch": epoch, "global_step": step, "state_dict": state,
            "hyper_parameters": settings})
        state[t + "linear.weight"] = draw(239, d)
    os.makedirs(f"{root}/{name}/default/version_0")
    with open(f"{root}/{name}/default/version_0/metrics.csv", "w") as file:
        file.write("step,train_loss,train_accuracy,val_loss,val_accuracy\n")
        for step in range(0, 80, 10):
            file.write(f"{step},{4 - step / 20},{min(100, step * 2)},{4 - step / 40},{step}\n")


grok("grok_divide", "/")
grok("grok_s5", "s5")
grok("grok_s5conj", "s5conj")
grok("grok_noisy", "-_noisy_50")
grok("grok_sort", "sort")


def lens(name, state, **settings):
    second = {key: (shape, [0.9 * number for number in numbers])
              for key, (shape, numbers) in state.items()}
    save(f"{name}.pth", {
        "model": second, "config": {"act_fn": "relu", "seed": 5, **settings},
        "checkpoints": [state, second], "checkpoint_epochs": [0, 20],
        "train_losses": [4 - i / 5 for i in range(21)],
        "test_losses": [4 - i / 10 for i in range(21)],
        "train_indices": list(range(0, 49, 2)), "test_indices": list(range(1, 49, 2))})


lens("lens_plain", hooked(8, 7))
lens("lens_deep", hooked(8, 7, layers=3, biases=draw, norm="LN"), normalization_type="LN")
lens("lens_gelu", hooked(8, 7, biases=draw), act_fn="gelu")
lens("lens_rms", hooked(8, 7, norm="RMS"), normalization_type="RMS")
lens("lens_folded", hooked(8, 7), normalization_type="LNPre")
lens("lens_silu", hooked(8, 7), act_fn="silu")
lens("lens_open", hooked(8, 7), attention_dir="bidirectional")
attention_only = {k: v for k, v in hooked(8, 7).items() if ".mlp." not in k}
lens("lens_attention", attention_only)
