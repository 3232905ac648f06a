"""tilekernel.sim: any PTX from Python."""

import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from conftest import ROOT
from tilekernel import sim

DOCS = (ROOT / "docs" / "tk-sim.md").read_text()
SCALE = re.search(r"```ptx scale.ptx\n(.*?)```", DOCS, re.S).group(1)
RACE = re.search(r"```ptx race.ptx\n(.*?)```", DOCS, re.S).group(1)
X = {"buffers": {"X": {"npy": "x.npy", "shape": [100], "dtype": "f32", "out": "y.npy"}},
     "entry": "scale", "grid": [2], "block": [64], "params": [{"pointer": "X"}, {"u32": 100}, {"f32": 0.5}]}
LAST = {"buffers": {"X": {"shape": [1], "dtype": "u32", "fill": "zero"}}, "entry": "last", "block": [64], "params": [{"pointer": "X"}]}


def test_a_dictionary_over_several_seeds(tmp_path):
    x = np.arange(100, dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    report = sim.run(SCALE, X, folder=tmp_path, seeds=(0, 3))
    assert not report.findings and "0 error(s)" in str(report) and report.html is None
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x / 2)


def test_files_and_their_folder(tmp_path):
    (tmp_path / "k.ptx").write_text(SCALE)
    (tmp_path / "l.json").write_text(json.dumps(X))
    np.save(tmp_path / "x.npy", np.ones(100, np.float32))
    report = sim.run(tmp_path / "k.ptx", tmp_path / "l.json", out=tmp_path / "new", html=True)
    assert "<!doctype html>" in report.html[:200] and (tmp_path / "new" / "y.npy").exists()


def test_findings_and_grades():
    report = sim.run(RACE, LAST, seeds=(0, 7))
    names = {finding["name"] for finding in report.errors}
    assert names == {"TK-SIM-RACE", "TK-SIM-NONDETERMINISTIC"}
    off = sim.run(RACE, LAST, grade={"TK-SIM-RACE": "off"})
    assert not off.findings
    assert [f["severity"] for f in sim.run(RACE, LAST, grade={"TK-SIM-RACE": "note"}).findings] == ["note"]


def test_a_skeleton_is_a_launch_file():
    launch, = sim.skeleton(SCALE)["launches"]
    assert launch["entry"] == "scale" and len(launch["params"]) == 3


@pytest.mark.parametrize("ptx, launch, options, error, message", [
    (".version 8.6\n.target sm_90a\nzork", {}, {}, sim.SimError, "<python>:3:1: "),
    (RACE, {"entry": "none"}, {}, sim.SimError, "launch file: entry: "),
    (RACE, LAST, {"max_stepps": 3}, sim.SimError, "unknown option 'max-stepps'; expected check, "),
    (RACE, LAST, {"seed": 1, "seeds": (0, 3)}, sim.SimError, "expected one of --seed"),
    (RACE, LAST, {"grade": {"TK-SIM-RACES": "off"}}, sim.SimError, "unknown finding 'TK-SIM-RACES'"),
    (RACE, LAST, {"check": {}}, sim.SimError, 'simulator option "check": expected a text, a number or a list of them'),
    (b"", LAST, {}, TypeError, "ptx: expected text, or a pathlib.Path, got bytes"),
    (RACE, "l.json", {}, TypeError, "launch: expected a dictionary, or the pathlib.Path of a launch file, got str"),
])
def test_what_cannot_run(ptx, launch, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        sim.run(ptx, launch, **options)


PRINTS = r""".version 8.6
.target sm_90a
.address_size 64
.extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);
.global .align 1 .b8 text[2] = {233, 0};
.visible .entry k()
{
  .reg .b64 %rd;
  .reg .b32 %r;
  mov.u64 %rd, text;
  cvta.global.u64 %rd, %rd;
  { .param .b64 f; .param .b64 a; .param .b32 r;
  st.param.b64 [f], %rd;
  st.param.b64 [a], 0;
  call (r), vprintf, (f, a); }
  trap; // caf
}
"""


def test_bytes_that_are_no_utf8(tmp_path):
    """In a comment of the file, in what the kernel prints, in the text of an error."""
    path = tmp_path / "k.ptx"
    path.write_bytes(PRINTS.encode().replace(b"caf", b"caf\xe9"))
    report = sim.run(path, {"entry": "k", "block": [1]}, html=True)
    assert "| \ufffd" in str(report) and report.data["output"] == "\ufffd"
    assert report.errors[0]["name"] == "TK-SIM-TRAP" and report.errors[0]["ptxText"].startswith("trap;")
    path.write_bytes(PRINTS.encode().replace(b"trap; // caf", b"zork; // caf\xe9"))
    with pytest.raises(sim.SimError, match="k.ptx:16:3: error: "):
        sim.run(path, {"entry": "k", "block": [1]})


def test_ctrl_c_ends_a_run(tmp_path):
    endless = ".version 8.6\n.target sm_90a\n.address_size 64\n.visible .entry k() { $l: bra $l; }\n"
    script = tmp_path / "endless.py"
    script.write_text(f"from tilekernel import sim\nprint('runs', flush=True)\nsim.run({endless!r}, {{'entry': 'k', 'block': [1]}})\n")
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={"PYTHONPATH": str(ROOT / "python"), "PATH": ""})
    assert process.stdout.readline() == "runs\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
