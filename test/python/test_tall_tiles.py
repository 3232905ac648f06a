"""examples/gemm.mlir with other tiles than 128 x 128: two and three consumers with one and two slabs of 64 rows each."""

import json
import re

import numpy as np
import packages
import pytest
from packages import Variant

# rows, columns: consumers, columns of one program of the fast variant.
TILES = {(192, 64): (3, 192), (192, 128): (3, 128), (192, 192): (3, 192), (256, 128): (2, 128), (256, 64): (2, 128),
         (128, 64): (2, 256), (64, 128): (1, 128)}


def write_tiled(path, rows, columns):
    """The example with tiles of `rows` x `columns`."""
    text = packages.GEMM.read_text()
    for old, new in (
            ("128x128xf32", f"{rows}x{columns}xf32"), ("128x64x", f"{rows}x64x"), ("64x128x", f"64x{columns}x"),
            ("%tile = arith.constant 128 : index",
             f"%tile = arith.constant {columns} : index\n  %tall = arith.constant {rows} : index"),
            ("arith.ceildivui %m, %tile", "arith.ceildivui %m, %tall"), ("arith.muli %y, %tile", "arith.muli %y, %tall")):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def compiled(tool, tmp_path_factory):
    found = {}

    def compile_(tile, variant):
        if (tile, variant) not in found:
            folder = tmp_path_factory.mktemp("tall")
            source = write_tiled(folder / "gemm.mlir", *tile)
            done = tool("tk-compile", source, "--no-assemble", "-o", folder / "gemm.tkpkg", *variant.aliases())
            assert done.returncode == 0, done.stderr
            found[tile, variant] = folder / "gemm.tkpkg"
        return found[tile, variant]
    return compile_


@pytest.mark.parametrize("tile", TILES, ids=lambda tile: f"{tile[0]}x{tile[1]}")
def test_consumers(compiled, tile):
    """As many consumers, and as wide a program, as registers are there for."""
    package = json.loads(compiled(tile, Variant()).read_text())
    fast = packages.entries(package)["gemm_tma"]
    consumers, columns = TILES[tile]
    assert fast["block"] == [128 * (1 + consumers), 1, 1]
    assert f'["ceildiv", ["size", 2, 1], {columns}]' in json.dumps(fast["grid"])
    widest = max(int(n) for n in re.findall(r"wgmma\.mma_async\S*m64n(\d+)k16", package["ptx"]))
    assert widest == columns


@pytest.mark.parametrize("variant", [Variant(), Variant("f16", "f32", "column", "column")], ids=str)
@pytest.mark.parametrize("tile", TILES, ids=lambda tile: f"{tile[0]}x{tile[1]}")
def test_product(tool, compiled, tmp_path, tile, variant):
    """Several tiles to a program, partial ones on every side; and the plain variant."""
    for shape in ((400, 528, 328), (200, 72, 64), (193, 131, 70)):
        for seed in range(3):
            a, b, reference = packages.make_inputs(variant, shape, seed)
            run = packages.run_gemm(tool, compiled(tile, variant), variant, (a, b), tmp_path, f"--seed={seed}",
                                    device="sim:2", poison=np.full(shape[:2], np.nan, packages.NUMPY[variant.output]))
            assert run.process.returncode == 0, (tile, shape, seed, run.process.stderr)
            assert run.report["findings"] == [] and run.report["launch"]["entry"] == variant.entry(shape)
            assert all(bank["wavefronts"] == bank["minimum"] for bank in run.report["banks"])
            error = packages.relative_error(run.output, reference)
            assert error <= packages.TOLERANCE[variant.output], (tile, shape, seed, error)


@pytest.mark.parametrize("rows, columns", [(128, 72), (256, 40), (192, 136)])
@pytest.mark.parametrize("variant", [Variant(), Variant(a="column", b="column")], ids=str)
def test_certificate(tool, tmp_path, rows, columns, variant):
    """Of tiles that no power of two fits threads hold elements several times over; the first of them stores."""
    source = write_tiled(tmp_path / "k.mlir", rows, columns)
    source.write_text(source.read_text().replace("%step = arith.constant 64", "%step = arith.constant 16")
                      .replace(f"tensor<{rows}x64x", f"tensor<{rows}x16x").replace(f"tensor<64x{columns}x", f"tensor<16x{columns}x"))
    package = tmp_path / "k.tkpkg"
    done = tool("tk-compile", source, "--no-assemble", "-o", package, *variant.aliases())
    assert done.returncode == 0, done.stderr
    shape = (90, 62, 6)
    a, b, reference = packages.make_inputs(variant, shape, 0)
    run = packages.run_gemm(tool, package, variant, (a, b), tmp_path)
    assert run.process.returncode == 0 and run.report["findings"] == [], run.process.stderr
    assert packages.relative_error(run.output, reference) <= packages.TOLERANCE["bf16"]
    assert packages.observed(run.report) == packages.certified(
        packages.entries(json.loads(package.read_text()))[variant.entry(shape)])


def test_room(tool, tmp_path):
    """What passes choose by themselves must fit in shared memory: steps of 256 x 40 are not widened."""
    source = write_tiled(tmp_path / "k.mlir", 256, 40)
    source.write_text(source.read_text().replace("%step = arith.constant 64", "%step = arith.constant 256")
                      .replace("tensor<256x64x", "tensor<256x256x").replace("tensor<64x40x", "tensor<256x40x"))
    package = tmp_path / "k.tkpkg"
    done = tool("tk-compile", source, "--no-assemble", "-o", package, "--remarks")
    assert done.returncode == 0, done.stderr
    assert re.search(r"operands of twice the columns take \d+ bytes a step, of 196608 for two steps", done.stderr)
    variant, shape = Variant(), (264, 80, 520)
    a, b, reference = packages.make_inputs(variant, shape, 0)
    run = packages.run_gemm(tool, package, variant, (a, b), tmp_path)
    assert run.process.returncode == 0 and run.report["findings"] == [], run.process.stderr
    assert packages.relative_error(run.output, reference) <= packages.TOLERANCE["bf16"]


def test_widening_keeps_the_copy_engine(tool, tmp_path):
    """B lies with K contiguous: 288 columns are more rows than a box has."""
    source, variant = write_tiled(tmp_path / "k.mlir", 128, 96), Variant(b="column")
    done = tool("tk-compile", source, "--no-assemble", "-o", tmp_path / "k.tkpkg", "--tune=widen=3", "--remarks",
                *variant.aliases())
    assert done.returncode == 0, done.stderr
    assert "the copy engine could not read the right operand any more: 288 elements along dimension 1" in done.stderr
    fast = packages.entries(json.loads((tmp_path / "k.tkpkg").read_text()))["gemm_tma"]
    assert fast["block"] == [384, 1, 1]
