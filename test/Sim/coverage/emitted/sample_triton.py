"""Kernels that use much of Triton, compiled for sm_90 with no GPU: sample_triton.py FOLDER writes their PTX there."""

import sys
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def mm(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    pm = tl.program_id(0)
    pn = tl.program_id(1)
    rm = pm * BM + tl.arange(0, BM)
    rn = pn * BN + tl.arange(0, BN)
    rk = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        x = tl.load(a + rm[:, None] * K + (k + rk)[None, :], mask=(k + rk)[None, :] < K, other=0.0)
        y = tl.load(b + (k + rk)[:, None] * N + rn[None, :], mask=(k + rk)[:, None] < K, other=0.0)
        acc = tl.dot(x, y, acc)
    tl.store(c + rm[:, None] * N + rn[None, :], acc.to(c.dtype.element_ty))


@triton.jit
def mmi(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rm = tl.arange(0, BM)
    rn = tl.arange(0, BN)
    rk = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), dtype=tl.int32)
    for k in range(0, K, BK):
        acc = tl.dot(
            tl.load(a + rm[:, None] * K + (k + rk)[None, :]), tl.load(b + (k + rk)[:, None] + rn[None, :] * K), acc
        )
    tl.store(c + rm[:, None] * N + rn[None, :], acc)


@triton.jit
def mmtma(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    da = tl.make_tensor_descriptor(a, [M, K], [K, 1], [BM, BK])
    db = tl.make_tensor_descriptor(b, [K, N], [N, 1], [BK, BN])
    dc = tl.make_tensor_descriptor(c, [M, N], [N, 1], [BM, BN])
    pm = tl.program_id(0)
    pn = tl.program_id(1)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in tl.range(0, K, BK, warp_specialize=False):
        acc = tl.dot(da.load([pm * BM, k]), db.load([k, pn * BN]), acc)
    dc.store([pm * BM, pn * BN], acc.to(c.dtype.element_ty))


@triton.jit
def soft(x, y, n, B: tl.constexpr):
    r = tl.program_id(0)
    o = tl.arange(0, B)
    v = tl.load(x + r * n + o, mask=o < n, other=-float("inf")).to(tl.float32)
    v = v - tl.max(v, 0)
    e = tl.exp(v)
    tl.store(y + r * n + o, (e / tl.sum(e, 0)).to(y.dtype.element_ty), mask=o < n)


@triton.jit
def misc(x, y, z, p, n, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + o, eviction_policy="evict_last")
    w = tl.load(x + o + B, cache_modifier=".cg")
    s = tl.cumsum(v, 0)
    m = tl.argmax(w, 0)
    q = (
        tl.sin(v)
        + tl.cos(w)
        + tl.log(v)
        + tl.exp2(w)
        + tl.sqrt(v)
        + tl.rsqrt(w)
        + tl.erf(v)
        + tl.fma(v, w, s)
        + tl.abs(v)
        + tl.floor(w)
        + tl.minimum(v, w)
        + tl.maximum(v, w, propagate_nan=tl.PropagateNan.ALL)
        + tl.clamp(v, 0.0, 1.0)
        + v / w
        + tl.sigmoid(v)
        + tl.div_rn(v, w)
        + tl.sqrt_rn(v)
    )
    tl.atomic_add(y + o % 17, q)
    tl.atomic_max(z + o % 5, o)
    tl.atomic_cas(z + 1, 0, 1)
    tl.atomic_xchg(z + 2, m, sem="release")
    tl.atomic_add(p + o % 8, v.to(tl.float16))
    tl.atomic_min(y + 3 + o * 0, q)
    h = tl.histogram(o & 15, 16)
    tl.store(z + 64 + tl.arange(0, 16), h)
    tl.store(y + o + B, tl.sort(q))
    tl.store(
        z + 128 + o,
        tl.umulhi(o, o * 3 + 1) + (o // 7) % (n) + tl.rand(3, o).to(tl.int32) + tl.flip(o, 0) + tl.gather(o, o ^ 1, 0),
    )
    tl.debug_barrier()
    tl.device_print("x", o)
    tl.device_assert(o >= 0, "neg")


@triton.jit
def lock(z, x, n, B: tl.constexpr):
    while tl.atomic_cas(z, 0, 1) == 1:
        pass
    o = tl.arange(0, B)
    tl.store(x + o, tl.load(x + o) + 1.0)
    tl.debug_barrier()
    tl.atomic_xchg(z, 0)


@triton.jit
def conv(x, y8, yb, yi, yd, B: tl.constexpr):
    o = tl.arange(0, B)
    v = tl.load(x + o)
    tl.store(y8 + o, v.to(tl.float8e4nv))
    tl.store(yb + o, v.to(tl.bfloat16))
    tl.store(yi + o, v.to(tl.int8))
    tl.store(yd + o, v.to(tl.float64) * 3.0)
    u = tl.load(y8 + o + B).to(tl.float16)
    tl.store(yb + o + B, u.to(tl.bfloat16) + tl.load(yi + o + B).to(tl.bfloat16))
    tl.store(x + B + o, tl.load(y8 + o + 2 * B).to(tl.float8e5, bitcast=True).to(tl.float32))


@triton.jit
def layer(x, w, y, n, B: tl.constexpr):
    r = tl.program_id(0)
    o = tl.arange(0, B)
    v = tl.load(x + r * n + o, mask=o < n, other=0.0).to(tl.float32)
    m = tl.sum(v, 0) / n
    d = tl.where(o < n, v - m, 0.0)
    s = 1 / tl.sqrt(tl.sum(d * d, 0) / n + 1e-5)
    tl.store(y + r * n + o, (d * s * tl.load(w + o, mask=o < n)).to(tl.bfloat16), mask=o < n)


def emit(name, kernel, signature, constants, **options):
    source = ASTSource(kernel, {**signature, **dict.fromkeys(constants, "constexpr")}, constexprs=constants)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    (Path(sys.argv[1]) / f"{name}.ptx").write_text(compiled.asm["ptx"])


def product(operand, result):
    return dict(a="*" + operand, b="*" + operand, c="*" + result, M="i32", N="i32", K="i32")


LARGE, SMALL = dict(BM=128, BN=128, BK=64), dict(BM=16, BN=64, BK=32)
for x, y in (("bf16", "bf16"), ("fp16", "fp16"), ("fp8e4nv", "bf16"), ("fp8e5", "fp16"), ("fp32", "fp32")):
    emit("mm_" + x, mm, product(x, y), LARGE, num_warps=8, num_stages=3)
    emit("small_mm_" + x, mm, product(x, y), SMALL, num_warps=4, num_stages=3)
emit("mm_i8", mmi, product("i8", "i32"), LARGE, num_warps=4)
emit("small_mm_i8", mmi, product("i8", "i32"), dict(BM=16, BN=16, BK=32), num_warps=1)
emit("mm_tma", mmtma, product("bf16", "bf16"), LARGE, num_warps=8, num_stages=3)
emit("softmax", soft, dict(x="*bf16", y="*bf16", n="i32"), dict(B=2048), num_warps=8)
emit("misc", misc, dict(x="*fp32", y="*fp32", z="*i32", p="*fp16", n="i32"), dict(B=256), num_warps=4, debug=True)
emit("lock", lock, dict(z="*i32", x="*fp32", n="i32"), dict(B=128))
emit("conversions", conv, dict(x="*fp32", y8="*fp8e4nv", yb="*bf16", yi="*i8", yd="*fp64"), dict(B=512))
emit("layer_norm", layer, dict(x="*bf16", w="*fp32", y="*bf16", n="i32"), dict(B=1024))
