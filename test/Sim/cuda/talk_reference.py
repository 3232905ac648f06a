"""What the kernels of talk.cu must compute. Usage: talk_reference.py FOLDER"""

import sys

import numpy as np
from launches import Launches, i32

file, rng = Launches(sys.argv[1]), np.random.default_rng(14)

x = rng.integers(0, 64, 500).astype("f4")
for kernel in ("diffuse", "diffuse_atomics"):
    y = x.copy()
    for _ in range(5):
        y = np.float32(0.5) * y + np.float32(0.25) * (np.roll(y, -1) + np.roll(y, 1))
    file.run(kernel, 8, 64, file.buffer(f"{kernel}.a", npy=file.saved(x), dtype="f32"),
             file.result(f"{kernel}.b", y), i32(500), i32(5), file.scratch(f"{kernel}.state", 8))

tiles, k = 5, 72
a, b = rng.integers(-4, 5, (16 * tiles, k)).astype("f4"), rng.integers(-4, 5, (k, 16)).astype("f4")
given = file.given("a", a), file.given("b", b)
for blocks in (4, 7, 23):
    file.run("stream_k", blocks, 256, *given, file.result(f"c{blocks}", a @ b), i32(tiles), i32(k),
             file.scratch(f"partial{blocks}", 1024 * blocks, None), file.scratch(f"flags{blocks}", 4 * blocks))

file.run("chain", 6, 64, file.scratch("slots", 4 * 64 * 6, None), file.scratch("full", 24),
         file.result("chained", (100 * np.arange(7)[:, None] + np.arange(64) + 5).astype("i4")), i32(7))

n, value = 40, [1]
for i in range(1, n):
    value.append(value[i - 1] + value[i // 2])
file.run("tasks", 9, 32, file.scratch("next", 4), file.scratch("done", 4 * n), file.result("value", np.array(value, "i8")), i32(n))

# Who comes when is a matter of the schedule; how many came is not.
places = file.scratch("order", 4 * 96)
file.run("spin", 3, 32, file.scratch("lock", 4), file.result("count", np.array([96], "i4"), before="zero"), places)
file.run("tickets", 8, 64, file.scratch("tickets.state", 8), file.result("sums", (8 * np.arange(100) + 28).astype("i4"), before="zero"), i32(100))

file.run("hand_over", 1, 128, file.result("handed", np.tile(21 * np.arange(32), 3).astype("i4"), before="zero"), i32(6))
rounds = rng.integers(0, 1000, (7, 64), dtype="i4")
file.run("barriers", 1, 128, file.given("rounds", rounds), file.result("ringed", rounds.sum(0, dtype="i4")[::-1].copy()), i32(7))
tiles = rng.integers(0, 100, (5, 96)).astype("f4")
after = np.concatenate([np.roll(tiles.sum(0), -1), tiles[0, ::-1]])
file.run("pipeline_thread", 1, 96, file.given("tiles", tiles), file.result("piped", after), i32(5), shared=2 * 4 * 96)
file.write("talk.launch.json")
