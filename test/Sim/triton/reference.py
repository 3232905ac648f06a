"""What the kernels of kernels.py must compute, and their launches. Usage: reference.py FOLDER"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "cuda"))
from launches import Launches, bf16, e4m3, f32, i32, tensor_map  # noqa: E402

rng = np.random.default_rng(18)
SWIZZLES = ["none", "32B", "64B", "128B"]


def reals(*shape):
    return rng.standard_normal(shape).astype("f4")


class Kernel:
    """One PTX file and its launch: a folder of its own, what its first line says, and Triton's two last parameters."""

    def __init__(self, name):
        self.name, self.ptx = name, (HERE / f"{name}.ptx").read_text()
        self.known = json.loads(self.ptx.split("\n")[0].removeprefix("// "))
        folder = Path(sys.argv[1]) / name
        folder.mkdir()
        self.file = Launches(folder)

    def __getitem__(self, constant):
        return self.known[constant]

    def run(self, grid, *params):
        entry = self.ptx.split(".visible .entry ")[1].split("(")[0]
        block = int(self.ptx.split(".reqntid ")[1].split()[0])
        self.file.run(entry, grid, block, *params, {"pointer": None}, {"pointer": None}, shared=self["shared"])
        self.file.write(f"{self.name}.launch.json")

    def descriptor(self, number, buffer, array, kind):
        """As Triton passes a TensorDescriptor: the map, the sizes, the strides in elements."""
        known = self["maps"][number]
        rows, columns = array.shape
        return (tensor_map(buffer, kind, (columns, rows), (columns * array.itemsize,), known["block_size"][::-1],
                           swizzle=SWIZZLES[known["swizzle"]]),
                i32(rows), i32(columns), {"u64": columns}, {"u64": 1})


def cdiv(a, b):
    return -(-a // b)


def softmax(x):
    e = np.exp(x.astype("f8") - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


k = Kernel("vector_add")
x, y = reals(2500), reals(2500)
k.run(3, k.file.given("x", x), k.file.given("y", y), k.file.result("z", x + y), i32(2500))

k = Kernel("softmax")
x = (3 * reals(7, 700)).astype("f2")
k.run(3, k.file.given("x", x), k.file.result("y", softmax(x), "f2", norm=5e-4), i32(700), i32(7))

k = Kernel("layer_norm")
x, w, b = (reals(4, 1200) + 2).astype(bf16), reals(1200), reals(1200)
wide = x.astype("f8")
centred = wide - wide.mean(1, keepdims=True)
y = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * w + b
k.run(4, k.file.given("x", x), k.file.given("w", w), k.file.given("b", b), k.file.result("y", y, bf16, norm=4e-3),
      k.file.result("means", wide.mean(1), "f4", norm=1e-6), i32(1200))

for name, dtype, result, norm, (m, n, depth) in (("matmul", bf16, bf16, 4e-3, (200, 144, 208)), ("matmul_fp8", e4m3, "f2", 1e-3, (80, 96, 144)),
                                                 ("matmul_small", "f2", "f2", 6e-4, (30, 48, 80))):
    k = Kernel(name)
    a, b = reals(m, depth).astype(dtype), reals(depth, n).astype(dtype)
    k.run(cdiv(m, k["BM"]) * cdiv(n, k["BN"]), k.file.given("a", a), k.file.given("b", b),
          k.file.result("c", a.astype("f8") @ b.astype("f8"), result, norm=norm), i32(m), i32(n), i32(depth))

k, (m, n, depth) = Kernel("matmul_tma"), (200, 144, 208)
a, b = reals(m, depth).astype(bf16), reals(n, depth).astype(bf16)
c = a.astype("f8") @ b.astype("f8").T
k.run(3, *k.descriptor(0, k.file.given("a", a), a, "bf16"), *k.descriptor(1, k.file.given("b", b), b, "bf16"),
      *k.descriptor(2, k.file.result("c", c, bf16, norm=4e-3), c.astype(bf16), "bf16"), i32(m), i32(n), i32(depth))

k, sizes, (n, depth) = Kernel("grouped"), np.array([70, 0, 64, 17], "i4"), (48, 80)
a, b = reals(sizes.sum(), depth).astype("f2"), reals(4, depth, n).astype("f2")
rows = np.cumsum([0, *sizes])
c = np.concatenate([a[rows[g]:rows[g + 1]].astype("f8") @ b[g].astype("f8") for g in range(4)])
k.run(3, k.file.given("a", a), k.file.given("b", b), k.file.result("c", c, "f2", norm=6e-4), k.file.given("sizes", sizes), i32(n), i32(depth), i32(4))

for name in ("attention", "attention_causal"):
    k, tokens = Kernel(name), 144
    q, key, v = (reals(2, tokens, 64).astype(bf16) for _ in range(3))
    scores = np.einsum("hik,hjk->hij", q.astype("f8"), key.astype("f8")) * 0.125
    if k["CAUSAL"]:
        scores[:, *np.triu_indices(tokens, 1)] = -np.inf
    most = scores.max(2)
    logs = most + np.log(np.exp(scores - most[..., None]).sum(2))
    k.run((cdiv(tokens, k["BM"]), 2), k.file.given("q", q), k.file.given("k", key), k.file.given("v", v),
          k.file.result("out", softmax(scores) @ v.astype("f8"), bf16, norm=8e-3), k.file.result("logs", logs, "f4", norm=1e-5), i32(tokens), f32(0.125))


def philox(seed, counter):
    """The first of the four words of Philox 4x32 with ten rounds (Random123)."""
    mask = np.uint64(0xffffffff)
    c = [counter.astype("u8"), *(np.zeros(len(counter), "u8") for _ in range(3))]
    keys = [np.uint64(seed), np.uint64(0)]
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [b >> np.uint64(32) ^ c[1] ^ keys[0], b & mask, a >> np.uint64(32) ^ c[3] ^ keys[1], a & mask]
        keys = [keys[0] + np.uint64(0x9E3779B9) & mask, keys[1] + np.uint64(0xBB67AE85) & mask]
    return c[0].astype("u4").view("i4")


k, x = Kernel("dropout"), reals(1100)
raw = philox(77, np.arange(1100))
uniform = np.where(raw < 0, -raw - 1, raw) * np.float32(4.6566127342e-10)
k.run(3, k.file.given("x", x), k.file.result("y", np.where(uniform > 0.3, x / np.float32(0.7), 0).astype("f4"), max=1e-6),
      k.file.result("raw", raw), i32(1100), f32(0.3), i32(77))

k, x = Kernel("atomics"), rng.integers(3, 1000, 1500, dtype="i4")
k.run(6, k.file.given("x", x), k.file.result("bins", np.bincount(x % 16, minlength=16).astype("i4"), before="zero"),
      k.file.result("sums", np.array([x.sum()], "i4"), before="zero"), k.file.result("least", x.min()[None], before=np.array([10**6], "i4")),
      k.file.scratch("lock", 4), k.file.buffer("order", bytes=28, fill="zero"), i32(1500))

k, x = Kernel("scans"), rng.integers(0, 1000, (3, 256), dtype="i4")
counts = np.stack([np.bincount(row & 15, minlength=16) for row in x]).astype("i4")
k.run(3, k.file.given("x", x), k.file.result("sums", x.cumsum(1, dtype="i4")), k.file.result("sorted", np.sort(x, 1)),
      k.file.result("counts", counts), k.file.result("ranks", x.argmax(1).astype("i4")))
