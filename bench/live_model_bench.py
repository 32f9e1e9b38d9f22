#!/usr/bin/env python3
"""What a model in the blend costs a running server: without one, with one, through switches, while
it trains. The phases take turns, each on a node just started on a copy of the same data, so that a
restless machine and what a young node has to do trouble all of them alike. A round of training takes
longer than a phase, so several windows of one node are measured: first the log is gone through
("training"), and with a log cut short it is LibTorch's batches that are under way ("batches").

    bench/live_model_bench.py --troupe build/release/bin/troupe --data demo/ml-latest-small --json FILE
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading

from live_node import Node, activate, post, series


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


def median_of(rounds, phase, key):
    return statistics.median(window[key] for one in rounds for window in one[phase])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--troupe", required=True)
    parser.add_argument("--data", required=True, help="a data set as troupe import takes it")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20, help="of each window")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--switches", type=int, default=100, help="in each phase of switches")
    parser.add_argument("--windows", type=int, default=3, help="of a phase of training")
    parser.add_argument("--phases", default="signals,model,switching,training,batches",
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
            rounds.append({phase: one_phase(options, phase, data, directory)
                           for phase in options.phases})
            print(json.dumps(rounds[-1]), file=sys.stderr)
    phases = {phase: {key: round(median_of(rounds, phase, key), 3) for key in rounds[0][phase][0]}
              for phase in options.phases}
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


def one_phase(options, phase, prepared, directory):
    """The windows of a phase, of options.seconds each."""
    data = directory / "copy"
    for suffix in ("", ".models"):
        copy = data.with_suffix(suffix)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(prepared.with_suffix(suffix), copy)
    settings = {"training": ["trainer.interval=1s"],
                "batches": ["trainer.interval=1s", "trainer.events_max=2000"]}.get(phase, [])
    node = Node(options.troupe, data, directory, *settings)
    activate(node.port, 0 if phase == "signals" else 1)
    if settings:
        windows = [train(options, node) for _ in range(options.windows)]
    elif phase == "switching":
        windows = [switch(options, node)]
    else:
        windows = [node.load(options.rate, options.seconds)]
    node.stop()
    return windows


def switch(options, node):
    pause = (options.seconds + 3) / (options.switches + 5)
    with Background(pause,
                    lambda n: post(node.port, f"/v1/models/{2 - n % 2}/activate")) as other:
        made = node.load(options.rate, options.seconds)
    return {**made, "switches": other.done, "switches_failed": other.failed}


def train(options, node):
    # Nothing is asked while the load runs: an answer with all metrics takes as long as ten slates.
    stem = "troupe_actors_trainer_rounds_"
    before = series(node.port, stem + "under_way")
    made = node.load(options.rate, options.seconds)
    return {**made, "under_way_before": before,
            "under_way_after": series(node.port, stem + "under_way"),
            "rounds_done": series(node.port, stem + "total")}


main()
