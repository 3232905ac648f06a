#!/usr/bin/env python3
"""What `./tk demo` runs: one matrix product, from a tile program to checked numbers, on one screen.

It makes inputs, compiles examples/gemm.mlir, runs it on a GPU if there is one and else on the simulator, and compares
with NumPy in float64. Then it takes the proxy fence out of the emitted PTX and lets the simulator find that. Every
figure shown is read from the package, from the tools' reports or from the clock. The exit code is 1 if a check fails.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import ml_dtypes
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "examples" / "gemm.mlir"
WIDTH = 98
TOLERANCE = 4e-3  # bf16 has 8 significant bits: half a unit is 2e-3 of the value
FENCE = "fence.proxy.async.shared::cta;"
COLOURS = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOURS else text


def head(text):
    return paint("1;36", text)


def faint(text):
    return paint("2", text)


def verdict(good, text):
    return paint("1;32" if good else "1;31", text)


def row(title, text):
    """One line with its title in the margin."""
    print(f"  {head(f'{title:<9}')} {text}")


def rows(title, words):
    """As many lines as the words need; a word stays whole."""
    lines = textwrap.wrap("  ".join(word.replace(" ", "\0") for word in words), WIDTH - 12)
    for i, line in enumerate(lines):
        row("" if i else title, line.replace("\0", " "))


def cut(text, width):
    return text if len(text) <= width else text[: width - 1] + "…"


def rule(title):
    print(f"\n{head('── ' + title + ' ')}{faint('─' * (WIDTH - len(title) - 4))}")


def fail(message, details=""):
    print(verdict(False, f"demo: {message}"), file=sys.stderr)
    if details:
        print(details.rstrip(), file=sys.stderr)
    sys.exit(1)


class Tools:
    """The programs of the build folder."""

    def __init__(self, build):
        self.folder = build / "bin"
        for name in ("tk-compile", "tk-run"):
            if not (self.folder / name).exists():
                fail(f"{self.folder / name} is not built: run ./tk build {name}")

    def __call__(self, name, *arguments, codes=(0,)):
        done = subprocess.run([str(self.folder / name), *map(str, arguments)], capture_output=True, text=True)
        if done.returncode not in codes:
            fail(f"{name} ended with code {done.returncode}", done.stderr or done.stdout)
        return done


# --- Compile -----------------------------------------------------------------------------------------------------


def compile_kernel(tools, package):
    """Compiles with ptxas if there is one; returns the package and the (step, milliseconds) of --time."""
    done = tools("tk-compile", SOURCE, "-o", package, "--time")
    steps = [(name, float(ms)) for name, ms in re.findall(r"^  (\S.*?) +([\d.]+) ms +\d+ %$", done.stderr, re.M)]
    return json.loads(package.read_text()), [step for step in steps if step[0] != "total"]


def print_steps(steps):
    to_ptx = sum(ms for name, ms in steps if name != "ptxas")
    assembler = sum(ms for name, ms in steps if name == "ptxas")
    rule(f"{SOURCE.relative_to(ROOT)} → PTX in {to_ptx:.0f} ms"
         + (f" → cubin in {assembler:.0f} ms" if assembler else " (no ptxas: no cubin)"))
    longest = max(ms for _, ms in steps)
    short = [ms for _, ms in steps if ms < 0.2]
    steps = [step for step in steps if step[1] >= 0.2] + [(f"{len(short)} others", sum(short))] * bool(short)
    cells = []
    for name, ms in steps:
        bar = "█" * round(14 * ms / longest)
        cells.append(f"{name:<21}{ms:8.2f} ms " + paint("36", f"{bar:<14}"))
    half = (len(cells) + 1) // 2
    for i in range(half):
        right = cells[half + i] if half + i < len(cells) else ""
        print(f"  {cells[i]}  {right}".rstrip())


def print_kernel(package, launch):
    (kernel,) = package["kernels"]
    entries = [variant["entry"] for variant in kernel["variants"]]
    variant = kernel["variants"][entries.index(launch["entry"])]
    products = [found.group(1) for remark in package["remarks"]
                if (found := re.search(r"product of (\d+ x \d+ x \d+ in \w+)", remark["message"]))]
    tile = f"{variant['entry']}, the first of {', '.join(entries)} that fits: each warpgroup {products[entries.index(launch['entry'])]}"
    grid, block, cluster = ("×".join(map(str, launch[key])) for key in ("grid", "block", "cluster"))
    rule(f"kernel {kernel['name']} for {package['target']}")
    row("variant", tile)
    row("launch", f"grid {grid}, block {block}" + (f", cluster {cluster}: programs that share loads" if cluster != "1×1×1" else ""))
    resources = variant["resources"]
    if resources:
        spills = resources["spill_stores"] + resources["spill_loads"]
        row("registers", f"{resources['registers']} of each thread, {verdict(spills == 0, f'{spills} bytes spilled')}, "
                         f"stack {resources['stack_bytes']} bytes {faint('(ptxas)')}")
    else:
        row("registers", faint("not known without ptxas"))
    title = "shared"
    barriers = [buffer for buffer in variant["shared_buffers"] if "mbarriers" in buffer["type"]]
    for buffer in variant["shared_buffers"]:
        if buffer in barriers:
            continue
        where = buffer["location"].rsplit("/", 1)[-1]
        layout = buffer["type"].removeprefix("!tk.")
        row(title, f"{buffer['bytes']:>7,} bytes  {buffer['name']}  {where}  {faint(cut(layout, WIDTH - 48))}")
        title = ""
    row("", f"{variant['dynamic_shared_bytes']:>7,} bytes in all, "
            f"{sum(buffer['bytes'] for buffer in barriers)} of them barriers")


# --- Run ---------------------------------------------------------------------------------------------------------


def make_inputs(folder, shape, seed):
    m, n, k = shape
    random = np.random.default_rng(seed)
    a, b = (random.standard_normal(sizes, dtype=np.float32).astype(ml_dtypes.bfloat16) for sizes in ((m, k), (k, n)))
    np.save(folder / "A.npy", a)
    np.save(folder / "B.npy", b)
    return a.astype(np.float64) @ b.astype(np.float64)


def run_kernel(tools, package, folder, *options, codes=(0,)):
    done = tools("tk-run", package, "--arg", f"A={folder / 'A.npy'}", "--arg", f"B={folder / 'B.npy'}",
                 "--out", f"C={folder / 'C.npy'}", "--report=json", *options, codes=codes)
    return json.loads(done.stdout)


def print_run(report):
    device = report["device"]
    rule(f"run on {device['description']}")
    counters = report.get("counters", {})
    if device["kind"] != "sim":
        row("launch", "done; instructions and bank conflicts are counted by the simulator only")
        return
    classes = {name.removeprefix("instructions."): count for name, count in counters.items()
               if name.startswith("instructions.")}
    rows("executed", [f"{name} {count:,}" for name, count in sorted(classes.items(), key=lambda item: -item[1])])
    row("", f"{counters['thread_instructions']:,} thread instructions, "
            f"{counters['flop.tensor'] / 1e6:,.0f} million tensor flops, {counters['seconds']:.2f} s for a seed")
    banks = report["banks"]
    excess = sum(bank["wavefronts"] - bank["minimum"] for bank in banks)
    row("banks", f"{verdict(excess == 0, f'{excess} wavefronts lost to conflicts')}; {len(banks)} instructions, "
                 f"{sum(bank['executions'] for bank in banks):,} executions, "
                 f"{sum(bank['wavefronts'] for bank in banks):,} wavefronts")


def print_checks(report, folder, reference):
    """Prints what speaks for or against the result; true if all is well."""
    (output,) = report["outputs"]
    result = np.load(folder / "C.npy").view(ml_dtypes.bfloat16).astype(np.float64)
    error = np.linalg.norm(result - reference) / np.linalg.norm(reference)
    good = bool(error <= TOLERANCE)  # NaN does not compare
    findings = report["findings"]
    if report["device"]["kind"] == "sim":
        row("findings", verdict(not findings, f"{len(findings)}") + " of races, fences, barriers, wgmma and memory, "
            f"seeds {report['seeds'][0]} to {report['seeds'][1]}")
    row("check", f"‖C − AB‖ / ‖AB‖ = {verdict(good, f'{error:.2e}')} against NumPy in float64, at most {TOLERANCE:.0e}")
    row("", f"{output['elements'] - output['unwritten']:,} of {output['elements']:,} elements written")
    return good and not findings and output["unwritten"] == 0


# --- Break -------------------------------------------------------------------------------------------------------


def find_fence(ptx, entry):
    """Where the first proxy fence of an entry is."""
    start = ptx.find(f".visible .entry {entry}(")
    place = ptx.find(FENCE, start) if start >= 0 else -1
    if place < 0:
        fail(f"expected a {FENCE} in {entry}, got none")
    return place


def without_fence(package, place):
    """The package with a fence of its PTX blanked and a new checksum (lib/Target/PackageWriter.cpp says how)."""
    body = {key: value for key, value in package.items() if key != "checksum"}
    body |= {"ptx": body["ptx"][:place] + body["ptx"][place + len(FENCE):], "cubin": ""}
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n"
    return json.dumps({**body, "checksum": "sha256:" + hashlib.sha256(text.encode()).hexdigest()}, ensure_ascii=False)


def shorten(text):
    """Register lists and blanks of PTX take a screen of their own."""
    return re.sub(r"\s+", " ", re.sub(r"\{(%\w+),[^{}]*, (%\w+)\}", r"{\1 … \2}", text))


def print_finding(report, removed_at):
    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    passed = all(check["passed"] for check in report["checks"])
    rule(f"the same kernel, line {removed_at} of its PTX removed: {FENCE.rstrip(';')}")
    if not errors:
        print(verdict(False, "  the simulator did not notice"))
        return False
    first = errors[0]
    print("  " + paint("1;31", f"error: {first['name']}") + f" on seed {first['seed']}, and {len(errors) - 1} other errors"
          + ("; the numbers happened to be right" if passed else "; the numbers were wrong too"))
    for line in textwrap.wrap(shorten(first["message"]), WIDTH - 4)[:5]:
        print(f"    {line}")
    name, line = first["source"].split(":")[:2]
    print(faint(f"    gemm.ptx:{first['ptx_line']:<5}") + cut(shorten(first["ptx"]), WIDTH - 18))
    print(faint(f"    {name}:{line:<4}") + cut(SOURCE.read_text().splitlines()[int(line) - 1].strip(), WIDTH - 18))
    return True


def print_next():
    rule("next")
    pages = [("README.md", "what tk is"), ("docs/tk-run.md", "run your own arrays"), ("docs/getting-started.md", "first steps")]
    print("  ./tk test                       every test")
    print("  build/bin/tk-compile examples/gemm.mlir --emit=placed        and other stages: tile, llvm, ptx")
    print("  build/bin/tk-run examples/gemm.mlir --arg A=ones:9x9 --arg B=ones:9x9 --out C --check C=A@B")
    print("  " + faint("; ".join(f"{page}: {what}" for page, what in pages if (ROOT / page).exists())))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./tk demo", description=__doc__.split("\n\n")[0])
    parser.add_argument("--size", default="300x136x520", help="MxNxK (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs (default: %(default)s)")
    arguments = parser.parse_args()
    if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}x[1-9]\d{0,4}", arguments.size):
        parser.error(f"expected a size such as 300x136x520, got {arguments.size}")
    return tuple(map(int, arguments.size.split("x"))), arguments.seed


def main():
    shape, seed = parse_arguments()
    tools = Tools(Path(os.environ.get("TK_BUILD", ROOT / "build")))
    with tempfile.TemporaryDirectory(prefix="tk-demo-") as name:
        folder = Path(name)
        reference = make_inputs(folder, shape, seed)
        m, n, k = shape
        print(f"{head('tk demo')}  C = A·B in bf16: A {m}×{k}, B {k}×{n}, normal values of seed {seed}")
        path = folder / "gemm.tkpkg"
        package, steps = compile_kernel(tools, path)
        print_steps(steps)
        report = run_kernel(tools, path, folder, "--device=auto", "--seeds=0..2", "--keep-output", codes=(0, 1))
        print_kernel(package, report["launch"])
        print_run(report)
        good = print_checks(report, folder, reference)
        place = find_fence(package["ptx"], report["launch"]["entry"])
        path.write_text(without_fence(package, place))
        line = package["ptx"].count("\n", 0, place) + 1
        broken = run_kernel(tools, path, folder, "--device=sim", "--check=C=A@B", codes=(0, 1))
        good &= print_finding(broken, line)
        print_next()
    if not good:
        fail("a check failed, see above")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:  # ./tk demo | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
