#!/usr/bin/env python3
"""How well slates are ranked: leave-one-out on sets that others publish figures of, and learning on
the stream of the demo's data. Everything by the defaults, on full catalogues.

    bench/quality_bench.py --troupe build/release/bin/troupe --demo demo/ml-latest-small \\
        --sets DIR --json FILE

DIR may hold ml-100k/ (MovieLens-100K, as GroupLens gives it) and beauty/beauty_bert4rec.txt.gz
(Amazon Beauty as BERT4Rec's authors prepared it: "user item" a line, in order). Neither may be
given away with this project; what is not there is left out, and that is said.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

YARDSTICKS = "popularity_all_time,item_knn,ease,vmis_knn,co_occurrence"
LEAVE_ONE_OUT = ("--protocol", "leave-one-out", "--query-time")
PAIRS = ("--format", "csv", "--no-header", "--delimiter", " ", "--map", "user_id=1,item_id=2",
         "--time", "order")

# Name, where it is under --sets (none: the demo's), how it is imported, whether a training by
# itself is timed, and what is judged: protocol, models, what they are to reach (model, HR@10,
# NDCG@10).
SETS = (
    ("MovieLens-100K", "ml-100k", ("--format", "ml-100k"), True, (
        ((*LEAVE_ONE_OUT, "zero"), YARDSTICKS + ",blend,recurrent,transformer,served",
         ("served", 0.230, 0.125)),
        ((*LEAVE_ONE_OUT, "known"), YARDSTICKS + ",blend,recurrent,served", None))),
    ("Amazon Beauty", "beauty/beauty_bert4rec.txt.gz", PAIRS, False, (
        ((*LEAVE_ONE_OUT, "zero"), "popularity_all_time,item_knn,vmis_knn,blend,recurrent,served",
         ("served", 0.060, 0.036)),)),
    ("ml-latest-small", None, (), False, (
        (("--protocol", "prequential", "--publish-every", "5000"),
         "popularity_last_week,co_occurrence,blend,served", ("served_every_5000", 0.110, 0.060)),)),
)


def figures_of(model):
    return {"hr_at_10": round(model["recall_at_10"], 4), "ndcg_at_10": round(model["ndcg_at_10"], 4),
            "hr_at_10_interval": [round(one, 4) for one in model["recall_at_10_interval"]],
            "ndcg_at_10_interval": [round(one, 4) for one in model["ndcg_at_10_interval"]]}


def judge(troupe, data, protocol, models, bar, directory):
    file = directory / "eval.json"
    begin = time.monotonic()
    subprocess.run([troupe, "eval", "--data", data, *protocol, "--models", models, "--quiet",
                    "--json", file], check=True)
    took = time.monotonic() - begin
    report = json.loads(file.read_text())
    found = {one["name"]: figures_of(one) for one in report["models"]}
    made = {"command": " ".join(("troupe eval", *protocol, "--models", models)),
            "events": report["events"], "items": report["items"], "seconds": round(took, 1),
            "models": found}
    if bar:
        name, hit_rate, ndcg = bar
        made["bar"] = {"model": name, "hr_at_10": hit_rate, "ndcg_at_10": ndcg,
                       "held": found[name]["hr_at_10"] >= hit_rate
                       and found[name]["ndcg_at_10"] >= ndcg}
    return made


def train(troupe, data):
    begin = time.monotonic()
    subprocess.run([troupe, "train", "--data", data], check=True, stdout=subprocess.DEVNULL)
    return round(time.monotonic() - begin, 1)


def measure(options, name, source, how, is_timed, judgements):
    with tempfile.TemporaryDirectory() as work:
        directory = pathlib.Path(work)
        data = directory / "data"
        subprocess.run([options.troupe, "import", "--data", data, *how, source], check=True,
                       stdout=subprocess.DEVNULL)
        made = {"set": name, "judged": []}
        if is_timed:
            made["train_seconds"] = train(options.troupe, data)
        for protocol, models, bar in judgements:
            made["judged"].append(judge(options.troupe, data, protocol, models, bar, directory))
            show(name, made["judged"][-1])
        return made


def show(name, judged):
    print(f"{name}: {judged['command']} ({judged['seconds']:.0f} s)")
    for model, one in judged["models"].items():
        print(f"    {model:22}{one['hr_at_10']:.4f} / {one['ndcg_at_10']:.4f}")
    if "bar" in judged:
        bar = judged["bar"]
        print(f"    {bar['model']} is to reach {bar['hr_at_10']} / {bar['ndcg_at_10']}: "
              f"{'held' if bar['held'] else 'missed'}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--troupe", required=True)
    parser.add_argument("--demo", required=True, help="ml-latest-small")
    parser.add_argument("--sets", type=pathlib.Path, help="where the other sets are")
    parser.add_argument("--only", help="names of sets, with commas between")
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    rows = []
    for name, place, how, is_timed, judgements in SETS:
        if options.only and name not in options.only.split(","):
            continue
        source = options.sets / place if options.sets and place else options.demo
        if place and (not options.sets or not source.exists()):
            print(f"{name}: left out, for there is no {place} in --sets", file=sys.stderr)
            continue
        rows.append(measure(options, name, source, how, is_timed, judgements))
    if options.json:
        report = {"bench": "quality", "metrics": "HR@10 is Recall@10: there is one target each",
                  "rows": rows}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


main()
