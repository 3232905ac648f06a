"""examples/gemm.mlir on the simulator, against a float64 product that NumPy makes here.

A package holds two variants: gemm_tma, whose operands come through a ring that the copy engine fills, and gemm, which
fits every problem. Which of them a problem gets is derived here from its strides alone; a run must have taken that
one, without a finding, write every element, be as exact as its output type allows, and need the wavefronts that the
certificate of that variant promises, which are the fewest possible.

* Grid: 24 types and layouts (bf16 or f16 in; bf16, f16 or f32 out; A and B row- or column-major) on 6 problems with
  three seeds: a seed changes the values of A and B and the simulator's schedule. Nothing is left out.
* Ring: partial tiles on every side, 0 to stages + 1 and more trips, one to four tiles to a program.
* Passes: each optional pass off, all of them off, and each decision taken by --tune.
* 40 random problems, new ones each time, most of them with a random pass off or all off; TK_RANDOM_SEED repeats those
  of a failure.
"""

import itertools
import json
import os
import random
import re
import time
from functools import lru_cache

import numpy as np
import packages
import pytest
from packages import NUMPY, TOLERANCE, Variant, certified, check_barriers, entries, observed, tiles_of

SHAPES = [(128, 256, 64), (512, 512, 512), (300, 520, 136), (1, 1, 1), (129, 257, 65), (1000, 24, 7)]
SEEDS = (0, 1, 2)
LAYOUTS = list(itertools.product(("row", "column"), ("row", "column")))
VARIANTS = [Variant(*types, *layout) for types in itertools.product(("bf16", "f16"), ("bf16", "f16", "f32"))
            for layout in LAYOUTS]

# All of them take the copy engine in every layout. The ring has 4 stages and a trip takes 64 of K.
STAGES = 4
RING_SHAPES = [(8, 8, 8), (136, 264, 72), (64, 256, 64), (8, 1032, 40), (648, 8, 328),
               *((256, 512, 64 * trips) for trips in (1, 2, STAGES - 1, STAGES, STAGES + 1, 2 * STAGES + 1))]

PASSES = ["tk-split-variants", "tk-split-k", "tk-widen-tiles", "tk-cluster", "tk-persist", "tk-stream-k", "tk-stage-operands",
          "tk-specialize-warps", "tk-subtile-epilogue", "tk-overlap-products", "tk-split-rows",
          "tk-insert-stmatrix"]


def name_of(shape):
    return "x".join(map(str, shape))


@pytest.fixture(scope="module")
def gemm(tool, tmp_path_factory):
    """gemm(variant, options): its package, compiled once."""
    folder = tmp_path_factory.mktemp("gemm")
    numbers = itertools.count()
    return lru_cache(maxsize=None)(lambda variant, *options: packages.compile_gemm(
        tool, variant, folder / f"{next(numbers)}-{variant}.tkpkg", *options))


def problems(run, reference, variant, entry):
    """What is wrong with one run, as a list of sentences; nothing wrong is an empty list."""
    if run.process.returncode != 0 or run.report is None:
        return [f"exit code {run.process.returncode}: {run.process.stderr}"]
    if run.output is None:
        return ["no output file"]
    found = [f"finding {finding['name']}: {finding['message']}" for finding in run.report["findings"]]
    if run.report["launch"]["entry"] != entry:
        found.append(f"expected the variant {entry}, got {run.report['launch']['entry']}")
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


def check_certificate(package, entry, shape, step, report, programs=0):
    """The simulator counts what the certificate says of a problem's tiles and of their trips, each of which takes a
    step of the depth."""
    described = entries(json.loads(package.read_text()))[entry]
    assert observed(report) == certified(described)
    tiles = tiles_of(described, *shape[:2])
    check_barriers(described, report, tiles, tiles * -(-shape[2] // step), programs)


def nan(variant, shape):
    kind = NUMPY[variant.output]
    return np.full(shape[:2], np.iinfo(kind).max if kind.kind == "i" else np.nan, kind)


def check(tool, package, variant, shape, seed, folder, *options, entry=None, **more):
    """One run, all of whose checks pass; its output. Without options for them, the seed is that of the simulator."""
    entry = entry or variant.entry(shape)
    a, b, reference = packages.make_inputs(variant, shape, seed)
    run = packages.run_gemm(tool, package, variant, (a, b), folder, *(options or [f"--seed={seed}"]), **more)
    assert problems(run, reference, variant, entry) == [], f"{variant} {name_of(shape)}, seed {seed}, {more}"
    # A program that has nothing to do executes none of its instructions.
    if shape[2] > 0:
        check_certificate(package, entry, shape, variant.trip, run.report)
    return run.output


# --- The grid ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=name_of)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_product(tool, gemm, tmp_path, variant, shape):
    for seed in SEEDS:
        # bf16 has two spellings in .npy, and both must do: what ml_dtypes writes, and plain bits.
        check(tool, gemm(variant), variant, shape, seed, tmp_path, raw=variant.input == "bf16" and seed == 1,
              poison=nan(variant, shape) if seed == 2 else None)


def test_the_grid_has_both_variants():
    """The rule of the 16 bytes, spelled out for the six problems (A and B row-major; column-major; mixed)."""
    taken = {layout: [Variant(a=layout[0], b=layout[1]).entry(shape) for shape in SHAPES] for layout in LAYOUTS}
    tma, plain = "gemm_tma", "gemm"
    assert taken["row", "row"] == [tma, tma, tma, plain, plain, plain]
    assert taken["column", "column"] == [tma, tma, plain, plain, plain, plain]
    assert taken["row", "column"] == [tma, tma, tma, plain, plain, plain]
    assert taken["column", "row"] == [tma, tma, plain, plain, plain, tma]


@pytest.mark.parametrize("variant, entry", [
    (Variant("bf16", "bf16", "row", "column"), "gemm"), (Variant("bf16", "f32", "row", "column"), "gemm_tma"),
    (Variant("f16", "f16", "column", "column"), "gemm"), (Variant("f16", "f32", "column", "column"), "gemm_tma")], ids=str)
def test_the_result_decides(tool, gemm, tmp_path, variant, entry):
    """A row of C of 100 elements is a multiple of 16 bytes in f32 and not in 16 bits; A and B fit in either case."""
    assert variant.entry((136, 100, 72)) == entry
    check(tool, gemm(variant), variant, (136, 100, 72), 0, tmp_path)


@pytest.mark.parametrize("variant, shape, entry", [
    (Variant("bf16", "bf16", "row", "column"), (136, 100, 72), "gemm_tma_operands"),
    (Variant("f16", "f16", "column", "column"), (264, 100, 328), "gemm_tma_operands"),
    (Variant("bf16", "bf16", "row", "column"), (136, 104, 72), "gemm_tma"),
    (Variant("bf16", "bf16", "row", "column"), (136, 104, 71), "gemm"),
    (Variant("bf16", "bf16", "row", "column"), (136, 100, 71), "gemm"),
    (Variant("bf16", "f32", "row", "row"), (136, 100, 72), "gemm")], ids=str)
def test_three_variants(tool, gemm, tmp_path, variant, shape, entry):
    """Asked for three, each problem takes the first it fits: all aligned, the operands, nothing."""
    package = gemm(variant, "--tune=variants=3")
    described = entries(json.loads(package.read_text()))
    assert list(described) == ["gemm_tma", "gemm_tma_operands", "gemm"]
    assert {m["argument"] for m in described["gemm_tma_operands"]["tensor_maps"]} == {0, 1}
    for seed in SEEDS:
        check(tool, package, variant, shape, seed, tmp_path, entry=entry, device="sim:2")

# --- Types that need K contiguous ------------------------------------------------------------------------------

KMAJOR = [Variant(i, o, "row", "column", j) for i, j, o in (
    ("i8", "", "i32"), ("f32", "", "f32"), ("f32", "", "bf16"), ("f8E4M3FN", "", "bf16"), ("f8E4M3FN", "", "f32"),
    ("f8E5M2", "", "f16"), ("f8E4M3FN", "f8E5M2", "bf16"), ("f8E5M2", "f8E4M3FN", "f32"),
    ("f8E4M3FN", "", "f8E4M3FN"), ("f8E5M2", "", "f8E5M2"))]
# The fast variant's, from partial tiles and trips to more trips than the ring has stages; and the plain one's.
KMAJOR_SHAPES = [(16, 16, 16), (128, 256, 128), (304, 528, 144), (136, 272, 4 * 128 + 16), (272, 16, 6 * 128),
                 (1, 1, 1), (129, 257, 65), (200, 40, 7)]


@pytest.mark.parametrize("shape", KMAJOR_SHAPES, ids=name_of)
@pytest.mark.parametrize("variant", KMAJOR, ids=str)
def test_kmajor(tool, gemm, tmp_path, variant, shape):
    """Integers are equal, bit by bit; floating-point types as exact as the output's type allows."""
    for seed in SEEDS:
        output = check(tool, gemm(variant), variant, shape, seed, tmp_path, device="sim" if seed else "sim:2",
                       poison=nan(variant, shape) if seed == 2 else None)
        if variant.input == "i8":
            a, b, reference = packages.make_inputs(variant, shape, seed)
            assert np.array_equal(output, a.astype(np.int32) @ b.astype(np.int32))


def test_kmajor_has_both_variants(gemm):
    for variant in KMAJOR:
        taken = [variant.entry(shape) for shape in KMAJOR_SHAPES]
        assert taken[:5] == ["gemm_tma"] * 5 and taken[5:] == ["gemm"] * 3, variant
        fast = entries(json.loads(gemm(variant).read_text()))["gemm_tma"]
        assert fast["block"] == [384, 1, 1] and stages(fast) == STAGES, variant


@pytest.mark.parametrize("variant", [KMAJOR[0], KMAJOR[1], KMAJOR[3]], ids=str)
def test_kmajor_variants_agree(tool, gemm, tmp_path, variant):
    outputs = [check(tool, gemm(variant), variant, (136, 272, 400), 5, tmp_path, "--variant", entry, entry=entry)
               for entry in ("gemm_tma", "gemm")]
    assert outputs[0].tobytes() == outputs[1].tobytes()


def test_integers_wrap_around(tool, gemm, tmp_path):
    """-128 * -128 * 2^17 is 2^31."""
    variant, shape = KMAJOR[0], (16, 16, 2 ** 17)
    a, b = np.full((16, shape[2]), -128, np.int8), np.full((shape[2], 16), -128, np.int8, order="F")
    run = packages.run_gemm(tool, gemm(variant), variant, (a, b), tmp_path)
    assert run.process.returncode == 0 and (run.output == np.iinfo(np.int32).min).all()


def test_tf32_truncates(tool, gemm, tmp_path):
    """1 + 2^-10 - 2^-23 is 1 to the tensor core: it ignores the low bits, which rounding to nearest would not."""
    variant = KMAJOR[1]
    a, b = np.full((16, 16), np.float32(1 + 2.0 ** -10 - 2.0 ** -23)), np.eye(16, dtype=np.float32, order="F")
    run = packages.run_gemm(tool, gemm(variant), variant, (a, b), tmp_path)
    assert run.process.returncode == 0 and (run.output == 1).all()


@pytest.mark.parametrize("options, expected", [
    (["--alias", "in=f8E4M3FN"], "'b' of f8E4M3FN lies with N contiguous: expected K contiguous"),
    (["--alias", "in=f32"], "allow it with tf32 = true in the kernel's #tk.numerics")])
def test_what_the_tensor_core_cannot(tool, tmp_path, options, expected):
    """examples/gemm.mlir, whose B is row-major and whose numerics do not speak of tf32."""
    done = tool("tk-compile", packages.GEMM, "--no-assemble", "-o", tmp_path / "x.tkpkg", *options)
    assert done.returncode == 1 and re.search(r"gemm.mlir:38:13: error: .*" + re.escape(expected), done.stderr), done.stderr
    assert not (tmp_path / "x.tkpkg").exists()


# --- The ring ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", RING_SHAPES, ids=name_of)
@pytest.mark.parametrize("layout", LAYOUTS, ids="-".join)
def test_ring(tool, gemm, tmp_path, layout, shape):
    """The ring from the first slot to past the last, and through several tiles of one program."""
    types = ("f16", "f32") if layout == ("row", "column") else ("bf16", "bf16")
    variant = Variant(*types, *layout)
    assert variant.entry(shape) == "gemm_tma"
    for seed, device in enumerate(("sim:1", "sim:2", "sim:3", "sim")):
        check(tool, gemm(variant), variant, shape, seed, tmp_path, device=device,
              poison=nan(variant, shape) if seed == 1 else None)


def test_the_ring_is_what_the_shapes_are_for(gemm):
    variant = entries(json.loads(gemm(Variant()).read_text()))["gemm_tma"]
    assert {tensor_map["argument"] for tensor_map in variant["tensor_maps"]} >= {0, 1}
    assert variant["block"] == [384, 1, 1] and stages(variant) == STAGES


@pytest.mark.parametrize("layout", LAYOUTS, ids="-".join)
@pytest.mark.parametrize("shape", [(128, 256, 0), (130, 7, 0)], ids=name_of)
def test_no_depth(tool, gemm, tmp_path, layout, shape):
    """A sum of nothing is zero. The copy engine has no map of nothing, so the plain variant does it."""
    variant = Variant(a=layout[0], b=layout[1])
    output = check(tool, gemm(variant), variant, shape, 0, tmp_path, entry="gemm", poison=nan(variant, shape))
    assert not output.view(np.uint16).any()


@pytest.mark.parametrize("variant", [
    Variant(), Variant("f16", "f32", "column", "row"), Variant("bf16", "f16", "row", "column"),
    Variant("f16", "bf16", "column", "column")], ids=str)
@pytest.mark.parametrize("shape", [(136, 264, 72), (256, 512, 320), (392, 8, 520)], ids=name_of)
def test_both_variants_agree(tool, gemm, tmp_path, variant, shape):
    """They do, bit by bit: both add the same 16 products of a step to an element, in the same order of steps."""
    outputs = [check(tool, gemm(variant), variant, shape, 5, tmp_path, "--variant", entry, entry=entry, device="sim:2")
               for entry in ("gemm_tma", "gemm")]
    assert outputs[0].tobytes() == outputs[1].tobytes()


def test_a_variant_that_does_not_fit_is_refused(tool, gemm, tmp_path):
    variant, shape = Variant(), (64, 64, 65)
    a, b, _ = packages.make_inputs(variant, shape, 0)
    run = packages.run_gemm(tool, gemm(variant), variant, (a, b), tmp_path, "--variant", "gemm_tma")
    assert run.process.returncode == 1 and "got 65 and 8" in run.process.stderr
    assert run.output is None


# --- Passes and tuning -------------------------------------------------------------------------------------------

CHOICES = [
    *(f"--disable={name}" for name in PASSES), "--disable=" + ",".join(PASSES),
    *(f"--tune=stages={n}" for n in (1, 2, 3)), *(f"--tune=consumers={n}" for n in (1, 2)),
    *(f"--tune=widen={n}" for n in (1, 2)), *(f"--tune=group={n}" for n in (1, 4)), 
    *(f"--tune=cluster={n}" for n in (1, 2, 4, 8)), *(f"--tune=order={name}" for name in ("rows", "bands", "hilbert")),
    "--tune=order=hilbert,group=2,cluster=1", "--tune=variants=3",
    "--tune=stages=2,consumers=1,widen=1,group=1",
]
# Partial tiles on all sides; several tiles with more trips than stages; a problem for the plain variant.
CHOICE_SHAPES = [(136, 264, 72), (392, 512, 328), (129, 257, 65)]


def stages(variant):
    """How many stages the ring of an entry has; 0 if it has none."""
    types = [buffer["type"] for buffer in variant["shared_buffers"] if buffer["type"].startswith("!tk.slots<")]
    return int(re.match(r"!tk.slots<(\d+)", types[0]).group(1)) if types else 0


def takes_effect(package, choice, output):
    """Whether a package shows what was chosen: else the test below would run the default many times."""
    variants = entries(package)
    passed = {remark["pass"] for remark in package["remarks"] if remark["kind"] == "passed"}
    if choice.startswith("--disable="):
        off = set(choice.removeprefix("--disable=").split(","))
        wanted = set() if "tk-split-variants" in off else set(PASSES) - off - {"tk-split-k", "tk-stream-k", "tk-split-rows"}
        if "tk-stage-operands" in off:  # No ring: nothing for these two to do.
            wanted -= {"tk-specialize-warps", "tk-overlap-products"}
        if NUMPY[output].itemsize == 4:  # Slices of f32 and i32 would have bank conflicts.
            wanted -= {"tk-subtile-epilogue"}
        if "tk-subtile-epilogue" not in wanted:  # No slices: nothing goes through shared memory.
            wanted -= {"tk-insert-stmatrix"}
        return passed & set(PASSES) == wanted and list(variants)[-1] == "gemm" and (
            list(variants)[0] == ("gemm" if "tk-split-variants" in off else "gemm_tma"))
    # No choice costs another pass its work.
    kept = {"tk-persist", "tk-specialize-warps"} | ({"tk-subtile-epilogue"} if output != "f32" else set())
    if not kept <= passed:
        return False
    fast = variants["gemm_tma"]
    tile = 256
    shown = {"consumers": "2", "group": "8", "cluster": "2", "order": "bands"}
    shown.update(word.split("=") for word in choice.removeprefix("--tune=").split(","))
    if shown.get("widen") == "1" or shown["consumers"] == "1":
        tile = 128
    rows = [remark["message"] for remark in package["remarks"] if remark["pass"] == "tk-persist"]
    count = {256: 4, 128: 6}[tile]
    # Where clusters lie along y, bands are as high in clusters as in programs.
    along_y = any(remark["pass"] == "tk-cluster" and "along dimension 1" in remark["message"]
                  for remark in package["remarks"])
    height = max(1, int(shown["group"]) // int(shown["cluster"])) if along_y else int(shown["group"])
    walk = {"bands": f"bands of {height} row" if height > 1 else "row by row", "rows": "row by row",
            "hilbert": f"squares of {shown['group']}"}[shown["order"]]
    return (stages(fast) == int(shown.get("stages", count)) and fast["block"][0] == 128 + 128 * int(shown["consumers"])
            and fast["cluster"] == [int(shown["cluster"]), 1, 1]
            and json.dumps(["ceildiv", ["size", 2, 1], tile]) in json.dumps(fast["grid"])
            and len(variants) == int(shown.get("variants", 2))
            and any(walk in row for row in rows))


@pytest.mark.parametrize("variant", [Variant(), Variant("f16", "f32", "column", "column")], ids=str)
@pytest.mark.parametrize("choice", CHOICES)
def test_passes(tool, gemm, tmp_path, choice, variant):
    """Whatever is left out or decided otherwise, all checks pass, and the results are those of the default."""
    check_choice(tool, gemm, tmp_path, choice, variant, CHOICE_SHAPES)


def check_choice(tool, gemm, folder, choice, variant, shapes):
    package = gemm(variant, choice)
    description = json.loads(package.read_text())
    assert takes_effect(description, choice, variant.output)
    for shape in shapes:
        entry = variant.entry(shape) if "gemm_tma" in entries(description) else "gemm"
        output = check(tool, package, variant, shape, 3, folder, f"--seeds={SEEDS[0]}..{SEEDS[-1]}", device="sim:2",
                       entry=entry)
        assert output.tobytes() == default_result(tool, gemm(variant), variant, shape, folder)


@pytest.mark.parametrize("variant", [KMAJOR[0], KMAJOR[1], KMAJOR[3], KMAJOR[6]], ids=str)
@pytest.mark.parametrize("off", [*PASSES, ",".join(PASSES)])
def test_passes_of_kmajor(tool, gemm, tmp_path, off, variant):
    """The same of int8, tf32, fp8 and mixed fp8: several tiles to a program, more trips than the ring has stages."""
    shape = (136, 272, (STAGES + 1) * variant.trip + 16)
    assert variant.entry(shape) == "gemm_tma"
    check_choice(tool, gemm, tmp_path, f"--disable={off}", variant, [shape])


RESULTS = {}


def default_result(tool, package, variant, shape, folder):
    if (variant, shape) not in RESULTS:
        RESULTS[variant, shape] = check(tool, package, variant, shape, 3, folder, device="sim:2").tobytes()
    return RESULTS[variant, shape]


def test_the_choices_are_all_there_are(tool):
    """A pass that can be left out is left out above."""
    done = tool("tk-compile", packages.GEMM, "--disable=tk-no-such-pass", "--emit=placed", "-o", "-")
    assert done.returncode == 1
    assert set(re.findall(r"tk-[a-z-]+", done.stderr)) - {"tk-compile", "tk-no-such-pass"} == set(PASSES)


# --- Random problems ---------------------------------------------------------------------------------------------

RANDOM_SEED = int(os.environ.get("TK_RANDOM_SEED", time.time_ns() % 1_000_000))


def random_problems(seed, count):
    """(variant, shape, device, passes left out): each of the 24 variants in turn; sizes of 1 to 600, most of them multiples
    of 8; one pass left out, or none or all."""
    source = random.Random(seed)
    for index in range(count):
        shape = tuple(int(600 ** source.random()) + 1 for _ in range(3))
        if source.random() < 0.7:
            shape = tuple(-(-size // 8) * 8 for size in shape)
        device = source.choice(("sim", "sim:1", "sim:2", "sim:3"))
        yield VARIANTS[index % len(VARIANTS)], shape, device, source.choice(([], PASSES, *([name] for name in PASSES)))


@pytest.mark.parametrize("index", range(40))
def test_random(tool, gemm, tmp_path, index):
    variant, shape, device, off = list(random_problems(RANDOM_SEED, 40))[index]
    options = [f"--disable={','.join(off)}"] if off else []
    print(f"TK_RANDOM_SEED={RANDOM_SEED}: {variant} {name_of(shape)} {device} {' '.join(options)}")
    package = gemm(variant, *options)
    entry = variant.entry(shape) if "tk-split-variants" not in off else "gemm"
    for seed in SEEDS:
        check(tool, package, variant, shape, seed, tmp_path, device=device, entry=entry,
              poison=nan(variant, shape) if seed == 2 else None)


# --- What else must hold -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(129, 257, 200), (264, 520, 584)], ids=name_of)
@pytest.mark.parametrize("variant", [Variant(), Variant("f16", "f32", "column", "column")], ids=str)
def test_same_numbers_on_every_seed(tool, gemm, tmp_path, variant, shape):
    """tk-run compares the outputs of its seeds bit by bit and makes a finding of a difference."""
    a, b, reference = packages.make_inputs(variant, shape, 7)
    run = packages.run_gemm(tool, gemm(variant), variant, (a, b), tmp_path, "--seeds=0..7", device="sim:2")
    assert problems(run, reference, variant, variant.entry(shape)) == []
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


def change_entry(entry, change):
    """Applies `change(text)` to the PTX of one entry of a package."""
    def apply(package):
        ptx = package["ptx"]
        begin = ptx.index(f".entry {entry}(")
        end = ptx.index("$L__func_end", begin)
        package["ptx"] = ptx[:begin] + change(ptx[begin:end]) + ptx[end:]
    return apply


def skip_a_store(text):
    """The predicate of the first store is turned round, or the first copy left out: those elements stay unwritten."""
    text, count = re.subn(r"@(%?\w+ st\.global)", r"@!\1", text, count=1)
    if count == 0:
        text, count = re.subn(r"\n\s*cp\.async\.bulk\.tensor\.2d\.global\.shared::cta[^;]*;", "", text, count=1)
    assert count == 1
    return text


def round_the_wrong_register(text):
    """Two columns of the result get the same sum."""
    text, count = re.subn(r"(cvt\.rn\.bf16x2\.f32\s+%r\d+, (%r\d+)), %r\d+;", r"\1, \2;", text, count=1)
    assert count == 1
    return text


def store_with_conflicts(package):
    """One more store to shared memory, behind the buffers: eight lanes of 16 bytes, 128 bytes from one another."""
    variant = entries(package)["gemm"]
    end = variant["dynamic_shared_bytes"]
    variant["dynamic_shared_bytes"] += 128 * 128
    store = f"""{{ .reg .b32 %t, %z; .reg .b64 %a, %s;
      mov.u32 %t, %tid.x; mul.wide.u32 %a, %t, 128; mov.b64 %s, tk_shared; add.s64 %a, %a, %s; mov.b32 %z, 0;
      st.shared.v4.b32 [%a+{end}], {{%z, %z, %z, %z}}; }}
    """
    begin = package["ptx"].index("\tst.shared", package["ptx"].index(".entry gemm("))
    package["ptx"] = package["ptx"][:begin] + store + package["ptx"][begin:]


def ask_for_too_much(package):
    """A precondition of the first variant that the problem does not meet: the second is taken."""
    condition = next(c for c in entries(package)["gemm_tma"]["preconditions"] if c["kind"] == "divisible")
    condition["rhs"] = 1024


@pytest.mark.parametrize("change, shape, entry, expected", [
    (change_entry("gemm", skip_a_store), (128, 128, 65), "gemm", "never written"),
    (change_entry("gemm_tma", skip_a_store), (128, 128, 64), "gemm_tma", "never written"),
    (change_entry("gemm", round_the_wrong_register), (128, 128, 65), "gemm", "relative error"),
    (change_entry("gemm_tma", round_the_wrong_register), (128, 128, 64), "gemm_tma", "relative error"),
    (store_with_conflicts, (128, 128, 65), "gemm", "wavefronts"),
    (ask_for_too_much, (128, 128, 64), "gemm_tma", "expected the variant gemm_tma, got gemm"),
])
def test_the_checks_can_fail(tool, gemm, tmp_path, change, shape, entry, expected):
    """Each check of test_product sees a kernel that breaks just what it checks, and finds nothing else in it."""
    variant = Variant()
    broken = packages.edit(gemm(variant), tmp_path / "broken.tkpkg", change)
    a, b, reference = packages.make_inputs(variant, shape, 0)
    run = packages.run_gemm(tool, broken, variant, (a, b), tmp_path)
    found = problems(run, reference, variant, entry)
    assert expected in found[0], found
    certificate = certified(entries(json.loads(broken.read_text()))[entry])
    assert (observed(run.report) == certificate) == (expected != "wavefronts" and change != ask_for_too_much)


def test_a_wrong_certificate_is_seen(tool, gemm, tmp_path):
    """One phase more or less in any of the three counts, and a row of barriers of which nothing is said."""
    variant, shape = Variant(), (264, 520, 200)
    a, b, _ = packages.make_inputs(variant, shape, 0)
    report = packages.run_gemm(tool, gemm(variant), variant, (a, b), tmp_path, device="sim:2").report
    described = entries(json.loads(gemm(variant).read_text()))["gemm_tma"]
    tiles, programs = 4 * 3, 2  # Rows in whole clusters of two.
    assert tiles_of(described, *shape[:2]) == tiles and len(described["barrier_proofs"]) == 2
    check_barriers(described, report, tiles, 4 * tiles, programs)
    for proof, name in itertools.product(described["barrier_proofs"], ("per_program", "per_tile", "per_trip")):
        for change in (1, -1):
            proof[name] += change
            with pytest.raises(AssertionError, match=proof["name"]):
                check_barriers(described, report, tiles, 4 * tiles, programs)
            proof[name] -= change
    for trips in (4 * tiles - 1, 4 * tiles + 1):
        with pytest.raises(AssertionError, match="A, B full"):
            check_barriers(described, report, tiles, trips, programs)
    described["barrier_proofs"].pop()
    with pytest.raises(AssertionError, match="of which the certificate says nothing"):
        check_barriers(described, report, tiles, 4 * tiles, programs)


@pytest.mark.parametrize("entry, shape", [("gemm", (128, 128, 65)), ("gemm_tma", (128, 128, 64))])
def test_poison_shows_through(tool, gemm, tmp_path, entry, shape):
    """An element that is not written keeps the NaN that was there, and the error says so."""
    variant = Variant()
    broken = packages.edit(gemm(variant), tmp_path / "broken.tkpkg", change_entry(entry, skip_a_store))
    a, b, reference = packages.make_inputs(variant, shape, 0)
    run = packages.run_gemm(tool, broken, variant, (a, b), tmp_path, poison=nan(variant, shape))
    assert "relative error of at most 0.004, got nan" in problems(run, reference, variant, entry)[0]
