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
import xml.dom.minidom

from server import expect, run, write

SEQUENCES = {"u1": "abc", "u2": "abd", "u3": "ab"}
RECALL_AT_5 = 1.0
NDCG = (1 + 1 / math.log2(3) + 1) / 3
MRR = (1 + 1 / 2 + 1) / 3
COVERAGE = 3 / 4  # b, c and d of four items
POPULARITY = 2 / 7  # of the seven items shown only b had events: two
GINI = (-1 * 1 + 1 * 3 + 3 * 3) / (4 * 7)  # a, b, c and d stood there 0, 1, 3 and 3 times
COLD = 1.0  # nothing has five events
MODELS = ["blend", "co_occurrence", "popularity", "content", "novelty", "popularity_last_week",
          "popularity_all_time", "item_knn", "item_knn_decayed", "ease", "ease_decayed", "vmis_knn"]


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
    expect(list(rows) == MODELS, rows)
    row = rows["co_occurrence"]
    for name, wanted in (("recall_at_5", RECALL_AT_5), ("recall_at_20", 1.0), ("ndcg_at_5", NDCG),
                         ("ndcg_at_10", NDCG), ("mrr", MRR), ("coverage", COVERAGE),
                         ("mean_popularity", POPULARITY), ("gini", GINI), ("cold_share", COLD)):
        expect(near(row[name], wanted), f"{name}: {row[name]}, by hand {wanted}")
    low, high = row["ndcg_at_10_interval"]
    expect(row["recall_at_10_interval"] == [1, 1] and 1 / math.log2(3) <= low < NDCG < high <= 1, row)
    lines = output.splitlines()
    expect(max(map(len, lines)) <= 120, output)
    expect(lines[0].startswith("leave-one-out: 8 events of 3 users, 4 items, 3 targets"), lines[0])
    table = {line.split()[0]: line.split()[1:] for line in lines[3:lines.index("", 3)]}
    expect(list(table) == MODELS, output)
    half = f"±{(high - low) / 2:.4f}".replace("0.", ".")
    expect(table["co_occurrence"] == ["1.0000"] * 2 + ["±.0000", "1.0000"] + [f"{NDCG:.4f}"] * 2
           + [half, f"{NDCG:.4f}", f"{MRR:.4f}", f"{COVERAGE:.3f}", f"{GINI:.3f}",
              f"{POPULARITY:.1f}", f"{COLD:.3f}"], table["co_occurrence"])


def options(troupe, directory, data):
    code, output, errors = run(troupe, "eval", "--data", data, "--protocol", "leave-one-out",
                               "--blend-only", "--quiet", "--json", "-")
    expect(code == 0 and [row["name"] for row in json.loads(output)["models"]] == ["blend"],
           f"{output}{errors}")
    code, output, errors = run(troupe, "eval", "--data", data, "--models", "vmis_knn,blend,ease",
                               "--quiet", "--json", "-", "--query-time", "zero")
    made = json.loads(output)
    expect([row["name"] for row in made["models"]] == ["blend", "vmis_knn"], output)
    expect(made["notes"][0].startswith("ease: left out") and made["query_time"] == "zero", output)
    for wrong in (["--protocol", "guess"], ["--cut", "x"], ["--models", "best"],
                  ["--models", "ease", "--blend-only"], ["--query-time", "soon"]):
        code, output, errors = run(troupe, "eval", "--data", data, *wrong)
        expect(code == 2 and not output, f"{wrong}: {code} {errors}")
    code, _, errors = run(troupe, "eval", "--data", data, "--warmup", "1")
    expect(code == 1 and "warmup is 1" in errors, f"{code} {errors}")
    for file in "--json", "--plot":
        code, _, errors = run(troupe, "eval", "--data", data, file, directory / "no" / "where")
        expect(code == 1 and "cannot write" in errors, f"{code} {errors}")


def pictures(troupe, directory, data):
    for protocol, mark in (("leave-one-out", "rect"), ("prequential", "polyline")):
        to = directory / f"{protocol}.svg"
        code, _, errors = run(troupe, "eval", "--data", data, "--protocol", protocol, "--quiet",
                              "--models", "blend,item_knn", "--plot", to)
        expect(code == 0, errors)
        picture = xml.dom.minidom.parse(str(to))
        texts = [text.firstChild.data for text in picture.getElementsByTagName("text")]
        expect(texts[0].startswith(f"{protocol}: 8 events of 3 users"), texts)
        expect(any(text.startswith("item_knn") for text in texts), texts)
        expect(len(picture.getElementsByTagName(mark)) >= 2, mark)


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        data = fill(troupe, directory)
        figures(troupe, directory, data)
        options(troupe, directory, data)
        pictures(troupe, directory, data)
    print("eval: all well")


main()
