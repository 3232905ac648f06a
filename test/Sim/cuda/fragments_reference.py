"""What the kernels of fragments.cu must compute. Usage: fragments_reference.py FOLDER"""

import sys

import numpy as np
from launches import Launches, bf16, i32

file, rng = Launches(sys.argv[1]), np.random.default_rng(19)

tiles = rng.integers(0, 50, (3, 7, 64, 4)).astype("f4")
out = np.zeros((3, 64), "f4")
for use in range(7):
    out += np.roll(tiles[:, use], -use, 1) @ np.array([1, 2, 3, 4], "f4")
file.run("pipeline", 3, 64, file.given("tiles", tiles), file.result("piped", out), i32(7))

values = rng.integers(0, 1000, 5 * 64, dtype="i4")
stepped = values.copy()
for s in range(3):
    stepped = np.roll(stepped, -1) + np.int32(s)
file.run("grid_steps", 5, 64, file.result("stepped", stepped, before=values), file.result("ends", stepped + stepped[::-1]), i32(3))

for kernel, dtype in (("wmma_half", "f2"), ("wmma_bfloat16", bf16)):
    m, n, k = 32, 128, 48
    a, b = (rng.standard_normal(shape).astype("f4").astype(dtype) for shape in ((m, k), (n, k)))
    c = rng.standard_normal((m, n)).astype("f4")
    file.run(kernel, (n // 64, m // 16), 128, file.given(f"{kernel}.a", a), file.given(f"{kernel}.b", b),
             file.result(f"{kernel}.c", 2 * (a.astype("f8") @ b.astype("f8").T + c), before=c, norm=1e-6), i32(n), i32(k))

a, b = rng.standard_normal((8, 12)), rng.standard_normal((12, 8))
file.run("wmma_double", 1, 32, file.given("d.a", a), file.given("d.b", b), file.result("d.c", a @ b, norm=1e-15))
a, b = rng.integers(-128, 128, (16, 32), dtype="i1"), rng.integers(-128, 128, (16, 8), dtype="i1")
file.run("wmma_bytes", 1, 32, file.given("b.a", a), file.given("b.b", np.pad(b, ((0, 0), (0, 8)))),
         file.result("b.c", np.ascontiguousarray((a.T.astype("i4") @ b.astype("i4") - 7).T)))
file.write("fragments.launch.json")
