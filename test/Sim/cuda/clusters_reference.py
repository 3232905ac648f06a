"""What the kernels of clusters.cu must compute. Usage: clusters_reference.py FOLDER"""

import sys

import numpy as np
from launches import Launches, i32, tensor_map

file, rng = Launches(sys.argv[1]), np.random.default_rng(16)

x = rng.integers(-9, 9, (3, 700)).astype("f4")
file.run("sum_rows", 12, 128, file.given("rows", x), file.result("sums", x.sum(1)), i32(700))
x = 3 * rng.standard_normal((2, 480)).astype("f4")
e = np.exp(x.astype("f8") - x.max(1, keepdims=True))
given = file.given("scores", x)
for size in (1, 2, 3, 8):
    file.run("softmax_rows", (size, 2), 64, given, file.result(f"softmax{size}", e / e.sum(1, keepdims=True), "f4", norm=1e-6), i32(480),
             cluster=(size, 1), shared=4 * 480 // size)
data = rng.integers(0, 90, 1000, dtype="i4")
given, counts = file.given("data", data), np.bincount(data, minlength=90).astype("i4")
for size in (2, 3):
    file.run("histogram", 6, 96, given, i32(1000), file.result(f"bins{size}", counts, before="zero"), i32(90 // size), cluster=size, shared=360 // size)

v = np.arange(4)[:, None] * 100 + np.arange(64)
for _ in range(9):
    v = np.roll(np.roll(v, 1, 0), -1, 1) + 1
file.run("ring", 8, 64, file.result("ring.out", np.concatenate([v, v]).astype("i4")), i32(9))

x = rng.integers(0, 100, (16, 96)).astype("f4")
tiles = np.stack([x[:, 32 * (b // 2):][:, :32] * (b % 2 + 1) for b in range(6)])
given = file.given("tiles", x)
file.run("broadcast", 6, 64, tensor_map(given, "f32", (96, 16), (384,), (32, 8)), file.result("broadcast.out", tiles))
x = rng.integers(0, 100, 128, dtype="i4")
file.run("spread", 6, 128, file.given("words", x), file.result("spread.out", np.repeat([3 * x, 3 * x + 3], 3, 0).astype("i4")))
file.write("clusters.launch.json")
