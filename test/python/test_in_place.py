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
