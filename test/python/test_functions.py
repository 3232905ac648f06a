"""Functions of elements on the simulator, against float64: instructions of the machine, and what MLIR's approximations make
of the others. The bounds are those of docs/getting-started.md."""

import math

import numpy as np
import pytest

SOURCE = """
!V = !tk.global<?x?xf32>
tk.kernel @map(%X: !V [M, N], %Y: !V [M, N]) grid {{
  %one = arith.constant 1 : index
  tk.grid %one
}} {{
  %zero = arith.constant 0 : index
  %x = tk.load %X[%zero, %zero] : !V -> tensor<64x64xf32>
  {body}
  tk.store %y, %Y[%zero, %zero] : tensor<64x64xf32>, !V
  tk.return
}}
"""
# The function, its inputs, and the largest error: absolute, of results below one, relative above.
erf = np.vectorize(math.erf)
FUNCTIONS = {
    "absf": (np.abs, (-100, 100), 0), "ceil": (np.ceil, (-100, 100), 0), "floor": (np.floor, (-100, 100), 0),
    "trunc": (np.trunc, (-100, 100), 0), "roundeven": (np.rint, (-100, 100), 0),
    "sqrt": (np.sqrt, (0, 100), 2e-7), "rsqrt": (lambda x: 1 / np.sqrt(x), (0.01, 100), 3e-7),
    "exp2": (np.exp2, (-100, 100), 3e-7), "exp": (np.exp, (-80, 80), 3e-7), "expm1": (np.expm1, (-10, 10), 1e-6),
    "log": (np.log, (0.001, 1000), 3e-7), "log2": (np.log2, (0.001, 1000), 3e-7), "log1p": (np.log1p, (-0.9, 10), 1e-6),
    "tanh": (np.tanh, (-12, 12), 5e-7), "erf": (erf, (-5, 5), 2e-6),
    "sin": (np.sin, (-10, 10), 2e-6), "cos": (np.cos, (-10, 10), 2e-6), "atan": (np.arctan, (-10, 10), 3e-6),
}


def run(tool, folder, body, x):
    (folder / "map.mlir").write_text(SOURCE.format(body=body))
    np.save(folder / "x.npy", x)
    done = tool("tk-run", folder / "map.mlir", "--arg", f"X={folder / 'x.npy'}", "--out", f"Y={folder / 'y.npy'}", "--device=sim",
                "--", "--no-assemble")
    assert done.returncode == 0, done.stderr
    assert "findings: none" in done.stdout, done.stdout
    return np.load(folder / "y.npy").astype(np.float64)


def largest_error(got, expected):
    return np.max(np.abs(got - expected) / np.maximum(np.abs(expected), 1))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(tool, tmp_path, name):
    function, (low, high), bound = FUNCTIONS[name]
    x = np.random.default_rng(5).uniform(low, high, (64, 64)).astype(np.float32)
    x[0, :3] = np.float32([low, high, (low + high) / 2 or 1])
    got = run(tool, tmp_path, f"%y = math.{name} %x : tensor<64x64xf32>", x)
    assert largest_error(got, function(x.astype(np.float64))) <= bound


@pytest.mark.parametrize("name", ["exp", "tanh", "erf", "rsqrt"])
def test_narrow_types(tool, tmp_path, name):
    """By way of f32."""
    import ml_dtypes
    function, (low, high), _ = FUNCTIONS[name]
    x = np.random.default_rng(6).uniform(max(low, -8), min(high, 8), (64, 64)).astype(ml_dtypes.bfloat16).astype(np.float32)
    body = (f"%n = arith.truncf %x : tensor<64x64xf32> to tensor<64x64xbf16>\n  %m = math.{name} %n : tensor<64x64xbf16>\n"
            "  %y = arith.extf %m : tensor<64x64xbf16> to tensor<64x64xf32>")
    expected = function(x.astype(np.float64))
    assert np.max(np.abs(run(tool, tmp_path, body, x) - expected) / np.abs(expected)) <= 2.0**-8


def test_edges(tool, tmp_path):
    """What overflows, and what is no number."""
    x = np.zeros((64, 64), np.float32)
    x[0, :6] = np.float32([200, -200, np.inf, -np.inf, np.nan, 0])
    got = run(tool, tmp_path, "%y = math.exp %x : tensor<64x64xf32>", x)[0, :6]
    np.testing.assert_array_equal(got, [np.inf, 0, np.inf, 0, np.nan, 1])
    got = run(tool, tmp_path, "%y = math.tanh %x : tensor<64x64xf32>", x)[0, :6]
    assert np.isnan(got[4]) and np.allclose(got[[0, 1, 2, 3, 5]], [1, -1, 1, -1, 0], atol=1e-6)


def test_refused(tool, tmp_path):
    for body, message in ((f"%y = math.tan %x : tensor<64x64xf32>", "'math.tan' op has no lowering, and no library is called"),
                          ("%d = arith.extf %x : tensor<64x64xf32> to tensor<64x64xf64>\n  %e = math.exp2 %d : tensor<64x64xf64>\n"
                           "  %y = arith.truncf %e : tensor<64x64xf64> to tensor<64x64xf32>",
                           "'math.exp2' op expected f32, got 'f64'; convert to f32 and back")):
        (tmp_path / "map.mlir").write_text(SOURCE.format(body=body))
        done = tool("tk-compile", tmp_path / "map.mlir", "--emit=ptx")
        assert done.returncode == 1 and message in done.stderr, done.stderr
