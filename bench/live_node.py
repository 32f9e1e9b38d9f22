"""A server that a benchmark starts, asks and puts a load on."""
import atexit
import json
import pathlib
import resource
import subprocess
import time
import urllib.request


def post(port, path):
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST")
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)


def activate(port, version):
    """Activates a version, and waits where that takes longer than a request may."""
    post(port, f"/v1/models/{version}/activate")
    for _ in range(600):
        if any(one["active"] for one in get(port, "/v1/models")["models"]
               if one["version"] == version):
            return
        time.sleep(0.2)
    raise RuntimeError(f"version {version} is not active")


def series(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    return 0.0


class Node:
    """A server on a free port, and loads on it. Its log and reports stand in `directory`."""

    def __init__(self, troupe, data, directory, *settings):
        self.troupe, self.directory = troupe, directory
        file = directory / "port"
        file.unlink(missing_ok=True)
        self.log = open(directory / "log", "ab")
        self.process = subprocess.Popen(
            [troupe, "serve", "--data", data, "--port", "0", "--port-file", file, "--set",
             "gateway.events_per_second_max=0", "--set", "storage.durability=fast",
             *(part for one in settings for part in ("--set", one))], stdout=subprocess.DEVNULL,
            stderr=self.log)
        atexit.register(self.process.kill)  # a benchmark that fails leaves no server behind
        for _ in range(300):
            if file.exists() and file.read_text().strip():
                break
            time.sleep(0.1)
        self.port = int(file.read_text())
        self.phases = 0

    def saturation(self, first, step):
        """The highest rate a second that `troupe bench` finds with p99 <= 50 ms and nothing refused."""
        report = self.directory / "report.json"
        subprocess.run(
            [self.troupe, "bench", "--url", f"ws://127.0.0.1:{self.port}", "--rate", str(first),
             "--saturate", "--step", f"{step}s", "--duration", "1s", "--warmup", "1s",
             "--json", report], stdout=subprocess.DEVNULL, check=True)
        return json.loads(report.read_text())["saturation"]["rate"]

    def load(self, rate, seconds):
        """What `troupe bench` says of a load, in short."""
        self.phases += 1
        report = self.directory / "report.json"
        subprocess.run(
            [self.troupe, "bench", "--url", f"ws://127.0.0.1:{self.port}", "--rate",
             str(rate), "--duration", f"{seconds}s", "--warmup", "3s",
             "--seed", str(self.phases), "--server-pid", str(self.process.pid), "--json", report],
            stdout=subprocess.DEVNULL, check=True)
        made = json.loads(report.read_text())
        steady, faults = made["steady"], made["faults"]
        return {"p50_ms": steady["slate_ms"]["p50"], "p99_ms": steady["slate_ms"]["p99"],
                "cpu_ms_an_event": 1000 * steady["server_cpu_seconds"] / steady["due"],
                "answered": steady["answered"],
                "not_answered": steady["due"] - steady["answered"],
                "faults": sum(faults.values())}

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()
