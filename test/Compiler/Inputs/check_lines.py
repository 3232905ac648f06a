"""Every access, product, fence and barrier of a PTX file stands under a .loc with a real line of the source, and no
register is moved between the first and the last product of a group. Prints what it counted."""

import re
import sys

KINDS = {
    "product": r"wgmma\.mma_async",
    "register fence": r"wgmma\.fence",
    "commit": r"wgmma\.commit_group",
    "wait": r"wgmma\.wait_group",
    "proxy fence": r"fence\.proxy",
    "barrier": r"bar(rier)?\.(cta\.)?sync",
    "global load": r"ld\.global",
    "global store": r"st\.global",
    "shared store": r"st\.shared",
}


def main(path, source):
    lines = len(open(source, encoding="utf-8").read().splitlines())
    counts = dict.fromkeys(KINDS, 0)
    line, between, errors = 0, [], []
    for number, text in enumerate(open(path, encoding="utf-8"), 1):
        text = text.split("//")[0].strip()
        if found := re.match(r"\.loc\s+\d+\s+(\d+)", text):
            line = int(found[1])
            continue
        text = re.sub(r"^@!?%?\w+\s+", "", text)
        for kind, pattern in KINDS.items():
            if re.match(pattern, text):
                counts[kind] += 1
                if not 1 <= line <= lines:
                    errors.append(f"line {number}: {kind} at source line {line} of {lines}")
        if text.startswith("wgmma.fence"):
            between = []
        elif text.startswith("wgmma.mma_async"):
            errors += between
            between = []
        elif text.startswith("mov"):
            between.append(f"line {number}: register move before a product: {text}")
    for kind, count in counts.items():
        print(f"{count} x {kind}")
        if count == 0:
            errors.append(f"no {kind} in {path}")
    print("\n".join(errors) if errors else "every one has its line")
    return 1 if errors else 0


sys.exit(main(*sys.argv[1:]))
