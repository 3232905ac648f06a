"""Where things lie in the bundle, what this machine has, and result files."""

import ctypes
import datetime
import functools
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tool(name):
    """A tool of the bundle: bin/, or the build folder that TK_BUILD names."""
    for folder in (ROOT / "bin", Path(os.environ.get("TK_BUILD", "")) / "bin"):
        if (folder / name).exists():
            return folder / name
    sys.exit(f"{script()}: {name} is missing: expected it in {ROOT / 'bin'}")


def packages():
    return sorted(Path(os.environ.get("TK_PACKAGES", ROOT / "packages")).glob("*.tkpkg"))


def script():
    """What the user typed: run.sh's command, or this script."""
    return os.environ.get("TK_COMMAND") or Path(sys.argv[0]).stem


def program():
    """The same with what stands before it, for usage lines."""
    return f"run.sh {script()}" if "TK_COMMAND" in os.environ else None


def require(driver=False, numpy=False, torch=False, triton=False):
    """Ends the process with one line that names what is missing."""
    if driver:
        try:
            ctypes.CDLL("libcuda.so.1")
        except OSError:
            sys.exit(f"{script()}: no CUDA driver: libcuda.so.1 was not found; run this on a machine with a Hopper GPU")
    for name, wanted in (("numpy", numpy), ("torch", torch), ("triton", triton)):
        if wanted and importlib.util.find_spec(name) is None:
            sys.exit(f"{script()}: the Python package {name} was not found; run this with a Python that has it")


def find_ptxas():
    """A ptxas to make cubins with, or None: then the driver's JIT compiles PTX."""
    candidates = [shutil.which("ptxas"), "/usr/local/cuda/bin/ptxas"]
    spec = importlib.util.find_spec("triton")
    if spec and spec.submodule_search_locations:
        candidates.append(Path(spec.submodule_search_locations[0]) / "backends" / "nvidia" / "bin" / "ptxas")
    return next((str(path) for path in candidates if path and Path(path).exists()), None)


def smi(*fields):
    """One line of nvidia-smi as a dictionary; empty where it cannot be asked."""
    try:
        done = subprocess.run(["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"],
                              capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    if done.returncode:
        return {}
    return dict(zip(fields, (word.strip() for word in done.stdout.splitlines()[0].split(","))))


@functools.cache
def facts():
    """The machine, for result files."""
    manifest = ROOT / "MANIFEST.json"
    result = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "commit": json.loads(manifest.read_text())["commit"] if manifest.exists() else None,
              "python": platform.python_version(), "cores": os.cpu_count(),
              "gpu": smi("name", "driver_version", "memory.total", "power.limit", "clocks.max.sm", "clocks.max.memory",
                         "temperature.gpu")}
    for name in ("torch", "triton", "numpy"):
        try:
            result[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            result[name] = None
    return result


def _plain(value):
    """NaN and infinities have no spelling in JSON: they become text."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def write(path, data, quiet=False):
    """Results go to the folder that OUT names, else where the script was started."""
    path = Path(os.environ.get("OUT", ".")) / path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(_plain({"format": "tk-gpu-1", **facts(), **data}), indent=1, allow_nan=False) + "\n")
    temporary.replace(path)
    if not quiet:
        print(f"written: {path}", flush=True)
