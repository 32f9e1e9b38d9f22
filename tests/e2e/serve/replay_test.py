"""troupe replay and troupe bench against a running server: every event once, in order."""
import json
import pathlib
import sys
import tempfile

from server import Server, expect, run, write


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        items = "".join(f'{{"item_id":"i{n}"}}\n' for n in range(30))
        events = "".join(
            f'{{"event_id":"e{n}","user_id":"u{n // 20}","item_id":"i{n % 20}",'
            f'"type":"like","timestamp":{1700000000000 + 1000 * n}}}\n' for n in range(120))
        write(directory / "items.jsonl", items)
        write(directory / "events.jsonl", events)
        with Server(troupe, directory / "data", "--set", "gateway.events_per_second_max=0") as server:
            url = f"ws://127.0.0.1:{server.port}"
            code, output, errors = run(troupe, "replay", "--events", directory, "--url", url,
                                       "--measure", "--json")
            expect(code == 0, f"replay: {errors}")
            scores = json.loads(output)
            # The last 70 %, without the first event of four users.
            expect(scores["events"] == 120 and scores["scored"] == 80, f"what is scored: {scores}")
            # Everyone likes the same items in the same order: what comes next is foreseen.
            expect(scores["recall"] > 0.9 and 0 < scores["ndcg"] <= scores["recall"],
                   f"the pattern is learnt: {scores}")
            for mode in ("live", "rest"):
                report = directory / f"{mode}.json"
                code, output, errors = run(
                    troupe, "bench", "--url", url, "--mode", mode, "--connections", "20", "--rate",
                    "100", "--duration", "1s", "--warmup", "200ms", "--server-pid",
                    server.process.pid, "--sync-directory", directory, "--json", report)
                expect(code == 0, f"bench {mode}: {output}{errors}")
                steady = json.loads(report.read_text())["steady"]
                expect(steady["due"] == 100 and steady["answered"] == 100
                       and steady["lost"] == steady["failed"] == 0, f"{mode}: {steady}")
                expect("fdatasync of 4 KiB" in output and "CPU second" in output, output)
            code, errors = server.stop()
            expect(code == 0, errors)
        code, output, errors = run(troupe, "export", directory / "out", "--data", directory / "data")
        written = (directory / "out" / "events.jsonl").read_text().splitlines()
        expect([json.loads(line)["event_id"] for line in written[:120]]
               == [f"e{n}" for n in range(120)], "replayed events arrived in their order")
    print("replay: all well")


main()
