"""examples/gemm.mlir in every variant, on the simulator, against a float64 product that NumPy makes here.

24 variants (bf16 or f16 in; bf16, f16 or f32 out; A and B row- or column-major) on 6 problems, each with three
seeds: a seed changes the values of A and B and the simulator's schedule. Nothing is left out: the whole matrix
takes about 90 s of one core's time, most of it 512 x 512 x 512.
"""

import itertools
import json
import re
from collections import Counter
from functools import lru_cache

import numpy as np
import packages
import pytest
from packages import TOLERANCE, Variant

SHAPES = [(128, 256, 64), (512, 512, 512), (300, 520, 136), (1, 1, 1), (129, 257, 65), (1000, 24, 7)]
SEEDS = (0, 1, 2)
VARIANTS = [Variant(*choice) for choice in itertools.product(
    ("bf16", "f16"), ("bf16", "f16", "f32"), ("row", "column"), ("row", "column"))]


@pytest.fixture(scope="module")
def gemm(tool, tmp_path_factory):
    """gemm(variant): its package, compiled once."""
    folder = tmp_path_factory.mktemp("gemm")
    return lru_cache(lambda variant: packages.compile_gemm(tool, variant, folder / f"{variant}.tkpkg"))


def problems(run, reference, variant):
    """What is wrong with one run, as a list of sentences; nothing wrong is an empty list."""
    if run.process.returncode != 0 or run.report is None:
        return [f"exit code {run.process.returncode}: {run.process.stderr}"]
    if run.output is None:
        return ["no output file"]
    found = [f"finding {finding['name']}: {finding['message']}" for finding in run.report["findings"]]
    (output,) = run.report["outputs"]
    if output["unwritten"] != 0:
        found.append(f"{output['unwritten']} elements never written")
    if run.output.shape != reference.shape:
        found.append(f"expected shape {reference.shape}, got {run.output.shape}")
    else:
        error = packages.relative_error(run.output, reference)
        if not error <= TOLERANCE[variant.output]:  # NaN does not compare
            found.append(f"expected a relative error of at most {TOLERANCE[variant.output]}, got {error}")
    for bank in run.report["banks"]:
        if bank["wavefronts"] != bank["minimum"]:
            found.append(f"expected {bank['minimum']} wavefronts, got {bank['wavefronts']}: {bank['ptx']}")
    return found


def certified(package):
    """The certificate: for each source line, width and wavefronts of one execution, the number of instructions."""
    (kernel,) = json.loads(package.read_text())["kernels"]
    (variant,) = kernel["variants"]
    table = Counter()
    for proof in variant["bank_proofs"]:
        assert proof["wavefronts"] == proof["minimum"], proof
        where = proof["location"].rsplit("/", 1)[-1]
        table[where, proof["width_bytes"], proof["wavefronts"]] += proof["instructions"]
    return table


def observed(report):
    table = Counter()
    for bank in report["banks"]:
        wavefronts, rest = divmod(bank["wavefronts"], bank["executions"])
        assert rest == 0, bank
        table[bank["source"], bank["width_bytes"], wavefronts] += 1
    return table


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_product(tool, gemm, tmp_path, variant, shape):
    package = gemm(variant)
    for seed in SEEDS:
        a, b, reference = packages.make_inputs(variant, shape, seed)
        # bf16 has two spellings in .npy, and both must do: what ml_dtypes writes, and plain bits.
        raw = variant.input == "bf16" and seed == 1
        run = packages.run_gemm(tool, package, variant, (a, b), tmp_path, f"--seed={seed}", raw=raw)
        assert problems(run, reference, variant) == [], f"seed {seed}"
        assert observed(run.report) == certified(package), f"seed {seed}"


@pytest.mark.parametrize("variant", [Variant(), Variant("f16", "f32", "column", "column")], ids=str)
def test_same_numbers_on_every_seed(tool, gemm, tmp_path, variant):
    """tk-run compares the outputs of its seeds bit by bit and makes a finding of a difference."""
    a, b, reference = packages.make_inputs(variant, (129, 257, 200), 7)
    run = packages.run_gemm(tool, gemm(variant), variant, (a, b), tmp_path, "--seeds=0..7")
    assert problems(run, reference, variant) == []
    assert run.report["seeds"] == [0, 7]


def test_memory_order_is_the_layout(tool, gemm, tmp_path):
    """The column-major kernel reads Fortran-order files and no others: it is not the row-major one in disguise."""
    variant = Variant(a="column")
    a, b, _ = packages.make_inputs(variant, (129, 257, 65), 0)
    assert a.flags.f_contiguous and not a.flags.c_contiguous
    run = packages.run_gemm(tool, gemm(variant), variant, (np.ascontiguousarray(a), b), tmp_path)
    assert run.process.returncode == 1
    assert '"A"' in run.process.stderr and "asfortranarray" in run.process.stderr
    assert run.output is None


def skip_a_store(package):
    """The predicate of the first store is turned round: those elements stay unwritten."""
    package["ptx"], count = re.subn(r"@(%?\w+ st\.global)", r"@!\1", package["ptx"], count=1)
    assert count == 1


def round_the_wrong_register(package):
    """Two columns of the result get the same sum."""
    package["ptx"], count = re.subn(r"(cvt\.rn\.bf16x2\.f32\s+%r\d+, (%r\d+)), %r\d+;", r"\1, \2;", package["ptx"], count=1)
    assert count == 1


def store_with_conflicts(package):
    """One more store to shared memory, behind the buffers: eight lanes of 16 bytes, 128 bytes from one another."""
    (kernel,) = package["kernels"]
    (variant,) = kernel["variants"]
    end = variant["dynamic_shared_bytes"]
    variant["dynamic_shared_bytes"] += 128 * 128
    store = f"""{{ .reg .b32 %t, %z; .reg .b64 %a, %s;
      mov.u32 %t, %tid.x; mul.wide.u32 %a, %t, 128; mov.b64 %s, tk_shared; add.s64 %a, %a, %s; mov.b32 %z, 0;
      st.shared.v4.b32 [%a+{end}], {{%z, %z, %z, %z}}; }}
    """
    begin = package["ptx"].index("\tst.shared")
    package["ptx"] = package["ptx"][:begin] + store + package["ptx"][begin:]


@pytest.mark.parametrize("change, expected", [
    (skip_a_store, "never written"),
    (round_the_wrong_register, "relative error"),
    (store_with_conflicts, "wavefronts"),
])
def test_the_checks_can_fail(tool, gemm, tmp_path, change, expected):
    """Each check of test_product sees a kernel that breaks just what it checks, and finds nothing else in it."""
    variant = Variant()
    broken = packages.edit(gemm(variant), tmp_path / "broken.tkpkg", change)
    a, b, reference = packages.make_inputs(variant, (128, 128, 64), 0)
    run = packages.run_gemm(tool, broken, variant, (a, b), tmp_path)
    found = problems(run, reference, variant)
    assert expected in found[0], found
    assert (observed(run.report) == certified(broken)) == (expected != "wavefronts")
