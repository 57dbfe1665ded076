"""Cairn for Python: read an archive in a notebook, record a training run beside it.

    from cairn import Archive, Run
    Archive("archive").sql("SELECT name, last_step FROM runs")

    with Run("my run", {"lr": 1e-3, "seed": 0}, task="add mod 97", train_indices=rows) as run:
        for step in range(steps):
            ...
            run.log(step, train_loss=loss)
            if step % 100 == 0:
                run.checkpoint(step, model, optimizer)

One file, printed by `cairn client python`, with no dependency but Python 3.9. Weights are read with
h5py and NumPy, state dictionaries need torch, datasets xarray. The program `cairn` is found on the
PATH, or where the variable CAIRN says.
"""

import atexit
import collections
import json
import os
import queue
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading

Trajectory = collections.namedtuple("Trajectory", ["steps", "values"])


class CairnError(RuntimeError):
    """What the program has to say about a question."""


def _program(given=None):
    found = given or os.environ.get("CAIRN") or shutil.which("cairn")
    if not found:
        raise CairnError("cairn is not on the PATH; set the variable CAIRN to the program")
    return found


class Archive:
    """An archive, to be read. `path` is the folder, else CAIRN_ARCHIVE, else ./archive."""

    def __init__(self, path=None, program=None):
        self.path = str(path or os.environ.get("CAIRN_ARCHIVE") or "archive")
        self._program = _program(program)

    def _run(self, command, parameters):
        options = [part for name, value in parameters.items() for part in ("-p", f"{name}={value}")]
        answer = subprocess.run(
            [self._program, *command, *options, "--archive", self.path], capture_output=True)
        if answer.returncode != 0:
            raise CairnError(answer.stderr.decode().strip())
        return answer.stdout

    def _ask(self, command, parameters):
        return json.loads(self._run([*command, "--json"], parameters) or b"[]")

    def sql(self, statement, /, **parameters):
        """The rows of a statement as dictionaries; `:name` in it takes the parameter `name`."""
        return self._ask(["sql", statement], parameters)

    def arrow(self, statement, /, **parameters):
        """The rows of a statement as a pyarrow.Table, with the types that the views declare."""
        import pyarrow

        stream = self._run(["sql", statement, "--arrow"], parameters)
        return pyarrow.ipc.open_stream(stream).read_all()

    def query(self, name, /, **parameters):
        """The rows of a saved question, such as `grokking`; `cairn query` lists them."""
        return self._ask(["query", name], parameters)

    def runs(self):
        """All runs, as the view `runs` has them."""
        return self.sql("SELECT * FROM runs ORDER BY created_at")

    def _id(self, run):
        rows = self.sql(
            "SELECT run FROM runs WHERE run = :run OR name = :run OR substr(run, 1, length(:run)) = :run",
            run=run)
        exact = [row for row in rows if row["run"] == run] or rows
        if len(exact) != 1:
            raise CairnError(f"run {run}: {len(exact)} runs are meant by it")
        return exact[0]["run"]

    def _checkpoints(self, run, step=None):
        rows = self.sql(
            "SELECT step, file, position FROM checkpoints WHERE run = :run ORDER BY step",
            run=self._id(run))
        if step == "first":
            rows = rows[:1]
        elif step == "last":
            rows = rows[-1:]
        elif step is not None:
            rows = [row for row in rows if row["step"] == step]
        if not rows:
            raise CairnError(f"run {run}: no checkpoint is stored there")
        return rows

    def weights(self, run, tensor):
        """The steps of a run and its tensor at each of them, as one array [steps, shape...].

        Where one uncompressed file holds all steps the array is mapped from it: nothing is copied,
        and what is not looked at is not read. The digests are not compared: `cairn verify` does.
        """
        import h5py
        import numpy

        rows = self._checkpoints(run)
        steps = numpy.array([row["step"] for row in rows])
        name = "weights/" + _link_name(tensor)
        files = list(dict.fromkeys(row["file"] for row in rows))
        if len(files) == 1 and os.path.basename(files[0]).startswith("pack-"):
            path = os.path.join(self.path, files[0])
            with h5py.File(path, "r") as file:
                dataset = _dataset(file, name, run, tensor)
                offset, shape, kind = dataset.id.get_offset(), dataset.shape, dataset.dtype
            if offset is not None and all(shape) and len(shape) > 0:
                values = numpy.memmap(path, dtype=kind, mode="r", offset=offset, shape=shape)
                positions = [row["position"] for row in rows]
                whole = positions == list(range(len(values)))
                return Trajectory(steps, values if whole else values[positions])
        parts = []
        for path in files:
            positions = [row["position"] for row in rows if row["file"] == path]
            with h5py.File(os.path.join(self.path, path), "r") as file:
                values = _dataset(file, name, run, tensor)[()]
            is_pack = os.path.basename(path).startswith("pack-")
            parts += [values[position] if is_pack else values for position in positions]
        order = {}
        for path in files:
            for row in rows:
                if row["file"] == path:
                    order[row["step"]] = len(order)
        return Trajectory(steps, numpy.stack([parts[order[step]] for step in steps.tolist()]))

    def tensors(self, run, step="last"):
        """The weights of one checkpoint as NumPy arrays by name; `step` is a number, first or last."""
        return {name: values for name, (values, _) in self._tensors(run, step).items()}

    def _tensors(self, run, step):
        import h5py

        row = self._checkpoints(run, step)[0]
        is_pack = os.path.basename(row["file"]).startswith("pack-")
        with h5py.File(os.path.join(self.path, row["file"]), "r") as file:
            return {
                _tensor_name(link): (
                    dataset[row["position"]] if is_pack else dataset[()],
                    _text(dataset.attrs.get("dtype", "")))
                for link, dataset in file["weights"].items()
            }

    def state_dict(self, run, step="last"):
        """The weights of one checkpoint as PyTorch tensors by name."""
        import numpy
        import torch

        state = {}
        for name, (values, kind) in self._tensors(run, step).items():
            values = numpy.array(values)
            if kind == "bfloat16":
                state[name] = torch.from_numpy(values.astype(numpy.int16)).view(torch.bfloat16)
            elif kind == "bool":
                state[name] = torch.from_numpy(values.astype(bool))
            else:
                state[name] = torch.from_numpy(values)
        return state

    def xarray(self, run):
        """The weights of a run over its steps, and its curves over theirs, as an xarray.Dataset."""
        import xarray

        run = self._id(run)
        variables, coordinates = {}, {}
        for row in self.sql("SELECT name FROM tensors WHERE run = :run ORDER BY name", run=run):
            steps, values = self.weights(run, row["name"])
            axes = [f"{row['name']}_{axis}" for axis in range(values.ndim - 1)]
            variables[row["name"]] = (["step", *axes], values)
            coordinates["step"] = steps
        curves = {}
        for row in self.sql("SELECT name, step, value FROM metrics WHERE run = :run ORDER BY step",
                            run=run):
            points = curves.setdefault(row["name"], ([], []))
            points[0].append(row["step"])
            points[1].append(float("nan") if row["value"] is None else row["value"])
        for name, (steps, values) in curves.items():
            name = name if name not in variables else f"{name}_curve"
            variables[name] = ([f"{name}_step"], values)
            coordinates[f"{name}_step"] = steps
        return xarray.Dataset(variables, coordinates, {"run": run})


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _link_name(name):
    """A tensor's name as its link in HDF5 is written: `a/b` is stored as `a%2Fb`."""
    if name.strip(".") == "":
        return name.replace(".", "%2E", 1)
    return re.sub("[\x00-\x1f\x7f/%]", lambda found: f"%{ord(found[0]):02X}", name)


def _tensor_name(link):
    data = re.sub(rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), link.encode())
    return data.decode()


def _dataset(file, name, run, tensor):
    if name not in file:
        names = ", ".join(sorted(_tensor_name(link) for link in file["weights"]))
        raise CairnError(f"run {run} has no tensor {tensor}; it has {names}")
    return file[name]


class Run:
    """A training run that is recorded while it goes on.

    Nothing here ever ends or stops a training: what cannot be stored is counted and said at the end.
    A checkpoint is written to a temporary file before `checkpoint` returns; everything else happens
    beside the training. `network`, `tensors`, `task`, `train_indices` and `test_indices` say what
    the run is, as `cairn record --help` explains, and make it as analysable as one of Cairn's own.
    """

    _LINES = 100_000  # that wait when the recorder is slow; more are counted as not stored

    def __init__(self, name, settings=None, archive=None, program=None, **description):
        self._lost = collections.Counter()
        self._lines = queue.Queue(self._LINES)
        self._process = self._folder = None
        self._files = {}
        self._count = 0
        self._status = "finished"
        self._finished = False
        self._owner = os.getpid()
        try:
            command = [_program(program), "record", "--name", str(name)]
            if archive is not None:
                command += ["--archive", str(archive)]
            self._folder = tempfile.mkdtemp(prefix="cairn-run-")
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for work in (self._write, self._collect):
                threading.Thread(target=work, daemon=True).start()
        except Exception as error:
            self._say(f"{name} is not recorded: {error}")
        atexit.register(self.finish)
        if settings:
            self._send({"hyperparameters": _plain(settings)})
        known = {key: value for key, value in description.items() if value is not None}
        if known:
            self._send(_plain(known))

    def log(self, step, /, **metrics):
        """Records numbers of a step: the updates done, or any names with values."""
        self._send({"step": int(step), **{name: _number(value) for name, value in metrics.items()}})

    def checkpoint(self, step, model, optimizer=None, **metrics):
        """Records the weights of a step: a mapping of arrays, or what has a `state_dict()`."""
        if not self._is_open():
            self._lost["checkpoints"] += 1
            return
        try:
            tensors = dict(_tensors(model))
            for name, value in _optimizer_tensors(model, optimizer):
                tensors["optimizer/" + name] = value
            self._count += 1
            path = os.path.join(self._folder, f"{self._count}.safetensors")
            _write_safetensors(path, tensors, int(step))
        except Exception as error:
            self._lost[f"checkpoints ({error})"] += 1
            return
        self._files[str(self._count)] = path
        self._send({"step": int(step), "checkpoint": path,
                    **{name: _number(value) for name, value in metrics.items()}})
        # The recorder passes on what is not its own once it has copied the file before it.
        self._send(f"copied {self._count}")

    def finish(self, status=None, timeout=600):
        """Ends the run and waits until it is stored; `status` is finished, failed or interrupted."""
        if self._finished or os.getpid() != self._owner:
            return
        self._finished = True
        atexit.unregister(self.finish)
        self._send({"status": status or self._status})
        if self._process is not None:
            try:
                self._lines.put(None, timeout=timeout)
                self._process.wait(timeout)
                if self._process.returncode not in (0, 130):
                    self._say(f"the recorder ended with code {self._process.returncode}")
            except Exception as error:
                self._say(f"the recorder goes on without being waited for: {error}")
        # A thread may still be counting what it cannot write.
        for what, count in list(self._lost.items()):
            self._say(f"{count} times not recorded: {what}")
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            stopped = issubclass(kind, KeyboardInterrupt)
            self._status = "interrupted" if stopped else "failed"
        self.finish()

    def _is_open(self):
        # A forked worker must not write into its parent's recording.
        return self._process is not None and os.getpid() == self._owner

    def _send(self, line):
        if not self._is_open():
            self._lost["lines"] += os.getpid() == self._owner
            return
        try:
            text = line if isinstance(line, str) else json.dumps(line, default=str)
            self._lines.put_nowait(text)
        except queue.Full:
            self._lost["lines, because the recorder is too slow"] += 1
        except Exception as error:
            self._lost[f"lines ({error})"] += 1

    def _write(self):
        """Hands the lines over, in a thread of its own: only this one waits for the recorder."""
        is_broken = False
        while True:
            line = self._lines.get()
            try:
                if line is None:
                    self._process.stdin.close()
                    return
                if not is_broken:
                    self._process.stdin.write(line.encode() + b"\n")
                    self._process.stdin.flush()
                    continue
            except Exception:
                is_broken = True
            if line is None:
                return
            self._lost["lines, because the recorder is gone"] += 1

    def _collect(self):
        """Removes the files that the recorder has copied."""
        for line in self._process.stdout:
            words = line.decode(errors="replace").split()
            if len(words) == 2 and words[0] == "copied" and words[1] in self._files:
                try:
                    os.unlink(self._files.pop(words[1]))
                except OSError:
                    pass

    @staticmethod
    def _say(text):
        print(f"cairn: {text}", file=sys.stderr)


def _plain(value):
    """Settings as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, range)):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)


def _number(value):
    """A number, or what the recorder is to count as none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    try:
        return _plain(value.detach().cpu().tolist() if hasattr(value, "detach") else value)
    except Exception:
        return str(value)


def _tensors(model):
    """Names and arrays of a mapping, nested or not, or of what has a `state_dict()`."""
    tree = model.state_dict() if hasattr(model, "state_dict") else model
    found = []

    def collect(prefix, value):
        if hasattr(value, "items"):
            for key, part in value.items():
                collect(f"{prefix}.{key}" if prefix else str(key), part)
        elif isinstance(value, (list, tuple)):
            for key, part in enumerate(value):
                collect(f"{prefix}.{key}", part)
        elif value is not None:
            found.append((prefix, value))

    collect("", tree)
    return found


def _optimizer_tensors(model, optimizer):
    """The tensors of an optimiser of PyTorch by parameter, or those of a mapping."""
    if optimizer is None:
        return []
    state = optimizer.state_dict() if hasattr(optimizer, "state_dict") else optimizer
    if not (hasattr(state, "keys") and set(state.keys()) == {"state", "param_groups"}):
        return _tensors(state)
    names = {}
    if hasattr(model, "named_parameters"):
        own = {id(parameter): name for name, parameter in model.named_parameters()}
        for group, stored in zip(optimizer.param_groups, state["param_groups"]):
            for parameter, number in zip(group["params"], stored["params"]):
                names[number] = own.get(id(parameter), str(number))
    return [
        (f"{names.get(number, number)}.{key}", value)
        for number, parts in state["state"].items() for key, value in parts.items()
        if hasattr(value, "shape") or isinstance(value, float)
    ]


_TYPES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32",
    "int32": "I32", "uint64": "U64", "int64": "I64", "float16": "F16", "bfloat16": "BF16",
    "float32": "F32", "float64": "F64",
}
_FORMATS = {"?": "bool", "B": "uint8", "b": "int8", "H": "uint16", "h": "int16", "I": "uint32",
            "i": "int32", "f": "float32", "d": "float64", "e": "float16"}


def _raw(value):
    """Type, shape and little-endian bytes of an array of any library."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().contiguous()
        kind = str(value.dtype).split(".")[-1]
        if kind == "bfloat16":
            import torch
            value = value.view(torch.int16)
        return kind, list(value.shape), value.numpy().tobytes()
    if not hasattr(value, "dtype") and hasattr(value, "__array__"):
        value = value.__array__()
    if hasattr(value, "dtype"):
        import numpy
        value = numpy.asarray(value)
        kind = str(value.dtype)
        if value.dtype.byteorder == ">":
            value = value.astype(value.dtype.newbyteorder("<"))
            kind = str(value.dtype.newbyteorder("="))
        return kind.lstrip("<>="), list(value.shape), value.tobytes()
    if isinstance(value, float):
        return "float64", [], struct.pack("<d", value)
    view = memoryview(value)
    wide = {("l", 8): "int64", ("L", 8): "uint64", ("q", 8): "int64", ("Q", 8): "uint64"}
    kind = _FORMATS.get(view.format) or wide.get((view.format, view.itemsize))
    if kind is None or sys.byteorder != "little":
        raise TypeError(f"{type(value).__name__} is no array that can be stored")
    return kind, list(view.shape), view.tobytes()


def _write_safetensors(path, tensors, step):
    header, parts, offset = {"__metadata__": {"step": str(step)}}, [], 0
    for name, value in tensors.items():
        kind, shape, data = _raw(value)
        if kind not in _TYPES:
            raise TypeError(f"{name} has the type {kind}, which is not stored")
        header[name] = {"dtype": _TYPES[kind], "shape": shape,
                        "data_offsets": [offset, offset + len(data)]}
        parts.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for data in parts:
            file.write(data)
