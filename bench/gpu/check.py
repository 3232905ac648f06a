#!/usr/bin/env python3
"""Checks every package of the bundle on the GPU: fresh random inputs, poisoned outputs, float64 references, every
variant by name, and the same inputs on the simulator. Needs a driver and NumPy; with --device sim not even a driver.

One process for each package, so that a kernel that hangs or faults takes nothing else with it.
"""

import argparse
import concurrent.futures
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environment

environment.require(numpy=True)

import arrays
import cases
import launch
import numpy as np
import tkpkg

PADDING = 48  # Elements between rows of a padded array: a multiple of 16 bytes for every type.


class Inputs:
    """Operands and references of one shape, drawn afresh."""

    def __init__(self, case, shape, seed):
        random = np.random.default_rng(seed)
        self.case, self.shape, self.seed = case, shape, seed
        self.operands = case.operands(arrays, random, shape)
        self.reference, self.magnitude = case.product(arrays, self.operands)

    def judge(self, output):
        case = self.case
        types = case.types()
        return arrays.judge(output, types[case.result], self.reference, self.magnitude, self.shape[2],
                            fp8=types["A"] in arrays.FP8)


# --- On the GPU -----------------------------------------------------------------------------------------------------


class DeviceArray:
    """Matrices, or a list, in device memory, their rows (or columns) `padding` elements apart, with poison around them."""

    GUARD = 1024

    def __init__(self, driver, kind, sizes, layout, padding):
        self.driver, self.kind, self.sizes, self.layout = driver, kind, sizes, layout
        *self.batch, rows, columns = (1, *sizes)[-max(len(sizes), 2):] if layout == "row" else (*sizes[:-2], *sizes[:-3:-1])
        self.lines, self.length, self.pitch = math.prod(self.batch) * rows, columns, max(columns + padding, 1)
        self.rows = rows
        self.width = arrays.STORAGE[kind].itemsize
        self.bytes = self.lines * self.pitch * self.width + 2 * self.GUARD
        self.start = driver.allocate(self.bytes)
        self.poison()

    def poison(self):
        self.driver.fill(self.start, self.bytes, arrays.POISON)

    def view(self):
        strides = [self.pitch, 1] if self.layout == "row" else [1, self.pitch]
        for number, _ in enumerate(self.batch):
            strides.insert(0, math.prod(self.batch[len(self.batch) - number:]) * max(self.rows, 1) * self.pitch)
        return tkpkg.View(self.start + self.GUARD, self.kind, self.sizes, tuple(strides[-len(self.sizes):]))

    def _lines(self, data):
        body = np.frombuffer(data, arrays.STORAGE[self.kind], self.lines * self.pitch, self.GUARD)
        return body.reshape(self.lines, self.pitch)

    def put(self, values):
        data = bytearray([arrays.POISON]) * self.bytes
        ordered = values if self.layout == "row" else values.swapaxes(-1, -2)
        self._lines(data)[:, :self.length] = ordered.reshape(self.lines, self.length)
        self.driver.upload(self.start, data)

    def get(self):
        """The matrix, how many of its elements no one wrote, and how many bytes around them someone did."""
        data = self.driver.download(self.start, self.bytes)
        lines = self._lines(data)
        values = lines[:, :self.length].copy()
        unwritten = int(np.count_nonzero((values.view(f"u{self.width}") == 2**(8 * self.width) - 1)))
        lines[:, :self.length] = np.frombuffer(bytes([arrays.POISON]) * self.width, arrays.STORAGE[self.kind])[0]
        outside = int(np.count_nonzero(np.frombuffer(data, np.uint8) != arrays.POISON))
        values = values.reshape(*self.batch, self.rows, self.length)
        return (values if self.layout == "row" else values.swapaxes(-1, -2)), unwritten, outside

    def free(self):
        self.driver.free(self.start)


def run_on_gpu(launcher, inputs, entry, padding, repeat=3):
    """Launches `repeat` times on fresh poison; the report of one check."""
    driver, case = launcher.driver, inputs.case
    sizes, types, layouts = case.sizes(inputs.shape), case.types(), case.layouts()
    held = {name: DeviceArray(driver, types[name], sizes[name], layouts[name], padding) for name in sizes}
    try:
        for name, values in inputs.operands.items():
            held[name].put(values)
        views = case.bind({name: array.view() for name, array in held.items()}, inputs.shape)
        prepared = launcher.prepare({**views, **case.scalars()}, entry)
        outputs = []
        for _ in range(repeat):
            held[case.result].poison()
            prepared()
            driver.wait()
            outputs.append(held[case.result].get())
    finally:
        for array in held.values():
            array.free()
    output, unwritten, outside = outputs[0]
    report = inputs.judge(output)
    changed = sum(not np.array_equal(output.view(f"u{output.itemsize}"), other.view(f"u{other.itemsize}"))
                  for other, _, _ in outputs[1:])
    report.update(grid=prepared.choice.grid, unwritten=unwritten, bytes_outside=outside, runs_that_differ=changed)
    report["passed"] = report["passed"] and unwritten == outside == changed == 0
    return output, report


# --- Through tk-run -------------------------------------------------------------------------------------------------


def save_arrays(inputs, folder):
    """The operands as files, and the words of tk-run that name them and the result."""
    layouts, words = inputs.case.layouts(), []
    for name, values in inputs.operands.items():
        file = Path(folder) / f"{name}.npy"
        np.save(file, values if layouts[name] == "row" else np.asfortranarray(values))
        words += ["--arg", f"{name}={file}"]
    return words + ["--out", f"{inputs.case.result}={Path(folder) / 'out.npy'}"]


def save_list(inputs, folder):
    """The same for a list of problems: its pieces, beside the list."""
    case, rows = inputs.case, []
    whole = {**inputs.operands, case.result: np.empty(inputs.reference.shape, np.int8)}
    for index, problem in enumerate(case.problems(whole, inputs.shape, lambda array, *slices: array[slices])):
        rows.append({name: f"{name}{index}.npy" for name in problem})
        for name, values in problem.items():
            if name != case.result:
                np.save(Path(folder) / rows[-1][name], np.ascontiguousarray(values))
    file = Path(folder) / "list.json"
    file.write_text(json.dumps(rows))
    return ["--arg", f"problems={file}"]


def join_list(inputs, folder):
    """The result of the whole, of its pieces; nothing where one is missing."""
    files = [Path(folder) / f"{inputs.case.result}{index}.npy" for index in range(len(inputs.case.pieces(inputs.shape)))]
    if not all(file.exists() for file in files):
        return
    parts = [np.load(file) for file in files]
    out = np.empty(inputs.reference.shape, parts[0].dtype)
    for slices, part in zip(inputs.case.pieces(inputs.shape), parts):
        out[slices] = part
    np.save(Path(folder) / "out.npy", out)


def run_with_tool(path, inputs, entry, device):
    """The same inputs through tk-run: the C++ runtime on the GPU, or the simulator. (output, report)."""
    case = inputs.case
    kind, is_list = case.types()[case.result], isinstance(case, cases.List)
    with tempfile.TemporaryDirectory() as folder:
        words = [environment.tool("tk-run"), path, "--kernel", case.kernel, f"--device={device}", "--report=json",
                 "--keep-output"] + (["--variant", entry] if entry else [])
        words += save_list(inputs, folder) if is_list else save_arrays(inputs, folder)
        for name, value in case.scalars().items():
            words += ["--arg", f"{name}={value}"]
        out = Path(folder) / "out.npy"
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=900)
        if is_list:
            join_list(inputs, folder)
        if not out.exists():
            raise tkpkg.PackageError(done.stderr.strip() or f"tk-run ended with code {done.returncode}")
        output = np.load(out).view(arrays.STORAGE[kind])
    report = inputs.judge(output)
    if device != "cuda":
        findings = [finding for finding in json.loads(done.stdout)["findings"] if finding["severity"] == "error"]
        report["findings"] = [finding["name"] for finding in findings]
        report["passed"] = report["passed"] and not findings
    return output, report


# --- One package ----------------------------------------------------------------------------------------------------


def is_declined(error):
    return "does not fit these arguments" in str(error)


class Checker:
    """All checks of one package; `results` is what comes out."""

    def __init__(self, path, device, seed):
        self.path, self.device, self.seed = path, device, seed
        self.package = tkpkg.read(path)
        self.case = cases.find(Path(path).stem)
        if self.case is None:
            raise tkpkg.PackageError(f"{path}: expected an example that cases.py knows, got {Path(path).stem}")
        kernel = tkpkg.find_kernel(self.package, self.case.kernel)
        self.entries = [variant["entry"] for variant in kernel["variants"]]
        self.results = []
        self.launcher = None
        if device == "cuda":
            self.launcher = launch.Launcher(launch.Driver(), self.package, self.case.kernel)

    def add(self, inputs, entry, where, action):
        """Runs one check; what it raises is a failure, unless the variant says that it does not fit."""
        result = {"shape": list(inputs.shape), "entry": entry, "where": where, "seed": inputs.seed}
        output = None
        try:
            output, report = action()
            result.update(report)
        except (tkpkg.PackageError, launch.DriverError, subprocess.TimeoutExpired) as error:
            if isinstance(error, launch.Hang):
                raise
            result.update({"declined": str(error), "passed": True} if is_declined(error) and entry != self.entries[-1]
                          else {"problem": str(error), "passed": False})
        self.results.append(result)
        return output

    def against(self, inputs, entry, what, left, right, must_be_equal):
        if left is None or right is None:
            return
        report = arrays.compare(left, right, self.case.types()[self.case.result])
        passed = report["bitwise_equal"] == 1 if must_be_equal else True
        self.results.append({"shape": list(inputs.shape), "entry": entry, "where": what, **report, "passed": passed})

    def run(self, shapes, with_tools, with_sim):
        for number, shape in enumerate(shapes):
            inputs = Inputs(self.case, shape, [self.seed, number, *shape])
            for entry in self.entries:
                self.check(inputs, entry, shape in with_tools, shape in with_sim)

    def check(self, inputs, entry, with_tool, with_sim):
        output = None
        if self.launcher:
            for padding in (0, PADDING, PADDING + 1):
                where = "gpu" if padding == 0 else f"gpu, rows {padding} elements apart"
                got = self.add(inputs, entry, where, lambda: run_on_gpu(self.launcher, inputs, entry, padding))
                output = got if padding == 0 else output
            if with_tool:
                got = self.add(inputs, entry, "gpu, tk-run", lambda: run_with_tool(self.path, inputs, entry, "cuda"))
                self.against(inputs, entry, "gpu against gpu, tk-run", output, got, True)
        if with_sim:
            got = self.add(inputs, entry, "simulator", lambda: run_with_tool(self.path, inputs, entry, "sim"))
            self.against(inputs, entry, "gpu against simulator", output, got, False)


def check_package(options):
    """In a process of its own: results as JSON on standard output."""
    checker = Checker(options.package, options.device, options.seed)
    primary = checker.case in cases.cases()[:4]
    shapes = cases.SMALL if options.device == "sim" or options.quick else cases.SMALL + cases.LARGE
    if options.quick:
        shapes = cases.SMALL[:options.quick]
    if options.device == "cuda" and primary and not options.quick:
        shapes = shapes + cases.HUGE
    with_sim = cases.SMALL if primary else cases.SMALL[:6]
    try:
        checker.run(shapes, with_tools=cases.SMALL[2:7], with_sim=with_sim)
    except launch.Hang as error:
        checker.results.append({"where": "gpu", "problem": str(error), "passed": False})
        print(json.dumps({"note": "", "results": checker.results}), flush=True)
        os._exit(1)
    print(json.dumps({"note": checker.launcher.note if checker.launcher else "", "results": checker.results}))


def run_child(path, options, seconds):
    command = [sys.executable, __file__, "--package", str(path), "--device", options.device, "--seed",
               str(options.seed), "--quick", str(options.quick)]
    begin = time.monotonic()
    # References are products of NumPy's: its threads are shared out.
    share = str(max(1, os.cpu_count() // options.jobs))
    threads = {name: share for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env={**os.environ, **threads})
        report = json.loads(done.stdout) if done.stdout.strip() else None
    except subprocess.TimeoutExpired:
        done, report = None, {"results": [{"problem": f"did not end within {seconds} s", "passed": False}]}
    if report is None:
        report = {"results": [{"problem": done.stderr.strip()[-2000:] or f"ended with code {done.returncode}",
                               "passed": False}]}
    return {"package": path.stem, "seconds": round(time.monotonic() - begin, 1), **report}


# --- All ------------------------------------------------------------------------------------------------------------


def describe(result):
    place = f"{'x'.join(map(str, result.get('shape', [])))} {result.get('entry', '')} on {result.get('where', '')}"
    return f"    {place}: " + result.get("problem", json.dumps({key: value for key, value in result.items()
                                                            if key not in ("shape", "entry", "where")}))


def summarise(report):
    """One line for a package, and one for each failure."""
    results = report["results"]
    failed = [result for result in results if not result["passed"]]
    declined = sum("declined" in result for result in results)
    errors = [result["relative_error"] for result in results if "relative_error" in result]
    pairs = [result for result in results if result.get("where") == "gpu against simulator"]
    line = f"  {report['package']:<28} {len(results) - len(failed) - declined:>4} passed {declined:>3} declined "
    line += f"{len(failed):>3} failed   worst error {max(errors, default=0):.1e}"
    if pairs:
        line += (f"   against the simulator: {min(p['bitwise_equal'] for p in pairs):.2%} bits equal at least, "
                 f"{max(p['max_relative'] for p in pairs):.1e} apart at most")
    print(line)
    for result in failed[:8]:
        print(describe(result))
    return len(failed)


def main():
    parser = argparse.ArgumentParser(prog=environment.program(), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "sim"), default="cuda")
    parser.add_argument("--only", default="", help="only packages with this word in their name")
    parser.add_argument("--seed", type=int, help="of the inputs (default: the clock)")
    parser.add_argument("--jobs", type=int, default=min(6, os.cpu_count()), help="packages at a time")
    parser.add_argument("--quick", type=int, default=0, metavar="N", help="only the first N small shapes")
    parser.add_argument("--minutes", type=float, default=9, help="start no further package after this long")
    parser.add_argument("--json", default="check.json")
    parser.add_argument("--package", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.seed = time.time_ns() % 2**32 if options.seed is None else options.seed
    if options.device == "cuda":
        environment.require(driver=True)
    if options.package:
        return check_package(options)
    packages = sorted((path for path in environment.packages() if options.only in path.stem),
                      key=lambda path: [case.name for case in cases.cases()].index(path.stem)
                      if cases.find(path.stem) else 99)
    if not packages:
        sys.exit(f"check: expected packages with '{options.only}' in their name, got none")
    print(f"check on {options.device}, seed {options.seed}, {len(packages)} packages")
    deadline, reports = time.monotonic() + 60 * options.minutes, []

    def one(path):
        left = deadline - time.monotonic()
        if left < 5:
            return {"package": path.stem, "skipped": True, "results": []}
        return run_child(path, options, left + 30)

    failures = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for report in pool.map(one, packages):
            reports.append(report)
            failures += summarise(report)
    skipped = [report["package"] for report in reports if report.get("skipped")]
    environment.write(options.json, {"kind": "check", "device": options.device, "seed": options.seed,
                                     "skipped": skipped, "packages": reports})
    total = sum(len(report["results"]) for report in reports)
    print(f"{total} checks, {failures} failed" + (f", {len(skipped)} packages skipped for time" if skipped else ""))
    return 1 if failures or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
