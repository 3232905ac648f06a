#!/usr/bin/env python3
"""Explores tuning attributes: recompiles the example with tk-compile --tune=..., checks and times what comes out
beside cuBLAS. First all candidates for a few rounds, then the best of them again, for longer."""

import argparse
import concurrent.futures
import dataclasses
import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cases
import environment
import shapes

# What a list of `--space` may name (see #tk.tuning in docs/reference/tk.md), and what is tried without one.
SPACE = {"stages": [2, 3, 4, 5, 6], "consumers": [1, 2], "widen": [1, 2], "group": [1, 4, 8, 16, 32]}
# Ways to share work that exclude one another, each tried with everything else as the compiler decides it.
SHARING = [{"cluster": 1}, {"stream_k": 4}, {"stream_k": 16}, {"split_k": 2}, {"split_k": 4}, {"split_k": 8}]
SHAPES = ["8192 cubed", "4096 cubed", "Llama 8B gate+up M=4096", "DeepSeek qkv-a M=4096", "Llama 8B gate+up M=16"]


def parse_space(text):
    """stages=3,4:group=8,16 to lists by name."""
    space = {}
    for part in filter(None, text.split(":")):
        name, _, values = part.partition("=")
        try:
            space[name] = [int(value) for value in values.split(",")]
        except ValueError:
            sys.exit(f"tune: --space: expected NAME=NUMBER,NUMBER:NAME=..., got '{part}'")
    return space


def candidates(space):
    """Every combination, the compiler's own choice first; where none was asked for, ways to share work besides."""
    names = list(space)
    return [{}] + (SHARING if space is SPACE else []) + [dict(zip(names, values)) for values in itertools.product(*space.values())]


def spell(tuning):
    return ",".join(f"{name}={value}" for name, value in tuning.items()) or "default"


def compile_one(tuning, case, folder, ptxas, more, seconds):
    """The path of a package, or what the compiler said."""
    path = Path(folder) / (spell(tuning).replace(",", "-") + f"-{case.name}.tkpkg")
    words = [environment.tool("tk-compile"), environment.ROOT / "examples" / f"{case.source}.mlir", "-o", path]
    words += [f"--ptxas={ptxas}"] if ptxas else ["--no-assemble"]
    words += [f"--tune={spell(tuning)}"] if tuning else []
    words += [word for name, text in case.aliases().items() for word in ("--alias", f"{name}={text}")] + more
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, f"expected an end within {seconds:.0f} s, got none"
    if done.returncode:
        return None, done.stderr.strip()[:400] or f"exit code {done.returncode}"
    return path, ""


def reason(problem):
    """The first error in what the compiler said, without its place."""
    lines = problem.splitlines()
    return next((line for line in lines if "error: " in line), lines[0]).split("error: ", 1)[-1]


def entry_text(ptx, entry):
    """One entry of a module: the tuning of the variant that counts must not seem to differ by another's code."""
    parts = ptx.split(".visible .entry ")
    return next((part for part in parts[1:] if part.startswith(f"{entry}(")), ptx)


def compile_all(space, case, folder, more, jobs, deadline):
    """(list of candidates that are different programs, list of those refused, alike or skipped for time). Says what
    became of each when it is done."""
    ptxas, kept, left, seen = environment.find_ptxas(), [], [], {}
    todo, begin = candidates(space), time.monotonic()

    def one(tuning):
        seconds = deadline - time.monotonic()
        # The compiler's own choice is what others are compared with: it is always made.
        if tuning and seconds <= 0:
            return None, None
        return compile_one(tuning, case, folder, ptxas, more, min(120, max(10, seconds)))

    def say(number, tuning, became):
        print(f"  {number} of {len(todo)}  {spell(tuning):<44}{became}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for number, (tuning, (path, problem)) in enumerate(zip(todo, pool.map(one, todo)), 1):
            if path is None:
                left.append({"tuning": tuning, "skipped": True} if problem is None else {"tuning": tuning, "refused": problem})
                if problem is not None:
                    say(number, tuning, f"refused: {reason(problem)}")
                continue
            package = json.loads(path.read_text())
            variants = [{key: value for key, value in variant.items() if key not in ("bank_proofs", "shared_buffers")}
                        for kernel in package["kernels"] for variant in kernel["variants"]]
            key = hashlib.sha256((entry_text(package["ptx"], variants[0]["entry"]) + json.dumps(variants[0])).encode()).hexdigest()
            if key in seen:
                left.append({"tuning": tuning, "same_as": seen[key]})
                say(number, tuning, f"the same program as {seen[key]}")
                continue
            seen[key] = spell(tuning)
            resources = variants[0]["resources"] or {}
            kept.append({"tuning": tuning, "path": path, "registers": resources.get("registers"),
                         "spills": resources.get("spill_stores"), "shared": variants[0]["dynamic_shared_bytes"]})
            say(number, tuning, "compiled")
    skipped = [spell(one["tuning"]) for one in left if "skipped" in one]
    if skipped:
        print(f"  skipped for time: {'; '.join(skipped)}")
    count = {what: sum(what in one for one in left) for what in ("refused", "same_as", "skipped")}
    print(f"{case.name}: {len(kept)} different programs, {count['refused']} refused, {count['same_as']} alike, "
          f"{count['skipped']} skipped for time, {time.monotonic() - begin:.0f} s", flush=True)
    return kept, left


def tune_shape(bench, shape, kept, rounds, finalists):
    """Two heats; the result of one shape."""
    measure = bench.measure
    sets = measure.make_sets(bench.gpu, shape)
    facts, timed = {}, {}
    try:
        timed["cublas"] = measure.Timed(bench.cublas(shape, sets)[0])
        for one in kept:
            name = spell(one["tuning"])
            sets[0][2].fill_(float("nan"))
            try:
                functions, about = bench.tk(shape, sets, package=one["path"])
                functions[0]()
                bench.gpu.synchronize()
                facts[name] = {**about, "check": measure.check(shape, *sets[0])}
                if facts[name]["check"]["passed"]:
                    timed[name] = measure.Timed(functions)
            except bench.launch.Hang:
                raise
            except Exception as error:
                facts[name] = {"problem": f"{type(error).__name__}: {error}"[:400]}
        measure.interleave(bench.gpu, timed, rounds=5, seconds=0, milliseconds=0.8)
        first = {name: measure.report(shape, one) for name, one in timed.items()}
        order = sorted((name for name in timed if name != "cublas"),
                       key=lambda name: first[name]["milliseconds"]["median"])
        again = {name: measure.Timed(timed[name].functions)
                 for name in dict.fromkeys(["cublas", *order[:finalists], "default"]) if name in timed}
        begin = time.monotonic()
        measure.interleave(bench.gpu, again, rounds=rounds, seconds=0.8)
        second = {name: {**facts.get(name, {}), **measure.report(shape, one)} for name, one in again.items()}
        for name in again:
            if name != "cublas":
                second[name]["ratio_to_cublas"] = measure.ratio(again["cublas"], again[name])
        ranked = sorted((name for name in second if name != "cublas"),
                        key=lambda name: second[name]["milliseconds"]["median"])
        return {**shape.facts(), "clocks": bench.sampler.between(begin, time.monotonic()), "heat": first,
                "final": second, "ranked": ranked, "facts": facts}
    finally:
        del sets, timed
        bench.gpu.empty_cache()


def show(result):
    print(f"{result['label']}: {result['m']} x {result['n']} x {result['k']}, cuBLAS "
          f"{result['final']['cublas']['tflops']:.0f} TFLOP/s")
    for name in result["ranked"]:
        one = result["final"][name]
        print(f"  {name:<44}{one['tflops']:>7.0f} TFLOP/s {one['ratio_to_cublas']['median']:>7.3f} of cuBLAS  "
              f"[{one['ratio_to_cublas']['q1']:.3f}, {one['ratio_to_cublas']['q3']:.3f}]")
    for name, fact in result["facts"].items():
        if "problem" in fact or not fact["check"]["passed"]:
            print(f"  {name}: {fact.get('problem') or 'WRONG: ' + json.dumps(fact['check'])}")


def main():
    parser = argparse.ArgumentParser(prog=environment.program(), description=__doc__)
    parser.add_argument("--space", default="", help="stages=3,4:group=8,16; default: "
                        + ":".join(f"{name}={','.join(map(str, values))}" for name, values in SPACE.items())
                        + ", and besides, each alone, " + ", ".join(map(spell, SHARING)))
    parser.add_argument("--shapes", default=";".join(SHAPES), help="labels of shapes.py, with a semicolon between")
    parser.add_argument("--minutes", type=float, default=8, help="begin nothing more after this long; compiling takes "
                        "half of what is left at most")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--finalists", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--compile-only", action="store_true", help="needs no GPU: say what the space holds")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, tiny, without tk: to try the script")
    parser.add_argument("--json", default="tune.json")
    parser.add_argument("more", nargs="*", help="for tk-compile, after --: --disable=tk-persist")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    environment.require(driver=not (options.compile_only or options.rehearse), torch=not options.compile_only)
    space = parse_space(options.space) or SPACE
    wanted = [shape for label in options.shapes.split(";") for shape in shapes.shapes() if shape.label == label]
    if not wanted:
        sys.exit(f"tune: --shapes: expected labels of shapes.py, got '{options.shapes}'")
    results, left = [], {}
    with tempfile.TemporaryDirectory() as folder:
        bench, compiled = None, {}
        for shape in dict.fromkeys(wanted):
            if time.monotonic() > deadline:
                print(f"skipped for time: {shape.label}")
                continue
            case = cases.find(shape.package)
            if case not in compiled:
                now = time.monotonic()
                # Half is left for what the programs are compiled for.
                end = deadline if options.compile_only else now + (deadline - now) / 2
                compiled[case], left[case.name] = compile_all(space, case, folder, options.more, options.jobs, end)
            if options.compile_only or not compiled[case]:
                continue
            if bench is None:
                import benchmark
                bench = benchmark.Bench(options.rehearse)
            print(f"{shape.label}: checking and timing {len(compiled[case])} programs", flush=True)
            if options.rehearse:
                shape = dataclasses.replace(shape, m=min(shape.m, 48), n=64, k=128)
            results.append(tune_shape(bench, shape, compiled[case], options.rounds, options.finalists))
            show(results[-1])
            environment.write(options.json, {"kind": "tune", "rehearsal": options.rehearse, "shapes": results,
                                             "left_out": left}, quiet=True)
        programs = {case.name: [{**one, "path": None} for one in kept] for case, kept in compiled.items()}
    environment.write(options.json, {"kind": "tune", "rehearsal": options.rehearse, "space": space,
                                     "programs": programs, "left_out": left, "shapes": results})
    refused = [case.name for case, kept in compiled.items() if not kept]
    if refused:
        print(f"{environment.script()}: every candidate was refused for: {', '.join(refused)}")
    return 0 if not refused and (results or options.compile_only) else 1


if __name__ == "__main__":
    from benchmark import end_if_hung

    sys.exit(end_if_hung(main))
