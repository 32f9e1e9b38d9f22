"""Starts the built server for an end-to-end test, on a store of its own."""
import os
import re
import select
import signal
import subprocess
import tempfile
import time
import urllib.request

ADDRESS = re.compile(rb"http://[0-9a-zA-Z.\[\]:-]*:(\d+)")


class Server:
    """`troupe serve` on a free port of the loopback. Use as a context manager."""

    def __init__(self, troupe, store, *settings):
        self.troupe = troupe
        self.store = store
        self.settings = list(settings)
        self.port = 0
        self.process = None
        self.log = tempfile.TemporaryFile()  # a pipe that nobody reads would fill up

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *what):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self, timeout=60):
        """Starts it, on the port it had before if there was one, and waits until it serves."""
        arguments = [self.troupe, "serve", "--data", self.store,
                     "--set", f"gateway.port={self.port}"]
        for setting in self.settings:
            arguments += ["--set", setting]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.log)
        os.set_blocking(self.process.stdout.fileno(), False)
        output = b""
        deadline = time.monotonic() + timeout
        while not ADDRESS.search(output):
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            more = self.process.stdout.read() if ready else b""
            if not more:
                self.stop()
                self.log.seek(0)
                raise RuntimeError(f"the server did not start: {self.log.read().decode(errors='replace')}")
            output += more
        self.port = int(ADDRESS.search(output)[1])
        return self

    def stop(self, how=signal.SIGTERM, timeout=30):
        """Ends it and returns its exit code (negative: killed by that signal)."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise RuntimeError(f"the server did not stop within {timeout} s") from None
        return self.process.returncode

    def get(self, path, timeout=10):
        """The body of a GET."""
        with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:
            return answer.read()


def import_demo(troupe, demo, store):
    """Fills a store with the demo data through the product's importer."""
    done = subprocess.run([troupe, "import", demo, "--data", store], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"import failed: {done.stdout.decode(errors='replace')}")
