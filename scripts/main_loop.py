#!/usr/bin/env python3
"""Counts what main loops hold: every innermost loop of a kernel's PTX in which the tensor core multiplies.

A loop is a natural loop: all blocks between its header and a branch back to it, wherever they stand in the text. The
short loop that tries a barrier again is one of its own, and counts once to the loop around it. Kinds:

  wgmma    fence, products, commit, wait
  barrier  what mbarriers, barriers and fences take: try_wait, arrive, mapa, bar.sync, ...
  integer  integers, predicates and branches: addresses, descriptors, the loop's counter
  other    everything else, and whatever names a register of a product's sum outside of wgmma

Usage: main_loop.py FILE.ptx|FILE.tkpkg [ENTRY...]

Exit code 1 where the file cannot be read, an entry is unknown or no entry has such a loop.
"""

import collections
import json
import re
import sys
from pathlib import Path

KINDS = ("wgmma", "barrier", "integer", "other")
INTEGER = {"add", "sub", "mul", "mad", "div", "rem", "min", "max", "abs", "neg", "and", "or", "xor", "not", "lop3", "shl",
           "shr", "shf", "bfe", "bfi", "brev", "prmt", "mov", "cvt", "cvta", "setp", "selp", "slct", "bra"}

# What every file of PTX says first, but for comments.
IS_PTX = re.compile(r"(?:\s|//[^\n]*\n|/\*.*?\*/)*\.version\s", re.S)

Instruction = collections.namedtuple("Instruction", "line opcode text guarded scopes")


def entries(text):
    """(name, line of the body's brace, body) of every entry."""
    text = re.sub(r"//[^\n]*", "", text)
    for found in re.finditer(r"\.entry\s+([\w$]+)", text):
        begin, depth = text.find("{", found.end()), 0
        if begin < 0:
            raise ValueError(f"entry {found[1]}: expected a body, got none")
        for end in range(begin, len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0:
                break
        else:
            raise ValueError(f"entry {found[1]}, line {text.count(chr(10), 0, begin) + 1}: expected }} before the end")
        yield found[1], text.count("\n", 0, begin) + 1, text[begin + 1:end]


def parse(body, line):
    """Instructions in order, and where labels stand: {(scope, name): index of the next instruction}."""
    instructions, labels, scopes, scope_count = [], {}, [0], 0
    at = 0
    token = re.compile(r"\s+|([{}])|([\w$%]+)\s*:(?!:)|(\.(?:loc|file|pragma)[^\n]*\n)|([^;]*);")
    while at < len(body):
        found = token.match(body, at)
        if not found:
            raise ValueError(f"line {line}: expected a statement, got {body[at:at + 40].strip()!r}")
        brace, label, _, statement = found.groups()
        if brace == "{":
            scope_count += 1
            scopes = scopes + [scope_count]
        elif brace == "}":
            scopes = scopes[:-1]
        elif label:
            labels[scopes[-1], label] = len(instructions)
        elif statement and not statement.startswith("."):
            guard = re.match(r"@!?%?[\w$]+\s+", statement)
            rest = statement[guard.end():] if guard else statement
            instructions.append(Instruction(line, rest.split(None, 1)[0], rest, bool(guard), scopes))
        line += body.count("\n", at, found.end())
        at = found.end()
    return instructions, labels


def successors(instructions, labels):
    """Indices that may come after each instruction."""
    result = []
    for index, instruction in enumerate(instructions):
        after = [index + 1] if index + 1 < len(instructions) else []
        base = instruction.opcode.split(".")[0]
        if base == "bra":
            name = instruction.text.split()[-1]
            targets = [labels[scope, name] for scope in reversed(instruction.scopes) if (scope, name) in labels]
            if not targets:
                raise ValueError(f"line {instruction.line}: expected a label of the entry, got {name!r}")
            after = targets[:1] + (after if instruction.guarded else [])
        elif base in ("ret", "exit", "trap") and not instruction.guarded:
            after = []
        result.append([to for to in after if to < len(instructions)])
    return result


def natural_loops(after):
    """{header: indices in the loop}; loops with one header are one."""
    before = [[] for _ in after]
    for index, targets in enumerate(after):
        for to in targets:
            before[to].append(index)

    order, seen, stack = [], {0}, [(0, iter(after[0]))]
    while stack:
        index, targets = stack[-1]
        to = next((t for t in targets if t not in seen), None)
        if to is None:
            order.append(index)
            stack.pop()
        else:
            seen.add(to)
            stack.append((to, iter(after[to])))
    number = {index: place for place, index in enumerate(reversed(order))}

    dominator, changed = {0: 0}, True
    while changed:
        changed = False
        for index in sorted(number, key=number.get):
            if index == 0:
                continue
            candidates = [b for b in before[index] if b in dominator]
            best = candidates[0]
            for other in candidates[1:]:
                while best != other:
                    if number[best] > number[other]:
                        best = dominator[best]
                    else:
                        other = dominator[other]
            if dominator.get(index) != best:
                dominator[index], changed = best, True

    def dominates(a, b):
        while number[b] > number[a]:
            b = dominator[b]
        return a == b

    loops = {}
    for index in number:
        for header in after[index]:
            if not dominates(header, index):
                continue
            loop, todo = loops.setdefault(header, {header}), [index]
            while todo:
                block = todo.pop()
                if block not in loop:
                    loop.add(block)
                    todo += before[block]
    return loops


def kind(instruction, sums):
    parts = instruction.opcode.split(".")
    if parts[0] == "wgmma":
        return "wgmma"
    if parts[0] in ("mbarrier", "mapa", "bar", "barrier", "fence", "membar"):
        return "barrier"
    if sums & set(re.findall(r"%\w+", instruction.text)):
        return "other"
    if parts[0] in INTEGER and not any(re.fullmatch(r"(?:b?f|tf|e\dm\d)\d+(?:x\d)?", part) for part in parts[1:]):
        return "integer"
    return "other"


def main_loops(body, line):
    """(first line, last line, {kind: Counter of opcodes}) of every innermost loop with products."""
    instructions, labels = parse(body, line)
    if not instructions:
        return
    products = {i for i, ins in enumerate(instructions) if ins.opcode.startswith("wgmma.mma_async")}
    sums = {name for i in products for name in re.findall(r"%\w+", instructions[i].text.partition("}")[0])}
    loops = [loop for loop in natural_loops(successors(instructions, labels)).values() if loop & products]
    for loop in sorted(loops, key=min):
        if any(other < loop for other in loops):
            continue
        counts = {name: collections.Counter() for name in KINDS}
        for index in loop:
            instruction = instructions[index]
            name = ".".join(instruction.opcode.split(".")[:2 if kind(instruction, sums) in ("wgmma", "barrier") else 1])
            counts[kind(instruction, sums)][name] += 1
        lines = [instructions[i].line for i in loop]
        yield min(lines), max(lines), counts


def read_ptx(path):
    """The PTX of a file, or ValueError with what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected PTX or a kernel package, got a file that is no text") from None
    if text.lstrip().startswith("{"):
        try:
            package = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: expected a kernel package, got damaged JSON: {error}") from None
        text = package.get("ptx")
        if not isinstance(text, str):
            raise ValueError(f"{path}: expected a kernel package, got JSON without a text \"ptx\"")
    if not IS_PTX.match(text):
        raise ValueError(f"{path}: expected PTX, which begins with .version, or a kernel package, got {text[:40]!r}")
    return text


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__, end="")
        return 0 if arguments else 1
    try:
        return show(arguments[0], arguments[1:])
    except ValueError as error:
        print(f"main_loop.py: error: {error}", file=sys.stderr)
        return 1


def show(path, names):
    text, shown = read_ptx(path), 0
    try:
        found = {name: (line, body) for name, line, body in entries(text)}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    for name in names:
        if name not in found:
            raise ValueError(f"{path}: expected one of the entries {', '.join(found)}, got {name}")
    for name, (line, body) in found.items():
        if names and name not in names:
            continue
        try:
            loops = list(main_loops(body, line))
        except ValueError as error:
            raise ValueError(f"{path}: entry {name}, {error}") from None
        for first, last, counts in loops:
            shown += 1
            print(f"{name}, lines {first} to {last}: {sum(sum(c.values()) for c in counts.values())} instructions")
            for label, count in counts.items():
                detail = ", ".join(f"{n} {op}" for op, n in sorted(count.items(), key=lambda item: (-item[1], item[0])))
                print(f"  {label:8}{sum(count.values()):4}  {detail}".rstrip())
    if not shown:
        raise ValueError(f"{path}: expected a loop with wgmma.mma_async, got none")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
