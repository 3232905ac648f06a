"""examples/demo.py: one screen, and an exit code that means something."""

import os
import re
import subprocess
import sys

import pytest
from packages import ROOT


def run_demo(build, *arguments):
    environment = {**os.environ, "TK_BUILD": str(build), "NO_COLOR": "1"}
    return subprocess.run([sys.executable, str(ROOT / "examples" / "demo.py"), *arguments], env=environment,
                          capture_output=True, text=True, timeout=600)


def test_one_screen(build):
    done = run_demo(build)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 50
    assert [line for line in lines if len(line) > 100] == []
    assert re.search(r"findings +0 of races", done.stdout)
    assert re.search(r"banks +0 wavefronts lost", done.stdout)
    assert "error: TK-SIM-RACE-PROXY" in done.stdout and "gemm.mlir:41" in done.stdout


def fake_build(build, folder, tk_run):
    (folder / "bin").mkdir()
    (folder / "bin" / "tk-compile").symlink_to(build / "bin" / "tk-compile")
    script = folder / "bin" / "tk-run"
    script.write_text(f"#!/bin/sh\n{tk_run}\n".replace("TK_RUN", str(build / "bin" / "tk-run")))
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize("tk_run, message", [
    # Zeros for numbers: everything after the header of C.npy.
    ('TK_RUN "$@" || exit; for a; do case $a in C=*.npy) f=${a#C=};; esac; done; '
     'n=$(stat -c %s "$f"); truncate -s 128 "$f"; truncate -s "$n" "$f"', "a check failed"),
    # A simulator that finds nothing.
    ("TK_RUN \"$@\" | sed 's/\"severity\": \"error\"/\"severity\": \"note\"/'", "a check failed"),
    ("echo 'out of order' >&2; exit 3", "out of order"),
], ids=["wrong numbers", "blind simulator", "broken tool"])
def test_it_fails_when_something_is_wrong(build, tmp_path, tk_run, message):
    done = run_demo(fake_build(build, tmp_path, tk_run), "--size", "64x64x64")
    assert done.returncode == 1
    assert message in done.stderr


def test_bad_arguments(build):
    done = run_demo(build, "--size", "64x64")
    assert done.returncode == 2 and "expected a size" in done.stderr
