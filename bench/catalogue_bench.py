#!/usr/bin/env python3
"""What the size of the catalogue costs a server: start, memory, and a load of events drawn by Zipf's
law, with the signals alone and with an encoder's vectors for all items (drawn, not trained).

    bench/catalogue_bench.py --troupe build/release/bin/troupe \\
      --draw build/release/bench/bench_draw_snapshot --json FILE
"""
import argparse
import json
import pathlib
import re
import subprocess
import tempfile
import time

from live_node import Node, activate

CATEGORIES = 20


def fill(options, items, directory):
    """A store of so many items, and a snapshot with a vector for each."""
    data = directory / "data"
    file = directory / "items.jsonl"
    with open(file, "w", encoding="utf-8") as out:
        for i in range(items):
            labels = [f"c{(i * 7 + n * n) % CATEGORIES}" for n in range(3)]
            out.write(f'{{"item_id":"i{i}","title":"Item {i}","categories":{json.dumps(labels)}}}\n')
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([options.troupe, "import", file, "--data", data], **quiet)
    file.unlink()
    subprocess.run([options.draw, "--items", str(items), "--snapshots", f"{data}.models"], **quiet)
    return data


def start(options, data, directory):
    """A server, and the milliseconds it says it took."""
    (directory / "log").unlink(missing_ok=True)
    node = Node(options.troupe, data, directory)
    for _ in range(100):
        took = re.search(r"server.listening.* start_ms=(\d+)", (directory / "log").read_text())
        if took:
            return node, int(took.group(1))
        time.sleep(0.1)
    raise RuntimeError((directory / "log").read_text())


def measure(options, items):
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = pathlib.Path(name)
        data = fill(options, items, directory)
        node, _ = start(options, data, directory)
        node.stop()
        made = {"items": items}
        for phase, version in (("signals", 0), ("model", 1)):
            node, _ = start(options, data, directory)
            activate(node.port, version)
            node.stop()
            node, took = start(options, data, directory)
            memory = node.resident_bytes()
            made[phase] = {"start_ms": took, "memory_mib": round(memory / 2**20),
                           **node.load(options.rate, options.seconds)}
            node.stop()
            if options.saturate:  # of a server that nothing was asked of
                node, _ = start(options, data, directory)
                made[phase]["saturation"] = node.saturation(options.rate / 8, options.step)
                node.stop()
        return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--troupe", required=True)
    parser.add_argument("--draw", required=True, help="bench_draw_snapshot")
    parser.add_argument("--items", default="10000,100000,1000000",
                        type=lambda text: [int(one) for one in text.split(",")])
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--saturate", action="store_true", help="also find the highest rate")
    parser.add_argument("--step", type=int, default=5, help="seconds of each rate tried for that")
    parser.add_argument("--directory", help="where the stores stand meanwhile")
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    rows = [measure(options, items) for items in options.items]
    if options.json:
        report = {"bench": "catalogue", "rate": options.rate, "seconds": options.seconds,
                  "rows": rows}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    print("   items            start ms  memory MiB   p50 ms   p99 ms  CPU ms/event  not answered"
          + ("  events/s at most" if options.saturate else ""))
    for row in rows:
        for phase in ("signals", "model"):
            one = row[phase]
            print(f"{row['items']:8}  {phase:<8}{one['start_ms']:10}{one['memory_mib']:12}"
                  f"{one['p50_ms']:9.2f}{one['p99_ms']:9.2f}{one['cpu_ms_an_event']:14.2f}"
                  f"{one['not_answered']:14}"
                  + (f"{one['saturation']:18.0f}" if options.saturate else ""))


main()
