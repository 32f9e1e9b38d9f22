"""People who all walk the same way through a ring of items, so that the next one is known."""
import json

from server import expect, run, write


def fill(troupe, directory, records, users, pace, steps=8):
    """A store with these items, "i0" and on, and users who begin `pace` items from each other."""
    lines = [json.dumps(record) for record in records]
    lines += [json.dumps({"event_id": f"{user}-{step}", "user_id": f"u{user}",
                          "item_id": f"i{(pace * user + step) % len(records)}", "type": "view",
                          "timestamp": 1_600_000_000_000 + 1000 * step})
              for user in range(users) for step in range(steps)]
    data = directory / "data"
    code, output, errors = run(troupe, "import", write(directory / "all.jsonl", "\n".join(lines)),
                               "--data", data)
    expect(code == 0 and f"events   {users * steps} written" in output,
           f"import: {output}{errors}")
    return data
