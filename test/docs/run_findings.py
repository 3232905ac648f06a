"""Holds docs/tk-sim-findings.md to what tk-sim does.

- The names in the sources, of tk-sim --list-findings and of the sections are the same, with severity and checker; the table
  at the head and docs/tk-sim.md name each too.
- Each example finds its section's finding and no other, in the severities and by the checker that the section names,
  and prints what the page shows.
- With its remedy it finds nothing, with any of a few seeds. A remedy is "// add: X", "// instead: X" (of the next line),
  "// leave out:" (the next line), or a second launch file, NAME.remedy.json.

A section without examples must say why: its first paragraph begins with "No example".

Usage: run_findings.py TK_SIM ROOT SCRATCH [PAGE] [--write]    --write puts what tk-sim prints into the page
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from run_sim_examples import BLOCK

NAME = r"TK-SIM-[A-Z]+(?:-[A-Z]+)*"
SECTION = re.compile(rf"^### ({NAME})\n\n\*(.+?)\*$\n", re.M)
CHECKERS = ["memory", "race", "wgmma", "barrier", "banks"]
SEEDS = "0..15"


def names_in_sources(root):
    """Of string literals, without those that are the start of several names."""
    names = set()
    for path in [*root.glob("lib/Sim/**/*"), *root.glob("tools/tk-sim/*"), *root.glob("include/tk/Sim/*")]:
        if path.suffix not in (".cpp", ".h", ".inc"):
            continue
        text = re.sub(r'starts_with\("[^"]*"\)', "", path.read_text(encoding="utf-8"))
        names.update(re.findall(rf'"({NAME})"', text))
    return names


def listed_findings(runner):
    """Severity and checker of each finding, as tk-sim prints them."""
    lines = runner.run(runner.write(".", {}), "tk-sim --list-findings\n")[1].splitlines()
    found = [re.fullmatch(rf"({NAME}) +(\w+) +(?:({'|'.join(CHECKERS)}) +)?(\S.*)", line) for line in lines]
    return {match[1]: (match[2], match[3] or "") for match in found}


def sections(text):
    """Of each finding: name, severities, checker, text."""
    for match in SECTION.finditer(text):
        severity, checker = match[2].split(" · ")[:2]
        body = re.split(r"^##", text[match.end() :], maxsplit=1, flags=re.M)[0]
        yield match[1], set(re.findall(r"error|warning|note", severity)), checker, body


def examples(body):
    """Of each ```sh block: the files before it, its command, and what is shown behind it."""
    files, command = {}, None
    for kind, name, text in BLOCK.findall(body):
        if name:
            files[name] = text
        elif kind == "sh":
            command = text
        elif kind == "text" and command:
            yield files, command, text
            files, command = {}, None


def remedied(files):
    """The files with the remedy in them; None where there is no remedy."""
    mended = {name: re.sub(r"^[ \t]*// add: (.*\n)", r"\1", text, flags=re.M) for name, text in files.items()}
    mended = {name: re.sub(r"^[ \t]*// (?:instead: (.*\n)|leave out:\n).*\n", r"\1", text, flags=re.M) for name, text in mended.items()}
    for name in files:
        if name.endswith(".remedy.json"):
            mended[name.replace(".remedy", "")] = mended.pop(name)
    return None if mended == files else mended


class Runner:
    def __init__(self, tool, scratch):
        self.scratch = Path(scratch).resolve()
        bins = [str(Path(tool).parent), str(Path(sys.executable).parent)] if os.path.dirname(tool) else [str(Path(sys.executable).parent)]
        self.environment = {**os.environ, "PATH": os.pathsep.join([*bins, os.environ["PATH"]])}

    def write(self, folder, files):
        folder = self.scratch / folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    def run(self, folder, command, more=""):
        """Exit code and stdout of the block; `more` goes to its tk-sim."""
        script = "".join(line.split(" #")[0] + (more if line.startswith("tk-sim") else "") + "\n" for line in command.splitlines())
        done = subprocess.run(["bash", "-ec", script], cwd=folder, capture_output=True, text=True, env=self.environment, check=False)
        return done.returncode, done.stdout + done.stderr

    def findings(self, folder, command, more=""):
        rc, out = self.run(folder, command, more + " --report=json")
        try:
            return rc, json.loads(out)["findings"]
        except json.JSONDecodeError:
            return rc, [{"name": out, "severity": "?"}]


def shown(output):
    """What the page keeps of a report: the findings, without counters."""
    lines = output.split("shared memory: ")[0].splitlines()
    return "".join(line + "\n" for line in lines if not line.startswith("bank conflicts: "))


class Checker:
    def __init__(self, runner):
        self.runner, self.failed, self.examples = runner, 0, 0

    def fail(self, what):
        self.failed += 1
        print(what)

    def grades(self, name, checker, folder, command):
        for grade in ("off", "note"):
            rc, found = self.runner.findings(folder, command, f" --grade={name}={grade}")
            severities = {f["severity"] for f in found if f["name"] == name}
            if rc != 2 if checker == "fixed" else rc == 2 or severities != ({grade} - {"off"}):
                self.fail(f"{name}: --grade={name}={grade}: exit code {rc}, severities {sorted(severities)}")

    def example(self, name, checker, files, command, text):
        """Returns its severities, and the page's text as it should be."""
        self.examples += 1
        folder = self.runner.write("found", files)
        wanted = re.search(r"# exit code (\d)", command)
        rc, output = self.runner.run(folder, command)
        if rc != int(wanted[1] if wanted else 0):
            self.fail(f"{name}: `{command.strip()}` ended with exit code {rc}\n{output}")
        if shown(output) != text:
            self.fail(f"{name}: expected\n{text}got\n{shown(output)}")
        found = self.runner.findings(folder, command)[1]
        if {f["name"] for f in found} != {name}:
            self.fail(f"{name}: its example finds {sorted({f['name'] for f in found})}")
        others = ",".join(c for c in CHECKERS if c != checker) if checker in CHECKERS else "none"
        self.grades(name, checker, folder, command)
        if " --check" not in command:
            still = any(f["name"] == name for f in self.runner.findings(folder, command, f" --check={others}")[1])
            if still != (checker not in CHECKERS):
                self.fail(f"{name}: {'' if still else 'not '}found with --check={others}, by checker '{checker}'")
        mended = remedied(files)
        if mended is None:
            self.fail(f"{name}: the example has no remedy")
        else:
            folder = self.runner.write("mended", mended)
            seeds = "" if "--seeds" in command else f" --seeds {SEEDS}"
            rc, left = self.runner.findings(folder, command, seeds)
            if rc or left:
                self.fail(f"{name}: with the remedy, exit code {rc} and {json.dumps(left, indent=1)}")
        return {f["severity"] for f in found}, shown(output)


def main(tool, root, scratch, *rest):
    root, rewrite = Path(root), "--write" in rest
    pages = [r for r in rest if r != "--write"]
    page = Path(pages[0]) if pages else root / "docs/tk-sim-findings.md"
    text = page.read_text(encoding="utf-8")
    checker = Checker(Runner(tool, scratch))
    seen, gravest, table = {}, {}, re.search(r"^\| checker \| findings \|\n(.*?)\n\n", text, re.M | re.S)
    for name, severities, which, body in sections(text):
        seen[name] = which
        gravest[name] = next((s for s in ("error", "warning", "note") if s in severities), "none")
        shown_severities = set()
        for files, command, output in examples(body):
            severity, now = checker.example(name, which, files, command, output)
            shown_severities |= severity
            if rewrite:
                text = text.replace(f"{command}```\n```text\n{output}```", f"{command}```\n```text\n{now}```")
        if not shown_severities and not body.strip().startswith("No example"):
            checker.fail(f"{name}: no example, and no word why")
        elif shown_severities and shown_severities != severities:
            checker.fail(f"{name}: its examples have the severities {sorted(shown_severities)}, the page says {sorted(severities)}")
    guide = (root / "docs/tk-sim.md").read_text(encoding="utf-8")
    if not pages:
        listed = listed_findings(checker.runner)
        for name in sorted(names_in_sources(root) ^ set(listed)):
            checker.fail(f"{name}: in the sources or in --list-findings, not in both")
        for name in sorted(set(listed) ^ set(seen)):
            checker.fail(f"{name}: " + ("no finding of tk-sim" if name in seen else f"no section in {page.name}"))
        for name in set(listed) & set(seen):
            if listed[name] != (gravest[name], seen[name] if seen[name] in CHECKERS else ""):
                checker.fail(f"{name}: --list-findings says {listed[name]}, the page {gravest[name]} and {seen[name]}")
        for name, which in seen.items():
            row = re.search(rf"^\| {which} \|.*\[{name[7:]}\]\(#{name.lower()}\)", table[1] if table else "", re.M)
            if not row:
                checker.fail(f"{name}: not in the table's row '{which}'")
            if f"(tk-sim-findings.md#{name.lower()})" not in guide:
                checker.fail(f"{name}: no link in docs/tk-sim.md")
    if rewrite:
        page.write_text(text, encoding="utf-8")
    print(f"{len(seen)} findings, {checker.examples} examples, {checker.failed} failed")
    return 1 if checker.failed or not seen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
