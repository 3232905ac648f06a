"""Does what docs/tk-sim.md says: writes its named files, runs its ```sh blocks, and looks at the exit codes.

A block whose first line is "```json NAME" or "```ptx NAME" is a file. Every line of a ```sh block that calls tk-sim
must end with exit code 0, or with N where "# exit code N" stands behind it. Launch files are checked against the schema
too; each key that the schema knows must stand in some example.

Usage: run_sim_examples.py TK_SIM ROOT SCRATCH [FILE.md]
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def commands(text):
    """The lines of a block, with here-documents left whole."""
    lines = iter(text.splitlines())
    for line in lines:
        found = re.search(r"<<'(\w+)'", line)
        while found:
            more = next(lines)
            line += "\n" + more
            if more == found[1]:
                break
        yield line


def run(command, environment):
    wanted = re.search(r"# exit code (\d)", command)
    wanted = int(wanted[1]) if wanted else 0
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)
    if done.returncode != wanted:
        print(f"{command}\nexpected exit code {wanted}, got {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode == wanted


def keys(value):
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(inner)


def schema_keys(schema):
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from schema_keys(inner)


def main(tool, root, scratch, page=None):
    text = (Path(page) if page else Path(root) / "docs/tk-sim.md").read_text(encoding="utf-8")
    os.makedirs(scratch, exist_ok=True)
    os.chdir(scratch)
    bin_dirs = [str(Path(tool).parent), str(Path(sys.executable).parent)]
    environment = {**os.environ, "PATH": os.pathsep.join([*bin_dirs, os.environ["PATH"]])}
    blocks = BLOCK.findall(text)
    files = {name: body for kind, name, body in blocks if name}
    for name, body in files.items():
        Path(name).write_text(body, encoding="utf-8")
    lines = [line for kind, _, body in blocks if kind == "sh" for line in commands(body)]
    failed = sum(not run(line, environment) for line in lines)
    used = {key for name, body in files.items() if name.endswith(".json") for key in keys(json.loads(body))}
    # Those that the tensor map's table shows, and those that differ in size alone.
    shown = set(keys(json.loads(next(body for kind, name, body in blocks if kind == "json" and not name))))
    alike = set("i8 i16 i64 b16 b32 b64 tf32 f64 e5m2 u32 u64 $schema".split())
    schema = json.loads((Path(root) / "docs/launch.schema.json").read_text(encoding="utf-8"))
    missing = set(schema_keys(schema)) - used - shown - alike
    if missing and not page:
        print("no example has the keys", ", ".join(sorted(missing)))
        failed += 1
    unused = {name for name in files if not any(name in line for line in lines)}
    if unused:
        print("no command has the files", ", ".join(sorted(unused)))
        failed += 1
    print(f"{len(files)} files, {len(lines)} commands, {failed} failed")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
