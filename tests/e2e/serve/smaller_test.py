"""troupe train --distill --prune --quantize: what it prints, and that the snapshot serves."""
import json
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile

from live_client import request
from server import Server, expect, run
import walkers

SMALL = ("--dimensions", 16, "--epochs", 3, "--refit-epochs", 1)


def fill(troupe, directory):
    records = [{"item_id": f"i{n}", "title": f"Item {n}", "categories": [f"c{n % 3}"]}
               for n in range(30)]
    return walkers.fill(troupe, directory, records, users=40, pace=7)


def header_of(snapshot):
    raw = (snapshot / "weights.safetensors").read_bytes()
    size, = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8:8 + size])


def change(output, what):
    """The figures of a line, before and after."""
    number = r"(\d+\.?\d*)"
    pattern = (rf"^{what}: NDCG@10 {number} -> {number}, Recall@10 {number} -> {number}; "
               rf"an event {number} -> {number} us, all items {number} -> {number} us; "
               rf"weights {number} -> {number} KiB$")
    found = re.search(pattern, output, re.MULTILINE)
    expect(found, f"no line of {what}:\n{output}")
    values = [float(one) for one in found.groups()]
    expect(all(value <= 1 for value in values[:4]) and all(value > 0 for value in values[4:]),
           f"{what}: {values}")
    return values


def trains(troupe, data):
    code, output, errors = run(troupe, "train", "--data", data, *SMALL,
                               "--distill", "--prune", 0.5, "--quantize")
    expect(code == 0 and not errors, f"training: {code} {output}{errors}")
    order = [output.index(text) for text in (
        "distill: the teacher", "distill: the student", "distill: NDCG",
        "prune: 32 -> 16 hidden units, 16 -> 8 states", "prune: NDCG", "quantize: NDCG", "snapshot 1")]
    expect(order == sorted(order), f"the phases: {output}")
    change(output, "distill")
    pruned, rounded = change(output, "prune"), change(output, "quantize")
    expect(pruned[9] < pruned[8] and rounded[9] < rounded[8], "the file is smaller each time")
    snapshot = pathlib.Path(f"{data}.models") / "0000000001"
    header = header_of(snapshot)
    expect(header["item.id"]["dtype"] == "I8" and header["item.id"]["shape"] == [30, 16]
           and header["item.id.scale"]["shape"] == [30] and header["label"]["dtype"] == "I8",
           f"the tensors: {header}")
    expect(header["block.1.gate.weight"]["shape"] == [16, 16]
           and header["block.1.in.weight"]["shape"] == [16, 16], f"the sizes: {header}")
    expect(not pathlib.Path(f"{data}.models.checkpoint").exists(), "no checkpoint is left")


def stops_and_resumes(troupe, data, directory):
    """The teacher has a checkpoint of its own; without it a student cannot go on."""
    root = directory / "stopped"
    train = ("train", "--data", str(data), "--snapshots", str(root), "--dimensions", "16", "--distill")
    code, _, errors = run(troupe, *train, "--resume")
    expect(code == 1 and "there is no checkpoint in" in errors and "teacher" in errors, errors)
    process = subprocess.Popen([troupe, *train, "--epochs", "10000", "--patience", "10000"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    expect(process.returncode == 1 and "there was a student" in errors, f"{output}{errors}")
    kept = directory / "stopped.checkpoint" / "teacher" / "training.safetensors"
    expect(kept.exists() and not root.exists(), "the teacher's checkpoint and no snapshot")
    code, output, errors = run(troupe, *train, "--epochs", 2, "--resume")
    expect(code == 0 and "snapshot 1 of epoch" in output, f"{output}{errors}")
    change(output, "distill")
    expect(not kept.parent.parent.exists(), "no checkpoint is left")


def resumes_pruning(troupe, data, directory):
    """A kill while the pruned encoder recovers costs neither its passes nor the training before."""
    root = directory / "pruned"
    train = ("train", "--data", str(data), "--snapshots", str(root), "--dimensions", "32",
             "--epochs", "20", "--patience", "20", "--prune", "0.5")
    process = subprocess.Popen([troupe, *train], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, bufsize=1)
    is_pruned = False
    for line in process.stdout:
        if is_pruned and line.startswith("epoch   2"):
            break
        is_pruned = is_pruned or line.startswith("prune: 64 -> 32")
    process.kill()
    process.communicate()
    kept = directory / "pruned.checkpoint" / "pruned" / "training.safetensors"
    expect(kept.exists() and not root.exists(), "the checkpoint of what was pruned, no snapshot")
    code, output, errors = run(troupe, *train, "--resume")
    expect(code == 0 and "epoch   1 " not in output and "epoch   3" in output, f"{output}{errors}")
    change(output, "prune")
    expect(not kept.parent.parent.exists(), "no checkpoint is left")


def serves(troupe, data):
    with Server(troupe, data) as server:
        status, body = request(server.port, "GET", "/v1/users/u1/recommendations?k=5")
        expect(status == 200 and body["model_version"] == 1 and body["items"], f"{body}")
        status, body = request(server.port, "GET", "/v1/models")
        expect(status == 200 and body["models"][-1]["items"] == 30, f"{body}")


def refuses(troupe, data):
    for arguments, why in (
            (("--prune", 0), "--prune: the share to prune is 0; it takes more than 0 and less than"),
            (("--prune", 0.95), "it takes more than 0 and less than 0.95"),
            (("--prune", 0.1, "--dimensions", 16), "it is small as it is"),
            (("--distill", "--encoder", "transformer"), "it takes no --encoder transformer"),
            (("--distill", "--teacher-share", 1.5), "--teacher-share is 1.5; it takes more than 0")):
        code, output, errors = run(troupe, "train", "--data", data, *arguments)
        expect(code == 2 and why in errors and "epoch" not in output, f"{arguments}: {code} {errors}")


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        data = fill(troupe, pathlib.Path(name))
        refuses(troupe, data)
        trains(troupe, data)
        stops_and_resumes(troupe, data, pathlib.Path(name))
        resumes_pruning(troupe, data, pathlib.Path(name))
        serves(troupe, data)


main()
