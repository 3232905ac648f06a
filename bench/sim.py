#!/usr/bin/env python3
"""How fast the simulator is on the matrix product, all checkers on.

    .venv/bin/python bench/sim.py [-n RUNS] [MxNxK …]

Rates are of the launch alone, as tk-run's report times it, on all cores and on one (taskset). Writes
bench/results/sim-DATE.json and .md.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import common

SOURCE = common.ROOT / "examples" / "gemm.mlir"


def measure(package, shape, folder, runs, one_core):
    m, n, k = shape
    pin = ["taskset", "-c", "0"] if one_core else []
    rates, flops, seconds, cpus, counters = [], [], [], [], {}
    for seed in range(runs):
        _, cpu, done = common.timed([*pin, common.BUILD / "bin" / "tk-run", package, "--device=sim", f"--seed={seed}",
                                     f"--arg=A=random:{m}x{k}", f"--arg=B=random:{k}x{n}", "--out=C", "--report=json"])
        report = json.loads(done.stdout)
        assert report["findings"] == [], report["findings"]
        counters = report["counters"]
        cpus.append(cpu)
        seconds.append(counters["seconds"])
        rates.append(counters["thread_instructions"] / counters["seconds"] / 1e6)
        flops.append(counters["flop.tensor"] / counters["seconds"] / 1e9)
    return {"shape": shape, "cores": 1 if one_core else common.machine()["cores"], "thread_instructions": counters["thread_instructions"],
            "tensor_flop": counters["flop.tensor"], "seconds": common.summary(seconds), "process_cpu_ms": common.summary(cpus),
            "million_thread_instructions_per_s": common.summary(rates), "tensor_gflop_per_s": common.summary(flops)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=10, help="runs, each with its own seed (default: 10)")
    parser.add_argument("shapes", nargs="*", default=["128x256x64", "300x520x136", "512x512x512"], metavar="MxNxK")
    options = parser.parse_args()
    facts = common.machine()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "gemm.tkpkg"
        common.timed([common.BUILD / "bin" / "tk-compile", SOURCE, "--no-assemble", "-o", package])
        rows = [measure(package, tuple(map(int, shape.split("x"))), folder, options.n, one_core)
                for shape in options.shapes for one_core in ([True, False] if shutil.which("taskset") else [False])]
    data = {"benchmark": "sim", "commit": common.commit(), "machine": facts, "runs": options.n, "rows": rows}
    text = ["# Speed of the simulator on examples/gemm.mlir (bf16, row-major), all checkers on", "",
            f"Commit {data['commit']}, `bench/sim.py -n {options.n}`. {common.machine_line(facts)}.", "",
            "Rates: best run, median in brackets. The machine was shared: the best is nearest to the undisturbed figure.", "",
            "| M×N×K | cores | thread instructions | seconds | million thread instructions/s | wgmma GFLOP/s |", "|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        rate, flop, seconds = row["million_thread_instructions_per_s"], row["tensor_gflop_per_s"], row["seconds"]
        text.append(f"| {'×'.join(map(str, row['shape']))} | {row['cores']} | {row['thread_instructions']:,} | {seconds['min']:.3f} "
                    f"({seconds['median']:.3f}) | {rate['max']:.1f} ({rate['median']:.1f}) | {flop['max']:.2f} ({flop['median']:.2f}) |")
    common.write("sim", data, "\n".join(text) + "\n")


if __name__ == "__main__":
    main()
