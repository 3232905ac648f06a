"""Products whose steps are dealt out evenly to the programs of a grid, on the simulator, against a float64 product.

A tile may be one program's, or begin in one and end in another, or lie with several: their sums go through global
memory to the program that does the last step. The result must be as exact as that of one program, the same on every
seed, and complete whatever the number of multiprocessors.
"""

import json
import random
import re

import numpy as np
import packages
import pytest
import ring_mutants
import test_gemm_scaled
from packages import Variant, entries
from test_gemm import check_certificate, name_of, nan, problems

# Tiles of 128 x 256 or 64 x 256: more tiles than programs and fewer; one tile; a depth of zero, of one step and less.
SHAPES = [((304, 528, 320), 4), ((128, 256, 1024), 16), ((16, 1024, 512), 7), ((520, 264, 72), 3), ((264, 520, 640), 2),
          ((136, 264, 0), 3), ((8, 8, 64), 5)]
VARIANTS = [Variant(), Variant("f16", "f32", "row", "column")]
SEEDS = 3


def tiles_of(shape):
    return -(-shape[0] // 128) * -(-shape[1] // 256)


def expected_programs(shape, sms, least):
    tiles, trips = tiles_of(shape), max(1, -(-shape[2] // 64))
    return min(sms, max(tiles, tiles * trips // least))


@pytest.fixture(scope="module")
def streamed(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream-k")
    made = {}

    def compile(variant, least, *options):
        key = variant, least, options
        if key not in made:
            made[key] = packages.compile_gemm(tool, variant, folder / f"{len(made)}.tkpkg", f"--tune=stream_k={least}",
                                              *options)
        return made[key]

    return compile


def check(tool, package, variant, shape, sms, folder, data_seed=1):
    """Runs all seeds; gives the last report. A tile cut in two has its trips in two programs, and none twice."""
    entry = variant.entry(shape)
    a, b, reference = packages.make_inputs(variant, shape, data_seed)
    outputs = set()
    for seed in range(SEEDS):
        run = packages.run_gemm(tool, package, variant, (a, b), folder, f"--seed={seed}", f"--device=sim:{sms}",
                                poison=nan(variant, shape) if seed == 1 else None)
        assert problems(run, reference, variant, entry) == [], f"{variant} {name_of(shape)} on {sms}, seed {seed}"
        if shape[2] > 0:  # Else the loop's instructions do not run.
            check_certificate(package, entry, shape, variant.trip, run.report)
        outputs.add(run.output.tobytes())
    assert len(outputs) == 1
    return run.report


@pytest.mark.parametrize("shape, sms", SHAPES, ids=lambda value: name_of(value) if isinstance(value, tuple) else str(value))
@pytest.mark.parametrize("least", [1, 4])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_stream_k(tool, streamed, tmp_path, variant, least, shape, sms):
    package = streamed(variant, least)
    entry = variant.entry(shape)
    workspace = entries(json.loads(package.read_text()))[entry]["workspace"]
    report = check(tool, package, variant, shape, sms, tmp_path)
    if entry == "gemm":  # Nothing for the copy engine to bring.
        assert workspace is None
    else:
        assert (workspace["bytes"], workspace["flags"]) == (128 * 256 * 4, 2)
        assert report["launch"]["grid"] == [expected_programs(shape, sms, least), 1, 1]


# Those that need K contiguous: sums of f32 and i32, results that do not go through the copy engine.
@pytest.mark.parametrize("types", [("f32", "f32"), ("i8", "i32"), ("f8E4M3FN", "bf16")], ids="-".join)
def test_other_types(tool, streamed, tmp_path, types):
    variant = Variant(*types, "row", "column")
    check(tool, streamed(variant, 2), variant, (264, 528, 5 * variant.trip), 4, tmp_path)


@pytest.mark.parametrize("kind", [test_gemm_scaled.Blockwise, test_gemm_scaled.Rowwise], ids=lambda kind: kind.__name__.lower())
def test_scaled(tool, tmp_path, kind):
    """Sums of products scaled block by block, and results scaled after the loop: once, by who finishes the tile."""
    types, package = ("f8E4M3FN", "f8E4M3FN", "bf16"), tmp_path / "scaled.tkpkg"
    done = tool("tk-compile", kind.source, "--no-assemble", "-o", package, "--tune=stream_k=2")
    assert done.returncode == 0, done.stderr
    assert entries(json.loads(package.read_text()))["gemm_tma"]["workspace"]
    for seed in range(SEEDS):
        test_gemm_scaled.check(tool, package, kind, types, (264, 528, 1168), seed, tmp_path, "gemm_tma", "--device=sim:4")


def test_batched(tool, tmp_path):
    """Five matrices of six tiles: programs go on from one to the next."""
    source, package = packages.ROOT / "examples" / "gemm_batched.mlir", tmp_path / "batched.tkpkg"
    done = tool("tk-compile", source, "--no-assemble", "-o", package, "--tune=stream_k=1")
    assert done.returncode == 0, done.stderr
    random = np.random.default_rng(7)
    a, b = (random.standard_normal(shape, dtype=np.float32).astype(packages.NUMPY["bf16"])
            for shape in ((5, 264, 136), (5, 136, 264)))
    np.save(tmp_path / "A.npy", a)
    np.save(tmp_path / "B.npy", b)
    for sms in (4, 7):
        out = tmp_path / "C.npy"
        done = tool("tk-run", package, f"--arg=A={tmp_path / 'A.npy'}", f"--arg=B={tmp_path / 'B.npy'}", f"--out=C={out}",
                    f"--device=sim:{sms}", "--report=json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["launch"]["entry"] == "gemm_batched_tma" and report["findings"] == []
        described = entries(json.loads(package.read_text()))["gemm_batched_tma"]
        tiles = 5 * packages.tiles_of(described, 264, 264)
        packages.check_barriers(described, report, tiles, tiles * -(-136 // 64))
        reference = a.astype(np.float64) @ b.astype(np.float64)
        error = packages.relative_error(np.load(out).view(packages.NUMPY["bf16"]), reference)
        assert error <= packages.TOLERANCE["bf16"]


@pytest.mark.parametrize("source, reason", [
    ("gemm_list", "the loop's bounds come from 'tk.table_row', which the host does not compute"),
    ("gemm_grouped", "there is not one loop over the depth of a tile")])
def test_declined(tool, source, reason):
    done = tool("tk-compile", packages.ROOT / "examples" / f"{source}.mlir", "--emit=placed", "--remarks", "--tune=stream_k=2")
    assert done.returncode == 0 and reason in done.stderr


def test_random_shapes(tool, streamed, tmp_path):
    """The seed of the shapes is in the message of a failure."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    variant = Variant()
    for _ in range(8):
        shape = (rng.randint(1, 400), 8 * rng.randint(1, 80), 8 * rng.randint(1, 60))
        sms, least = rng.randint(1, 12), rng.choice([1, 2, 3, 8])
        try:
            check(tool, streamed(variant, least), variant, shape, sms, tmp_path, data_seed=rng.randrange(1000))
        except AssertionError as error:
            raise AssertionError(f"shapes of seed {seed}: {name_of(shape)} on {sms}, least {least}: {error}") from None


@pytest.mark.parametrize("off", ["tk-stage-operands", "tk-specialize-warps", "tk-subtile-epilogue",
                                 "tk-overlap-products", "tk-insert-stmatrix", "tk-widen-tiles"])
def test_with_a_pass_left_out(tool, streamed, tmp_path, off):
    variant = Variant()
    package = streamed(variant, 2, f"--disable={off}")
    assert entries(json.loads(package.read_text()))["gemm_tma"]["workspace"]
    check(tool, package, variant, (264, 528, 320), 4, tmp_path)


def test_left_out(tool, streamed, tmp_path):
    """As if nothing had been asked for, but for the clusters, which are given up before."""
    variant = Variant()
    package = streamed(variant, 2, "--disable=tk-stream-k")
    assert entries(json.loads(package.read_text()))["gemm_tma"]["workspace"] is None
    check(tool, package, variant, (264, 528, 320), 4, tmp_path)


def count_cuts(shape, sms, least):
    """How many sums go from program to program, from the paper's rule and not from the compiler's formulas."""
    tiles, trips = tiles_of(shape), max(1, -(-shape[2] // 64))
    programs = expected_programs(shape, sms, least)
    if tiles % programs == 0:
        return 0
    # The last whole wave is streamed with the rest; those before it are not cut.
    units = (tiles - max(tiles // programs - 1, 0) * programs) * trips
    return sum(1 for program in range(1, programs) if program * units // programs % trips)


@pytest.mark.parametrize("shape, sms, cuts", [((304, 528, 320), 4, 3), ((128, 256, 1024), 16, 3), ((256, 256, 64), 2, 0)])
def test_what_goes_through_memory(tool, streamed, tmp_path, shape, sms, cuts):
    """Every step is done once; a cut tile goes through memory once in each direction; each flag that is set is cleared,
    or the next launch would take what is not there."""
    variant = Variant()
    report = check(tool, streamed(variant, 4), variant, shape, sms, tmp_path)
    assert count_cuts(shape, sms, 4) == cuts
    counters = report["counters"]
    assert counters["flop.tensor"] == 2 * tiles_of(shape) * 128 * 256 * 64 * -(-shape[2] // 64)
    flags = 2 * 2 * 4 * cuts  # Two consumers set and clear one each.
    assert counters.get("bytes.global.written", 0) == 128 * 256 * 4 * cuts + flags


# --- Mutants of the protocol ------------------------------------------------------------------------------------------

MUTANT_SEEDS = 8
DATA = {"first vector read elsewhere"}  # Breaks no order, and only computes something else.
STEPS = 2_000_000  # Warp instructions; the unchanged kernel takes a hundredth of that.


class Protocol(ring_mutants.Units):
    """The instructions of gemm_tma by which a sum goes from one program to another, and what can be wrong with them."""

    def __init__(self, ptx):
        super().__init__(ptx)
        self.signal, self.take = self.one(r"st\.release\.gpu"), self.one(r"ld\.acquire\.gpu")
        self.stores, self.loads = self.all(r"st\.global\.v4\.b32"), self.all(r"ld\.global\.v4\.b32")
        assert len(self.stores) == len(self.loads) == 32
        # The barriers between what all threads write or read and what one thread does for them.
        barriers = self.all(r"bar\.sync %r\d+, 128;")
        self.written = max(b for b in barriers if b < self.signal)
        self.taken = max(b for b in barriers if b < self.loads[0])
        assert self.stores[-1] < self.written < self.signal and self.taken < self.loads[0]

    def mutants(self):
        """What is changed, and the PTX."""
        def at(offset):
            return r"\[(%rd\d+)\]", rf"[\1+{offset}]"

        signal, take = self.signal, self.take
        yield "signal removed", self.ptx({signal: ""})
        yield "signal relaxed", self.edited(signal, "release", "relaxed")
        yield "signal weak", self.edited(signal, r"\.release\.gpu", "")
        yield "signal of the block's scope", self.edited(signal, "gpu", "cta")
        yield "signal of zero", self.edited(signal, r", %r\d+;", ", 0;")
        yield "signal in the other consumer's flag", self.edited(signal, *at(4))
        yield "signal in the next program's flag", self.edited(signal, *at(8))
        yield "signal before the barrier", self.moved(signal, self.written)
        yield "last store after the signal", self.ptx({self.stores[-1]: "", signal: self.units[signal] + "\n" +
                                                       self.units[self.stores[-1]]})
        for name, barrier in (("before the signal", self.written), ("after the wait", self.taken)):
            yield f"barrier {name} removed", self.ptx({barrier: ""})
            yield f"barrier {name} of one warp", self.ptx({barrier: "\tbar.warp.sync 0xffffffff;"})
            yield f"barrier {name} a fence", self.ptx({barrier: "\tfence.acq_rel.gpu;"})
        yield "wait removed", self.edited(take, "@!set bra again; ", "")
        yield "wait relaxed", self.edited(take, "acquire", "relaxed")
        yield "wait weak", self.edited(take, r"\.acquire\.gpu", "")
        yield "wait of the block's scope", self.edited(take, "gpu.global.b32 flag", "cta.global.b32 flag")
        yield "wait for zero", self.edited(take, "setp.ne", "setp.eq")
        yield "wait for the other consumer's flag", self.edited(take, *at(4))
        yield "wait for the next program's flag", self.edited(take, *at(8))
        yield "first load before the barrier", self.moved(self.loads[0], self.taken)
        yield "flag not cleared", self.edited(take, r"st\.relaxed\.gpu\.global\.b32 [^;]*; ", "")
        yield "flag cleared before the wait", self.edited(take, r"(again:.*?)(st\.relaxed[^;]*;)", r"\2 \1")
        yield "flag cleared to one", self.edited(take, r"(st\.relaxed[^,]*), %r\d+;", r"\1, 1;")
        yield "first vector written elsewhere", self.edited(self.stores[0], *at(65536))
        yield "first vector read elsewhere", self.edited(self.loads[0], *at(16))


@pytest.fixture(scope="module")
def protocol(streamed):
    package = streamed(Variant(), 4)
    return package, Protocol(json.loads(package.read_text())["ptx"])


def run_mutant(tool, package, ptx, folder):
    """Names of findings of eight seeds, or the error; whether the numbers are right."""
    variant, shape = Variant(), (304, 528, 320)
    mutant = packages.edit(package, folder / "mutant.tkpkg", lambda package: package.update(ptx=ptx))
    a, b, reference = packages.make_inputs(variant, shape, 1)
    names, right = set(), True
    for seed in range(MUTANT_SEEDS):
        run = packages.run_gemm(tool, mutant, variant, (a, b), folder, f"--seed={seed}", "--device=sim:4", "--keep-output",
                                f"--max-steps={STEPS}")
        if run.report is None:
            names.add(run.process.stderr.strip())
            break
        names |= {f"{finding['severity']} {finding['name']}" for finding in run.report["findings"]}
        right &= run.output is not None and packages.relative_error(run.output, reference) <= packages.TOLERANCE["bf16"]
        if names:
            break
    return names, right


def test_unmutated(tool, protocol, tmp_path):
    package, kernel = protocol
    assert run_mutant(tool, package, kernel.ptx({}), tmp_path) == (set(), True)


def test_mutants(tool, protocol, tmp_path):
    """Each is reported by name; wrong numbers alone do not count."""
    package, kernel = protocol
    silent, seen = [], set()
    for change, ptx in kernel.mutants():
        assert ptx not in seen, change
        seen.add(ptx)
        names, right = run_mutant(tool, package, ptx, tmp_path)
        reported = any("error" in name for name in names)
        if not reported and not (change in DATA and not right):
            silent.append((change, sorted(names), right))
    assert len(seen) > 25 and silent == []
