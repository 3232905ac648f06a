"""What the benchmarks share: machine facts, one timed process, statistics, result files."""

import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("TK_BUILD", ROOT / "build"))
RESULTS = ROOT / "bench" / "results"


def machine():
    facts = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    return {
        "processor": facts.get("model name", platform.processor()),
        "model": f"family {facts.get('cpu family')}, model {facts.get('model')}",
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def commit():
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def timed(command):
    """Runs a command; (wall ms, user + system ms of it and its children, finished process)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return 1e3 * wall, 1e3 * cpu, done


def instructions(command, folder):
    """Instructions executed in user space, counted by callgrind: the same whatever else the machine does. The tool is
    copied without its debug information, which valgrind 3.19 cannot read."""
    out, bare = Path(folder) / "callgrind.out", Path(folder) / Path(command[0]).name
    subprocess.run(["strip", "--strip-debug", "-o", str(bare), str(command[0])], check=True)
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(bare), *map(str, command[1:])],
                          capture_output=True, text=True)
    if done.returncode != 0:
        print(f"callgrind could not run {bare.name}: {done.stderr.splitlines()[-1:]}")
        return None
    return next(int(line.split()[-1]) for line in out.read_text().splitlines() if line.startswith(("summary:", "totals:")))


def summary(values):
    quartiles = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return {"n": len(values), "min": min(values), "q1": quartiles[0], "median": statistics.median(values),
            "q3": quartiles[2], "max": max(values)}


def write(name, data, text):
    """bench/results/NAME-DATE.json and .md; -COMMIT where those are there."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    stem = RESULTS / f"{name}-{datetime.date.today()}"
    if stem.with_suffix(".json").exists():  # A result is kept: another of the same day gets its commit's name.
        stem = RESULTS / f"{stem.name}-{commit()}"
    stem.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n")
    stem.with_suffix(".md").write_text(text)
    print(text)
    print(f"written: {stem.relative_to(ROOT)}.json and .md")


def machine_line(facts):
    return (f"{facts['cores']} cores, {facts['processor']} ({facts['model']}), {facts['system']}; load average at the start "
            + ", ".join(map(str, facts["load_average"])))
