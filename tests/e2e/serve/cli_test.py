"""The command line: help, version, exit codes, import with rejects, export and back."""
import pathlib
import sys
import tempfile

from server import expect, run, write


def help_and_usage(troupe):
    code, output, _ = run(troupe, "--help")
    expect(code == 0, "help is no error")
    commands = [line.split()[0] for line in output.split("Subcommands:")[1].splitlines()
                if line.startswith("  ")]
    expect({"serve", "import", "export", "replay", "bench", "config", "train", "eval"} <= set(commands),
           f"help lists the commands: {commands}")
    for command in commands:
        code, output, errors = run(troupe, command, "--help")
        expect(code == 0 and "Usage:" in output and not errors
               and output.replace("\n", "").isprintable(), f"{command} --help: {output!r}")
    code, output, _ = run(troupe, "--version")
    expect(code == 0 and output.startswith("troupe "), "version")
    for wrong in ([], ["sreve"], ["import"], ["serve", "--port", "x"], ["config", "--set", "a=b"]):
        code, output, errors = run(troupe, *wrong)
        expect(code == 2 and not output and len(errors.strip().splitlines()) == 1,
               f"{wrong}: one line and code 2, got {code} {output}{errors}")
    for wrong, why in ((["sreve"], "sreve"),
                       (["eval", "--protocol", "guess"],
                        "'guess' is none of cold-start, leave-one-out, prequential, time-split"),
                       (["train", "--encoder", "rnn"], "'rnn' is none of recurrent, transformer")):
        _, _, errors = run(troupe, *wrong)
        expect(why in errors, f"{wrong}: {errors!r}")


def settings_files(troupe, directory):
    code, output, _ = run(troupe, "config")
    expect(code == 0, "config prints")
    code, _, errors = run(troupe, "config", "check", write(directory / "good.toml", output))
    expect(code == 0, f"what config prints is fine: {errors}")
    code, _, errors = run(troupe, "config", "check",
                          write(directory / "bad.toml", "[gateway]\nport = 70000\n"))
    expect(code == 2 and "bad.toml:2: gateway.port = 70000" in errors, errors)
    code, _, errors = run(troupe, "config", "check", directory / "none.toml")
    expect(code == 2 and "cannot be read" in errors, errors)


def imports(troupe, directory):
    lines = ['{"item_id":"i1","title":"One"}', "no json"]
    lines += [f'{{"event_id":"e{n}","user_id":"u","item_id":"i1","type":"view","timestamp":{n}}}'
              for n in range(5)]
    source = write(directory / "mixed.jsonl", "\n".join(lines) + "\n")
    data = directory / "data"
    code, output, errors = run(troupe, "import", source, "--data", data, "--rejects",
                               directory / "rejects")
    expect(code == 0 and "items    1 written" in output and "events   5 written" in output
           and "rejected 1" in output, f"{output}{errors}")
    expect((directory / "rejects").read_text().startswith("mixed.jsonl:2: "), "the reject's place")
    code, output, _ = run(troupe, "import", source, "--data", data)
    expect("events   0 written" in output and "5 already there" in output,
           f"again nothing is added: {output}")
    code, _, errors = run(troupe, "import", source, "--data", directory / "strict", "--strict")
    expect(code == 1 and "mixed.jsonl:2: " in errors, f"strict stops: {code} {errors}")
    code, _, _ = run(troupe, "import", write(directory / "junk.jsonl", "junk\n"), "--data",
                     directory / "junk")
    expect(code == 1, "nothing but rejects is a failure")
    for place in ("first", "second"):
        code, _, errors = run(troupe, "export", directory / place, "--data", data)
        expect(code == 0, errors)
        data = directory / "again"
        run(troupe, "import", directory / "first", "--data", data)
    first = (directory / "first" / "events.jsonl").read_text()
    expect(first == (directory / "second" / "events.jsonl").read_text() and first.count("\n") == 5,
           "export, import and export again gives the same events")
    code, _, errors = run(troupe, "export", directory / "x", "--data", directory / "nowhere")
    expect(code == 1 and "nowhere" in errors, f"no store: {code} {errors}")


def main():
    troupe = sys.argv[1]
    with tempfile.TemporaryDirectory() as scratch:
        help_and_usage(troupe)
        settings_files(troupe, pathlib.Path(scratch))
        imports(troupe, pathlib.Path(scratch))
    print("cli: all well")


main()
