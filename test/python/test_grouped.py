"""examples/gemm_grouped.mlir on the simulator: rows of A times the matrix of B that a list in memory names.

Rows whose block is in no group must stay as they were, whatever was there. The list may name groups that do not exist
(their product is zero, as everything beyond a view is) and may be too short. A run must have taken the variant that its
strides allow, without a finding.
"""

import json
import re
from pathlib import Path

import numpy as np
import packages
import pytest
from packages import NUMPY, ROOT, TOLERANCE, certified, check_barriers, entries, observed, tiles_of
from test_batched import alias, fits_tma, normal
from test_gemm import PASSES

SOURCE = (ROOT / "examples" / "gemm_grouped.mlir").read_text()
SEEDS = (0, 1, 2)
BLOCK = 128
LISTS = {"one": [0], "each": [0, 1, 2], "left out": [2, -1, 0, 1, -1], "none": [-1, -1], "unsorted": [2, 0, 0, 2, 1],
         "beyond": [0, 3, 1, 1000000], "first left out": [-1, 1, -1, -1, 2, 2]}
# M short of the last block's end, N, K.
SIZES = [(0, 256, 64), (0, 264, 72), (77, 257, 65), (127, 8, 200)]


def make(list_of_groups, size, seed, kind="bf16", out="bf16"):
    short, n, k = size
    m, random = BLOCK * len(list_of_groups) - short, np.random.default_rng([seed, *size])
    return {"A": normal(random, (m, k), kind), "B": normal(random, (3, k, n), kind),
            "groups": np.array(list_of_groups, np.int32), "C": normal(random, (m, n), out)}


def reference_of(values):
    """C afterwards: float64 where there is a product, the old values elsewhere; and where that is."""
    a, b = (values[name].astype(np.float64) for name in "AB")
    c, asked = values["C"].astype(np.float64), np.zeros(len(values["C"]), bool)
    for block in range(-(-len(c) // BLOCK)):
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        group = values["groups"][block] if block < len(values["groups"]) else -1
        if group >= 0:
            asked[rows] = True
            c[rows] = a[rows] @ b[group] if group < len(b) else 0
    return c, asked


def run(tool, source, values, folder, *options, out="bf16", entry=None):
    """One run through tk-run, all of whose checks pass; C afterwards."""
    words = ["--device=sim:2", "--report=json"]
    for name, value in values.items():
        np.save(folder / f"{name}.npy", value)
        words += ["--arg", f"{name}={folder / name}.npy"]
    result = folder / "result.npy"
    done = tool("tk-run", source, *words, "--out", f"C={result}", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout)
    assert report["findings"] == []
    expected = entry or ("gemm_grouped_tma" if fits_tma(values["A"], values["B"], values["C"]) else "gemm_grouped")
    assert report["launch"]["entry"] == expected, report["launch"]
    c, (reference, asked) = np.load(result).view(NUMPY[out]), reference_of(values)
    assert c[~asked].tobytes() == values["C"][~asked].tobytes()
    if asked.any():
        assert packages.relative_error(c[asked], reference[asked]) <= TOLERANCE[out]
    if Path(source).suffix == ".tkpkg":
        described, (m, n) = entries(json.loads(Path(source).read_text()))[expected], c.shape
        if asked.any():  # Else no tile's instructions run.
            assert observed(report) == certified(described)
        blocks = -(-np.count_nonzero(asked) // BLOCK)  # Only the last may be short; those left out have no trips.
        trips = tiles_of(described, blocks * BLOCK, n) * -(-values["A"].shape[1] // 64)
        check_barriers(described, report, tiles_of(described, m, n), trips)
    return c


@pytest.fixture(scope="module")
def package(tool, tmp_path_factory):
    """package(*options): its path, compiled once."""
    folder, made = tmp_path_factory.mktemp("grouped"), {}

    def compile(*options):
        if options not in made:
            made[options] = folder / f"{len(made)}.tkpkg"
            done = tool("tk-compile", ROOT / "examples" / "gemm_grouped.mlir", "--no-assemble", "-o", made[options],
                        *options)
            assert done.returncode == 0, done.stderr
        return made[options]

    return compile


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", LISTS)
def test_product(tool, package, tmp_path, name, size):
    for seed in SEEDS:
        run(tool, package(), make(LISTS[name], size, seed), tmp_path, f"--seed={seed}")


def test_types(tool, package, tmp_path):
    chosen = package("--alias", "in=f16", "--alias", "out=f32")
    for seed in SEEDS:
        run(tool, chosen, make(LISTS["left out"], (5, 264, 136), seed, "f16", "f32"), tmp_path, f"--seed={seed}", out="f32")


def test_a_list_that_ends_early(tool, package, tmp_path):
    for seed in SEEDS:
        for size in SIZES:
            values = make([1, 0, 2, 2], size, seed)
            values["groups"] = values["groups"][:2]
            run(tool, package(), values, tmp_path, f"--seed={seed}")


def test_columns(tool, package, tmp_path):
    """B's matrices column by column, one after the other: a file of K x N x G in Fortran order would not be that, so the
    view says it by its strides."""
    chosen = package("--alias", "B=!tk.global<?x?x?xbf16, strides = [?, 1, ?]>", "--alias",
                     "A=!tk.global<?x?xbf16, strides = [1, ?]>")
    for seed in SEEDS:
        values = make(LISTS["left out"], (0, 264, 8), seed)
        # One column each: rows of B lie in a row in either order.
        values["A"] = np.asfortranarray(values["A"])
        values["B"] = values["B"][:, :, :1].copy()
        values["C"] = values["C"][:, :1].copy()
        run(tool, chosen, values, tmp_path, f"--seed={seed}", entry="gemm_grouped")


CHOICES = [*(f"--disable={name}" for name in PASSES), "--disable=" + ",".join(PASSES), "--tune=stages=2",
           "--tune=group=1,widen=1", "--tune=consumers=1"]


@pytest.mark.parametrize("choice", CHOICES)
def test_passes(tool, package, tmp_path, choice):
    """Whatever is left out or decided otherwise, the results are those of the default, bit by bit."""
    described = entries(json.loads(package(choice).read_text()))
    for name, size in [("left out", (0, 264, 328)), ("first left out", (77, 257, 65))]:
        values = make(LISTS[name], size, 7)
        expected = run(tool, package(), values, tmp_path)
        entry = None if "gemm_grouped_tma" in described else "gemm_grouped"
        assert run(tool, package(choice), values, tmp_path, "--seeds=0..2", entry=entry).tobytes() == expected.tobytes()


def test_every_pass_takes_part(package):
    described = json.loads(package().read_text())
    remarks = [remark for remark in described["remarks"] if remark["function"] == "gemm_grouped_tma"]
    assert set(PASSES[1:]) - {"tk-split-k", "tk-stream-k", "tk-split-rows"} <= {remark["pass"] for remark in remarks if remark["kind"] == "passed"}
    (rings,) = [remark["message"] for remark in remarks if remark["pass"] == "tk-certify-rings"]
    assert "each of them with and without the branch" in rings
    assert len(entries(described)["gemm_grouped_tma"]["barrier_proofs"]) == 2


def test_each_role_reads_the_list(package):
    """Both roles decide by the same element, which each loads for itself."""
    ptx = json.loads(package().read_text())["ptx"]
    entry = ptx[ptx.index(".entry gemm_grouped_tma("):]
    loads = re.findall(r"ld\.global[.\w]*", entry[:entry.index("$L__func_end")])
    assert loads == ["ld.global.b32"] * 2


def test_the_list_may_not_be_written(tool, tmp_path):
    source = tmp_path / "grouped.mlir"
    source.write_text(SOURCE.replace("  tk.return\n}", """  %t = arith.constant dense<0> : tensor<128xi32>
  tk.store %t, %groups[%row] : tensor<128xi32>, !Groups
  tk.return
}"""))
    done = tool("tk-compile", source, "--emit=ptx", "-o", "-")
    assert done.returncode == 1
    assert re.search(r"grouped\.mlir:32:\d+: error: .*expected a view that the kernel only reads, got one that 'tk.store' "
                     "may change", done.stderr), done.stderr


def test_the_checks_can_fail(tool, package, tmp_path):
    """A kernel whose padding is group 0 writes rows that no one asked for."""
    source = tmp_path / "grouped.mlir"
    source.write_text(SOURCE.replace("pad -1 ", ""))
    values = make([1, 0, 2, 2], SIZES[1], 0)
    values["groups"] = values["groups"][:2]
    run(tool, package(), values, tmp_path)
    with pytest.raises(AssertionError):
        run(tool, source, values, tmp_path)


def test_alias_of_the_batch(tool, package, tmp_path):
    """One matrix for all groups: the copy engine cannot read it, threads can."""
    chosen = package(*alias("B", "bf16", (0, "?", 1)))
    values = make([0, 0, -1], (0, 264, 72), 0)
    values["B"] = values["B"][:1]
    run(tool, chosen, values, tmp_path, entry="gemm_grouped")
