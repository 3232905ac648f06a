"""What is done to a product before it is stored: bias, GELU, residuals, scales of rows, updates in place, and several of
them at once, in bf16 (results leave by the copy engine) and f32 (threads store them).

A consumer's registers hold the products of its rows and little else: the epilogue is done in slices of columns, and no
fast variant may spill.
"""

import json
import math

import numpy as np
import packages
import pytest
from packages import NUMPY, Variant

TILE = "tensor<128x128xf32>"


def bias(value, name="biased"):
    return f"""  %bias_row = tk.load %bias[%first, %column] : !bias -> tensor<1x128xf32>
  %bias_tile = tk.broadcast %bias_row : tensor<1x128xf32> -> {TILE}
  %{name} = arith.addf %{value}, %bias_tile : {TILE}
"""


def scale(value, name="scaled"):
    return f"""  %scale_column = tk.load %scale[%row, %first] : !scale -> tensor<128x1xf32>
  %scale_tile = tk.broadcast %scale_column : tensor<128x1xf32> -> {TILE}
  %{name} = arith.mulf %{value}, %scale_tile : {TILE}
"""


def gelu(value, name="gelu"):
    return f"""  %half = arith.constant dense<0.5> : {TILE}
  %one = arith.constant dense<1.0> : {TILE}
  %root = arith.constant dense<0.70710678> : {TILE}
  %g0 = arith.mulf %{value}, %root : {TILE}
  %g1 = math.erf %g0 : {TILE}
  %g2 = arith.addf %g1, %one : {TILE}
  %g3 = arith.mulf %{value}, %half : {TILE}
  %{name} = arith.mulf %g3, %g2 : {TILE}
"""


def residual(value, view="R", name="sum"):
    return f"""  %read = tk.load %{view}[%row, %column] : !C -> tensor<128x128x!out>
  %wide = WIDEN
  %{name} = arith.addf %{value}, %wide : {TILE}
"""


# name: operations, the last result, further arguments. All of them see the product first.
EPILOGUES = {
    "bias": (bias("product"), "biased", "bias"),
    "residual": (residual("product"), "sum", "R"),
    "in place": (residual("product", "C"), "sum", ""),
    "gelu": (gelu("product"), "gelu", ""),
    "bias gelu": (bias("product") + gelu("biased"), "gelu", "bias"),
    "bias gelu residual": (bias("product") + gelu("biased") + residual("gelu"), "sum", "bias R"),
    "scale bias in place": (scale("product") + bias("scaled") + residual("biased", "C"), "sum", "scale bias"),
}
ARGUMENTS = {"bias": ", %bias: !bias [one, N]", "scale": ", %scale: !scale [M, one]", "R": ", %R: !C [M, N]"}


def write_source(path, epilogue, out):
    operations, result, more = EPILOGUES[epilogue]
    text = packages.GEMM.read_text()
    # In f32 there is nothing to widen: an addition of zero.
    widen = (f"arith.extf %read : tensor<128x128x!out> to {TILE}" if out != "f32" else
             f"arith.addf %read, %zero : {TILE}")
    for old, new in (("!out = bf16", f"!out = {out}"),
                     ("!C = ", "!bias = !tk.global<1x?xf32>\n!scale = !tk.global<?x1xf32>\n!C = "),
                     ("%C: !C [M, N])", "%C: !C [M, N]" + "".join(ARGUMENTS[name] for name in more.split()) + ")"),
                     (f"  tk.store %product, %C[%row, %column] : {TILE}, !C\n",
                      operations.replace("WIDEN", widen) + f"  tk.store %{result}, %C[%row, %column] : {TILE}, !C\n")):
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)
    return path


def reference(epilogue, product, values):
    """In float64, in the order of the name's words."""
    result = product
    for word in epilogue.replace("in place", "C").replace("residual", "R").split():
        if word == "gelu":
            result = 0.5 * result * (1 + np.vectorize(math.erf)(result * math.sqrt(0.5)))
        elif word == "scale":
            result = result * values[word]
        else:
            result = result + values[word].astype(np.float64)
    return result


@pytest.mark.parametrize("out", ["bf16", "f32"])
@pytest.mark.parametrize("epilogue", EPILOGUES)
def test_epilogue(tool, tmp_path, epilogue, out):
    """Both variants, partial tiles, several tiles to a program; and what ptxas made of the fast one."""
    package = tmp_path / "k.tkpkg"
    done = tool("tk-compile", write_source(tmp_path / "k.mlir", epilogue, out), "-o", package)
    assert done.returncode == 0, done.stderr
    variants = packages.entries(json.loads(package.read_text()))
    resources = variants["gemm_tma"].get("resources")
    if resources:  # There is a ptxas.
        assert (resources["spill_stores"], resources["notes"]) == (0, []), (epilogue, out, resources)
    variant = Variant("bf16", out)
    for shape in ((264, 520, 72), (129, 257, 65)):
        for seed in range(3):
            random = np.random.default_rng([7, seed])
            a, b, product = packages.make_inputs(variant, shape, seed)
            values = {"bias": random.standard_normal((1, shape[1]), np.float32),
                      "scale": random.standard_normal((shape[0], 1), np.float32),
                      "R": random.standard_normal(shape[:2]).astype(NUMPY[out]),
                      "C": random.standard_normal(shape[:2]).astype(NUMPY[out])}
            more = []
            for name in EPILOGUES[epilogue][2].split():
                np.save(tmp_path / f"{name}.npy", values[name])
                more += ["--arg", f"{name}={tmp_path / name}.npy"]
            poison = values["C"] if "place" in epilogue else np.full(shape[:2], np.nan, NUMPY[out])
            run = packages.run_gemm(tool, package, variant, (a, b), tmp_path, *more, f"--seed={seed}", device="sim:2",
                                    poison=poison)
            assert run.process.returncode == 0 and run.report["findings"] == [], run.process.stderr
            assert run.report["launch"]["entry"] == variant.entry(shape)
            error = packages.relative_error(run.output, reference(epilogue, product, values))
            assert error <= packages.TOLERANCE[out], (epilogue, out, shape, seed, error)


@pytest.mark.parametrize("out", ["bf16", "f32"])
@pytest.mark.parametrize("options", [[], ["--tune=stream_k=1"]], ids=["plain", "stream_k"])
def test_a_row_that_stays_whole(tool, tmp_path, out, options):
    """A bias loaded before the products: with stream-K the store is in a branch of its own, and the row is not."""
    source = write_source(tmp_path / "k.mlir", "bias", out)
    text = source.read_text()
    row = "  %bias_row = tk.load %bias[%first, %column] : !bias -> tensor<1x128xf32>\n"
    before = "  %product = scf.for"
    assert row in text and before in text
    source.write_text(text.replace(row, "").replace(before, row + before))
    package = tmp_path / "k.tkpkg"
    done = tool("tk-compile", source, "--no-assemble", "-o", package, *options)
    assert done.returncode == 0, done.stderr
    variant, shape = Variant("bf16", out), (264, 520, 200)
    for seed in range(2):
        a, b, product = packages.make_inputs(variant, shape, seed)
        values = np.random.default_rng([7, seed]).standard_normal((1, shape[1]), np.float32)
        np.save(tmp_path / "bias.npy", values)
        run = packages.run_gemm(tool, package, variant, (a, b), tmp_path, "--arg", f"bias={tmp_path}/bias.npy",
                                f"--seed={seed}", device="sim:2")
        assert run.process.returncode == 0 and run.report["findings"] == [], run.process.stderr
        assert packages.relative_error(run.output, product + values) <= packages.TOLERANCE[out]
