"""Products whose depth the programs of a cluster share, on the simulator, against a float64 product.

Each takes a part of the steps, all add up one another's sums in the order of ranks: the result must be as exact as
that of one program, the same on every seed, and complete where a program finds no steps left.
"""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import packages
import pytest
import ring_mutants
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


# --- Mutants of the protocol ------------------------------------------------------------------------------------------

PARTS = 4
MUTANT_SHAPE = (128, 128, 2048)  # Eight trips in each of four programs: twice round the ring.
MUTANT_SEEDS = 8
STEPS = 1_000_000  # Warp instructions; the unchanged kernel takes a fiftieth of that.
SHIFTS = (-32, -7, -1, 1, 7, 32)


class Protocol(ring_mutants.Units):
    """The instructions of gemm_tma by which four programs share their sums, and what can be wrong with them."""

    def __init__(self, ptx):
        super().__init__(ptx)
        self.inits, self.fences = self.all(r"mbarrier\.init"), self.all(r"fence\.mbarrier_init")
        self.start_arrive, self.end_arrive = self.all(r"barrier\.cluster\.arrive\.release;")
        self.start, self.end = self.all(r"barrier\.cluster\.wait\.acquire;")
        self.ring_start = self.one(r"bar\.sync\s+0;")
        # "Sum ready", then the slots that are full and those that are free.
        (self.sum, *self.full), self.free = self.inits[:5], self.inits[5:]
        assert len(self.free) == 4 and len(self.fences) == 3
        self.arrivals = self.all(r"mapa.*mbarrier\.arrive\.release\.cluster")
        self.full_wait, self.sum_wait, self.free_wait = self.all(r"mbarrier\.try_wait")
        self.releases = self.all(r"mbarrier\.arrive\.shared")
        self.expect = self.one(r"mbarrier\.arrive\.expect_tx")
        self.loads = self.all(r"ld\.shared::cluster")
        self.bases = [number for number in self.all(r"mapa\.shared") if number not in self.arrivals]
        assert (len(self.arrivals), len(self.releases), len(self.bases), len(self.loads)) == (PARTS, 2, PARTS, 4 * PARTS)
        stores = self.all(r"st\.shared\.v4")
        self.stores = [number for number in stores if number < self.arrivals[0]]
        assert self.stores and max(self.stores) < self.arrivals[0] < self.sum_wait < self.bases[0] < self.end_arrive

    def count(self, number, change):
        (count,) = re.search(r", (\d+);", self.units[number]).groups()
        return self.change(number, r", \d+;", f", {change(int(count))};")

    def only(self, number, condition):
        """The unit, for threads for which `condition` (setp's operator and operands) holds."""
        unit = self.units[number].strip()
        return {number: f"{{ .reg .pred %only; .reg .b32 %t; mov.u32 %t, %tid.x; {condition}; @!%only bra others; {unit} "
                        "others: }"}

    def mutants(self):
        """What is changed, and the PTX."""
        one_of_warp = "and.b32 %t, %t, 31; setp.eq.u32 %only, %t, 0"
        for shift in SHIFTS:
            yield f"sum ready {shift:+}", self.ptx(self.count(self.sum, lambda count: count + shift))
        for name, inits in ("full", self.full), ("free", self.free):
            for shift in SHIFTS:
                for slot in (0, 3):
                    (count,) = re.search(r", (\d+);", self.units[inits[slot]]).groups()
                    if int(count) + shift >= 0:
                        yield f"{name}[{slot}] {shift:+}", self.ptx(self.count(inits[slot], lambda count: count + shift))
        yield "sum ready's init removed", self.ptx({self.sum: ""})
        yield "sum ready's init after the cluster barrier", self.moved(self.sum, self.ring_start)
        for number, name in enumerate(("sum ready", "the full slots", "the free slots")):
            yield f"fence of {name} removed", self.ptx({self.fences[number]: ""})
        yield "fence of sum ready removed, start barrier relaxed", self.ptx(
            {self.fences[0]: ""} | self.change(self.start_arrive, "release", "relaxed"))
        yield "all fences removed", self.ptx(dict.fromkeys(self.fences, ""))
        yield "fences of the ring removed", self.ptx(dict.fromkeys(self.fences[1:], ""))
        yield "bar.sync removed", self.ptx({self.ring_start: ""})
        for name, arrive, wait in ("start", self.start_arrive, self.start), ("end", self.end_arrive, self.end):
            yield f"{name} barrier removed", self.ptx({arrive: "", wait: ""})
            yield f"{name} barrier without arrive", self.ptx({arrive: ""})
            yield f"{name} barrier without wait", self.ptx({wait: ""})
            yield f"{name} barrier of the program", self.ptx({arrive: "", wait: "\tbar.sync 0;"})
            yield f"{name} barrier relaxed", self.edited(arrive, "release", "relaxed")
        for rank, arrival in enumerate(self.arrivals):
            yield f"arrival at {rank} removed", self.ptx({arrival: ""})
        first, second = self.arrivals[:2]
        rank = r"(mapa\S+ remote, %r\d+), %r\d+;"
        yield "arrival at 0 of a program only", self.ptx(self.only(first, "setp.lt.u32 %only, %t, 256"))
        yield "arrival at 0 goes to 1", self.edited(first, rank, r"\1, 1;")
        yield "arrival at 3 goes to 4", self.edited(self.arrivals[3], rank, r"\1, 4;")
        yield "arrival at 0 after the one at 1", self.ptx({first: "", second: self.units[second] + "\n" + self.units[first]})
        yield "arrival at 1 doubled", self.ptx({second: self.units[second] + "\n" + self.units[second]})
        yield "arrivals at 0 of the block's scope", self.edited(first, r"release\.cluster", "release.cta")
        yield "arrivals at 0 relaxed", self.edited(first, r"release", "relaxed")
        yield "arrivals at 0 for two", self.edited(first, r"\[remote\];", "[remote], 2;")
        double = self.count(self.sum, lambda count: 2 * count)
        for arrival in self.arrivals:
            double |= self.change(arrival, r"\[remote\];", "[remote], 2;")
        yield "all arrivals for two, twice the count", self.ptx(double)
        single = self.count(self.sum, lambda count: count // 32)
        for arrival in self.arrivals:
            single |= self.only(arrival, one_of_warp)
        yield "one lane arrives for its warp", self.ptx(single)
        yield "one lane arrives for its warp, after bar.warp.sync", self.ptx(
            single | {first: "\tbar.warp.sync 0xffffffff;\n" + single[first]})
        last = self.stores[-1]
        yield "last store after the arrivals", self.moved(last, self.sum_wait)
        yield "last store after the arrival at 0", self.moved(last, second)
        yield "first store after the arrival at 0", self.moved(self.stores[0], second)
        yield "first store elsewhere", self.edited(self.stores[0], r"\+(\d+)\]", lambda m: f"+{int(m[1]) + 16}]")
        yield "sums' wait removed", self.ptx({self.sum_wait: ""})
        yield "sums' wait asked once", self.edited(self.sum_wait, r"@!done bra again; ", "")
        yield "sums' wait of the other parity", self.edited(self.sum_wait, r"(\[%r\d+\]), %r\d+;", r"\1, 1;")
        yield "sums' wait of the block's scope", self.edited(self.sum_wait, r"acquire\.cluster", "acquire.cta")
        yield "sums' wait relaxed", self.edited(self.sum_wait, "acquire", "relaxed")
        yield "sums' wait before the last arrival", self.moved(self.sum_wait, self.arrivals[3])
        yield "sums' wait after the first load", self.moved(self.sum_wait, self.loads[0] + 1)
        yield "sums' wait of lane 0 of each warp", self.ptx(self.only(self.sum_wait, one_of_warp))
        yield "sums' wait of one warpgroup", self.ptx(self.only(self.sum_wait, "setp.lt.u32 %only, %t, 256"))
        yield "sums' wait at a full slot", self.edited(self.sum_wait, r"\[(%r\d+)\]", r"[\1+8]")
        rank = r"(mapa\S+ %r\d+, %r\d+), %r\d+;"
        for number, base in enumerate(self.bases):
            yield f"sum of {number} read from the next program", self.edited(base, rank, rf"\1, {(number + 1) % PARTS};")
        yield "sum of 3 read from 4", self.edited(self.bases[3], rank, r"\1, 4;")
        yield "first load elsewhere", self.edited(self.loads[0], r"\+0\]", "+16]")
        for name, wait in ("full", self.full_wait), ("free", self.free_wait):
            yield f"{name} wait removed", self.ptx({wait: ""})
            yield f"{name} wait asked once", self.edited(wait, r"@!done bra again; ", "")
            yield f"{name} wait of the other parity", self.ptx(
                {wait: "{ .reg .b32 %q; " + re.sub(r"(\[%r\d+\]), (%r\d+);", r"\1, %q;", re.sub(
                    r"again:", lambda _: f"xor.b32 %q, {re.search(r'], (%r[0-9]+);', self.units[wait])[1]}, 1; again:",
                    self.units[wait].strip())) + " }"})
        yield "release in the loop removed", self.ptx({self.releases[0]: ""})
        yield "release by one consumer", self.ptx(self.only(self.releases[0], "setp.lt.u32 %only, %t, 256"))
        yield "last release removed", self.ptx({self.releases[1]: ""})
        yield "expect_tx removed", self.ptx({self.expect: ""})
        yield "expect_tx an arrival", self.edited(self.expect, r"\.expect_tx(\S+) _, (\[%r\d+\]), \d+;", r"\1 _, \2;")
        for number, fence in enumerate(self.all(r"wgmma\.fence")):
            yield f"wgmma.fence {number} removed", self.ptx({fence: ""})


CARRIED_BY_THE_BARRIER = (
    "barrier.cluster.arrive.release by the initialising thread, after the initialisation, orders it before what a peer does "
    "after its wait: the lighter fence would be needed only if the arrival were relaxed, which is a mutant of its own")
A_QUARTER_EACH = (
    "a program reads the four slices of its own rank and no others: the first program reads the first four, and the last "
    "slice is stored before the arrival at the last program, its only reader")
OWN_ORDER = "each thread arrives once at each program after all its stores; nothing depends on the order of these arrivals"
FOR_ITS_WARP = (
    "bar.warp.sync orders the stores of all lanes before the arrival of one, which releases them with its own "
    "(causality order is transitive); 32 of 1024 threads arrive")
NO_STEP_LEFT = "the producer waits for a free slot before it loads; after the last trip it loads nothing, and nobody waits"

EQUIVALENT = {
    "fence of sum ready removed": CARRIED_BY_THE_BARRIER,
    "fence of the full slots removed": ring_mutants.LATER_FENCE,
    "fence of the free slots removed": ring_mutants.NO_COPY,
    "start barrier relaxed": ring_mutants.RELAXED_START,
    "arrival at 0 after the one at 1": OWN_ORDER,
    "all arrivals for two, twice the count": "two for each of 1024 threads are 2048",
    "one lane arrives for its warp, after bar.warp.sync": FOR_ITS_WARP,
    "last store after the arrival at 0": A_QUARTER_EACH,
    "last release removed": NO_STEP_LEFT,
    "wgmma.fence 0 removed": ring_mutants.OTHER_FENCE,
    "wgmma.fence 1 removed": ring_mutants.ONCE,
}
# Bugs all the same; a simulator that learns to see one fails the test.
UNDETECTED = {
    "fences of the ring removed": ring_mutants.NO_FENCE,
    "sums' wait of lane 0 of each warp": "to the simulator what one lane of a warp acquired, its warp has",
}
# They break no order, and only compute something else.
DATA = {*(f"sum of {number} read from the next program" for number in range(PARTS)), "first load elsewhere"}


@pytest.fixture(scope="module")
def run_mutant(tool, split, tmp_path_factory):
    """run(name, ptx, seeds): the names of findings worse than a note, and whether the numbers are right."""
    folder, package = tmp_path_factory.mktemp("mutants"), split(Variant(), PARTS, "--no-certify")
    a, b, reference = packages.make_inputs(Variant(), MUTANT_SHAPE, 1)
    for name, array in ("A", a), ("B", b), ("expected", reference.astype(packages.NUMPY["bf16"])):
        np.save(folder / f"{name}.npy", array)

    def run(name, ptx, seeds):
        mutant = packages.edit(package, folder / f"{re.sub(r'[^a-z0-9+-]', '-', name)}.tkpkg", lambda p: p.update(ptx=ptx))
        done = tool("tk-run", mutant, "--variant=gemm_tma", f"--arg=A={folder / 'A.npy'}", f"--arg=B={folder / 'B.npy'}",
                    "--out=C", f"--check=C={folder / 'expected.npy'}:{packages.TOLERANCE['bf16']}", "--device=sim:4",
                    f"--seeds={seeds}", f"--max-steps={STEPS}", "--report=json")
        assert done.stdout, (name, done.stderr)
        report = json.loads(done.stdout)
        found = {f["name"] for f in report["findings"] if f["severity"] != "note"} - {"TK-RUN-SEEDS-DIFFER"}
        return found, all(check["passed"] for check in report["checks"])

    return json.loads(package.read_text())["ptx"], run


def test_mutants(run_mutant):
    """Each is reported by name on one of eight seeds, or listed; wrong numbers alone do not count."""
    ptx, run = run_mutant
    every = f"0..{MUTANT_SEEDS - 1}"
    mutants = dict(Protocol(ptx).mutants())
    assert len({ptx, *mutants.values()}) == len(mutants) + 1
    assert {*EQUIVALENT, *UNDETECTED, *DATA} <= mutants.keys()

    def failure(mutant):
        name, changed = mutant
        if name in EQUIVALENT or name in UNDETECTED or name == "unmutated":
            found, right = run(name, changed, every)
            return [] if (found, right) == (set(), True) else [(name, "listed as silent", sorted(found), right)]
        for seeds in ("0..0", every):  # The first tells of most.
            found, right = run(name, changed, seeds)
            if found or name in DATA and not right:
                return []
        return [(name, "not reported", right)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [text for found in pool.map(failure, [("unmutated", ptx), *mutants.items()]) for text in found]
    assert failures == []
