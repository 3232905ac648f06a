#!/usr/bin/env python3
"""How fast the simulator is on the matrix product, all checkers on.

    .venv/bin/python bench/sim.py [-n RUNS] [--instructions] [--tool OTHER/tk-run] [MxNxK …]

Both variants of examples/gemm.mlir on four multiprocessors, on one core (taskset). Rates are of the launch alone, as
tk-run's report times it. `--instructions` counts those of a whole process with one seed, by callgrind, which knows no
AVX-512: package, parsing and inputs (ones) are in them. `--tool` measures a second tk-run in turn with the
build folder's, for a comparison on a machine that others load. Writes bench/results/sim-DATE.json and .md.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import common

SOURCE = common.ROOT / "examples" / "gemm.mlir"


def command(tool, package, variant, shape, seed):
    m, n, k = shape
    return [tool, package, f"--variant={variant}", "--device=sim:4", f"--seed={seed}", f"--arg=A=ones:{m}x{k}",
            f"--arg=B=ones:{k}x{n}", "--out=C", "--report=json"]


def measure(tools, package, variant, shape, folder, runs, counts):
    """A row for each tool, which take turns: what else the machine does hits them alike."""
    pin = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    counters = {tool: [] for tool in tools}
    for seed in range(runs):
        for tool in tools:
            _, _, done = common.timed([*pin, *command(tool, package, variant, shape, seed)])
            report = json.loads(done.stdout)
            assert report["findings"] == [], report["findings"]
            counters[tool].append(report["counters"])
    for tool, all_runs in counters.items():
        def rate(counter, scale):
            return common.summary([run.get(counter, 0) / run["seconds"] / scale for run in all_runs])
        yield {"tool": str(tool), "variant": variant, "shape": shape, "thread_instructions": all_runs[-1]["thread_instructions"],
               "seconds": common.summary([run["seconds"] for run in all_runs]),
               "million_thread_instructions_per_s": rate("thread_instructions", 1e6),
               "tensor_gflop_per_s": rate("flop.tensor", 1e9), "tma_load_mb_per_s": rate("bytes.tma.load", 1e6),
               "process_instructions": common.instructions(command(tool, package, variant, shape, 0), folder) if counts else None}


def table_row(row, tools):
    rates = " | ".join(f"{row[key]['max']:.{digits}f} ({row[key]['median']:.{digits}f})" for key, digits in (
        ("million_thread_instructions_per_s", 1), ("tensor_gflop_per_s", 2), ("tma_load_mb_per_s", 0)))
    counted = f"{row['process_instructions'] / 1e6:,.0f} M" if row["process_instructions"] else ""
    which = ["this", "other"][tools.index(Path(row["tool"]))]
    return (f"| {row['variant']} | {'×'.join(map(str, row['shape']))} | {which} | {row['thread_instructions']:,} | "
            f"{row['seconds']['min']:.3f} ({row['seconds']['median']:.3f}) | {rates} | {counted} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=10, help="runs, each with its own seed (default: 10)")
    parser.add_argument("--instructions", action="store_true", help="count them too; takes minutes")
    parser.add_argument("--tool", type=Path, help="another tk-run to compare with")
    parser.add_argument("shapes", nargs="*", default=["128x256x64", "264x520x584", "512x512x512"], metavar="MxNxK")
    options = parser.parse_args()
    facts = common.machine()
    tools = [common.BUILD / "bin" / "tk-run"] + ([options.tool] if options.tool else [])
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "gemm.tkpkg"
        common.timed([common.BUILD / "bin" / "tk-compile", SOURCE, "--no-assemble", "-o", package])
        rows = [row for variant in ("gemm", "gemm_tma") for shape in options.shapes
                for row in measure(tools, package, variant, tuple(map(int, shape.split("x"))), folder, options.n, options.instructions)]
    data = {"benchmark": "sim", "commit": common.commit(), "machine": facts, "runs": options.n, "rows": rows}
    text = ["# Speed of the simulator on examples/gemm.mlir (bf16, row-major), all checkers on, one core", "",
            f"Commit {data['commit']}, `bench/sim.py -n {options.n}`. {common.machine_line(facts)}.", "",
            "Rates: best run, median in brackets. The machine was shared: the best is nearest to the undisturbed figure. "
            "Instructions: of the process with one seed, by callgrind, without AVX-512.", "",
            "| variant | M×N×K | tk-run | thread instructions | seconds | million thread instructions/s | wgmma GFLOP/s | TMA load MB/s | instructions |",
            "|---|---|---|---:|---:|---:|---:|---:|---:|", *(table_row(row, tools) for row in rows)]
    if options.tool:
        text += ["", "*other*: an older tk-run, run in turn with this one."]
    common.write("sim", data, "\n".join(text) + "\n")


if __name__ == "__main__":
    main()
