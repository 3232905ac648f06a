"""The simulator from Python, for any PTX: what tk-sim does, without files.

    from tilekernel import sim

    report = sim.run(ptx, {"buffers": {"X": {"npy": "x.npy"}}, "entry": "scale", "grid": [2], "block": [64],
                           "params": [{"pointer": "X"}, {"u32": 100}, {"f32": 0.5}]}, seeds=(0, 7))
    assert not report.errors, report

docs/tk-sim.md describes launch files and options, docs/tk-sim-findings.md the findings.
"""

import ctypes as c
import json
import os
import pathlib

from ._library import Work, check, get

__all__ = ["Report", "SimError", "run", "skeleton"]


class SimError(Exception):
    """The PTX is not understood, the launch file is wrong, or the launch could not run at all."""


class Report:
    """What a run found. str(report) is the report for a person."""

    def __init__(self, text, data, html):
        self._text, self.data, self.html = text, data, html

    def __str__(self):
        return self._text

    @property
    def findings(self):
        """A list of dictionaries: name, severity, message, details, ptxLine, source, cta, warp, lanes, count, ..."""
        return self.data["findings"]

    @property
    def errors(self):
        """The findings of severity error."""
        return [finding for finding in self.findings if finding["severity"] == "error"]


def _program(ptx, name=None):
    """A handle; `ptx` is text, or the path of a file."""
    if isinstance(ptx, os.PathLike):
        # Comments and names of files in PTX are bytes.
        name, text = name or str(ptx), pathlib.Path(ptx).read_bytes()
    elif isinstance(ptx, str):
        text = ptx.encode()
    else:
        raise TypeError(f"ptx: expected text, or a pathlib.Path, got {type(ptx).__name__}")
    handle = c.c_void_p()
    check(get().tkSimParse(text, len(text), (name or "<python>").encode(), c.byref(handle)), SimError)
    return handle


def skeleton(ptx):
    """A launch file to fill in, as a dictionary: a launch for each entry of `ptx` (text, or a pathlib.Path)."""
    lib, handle = get(), _program(ptx)
    try:
        return json.loads(lib.tkSimGetSkeleton(handle))
    finally:
        lib.tkSimProgramFree(handle)


def _launch(launch, folder):
    """Text and folder of a launch file."""
    if isinstance(launch, os.PathLike):
        path = pathlib.Path(launch)
        return path.read_text(encoding="utf-8"), folder or path.parent
    if not isinstance(launch, dict):
        raise TypeError(f"launch: expected a dictionary, or the pathlib.Path of a launch file, got {type(launch).__name__}")
    return json.dumps(launch), folder or "."


def run(ptx, launch, *, folder=None, html=False, **options):
    """Runs the launches of a launch file on the simulator and returns a Report. Findings raise nothing.

    ptx      PTX text, or the pathlib.Path of a file
    launch   a launch file: a dictionary as json.load gives it, or a pathlib.Path
    folder   where relative paths in it begin: that of the file, or the current one
    html     whether Report.html is wanted, the page of --report=html
    options  those of tk-sim, with underscores: seed=3, seeds=(0, 7) or "0..7", check="race", grade={"TK-SIM-RACE-SCOPE":
             "off"}, max_steps=1000, timeout=2.5, out="folder", ...

    Raises SimError where nothing could be run, KeyboardInterrupt on Ctrl-C."""
    if isinstance(options.get("seeds"), (tuple, list)):
        options["seeds"] = "{}..{}".format(*options["seeds"])
    if isinstance(options.get("grade"), dict):
        options["grade"] = [f"{name}={grade}" for name, grade in options["grade"].items()]
    options = {name.replace("_", "-"): str(value) if isinstance(value, os.PathLike) else value for name, value in options.items()}
    if html:
        options["report"] = "html"
    text, folder = _launch(launch, folder)
    lib = get()

    def simulate(handle):
        report, data = c.c_void_p(), text.encode()
        check(lib.tkSimRun(handle, data, len(data), str(folder).encode(), json.dumps(options).encode(), c.byref(report)), SimError)
        try:
            return Report(lib.tkSimReportGet(report, b"text").decode(errors="replace"), json.loads(lib.tkSimReportGet(report, b"json")),
                          lib.tkSimReportGet(report, b"html").decode() if html else None)
        finally:
            lib.tkSimReportFree(report)

    return Work(lambda: _program(ptx), lib.tkSimProgramFree, lib.tkSimCancel, simulate, None).finish()
