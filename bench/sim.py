#!/usr/bin/env python3
"""How fast the simulator is: thread instructions, products of matrices and TMA copies a second.

    .venv/bin/python bench/sim.py [-n RUNS] [--instructions] [--tool OTHER/tk-sim] [--only WORKLOAD …]

Loops of one kind of instruction (bench/sim/rates.ptx), and both variants of examples/gemm.mlir: with all checks and with
none, on one core and on all. Rates are of the launch alone, as tk-sim's report times it; "peak memory" is that of the
process, beside the bytes of the launch file's buffers. `--instructions` counts instructions of a whole process on one
core, by callgrind, which knows no AVX-512. `--tool` measures a second tk-sim in turn with the build folder's, for a
comparison on a machine that others load. Writes bench/results/sim-DATE.json and .md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import common

SOURCE = common.ROOT / "examples" / "gemm.mlir"
RATES = common.ROOT / "bench" / "sim" / "rates.ptx"
CHECKS = ("all", "none")


def tensor_map(buffer, inner, outer, box):
    return {"tensorMap": {"buffer": buffer, "dtype": "bf16", "globalDim": [inner, outer], "globalStrides": [f"2*{inner}"],
                          "box": box, "swizzle": "128B"}}


def gemm(m, n, k, ctas):
    """Launch files of both variants for a row-major product of bf16."""
    buffers = {name: {"dtype": "bf16", "shape": shape, "fill": fill}
               for name, shape, fill in (("A", ["M", "K"], "random"), ("B", ["K", "N"], "random"), ("C", ["M", "N"], "nan"))}
    views = [value for buffer, rows, columns in (("A", "M", "K"), ("B", "K", "N"), ("C", "M", "N"))
             for value in ({"pointer": buffer}, {"i64": rows}, {"i64": columns}, {"i64": columns})]
    maps = [tensor_map("A", "K", "M", [64, 128]), tensor_map("B", "N", "K", [64, 64]), tensor_map("C", "N", "M", [64, 64])]
    common_part = {"vars": {"M": m, "N": n, "K": k}, "buffers": buffers}
    return {"gemm": {**common_part, "entry": "gemm", "grid": ["(N + 127) / 128", "(M + 127) / 128"], "block": [128],
                     "dynamicSharedBytes": 32768, "params": views},
            "gemm_tma": {**common_part, "entry": "gemm_tma", "grid": [ctas], "block": [384], "dynamicSharedBytes": 229440,
                         "params": views + maps}}


def workloads(folder):
    """By name: PTX file, launch file's contents, what is counted."""
    out = {"O": {"shape": [8192], "dtype": "f32"}}
    square = {"A": {"shape": [512, 512], "dtype": "bf16", "fill": "random"}}
    loops = {
        "fma loop": {"buffers": out, "entry": "fma", "grid": [8], "block": [256], "params": [{"pointer": "O"}, {"u32": 2000}]},
        "row sums": {"buffers": {"I": {"shape": [4096, 256], "dtype": "f32", "fill": "random"}, **out}, "entry": "mixed", "grid": [8],
                     "block": [256], "params": [{"pointer": "I"}, {"pointer": "O"}, {"u32": 4096}]},
        "atomics": {"buffers": {"O": {"shape": [4096], "dtype": "f32", "fill": "zero"}}, "entry": "atomics", "grid": [64], "block": [256],
                    "params": [{"pointer": "O"}, {"u32": 64}]},
        "mma.sync loop": {"buffers": out, "entry": "mma", "grid": [8], "block": [256], "params": [{"pointer": "O"}, {"u32": 1000}]},
        "wgmma loop": {"buffers": out, "entry": "wgmma", "grid": [4], "block": [128], "params": [{"pointer": "O"}, {"u32": 200}]},
        "TMA loop": {"buffers": square, "entry": "tma", "grid": [4], "block": [1],
                     "params": [tensor_map("A", 512, 512, [64, 64]), {"u32": 2000}]},
    }
    ptx = Path(folder) / "gemm.ptx"
    common.timed([common.BUILD / "bin" / "tk-compile", SOURCE, "--emit=ptx", "-o", ptx])
    yield from ((name, RATES, launch) for name, launch in loops.items())
    for shape in ((512, 512, 512), (256, 512, 1024)):
        for entry, launch in gemm(*shape, ctas=4).items():
            yield f"{entry} {'×'.join(map(str, shape))}", ptx, launch


def buffer_bytes(launch):
    def size(buffer):
        count = {"f32": 4, "bf16": 2}[buffer["dtype"]]
        for extent in buffer["shape"]:
            count *= launch.get("vars", {}).get(extent, extent)
        return count
    return sum(map(size, launch["buffers"].values()))


def run(command):
    """The report, and the peak memory of the process in MiB."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{text}")
    return json.loads(text), usage.ru_maxrss / 1024


def measure(tools, name, ptx, launch, folder, options):
    """Rows of a workload: for each tool, set of checks and number of cores. The tools take turns: what else the machine
    does hits them alike."""
    file = Path(folder) / "launch.json"
    file.write_text(json.dumps(launch))
    for checks in CHECKS:
        for cores in sorted({1, os.cpu_count()}):
            pin = ["taskset", "-c", "0"] if cores == 1 and shutil.which("taskset") else []
            reports = {tool: [] for tool in tools}
            for seed in range(options.n):
                for tool in tools:
                    command = [tool, ptx, "--launch", file, f"--check={checks}", f"--seed={seed}", f"--threads={cores}",
                               "--report=json"]
                    report, memory = run([*pin, *command])
                    assert checks == "none" or report["findings"] == [], report["findings"]
                    reports[tool].append((report, memory))
            for tool, runs in reports.items():
                def rate(value, scale):
                    return common.summary([value(report) / report["seconds"] / scale for report, _ in runs])
                yield {
                    "tool": "this" if tool == tools[0] else "other", "workload": name, "checks": checks, "cores": cores,
                    "thread_instructions": runs[-1][0]["threadInstructions"],
                    "seconds": common.summary([report["seconds"] for report, _ in runs]),
                    "million_thread_instructions_per_s": rate(lambda r: r["threadInstructions"], 1e6),
                    "tensor_gflop_per_s": rate(lambda r: r["counters"].get("flop.tensor", 0), 1e9),
                    "tma_load_mb_per_s": rate(lambda r: r["counters"].get("bytes.tma.load", 0), 1e6),
                    "peak_memory_mib": max(memory for _, memory in runs), "buffers_mib": buffer_bytes(launch) / 2**20,
                    "process_instructions": common.instructions(command, folder) if options.instructions and cores == 1 else None}


def table_row(row, tools):
    def rate(key, digits):
        return f"{row[key]['max']:.{digits}f} ({row[key]['median']:.{digits}f})" if row[key]["max"] else ""
    counted = f"{row['process_instructions'] / 1e6:,.0f} M" if row["process_instructions"] else ""
    which = [row["tool"]] if len(tools) > 1 else []
    cells = [row["workload"], *which, row["checks"], str(row["cores"]), f"{row['thread_instructions'] / 1e6:.2f} M",
             f"{row['seconds']['min']:.3f} ({row['seconds']['median']:.3f})", rate("million_thread_instructions_per_s", 0),
             rate("tensor_gflop_per_s", 2), rate("tma_load_mb_per_s", 0), f"{row['peak_memory_mib']:.0f} ({row['buffers_mib']:.1f})", counted]
    return f"| {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, help="runs, each with its own seed (default: 5)")
    parser.add_argument("--instructions", action="store_true", help="count them too; takes minutes")
    parser.add_argument("--tool", type=Path, help="another tk-sim to compare with")
    parser.add_argument("--only", nargs="*", default=[], help="workloads whose name contains one of these")
    options = parser.parse_args()
    facts = common.machine()
    tools = [common.BUILD / "bin" / "tk-sim"] + ([options.tool] if options.tool else [])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, ptx, launch in workloads(folder):
            if not options.only or any(part in name for part in options.only):
                for row in measure(tools, name, ptx, launch, folder, options):
                    rows.append(row)
                    print(table_row(row, tools), file=sys.stderr)
    data = {"benchmark": "sim", "commit": common.commit(), "machine": facts, "runs": options.n, "rows": rows}
    which = "| tk-sim " if options.tool else ""
    text = ["# Speed of the simulator", "", f"Commit {data['commit']}, `bench/sim.py -n {options.n}`. {common.machine_line(facts)}.", "",
            "Rates: best run, median in brackets. The machine was shared: the best is nearest to the undisturbed figure. "
            "Memory: peak of the process, that of the buffers in brackets. Instructions: of the process with one seed, by callgrind, "
            "without AVX-512.", "",
            f"| workload {which}| checks | cores | thread instructions | seconds | million thread instructions/s | tensor GFLOP/s | "
            "TMA load MB/s | memory MiB | instructions |", f"|---{'|---' if options.tool else ''}|---|---:|---:|---:|---:|---:|---:|---:|---:|",
            *(table_row(row, tools) for row in rows)]
    if options.tool:
        text += ["", "tk-sim 1: an older one, run in turn with this one (0)."]
    common.write("sim", data, "\n".join(text) + "\n")


if __name__ == "__main__":
    main()
