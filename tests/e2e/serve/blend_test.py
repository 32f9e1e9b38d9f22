"""The blend's weights move with what users do with what they are shown, and survive a kill."""
import json
import pathlib
import re
import signal
import sys
import tempfile
import time

from history import import_history
from live_client import LiveClient, request
from server import Server, expect, run

USERS = 50


def series(server, name):
    """The values of a metric by its label's text."""
    status, text = request(server.port, "GET", "/metrics")
    expect(status == 200, text)
    return {label: float(value) for label, value in
            re.findall(rf"^{name}(?:{{([^}}]*)}})? (\S+)$", text, re.M)}


def factor_of(server, signal_name):
    return series(server, "troupe_actors_blend_learner_factor_ratio")[f'signal="{signal_name}"']


def visit(server, user):
    """Looks at a whole list, then takes what stands last in it."""
    client = LiveClient(server.port)
    client.send({"hello": {"user_id": user, "k": 8}})
    client.receive_until(lambda m: "slate" in m)
    for step in range(2):
        client.send({"event": {"event_id": f"first{step}", "item_id": f"i{(len(user) + int(user[-1], 36) + step) % 4}",
                               "type": "click"}})
        slate = client.receive_until(
            lambda m, least=step + 1: m.get("slate", {}).get("profile_seq", 0) >= least)["slate"]
    client.send({"impression": {"slate_id": slate["slate_id"],
                                "positions": list(range(len(slate["items"])))}})
    client.receive_until(lambda m: m.get("ack", {}).get("to") == "impression")
    client.send({"event": {"event_id": "taken", "item_id": slate["items"][-1]["item_id"],
                           "type": "click", "slate_id": slate["slate_id"]}})
    client.receive_until(lambda m: m.get("ack", {}).get("event_id") == "taken")
    client.close()


def explained(troupe, data, slate, settings):
    """The slate's items as the log explains them."""
    code, output, errors = run(troupe, "explain", "--data", data, "--user", slate["user_id"],
                               "--slate", slate["slate_id"], "--k", "8", "--json", *settings)
    expect(code == 0, errors)
    return json.loads(output)["items"]


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        data = import_history(troupe, directory)
        # What was shown a second ago and not taken was not wanted.
        soon = ("--set", "blend.outcome_window=1s")
        with Server(troupe, data, *soon) as server:
            expect(factor_of(server, "co_occurrence") == 1, "as configured at first")
            for number in range(USERS):
                visit(server, f"user {number}")
            time.sleep(1.2)
            visit(server, "newcomer1")
            judged = series(server, "troupe_actors_blend_learner_impressions_total")
            expect(judged['outcome="wanted"'] >= USERS / 2, f"wanted: {judged}")
            moved = factor_of(server, "co_occurrence")
            expect(moved < 0.95, f"co-occurrence stood at {moved} after it put the wrong ones first")
            status, slate = request(server.port, "GET", "/v1/users/user%201/recommendations?k=8")
            expect(status == 200, slate)
            server.stop(signal.SIGKILL)
        expect(slate["slate_id"].count(".") == 8, f"names how far its weights learnt: {slate}")
        sent = [{key: item[key] for key in ("item_id", "score", "reason")} for item in slate["items"]]
        expect(sent == explained(troupe, data, slate, soon), "the slate is explained again")
        with Server(troupe, data, *soon) as server:
            expect(factor_of(server, "co_occurrence") == moved, "the log teaches the same again")
            code, errors = server.stop()
            expect(code == 0, errors)
        with Server(troupe, data, *soon) as server:
            expect(factor_of(server, "co_occurrence") == moved, "and so does a checkpoint")
        with Server(troupe, data, "--set", "blend.learn=false") as server:
            expect(not series(server, "troupe_actors_blend_learner_factor_ratio"), "or nobody learns")
            visit(server, "late1")
            status, slate = request(server.port, "GET", "/v1/users/late1/recommendations?k=8")
            expect(status == 200 and slate["slate_id"].count(".") == 7, f"as configured: {slate}")
    print("blend: all well")


main()
