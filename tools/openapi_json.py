#!/usr/bin/env python3
"""openapi_json.py IN.yaml OUT.cpp: the API description as JSON in a C++ string."""
import json
import pathlib
import sys

import yaml

CHUNK = 8000  # compilers limit the length of one literal


def literal(text):
    parts = [text[i:i + CHUNK] for i in range(0, len(text), CHUNK)]
    return "\n".join(json.dumps(part) for part in parts)


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as stream:
        text = json.dumps(yaml.safe_load(stream), separators=(",", ":"))
    pathlib.Path(target).write_text(
        "// Made from gateway/openapi.yaml by tools/openapi_json.py.\n"
        '#include "gateway/openapi_json.hpp"\n\n'
        "namespace troupe::gateway {\n\n"
        f"std::string_view openapi_json() noexcept {{\n  return\n{literal(text)};\n}}\n\n"
        "} // namespace troupe::gateway\n")


main()
