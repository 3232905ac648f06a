"""C = A * B + C: the residual is read from the very memory that results are written to."""

import json

import numpy as np
import packages
import pytest
from packages import Variant

VARIANT = Variant()
WHOLE = "tensor<128x128xf32>"


def write_source(path, column="%column"):
    """The example with an epilogue; `column` is where the residual is read."""
    text = packages.GEMM.read_text()
    old = f"  tk.store %product, %C[%row, %column] : {WHOLE}, !C\n"
    assert old in text
    path.write_text(text.replace(old, f"""\
  %next = arith.addi %column, %tile : index
  %r = tk.load %C[%row, {column}] : !C -> tensor<128x128x!out>
  %residual = arith.extf %r : tensor<128x128x!out> to {WHOLE}
  %updated = arith.addf %product, %residual : {WHOLE}
  tk.store %updated, %C[%row, %column] : {WHOLE}, !C
"""))
    return path


@pytest.mark.parametrize("options", [[], ["--tune=split_k=2"], ["--tune=stream_k=4"], ["--tune=cluster=1,widen=1"],
                                     ["--tune=consumers=1"], ["--disable=tk-subtile-epilogue"],
                                     ["--disable=tk-specialize-warps"], ["--disable=tk-persist"]], ids=" ".join)
def test_update(tool, tmp_path, options):
    """The fast variant (several tiles to a program) and the plain one, without a finding, whatever decides."""
    source, package = write_source(tmp_path / "update.mlir"), tmp_path / "update.tkpkg"
    done = tool("tk-compile", source, "--no-assemble", "-o", package, *options)
    assert done.returncode == 0, done.stderr
    for shape in ((264, 520, 200), (129, 257, 65)):
        for seed in range(3):
            a, b, product = packages.make_inputs(VARIANT, shape, seed)
            before = np.random.default_rng([9, seed]).standard_normal(shape[:2]).astype(packages.NUMPY["bf16"])
            run = packages.run_gemm(tool, package, VARIANT, (a, b), tmp_path, f"--seed={seed}", device="sim:2",
                                    poison=before)
            assert run.process.returncode == 0 and run.report["findings"] == [], run.process.stderr
            assert run.report["launch"]["entry"] == VARIANT.entry(shape)
            error = packages.relative_error(run.output, product + before.astype(np.float64))
            assert error <= packages.TOLERANCE["bf16"], (shape, seed, error)


def test_roles(tool, tmp_path):
    """Consumers share out an update in place; not one that reads what a neighbour may have written."""
    for column, expected in (("%column", [384, 1, 1]), ("%next", [128, 1, 1])):
        package = tmp_path / "update.tkpkg"
        done = tool("tk-compile", write_source(tmp_path / "update.mlir", column), "--no-assemble", "-o", package,
                    "--remarks")
        assert done.returncode == 0, done.stderr
        fast = packages.entries(json.loads(package.read_text()))["gemm_tma"]
        assert fast["block"] == expected
        assert ("nothing orders one consumer's loads" in done.stderr) == (column == "%next")


def run_update(tool, tmp_path, text, shape, seed, *options):
    """C and D of a kernel with those two and A and B, D from zero: what they were and what they are."""
    (tmp_path / "k.mlir").write_text(text)
    done = tool("tk-compile", tmp_path / "k.mlir", "--no-assemble", "-o", tmp_path / "k.tkpkg", *options)
    assert done.returncode == 0, done.stderr
    a, b, product = packages.make_inputs(VARIANT, shape, seed)
    before = np.random.default_rng([8, seed]).standard_normal(shape[:2]).astype(np.float32)
    np.save(tmp_path / "D.npy", np.zeros_like(before))
    run = packages.run_gemm(tool, tmp_path / "k.tkpkg", Variant("bf16", "f32"), (a, b), tmp_path, "--arg", f"D={tmp_path}/D.npy",
                            "--out", f"D={tmp_path}/D.out.npy", f"--seed={seed}", device="sim:2", poison=before)
    assert run.process.returncode == 0 and run.report["findings"] == [], run.process.stderr
    return product, before, run.output, np.load(tmp_path / "D.out.npy")


def two_results(epilogue):
    """The example in f32 with tiles of 256 rows, whose plain variant works on rows in turns, and another result D."""
    text = packages.GEMM.read_text()
    for old, new in (("!out = bf16", "!out = f32"), ("128x128xf32", "256x128xf32"), ("tensor<128x64x", "tensor<256x64x"),
                     ("%tile = arith.constant 128 : index",
                      "%tile = arith.constant 128 : index\n  %tall = arith.constant 256 : index"),
                     ("arith.ceildivui %m, %tile", "arith.ceildivui %m, %tall"),
                     ("arith.muli %y, %tile", "arith.muli %y, %tall"), ("%C: !C [M, N])", "%C: !C [M, N], %D: !C [M, N])"),
                     ("  tk.store %product, %C[%row, %column] : tensor<256x128xf32>, !C\n", epilogue)):
        assert old in text, old
        text = text.replace(old, new)
    return text


STORE_FIRST = """  tk.store %product, %C[%row, %column] : tensor<256x128xf32>, !C
  %read = tk.load %C[%row, %column] : !C -> tensor<256x1xf32>
  %wide = tk.broadcast %read : tensor<256x1xf32> -> tensor<256x128xf32>
  %sum = arith.addf %product, %wide : tensor<256x128xf32>
  tk.store %sum, %D[%row, %column] : tensor<256x128xf32>, !C
"""
LOAD_FIRST = """  %read = tk.load %C[%row, %column] : !C -> tensor<256x128xf32>
  %nine = arith.constant dense<9.0> : tensor<256x1xf32>
  tk.store %nine, %C[%row, %column] : tensor<256x1xf32>, !C
  %sum = arith.addf %product, %read : tensor<256x128xf32>
  tk.store %sum, %D[%row, %column] : tensor<256x128xf32>, !C
"""


@pytest.mark.parametrize("options", [[], ["--disable=tk-split-variants"], ["--disable=tk-split-rows"]], ids=" ".join)
def test_what_stays_whole(tool, tmp_path, options):
    """An access that is not cut into slabs of rows meets all of them: it must not come before slabs that follow it."""
    for seed in range(2):
        product, _, c, d = run_update(tool, tmp_path, two_results(STORE_FIRST), (256, 128, 64), seed, *options)
        assert packages.relative_error(c, product) <= 2e-5
        assert packages.relative_error(d, product + product[:, :1]) <= 2e-5
        product, before, c, d = run_update(tool, tmp_path, two_results(LOAD_FIRST), (256, 128, 64), seed, *options)
        assert (c[:, 0] == 9).all() and (c[:, 1:] == before[:, 1:]).all()
        assert packages.relative_error(d, product + before.astype(np.float64)) <= 2e-5


def test_results_of_one_operation_differ(tool, tmp_path):
    """[low, high] is not [high, low], though one operation gives both: no update in place."""
    text = packages.GEMM.read_text()
    old = f"  tk.store %product, %C[%row, %column] : {WHOLE}, !C\n"
    assert old in text
    (tmp_path / "k.mlir").write_text(text.replace(old, f"""\
  %two = arith.constant 2 : i32
  %number = arith.index_castui %row : index to i32
  %low, %high = arith.mului_extended %number, %two : i32
  %p = arith.index_castui %low : i32 to index
  %q = arith.index_castui %high : i32 to index
  %r = tk.load %C[%p, %q] : !C -> tensor<128x128x!out>
  %residual = arith.extf %r : tensor<128x128x!out> to {WHOLE}
  %updated = arith.addf %product, %residual : {WHOLE}
  tk.store %updated, %C[%q, %p] : {WHOLE}, !C
"""))
    done = tool("tk-compile", tmp_path / "k.mlir", "--no-assemble", "-o", tmp_path / "k.tkpkg", "--remarks")
    assert done.returncode == 0 and "nothing orders one consumer's loads" in done.stderr, done.stderr


@pytest.mark.parametrize("chain", ["index", "tile", "repeated"])
def test_shared_operands(tool, tmp_path, chain):
    """x + x, 60 times over: 2^60 ways lead to the first one, and no pass may walk them all."""
    text = packages.GEMM.read_text()
    old = f"  tk.store %product, %C[%row, %column] : {WHOLE}, !C\n"
    kind, first = {"index": ("index", "%row"), "tile": (WHOLE, "%wide"),
                   "repeated": (WHOLE, "%spread")}[chain]
    operation = "addi" if chain == "index" else "addf"
    lines = []
    if chain == "tile":  # Of no product.
        lines = ["  %read = tk.load %C[%row, %column] : !C -> tensor<128x128x!out>",
                 f"  %wide = arith.extf %read : tensor<128x128x!out> to {WHOLE}"]
    if chain == "repeated":
        lines = ["  %read = tk.load %C[%row, %first] : !C -> tensor<128x1x!out>",
                 "  %wide = arith.extf %read : tensor<128x1x!out> to tensor<128x1xf32>",
                 f"  %spread = tk.broadcast %wide : tensor<128x1xf32> -> {WHOLE}"]
    name = first
    for i in range(60):
        lines.append(f"  %q{i} = arith.{operation} {name}, {name} : {kind}")
        name = f"%q{i}"
    if chain == "index":
        lines.append(f"  tk.store %product, %C[{name}, %column] : {WHOLE}, !C")
    elif chain == "tile":
        lines.append(f"  tk.store {name}, %C[%row, %column] : {WHOLE}, !C")
    else:
        lines += [f"  %sum = arith.addf %product, {name} : {WHOLE}", f"  tk.store %sum, %C[%row, %column] : {WHOLE}, !C"]
    (tmp_path / "k.mlir").write_text(text.replace(old, "\n".join(lines) + "\n"))
    done = tool("tk-compile", tmp_path / "k.mlir", "--emit=placed", "-o", tmp_path / "k.out", timeout=100)
    assert done.returncode == 0, done.stderr
