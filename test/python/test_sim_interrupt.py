"""tk-sim and Ctrl-C: the first ends the run with what was found, the second ends tk-sim."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

ENDLESS = """.version 8.6
.target sm_90a
.address_size 64
.visible .entry k(.param .u64 o)
{
  .reg .b64 %o; .reg .b32 %r; .shared .b32 s;
  ld.param.u64 %o, [o];
  ld.shared.b32 %r, [s];
  st.global.b32 [%o], %r;
$l:
  bra $l;
}
"""
LAUNCH = {"buffers": {"O": {"shape": [1], "dtype": "u32", "fill": "zero"}}, "entry": "k", "block": [32], "params": [{"pointer": "O"}]}


def handles_interrupt(process):
    """Whether it has a handler of its own for SIGINT."""
    caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
    return bool(int(caught[1], 16) >> signal.SIGINT - 1 & 1) if caught else False


def wait_until(holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("not so within 30 seconds")


@pytest.fixture
def start(build, tmp_path):
    """start(launch, options): tk-sim on an endless kernel, once it handles SIGINT."""
    (tmp_path / "k.ptx").write_text(ENDLESS)
    (tmp_path / "l.json").write_text(json.dumps(LAUNCH))
    started = []

    def run(launch, *options):
        process = subprocess.Popen([build / "bin" / "tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / launch, *options], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        started.append(process)
        wait_until(lambda: handles_interrupt(process))
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("options", [(), ("--seeds", "3..9"), ("--threads", "1")])
def test_the_findings_so_far(start, options):
    process = start("l.json", *options)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and not errors
    assert "error: TK-SIM-MEM-UNINIT: " in out
    assert "error: TK-SIM-TIMEOUT: stopped by Ctrl-C" in out
    assert "warp 0 lanes 0xffffffff at line 11 'bra $l;' runs" in out
    assert "2 error(s), 2 finding(s)" in out


def test_the_second_ends_tk_sim(start, tmp_path):
    os.mkfifo(tmp_path / "pipe.json")  # it waits here for a launch file
    process = start("pipe.json")
    process.send_signal(signal.SIGINT)
    wait_until(lambda: not handles_interrupt(process))
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == -signal.SIGINT
