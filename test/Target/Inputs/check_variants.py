"""Compiles the matrix product in all its element types and layouts; fails if ptxas spills or complains."""

import itertools
import json
import subprocess
import sys
import tempfile

STRIDES = {"row": "[?, 1]", "column": "[1, ?]"}


def main(compiler, source):
    bad = []
    for kind, out, a, b in itertools.product(["bf16", "f16"], ["bf16", "f16", "f32"], STRIDES, STRIDES):
        with tempfile.NamedTemporaryFile(suffix=".tkpkg") as package:
            subprocess.run([compiler, source, "-o", package.name, f"--alias=in={kind}", f"--alias=out={out}",
                            f"--alias=A=!tk.global<?x?x{kind}, strides = {STRIDES[a]}>",
                            f"--alias=B=!tk.global<?x?x{kind}, strides = {STRIDES[b]}>"],
                           check=True, stderr=subprocess.DEVNULL)
            resources = json.load(open(package.name))["kernels"][0]["variants"][0]["resources"]
        if resources["spill_stores"] or resources["spill_loads"] or resources["notes"]:
            bad.append((kind, out, a, b, resources))
    for line in bad:
        print(*line)
    return 1 if bad else 0


sys.exit(main(*sys.argv[1:]))
