"""troupe serve over real sockets: an event in, a slate pushed out, and every way to stop."""
import concurrent.futures
import pathlib
import signal
import socket
import sys
import tempfile

from live_client import LiveClient, request
from server import Server, expect, run, write

FAST = ["--set", "gateway.events_per_second_max=0", "--set", "log.level=info"]


def slate_ids(message):
    return [item["item_id"] for item in message["slate"]["items"]]


def make_data(directory):
    """Forty items; ten users who like the even ones, ten who like the odd ones."""
    items = "".join(f'{{"item_id":"i{n}","title":"Item {n}","categories":["{"even odd".split()[n % 2]}"]}}\n'
                    for n in range(40))
    events = ""
    for user in range(20):
        for step in range(12):
            item = (2 * (step + user) + user % 2) % 40
            events += (f'{{"event_id":"e{step}","user_id":"u{user}","item_id":"i{item}","type":"like",'
                       f'"timestamp":{1700000000000 + 1000 * (step * 20 + user)}}}\n')
    write(directory / "items.jsonl", items)
    write(directory / "events.jsonl", events)


def an_event_comes_back_as_a_slate(server):
    client = LiveClient(server.port)
    client.send({"hello": {"user_id": "newcomer", "k": 10}})
    expect("welcome" in client.receive(), "hello is answered by welcome")
    first = client.receive_until(lambda m: "slate" in m)
    expect(first["slate"]["profile_seq"] == 0, "a newcomer's slate reflects nothing")
    client.send({"event": {"event_id": "a", "item_id": "i4", "type": "like"}})
    ack = None
    pushed = None
    while ack is None or pushed is None:
        message = client.receive()
        ack = message.get("ack", ack)
        pushed = message if message.get("slate", {}).get("profile_seq", 0) >= 1 else pushed
    expect(ack["seq"] == 1 and not ack["duplicate"], f"the first event is number 1: {ack}")
    ids = slate_ids(pushed)
    expect("i4" not in ids, "what was seen is left out")
    even = sum(int(i[1:]) % 2 == 0 for i in ids)
    expect(even > len(ids) / 2, f"neighbours of an even item are even: {ids}")
    client.send({"event": {"event_id": "a", "item_id": "i4", "type": "like"}})
    again = client.receive_until(lambda m: "ack" in m)["ack"]
    expect(again["duplicate"] and again["seq"] == 1, f"sent again it is a duplicate: {again}")
    status, slate = request(server.port, "GET", "/v1/users/newcomer/recommendations?k=10")
    expect(status == 200 and slate["profile_seq"] == 1, "REST sees what the WebSocket wrote")
    client.close()


def hidden_items_leave_slates_and_new_ones_come(server):
    client = LiveClient(server.port)
    client.send({"hello": {"user_id": "watcher", "k": 10}})
    client.receive_until(lambda m: "slate" in m)
    client.send({"event": {"event_id": "a", "item_id": "i4", "type": "like"}})
    slate = client.receive_until(lambda m: m.get("slate", {}).get("profile_seq", 0) >= 1)
    gone = slate_ids(slate)[0]
    status, _ = request(server.port, "PATCH", f"/v1/items/{gone}", {"hidden": True})
    expect(status == 200, "an item can be hidden")
    pushed = client.receive_until(lambda m: "slate" in m)
    expect(gone not in slate_ids(pushed), "who sees a hidden item is pushed a slate without it")
    request(server.port, "PATCH", f"/v1/items/{gone}", {"hidden": False})
    client.close()


def send_until_closed(port, user):
    """Events as fast as they are acknowledged; how many were, when the server said goodbye."""
    client = LiveClient(port)
    client.send({"hello": {"user_id": user, "k": 5}})
    client.receive_until(lambda m: "slate" in m)
    acked = []
    number = 0
    try:
        for _ in range(4):
            client.send({"event": {"event_id": f"e{number}", "item_id": f"i{number % 40}",
                                   "type": "view"}})
            number += 1
        while True:
            message = client.receive()
            if message is None:
                return acked, client.close_code
            if "ack" in message:
                acked.append(message["ack"]["event_id"])
                client.send({"event": {"event_id": f"e{number}", "item_id": f"i{number % 40}",
                                       "type": "view"}})
                number += 1
    except (ConnectionError, OSError):
        return acked, client.close_code


def a_stop_under_load_loses_nothing(troupe, data):
    with Server(troupe, data, *FAST) as server:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            users = [f"load{n}" for n in range(8)]
            running = [pool.submit(send_until_closed, server.port, user) for user in users]
            # Stopped in the middle: as soon as the last user's events are on their way.
            watcher = LiveClient(server.port)
            watcher.send({"hello": {"user_id": "load7", "k": 5}})
            watcher.receive_until(lambda m: m.get("slate", {}).get("profile_seq", 0) >= 20)
            code, errors = server.stop()
            results = [each.result(timeout=60) for each in running]
    expect(code == 0, f"a stop under load ends with 0, not {code}: {errors}")
    expect("server.stopped" in errors, "the log says that it stopped")
    expect(all(acked for acked, _ in results), "every user had events acknowledged")
    expect(any(goodbye == 1001 for _, goodbye in results), "connections are told to go: 1001")
    with Server(troupe, data) as server:
        for user, (acked, _) in zip(users, results):
            stored = set()
            before = 0
            while True:
                _, page = request(server.port, "GET",
                                  f"/v1/users/{user}/events?limit=1000&before={before}")
                stored.update(event["event_id"] for event in page["events"])
                before = page["next_before"]
                if not before:
                    break
            lost = set(acked) - stored
            expect(not lost, f"{user} lost acknowledged events: {sorted(lost)}")
        code, _ = server.stop(signal.SIGINT)
        expect(code == 0, "SIGINT stops it too")


def bad_starts_say_why(troupe, data, directory):
    with Server(troupe, data) as server:
        code, _, errors = run(troupe, "serve", "--data", data, "--port", "0")
        expect(code == 1 and errors.strip().splitlines()[-1].startswith("troupe: "),
               f"a directory in use is refused with a line: {code} {errors}")
        code, _, errors = run(troupe, "serve", "--data", directory / "other", "--port", server.port)
        expect(code == 1 and str(server.port) in errors.strip().splitlines()[-1],
               f"a port in use is refused and named: {code} {errors}")
        server.stop()
    code, _, errors = run(troupe, "serve", "--data", write(directory / "file", "x"), "--port", "0")
    expect(code == 1 and "file" in errors.strip().splitlines()[-1],
           f"a file is no data directory: {code} {errors}")
    code, _, errors = run(troupe, "serve", "--set", "gateway.prot=1")
    expect(code == 2 and len(errors.strip().splitlines()) == 1 and "gateway.port" in errors,
           f"wrong settings are one line and code 2: {code} {errors}")


def the_port_file_names_the_port(troupe, data, directory):
    port_file = directory / "port"
    with Server(troupe, data, "--port-file", str(port_file)) as server:
        # Written just after the line on standard output; a request is answered later still.
        with socket.create_connection(("127.0.0.1", server.port), timeout=10):
            pass
        status, _ = request(server.port, "GET", "/readyz")
        expect(status == 200, "it is ready")
        code, _ = server.stop()
        expect(code == 0, "it stops")
        expect(int(port_file.read_text()) == server.port, "the file has the port")


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        data = directory / "data"
        make_data(directory)
        code, output, errors = run(troupe, "import", directory, "--data", data)
        expect(code == 0 and "events   240 written" in output, f"import: {output}{errors}")
        with Server(troupe, data, *FAST) as server:
            an_event_comes_back_as_a_slate(server)
            hidden_items_leave_slates_and_new_ones_come(server)
            code, errors = server.stop()
            expect(code == 0, f"it stops with 0: {errors}")
        a_stop_under_load_loses_nothing(troupe, data)
        the_port_file_names_the_port(troupe, data, directory)
        bad_starts_say_why(troupe, data, directory)
    print("serve: all well")


main()
