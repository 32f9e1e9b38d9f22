"""Reads what `troupe export model` writes and scores items for a history, with NumPy alone.

The format and the formulas are docs/model-format.md. As a program:

    python3 troupe_model.py MODEL HISTORY [--now MILLISECONDS] [--k N]

prints the N best items as JSON lines. HISTORY is a file of JSON lines, oldest first:
{"item": "318", "kind": "click", "time": 1700000000000}; kind and time may be left out.
"""

import argparse
import json
import struct

import numpy as np

GAPS = 32  # rows of the tables of time gaps
EPSILON = np.float32(1e-5)


def read_safetensors(path):
    """Tensors by name, and the metadata. Only float32, which is all that is written."""
    with open(path, "rb") as file:
        content = file.read()
    (size,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, what in header.items():
        if what["dtype"] != "F32":
            raise ValueError(f"tensor {name}: {what['dtype']}, not F32")
        begin, end = what["data_offsets"]
        values = np.frombuffer(content, dtype="<f4", count=(end - begin) // 4, offset=8 + size + begin)
        tensors[name] = values.reshape(what["shape"])
    return tensors, metadata


def gap_bucket(milliseconds):
    """0 for none (negative), else 1 + floor(log2(1 + seconds)), at most 31."""
    if milliseconds < 0:
        return 0
    return min((milliseconds // 1000 + 1).bit_length(), GAPS - 1)


class Model:
    """One exported model. `items` are the ids of the rows that scores come in."""

    def __init__(self, path):
        self.tensors, self.metadata = read_safetensors(path)
        about = (self.metadata.get("format"), self.metadata.get("format_version"))
        if about != ("troupe-model", "1"):
            raise ValueError(f"{path}: not an exported model of version 1, but {about}")
        self.dimensions = int(self.metadata["dimensions"])
        self.blocks = int(self.metadata["blocks"])
        self.states = int(self.metadata["states"])
        self.items = json.loads(self.metadata["items"])
        self.kinds = json.loads(self.metadata["kinds"])
        self.rows = {item: row for row, item in enumerate(self.items)}
        self.kind_rows = {kind: row for row, kind in enumerate(self.kinds)}
        self._decays = [self._decay(i) for i in range(self.blocks)]

    def _decay(self, block):
        size = np.exp(-np.exp(self.tensors[f"block.{block}.nu"]))
        decay = size * np.exp(1j * self.tensors[f"block.{block}.theta"])
        gamma = np.sqrt(np.maximum(0, 1 - size * size) + np.float32(1e-8))
        return decay.astype(np.complex64), gamma

    def _norm(self, name, x):
        x = x - x.mean()
        x = x / np.sqrt((x * x).mean() + EPSILON)
        return x * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]

    def _dense(self, name, x):
        return self.tensors[name + ".weight"] @ x + self.tensors[name + ".bias"]

    def _step(self, states, item, kind, gap):
        x = self.tensors["kind"][kind] + self.tensors["gap"][gap]
        if item in self.rows:
            x = x + self.tensors["item.vector"][self.rows[item]]
        x = x * np.sqrt(np.float32(self.dimensions))
        for i in range(self.blocks):
            block = f"block.{i}."
            decay, gamma = self._decays[i]
            normed = self._norm(block + "norm", x)
            taken = self.tensors[block + "in.weight"] @ normed
            taken = taken[: self.states] + 1j * taken[self.states :]
            states[i] = (decay * states[i] + gamma * taken).astype(np.complex64)
            parts = np.concatenate([states[i].real, states[i].imag])
            x = x + self._dense(block + "out", parts) + self.tensors[block + "skip"] * normed
            normed = self._norm(block + "ff_norm", x)
            gate = self._dense(block + "gate", normed)
            gate = gate / (1 + np.exp(-gate))
            x = x + self._dense(block + "down", gate * self._dense(block + "up", normed))
        return x

    def query(self, history, now=None):
        """The query of a history [(item, kind, time in ms or None)], oldest first, at `now`."""
        states = [np.zeros(self.states, np.complex64) for _ in range(self.blocks)]
        x = np.zeros(self.dimensions, np.float32)
        last = None
        for item, kind, time in history:
            gap = -1 if last is None else max(0, (time or 0) - last)
            x = self._step(states, item, self.kind_rows.get(kind, 0), gap_bucket(gap))
            last = time or 0
        passed = 0 if now is None or last is None else max(0, now - last)
        return self._norm("norm", x + self.tensors["query_gap"][gap_bucket(passed)])

    def scores(self, history, now=None):
        """The score of each of `items`."""
        return self.tensors["item.vector"] @ self.query(history, now) + self.tensors["item.bias"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("history")
    parser.add_argument("--now", type=int, help="milliseconds; default: when the last event was")
    parser.add_argument("--k", type=int, default=10, help="items to print")
    options = parser.parse_args()
    model = Model(options.model)
    history = []
    with open(options.history, encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            history.append((event["item"], event.get("kind", ""), event.get("time")))
    scores = model.scores(history, options.now)
    for row in np.argsort(-scores, kind="stable")[: options.k]:
        print(json.dumps({"item": model.items[row], "score": float(scores[row])}))


if __name__ == "__main__":
    main()
