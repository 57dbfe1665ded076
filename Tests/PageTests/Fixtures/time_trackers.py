"""Times until trackers serve 1,000 runs: beside `cairn bench figures`, on the same machine.

    python -m venv v && v/bin/pip install trackio aim
    v/bin/python time_trackers.py trackio|aim FOLDER [RUNS] [POINTS]

Makes the runs (four curves each) in an empty FOLDER, starts the tracker's own server and asks for what its
page asks for: the list of runs with their settings, then one curve of every run. Prints seconds and bytes,
the median of three requests after one that is not counted.
"""

import json
import math
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

tracker, folder = sys.argv[1], os.path.abspath(sys.argv[2])
run_count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
point_count = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
names = ["train_loss", "test_loss", "train_accuracy", "test_accuracy"]


def curve(run, step):
    rise = 1 / (1 + math.exp(-(step - 300 - run % 400) / 30))
    return {"train_loss": 1 - rise, "test_loss": 2 - rise, "train_accuracy": rise, "test_accuracy": rise}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def timed(what, request):
    times, size = [], 0
    for _ in range(4):
        begin = time.perf_counter()
        size = request()
        times.append(time.perf_counter() - begin)
    print(f"{tracker}: {what}: {statistics.median(times[1:]):.3f} s, {size} bytes", flush=True)


def wait_for(address, process):
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).read()
            return
        except OSError:
            if process.poll() is not None:
                raise SystemExit(f"{tracker}'s server ended with {process.returncode}")
            time.sleep(0.1)


port = free_port()
base = f"http://127.0.0.1:{port}"
begin = time.perf_counter()

if tracker == "trackio":
    os.environ["TRACKIO_DIR"] = folder
    from trackio.sqlite_storage import SQLiteStorage

    for run in range(run_count):
        SQLiteStorage.bulk_log(
            "sweep",
            f"run {run}",
            [curve(run, step) for step in range(point_count)],
            steps=list(range(point_count)),
            config={"seed": run % 10, "weight_decay": run // 10},
        )
    print(f"trackio: written in {time.perf_counter() - begin:.1f} s", flush=True)
    begin = time.perf_counter()
    program = (
        "import trackio, time, os\n"
        f"os.environ['GRADIO_SERVER_PORT'] = '{port}'\n"
        "trackio.show(project='sweep', open_browser=False, block_thread=True)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if "http://" in line:
            base = "http://" + line.split("http://", 1)[1].split()[0].strip("/").split("?")[0].rstrip("/")
            break

    def call(name, **arguments):
        request = urllib.request.Request(
            f"{base}/api/{name}",
            data=json.dumps(arguments).encode(),
            headers={"Content-Type": "application/json"},
        )
        return urllib.request.urlopen(request, timeout=600).read()

    def answer(data):
        value = json.loads(data)
        return value.get("data", value) if isinstance(value, dict) else value

    runs = answer(call("get_runs_for_project", project="sweep"))
    runs = [{"run": run["name"], "run_id": run["id"]} for run in runs]
    print(f"trackio: first answer after {time.perf_counter() - begin:.1f} s", flush=True)

    def first_view():
        return len(call("get_runs_for_project", project="sweep")) + len(
            call("get_run_configs", project="sweep")
        )

    def compare():
        size = 0
        # Its page asks for all curves of the runs, in parts.
        for start in range(0, len(runs), 50):
            size += len(
                call("get_logs_batch", project="sweep", runs=runs[start : start + 50], scalar_only=True)
            )
        return size

else:
    import aim

    aim.Repo(folder, init=True)
    for run in range(run_count):
        stored = aim.Run(repo=folder, experiment="sweep", system_tracking_interval=None, log_system_params=False)
        stored["hparams"] = {"seed": run % 10, "weight_decay": run // 10}
        for step in range(point_count):
            values = curve(run, step)
            for name in names:
                stored.track(values[name], name=name, step=step)
        stored.close()
    print(f"aim: written in {time.perf_counter() - begin:.1f} s", flush=True)
    begin = time.perf_counter()
    server = subprocess.Popen(
        [os.path.join(os.path.dirname(sys.executable), "aim"), "up", "--repo", folder, "--host", "127.0.0.1",
         "--port", str(port), "-y"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(f"{base}/api/projects/", server)
    print(f"aim: first answer after {time.perf_counter() - begin:.1f} s", flush=True)

    def get(path, **query):
        address = f"{base}/api/{path}?{urllib.parse.urlencode(query)}"
        return len(urllib.request.urlopen(address, timeout=600).read())

    def first_view():
        return get("runs/search/run/", q="True", limit=run_count, exclude_traces="true")

    def compare():
        return get("runs/search/metric/", q='metric.name == "test_accuracy"', p=point_count)


try:
    timed(f"first view of {run_count} runs", first_view)
    timed(f"comparison of {run_count} curves of {point_count} points", compare)
finally:
    server.terminate()
    server.wait()
