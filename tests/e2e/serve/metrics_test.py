"""The metrics of a running server are those of docs/operations.md; --print writes the table."""
import pathlib
import re
import sys
import tempfile

from live_client import LiveClient, request
from server import Server, expect

BEGIN = "<!-- metrics: printed by tests/e2e/serve/metrics_test.py TROUPE --print -->\n"
END = "<!-- end of metrics -->"


def exercise(server):
    """Once through everything that registers a series only when it happens."""
    client = LiveClient(server.port)
    client.send({"hello": {"user_id": "u", "k": 5}})
    client.receive_until(lambda m: "slate" in m)
    client.send({"event": {"event_id": "a", "item_id": "i", "type": "click"}})
    client.receive_until(lambda m: "ack" in m)
    client.close()
    other = LiveClient(server.port)
    other.send({"hello": {"user_id": "u", "k": 5}})
    other.receive_until(lambda m: "slate" in m)
    other._frame(2, b"binary")  # closed with 1003
    expect(other.receive_until_close() == 1003, "a binary frame on a text protocol is refused")


def table(server):
    status, text = request(server.port, "GET", "/metrics")
    expect(status == 200, "/metrics answers")
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    labels = {}
    for name, inside in re.findall(r"^(troupe_\w+)\{([^}]*)\}", text, re.M):
        base = name if name in helps else re.sub(r"_(bucket|sum|count)$", "", name)
        labels.setdefault(base, set()).update(re.findall(r"(\w+)=", inside))
    rows = "| metric | kind | labels | what it says |\n|---|---|---|---|\n"
    for name in sorted(helps):
        shown = ", ".join(sorted(labels.get(name, set()) - {"le"}))
        rows += f"| `{name}` | {types[name]} | {shown} | {helps[name]} |\n"
    return rows


def main():
    with tempfile.TemporaryDirectory() as data:
        with Server(sys.argv[1], pathlib.Path(data) / "data", "--set", "trainer.interval=1h") as server:
            exercise(server)
            found = table(server)
            server.stop()
    if "--print" in sys.argv:
        print(found, end="")
        return
    page = (pathlib.Path(__file__).parents[3] / "docs/operations.md").read_text(encoding="utf-8")
    expect(BEGIN in page and END in page, "docs/operations.md has the markers")
    written = page.split(BEGIN)[1].split(END)[0]
    for line in found.splitlines():
        expect(line in written.splitlines(), f"docs/operations.md lacks: {line}")
    for line in written.splitlines():
        expect(line in found.splitlines(), f"docs/operations.md has what is not there: {line}")
    print("metrics: all documented")


main()
