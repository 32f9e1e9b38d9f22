#!/usr/bin/env python3
"""What a model in the blend costs a running server: without one, with one, through switches, while
it trains. All on one data set in one run, the phases in turns, so that a restless machine troubles
all of them alike.

    bench/live_model_bench.py --troupe build/release/bin/troupe --data demo/ml-latest-small --json FILE
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request


def post(port, path):
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST")
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def series(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    return 0.0


class Background(threading.Thread):
    """Does something again and again until the load is over."""

    def __init__(self, pause, what):
        super().__init__(daemon=True)
        self.pause, self.what, self.failed, self.done = pause, what, 0, 0
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(self.pause):
            try:
                self.what(self.done)
                self.done += 1
            except OSError as why:
                print(f"bench: {why}", file=sys.stderr)
                self.failed += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Node:
    """A server on a free port; a load on it."""

    def __init__(self, options, data, directory, *settings):
        self.options, self.directory = options, directory
        file = directory / "port"
        file.unlink(missing_ok=True)
        self.log = open(directory / "log", "ab")
        self.process = subprocess.Popen(
            [options.troupe, "serve", "--data", data, "--port", "0", "--port-file", file, "--set",
             "gateway.events_per_second_max=0", "--set", "storage.durability=fast",
             *(part for one in settings for part in ("--set", one))], stdout=subprocess.DEVNULL,
            stderr=self.log)
        for _ in range(300):
            if file.exists() and file.read_text().strip():
                break
            time.sleep(0.1)
        self.port = int(file.read_text())
        self.phases = 0

    def load(self):
        self.phases += 1
        report = self.directory / "report.json"
        subprocess.run(
            [self.options.troupe, "bench", "--url", f"ws://127.0.0.1:{self.port}", "--rate",
             str(self.options.rate), "--duration", f"{self.options.seconds}s", "--warmup", "3s",
             "--seed", str(self.phases), "--server-pid", str(self.process.pid), "--json", report],
            stdout=subprocess.DEVNULL, check=True)
        made = json.loads(report.read_text())
        steady, faults = made["steady"], made["faults"]
        return {"p50_ms": steady["slate_ms"]["p50"], "p99_ms": steady["slate_ms"]["p99"],
                "cpu_ms_an_event": 1000 * steady["server_cpu_seconds"] / steady["due"],
                "answered": steady["answered"],
                "not_answered": steady["due"] - steady["answered"],
                "faults": sum(faults.values())}

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()


def median_of(rounds, phase, key):
    return statistics.median(one[phase][key] for one in rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--troupe", required=True)
    parser.add_argument("--data", required=True, help="a data set as troupe import takes it")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20, help="of each phase")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--switches", type=int, default=100, help="in each phase of switches")
    parser.add_argument("--phases", default="signals,model,switching,training",
                        type=lambda text: text.split(","))
    parser.add_argument("--directory", help="keeps the store and its models for another run")
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(options.directory or name)
        directory.mkdir(parents=True, exist_ok=True)
        data = directory / "data"
        if not data.exists():
            prepare(options, data)
        for _ in range(options.rounds):
            rounds.append(one_round(options, data, directory))
            print(json.dumps(rounds[-1]), file=sys.stderr)
    phases = {phase: {key: round(median_of(rounds, phase, key), 3) for key in rounds[0][phase]}
              for phase in rounds[0]}
    report = {"bench": "live-model", "rate": options.rate, "seconds": options.seconds,
              "rounds": rounds, "medians": phases}
    if "model" in phases:
        report["p99_over_model"] = {phase: round(what["p99_ms"] / phases["model"]["p99_ms"], 2)
                                    for phase, what in phases.items()}
    text = json.dumps(report, indent=1) + "\n"
    if options.json:
        pathlib.Path(options.json).write_text(text)
    print("phase        p50 ms   p99 ms   CPU ms/event   not answered")
    for phase, what in phases.items():
        print(f"{phase:<11}{what['p50_ms']:8.2f} {what['p99_ms']:8.2f} {what['cpu_ms_an_event']:14.2f}"
              f" {what['not_answered']:14.0f}")


def prepare(options, data):
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([options.troupe, "import", options.data, "--data", data], **quiet)
    for seed in ("1", "2"):
        subprocess.run([options.troupe, "train", "--data", data, "--epochs", "2", "--seed", seed],
                       **quiet)


def one_round(options, data, directory):
    made = {}
    node = Node(options, data, directory)
    for phase, version in (("signals", 0), ("model", 1)):
        if phase in options.phases:
            post(node.port, f"/v1/models/{version}/activate")
            made[phase] = node.load()
    if "switching" in options.phases:
        pause = (options.seconds + 3) / (options.switches + 5)
        with Background(pause,
                        lambda n: post(node.port, f"/v1/models/{2 - n % 2}/activate")) as other:
            made["switching"] = node.load()
        made["switching"].update(switches=other.done, switches_failed=other.failed)
    node.stop()
    if "training" not in options.phases:
        return made
    node = Node(options, data, directory, "trainer.interval=1s")
    under_way = []
    with Background(0.5, lambda _: under_way.append(
            series(node.port, "troupe_actors_trainer_rounds_under_way"))):
        made["training"] = node.load()
    made["training"]["share_under_way"] = statistics.fmean(under_way)
    node.stop()
    return made


main()
