#!/usr/bin/env python3
"""Fails when gateway/openapi.yaml and the router do not name the same routes.

The number of routes is pinned: adding one is a decision, and documents both.
"""
import pathlib
import re
import sys

ROUTES = 25
IN_ROUTER = re.compile(r'\{verb::(\w+?)_?, (?:"([^"]+)"|(\w+)),')
CONSTANT = re.compile(r'constexpr std::string_view (\w+) = "([^"]+)";')
METHODS = {"get", "put", "post", "patch", "delete"}


def routes_of_router(text):
    constants = dict(CONSTANT.findall(text))
    return {(method, path or constants[name]) for method, path, name in IN_ROUTER.findall(text)}


def routes_of_description(text):
    found = set()
    path = None
    inside = False
    for line in text.splitlines():
        if re.match(r"\S", line):
            inside = line.startswith("paths:")
        elif inside and (match := re.match(r"  (/\S*):\s*$", line)):
            path = match[1]
        elif inside and (match := re.match(r"    (\w+):", line)) and match[1] in METHODS:
            found.add((match[1], path))
    return found


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    router = routes_of_router((root / "gateway/routes.cpp").read_text())
    described = routes_of_description((root / "gateway/openapi.yaml").read_text())
    errors = [f"{method} {path}: not in openapi.yaml" for method, path in sorted(router - described)]
    errors += [f"{method} {path}: not in the router" for method, path in sorted(described - router)]
    if len(router) != ROUTES:
        errors.append(f"{len(router)} routes, {ROUTES} are pinned in tools/check_api.py")
    print("\n".join(errors) or f"api: {ROUTES} routes, all described")
    return bool(errors)


sys.exit(main())
