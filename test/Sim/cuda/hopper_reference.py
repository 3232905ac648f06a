"""What the kernels of hopper.cu must compute. Usage: hopper_reference.py FOLDER"""

import sys

import ml_dtypes
import numpy as np
from launches import Launches, bf16, e4m3, e5m2, i32, tensor_map

file, rng = Launches(sys.argv[1]), np.random.default_rng(15)


def whole(buffer, array, box, dtype="f32", **more):
    """The map of a whole array, innermost dimension last in the array and first in the map."""
    size, strides = array.dtype.itemsize, array.strides[-2::-1] if array.ndim > 1 else ()
    assert array.flags.c_contiguous and all(s % 16 == 0 for s in strides), array.strides
    return tensor_map(buffer, dtype, array.shape[::-1], strides, box, **more)


def reals(*shape):
    return rng.standard_normal(shape).astype("f4")


# Every rank: boxes of hopper.cu, tensors that end inside of them. What is outside reads as zero and is not stored.
for shape, box, grid in (
    ((150,), (64,), 3), ((10, 68), (32, 4), (3, 3)), ((5, 6, 20), (8, 4, 3), (3, 2, 2)), ((2, 5, 6, 20), (8, 4, 3, 2), (3, 2, 2)),
    ((3, 2, 4, 6, 12), (4, 4, 3, 2, 2), (3, 2, 2))):
    rank, x = len(shape), reals(*shape)
    y = np.full(shape, 7, "f4")
    if rank == 5:
        y[1:] = x[1:] + 1  # The box starts at 1 there.
    else:
        y[...] = x + 1
    given = file.given(f"in{rank}", x)
    result = file.result(f"out{rank}", y, before=np.full(shape, 7, "f4"))
    file.run(f"tma_{rank}d", grid, 64, whole(given, x, box), whole(result, x, box))

x = reals(96, 160)
file.run("tma_transpose", 3, 256, whole(file.given("rows", x), x, (32, 32), swizzle="128B"),
         whole(file.result("columns", np.ascontiguousarray(x.T)), x.T.copy(), (32, 32), swizzle="128B"), i32(160))
x = rng.integers(-9, 9, (5, 100)).astype("f4")
file.run("bulk", 5, 64, file.given("bulk.in", x), file.result("bulk.out", 2 * x), file.result("bulk.sum", 2 * x.sum(0), before="zero"), i32(100), shared=400)
x = rng.integers(-9, 9, (16, 80)).astype("f4")
total = x.reshape(16, 5, 16).sum(1)
file.run("tma_sum", 5, 32, whole(file.given("parts", x), x, (16, 16)), whole(file.result("total", total, before="zero"), total, (16, 16)))


def small(name, a, b, dtype="f4", sign=1, **limits):
    """a times b transposed, of 32 bytes each row."""
    product = sign * (a.astype("f8") @ b.astype("f8").T)
    file.run(name, 1, 128, file.given(f"{name}.a", a), file.given(f"{name}.b", b), file.result(f"{name}.c", product.astype(dtype) if dtype == "i4" else product, dtype, **limits))


small("wgmma_f16", reals(64, 16).astype("f2"), reals(8, 16).astype("f2"), norm=2e-7)
small("wgmma_minus", reals(64, 16).astype(bf16), reals(8, 16).astype(bf16), sign=-1, norm=2e-7)
tf32 = [(reals(n, 8).view("u4") & np.uint32(0xffffe000)).view("f4") for n in (64, 8)]
small("wgmma_tf32", *tf32, norm=2e-7)
small("wgmma_fp8", reals(64, 32).astype(e4m3), reals(8, 32).astype(e5m2), norm=2e-7)
small("wgmma_int8", rng.integers(-128, 128, (64, 32), dtype="i1"), rng.integers(0, 256, (8, 32), dtype="u1"), "i4")
a, b = reals(64, 16).astype(bf16), reals(8, 16).astype(bf16)
product = a.astype("f8") @ b.astype("f8").T
file.run("wgmma_registers", 1, 128, file.given("r.a", a), file.given("r.b", b), file.result("r.c", np.stack([product, product]), "f4", norm=2e-7))


def gemm(name, blocks, m, n, k, cluster=1):
    a, b = reals(m, k).astype(bf16), reals(n, k).astype(bf16)
    c = a.astype("f8") @ b.astype("f8").T
    key = f"{name}.{m}.{n}"
    maps = (whole(file.given(f"{key}.a", a), a, (64, 128), "bf16", swizzle="128B"),
            whole(file.given(f"{key}.b", b), b, (64, 64 // cluster), "bf16", swizzle="128B"),
            whole(file.result(f"{key}.c", c, bf16, norm=4e-3), c.astype(bf16), (64, 64), "bf16", swizzle="128B"))
    rows = -(-m // (128 * cluster)) * cluster
    file.run(name, blocks, 384, *maps, i32(rows), i32(-(-n // 64)), i32(-(-k // 64)), shared=3 * 24576 + 2 * 8192 + 1024)


gemm("gemm", 2, 200, 136, 264)
gemm("gemm_cluster", 4, 500, 136, 264, 2)
file.write("hopper.launch.json")
