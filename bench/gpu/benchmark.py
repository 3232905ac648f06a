#!/usr/bin/env python3
"""Times tk's matrix products beside cuBLAS (torch.matmul) and Triton, interleaved in one process on one GPU."""

import argparse
import json
import os
import sys
import time

import environment

NAMES = {"tk": "tk", "cublas": "cuBLAS", "triton": "Triton"}


def view_of(tensor, kind):
    import tkpkg

    return tkpkg.View(tensor.data_ptr(), kind, tuple(tensor.shape), tuple(tensor.stride()))


class Bench:
    """The GPU, the loaded packages, and one shape after the other."""

    def __init__(self, rehearse):
        import launch
        import measure
        import smi
        import tkpkg

        self.measure, self.tkpkg, self.launch = measure, tkpkg, launch
        self.gpu = measure.Rehearsal() if rehearse else measure.Cuda()
        self.driver = None if rehearse else launch.Driver()
        self.sampler = smi.Sampler()
        self.launchers = {}
        self.paths = {path.stem: path for path in environment.packages()}

    # Implementations: each gives a list of functions, one for each set of buffers.

    def tk(self, shape, sets, package=None, entry=None):
        """Of a package of the bundle, or of one just compiled: a path."""
        if self.gpu.rehearsal:
            return [lambda a=a, b=b, c=c: self.torch_matmul(a, b, c) for a, b, c in sets], {"entry": "rehearsal"}
        if not package and shape.package not in self.paths:
            raise self.tkpkg.PackageError(f"expected a package {shape.package} in the bundle, got none")
        key = str(package or self.paths[shape.package])
        if key not in self.launchers:
            self.launchers[key] = self.launch.Launcher(self.driver, self.tkpkg.read(key))
        launcher = self.launchers[key]
        prepared = [launcher.prepare({"A": view_of(a, shape.input), "B": view_of(b, shape.input),
                                      "C": view_of(c, shape.output)}, entry) for a, b, c in sets]
        choice = prepared[0].choice
        facts = {"entry": choice.entry, "grid": choice.grid, "declined": choice.declined,
                 "package": key.split("/")[-1], "note": launcher.note}
        functions = [lambda one=one: one(self.gpu.current_stream()) for one in prepared]
        functions[0]()
        self.driver.wait(self.gpu.current_stream(), seconds=30)
        return functions, facts

    @staticmethod
    def torch_matmul(a, b, c):
        import torch

        if a.dtype == c.dtype:
            torch.matmul(a, b, out=c)
        elif not c.is_cuda:
            c.copy_(a.float() @ b.float())
        else:
            torch.mm(a, b, out_dtype=c.dtype, out=c)

    def cublas(self, shape, sets):
        return [lambda a=a, b=b, c=c: self.torch_matmul(a, b, c) for a, b, c in sets], {}

    def triton(self, shape, sets):
        import triton_matmul

        tried = {}
        for configuration in triton_matmul.configurations(shape.m):
            try:
                function = triton_matmul.launcher(*sets[0], configuration)
                function()
                tried[configuration] = self.measure.quick_time(self.gpu, function)
            except Exception as error:  # Out of shared memory, or no such product: Triton has many names for it.
                tried[configuration] = f"{type(error).__name__}: {error}"[:200]
        timed = {key: value for key, value in tried.items() if isinstance(value, float)}
        if not timed:
            raise RuntimeError(f"no configuration ran: {tried}")
        best = min(timed, key=timed.get)
        return [triton_matmul.launcher(*one, best) for one in sets], {
            "configuration": best, "tried": {str(key): value for key, value in tried.items()}}

    # One shape.

    def prepare(self, shape, sets, names):
        timed, facts = {}, {}
        for name in names:
            a, b, c = sets[0]
            c.fill_(float("nan"))
            try:
                functions, about = getattr(self, name)(shape, sets)
                functions[0]()
                self.gpu.synchronize()
                facts[name] = {**about, "check": self.measure.check(shape, a, b, c)}
                timed[name] = self.measure.Timed(functions)
            except self.launch.Hang:
                raise
            except Exception as error:
                # One that cannot do a shape is a gap in the table, not the end of it.
                facts[name] = {"problem": f"{type(error).__name__}: {error}"[:400]}
        return timed, facts

    def run(self, shape, names, rounds, seconds):
        sets = self.measure.make_sets(self.gpu, shape)
        timed, facts = self.prepare(shape, sets, names)
        begin = time.monotonic()
        self.measure.interleave(self.gpu, timed, rounds, seconds)
        result = {**shape.facts(), "sets": len(sets), "clocks": self.sampler.between(begin, time.monotonic())}
        for name in names:
            result[name] = {**facts[name], **(self.measure.report(shape, timed[name]) if name in timed else {})}
        for name in names:
            if name != "tk" and name in timed and "tk" in timed:
                result[f"ratio_to_{name}"] = self.measure.ratio(timed[name], timed["tk"])
        del timed, sets
        self.gpu.empty_cache()
        return result


# --- The table ------------------------------------------------------------------------------------------------------


def head():
    return (f"{'shape':<24}{'M':>6}{'N':>6}{'K':>6}  {'types and layouts':<20}{'tk':>7}{'cuBLAS':>8}{'Triton':>8}"
            f"{'/cuBLAS':>9}{'spread':>8}{'/Triton':>9}{'GB/s':>7}{'MHz':>6}{'W':>5}  entry")


def row(result):
    def number(value, digits=0):
        return "-" if value is None else f"{value:.{digits}f}"

    def of(name, key):
        return result.get(name, {}).get(key)

    def ratio(name, key="median"):
        return result.get(f"ratio_to_{name}", {}).get(key)

    clocks = result.get("clocks", {})
    wide = None if ratio("cublas") is None else 100 * (ratio("cublas", "q3") - ratio("cublas", "q1"))
    layouts = f"{result['input']}>{result['output']} {result['a'][:3]} {result['b'][:3]}"
    line = (f"{result['label']:<24}{result['m']:>6}{result['n']:>6}{result['k']:>6}  {layouts:<20}"
            f"{number(of('tk', 'tflops')):>7}{number(of('cublas', 'tflops')):>8}{number(of('triton', 'tflops')):>8}"
            f"{number(ratio('cublas'), 3):>9}{number(wide, 1) + '%':>8}{number(ratio('triton'), 3):>9}"
            f"{number(of('tk', 'gbytes_per_second')):>7}{number(clocks.get('sm_mhz', [None] * 3)[1]):>6}"
            f"{number(clocks.get('power_w', [None] * 3)[1]):>5}  {of('tk', 'entry') or '-'}")
    for name, spelled in NAMES.items():
        problem = of(name, "problem")
        check = of(name, "check")
        if problem:
            line += f"\n    {spelled}: {problem}"
        if check and not check["passed"]:
            line += f"\n    {spelled} is WRONG: {json.dumps(check)}"
    return line


def is_wrong(result):
    tk = result.get("tk", {})
    return "tflops" not in tk or not tk["check"]["passed"]


def main():
    parser = argparse.ArgumentParser(prog=environment.program(), description=__doc__)
    parser.add_argument("--minutes", type=float, default=8, help="start no further shape after this long")
    parser.add_argument("--rounds", type=int, default=20, help="samples of each implementation, at least")
    parser.add_argument("--seconds", type=float, default=0.8, help="of samples for each shape, at least")
    parser.add_argument("--only", default="", help="only shapes with this word in their label")
    parser.add_argument("--without", default="", help="leave out cublas or triton, with a comma between")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, tiny, without tk: to try the script")
    parser.add_argument("--json", default="benchmark.json")
    options = parser.parse_args()
    begin = time.monotonic()
    environment.require(driver=not options.rehearse, torch=True, triton="triton" not in options.without)
    import dataclasses

    import shapes

    wanted = [shape for shape in shapes.shapes() if options.only in shape.label]
    if options.rehearse:
        wanted = [dataclasses.replace(shape, m=min(shape.m, 48), n=64, k=128) for shape in wanted]
    names = [name for name in NAMES if name not in options.without.split(",")]
    bench = Bench(options.rehearse)
    results, skipped = [], []
    print(head(), flush=True)
    for shape in wanted:
        if time.monotonic() - begin > 60 * options.minutes:
            skipped.append(shape.label)
            continue
        result = bench.run(shape, names, options.rounds, options.seconds)
        results.append(result)
        print(row(result), flush=True)
        # After each shape: what was measured stays if the time runs out.
        sink = {"kind": "benchmark", "rehearsal": options.rehearse, "rounds": options.rounds, "l2_bytes":
                bench.gpu.l2_bytes, "torch_matmul": bench.gpu.facts(), "shapes": results, "skipped": skipped}
        environment.write(options.json, sink, quiet=True)
    environment.write(options.json, {**sink, "skipped": skipped} if results else {"kind": "benchmark", "shapes": []})
    bench.sampler.close()
    if skipped:
        print(f"skipped for time: {', '.join(skipped)}")
    wrong = [result["label"] for result in results if is_wrong(result)]
    if wrong:
        print(f"{environment.script()}: no figure, or a wrong result, of tk for: {', '.join(wrong)}")
    return 1 if wrong or not results else 0


def end_if_hung(run):
    """A kernel that hangs keeps every call of the driver from returning, the process's own end among them."""
    try:
        return run()
    except Exception as error:
        if type(error).__name__ != "Hang":
            raise
        print(f"{environment.script()}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    sys.exit(end_if_hung(main))
