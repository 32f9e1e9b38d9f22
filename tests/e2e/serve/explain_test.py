"""troupe explain: a slate that was sent is explained again from the log of the stopped server."""
import json
import pathlib
import sys
import tempfile

from history import import_history
from live_client import LiveClient, request
from server import Server, expect, run


def serve_a_slate(troupe, data):
    """The slates that went out over both doors; much happens after them."""
    with Server(troupe, data) as server:
        status, asked = request(server.port, "GET",
                                "/v1/users/u1/recommendations?k=5&filter=category%20!=%20%22c0%22&exclude=i1,i4")
        expect(status == 200 and len(asked["items"]) == 5, f"a slate: {asked}")
        client = LiveClient(server.port)
        client.send({"hello": {"user_id": "u2", "k": 8}})
        client.receive_until(lambda m: "slate" in m)
        client.send({"event": {"event_id": "live", "item_id": "i7", "type": "like"}})
        pushed = client.receive_until(lambda m: m.get("slate", {}).get("profile_seq", 0) == 7)["slate"]
        for number in range(20):
            client.send({"event": {"event_id": f"later{number}", "item_id": f"i{number}", "type": "like"}})
            client.receive_until(lambda m: "ack" in m)
        client.close()
        code, errors = server.stop()
        expect(code == 0, errors)
    return asked, pushed


def same(slate, explained):
    for key in ("slate_id", "user_id"):
        expect(slate[key] == explained[key], f"{key}: {explained}")
    sent = [{key: item[key] for key in ("item_id", "score", "reason")} for item in slate["items"]]
    expect(sent == explained["items"], f"sent {sent}, explained {explained['items']}")


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        data = import_history(troupe, directory)
        asked, pushed = serve_a_slate(troupe, data)
        explain = ["explain", "--data", data, "--user"]
        how = ["--k", "5", "--filter", 'category != "c0"', "--exclude", "i1,i4"]
        code, output, errors = run(troupe, *explain, "u1", "--slate", asked["slate_id"], *how, "--json")
        expect(code == 0, errors)
        same(asked, json.loads(output))
        code, output, errors = run(troupe, *explain, "u2", "--slate", pushed["slate_id"], "--k", "8",
                                   "--json")
        expect(code == 0, errors)
        same(pushed, json.loads(output))
        expect(any("because" in item["reason"] for item in pushed["items"]), "a past item is named")
        code, output, errors = run(troupe, *explain, "u2", "--slate", pushed["slate_id"], "--k", "8")
        expect(code == 0 and len(output.splitlines()) == 9, f"a line an item: {output}{errors}")
        for item in pushed["items"]:
            expect(item["reason"]["text"] in output, f"the table says why: {output}")
        for user, slate, wanted in (("u3", pushed["slate_id"], 2), ("u2", "s1.nothing", 2),
                                    ("", pushed["slate_id"], 2)):
            code, output, errors = run(troupe, *explain, user, "--slate", slate)
            expect(code == wanted and not output and len(errors.strip().splitlines()) == 1,
                   f"{user} {slate}: {code} {output}{errors}")
        code, _, errors = run(troupe, "explain", "--data", directory / "nowhere", "--user", "u2",
                              "--slate", pushed["slate_id"])
        expect(code == 1 and "nowhere" in errors, f"no store: {code} {errors}")
        expect(not (directory / "nowhere").exists(), "and none is made")
    print("explain: all well")


main()
