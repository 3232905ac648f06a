"""Tiles through shared memory as 8 x 8 matrices: stmatrix and ldmatrix, plain and transposed, on the simulator.

A tile comes in with the registers of an accumulator, goes to a shared tile and back, and out again. What the moves do
is the simulator's word, from the PTX ISA alone; that the numbers arrive, and without a conflict, is checked here.
"""

import re

import numpy as np
import pytest
from packages import NUMPY

KERNEL = """
#acc = #tk.wgmma_acc
#rows = #tk.blocked<per_thread = [1, 8], lanes = [4, 8], warps = [4, 1], order = [1, 0]>
#columns = #tk.blocked<per_thread = [8, 1], lanes = [8, 4], warps = [1, 4], order = [0, 1]>
!s = !tk.shared<{m}x{n}x{type}, #tk.swizzle<{span}, order = {order}>>
!v = !tk.global<?x?x{type}>
tk.kernel @move(%X: !v, %Y: !v) grid {{
  %one = arith.constant 1 : index
  tk.grid %one
}} {{
  %zero = arith.constant 0 : index
  %s = tk.alloc "s" : !s
  %x = tk.load %X[%zero, %zero] : !v -> tensor<{m}x{n}x{type}, {first}>
  tk.shared_store %x, %s : tensor<{m}x{n}x{type}, {first}>, !s
  %y = tk.shared_load %s : !s -> tensor<{m}x{n}x{type}, {second}>
  tk.store %y, %Y[%zero, %zero] : tensor<{m}x{n}x{type}, {second}>, !v
  tk.return
}}
"""


@pytest.mark.parametrize("first, second, moves", [("#acc", "#acc", ("st", "ld")), ("#acc", "#rows", ("st",)),
                                                  ("#rows", "#acc", ("ld",)), ("#acc", "#columns", ("st",)),
                                                  ("#columns", "#acc", ("ld",))])
@pytest.mark.parametrize("m, n, span", [(64, 64, 128), (128, 128, 128), (64, 32, 64), (128, 16, 32), (64, 256, 128)])
@pytest.mark.parametrize("kind", ["bf16", "f16"])
def test_moves(compiled, first, second, moves, m, n, span, kind):
    order = "[0, 1]" if "#columns" in (first, second) else "[1, 0]"
    kernel, package = compiled(KERNEL.format(m=m, n=n, span=span, order=order, type=kind, first=first, second=second))
    found = re.findall(r"(st|ld)matrix\.sync\.aligned\.m8n8\.x4(\.trans)?\.shared\.b16", package["ptx"])
    trans = ".trans" * (order == "[0, 1]")
    assert sorted(found) == sorted((move, trans) for move in moves for _ in range(m * n // 1024))
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((m, n)).astype(NUMPY[kind])
        y = np.full_like(x, np.nan)
        report = kernel.launch("move", X=x, Y=y, seed=seed, device="sim")
        assert report["findings"] == []
        assert y.tobytes() == x.tobytes()
        matrices = [bank for bank in report["banks"] if "matrix" in bank["ptx"]]
        assert {(bank["wavefronts"], bank["minimum"]) for bank in matrices} == {(16, 16)}  # 4 warps, 4 each
        assert len(matrices) == len(moves) * m * n // 1024
