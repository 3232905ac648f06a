"""Every fence, wait, arrival and barrier of CUDA kernels is needed, and the simulator knows it.

The kernels are those of test/Sim/cuda that synchronise most: a matrix product with producer and consumers, alone and in a
cluster, TMA and bulk copies, reductions and rings through distributed shared memory, a pipeline of cp.async, and blocks
that talk by flags. Of each, sim_mutants.py drops, moves and changes what it finds, by shape alone.

Each mutant runs with 8 seeds. As in test_mutants.py it must be reported by name (a finding of severity error or warning
that is not about numbers, or PTX that is refused), or by wrong numbers where it breaks no order and only computes something
else (sim_mutants.DATA), or stand in EQUIVALENT with the proof that it is right, or in UNDETECTED with the reason. A mutant
of what no launch executes is none. In the test a sample runs; all of them, and the table, by

    .venv/bin/python test/python/test_sim_mutants.py --write     # bench/results/mutants-sim.md
"""

import copy
import datetime
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

import pytest
import sim_mutants
from ring_mutants import Mutant
from sim_mutants import DATA, Kernel

ROOT = Path(__file__).resolve().parents[2]
CUDA = ROOT / "test/Sim/cuda"
KERNELS = {
    "hopper": ("gemm", "gemm_cluster", "tma_2d", "tma_5d", "tma_transpose", "bulk", "tma_sum", "wgmma_registers"),
    "clusters": ("sum_rows", "softmax_rows", "histogram", "ring", "broadcast", "spread"),
    "products": ("staged_half",),
    "talk": ("diffuse", "stream_k", "chain", "tickets", "hand_over", "barriers", "pipeline_thread"),
    "reduce": ("last_block", "look_back_warp"),
}
SEEDS = 8
STEPS = 1_000_000
SAMPLE = 12  # Every so manieth mutant in the test.
NUMBERS = {"TK-SIM-EXPECT", "TK-SIM-NONDETERMINISTIC"}

Outcome = namedtuple("Outcome", "findings notes right")


def verdict_of(mutant, outcome):
    if outcome.findings:
        return "reported"
    return "by numbers" if not outcome.right and any(word in mutant.change for word in DATA) else None


class Bench:
    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)

    @lru_cache
    def file(self, name):
        """The folder of a file's arrays, and its launches."""
        folder = self.folder / name
        folder.mkdir()
        subprocess.run([sys.executable, CUDA / f"{name}_reference.py", folder], check=True)
        return folder, json.loads((folder / f"{name}.launch.json").read_text())

    def launches(self, name, entry):
        """The launches of one kernel, and the buffers that they name."""
        launch = copy.deepcopy(self.file(name)[1])
        launch["launches"] = [each for each in launch["launches"] if each["entry"] == entry]
        text = json.dumps(launch["launches"])
        launch["buffers"] = {key: value for key, value in launch["buffers"].items() if f'"{key}"' in text}
        launch.pop("symbols", None)
        return launch

    @lru_cache
    def ptx(self, name):
        return (CUDA / f"{name}.ptx").read_text()

    def mutants(self, name, entry):
        """(mutant, the unit, the launch): of the PTX, and of the swizzles of its tensor maps."""
        kernel, launch = Kernel(self.ptx(name), entry), self.launches(name, entry)
        for mutant, unit in kernel.mutants():
            yield mutant, kernel.replaced(unit, "trap;"), launch
        for number, params in enumerate(launch["launches"][0]["params"]):
            if params.get("tensorMap", {}).get("swizzle"):
                for swizzle in ("none", "64B"):
                    other = copy.deepcopy(launch)
                    tensor = other["launches"][0]["params"][number]["tensorMap"]
                    tensor["swizzle"] = swizzle
                    yield Mutant(f"parameter {number}", f"swizzle {swizzle}", self.ptx(name)), None, other

    def run(self, ptx, name, launch, seeds):
        with tempfile.TemporaryDirectory(dir=self.file(name)[0]) as folder:
            path = Path(folder)
            (path / "mutant.ptx").write_text(ptx)
            text = re.sub(r'"npy": "', '"npy": "../', json.dumps(launch))
            (path / "launch.json").write_text(text)
            done = subprocess.run([self.program, path / "mutant.ptx", "--launch", path / "launch.json", "--report=json", f"--seeds={seeds}",
                                   f"--max-steps={STEPS}"], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode == 2:
            return Outcome(["REFUSED: " + re.sub(r"^.*?(launch\.json|mutant\.ptx):", r"\1:", done.stderr.split("\n")[0])], [], False)
        found = json.loads(done.stdout)["findings"]
        names = {f["name"] for f in found if f["severity"] != "note"}
        return Outcome(sorted(names - NUMBERS), sorted({f["name"] for f in found if f["severity"] == "note"}), not names & NUMBERS)

    def judge(self, name, entry, item):
        """(verdict, outcome). The first seed tells of most, the others are there for the rest."""
        mutant, trap, launch = item
        for seeds in ("0..0", f"0..{SEEDS - 1}"):
            outcome = self.run(mutant.ptx, name, launch, seeds)
            verdict = verdict_of(mutant, outcome)
            if verdict:
                break
        else:
            if trap and "TK-SIM-TRAP" not in self.run(trap, name, launch, "0..0").findings:
                verdict = "not executed"
        key = (entry, mutant.target, mutant.change)
        for table, meant in ((EQUIVALENT, "equivalent"), (UNDETECTED, "undetected")):
            if (proof := lookup(table, key)) and not (verdict and proof == ORDER):
                return (meant if verdict is None and (outcome.right or meant == "undetected") else "FALSE"), outcome
        return verdict or "MISSED", outcome


def lookup(table, key):
    return next((proof for patterns, proof in table if all(re.fullmatch(p, k) for p, k in zip(patterns, key))), None)


# --- Mutants that are no bugs: regular expressions of kernel, instruction, change; and the proof --------------------

REGISTERS = "wgmma.fence orders registers of its warp and no memory, and the other touches no register of a wgmma (PTX ISA 9.7.15.7.1)"
READER = ("every thread fences behind the barrier, the one that issues the operation too: the fence lies on every path from a write to "
          "it. The note TK-SIM-RACE-PROXY-ISSUER says so (HOPPER_PTX 5)")
ORDER = ("fence.sc counts in the order in which it is executed, so only a schedule in which the last block has its fence before another's "
         "tells (TK-SIM-RACE-CTA, TK-SIM-RACE-SCOPE). Eight seeds may have one or not; a hundred do")
ALONE = "gemm|tma_.*"
EQUIVALENT = [
    ((ALONE, "fence.mbarrier_init.*", "removed|before mbarrier.init"),
     "without clusters the barrier behind the inits shows them to the block, and copies reach an mbarrier through the generic proxy "
     "(HOPPER_PTX 3.2, 5)"),
    (("tma_sum", "fence.proxy.async #1", ".*"),
     "copies reach an mbarrier through the generic proxy, and this thread itself has initialised it (HOPPER_PTX 3.2)"),
    ((".*", "fence.proxy.async .*", "after bar.sync"), READER),
    ((".*", "bar.sync .*", "before fence.proxy.async"), READER),
    ((".*", "mbarrier.arrive.expect_tx .*", "after cp.async.bulk.*"),
     "bytes may arrive before they are expected, and the phase cannot end before the arrival that expects them (PTX ISA 9.7.13.15.1)"),
    (("gemm_cluster|ring|broadcast", "barrier.cluster.arrive.* #1", "relaxed"),
     "fence.mbarrier_init publishes the inits with the next arrival, relaxed or not (PTX ISA 9.7.13.4); nothing else is done before"),
    (("gemm(_cluster)?", "mbarrier.try_wait.parity .*", "after wgmma.fence"), REGISTERS),
    (("gemm(_cluster)?", "wgmma.fence .*", "before mbarrier.try_wait.parity"), REGISTERS),
    (("wgmma_registers", "bar.sync #1", "after wgmma.fence"), REGISTERS),
    (("gemm(_cluster)?", "mbarrier.try_wait.parity.acquire.cluster .*", "by the first warp of each four"), "only a thread of the first warp executes it"),
    (("tma_sum", "mbarrier.try_wait.*", "by the first warp of each four"), "the same"),
    (("gemm", "mbarrier.try_wait.parity.acquire.cluster .*", "scope of the block"), "no other block arrives at this barrier"),
    (("gemm_cluster", "mbarrier.arrive.release.cluster .*", "at the next rank"), "threads 0 and 1 arrive at both ranks, here each at the other's"),
    (("tma_transpose", "bar.sync #1", "removed|of each warp alone|a memory fence"),
     "only thread 0 uses the mbarriers before the first barrier of the loop"),
    (("tma_transpose", "bar.sync #2", "after mbarrier.try_wait.parity"),
     "that barrier lets others write the tile when thread 0 has waited for its store, and is still before the writes"),
    (("tma_transpose", "cp.async.bulk.wait_group #1", "of reads only"),
     "at the end of a kernel it is enough that shared memory was read; the end of the grid shows the rest (HOPPER_PTX 5)"),
    (("wgmma_registers", "wgmma.commit_group #1", "after wgmma.mma_async.*"),
     "both products are in the first group and the second is empty, so the first wait covers both"),
    (("wgmma_registers", "wgmma.wait_group #2", "before st.global"), "the stores are of other registers; the wait covers more, and earlier"),
    (("softmax_rows", "barrier.sync #[13]", "removed|of each warp alone|a memory fence"),
     "what it keeps apart, the reads of one reduction and the writes of the next, the cluster barrier between them does too"),
    (("ring", "mbarrier.arrive.release.cluster #.*", "after mbarrier.try_wait.*"),
     "the answer of one slot comes behind the wait for the other slot, which does not depend on it"),
    (("ring", "mbarrier.try_wait.parity.acquire.cluster #.*", "before mbarrier.arrive.*"), "the same, seen from the wait"),
    (("ring", "mbarrier.arrive.release.cluster #10", "removed|before ld|relaxed|scope of the block"), "the last answer: nobody waits for it"),
    (("ring|spread", "barrier.cluster.arrive #2", "before st.global"),
     "the last arrival says that shared memory is done with, and the store is to the thread's own place in global memory"),
    (("staged_half", "cp.async.commit_group #2", "after ldmatrix.*"), "still before the next wait, which counts it"),
    (("stream_k", "membar.gl #1", ".*"), "the store that releases comes behind the block's barrier, and a release is cumulative"),
    (("stream_k", "bar.sync #1", "before membar.gl"), "the same: the release of thread 0 covers what the barrier brought it"),
    (("diffuse", "membar.gl #1", "after ld.volatile.global"), "still before the atomic operation that publishes; the load only remembers the round"),
    (("diffuse", "st.volatile.global #1", "ordinary"),
     "the counter is written by the last block alone, after it has read all additions and, by the fence, before the others go on"),
    (("look_back_warp", "membar.gl #[13]", "after ld"), "a load of shared memory, which no other block sees"),
    (("look_back_warp", "bar.warp.sync #1", "removed|after ld"), "lanes read what blocks before have published, and nothing of lane 0's"),
    (("hand_over", "bar.warp.sync #1", "after ld.global"), "the load is of the lane's own place"),
    (("hand_over", "bar.warp.sync #2", "before st.global"), "the store is to the lane's own place"),
    (("barriers", "mbarrier.arrive #[1345]", "relaxed|after mbarrier.arrive"),
     "the thread has done nothing that those who wait must see, or tells them by another arrival"),
    (("pipeline_thread", "bar.sync #(8|10|11)", "removed|before .*|of each warp alone|a memory fence"),
     "nothing is loaded into the slots of the last two steps, and of the two barriers behind the last one is enough"),
    (("pipeline_thread", "cp.async.commit_group #6", "removed"), "an empty group"),
]
UNDETECTED = [
    (("diffuse", "membar.gl #2", ".*"),
     "fence.sc counts in the order in which it is executed, and each block's is executed before its arrival, so before the last one's; "
     "that the model allows other orders is not looked at"),
    (("last_block", "membar.gl #1", "after atom.global.inc"), ORDER),
    (("last_block", "membar.gl #2", "removed|scope of the block"), ORDER),
    (("hand_over", "bar.warp.sync #[14]", "removed"),
     "what a lane acquires counts for its warp (docs/rationale/simulator.md), so the __syncwarp behind an elected wait is not missed"),
]

# --- Tests --------------------------------------------------------------------------------------------------------

EVERY = [(name, entry) for name, entries in KERNELS.items() for entry in entries]


@pytest.fixture(scope="module")
def bench(build, tmp_path_factory):
    return Bench(build / "bin" / "tk-sim", tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize("name, entry", EVERY)
def test_mutants(bench, name, entry):
    bench.file(name)
    chosen = [item for number, item in enumerate(bench.mutants(name, entry)) if (number + len(entry)) % SAMPLE == 0]
    assert chosen
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(partial(bench.judge, name, entry), chosen))
    assert [(item[0][:2], verdict) for item, verdict in zip(chosen, verdicts) if verdict[0] in ("MISSED", "FALSE")] == []


@pytest.mark.parametrize("name, entry", EVERY)
def test_unmutated(bench, name, entry):
    assert bench.run(bench.ptx(name), name, bench.launches(name, entry), "0..1") == ([], [], True)


def test_an_unchanged_kernel_is_no_mutant(bench):
    """The judge sees a mutant that nobody reports: here the kernel itself, under a mutant's name."""
    bench.file("hopper")
    kernel = Kernel(bench.ptx("hopper"), "tma_2d")
    (item,) = [(mutant, trap, launch) for mutant, trap, launch in bench.mutants("hopper", "tma_2d")
               if mutant.target == "bar.sync #1" and mutant.change == "removed"]
    assert bench.judge("hopper", "tma_2d", item)[0] == "reported"
    assert bench.judge("hopper", "tma_2d", (Mutant("bar.sync #1", "kept", kernel.ptx({})), *item[1:]))[0] == "MISSED"


# --- The table ----------------------------------------------------------------------------------------------------

VERDICTS = ("reported", "by numbers", "equivalent", "undetected", "MISSED", "FALSE", "not executed")


def main(only=()):
    program = Path(os.environ.get("TK_BUILD", ROOT / "build")) / "bin" / "tk-sim"
    rows, total, sections = [], Counter(), []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        bench = Bench(program, folder)
        for name, entry in EVERY:
            if only and entry not in only:
                continue
            bench.file(name)
            items, counts, lines = list(bench.mutants(name, entry)), Counter(), []
            for item, (verdict, outcome) in zip(items, pool.map(partial(bench.judge, name, entry), items)):
                counts[verdict] += 1
                names = ", ".join(n.removeprefix("TK-SIM-") for n in outcome.findings) + "".join(f" ({n[7:]})" for n in outcome.notes)
                lines.append(f"| {item[0].target} | {item[0].change} | {verdict} | {'right' if outcome.right else 'wrong'} | {names} |")
                print(entry, lines[-1], flush=True)
            total += counts
            rows.append(summary(f"{name}.cu: {entry}", counts))
            sections += [f"## {entry}", "", "| instruction | mutation | verdict | numbers | findings |", "|---|---|---|---|---|", *lines, ""]
    print("\n".join([*rows, summary("all", total)]))
    return rows, total, sections


def summary(title, counts):
    bugs = counts["reported"] + counts["by numbers"] + counts["undetected"] + counts["MISSED"]
    found = counts["reported"] + counts["by numbers"]
    return "| " + " | ".join([title, str(sum(counts.values())), *(str(counts[v]) for v in VERDICTS), f"{100 * found / max(bugs, 1):.2f} %"]) + " |"


def page(rows, total, sections):
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return "\n".join([
        "# Mutants of CUDA kernels' synchronisation", "",
        f"{datetime.date.today()}, commit {head}, by `test/python/test_sim_mutants.py --write`; {SEEDS} seeds. What the words mean is said "
        "there. *Found*: reported or by numbers, of all that are executed and not equivalent.", "",
        "| kernel | mutants | " + " | ".join(VERDICTS) + " | found |", "|---" * (3 + len(VERDICTS)) + "|", *rows, summary("all", total), "",
        "## Equivalent", "", *(f"* `{'`, `'.join(patterns)}`: {proof}." for patterns, proof in EQUIVALENT), "",
        "## Undetected", "", *(f"* `{'`, `'.join(patterns)}`: {proof}." for patterns, proof in UNDETECTED), "", *sections])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        (ROOT / "bench/results/mutants-sim.md").write_text(page(*main()))
    else:
        main(sys.argv[1:])
