"""A small history for the end-to-end tests: twenty items, eight users who like six of them each."""
from server import expect, run, write


def make_history(directory):
    lines = [f'{{"item_id":"i{n}","title":"Item {n}","categories":["c{n % 3}"]}}' for n in range(20)]
    for user in range(8):
        lines += [f'{{"event_id":"e{step}","user_id":"u{user}","item_id":"i{(user * 3 + step * 2) % 20}",'
                  f'"type":"like","timestamp":{1700000000000 + 1000 * (step * 8 + user)}}}'
                  for step in range(6)]
    return write(directory / "history.jsonl", "\n".join(lines) + "\n")


def import_history(troupe, directory):
    """A store with that history."""
    data = directory / "data"
    code, _, errors = run(troupe, "import", make_history(directory), "--data", data)
    expect(code == 0, errors)
    return data
