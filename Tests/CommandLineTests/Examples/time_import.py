"""Times `cairn import` of one safetensors file of 1 GB and of 1,000 small ones beside copying them with a sync.

    python3 time_import.py PROGRAM [REPETITIONS]
"""
import json, os, pathlib, shutil, struct, subprocess, sys, tempfile, time

program, repetitions = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3


def save(path, tensors):
    header, offset = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, data in tensors.values():
            file.write(data)


def copy(source, target):
    start = time.time()
    subprocess.run(["cp", "-r", source, target], check=True)
    for path in [target, *pathlib.Path(target).rglob("*")]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.time() - start


def load(source, archive):
    start = time.time()
    done = subprocess.run(["/usr/bin/time", "-f", "%M", program, "import", "-q", source, "--archive", archive],
                          check=True, capture_output=True, text=True)
    return time.time() - start, int(done.stderr.split()[-1]) // 1024


with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", ".")) as folder:
    os.chdir(folder)
    os.mkdir("large")
    save("large/step_100.safetensors",
         {f"blocks.{i}.weight": ([4096, 4096], os.urandom(1 << 26)) for i in range(16)})
    os.mkdir("small")
    for step in range(1000):
        save(f"small/step_{step}.safetensors", {"w": ([128, 128], os.urandom(1 << 16)), "b": ([128], os.urandom(512))})
    os.sync()
    for name in ("large", "small"):
        for _ in range(repetitions):
            copied = copy(name, "copy")
            shutil.rmtree("copy")
            imported, memory = load(name, "archive")
            shutil.rmtree("archive")
            print(f"{name}: cp and fsync {copied:.2f} s, import {imported:.2f} s, ratio {copied / imported:.2f}, "
                  f"{memory} MB", flush=True)
