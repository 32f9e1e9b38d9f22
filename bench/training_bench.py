#!/usr/bin/env python3
"""How long `troupe train` takes with a million events, by its defaults. The events are drawn: users
like some groups of items, popular ones more often, and one item often follows another.

    bench/training_bench.py --troupe build/release/bin/troupe --json FILE
"""
import argparse
import json
import pathlib
import re
import resource
import subprocess
import tempfile
import time

import numpy

GROUP_ITEMS = 100  # on average
LIKED_GROUPS = 4
FOLLOWERS = 3  # of an item


def draw(users, items, events, seed, file):
    """Writes user,item,timestamp lines in the order of time; answers how many."""
    random = numpy.random.default_rng(seed)
    groups = max(20, items // GROUP_ITEMS)
    group_of = random.permutation(items) % groups
    popularity = 1.0 / numpy.arange(1, items + 1) ** 0.8
    members = [numpy.where(group_of == group)[0] for group in range(groups)]
    chances = [numpy.cumsum(popularity[own] / popularity[own].sum()) for own in members]
    followers = random.integers(0, items, size=(items, FOLLOWERS))
    lengths = random.lognormal(0, 0.9, users)
    lengths = numpy.maximum(3, lengths / lengths.sum() * events).astype(int)
    lines = []
    for user in range(users):
        liked = random.choice(groups, size=LIKED_GROUPS)
        moment = int(1.0e9 + random.random() * 1e8)
        last, seen = None, set()
        for _ in range(min(lengths[user], items // 2)):
            for _ in range(8):  # nearly always something new
                way = random.random()
                if last is not None and way < 0.35:
                    item = int(followers[last, random.integers(FOLLOWERS)])
                elif way < 0.8:
                    group = liked[random.integers(LIKED_GROUPS)]
                    at = numpy.searchsorted(chances[group], random.random())
                    item = int(members[group][min(len(members[group]) - 1, at)])
                else:
                    item = int(min(items - 1, random.zipf(1.3)))
                if item not in seen:
                    break
            seen.add(item)
            last = item
            moment += int(random.exponential(3000))
            lines.append((moment, user, item))
    lines.sort()
    with open(file, "w", encoding="utf-8") as out:
        out.write("user,item,timestamp\n")
        out.writelines(f"u{user},i{item},{moment}\n" for moment, user, item in lines)
    return len(lines)


def measure(options, users, items):
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = pathlib.Path(name)
        file, data = directory / "events.csv", directory / "data"
        events = draw(users, items, options.events, options.seed, file)
        subprocess.run(
            [options.troupe, "import", "--data", data, "--format", "csv", "--map",
             "user_id=user,item_id=item,timestamp=timestamp", file],
            check=True, stdout=subprocess.DEVNULL)
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        begin = time.monotonic()
        told = subprocess.run([options.troupe, "train", "--data", data], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        took = time.monotonic() - begin
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used
    return {"events": events, "users": users, "items": items, "seconds": round(took, 1),
            "cpu_seconds": round(used, 1), "passes": len(re.findall(r"^epoch ", told, re.M)),
            "held_out_ndcg_at_10": max(map(float, re.findall(r"NDCG@10 (\d\.\d+)", told)))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--troupe", required=True)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--shapes", default="6040x3706,50000x25000", help="users x items, ...",
                        type=lambda text: [tuple(map(int, one.split("x")))
                                           for one in text.split(",")])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", help="where the stores stand meanwhile")
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    rows = [measure(options, *shape) for shape in options.shapes]
    if options.json:
        report = {"bench": "training", "rows": rows}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    print("   events    users    items  passes   minutes  CPU minutes  NDCG@10 held out")
    for one in rows:
        print(f"{one['events']:9}{one['users']:9}{one['items']:9}{one['passes']:8}"
              f"{one['seconds'] / 60:10.1f}{one['cpu_seconds'] / 60:13.1f}"
              f"{one['held_out_ndcg_at_10']:18.4f}")


main()
