"""Products whose depth the programs of a cluster share, on the simulator, against a float64 product.

Each takes a part of the steps, all add up one another's sums in the order of ranks: the result must be as exact as
that of one program, the same on every seed, and complete where a program finds no steps left.
"""

import json

import numpy as np
import packages
import pytest
from packages import Variant, entries
from test_gemm import check_certificate, name_of, nan, problems

# Few rows; more programs than steps; a last part that is shorter; nothing aligned (the plain variant).
SHAPES = [(16, 512, 1024), (1, 8, 64), (128, 136, 328), (130, 264, 520), (5, 129, 257), (136, 264, 72)]
VARIANTS = [Variant(), Variant("f16", "f32", "row", "column")]


@pytest.fixture(scope="module")
def split(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("split-k")
    made = {}

    def compile(variant, parts, *options):
        key = variant, parts, options
        if key not in made:
            made[key] = packages.compile_gemm(tool, variant, folder / f"{len(made)}.tkpkg", f"--tune=split_k={parts}",
                                              *options)
        return made[key]

    return compile


def check_parts(package, entry, shape, parts, report):
    """Each step of a tile is done in one program, and each program collects the others' sums once."""
    described = entries(json.loads(package.read_text()))[entry]
    if parts > 1:
        assert [proof["per_program"] for proof in described["barrier_proofs"]].count(1) == 1
    check_certificate(package, entry, shape, 64, report, programs=parts * packages.tiles_of(described, *shape[:2]))


@pytest.mark.parametrize("shape", SHAPES, ids=name_of)
@pytest.mark.parametrize("parts", [2, 4, 8])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_split_k(tool, split, tmp_path, variant, parts, shape):
    package = split(variant, parts)
    entry = variant.entry(shape)
    assert entries(json.loads(package.read_text()))[entry]["cluster"] == [1, 1, parts]
    a, b, reference = packages.make_inputs(variant, shape, 1)
    outputs = set()
    for seed in range(3):
        run = packages.run_gemm(tool, package, variant, (a, b), tmp_path, f"--seed={seed}",
                                poison=nan(variant, shape) if seed == 1 else None)
        assert problems(run, reference, variant, entry) == [], f"{variant} {name_of(shape)}, seed {seed}"
        assert run.report["launch"]["grid"][2] == parts
        check_parts(package, entry, shape, parts, run.report)
        outputs.add(run.output.tobytes())
    assert len(outputs) == 1


def test_without_roles(tool, split, tmp_path):
    """One warpgroup loads and multiplies, and still shares its sums."""
    variant, shape = Variant(), (24, 264, 520)
    package = split(variant, 4, "--disable=tk-stage-operands")
    a, b, reference = packages.make_inputs(variant, shape, 1)
    run = packages.run_gemm(tool, package, variant, (a, b), tmp_path)
    assert problems(run, reference, variant, "gemm_tma") == []
    check_parts(package, "gemm_tma", shape, 4, run.report)


def test_the_depth_is_shared(tool, split, tmp_path):
    """As many products as one program would do, in as many programs as asked for."""
    variant, shape = Variant(), (128, 128, 1024)
    a, b, _ = packages.make_inputs(variant, shape, 0)
    counts = {}
    for parts in (2, 8):
        report = packages.run_gemm(tool, split(variant, parts), variant, (a, b), tmp_path).report
        counts[parts] = (report["counters"]["ctas"], report["counters"]["flop.tensor"])
    assert counts == {2: (2, 2 * 128 * 128 * 1024), 8: (8, 2 * 128 * 128 * 1024)}


def test_the_same_without_the_pass(tool, split, tmp_path):
    """Left out, it is as if nothing had been asked for: one program takes all steps of a tile."""
    variant, shape = Variant(), (16, 264, 520)
    a, b, reference = packages.make_inputs(variant, shape, 0)
    package = split(variant, 4, "--disable=tk-split-k")
    run = packages.run_gemm(tool, package, variant, (a, b), tmp_path)
    assert problems(run, reference, variant, "gemm_tma") == []
    check_parts(package, "gemm_tma", shape, 1, run.report)
    assert run.report["launch"]["grid"][2] == 1


def test_a_sum_that_is_not_shared_is_seen(tool, split, tmp_path):
    """Without the wait for the others' sums, what is read is not yet written."""
    variant, shape = Variant(), (128, 128, 1024)
    a, b, reference = packages.make_inputs(variant, shape, 0)

    def unwait(package):
        before, after = package["ptx"].split("ld.shared::cluster", 1)
        place = before.rindex("again:")
        end = before.index("@!done", place)
        package["ptx"] = before[:place] + "setp.eq.u32 done, 0, 0; again:\n" + before[end:] + "ld.shared::cluster" + after

    broken = packages.edit(split(variant, 4), tmp_path / "broken.tkpkg", unwait)
    run = packages.run_gemm(tool, broken, variant, (a, b), tmp_path)
    assert {"TK-SIM-RACE", "TK-SIM-UNINIT"} & {finding["name"] for finding in run.report["findings"]}
