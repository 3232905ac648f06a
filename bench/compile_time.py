#!/usr/bin/env python3
"""How long tk-compile takes: .mlir to PTX, each step, tool start-up; .mlir to cubin beside ptxas alone.

    .venv/bin/python bench/compile_time.py [-n RUNS] [--no-callgrind]

Wall-clock times depend on what else the machine does; the minimum is the best estimate of the undisturbed time.
Processor times depend on it less, and callgrind's instruction counts hardly at all (they are equal from run to run up
to addresses). Writes bench/results/compile-time-DATE.json and .md.
"""

import argparse
import re
import shutil
import tempfile
from pathlib import Path

import common

SOURCE = common.ROOT / "examples" / "gemm.mlir"
GOAL = {"compile": 120, "start": 20, "over_ptxas": 150}


def steps_of(done):
    return {name: float(ms) for name, ms in re.findall(r"^  (\S.*?) +([\d.]+) ms +\d+ %$", done.stderr, re.M)}


def measure(command, runs):
    """Walls, processor times and the --time tables of several runs, after one that warms the caches."""
    common.timed(command)
    walls, cpus, tables = [], [], []
    for _ in range(runs):
        wall, cpu, done = common.timed(command)
        walls.append(wall)
        cpus.append(cpu)
        tables.append(steps_of(done))
    return walls, cpus, tables


def beside_ptxas(tool, ptxas, ptx, cubin, runs):
    """Rows for ptxas alone on what tk-compile wrote and for tk-compile down to the cubin, one after the other so that
    both see the same machine."""
    commands = {"ptxas -arch=sm_90a": [ptxas, "-arch=sm_90a", "-v", ptx, "-o", cubin],
                "tk-compile --emit=cubin (process)": [tool, SOURCE, "--emit=cubin", f"--ptxas={ptxas}", "-o", cubin]}
    times = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, command in commands.items():
            wall, cpu, _ = common.timed(command)
            if run > 0:  # The first warms the caches.
                times[name].append((wall, cpu))
    return {name: {"wall_ms": common.summary([wall for wall, _ in found]), "cpu_ms": common.summary([cpu for _, cpu in found])}
            for name, found in times.items()}


def find_ptxas():
    bundled = sorted((common.ROOT / ".venv").glob("lib/python3*/site-packages/nvidia/cu13/bin/ptxas"))
    return shutil.which("ptxas") or (str(bundled[0]) if bundled else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=30, help="runs of each command (default: 30)")
    parser.add_argument("--no-callgrind", action="store_true", help="do not count instructions")
    options = parser.parse_args()
    facts = common.machine()
    tool = common.BUILD / "bin" / "tk-compile"
    ptxas = find_ptxas()
    with tempfile.TemporaryDirectory() as folder:
        ptx = Path(folder) / "gemm.ptx"
        commands = {
            "tk-compile --emit=ptx (process)": [tool, SOURCE, "--emit=ptx", "-o", ptx, "--time"],
            "tk-compile --help": [tool, "--help"],
            "tk-opt --version": [common.BUILD / "bin" / "tk-opt", "--version"],
            "tk-run --help": [common.BUILD / "bin" / "tk-run", "--help"],
            "/bin/true": ["/bin/true"],
        }
        rows, tables = {}, []
        for name, command in commands.items():
            if not Path(command[0]).exists():
                continue
            walls, cpus, found = measure(command, options.n)
            rows[name] = {"wall_ms": common.summary(walls), "cpu_ms": common.summary(cpus)}
            tables = found if found[0] else tables
        if ptxas:
            rows.update(beside_ptxas(tool, ptxas, ptx, Path(folder) / "gemm.cubin", max(5, options.n // 3)))
        totals = [table["total"] for table in tables]
        rows["tk-compile: its own total, .mlir to PTX"] = {"wall_ms": common.summary(totals), "cpu_ms": None}
        if shutil.which("valgrind") and not options.no_callgrind:
            for name in ("tk-compile --emit=ptx (process)", "tk-compile --help", "tk-opt --version", "tk-run --help"):
                if name in rows:
                    rows[name]["instructions"] = common.instructions(commands[name], folder)
    steps = {name: common.summary([table[name] for table in tables]) for name in tables[0]}
    data = {"benchmark": "compile_time", "commit": common.commit(), "machine": facts, "runs": options.n,
            "source": str(SOURCE.relative_to(common.ROOT)), "commands": rows, "steps_ms": steps}
    common.write("compile-time", data, report(data))


def line(name, row):
    wall, cpu = row["wall_ms"], row["cpu_ms"]
    count = row.get("instructions")
    return (f"| {name} | {wall['min']:.1f} | {wall['median']:.1f} | {wall['q1']:.1f} to {wall['q3']:.1f} | "
            + (f"{cpu['min']:.0f} | {cpu['median']:.0f}" if cpu else " | ") + f" | {f'{count / 1e6:,.0f} M' if count else ''} |")


def report(data):
    rows, steps = data["commands"], data["steps_ms"]
    total = rows["tk-compile: its own total, .mlir to PTX"]["wall_ms"]
    to_cubin = ""
    if alone := rows.get("ptxas -arch=sm_90a"):
        whole = rows["tk-compile --emit=cubin (process)"]
        best, median = (whole["wall_ms"][kind] - alone["wall_ms"][kind] for kind in ("min", "median"))
        to_cubin = (f"To the cubin: **{best:.0f} ms** more than `ptxas` alone at best, {median:.0f} ms at the median "
                    f"(goal: at most {GOAL['over_ptxas']} ms). ")
    starts = [row["cpu_ms"]["min"] for name, row in rows.items() if name.endswith(("--help", "--version"))]
    text = ["# Compile time of examples/gemm.mlir", "",
            f"Commit {data['commit']}, `bench/compile_time.py -n {data['runs']}`. {common.machine_line(data['machine'])}.", "",
            f"`.mlir` to PTX in one process: **{total['min']:.0f} ms** at best, median {total['median']:.0f} ms "
            f"(goal: at most {GOAL['compile']} ms). {to_cubin}Start-up: at most **{max(starts):.0f} ms** of processor time at "
            f"best (goal: at most {GOAL['start']} ms). All times in milliseconds.", "",
            "| command | wall min | median | quartiles | processor min | median | instructions |",
            "|---|---:|---:|---:|---:|---:|---:|", *(line(name, row) for name, row in rows.items()), "",
            "| step | min | median | quartiles | share of the minimum |", "|---|---:|---:|---:|---:|"]
    whole = sum(step["min"] for name, step in steps.items() if name != "total")
    for name, step in steps.items():
        if name != "total":
            text.append(f"| {name} | {step['min']:.2f} | {step['median']:.2f} | {step['q1']:.2f} to {step['q3']:.2f} | "
                        f"{100 * step['min'] / whole:.0f} % |")
    text.append(f"| sum of the minima | {whole:.2f} | | | |")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    main()
