"""Items' own vectors: in by file and API, out again, learnt by troupe train, in effect at once."""
import json
import pathlib
import sys
import tempfile

from live_client import request
from server import Server, expect, run, write

ITEMS = 40  # of two groups: even numbers and odd ones
SIZE = 12
# The encoder alone, so that a slate's scores are its own up to a factor.
ALONE = [part for signal in ("co_occurrence", "popularity", "content", "novelty", "diversity")
         for part in ("--set", f"blend.{signal}=0")]


def vector_of(group, number, scale=1.0):
    """Near one axis for each group, with something of the item's own."""
    made = [0.05 * ((number * (axis + 3)) % 7 - 3) for axis in range(SIZE)]
    made[group] += 1
    return [scale * value for value in made]


def item_line(number):
    made = {"item_id": f"i{number}"}
    if number < 20:  # the others' come by the API
        made["vector"] = vector_of(number % 2, number, 10.0 ** (number % 5 - 2))
    return made


def event(user, step):
    return {"event_id": f"{user}-{step}", "user_id": f"u{user}", "type": "view",
            "item_id": f"i{((7 * user + 3 * step) % (ITEMS // 2)) * 2 + user % 2}",
            "timestamp": 1_600_000_000_000 + 60_000 * step}


def fill(troupe, directory):
    lines = [item_line(number) for number in range(ITEMS)]
    lines += [{"item_id": "wrong", "vector": [1, 1e39]}, {"item_id": "none", "vector": [0, 0]}]
    lines += [event(user, step) for user in range(60) for step in range(9)]
    data = directory / "data"
    source = write(directory / "all.jsonl", "\n".join(json.dumps(line) for line in lines))
    code, output, errors = run(troupe, "import", source, "--data", data)
    expect(code == 0, f"import: {output}{errors}")
    expect("item.vector[1]: is beyond a 32-bit float's range" in output + errors
           and "vector is all zeros" in output + errors, f"rejected with reasons: {output}{errors}")
    return data


def writes(server):
    """PUT, POST and PATCH take vectors; GET gives them back; lists and slates go without."""
    def ask(method, path, body=None):
        return request(server.port, method, path, body)

    for number in range(20, ITEMS, 2):
        status, body = ask("PUT", f"/v1/items/i{number}", {"vector": vector_of(0, number)})
        expect(status == 200, body)
    bulk = [{"item_id": f"i{number}", "vector": vector_of(1, number)}
            for number in range(21, ITEMS, 2)]
    status, body = ask("POST", "/v1/items", bulk + [{"item_id": "bad", "vector": ["x"]}])
    expect(status == 207 and body["accepted"] == 10, body)
    expect("items[10].vector[0]: expected a number" in body["errors"][0]["error"]["detail"], body)
    status, body = ask("PUT", "/v1/items/other", {"vector": [0.5, -1]})
    expect(status == 200, body)
    _, body = ask("GET", "/v1/items/other")
    expect(body["vector"] == [0.5, -1], body)
    status, body = ask("PATCH", "/v1/items/other", {"vector": [3, 4, 5]})
    expect(status == 200 and body["vector"] == [3, 4, 5], body)
    _, body = ask("PATCH", "/v1/items/other", {"vector": None})
    expect("vector" not in body, body)
    ask("PATCH", "/v1/items/other", {"vector": [3, 4, 5]})
    status, body = ask("PUT", "/v1/items/long", {"vector": [1] * 4097})
    expect(status == 400 and "has 4097 values; at most 4096" in body["detail"], body)
    status, body = ask("PUT", "/v1/items/long", {"vector": [0.123456789] * 4096})
    expect(status == 200, body)
    expect(ask("DELETE", "/v1/items/long")[0] == 204, "removed")
    _, body = ask("GET", "/v1/items?limit=100")
    expect(len(body["items"]) == ITEMS + 1 and not any("vector" in one for one in body["items"]),
           "lists leave vectors out")
    _, body = ask("GET", "/v1/users/u1/recommendations?k=5")
    expect(body["items"] and not any("vector" in one for one in body["items"]), f"{body}")


def exports(troupe, data, directory):
    """What is exported is what is imported."""
    first, second = directory / "first", directory / "second"
    code, _, errors = run(troupe, "export", first, "--data", data)
    expect(code == 0, errors)
    code, _, errors = run(troupe, "import", first, "--data", directory / "again")
    expect(code == 0, errors)
    run(troupe, "export", second, "--data", directory / "again")
    read = [{one["item_id"]: one.get("vector") for one in map(
        json.loads, (at / "items.jsonl").read_text().splitlines())} for at in (first, second)]
    expect(read[0] == read[1] and read[0]["other"] == [3, 4, 5], "vectors come back")
    expect(sum(one is not None for one in read[0].values()) == ITEMS + 1, f"all: {read[0]}")


def scores(server, user):
    status, slate = request(server.port, "GET", f"/v1/users/{user}/recommendations?k=60")
    expect(status == 200 and slate["model_version"] == 1, slate)
    return {one["item_id"]: one["score"] for one in slate["items"]}


def serves(server):
    """A new item is scored by its vector alone, and by another one as soon as it has it."""
    status, body = request(server.port, "POST", "/v1/models/1/activate")
    expect(status == 200, body)
    for name, group in (("new even", 0), ("new odd", 1)):
        status, body = request(server.port, "PUT", "/v1/items/" + name.replace(" ", "%20"),
                               {"vector": vector_of(group, 5, 1e-6)})
        expect(status == 200, body)
    even, odd = scores(server, "u0"), scores(server, "u1")
    expect(even["new even"] > 2 * even["new odd"], f"who likes even ones: {even}")
    expect(odd["new odd"] > 2 * odd["new even"], f"who likes odd ones: {odd}")
    request(server.port, "PATCH", "/v1/items/new%20odd", {"vector": vector_of(0, 6)})
    request(server.port, "PATCH", "/v1/items/new%20even", {"vector": vector_of(1, 6)})
    even = scores(server, "u0")
    expect(even["new odd"] > 2 * even["new even"], f"after the change: {even}")


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        data = fill(troupe, directory)
        with Server(troupe, data) as server:
            writes(server)
            code, errors = server.stop()
            expect(code == 0, errors)
        exports(troupe, data, directory)
        code, output, errors = run(troupe, "train", "--data", data, "--dimensions", 16, "--epochs",
                                   15, *ALONE)
        expect(code == 0, errors)
        expect("40 items have a vector of 12 values of their own; 1 have one of another size"
               in output, output)
        with Server(troupe, data, *ALONE) as server:
            serves(server)
            code, errors = server.stop()
            expect(code == 0, errors)
        # A start reads the vectors from the store.
        with Server(troupe, data, *ALONE) as server:
            even = scores(server, "u0")
            expect(even["new odd"] > 2 * even["new even"], f"after a start: {even}")
            server.stop()


main()
