"""demo_check.py TROUPE STORE: serves the demo's store, asks for the page and for one user's
recommendations, and stops the server. Fails if any of it does not work."""
import json
import sys

from page_server import Server


def main(troupe, store):
    with Server(troupe, store) as server:
        page = server.get("").decode()
        if "<title>Troupe" not in page:
            raise RuntimeError("the live page is not served at /")
        slate = json.loads(server.get("v1/users/318/recommendations?k=5"))
        if len(slate["items"]) != 5:
            raise RuntimeError(f"asked for 5 films, got {slate}")
        for item in slate["items"]:
            print(f"  {item['title']}: {item['reason']['text']}")
        print(f"demo: check passed at {server.url}")
    if server.process.returncode != 0:
        raise RuntimeError(f"the server ended with {server.process.returncode}")


main(*sys.argv[1:])
