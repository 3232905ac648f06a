"""The bundle for machines with a GPU (scripts/gpu_bundle.py, bench/gpu), as far as it can be tested without one.

A driver's double (libTKFakeCuda.so) stands in for the GPU: device memory is host memory, launches do nothing. Where a
kernel has to do something, the test does it.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import packages
import pytest

ROOT = Path(__file__).resolve().parents[2]
GPU = ROOT / "bench" / "gpu"
sys.path.insert(0, str(GPU))

import arrays  # noqa: E402
import cases  # noqa: E402
import check  # noqa: E402
import counters  # noqa: E402
import launch  # noqa: E402
import models  # noqa: E402
import probe  # noqa: E402
import shapes  # noqa: E402
import smi  # noqa: E402
import tkpkg  # noqa: E402
import tune  # noqa: E402

# The packages of the archive that the tests make: one with two variants, one with another layout and type, the graph.
SOME = ["gemm-bf16-bf16-row-row", "gemm-f16-f32-column-column", "gemm_graph", "gemm_batched", "gemm_grouped"]


@pytest.fixture(scope="session")
def archive(build, tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "tk-gpu.tar.xz"
    done = subprocess.run([sys.executable, ROOT / "scripts" / "gpu_bundle.py", "--build", build, "-o", path, "--level", "0",
                           "--no-assemble", "--only", ",".join(SOME)], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return path


def refuse_only(only):
    done = subprocess.run([sys.executable, ROOT / "scripts" / "gpu_bundle.py", "--only", only, "--build", "nowhere"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    return done.stderr.strip()


def test_only_names_what_there_is():
    """Each name is one of a package, or nothing is packed: those like it are named, or all where none is."""
    names = [case.name for case in cases.cases()]
    expected = "gpu-bundle: --only: expected names of packages, got "
    like = [name for name in names if "gemm-bf16" in name]
    assert len(like) == 14
    assert refuse_only("gemm-bf16,list") == f"{expected}'gemm-bf16', 'list'; there are {', '.join([*like, 'gemm_list'])}"
    assert refuse_only("gemm_bached") == f"{expected}'gemm_bached'; there are gemm_batched"
    assert refuse_only(f"{SOME[0]},xyz") == f"{expected}'xyz'; there are {', '.join(names)}"
    assert refuse_only(f"{SOME[0]},") == f"{expected}''; there are {', '.join(names)}"


@pytest.fixture(scope="session")
def bundle(archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    # As the page says, with nothing but Python.
    subprocess.run([sys.executable, "-m", "tarfile", "-e", archive, folder], check=True, capture_output=True)
    return folder / "tk-gpu"


@pytest.fixture
def run(bundle, tmp_path):
    """run("check", "--device", "sim"): run.sh in an empty folder, without the build folder in sight."""

    def go(*words, path=None, **extra):
        environment = {key: value for key, value in os.environ.items() if key not in ("TK_BUILD", "TK_PACKAGES", "OUT")}
        environment.update(PYTHON=sys.executable, **extra)
        if path:
            environment["PATH"] = path
        return subprocess.run(["/bin/sh", bundle / "run.sh", *words], cwd=tmp_path, env=environment, capture_output=True,
                              text=True, timeout=600)

    return go


@pytest.fixture(scope="session")
def fake(build):
    library = build / "lib" / "libTKFakeCuda.so"
    if not library.exists():
        pytest.skip("libTKFakeCuda.so is not built")
    return library


@pytest.fixture(scope="session")
def package(bundle):
    return tkpkg.read(bundle / "packages" / "gemm-bf16-bf16-row-row.tkpkg")


has_driver = shutil.which("nvidia-smi") is not None
without_driver = pytest.mark.skipif(has_driver, reason="this machine has a driver")


# --- The archive ----------------------------------------------------------------------------------------------------


def test_archive_is_small_and_whole(archive, bundle, run):
    assert archive.stat().st_size < 60 << 20
    manifest = json.loads((bundle / "MANIFEST.json").read_text())
    assert manifest["packages"] == SOME
    there = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert there == set(manifest["files"]) | {"MANIFEST.json"}
    assert {"bin/tk-run", "bin/tk-compile", "bin/tk-sim", "lib/libtk.so", "run.sh", "README.md", "gpu/launch.py",
            "python/tilekernel/__init__.py"} <= there
    assert run("verify").returncode == 0
    # Nothing in it needs what a bare machine lacks.
    for name in ("tk-run", "tk-compile", "tk-sim"):
        said = subprocess.run(["ldd", bundle / "bin" / name], capture_output=True, text=True).stdout
        assert not [line for line in said.splitlines() if not any(
            word in line for word in ("linux-vdso", "libc.so", "libm.so", "ld-linux"))]


def test_verify_finds_a_changed_file(bundle, run, tmp_path):
    copy = tmp_path / "tk-gpu"
    shutil.copytree(bundle, copy)
    with open(copy / "gpu" / "check.py", "a") as file:
        file.write("\n")
    done = subprocess.run([sys.executable, copy / "gpu" / "verify.py"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "gpu/check.py: expected" in done.stdout and done.stdout.endswith("1 of them wrong\n")


def test_every_example_has_a_case():
    assert {path.stem for path in (ROOT / "examples").glob("*.mlir")} <= {case.source for case in cases.cases()}
    names = [case.name for case in cases.cases()]
    assert len(names) == len(set(names)) == 39


def test_files_name_no_machine(bundle):
    for path in bundle.rglob("*"):
        if path.suffix in (".py", ".sh", ".md", ".ptx", ".json"):
            text = path.read_text()
            assert not [word for word in (str(ROOT), "/tmp/", "/root", "/home", "pypi.org") if word in text], path


# --- Without a GPU --------------------------------------------------------------------------------------------------


@without_driver
@pytest.mark.parametrize("command", ["check", "time", "tune", "probe"])
def test_says_in_one_line_that_there_is_no_driver(run, command):
    done = run(command)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "libcuda.so.1 was not found" in done.stderr


def test_says_in_one_line_that_there_is_no_ncu(run):
    done = run("counters", path="/nowhere:/bin:/usr/bin")
    if shutil.which("ncu", path="/bin:/usr/bin"):
        pytest.skip("this machine has ncu")
    assert done.returncode == 1
    assert done.stderr == "counters: ncu was not found: install Nsight Compute, or put it on the PATH\n"


def test_says_in_one_line_that_a_python_package_is_missing(run, tmp_path, fake):
    (tmp_path / "libcuda.so.1").symlink_to(fake)
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    done = run("time", LD_LIBRARY_PATH=str(tmp_path), PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("time: the Python package torch was not found") and done.stderr.count("\n") == 1


def test_help_and_unknown_commands(run):
    assert run("help").returncode == 0
    for command in ("check", "time", "tune", "probe", "counters"):
        assert run(command, "--help").stdout.startswith(f"usage: run.sh {command} [-h]")
    # All that is tried without --space, the ways to share work among them.
    assert "stages=2,3,4,5,6" in (said := " ".join(run("--tune", "--help").stdout.split())) and "run.sh tune" in said
    assert all(tune.spell(one) in said for one in tune.SHARING), said
    done = run("nonsense")
    assert done.returncode == 1 and "unknown command 'nonsense'" in done.stderr


def test_checks_on_the_simulator(run, tmp_path):
    done = run("check", "--device", "sim", "--quick", "6", "--jobs", "2", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "check.json").read_text())
    assert [one["package"] for one in report["packages"]] == SOME
    results = report["packages"][0]["results"]
    entries = {result["entry"] for result in results if "relative_error" in result}
    assert entries == {"gemm_tma", "gemm"}
    # A depth of zero is for the plain variant: the copy engine has nothing to read.
    declined = [result for result in results if "declined" in result]
    assert [64, 128, 0] in [result["shape"] for result in declined]
    assert all(result["entry"] == "gemm_tma" for result in declined)


def test_a_wrong_kernel_fails_the_check(bundle, run, tmp_path):
    """The product without its last step of K, as a package whose host passes a smaller size."""

    def shorten(package):
        # K, as the kernels see it, becomes M: right only where they are equal.
        for argument in package["kernels"][0]["arguments"]:
            if argument["name"] == "A":
                argument["size_offsets"] = argument["size_offsets"][::-1]

    folder = tmp_path / "packages"
    folder.mkdir()
    packages.edit(bundle / "packages" / f"{SOME[0]}.tkpkg", folder / f"{SOME[0]}.tkpkg", shorten)
    done = run("check", "--device", "sim", "--quick", "6", TK_PACKAGES=str(folder))
    assert done.returncode == 1
    assert "0 failed" not in done.stdout.splitlines()[-1]


def test_probes_run_on_the_simulator(run, tmp_path):
    done = run("probe", "--device", "sim")
    assert done.returncode == 0, done.stdout + done.stderr
    probes = json.loads((tmp_path / "probe.json").read_text())["probes"]
    assert len(probes) == len(probe.PROBES) - 1
    # What the simulator was written to do; its sums are exact, so the model of the hardware must not fit.
    for name in ("elect", "cluster_address", "bytes_of_outside_boxes", "mn_major", "fp8_conversion"):
        assert probes[name]["agrees"] is True, probes[name]
    for rates in probes["accumulation"]["found"].values():
        assert rates["exact"] > 0.99
    assert probes["accumulation"]["found"]["bf16"]["h100"] < 0.9


def test_tune_compiles_its_space(run, tmp_path):
    done = run("tune", "--compile-only", "--space", "stages=3,4,9:widen=2", "--shapes", "8192 cubed")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "tune.json").read_text())
    assert [one["tuning"] for one in report["programs"]["gemm-bf16-bf16-row-row"]] == [{}, {"stages": 3, "widen": 2}]
    left = report["left_out"]["gemm-bf16-bf16-row-row"]
    # Four stages are what the compiler takes by itself; nine do not fit.
    assert left[0] == {"tuning": {"stages": 4, "widen": 2}, "same_as": "default"}
    assert "shared memory" in left[1]["refused"]
    # A line for each on the screen as well, with the reason in one line.
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[:3] == ["1 of 4 default compiled", "2 of 4 stages=3,widen=2 compiled",
                         "3 of 4 stages=4,widen=2 the same program as default"]
    assert lines[3].startswith("4 of 4 stages=9,widen=2 refused: ") and "bytes of shared memory" in lines[3]
    assert "2 different programs, 1 refused, 1 alike, 0 skipped" in lines[4]


def test_tune_fails_where_all_is_refused(run):
    done = run("tune", "--compile-only", "--space", "stages=3", "--shapes", "8192 cubed", "--", "--disable=tk-nothing")
    assert done.returncode == 1
    assert done.stdout.count("refused: \"tk-nothing\" cannot be left out") == 2
    assert "every candidate was refused for: gemm-bf16-bf16-row-row" in done.stdout


def test_tune_stops_compiling_in_time(build, monkeypatch, tmp_path, capsys):
    """What no time is left for is listed; the compiler's own choice is always made."""
    monkeypatch.setattr(tune.environment, "ROOT", ROOT)
    monkeypatch.setenv("TK_BUILD", str(build))
    kept, left = tune.compile_all({"stages": [2, 3]}, cases.find(SOME[0]), tmp_path, [], 2, deadline=0)
    assert [one["tuning"] for one in kept] == [{}]
    assert left == [{"tuning": {"stages": 2}, "skipped": True}, {"tuning": {"stages": 3}, "skipped": True}]
    assert "skipped for time: stages=2; stages=3" in capsys.readouterr().out
    # So is one that takes too long.
    (slow := tmp_path / "slow").write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(tune.environment, "tool", lambda name: slow)
    assert tune.compile_one({}, cases.find(SOME[0]), tmp_path, None, [], 0.5) == (None, "expected an end within 0 s, got none")


def test_tune_refuses_unknown_words(run):
    done = run("tune", "--compile-only", "--space", "stages=many")
    assert done.returncode == 1 and "expected NAME=NUMBER" in done.stderr
    done = run("tune", "--compile-only", "--shapes", "nothing")
    assert done.returncode == 1 and "expected labels of shapes.py" in done.stderr


# --- Expressions and parameters -------------------------------------------------------------------------------------


FACTS = tkpkg.Facts([tkpkg.View(4096, "bf16", (300, 520), (528, 1)), 7], num_sms=132)


@pytest.mark.parametrize("expr, value", [
    (128, 128), (["size", 0, 1], 520), (["stride", 0, 0], 528), (["scalar", 1], 7), (["num_sms"], 132),
    (["ceildiv", ["size", 0, 0], 128], 3), (["floordiv", -7, 2], -4), (["ceildiv", -7, 2], -3), (["ceildiv", 256, 128], 2), (["mod", -7, 3], 2),
    (["mod", 7, -3], -2), (["min", ["mul", 2, 3], ["add", 1, ["sub", 2, 5]]], -2), (["max", 4, 5], 5)])
def test_expressions(expr, value):
    assert tkpkg.evaluate(expr, FACTS) == value


@pytest.mark.parametrize("expr", [["floordiv", 1, 0], ["mod", 1, 0], ["mul", 2**62, 2], ["add", 2**63 - 1, 1],
                                  ["floordiv", -2**63, -1], ["scalar", 0]])
def test_expressions_that_have_no_value(expr):
    with pytest.raises(tkpkg.PackageError):
        tkpkg.evaluate(expr, FACTS)


@pytest.mark.parametrize("kind, lhs, rhs, holds", [
    ("equal", 3, 3, True), ("not_equal", 3, 3, False), ("less", 3, 3, False), ("less_equal", 3, 3, True),
    ("divisible", ["stride", 0, 0], 16, True), ("divisible", ["size", 0, 1], 16, False), ("aligned", 0, 4096, True),
    ("aligned", 0, 8192, False)])
def test_conditions(kind, lhs, rhs, holds):
    assert tkpkg.holds({"kind": kind, "lhs": lhs, "rhs": rhs, "argument": 0, "why": ""}, FACTS) is holds


def test_package_must_be_whole(bundle, tmp_path):
    text = (bundle / "packages" / f"{SOME[0]}.tkpkg").read_text()
    damaged = tmp_path / "damaged.tkpkg"
    damaged.write_text(text.replace('"block": [', '"block": [ ', 1).replace("384", "256", 1))
    with pytest.raises(tkpkg.PackageError, match="checksum"):
        tkpkg.read(damaged)


def views(m, n, k, pitch=0, start=1 << 20):
    def view(index, rows, columns):
        return tkpkg.View(start * (index + 1), "bf16", (rows, columns), (columns + pitch, 1))

    return {"A": view(0, m, k), "B": view(1, k, n), "C": view(2, m, n)}


def test_arguments_must_fit(package):
    kernel = tkpkg.find_kernel(package)
    good = views(16, 16, 16)
    for change, message in [({"A": tkpkg.View(0, "f16", (16, 16), (16, 1))}, "elements of type bf16, got f16"),
                            ({"A": tkpkg.View(0, "bf16", (16, 8), (8, 1))}, "size K"),
                            ({"A": tkpkg.View(0, "bf16", (16, 16), (1, 16))}, "stride of"),
                            ({"A": tkpkg.View(1, "bf16", (16, 16), (16, 1))}, "address of"),
                            ({"A": tkpkg.View(0, "bf16", (16,), (1,))}, "expected 2 dimensions"),
                            ({"D": good["A"]}, "expected the arguments A, B, C")]:
        with pytest.raises(tkpkg.PackageError, match=message):
            tkpkg.bind(kernel, {**good, **change})


def test_scalars_are_packed():
    for kind, value, data in [("i32", -2, "feffffff"), ("f32", 0.5, "0000003f"), ("f16", 1, "003c"), ("bf16", 1.01171875,
                              "823f"), ("i64", 2**40, "0000000000010000"), ("ui8", 255, "ff")]:
        kernel = {"arguments": [{"name": "x", "view": False, "type": kind, "offset": 8}]}
        buffer = tkpkg.pack(kernel, {"parameter_bytes": 24}, tkpkg.Facts([value]))
        assert buffer[8:8 + len(data) // 2].hex() == data and not any(buffer[:8])


# --- The launcher against the C++ runtime, both over the double -----------------------------------------------------


PARITY = """
import ctypes, json, sys
sys.path[:0] = [{gpu!r}, {python!r}]
import launch, tkpkg, tilekernel as tk
from tilekernel import _capi

package = tkpkg.read({package!r})
loaded = tk.load({package!r})
driver = launch.Driver()
seen, size = driver.library.fakeSeen, ctypes.c_size_t()
seen.restype, driver.library.fakeParameters.restype = ctypes.c_char_p, ctypes.c_void_p
launcher = launch.Launcher(driver, package)
addresses = [driver.allocate(1 << 24) for _ in range(3)]

def parameters():
    return ctypes.string_at(driver.library.fakeParameters(ctypes.byref(size)), size.value).hex()

def runtime(values, entry):
    lib, entries, keep = tk._lib(), (_capi.Value * 3)(), []
    for slot, (name, view) in zip(entries, values.items()):
        sizes, strides = ((ctypes.c_int64 * 2)(*numbers) for numbers in (view.sizes, view.strides))
        keep += [sizes, strides]
        slot.name, slot.kind, slot.data, slot.rank = name.encode(), _capi.ON_DEVICE, view.address, 2
        slot.element_type, slot.sizes, slot.strides = lib.tkElementTypeParse(view.type.encode()), sizes, strides
    device, result = ctypes.c_void_p(), ctypes.c_void_p()
    tk._check(lib.tkDeviceCreate(b"cuda", ctypes.byref(device)), RuntimeError)
    options = _capi.LaunchOptions(ctypes.sizeof(_capi.LaunchOptions), 0, 0, 0, entry.encode() if entry else None)
    seen()
    tk._check(lib.tkLaunch(device, loaded._handle, 0, entries, 3, ctypes.byref(options), ctypes.byref(result)), RuntimeError)
    report = json.loads(lib.tkResultGetReport(result).decode())
    return report["entry"], report["grid"], len(report["declined"]), seen().decode(), parameters()

for m, n, k, pitch, shift, entry in {launches!r}:
    shapes = dict(A=(m, k), B=(k, n), C=(m, n))
    values = {{name: tkpkg.View(address + shift, "bf16", shape, (shape[1] + pitch, 1))
              for address, (name, shape) in zip(addresses, shapes.items())}}
    theirs = runtime(values, entry)
    seen()
    prepared = launcher.prepare(values, entry)
    prepared()
    ours = (prepared.choice.entry, list(prepared.choice.grid), len(prepared.choice.declined), seen().decode(), parameters())
    assert len(ours[4]) == 2 * prepared.choice.variant["parameter_bytes"]
    print(json.dumps([ours[0], ours == theirs, ours, theirs] if ours != theirs else [ours[0], True]))
"""

LAUNCHES = [(300, 520, 136, 0, 0, None), (300, 520, 136, 0, 0, "gemm"), (1, 1, 1, 0, 0, None), (16, 16, 16, 8, 0, None),
            (16, 16, 16, 1, 0, None), (16, 16, 16, 8, 2, None), (1, 256, 64, 3, 0, None), (64, 128, 0, 0, 0, None),
            (1, 8, 4096, 0, 0, None), (2048, 1, 8, 7, 0, None), (0, 128, 64, 0, 0, None), (129, 264, 72, 24, 16, "gemm_tma")]


def test_launches_are_those_of_the_runtime(bundle, fake, tmp_path):
    """The same variant, grid, tensor maps, configuration and parameters, bit for bit, from two readers of the format."""
    (tmp_path / "libcuda.so.1").symlink_to(fake)
    script = PARITY.format(gpu=str(bundle / "gpu"), python=str(bundle / "python"), launches=LAUNCHES,
                           package=str(bundle / "packages" / f"{SOME[0]}.tkpkg"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env={
        **os.environ, "LD_LIBRARY_PATH": str(tmp_path), "TILEKERNEL_LIBRARY": str(bundle / "lib" / "libtk.so")})
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(LAUNCHES)
    assert all(result[1] for result in results), [result for result in results if not result[1]]
    assert [result[0] for result in results] == ["gemm_tma", "gemm", "gemm", "gemm_tma", "gemm", "gemm", "gemm", "gemm", "gemm_tma",
                                                 "gemm", "gemm", "gemm_tma"]


def test_what_a_gpu_ignores_is_said(tool, fake, tmp_path):
    """Seeds and a limit of steps are the simulator's."""
    (tmp_path / "libcuda.so.1").symlink_to(fake)
    assert tool("tk-compile", ROOT / "examples/gemm.mlir", "--no-assemble", "-o", tmp_path / "g.tkpkg").returncode == 0
    words = [tmp_path / "g.tkpkg", "--arg", "A=random:64x64", "--arg", "B=random:64x64", "--out", f"C={tmp_path}/c.npy",
             "--device=cuda"]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    assert "warning" not in tool("tk-run", *words, "--seed=3", env=environment).stderr
    done = tool("tk-run", *words, "--seeds=0..3", "--max-steps=50", env=environment)
    assert "warning: --seeds 0..3: expected the simulator, got a GPU" in done.stderr, done.stderr
    assert "warning: --max-steps 50: expected the simulator, got a GPU" in done.stderr, done.stderr


def test_driver_errors_name_the_call(fake, package):
    driver = launch.Driver(library=str(fake))
    assert driver.name == "Fake H100" and driver.version == "12.4" and driver.num_sms == 114
    with pytest.raises(launch.DriverError, match="cuMemAlloc_v2 failed: CUDA_ERROR_OUT_OF_MEMORY"):
        driver.allocate(1 << 40)
    with pytest.raises(launch.DriverError, match="ptxas fatal: damaged"):
        driver.load(b"damaged\0")
    with pytest.raises(launch.DriverError, match="capability 9.0"):
        launch.Driver(1, library=str(fake))
    with pytest.raises(launch.DriverError, match="could not be loaded"):
        launch.Driver(library="libnothing.so.1")
    launcher = launch.Launcher(driver, {**package, "cubin": b"damaged"})
    assert "the cubin was refused" in launcher.note
    with pytest.raises(tkpkg.PackageError, match='variant "gemm_tma" does not fit'):
        launcher.prepare(views(16, 16, 15), "gemm_tma")
    with pytest.raises(tkpkg.PackageError, match="expected a variant nothing"):
        launcher.prepare(views(16, 16, 16), "nothing")


# --- The check, with a kernel of our own making ---------------------------------------------------------------------


class Pretender:
    """A launcher whose kernel is a Python function over the double's memory."""

    def __init__(self, driver, kernel):
        self.driver, self.kernel, self.runs = driver, kernel, 0

    def prepare(self, values, entry):
        def matrix(view):
            itemsize = arrays.STORAGE[view.type].itemsize
            last = sum((size - 1) * stride for size, stride in zip(view.sizes, view.strides))
            raw = (ctypes.c_char * ((last + 1) * itemsize)).from_address(view.address)
            flat = np.frombuffer(raw, arrays.STORAGE[view.type])
            return np.lib.stride_tricks.as_strided(flat, view.sizes, [itemsize * stride for stride in view.strides])

        def go(stream=None):
            self.runs += 1
            self.kernel(*(matrix(values[name]) for name in "ABC"), self.runs)

        go.choice = tkpkg.Choice({"entry": entry}, (1, 1, 1))
        return go


def right(a, b, c, run):
    c[...] = arrays.encode((arrays.decode(a, "bf16").astype(np.float64) @ arrays.decode(b, "bf16")).astype(np.float32), "bf16")


def one_wrong(a, b, c, run):
    right(a, b, c, run)
    c[-1, -1] += 40


def one_missing(a, b, c, run):
    left = c[0, 0].copy()
    right(a, b, c, run)
    c[0, 0] = left


def one_outside(a, b, c, run):
    right(a, b, c, run)
    ctypes.memset(c.ctypes.data - 8, 0, 4)


def one_that_varies(a, b, c, run):
    right(a, b, c, run)
    c[1, 1] ^= run == 2


@pytest.mark.parametrize("kernel, passes, says", [
    (right, True, {}), (one_wrong, False, {}), (one_missing, False, {"unwritten": 1}), (one_outside, False,
    {"bytes_outside": 4}), (one_that_varies, False, {"runs_that_differ": 1})])
@pytest.mark.parametrize("padding", [0, 25])
def test_check_on_the_double(fake, kernel, passes, says, padding):
    launcher = Pretender(launch.Driver(library=str(fake)), kernel)
    inputs = check.Inputs(cases.Gemm(), (37, 50, 40), 3)
    _, report = check.run_on_gpu(launcher, inputs, "gemm", padding)
    assert report["passed"] is passes, report
    assert {key: report[key] for key in says} == says
    if kernel is one_wrong:
        # The relative error of the whole would not have shown it.
        assert report["of_bound"] > 1


def test_column_major_arrays_on_the_double(fake):
    launcher = Pretender(launch.Driver(library=str(fake)), right)
    _, report = check.run_on_gpu(launcher, check.Inputs(cases.Gemm(a="column", b="column"), (9, 20, 30), 3), "gemm", 8)
    assert report["passed"], report


@pytest.mark.parametrize("layout", cases.LAYOUTS)
def test_arrays_come_back_as_they_went(fake, layout):
    held = check.DeviceArray(launch.Driver(library=str(fake)), "f32", (5, 7), layout, 3)
    values = np.arange(35, dtype=np.float32).reshape(5, 7)
    assert held.get()[1:] == (35, 0)
    held.put(values)
    got, unwritten, outside = held.get()
    assert (got == values).all() and (unwritten, outside) == (0, 0)


def test_a_kernel_that_writes_nothing_fails(bundle, run, fake, tmp_path):
    """The whole of `check` over the double, whose launches do nothing."""
    (tmp_path / "libcuda.so.1").symlink_to(fake)
    done = run("check", "--quick", "2", "--only", SOME[0], LD_LIBRARY_PATH=str(tmp_path))
    assert done.returncode == 1
    results = json.loads((tmp_path / "check.json").read_text())["packages"][0]["results"]
    wheres = {result["where"] for result in results}
    assert {"gpu", "gpu, rows 48 elements apart", "simulator", "gpu against simulator"} <= wheres
    gpu = [result for result in results if result["where"] == "gpu" and "unwritten" in result]
    assert gpu and all(result["unwritten"] == result["shape"][0] * result["shape"][1] for result in gpu)


# --- Numbers --------------------------------------------------------------------------------------------------------


def test_bf16_rounds_to_nearest_even():
    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, -0.0, 3.4e38, np.inf], np.float32)
    assert arrays.encode(values, "bf16").tolist() == [0x3F80, 0x3F80, 0x3F82, 0x8000, 0x7F80, 0x7F80]
    assert np.isnan(arrays.decode(arrays.encode(np.array([np.nan], np.float32), "bf16"), "bf16"))[0]


def test_models_of_sums():
    one, big = (0x3F80, "bf16"), (0x4B80, "bf16")  # 1 and 2^24
    products = [(big, one)] + [(one, one)] * 15
    zero = (0, "f32")
    # 2^24 + 15: one rounding keeps 14 or 16; what is cut off below 2^(24 - 25) is nothing here.
    assert models.exact(products, zero, "f32") == 0x4B800008
    assert models.truncating(products, zero, "f32", 25, "zero") == 0x4B800007
    assert models.truncating(products, zero, "f32", 24, "zero") == 0x4B800007
    # With 23 bits each 1 is cut to 0: the last place of 2^24 is 2.
    assert models.truncating(products, zero, "f32", 23, "zero") == 0x4B800000
    assert models.value(0x3C00, "f16") == 1
    assert models.value(1, "e4m3") == Fraction(1, 512) and models.value(0x7E, "e4m3") == 448


def test_statistics_of_clocks():
    lines = ["1980, 3201, 699.17, 61, 0x0000000000000004", "1700, 3201, 650.00, 63, 0x0000000000000000",
             "[N/A], 3201, 10, 60, 0x1"]
    summary = smi.summarise([smi.parse(line) for line in lines])
    assert summary["sm_mhz"] == [1700, 1840, 1980] and summary["samples"] == 3
    assert summary["clock_event_reasons"] == "0x5"


def test_output_of_ncu_is_read():
    text = '==PROF== Connected\n"ID","gpu__time_duration.sum","launch__grid_size"\n"","us",""\n"0","12.5","132"\n'
    assert counters.parse(text) == {"gpu__time_duration.sum": ("12.5", "us"), "launch__grid_size": ("132", "")}
    assert counters.parse("==ERROR== no") == {}


def test_shapes_cover_what_was_asked_for():
    every = shapes.shapes()
    labels = [shape.label for shape in every]
    assert labels[:3] == ["4096 cubed", "8192 cubed", "16384 cubed"] and len(labels) == len(set(labels))
    models_ = [shape for shape in every if "M=" in shape.label]
    assert len(models_) >= 20 and {1, 16, 16384} <= {shape.m for shape in models_}
    assert {shape.package for shape in every} <= {case.name for case in cases.cases()}
    assert set(tune.SHAPES) <= set(labels)


def test_benchmark_rehearses(run, tmp_path):
    """All of the script but the GPU; needs PyTorch."""
    pytest.importorskip("torch")
    done = run("time", "--rehearse", "--rounds", "3", "--seconds", "0", "--only", "cubed", "--without", "triton")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert report["rehearsal"] is True
    first = report["shapes"][0]
    assert first["tk"]["check"]["passed"] and first["cublas"]["samples"] >= 3
    assert set(first["ratio_to_cublas"]) == {"median", "q1", "q3", "min", "max"}


def test_tune_rehearses(run, tmp_path):
    pytest.importorskip("torch")
    done = run("tune", "--rehearse", "--space", "stages=3", "--shapes", "8192 cubed", "--rounds", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    shape = json.loads((tmp_path / "tune.json").read_text())["shapes"][0]
    assert sorted(shape["ranked"]) == ["default", "stages=3"]
    assert set(shape["final"]) == {"cublas", "default", "stages=3"}
