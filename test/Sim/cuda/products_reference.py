"""What the kernels of products.cu must compute. Usage: products_reference.py FOLDER"""

import sys

import numpy as np
from launches import Launches, bf16, e4m3, e5m2, i32

file, rng = Launches(sys.argv[1]), np.random.default_rng(17)


def reals(*shape):
    return rng.standard_normal(shape).astype("f4")


for kernel, dtype, m, n, k in (("staged_half", "f2", 100, 136, 200), ("staged_bfloat16", bf16, 64, 72, 40)):
    a, b = reals(m, k).astype(dtype), reals(k, n).astype(dtype)
    file.run(kernel, (-(-n // 64), -(-m // 64)), 128, file.given(f"{kernel}.a", a), file.given(f"{kernel}.b", b),
             file.result(f"{kernel}.c", a.astype("f8") @ b.astype("f8"), "f4", norm=1e-6), i32(m), i32(n), i32(k))


def single(kernel, a, b, dtype="f4", **limits):
    product = a.astype("f8") @ b.astype("f8").T
    file.run(kernel, 1, 32, file.given(f"{kernel}.a", a), file.given(f"{kernel}.b", b), file.result(f"{kernel}.c", product, dtype, **limits))


# TF32 has ten bits of fraction; what is below is not specified for mma.sync, so nothing is below.
single("mma_tf32", *((reals(n, 8).view("u4") & np.uint32(0xffffe000)).view("f4") for n in (16, 8)), norm=2e-7)
single("mma_int8", rng.integers(-128, 128, (16, 32), dtype="i1"), rng.integers(0, 256, (8, 32), dtype="u1"), "i4")
single("mma_fp8", reals(16, 32).astype(e5m2), reals(8, 32).astype(e4m3), norm=2e-7)
file.write("products.launch.json")
