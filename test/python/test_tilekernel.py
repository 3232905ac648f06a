"""The Python room: compile and launch through libtk.so."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import ml_dtypes
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 20261122


@pytest.fixture(scope="module")
def tk(build):
    library = pathlib.Path(build) / "lib" / "libtk.so"
    if not library.exists():
        pytest.fail(f"{library} is not built: run ./tk build")
    os.environ["TILEKERNEL_LIBRARY"] = str(library)
    sys.path.insert(0, str(ROOT / "python"))
    import tilekernel

    return tilekernel


@pytest.fixture(scope="module")
def gemm(tk):
    return tk.compile((ROOT / "examples" / "gemm.mlir").read_text(), name="gemm.mlir", aliases={"out": "f32"})


def operands(m, n, k):
    rng = np.random.default_rng(SEED)
    a = rng.standard_normal((m, k)).astype(ml_dtypes.bfloat16)
    b = rng.standard_normal((k, n)).astype(ml_dtypes.bfloat16)
    return a, b, a.astype(np.float64) @ b.astype(np.float64)


def test_product(gemm):
    a, b, reference = operands(129, 257, 65)
    c = np.full((129, 257), np.nan, np.float32)
    report = gemm.launch("gemm", A=a, B=b, C=c, device="sim")
    assert not report["findings"]
    assert np.linalg.norm(c - reference) <= 2e-5 * np.linalg.norm(reference), f"seed {SEED}"


def test_signature(gemm):
    a, _, c = gemm.arguments("gemm")
    assert (a["name"], a["type"], a["symbols"], a["written"]) == ("A", "bf16", ["M", "K"], False)
    assert (c["name"], c["type"], c["symbols"], c["written"]) == ("C", "f32", ["M", "N"], True)


def test_sizes_must_agree(tk, gemm):
    a, b, _ = operands(16, 16, 32)
    with pytest.raises(tk.LaunchError, match=r"(?s)K.*(32|24)"):
        gemm.launch("gemm", A=a, B=b[:24], C=np.empty((16, 16), np.float32), device="sim")


def test_unknown_argument(tk, gemm):
    with pytest.raises(tk.LaunchError, match="no argument 'D'; it has A, B, C"):
        gemm.launch("gemm", D=np.empty((1, 1), np.float32))


def test_remedies_can_be_typed_in_python(tk, gemm):
    """No word of tk-run's command line in what the library says."""
    a, b, _ = operands(16, 16, 16)
    with pytest.raises(tk.LaunchError) as missing:
        gemm.launch("gemm", A=a, B=b, device="sim")
    assert str(missing.value).endswith('expected an array MxN of f32, got nothing; give a value named "C"')
    with pytest.raises(tk.LaunchError) as missing:
        gemm.launch("gemm", B=b, C=np.empty((16, 16), np.float32), device="sim")
    assert "--" not in str(missing.value)
    if shutil.which("nvidia-smi") is None:
        with pytest.raises(tk.LaunchError) as missing:
            gemm.launch("gemm", A=a, B=b, C=np.empty((16, 16), np.float32), device="cuda")
        assert '(device "sim")' in str(missing.value) and "--" not in str(missing.value)


def test_diagnostics_carry_the_line(tk):
    with pytest.raises(tk.CompileError, match=r"x\.mlir:2:\d+: error"):
        tk.compile("// a comment\ntk.kernel @f(\n", name="x.mlir")


def test_round_trip(tk, gemm, tmp_path):
    path = tmp_path / "gemm.tkpkg"
    path.write_text(gemm.text)
    assert tk.load(path).kernels == ["gemm"]


def test_tuning_and_disable(tk):
    """What is asked for shows in the package; what cannot be is an error that says what can."""
    source = (ROOT / "examples" / "gemm.mlir").read_text()
    first = json.loads(tk.compile(source, tuning={"stages": 2, "cluster": 1}).text)["kernels"][0]["variants"][0]
    assert first["cluster"] == [1, 1, 1] and any("slots<2" in buffer["type"] for buffer in first["shared_buffers"])
    plain = json.loads(tk.compile(source, disable=["tk-split-variants"]).text)["kernels"][0]["variants"]
    assert len(plain) == 1
    with pytest.raises(tk.CompileError, match="expected 'stages' of at least 1, got 0"):
        tk.compile(source, tuning={"stages": 0})
    with pytest.raises(tk.CompileError, match='"tk-nothing" cannot be left out'):
        tk.compile(source, disable=["tk-nothing"])


@pytest.mark.parametrize("arguments, error, message", [
    ({"source": 3}, TypeError, "source: expected MLIR text as a string, got int: 3"),
    ({"source": b"tk"}, TypeError, "source: expected MLIR text as a string, got bytes: b'tk'"),
    ({"name": None}, TypeError, "name: expected a file's name as a string, got NoneType: None"),
    ({"tuning": ["stages=2"]}, TypeError,
     "tuning: expected a dictionary such as {\"stages\": 3} or a string such as \"stages=3\", got list: ['stages=2']"),
    ({"aliases": ["in=f16"]}, TypeError, "aliases: expected a dictionary such as {\"in\": \"f16\"}, got list: ['in=f16']"),
    ({"disable": 3}, TypeError, "disable: expected names of passes in a list or a string, got int: 3"),
    ({"disable": [3]}, TypeError, "disable: expected names of passes in a list or a string, got list: [3]"),
    ({"ptxas": 3}, TypeError, "ptxas: expected a path, got int: 3")])
def test_compile_says_what_it_expects(tk, arguments, error, message):
    with pytest.raises(error) as raised:
        tk.compile(**{"source": "", **arguments})
    assert str(raised.value) == message


@pytest.mark.parametrize("arguments, error, message", [
    ({"kernel": 0}, TypeError, "kernel: expected a name, got int: 0"),
    ({"device": None}, TypeError, 'device: expected "auto", "sim" or "cuda", got NoneType: None'),
    ({"variant": 1}, TypeError, "variant: expected the name of an entry, got int: 1"),
    ({"seed": "1"}, TypeError, "seed: expected a whole number, got str: '1'"),
    ({"seed": 1.5}, TypeError, "seed: expected a whole number, got float: 1.5"),
    ({"seed": -1}, ValueError, "seed: expected 0 to 18446744073709551615, got -1"),
    ({"seed": 2**64}, ValueError, "seed: expected 0 to 18446744073709551615, got 18446744073709551616")])
def test_launch_says_what_it_expects(gemm, arguments, error, message):
    a, b, _ = operands(16, 16, 16)
    with pytest.raises(error) as raised:
        gemm.launch(**{"kernel": "gemm", "device": "sim", **arguments}, A=a, B=b, C=np.empty((16, 16), np.float32))
    assert str(raised.value) == message


@pytest.mark.parametrize("seed", [2**64 - 1, np.int32(7)])
def test_seeds(gemm, seed):
    a, b, reference = operands(16, 16, 16)
    c = np.empty((16, 16), np.float32)
    assert gemm.launch("gemm", A=a, B=b, C=c, seed=seed, device="sim")["launched"]
    assert np.linalg.norm(c - reference) <= 2e-5 * np.linalg.norm(reference)


INTERRUPTED = """
import sys, threading, time
import ml_dtypes, numpy as np
sys.path.insert(0, "python")
import tilekernel as tk

package = tk.compile(open("examples/gemm.mlir").read(), aliases={"out": "f32"})

def launch(size):
    a, c = np.ones((size, size), ml_dtypes.bfloat16), np.full((size, size), -1, np.float32)
    try:
        package.launch("gemm", A=a, B=a, C=c, device="sim")
    except KeyboardInterrupt:
        return "interrupted", bool((c == -1).all()), threading.active_count()
    return "done", bool((c == size).all()), threading.active_count()

print("begin", flush=True)
print(*launch(SIZE), flush=True)
print(*launch(64), flush=True)
"""


def test_an_interrupt_ends_a_launch(tk, build):
    """Ctrl-C while the simulator works: at once, with outputs untouched and no thread left, and the next launch is whole."""
    environment = {**os.environ, "TILEKERNEL_LIBRARY": str(pathlib.Path(build) / "lib" / "libtk.so")}
    # Half a minute of work.
    code = INTERRUPTED.replace("SIZE", "4096")
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline() == "begin\n", child.stderr.read()
            time.sleep(2)
            assert child.poll() is None
            begin = time.monotonic()
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=20)
            assert out == "interrupted True 1\ndone True 1\n", err
            assert time.monotonic() - begin < 10
        finally:
            child.kill()


def test_examples_in_python_run(tk, monkeypatch):
    """The package's docstring and docs/tuning-attributes.md, as they stand there."""
    monkeypatch.chdir(ROOT)
    source, (a, b, reference) = (ROOT / "examples" / "gemm.mlir").read_text(), operands(300, 520, 64)
    code = textwrap.dedent("\n\n".join(tk.__doc__.split("\n\n")[1:3])).replace("B=b,", "B=b, device='sim',")
    assert "tuning=" in code and "disable=" in code
    names = {"a": a, "b": b}
    exec(code, names)  # pylint: disable=exec-used
    assert np.linalg.norm(names["c"] - reference) <= 2e-5 * np.linalg.norm(reference), f"seed {SEED}"
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "tuning-attributes.md").read_text(), re.M | re.S)
    assert blocks
    for block in blocks:
        names = {"tk": tk, "source": source}
        exec(block, names)  # pylint: disable=exec-used
        slots = [b["type"] for b in json.loads(names["package"].text)["kernels"][0]["variants"][0]["shared_buffers"]]
        assert any("slots<3" in type_ for type_ in slots), slots
