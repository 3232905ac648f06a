"""Follows a tutorial literally: writes its files as they come, runs its ```sh blocks, and compares what they print with the
```text block that follows. There, "..." stands for anything, also for lines.

No test needs nvcc: the one that the commands find takes the PTX that nvcc made of the same source from KEPT, which has
NAME.cu and NAME.ptx. With --nvcc the real one runs, and KEPT is compared, or written with --keep.

Usage: run_tutorial.py TK_SIM SCRATCH PAGE KEPT [--nvcc | --keep]
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from run_sim_examples import BLOCK

NVCC = """#!/usr/bin/env python3
import pathlib, sys
arguments = sys.argv[1:]
source = pathlib.Path(next(a for a in arguments if a.endswith(".cu"))).read_text()
if not {"-arch=sm_90a", "-lineinfo", "-ptx"} <= set(arguments):
    sys.exit("expected -arch=sm_90a -lineinfo -ptx")
for kept in pathlib.Path(KEPT).glob("*.cu"):
    if kept.read_text() == source:
        pathlib.Path(arguments[arguments.index("-o") + 1]).write_text(kept.with_suffix(".ptx").read_text())
        sys.exit(0)
sys.exit("no kept PTX of this source: run_tutorial.py --keep")
"""


def without_folders(ptx):
    return re.sub(r'(\.file\s+\d+ ")[^"]*/', r"\1", ptx)


def fits(shown, output):
    pattern = "".join(".*" if part == "..." else re.escape(part) for part in re.split(r"(\.\.\.)", shown.strip("\n")))
    return re.fullmatch(pattern, output.strip("\n"), re.S)


def main(tool, scratch, page, kept, *options):
    scratch, kept = Path(scratch).resolve(), Path(kept).resolve()
    bins = scratch / "bin"
    bins.mkdir(parents=True)
    folder = scratch / "empty"
    folder.mkdir()
    if not options:
        (bins / "nvcc").write_text(NVCC.replace("KEPT", repr(str(kept))))
        (bins / "nvcc").chmod(0o755)
    path = [str(bins), *([str(Path(tool).resolve().parent)] if os.path.dirname(tool) else []), str(Path(sys.executable).parent)]
    environment = {**os.environ, "PATH": os.pathsep.join([*path, os.environ["PATH"]])}
    ran = failed = sources = 0
    output = None
    for kind, name, body in BLOCK.findall(Path(page).read_text(encoding="utf-8")):
        if name:
            (folder / name).write_text(body, encoding="utf-8")
        elif kind == "sh":
            wanted = re.search(r"# exit code (\d)", body)
            done = subprocess.run(["bash", "-ec", body], cwd=folder, capture_output=True, text=True, env=environment, check=False)
            ran, output = ran + 1, done.stdout + done.stderr
            if done.returncode != int(wanted[1] if wanted else 0):
                failed += 1
                print(f"{body}exit code {done.returncode}\n{output}")
            if "--keep" in options or "--nvcc" in options:
                for at in re.findall(r"(\S+)\.cu -o", body):
                    sources += 1
                    pair = (folder / f"{at}.cu").read_text(), without_folders((folder / f"{at}.ptx").read_text())
                    for text, suffix in zip(pair, ("cu", "ptx")):
                        place = kept / f"{at}-{sources}.{suffix}"
                        if "--keep" in options:
                            place.write_text(text)
                        elif place.read_text() != text:
                            failed += 1
                            print(f"{place.name} is not what nvcc makes now")
        elif kind == "text" and output is not None:
            if not fits(body, output):
                failed += 1
                print(f"expected\n{body}got\n{output}")
            output = None
    print(f"{ran} blocks of commands, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
