"""What the kernels of layers.cu must compute. Usage: layers_reference.py FOLDER"""

import sys

import numpy as np
from launches import Launches, bf16, e4m3, i32

file, rng = Launches(sys.argv[1]), np.random.default_rng(13)


def normal(*shape):
    return rng.standard_normal(shape).astype("f4")


def softmax(x):
    e = np.exp(x.astype("f8") - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


x = 3 * normal(9, 200)
file.run("softmax_warp", 3, 96, file.given("warp.in", x), file.result("warp.out", softmax(x), "f4", norm=1e-6), i32(9), i32(200))
x = (4 * normal(3, 333)).astype("f2")
file.run("softmax_online", 3, 128, file.given("online.in", x), file.result("online.out", softmax(x), "f2", norm=5e-4), i32(333))

x, w, b = normal(4, 400) + 1, normal(400), normal(400)
y = x.astype("f8") - x.mean(1, keepdims=True, dtype="f8")
y = y / np.sqrt((y * y).mean(1, keepdims=True) + 1e-5) * w + b
file.run("layer_norm", 4, 64, file.given("norm.in", x), file.given("norm.w", w), file.given("norm.b", b),
         file.result("norm.out", y, "f4", norm=1e-6), i32(100), shared=1600)

x, r, w = (normal(3, 512).astype(bf16), normal(3, 512).astype(bf16), normal(512).astype(bf16))
s = (x.astype("f4") + r.astype("f4")).astype(bf16)
wide = s.astype("f8")
y = wide / np.sqrt((wide * wide).mean(1, keepdims=True) + 1e-6) * w.astype("f8")
file.run("rms_norm", 3, 64, file.given("rms.in", x), file.result("rms.residual", s, before=r), file.given("rms.w", w),
         file.result("rms.out", y, bf16, norm=5e-3))

np.seterr(over="ignore")
x = np.concatenate([3 * normal(389), [0, -0.0, 1, -1, 60000, -60000, 2**-24, -2**-24, 2]]).astype("f2")
f = x.astype("f8")
gelu = 0.5 * f * (1 + np.tanh(0.7978845608 * (f + 0.044715 * f**3)))
limit = np.where(np.arange(len(x)) % 2, 2, 1)
file.run("activations", 2, 128, file.given("act.in", x), file.result("act.relu", np.maximum(x, np.float16(0))),
         file.result("act.gelu", gelu, "f2", norm=5e-4), file.result("act.silu", f / (1 + np.exp(-f)), "f2", norm=5e-4),
         file.result("act.clamped", np.clip(f, -limit, limit) * 2 * limit + np.where(limit == 1, 1, -1), "f2", norm=5e-4), i32(len(x) // 2))

x = normal(6, 64) * np.array([[1], [1e-3], [100], [0], [7], [1e-7]], "f4")
scales = np.maximum(np.abs(x).max(1), np.float32(1e-4)) / np.float32(448)
q = (x / scales[:, None]).astype(e4m3)
quantised = file.result("fp8", q)
scaled = file.result("scales", scales, max=0)
file.run("quantise", 3, 64, file.given("fp8.in", x), quantised, scaled)
file.run("dequantise", 3, 32, quantised, scaled, file.result("fp8.out", q.astype("f4") * scales[:, None]))

index, table = rng.integers(0, 7, 11, dtype="i4"), normal(7, 40).astype("f2")
counts = np.bincount(index, minlength=7)[:, None] * np.tile([1, 2], 20)
file.run("embedding", 11, 32, file.given("index", index), file.given("table", table), file.result("embedded", table[index]),
         file.result("counts", counts.astype("f2"), before="zero"), i32(20))

q, k, v = normal(20, 40), normal(20, 40), normal(20, 40)
scores = q.astype("f8") @ k.T / 40**0.5
scores[np.triu_indices(20, 1)] = -np.inf
file.run("attention", 20, 64, file.given("q", q), file.given("k", k), file.given("v", v),
         file.result("attended", softmax(scores) @ v, "f4", norm=2e-6), i32(20), i32(40), shared=80)
file.write("layers.launch.json")
