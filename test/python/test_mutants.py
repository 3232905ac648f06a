"""Every fence, wait, arrival and barrier of the emitted PTX is needed, and the simulator knows it.

The kernel is examples/gemm.mlir in two layouts, both of its variants. Of `gemm`, the plain one, each synchronising
instruction (fence.proxy.async, bar.sync, wgmma.fence, wgmma.commit_group, wgmma.wait_group) is in turn

* removed,
* moved to every other place between two memory, wgmma or synchronising instructions: out of the loop, to its top,
  between the stores to shared memory, and to each gap from the last store to the loop's end,
* weakened: wait for one group less, a fence of the wrong state space or proxy, a barrier of one warp, one warp only.

Of `gemm_tma`, the ring with its producer and consumers, the same, and all that the protocol is made of: counts and
places of mbarrier.init, waits and their parities, arrivals and who makes them, expect_tx and its bytes, each copy's
destination, coordinates and barrier, the slot's and phase's advance, setmaxnreg, the descriptors of wgmma, and the
epilogue's named barriers, bulk groups and stores. It runs on two multiprocessors, two tiles to a program, nine trips to
a tile: more than twice round the ring of four.

Each mutant runs with 8 seeds. It must be reported by name (a finding of severity error), or stand in EQUIVALENT with
the proof that it is right, and then its numbers must be right and no error reported. Wrong numbers alone do not
count as reported, but for mutants that break no order and only compute something else (ring_mutants.DATA). What is
a bug and passes all the same is listed in UNDETECTED, with the reason; a simulator that learns to see it fails the
test, and the line goes.

    .venv/bin/python test/python/test_mutants.py --write [NOTE]     # bench/results/mutants-gemm.md
"""

import datetime
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
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
# The second problem, for equivalent mutants, has remainders on all sides.
# gemm: three k-steps, so that each slot is reused twice. gemm_tma: see above; 9 and 10 are no multiples of the stages.
PROBLEMS = {"gemm": [(128, 128, 192), (129, 130, 200)], "gemm_tma": [(256, 512, 576), (136, 264, 584)]}
DEVICE = {"gemm": "sim", "gemm_tma": "sim:2"}
SEEDS = 8
STEPS = 1_000_000  # Warp instructions; an unchanged gemm_tma takes 60,000 of them.

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

EQUIVALENT = {"gemm": PLAIN_EQUIVALENT, "gemm_tma": ring_mutants.EQUIVALENT}
UNDETECTED = {"gemm": {}, "gemm_tma": ring_mutants.UNDETECTED}

# --- Running them ------------------------------------------------------------------------------------------------


@lru_cache
def problem(variant, shape):
    return packages.make_inputs(variant, shape, 0)


def mutants_of(entry, variant, ptx, groups=None):
    """All mutants of an entry; in the second layout of gemm_tma, those of what differs there: copies, descriptors."""
    if entry == "gemm":
        return PlainKernel(ptx).mutants()
    return ring_mutants.RingKernel(ptx).mutants(groups or (None if variant == VARIANTS[0] else ("loads", "descriptors")))


def run(tool, source, ptx, entry, variant, shape, folder, seeds):
    """Error names, other names, and whether the numbers are right, of PTX in the package `source`."""
    package = packages.edit(source, folder / "mutant.tkpkg", lambda package: package.update(ptx=ptx))
    a, b, reference = problem(variant, shape)
    np.save(folder / "reference.npy", reference)
    done = packages.run_gemm(tool, package, variant, (a, b), folder, f"--seeds={seeds}", "--keep-output",
                             f"--variant={entry}", f"--max-steps={STEPS}",
                             f"--check=C={folder / 'reference.npy'}:{TOLERANCE[variant.output]}", device=DEVICE[entry])
    assert done.report is not None, done.process.stderr
    errors = sorted({finding["name"] for finding in done.errors})
    others = sorted({f["name"] for f in done.report["findings"] if f["severity"] != "error"})
    right = (all(check["passed"] for check in done.report["checks"]) and bool(done.report["checks"])
             and done.output is not None and bool(packages.relative_error(done.output, reference) <= TOLERANCE[variant.output]))
    return errors, others, right


def compile_variant(tool, variant, folder):
    return packages.compile_gemm(tool, variant, folder / f"{variant}.tkpkg", "--no-certify")


@pytest.fixture(scope="module")
def compiled(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutants")
    return lru_cache(lambda variant: compile_variant(tool, variant, folder))


def ptx_of(package):
    return json.loads(package.read_text())["ptx"]


@pytest.mark.parametrize("entry", PROBLEMS)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_unmutated(tool, compiled, tmp_path, variant, entry):
    ptx = ptx_of(compiled(variant))
    for shape in PROBLEMS[entry]:
        errors, others, right = run(tool, compiled(variant), ptx, entry, variant, shape, tmp_path, "0..19")
        assert (errors, others, right) == ([], [], True)


def failures(tool, source, mutant, entry, variant, folder):
    """What speaks against a mutant's place in, or absence from, EQUIVALENT and UNDETECTED."""
    name = f"{mutant.target} {mutant.change}"
    key = (mutant.target, mutant.change)
    table = next((table for table in ("EQUIVALENT", "UNDETECTED") if key in globals()[table][entry]), None)
    if table is None:
        # The first seed tells of most; the others are there for the rest.
        for seeds in ("0..0", f"1..{SEEDS - 1}"):
            errors, others, right = run(tool, source, mutant.ptx, entry, variant, PROBLEMS[entry][0], folder, seeds)
            if errors or not right and entry == "gemm_tma" and ring_mutants.is_data(mutant):
                return []
        return [f"{name}: not reported on any of {SEEDS} seeds (numbers {'right' if right else 'WRONG'}, "
                f"other findings {others})"]
    found = []
    for shape in PROBLEMS[entry]:
        errors, others, right = run(tool, source, mutant.ptx, entry, variant, shape, folder, f"0..{SEEDS - 1}")
        if errors:
            found.append(f"{name}: listed in {table}, but reported as {errors}")
        if not right:
            found.append(f"{name}: listed in {table}, but the numbers are wrong")
    return found


@pytest.mark.parametrize("target", SYNCHRONISING + ("bar.warp.sync",))
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_mutants(tool, compiled, tmp_path, variant, target):
    source = compiled(variant)
    mutants = [mutant for mutant in mutants_of("gemm", variant, ptx_of(source)) if mutant.target == target]
    assert len(mutants) > (15 if target in SYNCHRONISING else 1)
    assert [text for mutant in mutants for text in failures(tool, source, mutant, "gemm", variant, tmp_path)] == []


@pytest.mark.parametrize("variant, group", [
    *((VARIANTS[0], group) for group in ring_mutants.GROUPS), (VARIANTS[1], "loads"), (VARIANTS[1], "descriptors")], ids=str)
def test_ring_mutants(tool, compiled, tmp_path, variant, group):
    source = compiled(variant)
    mutants = list(mutants_of("gemm_tma", variant, ptx_of(source), (group,)))
    assert len(mutants) >= 5 and len({(mutant.target, mutant.change) for mutant in mutants}) == len(mutants)
    assert [text for mutant in mutants for text in failures(tool, source, mutant, "gemm_tma", variant, tmp_path)] == []


@pytest.mark.parametrize("entry", PROBLEMS)
def test_the_table_has_no_strangers(compiled, entry):
    """Each line of the tables is a mutant that exists: a proof of nothing would hide a renamed place."""
    names = {(mutant.target, mutant.change) for mutant in mutants_of(entry, VARIANTS[0], ptx_of(compiled(VARIANTS[0])))}
    assert set(EQUIVALENT[entry]) | set(UNDETECTED[entry]) <= names
    assert not set(EQUIVALENT[entry]) & set(UNDETECTED[entry])


@pytest.mark.parametrize("entry", PROBLEMS)
def test_every_mutant_is_another_kernel(compiled, entry):
    ptx = ptx_of(compiled(VARIANTS[0]))
    same = next(mutants_of(entry, VARIANTS[0], ptx)).ptx if entry == "gemm" else ring_mutants.RingKernel(ptx).text()
    seen = {}
    for mutant in mutants_of(entry, VARIANTS[0], ptx):
        assert entry == "gemm" or mutant.ptx != same, mutant[:2]
        assert mutant.ptx not in seen, (mutant[:2], seen[mutant.ptx])
        seen[mutant.ptx] = mutant[:2]


@pytest.mark.parametrize("entry", PROBLEMS)
@pytest.mark.parametrize("target, change, expected", [
    ("wait", "removed", "not reported on any of 8 seeds (numbers right"),
    ("load 1", "row one off", "not reported on any of 8 seeds (numbers right"),
])
def test_an_unchanged_kernel_is_no_mutant(tool, compiled, tmp_path, entry, target, change, expected):
    """The test sees a mutant that nobody reports: here the kernel itself, under a mutant's name."""
    source = compiled(VARIANTS[0])
    found = failures(tool, source, Mutant(target, change, ptx_of(source)), entry, VARIANTS[0], tmp_path)
    assert len(found) == 1 and expected in found[0]


@pytest.mark.parametrize("listed, actual, expected", [
    (("full wait", "after wgmma.fence"), ("full wait", "removed"), "but reported as"),
    (("commit", "doubled"), ("load 1", "row one off"), "but the numbers are wrong"),
    (("setmaxnreg.inc", "by warp 0 of each warpgroup only"), ("full wait", "removed"), "listed in UNDETECTED, but reported"),
])
def test_a_false_proof_is_seen(tool, compiled, tmp_path, listed, actual, expected):
    """A mutant that is a bug, under the name of one that is listed as none."""
    source = compiled(VARIANTS[0])
    mutants = {mutant[:2]: mutant.ptx for mutant in mutants_of("gemm_tma", VARIANTS[0], ptx_of(source))}
    found = failures(tool, source, Mutant(*listed, mutants[actual]), "gemm_tma", VARIANTS[0], tmp_path)
    assert any(expected in text for text in found), found


# --- The table ---------------------------------------------------------------------------------------------------

VERDICTS = ("reported", "by numbers", "equivalent", "undetected", "MISSED", "FALSE")


def write_table(note):
    build = Path(os.environ.get("TK_BUILD", packages.ROOT / "build"))

    def tool(name, *arguments):
        return subprocess.run([str(build / "bin" / name), *map(str, arguments)], capture_output=True, text=True)

    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=packages.ROOT, capture_output=True, text=True)

    def sizes(index):
        return " and ".join(f"{'×'.join(map(str, shapes[index]))} (`{entry}`)" for entry, shapes in PROBLEMS.items())

    text = ["# Mutants of the matrix product's synchronisation", "",
            f"{datetime.date.today()}, commit {head.stdout.strip()}, by `test/python/test_mutants.py --write`. "
            f"`examples/gemm.mlir`, {SEEDS} seeds one by one on the problem {sizes(0)}; equivalent mutants also on "
            f"{sizes(1)}. `gemm_tma` runs on {DEVICE['gemm_tma'].partition(':')[2]} multiprocessors."
            + (f" {note}" if note else ""), "",
            "*reported*: a finding of severity error on at least one seed. *By numbers*: only wrong numbers, of a mutant "
            "that breaks no order. *Equivalent*, *undetected*: see the end.", ""]
    sections, summary = [], []
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        for entry, variant in itertools.product(PROBLEMS, VARIANTS):
            source = compile_variant(tool, variant, Path(name))
            mutants = list(mutants_of(entry, variant, ptx_of(source)))
            rows, totals = [], Counter()
            for row, verdict in pool.map(partial(table_row, tool, source, entry, variant), mutants):
                rows.append(row)
                totals[verdict] += 1
                print(row, flush=True)
            title = f"{entry}: {variant.input}, A {variant.a}-major, B {variant.b}-major"
            summary.append(f"| {title} | {len(rows)} | " + " | ".join(str(totals[verdict]) for verdict in VERDICTS) + " |")
            sections += [f"## {title}", "", "| instruction | mutation | reported | wrong numbers | findings |",
                         "|---|---|---|---|---|", *rows, ""]
    text += ["| entry | mutants | " + " | ".join(VERDICTS) + " |", "|---" * (2 + len(VERDICTS)) + "|", *summary, "", *sections]
    for title, tables in (("Why some are equivalent", EQUIVALENT), ("What the simulator does not see", UNDETECTED)):
        text += [f"## {title}", ""]
        for entry, table in tables.items():
            for reason in dict.fromkeys(table.values()):
                which = ", ".join(f"{target} *{change}*" for (target, change), why in table.items() if why == reason)
                text.append(f"* `{entry}`, {which}: {reason}.")
        text.append("")
    (packages.ROOT / "bench" / "results").mkdir(parents=True, exist_ok=True)
    (packages.ROOT / "bench" / "results" / "mutants-gemm.md").write_text("\n".join(text).rstrip() + "\n")


def table_row(tool, source, entry, variant, mutant):
    reported, wrong, names, notes = 0, 0, set(), set()
    key = (mutant.target, mutant.change)
    listed = "equivalent" if key in EQUIVALENT[entry] else "undetected" if key in UNDETECTED[entry] else None
    shapes = PROBLEMS[entry] if listed else PROBLEMS[entry][:1]
    with tempfile.TemporaryDirectory() as folder:
        for shape in shapes:
            for seed in range(SEEDS):
                errors, others, right = run(tool, source, mutant.ptx, entry, variant, shape, Path(folder), f"{seed}..{seed}")
                reported += bool(errors)
                wrong += not right
                names |= set(errors)
                notes |= set(others)
    if listed:
        verdict = "FALSE" if reported or wrong else listed
    elif reported:
        verdict = "reported"
    else:
        verdict = "by numbers" if wrong and entry == "gemm_tma" and ring_mutants.is_data(mutant) else "MISSED"
    what = ", ".join([name.removeprefix("TK-SIM-") for name in sorted(names)]
                     + [f"({name.removeprefix('TK-SIM-')})" for name in sorted(notes)])
    if verdict != "reported":
        what = f"**{verdict}** {what}".rstrip()
    total = SEEDS * len(shapes)
    return f"| {mutant.target} | {mutant.change} | {reported}/{total} | {wrong}/{total} | {what} |", verdict


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"] or len(sys.argv) > 3:
        sys.exit(__doc__)
    write_table("".join(sys.argv[2:]))
