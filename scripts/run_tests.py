#!/usr/bin/env python3
"""Runs every test of a build folder and prints one closing line, "N passed, N failed[, N skipped]".

Three kinds: the GoogleTest programs listed in BUILD/test/unittests.txt, lit over test/, pytest over test/python.
Each kind writes a JUnit file, and the counts are read from those. A runner that ends badly without reporting a
failed test counts as one failure. The exit code is 0 only if something ran and nothing failed.
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A suite takes minutes. On a machine that others load, four times as long was seen; a runner that hangs must still end
# before the 90 minutes of the whole check.
TIMEOUT_S = 3600
# A line for each test, with its name before it begins: a runner that is ended shows where it was.
PYTEST = [sys.executable, "-m", "pytest", "-v", "--durations=10", "-p", "no:cacheprovider"]


@dataclass
class Suite:
    """One runner's call: what to run, where its JUnit file goes, what came of it."""

    name: str
    command: list
    junit: Path
    passed: int = 0
    skipped: int = 0
    failed: list = field(default_factory=list)
    seconds: float = 0.0
    log: str = ""
    # Exit codes that mean "the filter selected nothing" rather than "something is wrong".
    empty_codes: tuple = ()
    environment: dict = field(default_factory=dict)

    def run(self, environment):
        self.junit.parent.mkdir(parents=True, exist_ok=True)
        self.junit.unlink(missing_ok=True)
        begin = time.monotonic()
        try:
            done = subprocess.run(self.command, cwd=ROOT, env={**environment, **self.environment}, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
            code, self.log = done.returncode, done.stdout
        except subprocess.TimeoutExpired as expired:
            output = (expired.stdout or b"").decode(errors="replace")  # Bytes, whatever `text` says.
            code, self.log = -1, f"{output}\nended after {TIMEOUT_S} s"
        except OSError as error:
            code, self.log = -1, str(error)
        self.seconds = time.monotonic() - begin
        self.junit.with_suffix(".log").write_text(self.log)
        self.count()
        if code != 0 and not self.failed and code not in self.empty_codes:
            begun = [line for line in self.log.splitlines() if line.startswith(("[ RUN      ]", "test/python/"))]
            where = f" in {begun[-1].removeprefix('[ RUN      ]').split()[0]}" if begun else ""
            self.failed.append(f"{self.name}: the runner itself ended with code {code}{where}")
        return self

    def count(self):
        try:
            cases = list(ElementTree.parse(self.junit).getroot().iter("testcase"))
        except (OSError, ElementTree.ParseError):
            return
        for case in cases:
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed.append(f"{self.name}: {case.get('classname', '')}.{case.get('name')}")
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                self.skipped += 1
            else:
                self.passed += 1

    def report(self):
        print(f"{self.name:<28} {self.passed:5} passed {len(self.failed):4} failed {self.skipped:4} skipped "
              f"{self.seconds:7.1f} s", flush=True)
        if self.failed:
            lines = self.log.splitlines()
            if len(lines) > 400:
                lines = lines[:200] + [f"… {len(lines) - 400} lines …"] + lines[-200:]
            print("\n".join(lines), flush=True)
            print(f"(this output: {self.junit.with_suffix('.log')})", flush=True)


def find_lit():
    for path in (Path("/usr/lib/llvm-22/bin/lit"), *(Path(d) / "lit" for d in os.get_exec_path())):
        if path.exists():
            return path
    return None


def split_filters(filters):
    """Paths below test/ by kind, and words. None for a kind means: not asked for."""
    unit, lit, python, words = [], [], [], []
    for text in filters:
        path = Path(text.split("::")[0])
        path = path if path.exists() else ROOT / path
        if not path.exists():
            words.append(text)
            continue
        relative = path.resolve().relative_to(ROOT / "test") if path.resolve().is_relative_to(ROOT / "test") else None
        if relative is None:
            sys.exit(f"run_tests: {text} is not below {ROOT / 'test'}")
        kind = {"unit": unit, "python": python}.get(relative.parts[0] if relative.parts else "", lit)
        kind.append(str(path.resolve()) + text[len(text.split("::")[0]):])
    return unit, lit, python, words


def find_sanitizer_runtime(build):
    """The shared AddressSanitizer of the compiler that built with it, or None for a build without."""
    cache = (build / "CMakeCache.txt").read_text() if (build / "CMakeCache.txt").exists() else ""
    entries = dict(line.partition("=")[::2] for line in cache.splitlines() if ":" in line and not line.startswith("#"))
    if entries.get("TK_ENABLE_SANITIZERS:BOOL") != "ON":
        return None
    compiler = next((value for key, value in entries.items() if key.startswith("CMAKE_CXX_COMPILER:")), "clang++")
    name = f"libclang_rt.asan-{os.uname().machine}.so"
    found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
    return found if Path(found).is_file() else sys.exit(f"run_tests: {compiler} has no {name}, which libtk.so needs")


def suites(build, filters):
    unit, lit, python, words = split_filters(filters)
    everything = not (unit or lit or python)
    results = build / "test" / "results"

    listing = build / "test" / "unittests.txt"
    for line in listing.read_text().splitlines() if listing.exists() else []:
        name, program, folder = line.split("|")
        if everything or any(Path(path) == Path(folder) or Path(folder) in Path(path).parents for path in unit):
            command = [program, f"--gtest_output=xml:{results / name}.xml"]
            if words:
                command.append("--gtest_filter=" + ":".join(f"*{word}*" for word in words))
            yield Suite(name, command, results / f"{name}.xml")

    lit_program = find_lit()
    # lit ends with an error where there is no test at all.
    any_lit = any(path.suffix in (".mlir", ".ptx", ".test") for path in (ROOT / "test").rglob("*"))
    if (everything and any_lit or lit) and (build / "test" / "lit.site.cfg.py").exists():
        if lit_program is None:
            sys.exit("run_tests: lit was not found; it is in Debian's llvm-22-tools (./tk setup)")
        command = [sys.executable, str(lit_program), "-qv", "--xunit-xml-output", str(results / "lit.xml")]
        if words:
            command += ["--allow-empty-runs", "--filter", "|".join(words)]
        yield Suite("lit", command + (lit or [str(build / "test")]), results / "lit.xml")

    # A Python without sanitizers can only load a library with them if their runtime is there first. That is for this
    # one process: a tool with its own runtime must not find a second one.
    library_tests = ROOT / "test" / "python" / "test_tilekernel.py"
    runtime = find_sanitizer_runtime(build)
    if runtime and (everything or str(library_tests) in python):
        python = [path for path in python if path != str(library_tests)]
        command = [*PYTEST, f"--junitxml={results / 'pytest-library.xml'}", str(library_tests)]
        if words:
            command += ["-k", " or ".join(words)]
        # CPython keeps what it allocated until it ends; for the other option see cmake/SanitizerOptions.c.
        yield Suite("pytest, libtk.so", command, results / "pytest-library.xml", empty_codes=(5,),
                    environment={"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0:allow_user_poisoning=0"})

    if (everything or python) and list((ROOT / "test" / "python").glob("**/test_*.py")):
        command = [*PYTEST, f"--junitxml={results / 'pytest.xml'}"]
        if words:
            command += ["-k", " or ".join(words)]
        if runtime:
            command += ["--ignore", str(library_tests)]
        yield Suite("pytest", command + (python or ["test/python"]), results / "pytest.xml", empty_codes=(5,))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="the build folder")
    parser.add_argument("filters", nargs="*", metavar="FILTER", help="a path below test/, or a word in a test's name")
    arguments = parser.parse_args()
    build = arguments.build.resolve()

    environment = dict(os.environ, TK_BUILD=str(build), PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1")
    chosen = list(suites(build, arguments.filters))
    programs = [suite for suite in chosen if suite.name != "lit" and not suite.name.startswith("pytest")]
    done = []
    # The unit tests are one process each; lit uses every core by itself.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for suite in pool.map(lambda suite: suite.run(environment), programs):
            suite.report()
            done.append(suite)
    for suite in chosen:
        if suite not in programs:
            suite.run(environment).report()
            done.append(suite)

    failed = [name for suite in done for name in suite.failed]
    passed, skipped = sum(suite.passed for suite in done), sum(suite.skipped for suite in done)
    if failed:
        print("\nfailed:\n  " + "\n  ".join(failed))
    if not passed and not failed:
        print("no test ran")
    print(f"{passed} passed, {len(failed)} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
