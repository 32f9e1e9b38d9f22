"""A troupe process of a test's own: started on a free port, stopped with the test."""
import pathlib
import select
import signal
import subprocess
import sys

START_SECONDS = 60


class Server:
    def __init__(self, troupe, data, *arguments):
        self.process = subprocess.Popen(
            [troupe, "serve", "--data", str(data), "--port", "0", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.port = None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening on http://"):
            self.process.kill()
            raise RuntimeError(f"no server: {line}{self.process.stderr.read()}")
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self, how=signal.SIGTERM, timeout=30):
        """Sends the signal; the exit code and what stood on standard error."""
        self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, errors

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def run(troupe, *arguments, timeout=300):
    """Exit code, standard output and standard error of a command."""
    done = subprocess.run([troupe, *[str(a) for a in arguments]], capture_output=True, text=True,
                          timeout=timeout, check=False)
    return done.returncode, done.stdout, done.stderr


def expect(what, why):
    """A check whose failure says why; unlike assert it does not go away with -O."""
    if not what:
        print(f"FAILED: {why}", file=sys.stderr)
        sys.exit(1)


def write(path, text):
    pathlib.Path(path).write_text(text, encoding="utf-8")
    return path
