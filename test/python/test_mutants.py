"""Every fence, wait and barrier of the emitted PTX is needed, and the simulator knows it.

The kernel is examples/gemm.mlir in two layouts. Each of its synchronising instructions (fence.proxy.async, bar.sync,
wgmma.fence, wgmma.commit_group, wgmma.wait_group) is in turn

* removed,
* moved to every other place between two memory, wgmma or synchronising instructions: out of the loop, to its top,
  between the stores to shared memory, and to each gap from the last store to the loop's end,
* weakened: wait for one group less, a fence of the wrong state space or proxy, a barrier of one warp, one warp only.

Each mutant runs with 8 seeds. It must be reported by name (a finding of severity error), or stand in EQUIVALENT with
the proof that it is right, and then its numbers must be right and no error reported. Wrong numbers alone do not
count as reported.

    .venv/bin/python test/python/test_mutants.py --write [NOTE]     # bench/results/mutants-gemm.md
"""

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import namedtuple
from functools import lru_cache
from pathlib import Path

import numpy as np
import packages
import pytest
from packages import TOLERANCE, Variant

VARIANTS = [Variant(), Variant("bf16", "bf16", "column", "row")]
# Three k-steps, so that each slot is reused twice; and a problem with four programs and remainders on all sides.
PROBLEMS = [(128, 128, 192), (129, 130, 200)]
SEEDS = 8

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
Mutant = namedtuple("Mutant", "target change ptx")  # change: "removed", "after wgmma 3", "wait_group 1", ...


class Kernel:
    """The lines of one kernel with one loop, and the named places in it."""

    def __init__(self, ptx):
        self.lines = ptx.split("\n")
        self.begin = self.find(r"\$L__func_begin0:")
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
        for index in range(self.begin, len(self.lines)):
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

EQUIVALENT = {
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

# --- Running them ------------------------------------------------------------------------------------------------


@lru_cache
def problem(variant, shape):
    return packages.make_inputs(variant, shape, 0)


def run(tool, source, ptx, variant, shape, folder, seeds):
    """Error names, note names, and whether the numbers are right, of PTX in the package `source`."""
    package = packages.edit(source, folder / "mutant.tkpkg", lambda package: package.update(ptx=ptx))
    a, b, reference = problem(variant, shape)
    np.save(folder / "reference.npy", reference)
    done = packages.run_gemm(tool, package, variant, (a, b), folder, f"--seeds={seeds}", "--keep-output",
                             f"--check=C={folder / 'reference.npy'}:{TOLERANCE[variant.output]}")
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


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_unmutated(tool, compiled, tmp_path, variant):
    ptx = ptx_of(compiled(variant))
    for shape in PROBLEMS:
        errors, others, right = run(tool, compiled(variant), ptx, variant, shape, tmp_path, "0..19")
        assert (errors, others, right) == ([], [], True)


def failures(tool, source, mutant, variant, folder):
    """What speaks against a mutant's place in, or absence from, EQUIVALENT."""
    equivalent = (mutant.target, mutant.change) in EQUIVALENT
    found = []
    for shape in PROBLEMS if equivalent else PROBLEMS[:1]:
        errors, others, right = run(tool, source, mutant.ptx, variant, shape, folder, f"0..{SEEDS - 1}")
        if equivalent and errors:
            found.append(f"{mutant.target} {mutant.change}: listed as equivalent, but reported as {errors}")
        if equivalent and not right:
            found.append(f"{mutant.target} {mutant.change}: listed as equivalent, but the numbers are wrong")
        if not equivalent and not errors:
            found.append(f"{mutant.target} {mutant.change}: not reported on any of {SEEDS} seeds "
                         f"(numbers {'right' if right else 'WRONG'}, other findings {others})")
    return found


@pytest.mark.parametrize("target", SYNCHRONISING + ("bar.warp.sync",))
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_mutants(tool, compiled, tmp_path, variant, target):
    source = compiled(variant)
    mutants = [mutant for mutant in Kernel(ptx_of(source)).mutants() if mutant.target == target]
    assert len(mutants) > (15 if target in SYNCHRONISING else 1)
    assert [text for mutant in mutants for text in failures(tool, source, mutant, variant, tmp_path)] == []


def test_the_table_has_no_strangers(compiled):
    """Each line of EQUIVALENT is a mutant that exists: a proof of nothing would hide a renamed place."""
    names = {(mutant.target, mutant.change) for mutant in Kernel(ptx_of(compiled(VARIANTS[0]))).mutants()}
    assert set(EQUIVALENT) <= names


def test_an_unchanged_kernel_is_no_mutant(tool, compiled, tmp_path):
    """The test sees a mutant that nobody reports: here the kernel itself, under a mutant's name."""
    source = compiled(VARIANTS[0])
    found = failures(tool, source, Mutant("wait", "removed", ptx_of(source)), VARIANTS[0], tmp_path)
    assert len(found) == 1 and "not reported on any of 8 seeds (numbers right" in found[0]


# --- The table ---------------------------------------------------------------------------------------------------


def write_table(note):
    build = Path(os.environ.get("TK_BUILD", packages.ROOT / "build"))

    def tool(name, *arguments):
        return subprocess.run([str(build / "bin" / name), *map(str, arguments)], capture_output=True, text=True)

    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=packages.ROOT, capture_output=True, text=True)
    text = ["# Mutants of the matrix product's synchronisation", "",
            f"{datetime.date.today()}, commit {head.stdout.strip()}, by `test/python/test_mutants.py --write`. "
            f"`examples/gemm.mlir`, {SEEDS} seeds one by one on the problem {'×'.join(map(str, PROBLEMS[0]))}; equivalent "
            f"mutants also on {'×'.join(map(str, PROBLEMS[1]))}."
            + (f" {note}" if note else ""), ""]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variant in VARIANTS:
            source = compile_variant(tool, variant, folder)
            rows, totals = [], {"reported": 0, "equivalent": 0, "MISSED": 0, "FALSE": 0}
            for mutant in Kernel(ptx_of(source)).mutants():
                row, verdict = table_row(tool, source, mutant, variant, folder)
                rows.append(row)
                totals[verdict] += 1
                print(row, flush=True)
            text += [f"## {variant.input}, A {variant.a}-major, B {variant.b}-major", "",
                     f"{len(rows)} mutants: {totals['reported']} reported, {totals['equivalent']} equivalent, "
                     f"{totals['MISSED']} missed, {totals['FALSE']} falsely reported.", "",
                     "| instruction | mutation | reported | wrong numbers | findings |", "|---|---|---|---|---|",
                     *rows, ""]
    text += ["## Why some are equivalent", ""]
    for reason in dict.fromkeys(EQUIVALENT.values()):
        which = ", ".join(f"{target} *{change}*" for (target, change), why in EQUIVALENT.items() if why == reason)
        text.append(f"* {which}: {reason}.")
    (packages.ROOT / "bench" / "results").mkdir(parents=True, exist_ok=True)
    (packages.ROOT / "bench" / "results" / "mutants-gemm.md").write_text("\n".join(text) + "\n")


def table_row(tool, source, mutant, variant, folder):
    reported, wrong, names, notes = 0, 0, set(), set()
    equivalent = (mutant.target, mutant.change) in EQUIVALENT
    shapes = PROBLEMS if equivalent else PROBLEMS[:1]
    for shape in shapes:
        for seed in range(SEEDS):
            errors, others, right = run(tool, source, mutant.ptx, variant, shape, folder, f"{seed}..{seed}")
            reported += bool(errors)
            wrong += not right
            names |= set(errors)
            notes |= set(others)
    verdict = ("FALSE" if reported else "equivalent") if equivalent else ("reported" if reported else "MISSED")
    what = ", ".join([name.removeprefix("TK-SIM-") for name in sorted(names)]
                     + [f"({name.removeprefix('TK-SIM-')})" for name in sorted(notes)])
    if verdict != "reported":
        what = f"**{verdict}** {what}"
    total = SEEDS * len(shapes)
    return f"| {mutant.target} | {mutant.change} | {reported}/{total} | {wrong}/{total} | {what} |", verdict


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"] or len(sys.argv) > 3:
        sys.exit(__doc__)
    write_table("".join(sys.argv[2:]))
