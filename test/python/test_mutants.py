"""Every fence, wait, arrival and barrier of the emitted PTX is needed, and the simulator knows it.

The kernel is examples/gemm.mlir in two layouts, both of its variants. Of `gemm`, the plain one, each synchronising
instruction (fence.proxy.async, bar.sync, wgmma.fence, wgmma.commit_group, wgmma.wait_group) is in turn

* removed,
* moved to every other place between two memory, wgmma or synchronising instructions: out of the loop, to its top,
  between the stores to shared memory, and to each gap from the last store to the loop's end,
* weakened: wait for one group less, a fence of the wrong state space or proxy, a barrier of one warp, one warp only.

Of `gemm_tma`, the ring with its producer and consumers, the same, and all that the protocol is made of: counts and
places of mbarrier.init, waits and their parities, arrivals, who makes them and in which program, expect_tx and its
bytes, each copy's destination, coordinates, mask and barrier, the cluster's barriers, each program's part of the
operands, the tiles a cluster walks, the slot's and phase's advance, setmaxnreg, the descriptors of wgmma, and the
epilogue's named barriers, bulk groups and stores. `alone` is the same kernel without clusters, of which a sample runs.

Each mutant runs with 8 seeds. It must be reported by name (a finding of severity error or warning, or a launch that is
refused), or stand in EQUIVALENT with the proof that it is right, and then its numbers must be right and nothing but
notes reported. Wrong numbers alone do not count as reported, but for mutants that break no order and only compute
something else (ring_mutants.DATA). What is a bug and passes all the same is listed in UNDETECTED, with the reason; a
simulator that learns to see it fails the test, and the line goes.

    .venv/bin/python test/python/test_mutants.py --write [NOTE]     # bench/results/mutants-gemm.md
"""

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import packages
import pytest
import ring_mutants
from packages import TOLERANCE, Variant
from ring_mutants import Mutant

VARIANTS = [Variant(), Variant("bf16", "bf16", "column", "row")]

# How each kernel is compiled and where it runs: (device, sizes). The first problem tells of nearly all mutants, what it
# leaves unreported runs on the others too.
# gemm: three k-steps, so that each slot is reused twice; then remainders on all sides.
# gemm_tma: a cluster of two walks two tiles, five trips to a tile, two and a half times round the ring of four; then
# the cluster's second program has no row of the results, and there are remainders on all other sides.
# alone: the same without clusters.
Kernel = namedtuple("Kernel", "entry options problems unmutated")
KERNELS = {
    "gemm": Kernel("gemm", (), [("sim", (128, 128, 192)), ("sim", (129, 130, 200))], []),
    "gemm_tma": Kernel("gemm_tma", (), [("sim:2", (256, 512, 320)), ("sim:2", (120, 264, 328))],
                       [("sim:4", (392, 520, 584)), ("sim:4", (136, 1032, 136))]),
    "alone": Kernel("gemm_tma", ("--tune=cluster=1",), [("sim:2", (256, 512, 320)), ("sim:2", (136, 264, 328))], []),
}
SEEDS = 8
LISTED_SEEDS = 4  # Of mutants that must not be reported, in the test; the table takes all.
STEPS = 300_000  # Warp instructions; an unchanged gemm_tma takes 40,000 of them.

# --- The program and its places ----------------------------------------------------------------------------------

PATTERNS = [
    ("fence.proxy", r"fence\.proxy\.async"),
    ("bar.warp.sync", r"bar\.warp\.sync"),
    ("bar.sync", r"(bar|barrier)\b.*\.?sync"),
    ("wgmma.fence", r"wgmma\.fence"),
    ("commit", r"wgmma\.commit_group"),
    ("wait", r"wgmma\.wait_group"),
    ("wgmma", r"wgmma\.mma_async"),
    ("st.shared", r"st\.shared"),
]
SYNCHRONISING = ("fence.proxy", "bar.sync", "wgmma.fence", "commit", "wait")

Instruction = namedtuple("Instruction", "name line")  # line: index into the lines of the PTX


class PlainKernel:
    """The lines of @gemm, a kernel with one loop, and the named places in it."""

    def __init__(self, ptx):
        self.lines = ptx.split("\n")
        self.begin = self.find(r"\$L__func_begin\d+:", self.find(r"\.visible \.entry gemm\("))
        back = self.find(r"\s*bra(\.uni)?\s+(\$L__BB\d+_\d+);", self.begin)
        label = re.search(r"\$L__BB\d+_\d+", self.lines[back]).group()
        self.loop = self.find(re.escape(label) + ":")
        self.top = self.find(r"\s*@!?%p\d+ bra", self.loop)
        self.back = back
        self.exit = self.find(r"\$L__BB\d+_\d+:", back)
        self.instructions = self.collect()
        names = [i.name for i in self.instructions]
        for name in SYNCHRONISING:
            if names.count(name) != 1:
                raise AssertionError(f"expected one {name} in the loop, got {names.count(name)}: adapt this test")

    def find(self, pattern, start=0):
        return next(i for i in range(start, len(self.lines)) if re.match(pattern, self.lines[i]))

    def collect(self):
        found = []
        for index in range(self.begin, self.find(r"\$L__func_end\d+:", self.begin)):
            for name, pattern in PATTERNS:
                if re.match(rf"\s*(@!?%p\d+ )?{pattern}", self.lines[index]):
                    if not self.loop < index < self.back:
                        raise AssertionError(f"{name} outside of the loop: adapt this test")
                    found.append(Instruction(name, index))
                    break
        count = {"wgmma": 0, "st.shared": 0, "bar.warp.sync": 0}
        for position, (name, line) in enumerate(found):
            if name in count:
                count[name] += 1
                found[position] = Instruction(f"{name} {count[name]}", line)
        self.warp_syncs = [i for i in found if i.name.startswith("bar.warp.sync")]
        return [i for i in found if i not in self.warp_syncs]

    def target(self, name):
        return next(i.line for i in self.instructions if i.name == name)

    def slots(self):
        """(name, line before which to insert, the instruction right before that place)."""
        stores = [i for i in self.instructions if i.name.startswith("st.shared")]
        yield "before the loop", self.loop, None
        yield "at the top of the loop", self.top + 1, None
        yield "before the first st.shared", stores[0].line, None
        yield "before the last st.shared", stores[-1].line, None
        for instruction in self.instructions[self.instructions.index(stores[-1]):]:
            name = "the last st.shared" if instruction is stores[-1] else instruction.name
            yield f"after {name}", instruction.line + 1, instruction.name
        yield "after the loop", self.exit + 1, None

    def without(self, target, *inserted):
        """The PTX with line `target` gone and (place, text) inserted before the line `place`."""
        lines = list(self.lines)
        lines[target] = ""
        for place, text in sorted(inserted, reverse=True):
            lines.insert(place, text)
        return "\n".join(lines)

    def mutants(self):
        for instruction in self.warp_syncs:
            yield Mutant("bar.warp.sync", f"{instruction.name.split()[-1]} removed", self.without(instruction.line))
        for name in SYNCHRONISING:
            line = self.target(name)
            yield Mutant(name, "removed", self.without(line))
            position = [i.line for i in self.instructions].index(line)
            before = self.instructions[position - 1].name
            for slot, place, previous in self.slots():
                if previous not in (name, before):
                    yield Mutant(name, slot, self.without(line, (place, self.lines[line])))
            for change, text in self.weaker(name, self.lines[line].strip()):
                yield Mutant(name, change, self.without(line, (line, text)))

    @staticmethod
    def weaker(name, text):
        one_warp = "{ .reg .pred %one; .reg .b32 %t; mov.u32 %t, %tid.x; setp.lt.u32 %one, %t, 32; @%one " + text + " }"
        yield "by warp 0 only", one_warp
        if name == "fence.proxy":
            yield "by one lane of each warp", (
                "{ .reg .pred %one; .reg .b32 %t; mov.u32 %t, %laneid; setp.eq.u32 %one, %t, 0; @%one " + text + " }")
            yield "of global memory", "fence.proxy.async.global;"
            yield "of the generic proxy", "fence.acq_rel.cta;"
        if name == "bar.sync":
            yield "of each warp alone", "bar.warp.sync 0xffffffff;"
            yield "arriving without waiting", "bar.arrive 0, 128;"
            yield "a memory fence", "membar.cta;"
        if name == "wait":
            yield "for all groups but one", "wgmma.wait_group.sync.aligned 1;"


# --- Mutants that are no bugs ------------------------------------------------------------------------------------

REGISTERS_ONLY = (
    "wgmma.fence orders register accesses of its warp and no memory, and bar.sync and fence.proxy.async touch no "
    "register of a wgmma, so the order of the three among themselves does not matter (PTX ISA 9.7.15.7.1)")
UNTOUCHED = (
    "between this place and the first wgmma no instruction reads or writes an accumulator, so the same register "
    "accesses are fenced as before (PTX ISA 9.7.15.7.1)")
ONCE = (
    "the accumulators are written by ordinary instructions before the loop only, and all wgmmas in it have one "
    "shape: wgmmas of one shape on one accumulator need no fence between them (PTX ISA 9.7.15.7.1), also across "
    "wait_group. Right by the letter of PTX, and no better: ptxas 13.0 does not see through the loop, injects the "
    "fence again and says so (C7519), which the check for a silent ptxas would report")
READER_SIDE = (
    "every thread of the warpgroup, which issues the wgmma, fences after the barrier that orders all stores before "
    "it: the fence lies on every path from a store to the wgmma. Reported as the note TK-SIM-RACE-PROXY-ISSUER, "
    "not as an error; tk emits the writer's side, which is the documented one")

ONE_LANE = (
    "bar.warp.sync orders accesses of lanes of one warp. Between two of them a lane loads from global memory, which "
    "nothing writes, and stores to its own bytes of the tile, which no lane reads before bar.sync: no two accesses of "
    "different lanes are ordered by it alone. It is there for ptxas, which would otherwise load the whole tile first "
    "and spill")

PLAIN_EQUIVALENT = {
    **{("bar.warp.sync", f"{n} removed"): ONE_LANE for n in range(1, 3)},
    ("bar.sync", "after wgmma.fence"): REGISTERS_ONLY,
    ("wgmma.fence", "before the loop"): ONCE,
    ("wgmma.fence", "at the top of the loop"): UNTOUCHED,
    ("wgmma.fence", "before the first st.shared"): UNTOUCHED,
    ("wgmma.fence", "before the last st.shared"): UNTOUCHED,
    ("wgmma.fence", "after the last st.shared"): UNTOUCHED,
    ("wgmma.fence", "after fence.proxy"): REGISTERS_ONLY,
    ("fence.proxy", "after bar.sync"): READER_SIDE,
    ("fence.proxy", "after wgmma.fence"): READER_SIDE,
    ("bar.sync", "after the last st.shared"): READER_SIDE,
}

EQUIVALENT = {"gemm": PLAIN_EQUIVALENT, "gemm_tma": ring_mutants.EQUIVALENT[2], "alone": ring_mutants.EQUIVALENT[1]}
UNDETECTED = {"gemm": {}, "gemm_tma": ring_mutants.UNDETECTED[2], "alone": ring_mutants.UNDETECTED[1]}

# --- Running them ------------------------------------------------------------------------------------------------

# Names of findings: errors and warnings; notes. `first`: the first seed that shows one of the former.
Outcome = namedtuple("Outcome", "findings notes right first")


@lru_cache
def problem(folder, variant, shape):
    """The files of A, B and the reference, and the reference. Not for several threads at once: two would write one file."""
    a, b, reference = packages.make_inputs(variant, shape, 0)
    paths = [folder / f"{name}-{variant}-{'-'.join(map(str, shape))}.npy" for name in ("A", "B", "reference")]
    for path, array in zip(paths, (a, b, reference)):
        np.save(path, array)
    return *paths, reference


def sampled(number, mutant):
    """Of the kernel without clusters: what differs most from the other, and every fifth of the rest."""
    return re.match("mbarrier.init|bar.sync|(last )?release|tiles", mutant.target) or number % 5 == 0


def mutants_of(name, variant, ptx, groups=None):
    """The mutants of a kernel; in the second layout of gemm_tma, those of what differs there: copies, descriptors."""
    if name == "gemm":
        return list(PlainKernel(ptx).mutants())
    if variant != VARIANTS[0]:
        groups = groups or ("loads", "descriptors")
    mutants = ring_mutants.RingKernel(ptx).mutants(groups)
    return [mutant for number, mutant in enumerate(mutants) if name == "gemm_tma" or sampled(number, mutant)]


class Bench:
    """Runs PTX in the place of a compiled package's."""

    def __init__(self, tool, folder):
        self.tool, self.folder, self.lock = tool, folder, threading.Lock()

    @lru_cache
    def compiled(self, name, variant):
        path = self.folder / f"{name}-{variant}.tkpkg"
        return packages.compile_gemm(self.tool, variant, path, "--no-certify", *KERNELS[name].options)

    def ptx(self, name, variant):
        return json.loads(self.compiled(name, variant).read_text())["ptx"]

    def mutants(self, name, variant, groups=None):
        return mutants_of(name, variant, self.ptx(name, variant), groups)

    def run(self, ptx, name, variant, where, seeds):
        device, shape = where
        with self.lock:
            a, b, expected, reference = problem(self.folder, variant, shape)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            package, out = Path(folder) / "mutant.tkpkg", Path(folder) / "C.npy"
            packages.edit(self.compiled(name, variant), package, lambda package: package.update(ptx=ptx))
            done = self.tool("tk-run", package, "--arg", f"A={a}", "--arg", f"B={b}", "--out", f"C={out}", "--keep-output",
                             f"--device={device}", "--report=json", f"--seeds={seeds}", f"--max-steps={STEPS}",
                             f"--variant={KERNELS[name].entry}", f"--check=C={expected}:{TOLERANCE[variant.output]}")
            if not done.stdout:
                assert done.returncode == 1 and done.stderr.startswith("tk-run: error: "), done.stderr
                return Outcome(["REFUSED"], [], False, None)
            report = json.loads(done.stdout)
            output = np.load(out).view(packages.NUMPY[variant.output])
        differ = [f for f in report["findings"] if f["name"] == "TK-RUN-SEEDS-DIFFER"]
        found = [f for f in report["findings"] if f["severity"] != "note" and f not in differ]
        notes = sorted({f["name"] for f in report["findings"] if f["severity"] == "note"})
        right = (bool(report["checks"]) and all(check["passed"] for check in report["checks"])
                 and bool(packages.relative_error(output, reference) <= TOLERANCE[variant.output]))
        return Outcome(sorted({f["name"] for f in found}), notes, right and not differ,
                       min((f["seed"] for f in found), default=None))

    def failures(self, name, variant, mutant):
        """What speaks against a mutant's place in, or absence from, EQUIVALENT and UNDETECTED."""
        key, text = (mutant.target, mutant.change), f"{name}: {mutant.target} {mutant.change}"
        table = next((table for table in ("EQUIVALENT", "UNDETECTED") if key in globals()[table][name]), None)
        problems = KERNELS[name].problems
        if table is None:
            # The first seed tells of most; the others are there for the rest.
            for where, seeds in ((problems[0], "0..0"), *((where, f"0..{SEEDS - 1}") for where in problems)):
                outcome = self.run(mutant.ptx, name, variant, where, seeds)
                if outcome.findings or not outcome.right and name != "gemm" and ring_mutants.is_data(mutant):
                    return []
            return [f"{text}: not reported on any of {SEEDS} seeds (numbers {'right' if outcome.right else 'WRONG'}, "
                    f"notes {outcome.notes})"]
        found = []
        for where in problems:
            outcome = self.run(mutant.ptx, name, variant, where, f"0..{LISTED_SEEDS - 1}")
            if outcome.findings:
                found.append(f"{text}: listed in {table}, but reported as {outcome.findings}")
            if not outcome.right:
                found.append(f"{text}: listed in {table}, but the numbers are wrong")
        return found

    def all_failures(self, name, variant, mutants):
        self.compiled(name, variant)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [text for found in pool.map(partial(self.failures, name, variant), mutants) for text in found]


@pytest.fixture(scope="module")
def bench(tool, tmp_path_factory):
    return Bench(tool, tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_unmutated(bench, variant, name):
    for where in KERNELS[name].problems + KERNELS[name].unmutated:
        assert bench.run(bench.ptx(name, variant), name, variant, where, "0..9") == ([], [], True, None)


@pytest.mark.parametrize("target", SYNCHRONISING + ("bar.warp.sync",))
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_mutants(bench, variant, target):
    mutants = [mutant for mutant in bench.mutants("gemm", variant) if mutant.target == target]
    assert len(mutants) > (15 if target in SYNCHRONISING else 1)
    assert bench.all_failures("gemm", variant, mutants) == []


@pytest.mark.parametrize("variant, group", [
    *((VARIANTS[0], group) for group in ring_mutants.GROUPS), (VARIANTS[1], "loads"), (VARIANTS[1], "descriptors")], ids=str)
def test_ring_mutants(bench, variant, group):
    mutants = bench.mutants("gemm_tma", variant, (group,))
    assert len(mutants) >= 5 and len({(mutant.target, mutant.change) for mutant in mutants}) == len(mutants)
    assert bench.all_failures("gemm_tma", variant, mutants) == []


def test_mutants_without_clusters(bench):
    mutants = bench.mutants("alone", VARIANTS[0])
    assert len(mutants) > 150
    assert bench.all_failures("alone", VARIANTS[0], mutants) == []


@pytest.mark.parametrize("name", KERNELS)
def test_the_table_has_no_strangers(bench, name):
    """Each line of the tables is a mutant that exists: a proof of nothing would hide a renamed place."""
    kernel = PlainKernel if name == "gemm" else ring_mutants.RingKernel
    mutants = [mutant for variant in VARIANTS for mutant in kernel(bench.ptx(name, variant)).mutants()]
    names = {(mutant.target, mutant.change) for mutant in mutants}
    assert set(EQUIVALENT[name]) | set(UNDETECTED[name]) <= names
    assert not set(EQUIVALENT[name]) & set(UNDETECTED[name])


@pytest.mark.parametrize("name", KERNELS)
def test_every_mutant_is_another_kernel(bench, name):
    ptx = bench.ptx(name, VARIANTS[0])
    seen = {} if name == "gemm" else {ring_mutants.RingKernel(ptx).text(): "the kernel itself"}
    for mutant in bench.mutants(name, VARIANTS[0]):
        assert mutant.ptx not in seen, (mutant[:2], seen[mutant.ptx])
        seen[mutant.ptx] = mutant[:2]


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("target, change", [("wait", "removed"), ("load 1", "row one off")])
def test_an_unchanged_kernel_is_no_mutant(bench, name, target, change):
    """The test sees a mutant that nobody reports: here the kernel itself, under a mutant's name."""
    found = bench.failures(name, VARIANTS[0], Mutant(target, change, bench.ptx(name, VARIANTS[0])))
    assert len(found) == 1 and "not reported on any of 8 seeds (numbers right" in found[0]


@pytest.mark.parametrize("listed, actual, expected", [
    (("full wait", "after wgmma.fence"), ("full wait", "removed"), "but reported as"),
    (("commit", "doubled"), ("load 1", "row one off"), "but the numbers are wrong"),
    (("full wait", "by lane 0 of each warp only"), ("full wait", "removed"), "listed in UNDETECTED, but reported"),
])
def test_a_false_proof_is_seen(bench, listed, actual, expected):
    """A mutant that is a bug, under the name of one that is listed as none."""
    mutants = {mutant[:2]: mutant.ptx for mutant in bench.mutants("gemm_tma", VARIANTS[0])}
    found = bench.failures("gemm_tma", VARIANTS[0], Mutant(*listed, mutants[actual]))
    assert any(expected in text for text in found), found


# --- The table ---------------------------------------------------------------------------------------------------

VERDICTS = ("reported", "by numbers", "equivalent", "undetected", "MISSED", "FALSE")


def write_table(note):
    build = Path(os.environ.get("TK_BUILD", packages.ROOT / "build"))

    def tool(name, *arguments):
        return subprocess.run([str(build / "bin" / name), *map(str, arguments)], capture_output=True, text=True)

    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=packages.ROOT, capture_output=True, text=True)
    sections, summary, total = [], [], Counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        bench = Bench(tool, Path(folder))
        for name, variant in [*((name, variant) for name in ("gemm", "gemm_tma") for variant in VARIANTS), ("alone", VARIANTS[0])]:
            mutants = bench.mutants(name, variant)
            rows, totals = [], Counter()
            for row, verdict in pool.map(partial(table_row, bench, name, variant), mutants):
                rows.append(row)
                totals[verdict] += 1
                print(row, flush=True)
            title = f"{TITLES[name]}: {variant.input}, A {variant.a}-major, B {variant.b}-major"
            summary.append(summary_row(title, totals))
            total += totals
            sections += [f"## {title}", "", "| instruction | mutation | first seed | numbers | findings |",
                         "|---|---|---|---|---|", *rows, ""]
    text = ["# Mutants of the matrix product's synchronisation", "",
            f"{datetime.date.today()}, commit {head.stdout.strip()}, by `test/python/test_mutants.py --write`; "
            f"`examples/gemm.mlir`, {SEEDS} seeds." + (f" {note}" if note else ""), "",
            "*reported*: a finding of severity error or warning on at least one seed, or a launch that is refused; findings "
            "in brackets are notes. *By numbers*: only wrong numbers, of a mutant that breaks no order. *Equivalent*, "
            "*undetected*: see the end. *Found*: reported or by numbers, of all that are not equivalent.", "",
            "| kernel | mutants | " + " | ".join(VERDICTS) + " | found |", "|---" * (3 + len(VERDICTS)) + "|",
            *summary, summary_row("**all**", total), "",
            "| kernel | problem | where else, if nothing is reported there |", "|---|---|---|"]
    for name, kernel in KERNELS.items():
        where = [f"{'×'.join(map(str, shape))} on `--device={device}`" for device, shape in kernel.problems]
        text.append(f"| {TITLES[name]} | {where[0]} | {', '.join(where[1:])} |")
    for title, tables in (("Why some are equivalent", EQUIVALENT), ("What the simulator does not see", UNDETECTED)):
        text += ["", f"## {title}", ""]
        reasons = {}
        for name, table in tables.items():
            for key, reason in table.items():
                reasons.setdefault(reason, {}).setdefault(key, []).append(name)
        for reason, keys in reasons.items():
            which = ", ".join(f"{target} *{change}*" + (" (alone)" if names == ["alone"] else "")
                              for (target, change), names in keys.items())
            text.append(f"* {which}: {reason}.")
    text += ["", *sections]
    (packages.ROOT / "bench" / "results" / "mutants-gemm.md").write_text("\n".join(text).rstrip() + "\n")


TITLES = {"gemm": "`gemm`", "gemm_tma": "`gemm_tma`", "alone": "`gemm_tma` without clusters, a sample"}


def summary_row(title, totals):
    count = sum(totals.values())
    found, bugs = totals["reported"] + totals["by numbers"], count - totals["equivalent"]
    return f"| {title} | {count} | " + " | ".join(str(totals[verdict]) for verdict in VERDICTS) + f" | {found / bugs:.1%} |"


def table_row(bench, name, variant, mutant):
    key, problems = (mutant.target, mutant.change), KERNELS[name].problems
    listed = "equivalent" if key in EQUIVALENT[name] else "undetected" if key in UNDETECTED[name] else None
    right = True
    for where in problems:
        outcome = bench.run(mutant.ptx, name, variant, where, f"0..{SEEDS - 1}")
        right &= outcome.right
        if outcome.findings and not listed:
            break
    if listed:
        verdict = "FALSE" if outcome.findings or not right else listed
    elif outcome.findings:
        verdict = "reported"
    else:
        verdict = "by numbers" if not right and name != "gemm" and ring_mutants.is_data(mutant) else "MISSED"
    what = ", ".join([found.removeprefix("TK-SIM-") for found in outcome.findings]
                     + [f"({note.removeprefix('TK-SIM-')})" for note in outcome.notes])
    if verdict != "reported":
        what = f"**{verdict}** {what}".rstrip()
    elif where != problems[0]:
        what += f" on {'×'.join(map(str, where[1]))}"
    first = "–" if outcome.first is None else outcome.first
    return f"| {mutant.target} | {mutant.change} | {first} | {'right' if right else 'wrong'} | {what} |", verdict


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"] or len(sys.argv) > 3:
        sys.exit(__doc__)
    write_table("".join(sys.argv[2:]))
