"""troupe train on people who all walk the same way: snapshots, what they hold, and a signal."""
import json
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile

from server import expect, run, write
import walkers


def fill(troupe, directory):
    records = [{"item_id": f"i{n}", "title": f"Item {n}", "categories": ["odd" if n % 2 else "even"]}
               for n in range(10)]
    return walkers.fill(troupe, directory, records, users=30, pace=3)


def tensors_of(file):
    """Names and shapes, by the format's public description."""
    raw = file.read_bytes()
    size, = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    expect(max(one["data_offsets"][1] for one in header.values()) == len(raw) - 8 - size,
           "the tensors fill the file")
    return {name: one["shape"] for name, one in header.items()}


def trains(troupe, data):
    arguments = ("train", "--data", data, "--dimensions", 16, "--epochs", 4)
    code, output, errors = run(troupe, *arguments)
    expect(code == 0 and not errors, f"training: {code} {errors}")
    expect("240 events of 30 users, 10 items, 3 labels" in output, output)
    expect(output.count("epoch ") >= 4 and "snapshot 1 of epoch" in output, output)
    snapshot = pathlib.Path(f"{data}.models") / "0000000001"
    expect({path.name for path in snapshot.iterdir()}
           == {"manifest.pb", "weights.safetensors", "vocabulary.bin"}, "the snapshot's files")
    shapes = tensors_of(snapshot / "weights.safetensors")
    expect(shapes["item.id"] == [10, 16] and shapes["label"] == [3, 16]
           and shapes["block.1.in.weight"] == [32, 16], f"the tensors: {shapes}")
    code, output, _ = run(troupe, *arguments)
    expect(code == 0 and "snapshot 2 of epoch" in output, "the next one is version 2")
    second = snapshot.parent / "0000000002"
    expect((second / "weights.safetensors").read_bytes()
           == (snapshot / "weights.safetensors").read_bytes(), "the same seed, the same weights")


def stops(troupe, data, directory):
    """A signal ends it early, with the best so far."""
    root = directory / "stopped"
    process = subprocess.Popen([troupe, "train", "--data", str(data), "--snapshots", str(root),
                                "--epochs", "10000", "--patience", "10000"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    expect(process.returncode == 0 and "snapshot 1 of epoch" in output, f"{output}{errors}")
    expect((root / "0000000001" / "manifest.pb").exists(), "a snapshot of what was learnt")
    expect("stopped early; --resume goes on from" in output, output)
    expect((directory / "stopped.checkpoint" / "training.safetensors").exists(), "its checkpoint")


def refuses(troupe, data, directory):
    code, _, errors = run(troupe, "train", "--data", data, "--dropout", 1)
    expect(code == 1 and "dropout is 1; it takes 0 to 0.9" in errors, errors)
    code, _, errors = run(troupe, "train", "--data", directory / "none")
    expect(code == 1 and errors, "no store")
    little = directory / "little"
    source = write(directory / "one.jsonl", '{"event_id":"e","user_id":"u","item_id":"i",'
                                            '"type":"view","timestamp":1}\n')
    run(troupe, "import", source, "--data", little)
    code, _, errors = run(troupe, "train", "--data", little)
    expect(code == 1 and "0 of 1 users have three different items or more" in errors, errors)


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        data = fill(troupe, directory)
        trains(troupe, data)
        stops(troupe, data, directory)
        refuses(troupe, data, directory)


main()
