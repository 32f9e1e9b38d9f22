"""What the Python reader computes of an exported model is what a slate of the server shows."""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

from live_client import request
from server import Server, expect, run, write

READER = pathlib.Path(__file__).parents[3] / "clients/python/troupe_model.py"
START = 1_600_000_000_000
STEP = 60_000
# The encoder alone, so that a slate's scores are its own up to a factor.
ALONE = [part for signal in ("co_occurrence", "popularity", "content", "novelty", "diversity")
         for part in ("--set", f"blend.{signal}=0")]


def event(user, step):
    return {"event_id": f"{user}-{step}", "user_id": f"u{user}", "type": "view",
            "item_id": f"i{(3 * user + step) % 40}", "timestamp": START + STEP * step}


def main():
    troupe, python = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        data, file = directory / "data", directory / "model.safetensors"
        lines = [{"item_id": f"i{n}", "categories": [f"c{n % 3}"]} for n in range(40)]
        lines += [event(user, step) for user in range(60) for step in range(9)]
        text = "\n".join(json.dumps(line) for line in lines)
        code, _, errors = run(troupe, "import", write(directory / "all.jsonl", text), "--data", data)
        expect(code == 0, errors)
        code, _, errors = run(troupe, "train", "--data", data, "--dimensions", 16, "--epochs", 10,
                              *ALONE)
        expect(code == 0, errors)

        code, _, errors = run(troupe, "export")
        expect(code == 2 and "directory is required" in errors, errors)
        code, _, errors = run(troupe, "export", "model", file, "--data", data, "--version", 7)
        expect(code == 1 and "there is no snapshot" in errors and not file.exists(), errors)
        code, _, errors = run(troupe, "export", "model", directory, "--data", data)
        expect(code == 1 and str(directory) in errors, f"a directory is no file: {errors}")
        code, output, errors = run(troupe, "export", "model", file, "--data", data)
        expect(code == 0 and "snapshot 1 is in" in output, errors)

        with Server(troupe, data, *ALONE) as server:
            status, body = request(server.port, "POST", "/v1/models/1/activate")
            expect(status == 200, body)
            _, slate = request(server.port, "GET", "/v1/users/u1/recommendations?k=10")
            served = [(one["item_id"], one["score"]) for one in slate["items"]]
            code, errors = server.stop()
            expect(code == 0, errors)
        expect(len(served) == 10 and served[-1][1] > 0, f"the encoder ranks: {served}")

        past = "\n".join(json.dumps({"item": f"i{(3 + step) % 40}", "kind": "view",
                                     "time": START + STEP * step}) for step in range(9))
        # Without --now: the events came in within the last minute, so the slate is as one pushed.
        result = subprocess.run([python, READER, file, write(directory / "past", past), "--k", "40"],
                                capture_output=True, text=True, check=True)
        scores = {one["item"]: one["score"] for one in map(json.loads, result.stdout.splitlines())}
        for item, score in served:
            expected = scores[item] - scores[served[0][0]]
            found = math.log(score / served[0][1]) / 0.7  # the server softens them
            expect(abs(found - expected) < 1e-4, f"{item}: {found}, by the reader {expected}")


main()
