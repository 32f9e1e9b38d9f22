"""troupe eval on eight events whose figures one finds by hand: the table and the JSON.

Three people end with c, d and b; what they did before is learnt. Who has seen only a is shown b
first, which stood near a twice. The other two are shown c and d, of which nothing is known, in
the order of their names: c is a hit in the first place, d in the second.
"""
import json
import math
import pathlib
import sys
import tempfile

from server import expect, run, write

SEQUENCES = {"u1": "abc", "u2": "abd", "u3": "ab"}
RECALL_AT_5 = 1.0
NDCG = (1 + 1 / math.log2(3) + 1) / 3
MRR = (1 + 1 / 2 + 1) / 3
COVERAGE = 3 / 4  # b, c and d of four items
POPULARITY = 2 / 7  # of the seven items shown only b had events: two


def fill(troupe, directory):
    lines = [json.dumps({"item_id": item, "title": item.upper()}) for item in "abcd"]
    for step in range(3):
        for user, items in SEQUENCES.items():
            if step < len(items):
                lines.append(json.dumps({
                    "event_id": f"{user}-{step}", "user_id": user, "item_id": items[step],
                    "type": "view", "timestamp": 1_600_000_000_000 + 1000 * step}))
    data = directory / "data"
    code, output, errors = run(troupe, "import", write(directory / "all.jsonl", "\n".join(lines)),
                               "--data", data)
    expect(code == 0 and "events   8 written" in output, f"{output}{errors}")
    return data


def near(a, b):
    return abs(a - b) < 1e-9


def figures(troupe, directory, data):
    to = directory / "eval.json"
    code, output, errors = run(troupe, "eval", "--data", data, "--protocol", "leave-one-out",
                               "--json", to)
    expect(code == 0, errors)
    made = json.loads(to.read_text())
    expect((made["protocol"], made["events"], made["users"], made["items"], made["targets"])
           == ("leave-one-out", 8, 3, 4, 3), made)
    rows = {row["name"]: row for row in made["models"]}
    expect({"blend", "co_occurrence", "popularity", "content", "novelty"} <= set(rows), rows)
    row = rows["co_occurrence"]
    for name, wanted in (("recall_at_5", RECALL_AT_5), ("recall_at_20", 1.0), ("ndcg_at_5", NDCG),
                         ("ndcg_at_10", NDCG), ("mrr", MRR), ("coverage", COVERAGE),
                         ("mean_popularity", POPULARITY)):
        expect(near(row[name], wanted), f"{name}: {row[name]}, by hand {wanted}")
    lines = output.splitlines()
    expect(lines[0].startswith("leave-one-out: 8 events of 3 users, 4 items, 3 targets"), lines[0])
    table = {line.split()[0]: line.split()[1:] for line in lines[3:]}
    expect(table["co_occurrence"] == ["1.0000"] * 3 + [f"{NDCG:.4f}"] * 3
           + [f"{MRR:.4f}", f"{COVERAGE:.3f}", f"{POPULARITY:.1f}"], table["co_occurrence"])


def options(troupe, directory, data):
    code, output, errors = run(troupe, "eval", "--data", data, "--protocol", "leave-one-out",
                               "--blend-only", "--quiet", "--json", "-")
    expect(code == 0 and [row["name"] for row in json.loads(output)["models"]] == ["blend"],
           f"{output}{errors}")
    for wrong in (["--protocol", "guess"], ["--cut", "x"]):
        code, output, errors = run(troupe, "eval", "--data", data, *wrong)
        expect(code == 2 and not output, f"{wrong}: {code} {errors}")
    code, _, errors = run(troupe, "eval", "--data", data, "--warmup", "1")
    expect(code == 1 and "warmup is 1" in errors, f"{code} {errors}")
    code, _, errors = run(troupe, "eval", "--data", data, "--json", directory / "no" / "where")
    expect(code == 1 and "cannot write" in errors, f"{code} {errors}")


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        data = fill(troupe, directory)
        figures(troupe, directory, data)
        options(troupe, directory, data)
    print("eval: all well")


main()
