"""What the kernels of arrays.cu must compute. Usage: arrays_reference.py FOLDER"""

import sys

import numpy as np
from launches import Launches, i32

file, rng = Launches(sys.argv[1]), np.random.default_rng(12)

a = rng.standard_normal((70, 45)).astype("f4")
file.run("transpose_padded", (2, 3), (32, 8), file.given("padded.in", a), file.result("padded.out", np.ascontiguousarray(a.T)), i32(70), i32(45))
h = rng.integers(0, 2**16, (128, 128), dtype="u2")
file.run("transpose_swizzled", (2, 2), 128, file.given("swizzled.in", h), file.result("swizzled.out", np.ascontiguousarray(h.T)), i32(128))

taps = rng.integers(-4, 5, 9).astype("f4")
image = rng.integers(0, 100, (5, 300)).astype("f4")
file.symbol("taps", taps)
edged = np.pad(image, ((0, 0), (4, 4)), "edge")
file.run("convolve_rows", (3, 5), 128, file.given("rows.in", image),
         file.result("rows.out", sum(taps[k] * edged[:, k:k + 300] for k in range(9))), i32(300))
gray = rng.integers(0, 256, (21, 44), dtype="u1")
windows = np.lib.stride_tricks.sliding_window_view(np.pad(gray, 1, "edge"), (3, 3))
table = np.array([-1 * 100 + 1, 200 - 30 + 4, 500 + 60 - 7, 1])
y, x = np.mgrid[:21, :11]
file.run("median", (2, 3), (8, 8), file.given("median.in", gray), file.result("median.out", np.median(windows, (2, 3)).astype("u1")),
         file.result("median.indexed", table[(x + y) % 4].astype("i4")), i32(11), i32(21))

data = np.minimum(rng.geometric(0.02, 16 * 333), 255).astype("u1")
counts = np.bincount(data, minlength=256).astype("u4")
given = file.given("data", data)
file.run("histogram", 3, 96, given, i32(333), file.result("bins", counts, before="zero"))
file.run("histogram_matched", -(-(len(data) - 7) // 128), 128, given, i32(len(data) - 7),
         file.result("matched.bins", np.bincount(data[:-7], minlength=256).astype("u4"), before="zero"))

# Which place a number gets is a matter of the schedule: so they are sorted by another kernel.
numbers = rng.integers(0, 2**31, 512, dtype="i4")
odd = numbers[numbers % 2 == 1]
given, full = file.given("numbers", numbers), np.full(512, -1, "i4")
sorted_odd = np.sort(np.concatenate([odd, full[len(odd):]]).view("u4"))
for kernel in ("filter", "filter_by_hand"):
    kept = file.buffer(f"{kernel}.out", npy=file.saved(full), dtype="i32")
    file.run(kernel, 5, 96, given, i32(min(480, 512)), kept, file.result(f"{kernel}.count", np.array([(numbers[:480] % 2).sum()], "i4"), before="zero"))
    some = numbers[:480][numbers[:480] % 2 == 1]
    file.run("bitonic", 1, 256, kept, file.result(f"{kernel}.sorted", np.sort(np.concatenate([some, full[len(some):]]).view("u4"))),
             file.scratch(f"{kernel}.places", 2048, None), shared=2048)

keys = np.stack([rng.permutation(2**20)[:512].astype("u4") * 4093 for _ in range(3)])
file.run("bitonic", 3, 256, file.given("keys", keys), file.result("sorted", np.sort(keys, 1)),
         file.result("places", np.argsort(keys, 1).astype("u4")), shared=2048)
n = 1000
radix = rng.integers(0, 2**16, n, dtype="u4")
before, swap = file.given("radix.in", radix), [file.scratch("radix.a", 4 * n, None), file.scratch("radix.b", 4 * n, None)]
sums = file.scratch("radix.counts", 4 * 16 * 8, None)
for step in range(4):
    after = file.result("radix.out", np.sort(radix)) if step == 3 else swap[step % 2]
    file.run("radix_count", 8, 128, before, i32(n), i32(4 * step), sums)
    file.run("radix_scan", 1, 32, sums, i32(128))
    file.run("radix_scatter", 8, 128, before, i32(n), i32(4 * step), sums, after)
    before = after

a, b = rng.standard_normal((35, 50)), rng.standard_normal((50, 20))
file.run("dgemm", (2, 3), (16, 16), file.given("d.a", a), file.given("d.b", b), file.result("d.c", a @ b, norm=1e-15), i32(35), i32(20), i32(50))
a, b = rng.standard_normal((128, 40)).astype("f4"), rng.standard_normal((40, 64)).astype("f4")
file.run("sgemm", (1, 2), 64, file.given("s.a", a), file.given("s.b", b), file.result("s.c", a.astype("f8") @ b, "f4", norm=2e-7), i32(64), i32(40))
file.write("arrays.launch.json")
