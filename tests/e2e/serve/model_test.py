"""Trained models in a running server: activated, rolled back, switched under load, damaged."""
import json
import pathlib
import subprocess
import sys
import tempfile

from live_client import LiveClient, request
from server import Server, expect, run
import walkers

SWITCHES = 30


def fill(troupe, directory):
    records = [{"item_id": f"i{n}", "title": f"Item {n}"} for n in range(40)]
    data = walkers.fill(troupe, directory, records, users=40, pace=3, steps=9)
    for seed in (1, 2):
        code, output, errors = run(troupe, "train", "--data", data, "--dimensions", 16, "--epochs",
                                   2, "--seed", seed)
        expect(code == 0 and f"snapshot {seed} of epoch" in output, f"train: {output}{errors}")
    return data


class Admin:
    def __init__(self, troupe, server, *arguments):
        self.how = (troupe, "admin", "model")
        self.end = ("--url", f"http://127.0.0.1:{server.port}", *arguments)

    def __call__(self, *arguments):
        code, output, errors = run(self.how[0], *self.how[1:], *arguments, *self.end)
        return code, output, errors

    def models(self):
        code, output, errors = self("list", "--json")
        expect(code == 0, f"list: {errors}")
        return json.loads(output)["models"]

    def activate(self, version):
        code, output, errors = self("activate", version, "--json")
        expect(code == 0, f"activate {version}: {errors}")
        expect(json.loads(output)["active"] and json.loads(output)["version"] == version, output)


def slate_version(server, user="u1"):
    status, body = request(server.port, "GET", f"/v1/users/{user}/recommendations?k=5")
    expect(status == 200, body)
    return body["model_version"]


def commands(troupe, server):
    admin = Admin(troupe, server)
    known = admin.models()
    expect([one["version"] for one in known] == [0, 1, 2], f"the versions: {known}")
    expect([one["version"] for one in known if one["active"]] == [2], "the newest is active")
    expect(known[1]["items"] == 40 and known[1]["metrics"]["held_out_ndcg_at_10"] > 0, f"{known}")
    expect(slate_version(server) == 2, "slates name it")
    admin.activate(1)
    expect(slate_version(server) == 1, "slates name the one activated")
    code, output, _ = admin("rollback")
    expect(code == 0 and "active" in output.splitlines()[-1], output)
    expect(slate_version(server) == 2, "rolled back")
    code, output, _ = admin("list")
    expect(code == 0 and len(output.splitlines()) == 4 and "previous" in output, output)
    admin.activate(0)
    expect(slate_version(server) == 0, "the signals alone")
    code, _, errors = admin("activate", 9)
    expect(code == 1 and "404" in errors and "snapshot" in errors, errors)
    code, _, errors = run(troupe, "admin", "model", "list", "--url", "http://127.0.0.1:1")
    expect(code == 1 and "connect" in errors, errors)
    code, _, errors = run(troupe, "admin", "model")
    expect(code == 2, f"a command is missing: {errors}")


def switches_under_load(troupe, server, directory):
    admin = Admin(troupe, server)
    admin.activate(1)
    client = LiveClient(server.port)
    client.send({"hello": {"user_id": "watcher", "k": 5}})
    client.receive_until(lambda m: "slate" in m)
    report = directory / "load.json"
    load = subprocess.Popen(
        [troupe, "bench", "--url", f"ws://127.0.0.1:{server.port}", "--connections", "20", "--rate",
         "100", "--duration", "6s", "--warmup", "200ms", "--json", str(report)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for number in range(SWITCHES):
        version = 2 - number % 2
        admin.activate(version)
        client.send({"event": {"event_id": f"w{number}", "item_id": f"i{number}", "type": "view"}})
        slate = client.receive_until(
            lambda m, seq=number + 1: "slate" in m and m["slate"]["profile_seq"] >= seq)["slate"]
        expect(slate["model_version"] == version, f"the slate after a switch: {slate}")
    client.close()
    output, _ = load.communicate(timeout=120)
    expect(load.returncode == 0, f"the load saw no fault: {output}")
    steady = json.loads(report.read_text())["steady"]
    expect(steady["answered"] == steady["due"] == 600
           and steady["lost"] == steady["failed"] == steady["refused"] == 0, f"{steady}")
    expect([one["version"] for one in admin.models() if one["active"]] == [1], "the last one")


def damaged(troupe, data):
    """A damaged version is refused by name, and passed over at the start."""
    file = pathlib.Path(f"{data}.models") / "0000000002" / "weights.safetensors"
    file.chmod(0o600)
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    with Server(troupe, data, "--set", "gateway.api_key=secret") as server:
        code, _, errors = run(troupe, "admin", "model", "list", "--url",
                              f"http://127.0.0.1:{server.port}")
        expect(code == 1 and "401" in errors, errors)
        admin = Admin(troupe, server, "--api-key", "secret")
        expect([one["version"] for one in admin.models() if one["active"]] == [1],
               "what was active when it stopped")
        code, _, errors = admin("activate", 2)
        expect(code == 1 and "weights.safetensors" in errors, errors)
        expect([one["version"] for one in admin.models() if one["active"]] == [1], "it stays")
        server.stop()


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        data = fill(troupe, directory)
        with Server(troupe, data, "--set", "gateway.events_per_second_max=0") as server:
            commands(troupe, server)
            switches_under_load(troupe, server, directory)
            code, errors = server.stop()
            expect(code == 0, errors)
        damaged(troupe, data)


main()
