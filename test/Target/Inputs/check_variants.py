"""Compiles an example in its element types and layouts, in three variants each; fails if ptxas spills or complains of
any. Usage: check_variants.py tk-compile SOURCE [RANK OF A [RANK OF B]]; of ranks above 2, only some types and layouts."""

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

STRIDES = {"row": ["?", "1"], "column": ["1", "?"]}
KMAJOR = [("i8", "i8", "i32", "i32"), ("f32", "f32", "f32", "f32"), ("f32", "f32", "f32", "bf16"),
          *(("f8E4M3FN", "f8E4M3FN", "f32", out) for out in ("bf16", "f16", "f32", "f8E4M3FN")),
          ("f8E5M2", "f8E5M2", "f32", "f8E5M2"), ("f8E4M3FN", "f8E5M2", "f32", "bf16")]


def view(kind, layout, rank):
    strides = ["?"] * (rank - 2) + STRIDES[layout]
    return f"!tk.global<{'?x' * rank}{kind}, strides = [{', '.join(strides)}]>"


def instances(examples):
    """(example, aliases, how many variants)"""
    every = list(itertools.product(["bf16", "f16"], ["bf16", "f16", "f32"], STRIDES, STRIDES))
    some = [("bf16", "bf16", "row", "row"), ("f16", "f32", "column", "column"), ("bf16", "bf16", "row", "column")]
    for name, choices, rank_a, rank_b in (("gemm", every, 2, 2), ("gemm_batched", some, 3, 3), ("gemm_grouped", some, 2, 3)):
        for kind, out, a, b in choices:
            yield examples / f"{name}.mlir", {"in": kind, "out": out, "A": view(kind, a, rank_a),
                                              "B": view(kind, b, rank_b)}, 3
    for first, second, acc, out in KMAJOR:
        trip = 32 if first == "f32" else 128
        yield examples / "gemm_kmajor.mlir", {"in": first, "in2": second, "acc": acc, "out": out, "step": f"{trip} : index",
                                              "a": f"tensor<128x{trip}x{first}>", "b": f"tensor<{trip}x128x{second}>"}, 2
    for name in ("gemm_fp8_blockwise", "gemm_fp8_rowwise"):
        yield examples / f"{name}.mlir", {"out": "bf16"}, 2


def main(compiler, examples):
    bad = []
    for source, aliases, count in instances(Path(examples)):
        with tempfile.NamedTemporaryFile(suffix=".tkpkg") as package:
            options = [f"--alias={name}={text}" for name, text in aliases.items()] + [f"--tune=variants={count}"]
            subprocess.run([compiler, source, "-o", package.name, *options], check=True, stderr=subprocess.DEVNULL)
            variants = json.load(open(package.name))["kernels"][0]["variants"]
        if len(variants) != count:
            bad.append((source.name, aliases, f"expected {count} variants, got {len(variants)}"))
        for variant in variants:
            resources = variant["resources"]
            if resources["spill_stores"] or resources["spill_loads"] or resources["notes"]:
                bad.append((source.name, aliases, variant["entry"], resources))
    for line in bad:
        print(*line)
    return 1 if bad else 0


sys.exit(main(*sys.argv[1:]))
