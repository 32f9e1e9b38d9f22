#!/usr/bin/env python3
"""Style that clang-tidy cannot see. A line with `// tidy: allow` is let through."""
import pathlib
import re
import sys

CODE = ["base", "config", "storage", "model", "cluster", "actors", "gateway", "apps"]
FILE_LINES_MAX = 500
BAD_NAME = re.compile(r"(^|_)(utils?|common|helpers?|misc|manager)(_|\.|$)")
BANNED = [  # (pattern, folders where it is fine, what to do instead)
    (r"caf::infinite", {"tests"}, "give the request a deadline"),
    (r"\bsleep_(for|until)\s*\(", {"apps"}, "wait for an event, or drive the test's clock"),
    (r"(system|steady|high_resolution)_clock::now\s*\(", {"base", "bench"}, "take a troupe::clock"),
    (r"\b(s?rand|random_device)\s*[({]", {"base", "apps"}, "take a seeded generator"),
    (r"catch\s*\(\s*\.\.\.\s*\)", {"apps"}, "catch what the library throws, where it throws"),
    (r"\busing namespace\b", {"tests", "bench"}, "name what you use"),
    (r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", set(), "write TODO(#issue), or do it"),
    (r"CAF_ADD_ATOM", set(), "send a message struct"),
]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    errors = []
    for folder in CODE + ["tests", "bench"]:
        if folder in CODE and (root / folder).is_dir() and not (root / folder / "README.md").is_file():
            errors.append(f"{folder}/: no README.md")
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            where = path.relative_to(root)
            lines = path.read_text().splitlines()
            if BAD_NAME.search(path.name):
                errors.append(f"{where}: the name says nothing")
            if len(lines) > FILE_LINES_MAX:
                errors.append(f"{where}: {len(lines)} lines, the limit is {FILE_LINES_MAX}")
            if path.suffix == ".hpp" and "#pragma once" not in lines[:3]:
                errors.append(f"{where}: no #pragma once")
            for number, line in enumerate(lines, 1):
                if "// tidy: allow" in line:
                    continue
                for pattern, fine_in, instead in BANNED:
                    if folder not in fine_in and re.search(pattern, line):
                        errors.append(f"{where}:{number}: {instead}")
    print("\n".join(errors) or "tree: clean")
    return bool(errors)


sys.exit(main())
