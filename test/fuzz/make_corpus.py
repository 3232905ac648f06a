#!/usr/bin/env python3
"""Makes what the fuzzers start from. Of PTX, from the forms in test/Sim/coverage: --lines FILE, the instructions that
they put into programs; --seeds DIR, programs of some of these. Of launch files, from their schema: --dictionary FILE.
"""

import argparse
import hashlib
import json
import random
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Sim" / "coverage"))

from forms import ARRAYS, HEAD, KINDS, all_forms  # noqa: E402

REGISTERS = 16
# What forms set and declare before the lines that they are about; a seed does that once.
PRELUDE = re.compile(r"\.reg |\.local |ld\.param\.u64 %gp|mov\.b(16|32|64) %\w+, 3;|mov\.f(32|64) %\w+, 0[fd]4|setp\.eq\.u32 %p\d+, 0, 0;|st\.local\.v2\.b64 \[lm\]")


def lines():
    """The lines of all forms' bodies, without the instructions that only prepare."""
    found = {}
    for form in all_forms():
        body = re.search(r"\.entry k\(.*?\)\s*\{\n(.*)\nret;\n\}", form.text, re.S)
        if not body:
            continue
        for line in body.group(1).split("\n"):
            line = line.strip()
            if line and not PRELUDE.match(line) and len(line) < 600 and ".zork" not in line:
                found[line] = None
    return list(found)


def program(body):
    text = HEAD + "\n".join(ARRAYS.values())
    text += "\n.extern .shared .align 16 .b8 dyn[];\n.visible .entry k(.param .u64 gp, .param .align 64 .b8 map[128])\n{\n"
    text += ".local .align 16 .b8 lm[64];\n.reg .b64 %gp; .reg .b32 %z<4>; .reg .b64 %y<4>;\nld.param.u64 %gp, [gp];\n"
    for kind, (ty, first) in KINDS.items():
        text += f".reg .{ty} %{kind}<{REGISTERS}>;\n"
        if first:
            text += " ".join(first.format(f"%{kind}{n}") for n in range(REGISTERS)) + "\n"
    return text + "\n".join(body) + "\nret;\n}\n"


def words_of_schema(node):
    """All names of keys and values that a launch file may have."""
    if isinstance(node, list):
        for element in node:
            yield from words_of_schema(element)
    elif isinstance(node, dict):
        yield from node.get("properties", {})
        for value in node.get("enum", []) + [node.get("const")]:
            if isinstance(value, str):
                yield value
        for value in node.values():
            yield from words_of_schema(value)


def dictionary():
    """For libFuzzer's -dict: what bytes changed at random would hardly ever spell."""
    schema = json.loads((HERE.parent.parent / "docs" / "launch.schema.json").read_text())
    words = [json.dumps(word) for word in dict.fromkeys(words_of_schema(schema))]
    words += ['"X"', '"A"', '"k"', '"none"', '"a.npy"', '"a.safetensors"', '"$x"', '"N*2"', '"(N+1)/2"', '"N%0"', '"1<<63"', '"-1"', "null", "true"]
    words += [str(sign * (2**bits + off)) for bits in (8, 16, 31, 32, 40, 53, 63, 64) for off in (-1, 0) for sign in (1, -1)]
    words += ["1e308", "0.5", ":", ",", "[]", "{}", "'<f4'", "'|b1'", "'<i8'", "'descr': ", "'fortran_order': False", "'shape': (", "F32", "BF16", "data_offsets"]
    return [json.dumps(word) for word in words]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=Path)
    parser.add_argument("--seeds", type=Path)
    parser.add_argument("--dictionary", type=Path)
    parser.add_argument("--count", type=int, default=40)
    args = parser.parse_args()
    known = lines()
    if args.lines:
        args.lines.write_text("\n".join(known) + "\n")
    if args.dictionary:
        args.dictionary.write_text("\n".join(dictionary()) + "\n")
    if args.seeds:
        args.seeds.mkdir(parents=True, exist_ok=True)
        rng = random.Random(1)
        texts = [program(rng.choices(known, k=12)) for _ in range(args.count)]
        texts += [form.text for form in all_forms() if form.section in ("4.3", "5.4", "9.7.12.5", "11.5") ]
        for text in texts:
            (args.seeds / (hashlib.sha1(text.encode()).hexdigest()[:12] + ".ptx")).write_text(text)


if __name__ == "__main__":
    main()
