#!/usr/bin/env python3
"""Fails when a folder includes a folder or a library that it may not know."""
import pathlib
import re
import sys

MAY_INCLUDE = {  # folder -> folders it may include besides itself
    "base": set(),
    "proto": set(),
    "config": {"base"},
    "storage": {"base", "config", "proto"},
    "model": {"base", "config"},
    "cluster": {"base", "config", "proto"},
    "actors": {"base", "config", "storage", "model", "cluster"},
    "gateway": {"base", "config", "proto", "actors"},
    "apps": {"base", "config", "storage", "model", "cluster", "actors", "gateway"},
}
OWNER = {  # include prefix -> (the only folders that may use it, also in headers?)
    "torch/": ({"model"}, True),
    "ATen/": ({"model"}, True),
    "rocksdb/": ({"storage"}, False),
    "boost/beast": ({"gateway", "apps"}, True),  # apps: the clients of replay and bench
    "boost/asio": ({"gateway", "apps"}, True),
    "caf/io/": ({"cluster"}, False),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def complaint(folder, path, target):
    is_header = path.suffix == ".hpp"
    # Generated headers are included as "troupe/v1/name.pb.h"; their home is proto/.
    top = "proto" if target.endswith(".pb.h") else target.split("/")[0]
    if top in MAY_INCLUDE and top != folder and top not in MAY_INCLUDE[folder]:
        return f"{folder}/ may not depend on {top}/"
    if folder == "gateway" and top == "actors" and target != "actors/interfaces.hpp":
        return "gateway/ sees only actors/interfaces.hpp"
    if top == "proto" and "codec" not in path.stem:
        return "Protobuf types stop at the codecs: include them from a *codec*.cpp"
    if target == "actors/message_types.hpp" and path.name != "interfaces.hpp":
        return "message_types.hpp is the tail of interfaces.hpp: include that"
    if target == "caf/all.hpp":
        return "include the CAF headers you use, not caf/all.hpp"
    if target.startswith("caf/") and folder in {"base", "config", "storage", "model"}:
        return f"{folder}/ does not know CAF"
    if target.startswith("torch/") and path.parent.name != "training":
        return f"<{target}> belongs to model/training/, a module that serving does not load"
    for prefix, (owners, headers_too) in OWNER.items():
        if target.startswith(prefix) and folder not in owners:
            return f"<{target}> belongs to {', '.join(sorted(owners))}/"
        if target.startswith(prefix) and is_header and not headers_too:
            return f"<{target}> belongs in a .cpp of {folder}/"
    return None


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    bad = 0
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                why = match and complaint(folder, path, match[1])
                if why:
                    bad += 1
                    print(f"{path.relative_to(root)}:{number}: {why}")
    print("layers: clean" if bad == 0 else f"layers: {bad} includes go the wrong way")
    return bad != 0


sys.exit(main())
