"""What the kernels of reduce.cu must compute. Usage: reduce_reference.py FOLDER"""

import sys

import numpy as np
from launches import Launches, i32

file, rng = Launches(sys.argv[1]), np.random.default_rng(11)

x = rng.integers(-1000, 1000, 320, dtype="i4")
rows = x.reshape(-1, 32)
halves = np.stack([rows[:, :16].sum(1), rows[:, 16:].max(1)], 1).ravel()
file.run("warps", 2, 160, file.given("warps.in", x), file.result("warps.sums", rows.sum(1, dtype="i4")),
         file.result("warps.least", rows.min(1)), file.result("warps.bits", np.bitwise_or.reduce(rows, 1).view("u4")),
         file.result("warps.floats", 0.5 * rows.sum(1), "f4"), file.result("warps.halves", halves.astype("i4")))

# Numbers whose sums are exact in any order.
n = 5003
y = (rng.integers(-64, 64, n) / 8).astype("f4")
padded = np.zeros(-(-n // 768) * 768, "f4")
padded[:n] = y
numbers = file.given("numbers", y)
file.run("tree", 3, 256, numbers, i32(n), file.result("tree.out", padded.reshape(-1, 3, 256).sum((0, 2))), shared=1024)
table = rng.integers(0, 50, (5, 300)).astype("f4")
file.run("argmax", 5, 160, file.given("argmax.in", table), i32(300), file.result("argmax.out", table.argmax(1).astype("i4")))
total = np.array([y.sum()])
file.run("atomics", -(-n // 128), 128, numbers, i32(n), file.result("atomics.sum", total, before="zero"),
         file.result("atomics.wide", total.astype("f8"), before="zero"), file.result("atomics.most", y.max()[None], before="zero"),
         file.result("atomics.count", np.array([(y > 2).sum()], "u8"), before="zero"))
for number, blocks in enumerate((7, 40)):
    file.run("last_block", blocks, 256, numbers, i32(n), file.scratch(f"last.partial{number}", 4 * blocks, None),
             file.result(f"last.out{number}", total))

z = rng.integers(0, 100, 192, dtype="i4")
eights = z.reshape(-1, 8)
odd, labels = np.zeros(192, "i4"), np.zeros(192, "i4")
for warp in range(6):
    lanes = z[32 * warp:][:32]
    is_odd = lanes % 2 == 1
    odd[32 * warp:][:32][is_odd] = lanes[is_odd].max() * 64 + is_odd.sum()
    for label in range(3):
        labels[32 * warp:][:32][lanes % 3 == label] = lanes[lanes % 3 == label].sum()
file.run("groups", 2, 96, file.given("groups.in", z), file.result("groups.sums", eights.sum(1, dtype="i4")),
         file.result("groups.scans", (eights.cumsum(1) - eights).astype("i4")), file.result("groups.odd", odd),
         file.result("groups.labels", labels))

b = rng.integers(-50, 50, (3, 256), dtype="i4")
file.run("blelloch", 3, 128, file.given("blelloch.in", b), file.result("blelloch.out", (b.cumsum(1) - b).astype("i4")), shared=4 * 264)
n = 60 * 128 - 5
s = rng.integers(-50, 50, n, dtype="i4")
given = file.given("scan.in", s)
sums = s.cumsum(dtype="i4")
file.run("look_back", 60, 128, given, i32(n), file.result("back.out", sums), file.scratch("back.next", 4), file.scratch("back.states", 8 * 60))
file.run("look_back_warp", 60, 128, given, i32(n), file.result("warp.out", sums), file.scratch("warp.next", 4), file.scratch("warp.flags", 240),
         file.scratch("warp.own", 240, None), file.scratch("warp.all", 240, None))
file.write("reduce.launch.json")
