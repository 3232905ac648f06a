"""Runs every command of a page's ```sh blocks in a folder of its own; each must end with exit code 0, or with N where
"# exit code N" stands behind it.

Usage: run_commands.py TK_RUN ROOT SCRATCH PAGE
"""

import os
import sys
from pathlib import Path

from run_sim_examples import BLOCK, commands, run


def main(tool, root, scratch, page):
    text = Path(page).read_text(encoding="utf-8")
    os.makedirs(scratch, exist_ok=True)
    os.chdir(scratch)
    if not os.path.lexists("examples"):
        os.symlink(Path(root) / "examples", "examples")
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(tool).parent), os.environ["PATH"]])}
    lines = [line for kind, _, body in BLOCK.findall(text) if kind == "sh" for line in commands(body)]
    failed = sum(not run(line, environment) for line in lines)
    print(f"{len(lines)} commands, {failed} failed")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
