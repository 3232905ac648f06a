#!/usr/bin/env python3
"""Collects Nsight Compute's counters of one launch of one kernel; says so in one line where ncu is absent."""

import argparse
import csv
import io
import shutil
import subprocess
import sys

import environment

# Whole sections, for a metric that a version of ncu does not know ends it.
SECTIONS = ("SpeedOfLight", "ComputeWorkloadAnalysis", "MemoryWorkloadAnalysis", "SchedulerStats", "WarpStateStats",
            "LaunchStats", "Occupancy")
# What is printed, by the ends of names; everything goes to the JSON file.
PRINTED = ("gpu__time_duration.sum", "sm__throughput.avg.pct_of_peak_sustained_elapsed",
           "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed",
           "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed", "lts__t_sector_hit_rate.pct",
           "dram__bytes_read.sum.per_second", "sm__inst_executed.avg.per_cycle_elapsed",
           "sm__warps_active.avg.pct_of_peak_sustained_active", "launch__registers_per_thread", "launch__grid_size",
           "launch__block_size", "launch__shared_mem_per_block_dynamic", "smsp__issue_active.avg.per_cycle_active")
STALLS = "smsp__average_warps_issue_stalled_"


def parse(text):
    """ncu --csv --page raw to (value, unit) by metric: one row of names, one of units, one of values."""
    lines = [line for line in text.splitlines() if line.startswith('"')]
    rows = list(csv.reader(io.StringIO("\n".join(lines))))
    if len(rows) < 3:
        return {}
    names, units, values = rows[0], rows[1], rows[-1]
    return {name: (value, unit) for name, unit, value in zip(names, units, values) if "__" in name}


def launch_once(options):
    """What ncu watches: two launches of the kernel, the second one warm."""
    import benchmark
    import measure
    import shapes

    shape = next(shape for shape in shapes.shapes() if shape.label == options.shape)
    bench = benchmark.Bench(False)
    sets = measure.make_sets(bench.gpu, shape)[:2]
    functions, facts = bench.tk(shape, sets, package=options.package, entry=options.entry)
    functions[-1]()
    bench.gpu.synchronize()
    print(f"{shape.label}: {facts['package']}, entry {facts['entry']}, grid {facts['grid']}")


def main():
    parser = argparse.ArgumentParser(prog=environment.program(), description=__doc__)
    parser.add_argument("--shape", default="8192 cubed", help="a label of shapes.py")
    parser.add_argument("--package", help="another package than the one of the bundle")
    parser.add_argument("--entry", help="the variant to take")
    parser.add_argument("--full", metavar="FILE", help="all of ncu's sections, as FILE.ncu-rep, to be opened elsewhere")
    parser.add_argument("--json", default="counters.json")
    parser.add_argument("--launch", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    ncu = shutil.which("ncu")
    if ncu is None:
        sys.exit("counters: ncu was not found: install Nsight Compute, or put it on the PATH")
    environment.require(driver=True, torch=True)
    if options.launch:
        return launch_once(options)
    child = [sys.executable, __file__, "--launch", "--shape", options.shape]
    child += ["--package", options.package] if options.package else []
    child += ["--entry", options.entry] if options.entry else []
    # The clocks stay as they are; gemm's launches only, and the second of them.
    words = [ncu, "--clock-control", "none", "--kernel-name", "regex:^gemm", "--launch-skip", "1", "--launch-count", "1"]
    if options.full:
        done = subprocess.run([*words, "--set", "full", "-f", "-o", options.full, *child])
        return done.returncode
    words += [word for section in SECTIONS for word in ("--section", section)]
    words += ["--csv", "--page", "raw", *child]
    done = subprocess.run(words, capture_output=True, text=True, timeout=540)
    found = parse(done.stdout)
    if not found:
        sys.exit(f"counters: ncu measured nothing: {(done.stdout + done.stderr).strip()[-1500:]}")
    for metric, (value, unit) in found.items():
        if metric in PRINTED or metric.startswith(STALLS):
            print(f"  {metric:<76}{value:>18} {unit}")
    environment.write(options.json, {"kind": "counters", "shape": options.shape, "entry": options.entry,
                                     "metrics": {name: list(pair) for name, pair in found.items()}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
