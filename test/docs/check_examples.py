"""Parses every ```mlir example of the documentation and of the TableGen descriptions with tk-opt.

An example may be a fragment. It is completed as a reader would complete it:

- a lone type is put into an attribute of an operation; `#x = ...` and `!x = ...` lines stay as they are;
- operations outside a tk.kernel are put into one, after the values they use but do not define. Such a value gets the
  type that the example's own text gives it: the trailing types of the operation that uses it, in the order of its
  operands, or index for what stands in brackets;
- an example in two halves (`// becomes` between them) is two examples;
- `...` says that something was left out: such an example is for reading only. Those are counted and named.

Usage: check_examples.py TK_OPT ROOT [FILE...]
"""

import re
import subprocess
import sys
from pathlib import Path

FENCE = re.compile(r"^([ \t]*)```mlir[^\n]*\n(.*?)^[ \t]*```", re.M | re.S)


def split_types(text):
    """Top-level commas only: `tensor<4x4xf32, #a>, index` is two types."""
    parts, depth, current = [], 0, ""
    for before, c in zip(" " + text, text):
        depth += c in "<([{"
        depth -= c in ">)]}" and before != "-"
        if c == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += c
    return [p for p in parts + [current.strip()] if p]


def statements(text):
    """Operations of one level, continuation lines joined."""
    result = []
    for line in text.splitlines():
        line = line.split("//")[0].rstrip()
        if not line.strip():
            continue
        starts = re.match(r"\s*(%[\w#:, %]+=|tk\.|scf\.|arith\.|}|[#!]\w+ *=|\"|module|gpu\.|llvm\.|func\.)", line)
        if result and not starts:
            result[-1] += " " + line.strip()
        else:
            result.append(line)
    return result


def operand_types(statement):
    """What the statement itself says of the types of the values that it uses."""
    types = {}
    body = statement.split("=", 1)[1] if re.match(r"\s*%[\w:, %#]+=", statement) else statement
    for names in re.findall(r"\[([^\]]*%[^\]]*)\]", body):
        for name in re.findall(r"%(\w+)", names):
            types[name] = "index"
    colon = re.search(r" : (.*)$", body)
    if not colon:
        return types
    listed = split_types(re.split(r" through |->", colon[1])[0])
    operands = re.findall(r"%(\w+)", re.sub(r"\[[^\]]*\]", "", body[: colon.start()]))
    if len(listed) == 1:
        listed *= len(operands)
    if " tk." in " " + body.strip() or len(listed) == len(operands):
        types.update({name: type for name, type in zip(operands, listed) if name not in types})
    return types


def complete(text):
    """A module that tk-opt can parse."""
    lines = statements(text)
    if not any(re.match(r"\s*(%|tk\.|scf\.|arith\.|module|gpu\.|[#!]\w+ *=)", line) for line in lines):
        return '"test.example"() {type = ' + " ".join(line.strip() for line in lines) + "} : () -> ()\n"
    aliases = [line for line in lines if re.match(r"\s*[#!]\w+ *=", line)]
    rest = [line for line in lines if line not in aliases]
    if not rest:
        names = [line.split("=")[0].strip() for line in aliases]
        uses = "".join(f'"test.example"() {{use = {name}}} : () -> ()\n' for name in names)
        return "\n".join(aliases) + "\n" + uses
    if re.match(r"\s*(tk\.kernel|module|gpu\.module)", rest[0]):
        return text
    defined, needed = set(), {}
    for line in rest:
        types = operand_types(line)
        head = re.match(r"\s*(%[\w:, %#]+)=", line)
        body = line[head.end():] if head else line
        defined.update(re.findall(r"%(\w+) =", body))  # A loop's own values.
        for name in re.findall(r"%(\w+)", re.split(r" : ", body)[0]):
            if name not in defined:
                needed.setdefault(name, types.get(name, "index"))
        defined.update(re.findall(r"%(\w+)", head[1]) if head else [])
    values = "".join(f'  %{name} = "test.value"() : () -> {type}\n' for name, type in needed.items())
    body = "\n".join(rest)
    return ("\n".join(aliases) + '\ntk.kernel @example(%grid_size: index) grid {\n  tk.grid %grid_size\n} {\n' + values + body
            + ("\n" if body.rstrip().endswith("tk.return") else "\n  tk.return\n") + "}\n")


def examples(path):
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        for half in re.split(r"^\s*// becomes.*\n", found[2], flags=re.M):
            yield line, half
            line += half.count("\n") + 1


def main(tool, root, *files):
    root = Path(root)
    paths = [Path(f) for f in files] or sorted(
        [*root.glob("include/tk/**/*.td"), *root.glob("docs/**/*.md"), *root.glob("*.md")])
    checked, left_out, failed = 0, [], 0
    for path in paths:
        for line, text in examples(path):
            name = f"{path.relative_to(root) if path.is_relative_to(root) else path}:{line}"
            if "..." in text:
                left_out.append(name)
                continue
            source = complete(text)
            run = subprocess.run([tool, "--allow-unregistered-dialect", "-"], input=source, text=True,
                                 capture_output=True, check=False)
            checked += 1
            if run.returncode:
                failed += 1
                print(f"{name}: the example does not parse\n{run.stderr}{source}")
    print(f"{checked} examples parsed by tk-opt, {failed} failed; {len(left_out)} with \"...\" left out: "
          + ", ".join(left_out))
    return 1 if failed or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
