"""What the pytest tests share: the build folder, its tools, and the package below python/."""

import itertools
import json
import os
import signal
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

# Who starts the tests in the background ignores SIGINT, and so would every process that they start, those too that are to
# end at Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def build():
    """The build folder: $TK_BUILD, else build/."""
    folder = Path(os.environ.get("TK_BUILD", ROOT / "build"))
    if not (folder / "bin").is_dir():
        pytest.exit(f"{folder}/bin does not exist: build first (./tk build), or set TK_BUILD", returncode=2)
    return folder


@pytest.fixture(scope="session")
def tool(build):
    """tool("tk-run", "--help"): runs a tool of the build folder and gives the finished process, output as text."""

    def run(name, *arguments, **options):
        program = build / "bin" / name
        assert program.exists(), f"{program} is not built: run ninja -C {build} {name}"
        options = {"capture_output": True, "text": True, "timeout": 600, **options}
        return subprocess.run([str(program), *map(str, arguments)], check=False, **options)

    return run


@pytest.fixture(scope="module")
def compiled(build, tool, tmp_path_factory):
    """compiled(source, *options): a package, to launch on arrays however they lie, and its JSON; compiled once."""
    os.environ["TILEKERNEL_LIBRARY"] = str(build / "lib" / "libtk.so")
    import tilekernel

    folder, numbers = tmp_path_factory.mktemp("compiled"), itertools.count()

    @lru_cache(maxsize=None)
    def make(source, *options):
        path = folder / f"{next(numbers)}.tkpkg"
        text = path.with_suffix(".mlir")
        text.write_text(source)
        done = tool("tk-compile", text, "--no-assemble", "-o", path, *options)
        assert done.returncode == 0, done.stderr
        return tilekernel.load(path), json.loads(path.read_text())

    return make
