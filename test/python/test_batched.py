"""examples/gemm_batched.mlir on the simulator, against float64 products that NumPy makes here.

A view of rank 3 is a batch of matrices, however they lie: one after the other, between one another, with gaps, all of
them one. Which variant a problem gets is derived here from its strides alone; a run must have taken that one, without a
finding, write every element and nothing else, and be as exact as its output type allows.
"""

import json
import math

import numpy as np
import packages
import pytest
from packages import NUMPY, ROOT, TOLERANCE, certified, check_barriers, entries, observed, tiles_of
from test_gemm import PASSES, name_of

SOURCE = ROOT / "examples" / "gemm_batched.mlir"
SEEDS = (0, 1, 2)
# Batch, M, N, K.
SHAPES = [(1, 128, 256, 64), (3, 136, 264, 72), (3, 129, 257, 65), (2, 8, 8, 8), (5, 1, 1, 1), (2, 300, 520, 136),
          (7, 64, 24, 328)]


def alias(name, kind, strides):
    return "--alias", f"{name}=!tk.global<{'?x' * len(strides)}{kind}, strides = [{', '.join(map(str, strides))}]>"


def batched(kind="bf16", out="bf16", a="row", b="row"):
    order = {"row": ("?", "?", "1"), "column": ("?", "1", "?")}
    return ("--alias", f"in={kind}", "--alias", f"out={out}", *alias("A", kind, order[a]), *alias("B", kind, order[b]))


def normal(random, shape, kind):
    return random.standard_normal(shape, dtype=np.float32).astype(NUMPY[kind])


def operands(shape, seed, kind="bf16", a="row", b="row"):
    batch, m, n, k = shape
    random = np.random.default_rng([seed, *shape])
    def matrices(layout, rows, columns):
        if layout == "row":
            return normal(random, (batch, rows, columns), kind)
        return normal(random, (batch, columns, rows), kind).transpose(0, 2, 1)
    return matrices(a, m, k), matrices(b, k, n)


def fits_tma(*arrays):
    """The rule of the copy engine: strides but the contiguous one are multiples of 16 bytes, and none is zero. That of a
    dimension of one element is whatever suits."""
    pitches = []
    for array in arrays:
        strides = [stride for size, stride in zip(array.shape, array.strides) if size > 1]
        if any(size > 1 and stride == array.itemsize for size, stride in zip(array.shape[-2:], array.strides[-2:])):
            strides.remove(array.itemsize)
        pitches += strides
    return all(array.size for array in arrays) and all(pitch > 0 and pitch % 16 == 0 for pitch in pitches)


def check(made, a, b, c, seed=0, entry=None, kernel="gemm_batched", reference=None, device="sim", matrices=None):
    """One launch, all of whose checks pass. `c` is overwritten; it holds NaN before. Programs work on as many matrices
    as it has, or on `matrices`."""
    package, described = made
    entry = entry or (kernel + "_tma" if fits_tma(a, b, c) else kernel)
    c[...] = np.nan
    report = package.launch(kernel, A=a, B=b, C=c, seed=seed, device=device)
    if c.size == 0:
        assert report["entry"] == entry and not report["launched"] and report["findings"] == []
        return c
    assert report["findings"] == []
    assert [output["unwritten"] for output in report["outputs"]] == [0]
    assert report["entry"] == entry, report["declined"]
    if reference is None:
        reference = a.astype(np.float64) @ b.astype(np.float64)
    kind = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16"}.get(c.dtype, "bf16")
    error = packages.relative_error(c, reference)
    assert error <= TOLERANCE[kind], error
    variant = entries(described)[entry]
    assert observed(report) == certified(variant)
    tiles = (matrices or math.prod(c.shape[:-2])) * tiles_of(variant, *c.shape[-2:])
    check_barriers(variant, report, tiles, tiles * -(-a.shape[-1] // 64))
    return c


# --- Shapes, types, layouts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=name_of)
@pytest.mark.parametrize("kind, out", [("bf16", "bf16"), ("f16", "f32")])
def test_product(compiled, shape, kind, out):
    made = compiled(SOURCE.read_text(), *batched(kind, out))
    batch, m, n, _ = shape
    for seed in SEEDS:
        a, b = operands(shape, seed, kind)
        check(made, a, b, np.empty((batch, m, n), NUMPY[out]), seed)


@pytest.mark.parametrize("shape", [(3, 136, 264, 72), (2, 129, 65, 257)], ids=name_of)
@pytest.mark.parametrize("a, b", [("row", "column"), ("column", "row"), ("column", "column")])
def test_layouts(compiled, shape, a, b):
    made = compiled(SOURCE.read_text(), *batched(a=a, b=b))
    for seed in SEEDS:
        check(made, *operands(shape, seed, a=a, b=b), np.empty((shape[0], shape[1], shape[2]), NUMPY["bf16"]), seed)


def test_both_variants_are_met():
    """The rule of the 16 bytes, spelled out for the shapes above."""
    fits = [fits_tma(*operands(shape, 0), np.empty((shape[0], shape[1], shape[2]), NUMPY["bf16"])) for shape in SHAPES]
    assert fits == [True, True, False, True, False, True, True]


def test_an_empty_batch(compiled):
    made = compiled(SOURCE.read_text(), *batched())
    a, b = operands((0, 128, 128, 64), 0)
    check(made, a, b, np.empty((0, 128, 128), NUMPY["bf16"]), entry="gemm_batched")


def test_many_tiles_to_a_program(compiled):
    """Two multiprocessors walk 3 x 2 x 4 tiles: the ring goes on from one matrix to the next."""
    made = compiled(SOURCE.read_text(), *batched())
    for seed in SEEDS:
        a, b = operands((4, 264, 520, 200), seed)
        check(made, a, b, np.empty((4, 264, 520), NUMPY["bf16"]), seed, device="sim:2")


# --- How a batch lies ---------------------------------------------------------------------------------------------


def test_interleaved(compiled):
    """Row i of every matrix, then row i + 1 of every matrix: the stride of the batch is the smaller one."""
    made = compiled(SOURCE.read_text(), *batched())
    for seed, (m, n, k) in enumerate([(136, 264, 72), (129, 257, 65), (8, 8, 200)]):
        random = np.random.default_rng(seed)
        a, b = (normal(random, (rows, 3, columns), "bf16").transpose(1, 0, 2) for rows, columns in ((m, k), (k, n)))
        check(made, a, b, np.empty((m, 3, n), NUMPY["bf16"]).transpose(1, 0, 2), seed)


@pytest.mark.parametrize("pad, entry", [(8, "gemm_batched_tma"), (3, "gemm_batched")])
def test_gaps_stay_as_they_are(compiled, pad, entry):
    made = compiled(SOURCE.read_text(), *batched())
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        a = normal(random, (3, 130, 64 + pad), "bf16")[:, :, :64]
        b = normal(random, (3, 64 + pad, 264 + pad), "bf16")[:, :64, :264]
        whole = np.full((3, 130 + pad, 264 + pad), 7, NUMPY["bf16"])
        inside = whole[:, :130, :264]
        check(made, a, b, inside, seed, entry)
        outside = np.ones(whole.shape, bool)
        outside[:, :130, :264] = False
        assert (whole[outside] == 7).all()


@pytest.mark.parametrize("shape", [(3, 136, 264, 72), (3, 129, 257, 65)], ids=name_of)
def test_one_matrix_for_all(compiled, shape):
    """Whether only the launch says so or the type: no tensor map has a stride of zero."""
    batch, m, n, k = shape
    for options in (batched(), (*batched(), *alias("B", "bf16", (0, "?", 1)))):
        made = compiled(SOURCE.read_text(), *options)
        static = len(options) > len(batched())  # Then no variant is made.
        assert ("gemm_batched_tma" in entries(made[1])) == (not static)
        for seed in SEEDS:
            a, b = operands(shape, seed)
            shared = np.broadcast_to(b[0], (batch, k, n))
            c = np.empty((batch, m, n), NUMPY["bf16"])
            check(made, a, shared, c, seed, "gemm_batched")


def test_npy_files(tool, compiled, tmp_path):
    """Rank 3 through tk-run: files in, a file out, sizes inferred, the product checked by name."""
    a, b = operands((3, 136, 264, 72), 0)
    np.save(tmp_path / "A.npy", a)
    np.save(tmp_path / "B.npy", b.view(np.uint16))
    done = tool("tk-run", SOURCE, "--arg", f"A={tmp_path / 'A.npy'}", "--arg", f"B={tmp_path / 'B.npy'}",
                "--out", f"C={tmp_path / 'C.npy'}", "--check", "C=A@B", "--report=json")
    assert done.returncode == 0, done.stderr
    output = np.load(tmp_path / "C.npy").view(NUMPY["bf16"])
    assert output.shape == (3, 136, 264)
    assert packages.relative_error(output, a.astype(np.float64) @ b.astype(np.float64)) <= TOLERANCE["bf16"]
    (checked,) = json.loads(done.stdout)["checks"]
    assert checked["passed"]


# --- Bounds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(136, 264, 72), (129, 257, 65)], ids=name_of)
def test_beyond_the_batch(compiled, shape):
    """Matrices that A and B do not have are zero; results that C has no room for are dropped."""
    m, n, k = shape
    source = SOURCE.read_text()
    more = source.replace("%C: !C [L,", "%C: !C [P,")
    assert more != source
    made = compiled(more, *batched())
    fewer = more.replace("tk.dim %C, 0 : !C", "tk.dim %A, 0 : !A")
    assert fewer != more
    short = compiled(fewer, *batched())
    for seed in SEEDS:
        a, b = operands((2, *shape), seed)
        reference = np.concatenate([a.astype(np.float64) @ b.astype(np.float64), np.zeros((3, m, n))])
        c = check(made, a, b, np.empty((5, m, n), NUMPY["bf16"]), seed, reference=reference)
        assert not c[2:].view(np.uint16).any()
        a, b = operands((4, *shape), seed)
        reference = a.astype(np.float64) @ b.astype(np.float64)
        whole = np.full((4, m, n), 7, NUMPY["bf16"])
        check(short, a, b, whole[1:3], seed, reference=reference[:2], matrices=4)
        assert (whole[[0, 3]] == 7).all()


# --- Passes -------------------------------------------------------------------------------------------------------

CHOICES = [*(f"--disable={name}" for name in PASSES), "--disable=" + ",".join(PASSES), "--tune=group=1",
           "--tune=widen=1,stages=2", "--tune=consumers=1"]


@pytest.mark.parametrize("choice", CHOICES)
def test_passes(compiled, choice):
    """Whatever is left out or decided otherwise, the results are those of the default, bit by bit."""
    made, default = compiled(SOURCE.read_text(), *batched(), choice), compiled(SOURCE.read_text(), *batched())
    described = made[1]
    passed = {remark["pass"] for remark in described["remarks"] if remark["kind"] == "passed"}
    off = set(choice.removeprefix("--disable=").split(",")) if choice.startswith("--disable") else set()
    assert not passed & off
    for shape in [(3, 136, 264, 72), (2, 392, 512, 328), (3, 129, 257, 65)]:
        a, b = operands(shape, 3)
        c = np.empty((shape[0], shape[1], shape[2]), NUMPY["bf16"])
        entry = None if "gemm_batched_tma" in entries(described) else "gemm_batched"
        expected = check(default, a, b, c.copy(), device="sim:2")
        for seed in SEEDS:
            assert check(made, a, b, c, seed, entry, device="sim:2").tobytes() == expected.tobytes()


def test_every_pass_takes_part(compiled):
    _, described = compiled(SOURCE.read_text(), *batched())
    passed = {remark["pass"] for remark in described["remarks"] if remark["kind"] == "passed"}
    assert set(PASSES) - {"tk-split-k", "tk-stream-k", "tk-split-rows"} <= passed  # Only done when asked for, or where registers are short.
    fast = entries(described)["gemm_batched_tma"]
    assert [len(entry["dimensions"]) for entry in fast["tensor_maps"]] == [3, 3, 3]
    assert all(entry["dimensions"][2]["box"] == 1 for entry in fast["tensor_maps"])
    assert fast["grid"][1:] == [1, 1]


# --- Higher ranks -------------------------------------------------------------------------------------------------


def nested(rank):
    """A batched product whose batch has rank - 2 dimensions: its program counts through them, the last one fastest."""
    dimensions = range(rank - 2)
    sizes = "\n".join(f"  %d{d} = tk.dim %C, {d} : !C" for d in dimensions)
    count = "\n".join(f"  %n{d + 1} = arith.muli %n{d}, %d{d} : index" for d in dimensions)
    index = "\n".join(f"  %i{d} = arith.remui %r{d}, %d{d} : index\n  %r{d - 1} = arith.divui %r{d}, %d{d} : index"
                      for d in reversed(dimensions))
    at, names = (", ".join(f"{word}{d}" for d in dimensions) for word in ("%i", "L"))
    view = f"!tk.global<{'?x' * rank}bf16>"
    return f"""
!A = {view}
!B = {view}
!C = {view}
tk.kernel @nested(%A: !A [{names}, M, K], %B: !B [{names}, K, N], %C: !C [{names}, M, N]) grid {{
  %tile = arith.constant 128 : index
  %n0 = arith.constant 1 : index
{sizes}
{count}
  %m = tk.dim %C, {rank - 2} : !C
  %n = tk.dim %C, {rank - 1} : !C
  %x = arith.ceildivui %n, %tile : index
  %y = arith.ceildivui %m, %tile : index
  tk.grid %x, %y, %n{rank - 2}
}} {{
  %tile = arith.constant 128 : index
  %x = tk.program_id 0
  %y = tk.program_id 1
  %r{rank - 3} = tk.program_id 2
{sizes}
{index.replace("%r-1", "%rest")}
  %row = arith.muli %y, %tile : index
  %column = arith.muli %x, %tile : index
  %first = arith.constant 0 : index
  %depth = tk.dim %A, {rank - 1} : !A
  %step = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : tensor<128x128xf32>
  %product = scf.for %k = %first to %depth step %step iter_args(%sum = %zero) -> tensor<128x128xf32> {{
    %a = tk.load %A[{at}, %row, %k] : !A -> tensor<128x64xbf16>
    %b = tk.load %B[{at}, %k, %column] : !B -> tensor<64x128xbf16>
    %next = tk.dot %a, %b, %sum : tensor<128x64xbf16>, tensor<64x128xbf16>, tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }}
  tk.store %product, %C[{at}, %row, %column] : tensor<128x128xf32>, !C
  tk.return
}}
"""


@pytest.mark.parametrize("rank, leading", [(4, (2, 3)), (5, (2, 1, 3))])
@pytest.mark.parametrize("m, n, k", [(136, 264, 72), (65, 129, 33)])
def test_higher_ranks(compiled, rank, leading, m, n, k):
    made = compiled(nested(rank))
    maps = entries(made[1])["nested_tma"]["tensor_maps"]
    assert [len(entry["dimensions"]) for entry in maps] == [rank] * 3
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        a, b = normal(random, (*leading, m, k), "bf16"), normal(random, (*leading, k, n), "bf16")
        check(made, a, b, np.empty((*leading, m, n), NUMPY["bf16"]), seed, kernel="nested")
