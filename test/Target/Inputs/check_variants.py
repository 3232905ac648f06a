"""Compiles an example in its element types and layouts, in three variants each; fails if ptxas spills or complains of
any. Usage: check_variants.py tk-compile SOURCE [RANK OF A [RANK OF B]]; of ranks above 2, only some types and layouts."""

import itertools
import json
import subprocess
import sys
import tempfile

STRIDES = {"row": ["?", "1"], "column": ["1", "?"]}


def view(kind, layout, rank):
    strides = ["?"] * (rank - 2) + STRIDES[layout]
    return f"!tk.global<{'?x' * rank}{kind}, strides = [{', '.join(strides)}]>"


def main(compiler, source, rank_a=2, rank_b=2):
    bad, rank_a, rank_b = [], int(rank_a), int(rank_b)
    choices = itertools.product(["bf16", "f16"], ["bf16", "f16", "f32"], STRIDES, STRIDES)
    if rank_a + rank_b > 4:
        choices = [("bf16", "bf16", "row", "row"), ("f16", "f32", "column", "column"), ("bf16", "bf16", "row", "column")]
    for kind, out, a, b in choices:
        with tempfile.NamedTemporaryFile(suffix=".tkpkg") as package:
            subprocess.run([compiler, source, "-o", package.name, f"--alias=in={kind}", f"--alias=out={out}",
                            f"--alias=A={view(kind, a, rank_a)}", f"--alias=B={view(kind, b, rank_b)}",
                            "--tune=variants=3"], check=True, stderr=subprocess.DEVNULL)
            variants = json.load(open(package.name))["kernels"][0]["variants"]
        if len(variants) != 3:
            bad.append((kind, out, a, b, f"expected 3 variants, got {len(variants)}"))
        for variant in variants:
            resources = variant["resources"]
            if resources["spill_stores"] or resources["spill_loads"] or resources["notes"]:
                bad.append((kind, out, a, b, variant["entry"], resources))
    for line in bad:
        print(*line)
    return 1 if bad else 0


sys.exit(main(*sys.argv[1:]))
