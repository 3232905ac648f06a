"""The fp8 products with scales, examples/gemm_fp8_*.mlir, on the simulator, against the same values in float64.

Inputs are drawn in fp8 and scales in f32, so that the reference knows them exactly: what is left is the order of sums
and one rounding to the output's type.
"""

import itertools
import json
import re
import subprocess
from functools import lru_cache

import numpy as np
import packages
import pytest
from packages import NUMPY, ROOT, TOLERANCE, entries

from test_gemm import PASSES, check_certificate

BLOCK = 128
SEEDS = (0, 1, 2)
TYPES = [("f8E4M3FN", "f8E4M3FN", "bf16"), ("f8E4M3FN", "f8E4M3FN", "f32"), ("f8E4M3FN", "f8E5M2", "bf16"),
         ("f8E5M2", "f8E5M2", "f16")]
# M, N, K: for the fast variant with partial tiles on every side, several trips and tiles; for the plain one.
FAST = [(16, 16, 16), (128, 256, 256), (136, 272, 400), (392, 520, 144), (272, 1032, 1168)]
PLAIN = [(1, 1, 1), (129, 257, 130), (200, 40, 300)]


def ceil_div(a, b):
    return -(-a // b)


def draw(random, sizes, kind):
    return random.standard_normal(sizes, dtype=np.float32).astype(NUMPY[kind])


def scales(random, sizes):
    return np.exp(random.uniform(-3, 3, sizes)).astype(np.float32)


class Blockwise:
    source, step = ROOT / "examples" / "gemm_fp8_blockwise.mlir", 128

    @staticmethod
    def make(shape, types, seed):
        m, n, k = shape
        random = np.random.default_rng([seed, m, n, k])
        a, b = draw(random, (m, k), types[0]), np.asfortranarray(draw(random, (k, n), types[1]))
        sa, sb = scales(random, (m, ceil_div(k, BLOCK))), scales(random, (ceil_div(k, BLOCK), ceil_div(n, BLOCK)))
        left = a.astype(np.float64) * np.repeat(sa.astype(np.float64), BLOCK, 1)[:, :k]
        right = b.astype(np.float64) * np.repeat(np.repeat(sb.astype(np.float64), BLOCK, 0), BLOCK, 1)[:k, :n]
        return {"A": a, "B": b, "SA": sa, "SB": sb}, {}, left @ right


class Rowwise:
    source, step = ROOT / "examples" / "gemm_fp8_rowwise.mlir", 128

    @staticmethod
    def make(shape, types, seed):
        m, n, k = shape
        random = np.random.default_rng([seed, m, n, k])
        a, b = draw(random, (m, k), types[0]), np.asfortranarray(draw(random, (k, n), types[1]))
        sa, sb, scale = scales(random, (m, 1)), scales(random, (1, n)), 0.375
        product = a.astype(np.float64) @ b.astype(np.float64)
        return {"A": a, "B": b, "SA": sa, "SB": sb}, {"scale": scale}, product * sa.astype(np.float64) * sb.astype(np.float64) * scale


@pytest.fixture(scope="module")
def compiled(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaled")
    numbers = itertools.count()

    @lru_cache(maxsize=None)
    def make(kind, types, *options):
        path = folder / f"{next(numbers)}.tkpkg"
        words = [word for name, text in zip(("in", "in2", "out"), types) for word in ("--alias", f"{name}={text}")]
        done = tool("tk-compile", kind.source, "--no-assemble", "-o", path, *words, *options)
        assert done.returncode == 0, done.stderr
        return path

    return make


def run(tool, package, arrays, scalars, types, folder, *options):
    words = [package]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        words += ["--arg", f"{name}={folder / name}.npy"]
    for name, value in scalars.items():
        words += ["--arg", f"{name}={value}"]
    out = folder / "C.npy"
    out.unlink(missing_ok=True)
    done = tool("tk-run", *words, "--out", f"C={out}", "--report=json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), np.load(out).view(NUMPY[types[2]])


def check(tool, package, kind, types, shape, seed, folder, entry, *options):
    arrays, scalars, reference = kind.make(shape, types, seed)
    report, output = run(tool, package, arrays, scalars, types, folder, f"--seed={seed}", *options)
    assert report["findings"] == [] and report["launch"]["entry"] == entry
    assert report["outputs"][0]["unwritten"] == 0
    assert packages.relative_error(output, reference) <= TOLERANCE[types[2]]
    # Element by element: a wrong scale must not hide behind larger ones.
    size = np.abs(reference).max(axis=1, keepdims=True) + 1e-30
    assert np.abs((output.astype(np.float64) - reference) / size).max() <= 4 * TOLERANCE[types[2]]
    check_certificate(package, entry, shape, kind.step, report)
    return output


@pytest.mark.parametrize("shape", FAST + PLAIN, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("types", TYPES, ids="-".join)
@pytest.mark.parametrize("kind", [Blockwise, Rowwise], ids=lambda kind: kind.__name__.lower())
def test_scaled(tool, compiled, tmp_path, kind, types, shape):
    for seed in SEEDS:
        check(tool, compiled(kind, types), kind, types, shape, seed, tmp_path, "gemm_tma" if shape in FAST else "gemm",
              f"--device={'sim:2' if seed == 1 else 'sim'}")


@pytest.mark.parametrize("kind", [Blockwise, Rowwise], ids=lambda kind: kind.__name__.lower())
def test_variants_agree(tool, compiled, tmp_path, kind):
    outputs = [check(tool, compiled(kind, TYPES[0]), kind, TYPES[0], (136, 272, 400), 3, tmp_path, entry, f"--variant={entry}")
               for entry in ("gemm_tma", "gemm")]
    assert outputs[0].tobytes() == outputs[1].tobytes()


@pytest.mark.parametrize("kind, width", [(Blockwise, 128), (Rowwise, 256)])
def test_roles(compiled, kind, width):
    """Both have a producer and two consumers; scales of blocks of columns keep programs from becoming one."""
    package = json.loads(compiled(kind, TYPES[0]).read_text())
    fast = entries(package)["gemm_tma"]
    assert fast["block"] == [384, 1, 1]
    columns = ["ceildiv", ["size", 4 if kind is Blockwise else 5, 1], width]
    assert json.dumps(columns) in json.dumps(fast["grid"])


DEFAULTS = {}


@pytest.mark.parametrize("off", [*PASSES, "tk-persist,tk-widen-tiles", ",".join(PASSES)])
@pytest.mark.parametrize("kind", [Blockwise, Rowwise], ids=lambda kind: kind.__name__.lower())
def test_without_passes(tool, compiled, tmp_path, kind, off):
    """Whatever is left out, the results are those of the default, bit by bit. A and B are of different types."""
    def result(*options):
        package = compiled(kind, TYPES[2], *options)
        entry = "gemm" if "tk-split-variants" in str(options) else "gemm_tma"
        return check(tool, package, kind, TYPES[2], (136, 272, 400), 1, tmp_path, entry, "--device=sim:2",
                     "--seeds=0..2")

    if kind not in DEFAULTS:
        DEFAULTS[kind] = result().tobytes()
    assert result(f"--disable={off}").tobytes() == DEFAULTS[kind]


def in_turns(package):
    """The kernels whose rows are worked on in turns; what is left of them fits."""
    remarks = [remark for remark in json.loads(package.read_text())["remarks"] if remark["pass"] == "tk-split-rows"]
    assert all(remark["kind"] == "passed" for remark in remarks), remarks
    return {remark["function"] for remark in remarks}


def test_rows_in_turns(tool, compiled, tmp_path):
    """The plain variant's rows are split where one warpgroup holds 128 sums and 128 of a product; nothing rounds otherwise."""
    kind, types = Blockwise, TYPES[0]
    pair = [compiled(kind, types), compiled(kind, types, "--disable=tk-split-rows")]
    assert [in_turns(package) for package in pair] == [{"gemm"}, set()]
    for shape, seed in itertools.product(PLAIN, SEEDS):
        outputs = [check(tool, package, kind, types, shape, seed, tmp_path, "gemm") for package in pair]
        assert outputs[0].tobytes() == outputs[1].tobytes()


def test_the_checks_can_fail(tool, compiled, tmp_path):
    """The scales of another block: what check() must see."""
    kind, types, shape = Blockwise, TYPES[0], (136, 272, 400)
    arrays, scalars, reference = kind.make(shape, types, 0)
    arrays["SA"] = np.roll(arrays["SA"], 1, axis=1)
    _, output = run(tool, compiled(kind, types), arrays, scalars, types, tmp_path)
    assert packages.relative_error(output, reference) > 0.1


# --- A residual -------------------------------------------------------------------------------------------------


class Residual:
    """examples/gemm.mlir with C = max(A * B / 2 + R, 0), as docs/getting-started.md has it."""

    step = 64

    @staticmethod
    def write(path):
        source = (ROOT / "examples" / "gemm.mlir").read_text()
        tile = "tensor<128x128xf32>"
        epilogue = f"""%half = arith.constant dense<0.5> : {tile}
  %r = tk.load %R[%row, %column] : !C -> tensor<128x128x!out>
  %residual = arith.extf %r : tensor<128x128x!out> to {tile}
  %scaled = arith.mulf %product, %half : {tile}
  %added = arith.addf %scaled, %residual : {tile}
  %positive = arith.maximumf %added, %zero : {tile}
  tk.store %positive"""
        path.write_text(source.replace("%C: !C [M, N]", "%R: !C [M, N], %C: !C [M, N]").replace("tk.store %product", epilogue))
        return path

    @staticmethod
    def make(shape, types, seed):
        m, n, k = shape
        random = np.random.default_rng([seed, m, n, k])
        a, b, r = draw(random, (m, k), "bf16"), draw(random, (k, n), "bf16"), draw(random, (m, n), "bf16")
        wide = [x.astype(np.float64) for x in (a, b, r)]
        return {"A": a, "B": b, "R": r}, {}, np.maximum(wide[0] @ wide[1] / 2 + wide[2], 0)


@pytest.fixture(scope="module")
def residual(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("residual")
    done = tool("tk-compile", Residual.write(folder / "residual.mlir"), "--no-assemble", "-o", folder / "residual.tkpkg")
    assert done.returncode == 0, done.stderr
    return folder / "residual.tkpkg"


def test_residual_takes_no_spills(tool, tmp_path):
    """A consumer holds 128 sums and a slice of the residual to a thread, the one warpgroup of the plain variant a slab:
    the whole of it would not fit."""
    done = tool("tk-compile", Residual.write(tmp_path / "residual.mlir"), "-o", tmp_path / "residual.tkpkg")
    assert done.returncode == 0, done.stderr
    package = json.loads((tmp_path / "residual.tkpkg").read_text())
    for entry in ("gemm_tma", "gemm"):
        resources = entries(package)[entry]["resources"]
        assert resources is None or resources["spill_stores"] == resources["spill_loads"] == 0, (entry, resources)


def test_residual_in_turns(tool, residual, tmp_path):
    """With slabs and without, the plain variant gives the same bytes."""
    whole = tmp_path / "whole.tkpkg"
    done = tool("tk-compile", Residual.write(tmp_path / "residual.mlir"), "--no-assemble", "--disable=tk-split-rows", "-o", whole)
    assert done.returncode == 0, done.stderr
    types = ("bf16", "bf16", "bf16")
    assert in_turns(residual) == {"gemm"} and not in_turns(whole)
    for shape, seed in itertools.product([(129, 257, 65), (40, 129, 130)], SEEDS):
        outputs = [check(tool, package, Residual, types, shape, seed, tmp_path, "gemm") for package in (residual, whole)]
        assert outputs[0].tobytes() == outputs[1].tobytes()


@pytest.mark.parametrize("shape", [(16, 16, 16), (136, 264, 72), (392, 520, 328), (129, 257, 65)], ids=lambda s: "x".join(map(str, s)))
def test_residual(tool, residual, tmp_path, shape):
    """The consumers read it themselves, each its own rows."""
    fast = entries(json.loads(residual.read_text()))["gemm_tma"]
    assert fast["block"] == [384, 1, 1]
    for seed in SEEDS:
        check(tool, residual, Residual, ("bf16", "bf16", "bf16"), shape, seed, tmp_path,
              "gemm" if shape[1] % 8 else "gemm_tma", f"--device={'sim:2' if seed == 1 else 'sim'}")
