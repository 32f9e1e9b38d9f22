#!/usr/bin/env python3
"""Kills the server at random moments under load and compares what it kept with what it promised.

Starts `troupe serve` on a fresh directory, sends events over several connections, writes down
every acknowledgement, kills the process with SIGKILL (under load, and sometimes while it starts),
starts it again and checks for every user, through GET /v1/users/{id}/events:

- every acknowledged event is there, once, with the seq and the content it was acknowledged with;
- seqs go from 1 without holes, and no event_id stands twice;
- nothing is there that was never sent;
- sending an acknowledged event again gets the same seq and "duplicate": true.

Events that were sent but not acknowledged may be there or not; some are sent again after the
crash and must then count once. At the end the server is stopped cleanly, started, and every
user is compared from the first event on. Standard library only. Exit code 0: all promises kept.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

START_SECONDS_MAX = 60
ANSWER_SECONDS_MAX = 20
RESEND_WINDOW = 300  # of a user's last events; users.recent_events_max is 1,000, and beyond it
#                      the server does not know an event again, as documented
FAILURES_SHOWN = 20


class Promises:
    """What the server has acknowledged, written down apart from it. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}  # event_id -> event, all that ever left
        self.acknowledged = collections.defaultdict(dict)  # user -> event_id -> seq
        self.by_seq = collections.defaultdict(dict)  # user -> seq -> event_id
        self.newest = collections.Counter()  # user -> highest seq acknowledged
        self.unanswered = collections.deque(maxlen=1000)  # (event, newest seq of its user then)
        self.failures = []
        self.duplicates = 0
        self.refused = 0
        self.total = 0

    def fail(self, text):
        with self.lock:
            self.failures.append(text)

    def send(self, events):
        with self.lock:
            for event in events:
                self.sent[event["event_id"]] = event

    def answered(self, event, result, known_before):
        """Takes the server's answer down; `known_before` is the seq it gave earlier, or None."""
        user, event_id = event["user_id"], event["event_id"]
        with self.lock:
            if "seq" not in result:
                self.refused += 1
                self.unanswered.append((event, self.newest[user]))
                return
            seq = result["seq"]
            old = self.acknowledged[user].get(event_id)
            if old is not None and old != seq:
                self.failures.append(f"{event_id} of {user}: acknowledged as {old}, then as {seq}")
            if known_before is not None and not result["duplicate"]:
                self.failures.append(f"{event_id} of {user}: sent again, taken as new (seq {seq})")
            other = self.by_seq[user].get(seq)
            if other not in (None, event_id):
                self.failures.append(f"seq {seq} of {user}: given to {other} and to {event_id}")
            self.duplicates += bool(result["duplicate"])
            self.total += old is None
            self.acknowledged[user][event_id] = seq
            self.by_seq[user][seq] = event_id
            self.newest[user] = max(self.newest[user], seq)

    def lost_contact(self, events):
        with self.lock:
            self.unanswered.extend((event, self.newest[event["user_id"]]) for event in events)

    def pick_acknowledged(self, user, dice):
        """One of the user's last acknowledged events and its seq, or None."""
        with self.lock:
            seqs = self.by_seq[user]
            if not seqs:
                return None
            newest = self.newest[user]
            seq = dice.randint(max(1, newest - RESEND_WINDOW), newest)
            event_id = seqs.get(seq)
            return (self.sent[event_id], seq) if event_id else None

    def take_unanswered(self, dice):
        with self.lock:
            if not self.unanswered:
                return None
            place = dice.randrange(len(self.unanswered))
            event, newest_then = self.unanswered[place]
            del self.unanswered[place]
            recent = self.newest[event["user_id"]] - newest_then <= RESEND_WINDOW
            return event if recent else None


class Server:
    """One `troupe serve` process after the other on the same directory."""

    def __init__(self, program, directory, settings):
        self.command = [program, "serve", "--data", str(directory / "store"), "--host",
                        "127.0.0.1", "--port", "0"]
        for setting in settings:
            self.command += ["--set", setting]
        self.log = open(directory / "server.log", "ab")
        self.process = None
        self.port = None

    def launch(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log)

    def wait_until_ready(self):
        """Seconds from the call to the first answer of /readyz that says yes."""
        begin = time.monotonic()
        lines = queue.Queue()
        output = self.process.stdout

        def read():
            for line in output:
                lines.put(line.decode())
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        while True:
            left = begin + START_SECONDS_MAX - time.monotonic()
            try:
                line = lines.get(timeout=max(left, 0))
            except queue.Empty:
                raise SystemExit("the server did not start in time") from None
            if line is None:
                raise SystemExit(f"the server ended with {self.process.wait()}, see its log")
            if line.startswith("listening on "):
                self.port = urllib.parse.urlsplit(line.split()[-1]).port
                break
        while ask(self.port, "GET", "/readyz")[0] != 200:
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.poll()}, see its log")
            if time.monotonic() - begin > START_SECONDS_MAX:
                raise SystemExit("the server did not get ready in time")
            time.sleep(0.005)
        return time.monotonic() - begin

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(START_SECONDS_MAX)
        self.process.stdout.close()
        return code


def ask(port, method, path, body=None, connection=None):
    """(status, parsed body); (None, None) if the server went away."""
    own = connection is None
    if own:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else None
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return None, None
    finally:
        if own:
            connection.close()


class Sender(threading.Thread):
    """One connection that sends events until the server goes away or it is told to stop."""

    def __init__(self, number, seed, options, promises):
        super().__init__(daemon=True)
        self.name = f"s{number}"
        self.dice = random.Random(seed)
        self.users = options.users
        self.promises = promises
        self.made = 0
        self.port = None
        self.go = threading.Semaphore(0)
        self.idle = threading.Event()
        self.stopping = threading.Event()

    def new_event(self):
        self.made += 1
        # A tenth of the users get most of the events: several connections meet at one user.
        user = int(self.users * self.dice.random() ** 3)
        return {"event_id": f"{self.name}-{self.made}", "user_id": f"user-{user}",
                "item_id": str(self.dice.randrange(500)), "type": "rating",
                "value": self.dice.randrange(1, 11) / 2}

    def run(self):
        while True:
            self.go.acquire()
            connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                    timeout=ANSWER_SECONDS_MAX)
            while not self.stopping.is_set() and self.step(connection):
                pass
            connection.close()
            self.idle.set()

    def step(self, connection):
        """Sends once; False when the server is gone."""
        chance = self.dice.random()
        again = None
        if chance < 0.1:
            user = f"user-{int(self.users * self.dice.random() ** 3)}"
            again = self.promises.pick_acknowledged(user, self.dice)
        if again:
            events, known = [again[0]], again[1]
        else:
            retry = self.promises.take_unanswered(self.dice) if chance < 0.2 else None
            known = None
            if retry:
                events = [retry]
            elif chance < 0.4:
                events = [self.new_event() for _ in range(self.dice.randint(2, 20))]
            else:
                events = [self.new_event()]
        self.promises.send(events)
        body = events[0] if len(events) == 1 else events
        status, answer = ask(self.port, "POST", "/v1/events", body, connection)
        if status is None:
            self.promises.lost_contact(events)
            return False
        results = answer.get("results", [answer]) if isinstance(answer, dict) else []
        if len(results) != len(events):
            self.promises.fail(f"{len(events)} events sent, {len(results)} results: {answer}")
            return True
        for event, result in zip(events, results):
            if result.get("event_id", event["event_id"]) != event["event_id"]:
                self.promises.fail(f"result for {result['event_id']}, sent {event['event_id']}")
            self.promises.answered(event, result, known)
        return True


class Checker:
    """Compares what the server shows with what it promised."""

    def __init__(self, promises):
        self.promises = promises
        self.checked = collections.Counter()  # user -> seq up to which all was compared before

    def read_back(self, port, user, down_to):
        """The user's events with seq > down_to, oldest first."""
        events = []
        before = 0
        while True:
            path = f"/v1/users/{urllib.parse.quote(user, safe='')}/events?limit=500"
            status, page = ask(port, "GET", path + (f"&before={before}" if before else ""))
            if status == 404 and not events:
                return []
            if status != 200:
                self.promises.fail(f"GET {path}: status {status}, {page}")
                return None
            events += page["events"]
            before = page["next_before"]
            if not before or (events and events[-1]["seq"] <= down_to):
                break
        return [event for event in reversed(events) if event["seq"] > down_to]

    def check_user(self, port, user, down_to):
        found = self.read_back(port, user, down_to)
        if found is None:
            return
        fail = self.promises.fail
        seqs = [event["seq"] for event in found]
        if seqs != list(range(down_to + 1, down_to + 1 + len(seqs))):
            fail(f"{user}: seqs after {down_to} are not without holes: {seqs[:50]}")
        ids = collections.Counter(event["event_id"] for event in found)
        for event_id, times in ids.items():
            if times > 1:
                fail(f"{event_id} of {user}: applied {times} times")
        seq_of = {event["event_id"]: event["seq"] for event in found}
        for event_id, seq in self.promises.acknowledged[user].items():
            if seq <= down_to:
                if event_id in seq_of:
                    fail(f"{event_id} of {user}: acknowledged as {seq}, again at {seq_of[event_id]}")
            elif event_id not in seq_of:
                fail(f"{event_id} of {user}: acknowledged as {seq}, lost")
            elif seq_of[event_id] != seq:
                fail(f"{event_id} of {user}: acknowledged as {seq}, kept as {seq_of[event_id]}")
        for event in found:
            sent = self.promises.sent.get(event["event_id"])
            if sent is None:
                fail(f"{event['event_id']} of {user}: never sent")
            elif any(event[name] != sent[name] for name in ("item_id", "type", "value")):
                fail(f"{event['event_id']} of {user}: kept as {event}, sent as {sent}")
        if found:
            self.checked[user] = seqs[-1]

    def check_resent(self, port, user, dice):
        again = self.promises.pick_acknowledged(user, dice)
        if not again:
            return
        event, seq = again
        status, result = ask(port, "POST", "/v1/events", event)
        if status != 200 or result.get("seq") != seq or result.get("duplicate") is not True:
            self.promises.fail(f"{event['event_id']} of {user}: acknowledged as {seq}, sent again "
                               f"after the crash: status {status}, {result}")
        else:
            self.promises.duplicates += 1

    def check_all(self, port, users, dice, from_the_first):
        for user in users:
            # Some of what was compared before is compared again: it must not move.
            down_to = 0 if from_the_first else max(0, self.checked[user] - 100)
            self.check_user(port, user, down_to)
            self.check_resent(port, user, dice)


def run_load(server, senders, seconds, finish):
    """Lets all senders send for a while, then calls `finish` and waits until they are idle."""
    for sender in senders:
        sender.port = server.port
        sender.idle.clear()
        sender.stopping.clear()
        sender.go.release()
    time.sleep(seconds)
    finish()
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        if not sender.idle.wait(2 * ANSWER_SECONDS_MAX):
            raise SystemExit("a connection hangs although the server is gone")


def run(options, directory, promises):
    dice = random.Random(options.seed)
    server = Server(options.troupe, directory, [
        f"storage.durability={options.durability}", "gateway.events_per_second_max=0",
        # Small, so that snapshots, sleep, flushes and compactions happen between two kills.
        "users.snapshot_events=20", "users.idle_timeout=1s", "users.sweep_interval=1s",
        "storage.write_buffer_bytes=1MiB", "storage.checkpoint_interval=1s"])
    senders = [Sender(n, dice.getrandbits(64), options, promises)
               for n in range(options.connections)]
    for sender in senders:
        sender.start()
    users = [f"user-{n}" for n in range(options.users)]
    checker = Checker(promises)
    starts = []
    kills = 0
    server.launch()
    try:
        starts.append(server.wait_until_ready())
        while kills < options.kills and not promises.failures:
            # The least load is a few events, the most some snapshots and flushes.
            run_load(server, senders, dice.uniform(0.02, options.load_seconds), server.kill)
            kills += 1
            server.launch()
            while kills < options.kills and dice.random() < 0.15:
                time.sleep(dice.uniform(0, 0.2))
                server.kill()  # while it starts and replays
                kills += 1
                server.launch()
            starts.append(server.wait_until_ready())
            checker.check_all(server.port, users, dice, from_the_first=False)
            if kills % 20 == 0:
                print(f"{kills} kills, {promises.total} acknowledged", flush=True)
        code = server.stop()
        if code != 0:
            promises.fail(f"a clean stop ended with code {code}")
        server.launch()
        server.wait_until_ready()
        checker.check_all(server.port, users, dice, from_the_first=True)
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()
        server.log.close()
    return {"seed": options.seed, "durability": options.durability, "kills": kills,
            "acknowledged": promises.total, "sent_again_and_recognised": promises.duplicates,
            "refused": promises.refused,
            "lost_or_applied_twice": len(promises.failures),
            "start_seconds_median": round(statistics.median(starts), 3),
            "start_seconds_max": round(max(starts), 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--troupe", default="build/release/bin/troupe", help="the program")
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=None, help="default: drawn, and printed")
    parser.add_argument("--connections", type=int, default=6)
    parser.add_argument("--users", type=int, default=24)
    parser.add_argument("--durability", choices=["durable", "fast"], default="durable")
    parser.add_argument("--load-seconds", type=float, default=0.8, help="longest load before a kill")
    parser.add_argument("--directory", help="where to work, on a real disk (default: temporary)")
    parser.add_argument("--json", help="write the figures there too")
    options = parser.parse_args()
    if not os.access(options.troupe, os.X_OK):
        parser.error(f"{options.troupe} is not there; build it, or give --troupe")
    if options.seed is None:
        options.seed = random.SystemRandom().getrandbits(32)
    print(f"crash test: seed {options.seed}, {options.kills} kills, {options.durability}",
          flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="troupe-crash-", dir=options.directory))
    promises = Promises()
    kept = True
    try:
        report = run(options, directory, promises)
        kept = bool(promises.failures)
    finally:
        if kept:
            print(f"kept for inspection: {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory)
    for text in promises.failures[:FAILURES_SHOWN]:
        print(f"broken: {text}", file=sys.stderr)
    if len(promises.failures) > FAILURES_SHOWN:
        print(f"... and {len(promises.failures) - FAILURES_SHOWN} more", file=sys.stderr)
    print(json.dumps(report, indent=2))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=2) + "\n")
    if report["acknowledged"] == 0:
        print("nothing was acknowledged: this shows nothing", file=sys.stderr)
        return 1
    return 1 if promises.failures else 0


if __name__ == "__main__":
    sys.exit(main())
