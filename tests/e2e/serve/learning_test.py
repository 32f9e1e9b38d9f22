"""A server that learns from its event stream: a first model, the next ones, what is refused, erasure."""
import json
import pathlib
import re
import signal
import sys
import tempfile
import time

from live_client import request
from server import Server, expect, run, write

DEADLINE = 240


def line(user, step, item):
    return {"event_id": f"{user}-{step}", "user_id": f"u{user}", "item_id": f"i{item}",
            "type": "view", "timestamp": 1_600_000_000_000 + 60_000 * step}


def fill(troupe, directory):
    lines = [json.dumps({"item_id": f"i{n}"}) for n in range(30)]
    lines += [json.dumps(line(user, step, (user + step) % 30)) for user in range(60)
              for step in range(8)]
    data = directory / "data"
    code, output, errors = run(troupe, "import", write(directory / "all.jsonl", "\n".join(lines)),
                               "--data", data)
    expect(code == 0, f"import: {output}{errors}")
    return data


def series(server, name):
    _, text = request(server.port, "GET", "/metrics")
    found = re.search(rf"^troupe_actors_trainer_{name} (\S+)$", text, re.M)
    return float(found.group(1)) if found else 0.0


def wait_for(what, why):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.2)
    expect(False, why)


def versions(server):
    return request(server.port, "GET", "/v1/models")[1]["models"]


def active(server):
    return next(one for one in versions(server) if one["active"])


def has_libtorch(server):
    return "libtorch" in pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()


def breaks_off_a_first_model(troupe, data, left):
    """A kill in the midst of the first training, which is slow enough for that."""
    with Server(troupe, data, "--set", "trainer.interval=1s", "--set", "trainer.first_events=400",
                "--set", "trainer.cpu_share=0.05") as server:
        wait_for(left.exists, "the first training is kept")
        server.stop(signal.SIGKILL)
    expect(not pathlib.Path(f"{data}.models").exists(), "there is no version yet")


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        data = fill(troupe, pathlib.Path(name))
        left = pathlib.Path(f"{data}.models.first") / "first.checkpoint"
        breaks_off_a_first_model(troupe, data, left)
        with Server(troupe, data, "--set", "trainer.interval=1s", "--set",
                    "trainer.first_events=400", "--set", "trainer.cpu_share=1") as server:
            wait_for(lambda: active(server)["version"] == 1, "a first model is trained and serves")
            expect(active(server)["event_position"] == 480, f"{active(server)}")
            expect(not left.parent.exists(), "what the kill left is done with")
            _, slate = request(server.port, "GET", "/v1/users/u1/recommendations?k=5")
            expect(slate["model_version"] == 1, f"slates are made with it: {slate}")

            events = [line(user, step, (user + 7 * step) % 30) for user in range(100, 140)
                      for step in range(8)]
            status, body = request(server.port, "POST", "/v1/events", events)
            expect(status == 200, f"events: {status} {body}")
            rounds = series(server, "rounds_total")
            wait_for(lambda: series(server, "rounds_total") > rounds, "new events are learnt")
            wait_for(lambda: series(server, "accepted_total") + series(server, "refused_total")
                     == series(server, "rounds_total"), "each round is accepted or refused")
            known = series(server, "buffered_events")
            expect(known == 800, f"the buffer has all events: {known}")

            status, _ = request(server.port, "DELETE", "/v1/users/u100")
            expect(status == 204, "a user is erased, in the trainer too")
            more = [line(user, step, step) for user in range(200, 220) for step in range(8)]
            request(server.port, "POST", "/v1/events", more)
            wait_for(lambda: series(server, "buffered_events") == 800 - 8 + 160,
                     "the buffer has forgotten the user's eight events")
            # Somebody who chooses the signals alone is not overruled.
            status, _ = request(server.port, "POST", "/v1/models/0/activate")
            expect(status == 200, "version 0 is active")
            wait_for(lambda: series(server, "rounds_under_way") == 0, "the round under way ends")
            rounds = series(server, "rounds_total")
            more = [line(user, step, step) for user in range(300, 320) for step in range(8)]
            request(server.port, "POST", "/v1/events", more)
            time.sleep(3)
            expect(series(server, "rounds_total") == rounds, "nothing is trained without a parent")
            expect(active(server)["version"] == 0, f"{active(server)}")
            newest = max(one["version"] for one in versions(server))
            request(server.port, "POST", f"/v1/models/{newest}/activate")
            wait_for(lambda: series(server, "rounds_total") > rounds, "it goes on from a version")
            # A round may be under way: the server does not wait for it.
            begin = time.monotonic()
            code, errors = server.stop()
            expect(code == 0, errors)
            expect("trainer.first_run_resumed event_position=480" in errors, errors)
            expect("trainer.first_run_anew" not in errors, errors)
            expect(time.monotonic() - begin < 25, "it stops in good time")
        kept = sorted(path.name for path in pathlib.Path(f"{data}.models").iterdir()
                      if path.name.isdigit())
        expect(kept and len(kept) <= 7, f"old versions go: {kept}")
        with Server(troupe, data, "--set", "trainer.interval=0s") as server:
            expect(active(server)["version"] >= 1, "what was learnt is there after a restart")
            _, text = request(server.port, "GET", "/metrics")
            expect("troupe_actors_trainer_rounds_total" not in text, "nobody trains")
            expect(not has_libtorch(server), "who does not train does without LibTorch")
            server.stop()
        with Server(troupe, data, "--set", "trainer.interval=1h") as server:
            wait_for(lambda: has_libtorch(server), "LibTorch is there before the first round")
            server.stop()


main()
