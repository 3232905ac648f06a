"""Kernels of ours in Triton, and the PTX that PyPI's Triton makes of them for sm_90, with no GPU:

    pip install triton==3.9.0 && python kernels.py FOLDER

The first line of each file says what a launch must know: the Triton, dynamic shared memory, constants, swizzles.
"""

import json
import re
import sys
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def vector_add(x, y, z, n, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(z + o, tl.load(x + o, mask=o < n) + tl.load(y + o, mask=o < n), mask=o < n)


@triton.jit
def softmax(x, y, n, rows, B: tl.constexpr):
    for row in tl.range(tl.program_id(0), rows, tl.num_programs(0), num_stages=2):
        o = tl.arange(0, B)
        v = tl.load(x + row * n + o, mask=o < n, other=-float("inf")).to(tl.float32)
        e = tl.exp(v - tl.max(v, 0))
        tl.store(y + row * n + o, (e / tl.sum(e, 0)).to(tl.float16), mask=o < n)


@triton.jit
def layer_norm(x, w, b, y, means, n, B: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros([B], tl.float32)
    for k in range(0, n, B):
        o = k + tl.arange(0, B)
        total += tl.load(x + row * n + o, mask=o < n, other=0.0).to(tl.float32)
    mean = tl.sum(total, 0) / n
    squares = tl.zeros([B], tl.float32)
    for k in range(0, n, B):
        o = k + tl.arange(0, B)
        v = tl.load(x + row * n + o, mask=o < n, other=0.0).to(tl.float32)
        squares += tl.where(o < n, (v - mean) * (v - mean), 0.0)
    scale = 1 / tl.sqrt(tl.sum(squares, 0) / n + 1e-5)
    tl.store(means + row, mean)
    for k in range(0, n, B):
        o = k + tl.arange(0, B)
        v = tl.load(x + row * n + o, mask=o < n, other=0.0).to(tl.float32)
        v = (v - mean) * scale * tl.load(w + o, mask=o < n) + tl.load(b + o, mask=o < n)
        tl.store(y + row * n + o, v.to(tl.bfloat16), mask=o < n)


@triton.jit
def place(tile, tiles_m, tiles_n, G: tl.constexpr):
    """Tiles in groups of G rows, for the L2 cache."""
    group = tile // (G * tiles_n)
    rows = min(tiles_m - group * G, G)
    inside = tile % (G * tiles_n)
    return group * G + inside % rows, inside // rows


@triton.jit
def matmul(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, G: tl.constexpr):
    """Pointers: stages of cp.async, and wgmma."""
    pm, pn = place(tl.program_id(0), tl.cdiv(M, BM), tl.cdiv(N, BN), G)
    rm, rn, rk = pm * BM + tl.arange(0, BM), pn * BN + tl.arange(0, BN), tl.arange(0, BK)
    pa, pb = a + rm[:, None] * K + rk[None, :], b + rk[:, None] * N + rn[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        x = tl.load(pa, mask=(rm[:, None] < M) & (k + rk[None, :] < K), other=0.0)
        y = tl.load(pb, mask=(k + rk[:, None] < K) & (rn[None, :] < N), other=0.0)
        acc = tl.dot(x, y, acc)
        pa += BK
        pb += BK * N
    tl.store(c + rm[:, None] * N + rn[None, :], acc.to(c.dtype.element_ty), mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def matmul_tma(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, G: tl.constexpr):
    """Descriptors of the host's: TMA loads and stores, and wgmma; each program walks tiles."""
    tiles_m, tiles_n = tl.cdiv(M, BM), tl.cdiv(N, BN)
    for tile in tl.range(tl.program_id(0), tiles_m * tiles_n, tl.num_programs(0)):
        pm, pn = place(tile, tiles_m, tiles_n, G)
        acc = tl.zeros((BM, BN), tl.float32)
        for k in range(0, K, BK):
            acc = tl.dot(a.load([pm * BM, k]), b.load([pn * BN, k]).T, acc)
        c.store([pm * BM, pn * BN], acc.to(tl.bfloat16))


@triton.jit
def grouped(a, b, c, sizes, N, K, groups, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Products of several sizes of M, with a B each, by programs that walk all tiles."""
    tile, first_tile, first_row = tl.program_id(0), 0, 0
    for g in range(groups):
        m = tl.load(sizes + g)
        tiles_n = tl.cdiv(N, BN)
        tiles = tl.cdiv(m, BM) * tiles_n
        while tile >= first_tile and tile < first_tile + tiles:
            inside = tile - first_tile
            rm, rn = inside // tiles_n * BM + tl.arange(0, BM), inside % tiles_n * BN + tl.arange(0, BN)
            acc = tl.zeros((BM, BN), tl.float32)
            for k in range(0, K, BK):
                rk = k + tl.arange(0, BK)
                x = tl.load(a + (first_row + rm[:, None]) * K + rk[None, :], mask=(rm[:, None] < m) & (rk[None, :] < K), other=0.0)
                y = tl.load(b + g * K * N + rk[:, None] * N + rn[None, :], mask=(rk[:, None] < K) & (rn[None, :] < N), other=0.0)
                acc = tl.dot(x, y, acc)
            tl.store(c + (first_row + rm[:, None]) * N + rn[None, :], acc.to(tl.float16), mask=(rm[:, None] < m) & (rn[None, :] < N))
            tile += tl.num_programs(0)
        first_tile += tiles
        first_row += m


@triton.jit
def attention(q, k, v, out, logs, T, scale, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr, CAUSAL: tl.constexpr):
    """Forward, online softmax; one head to each of axis 1's programs."""
    start, head = tl.program_id(0) * BM, tl.program_id(1)
    rm, rd = start + tl.arange(0, BM), tl.arange(0, D)
    base = head * T * D
    query = tl.load(q + base + rm[:, None] * D + rd[None, :], mask=rm[:, None] < T, other=0.0)
    most = tl.full([BM], -float("inf"), tl.float32)
    total = tl.zeros([BM], tl.float32)
    acc = tl.zeros([BM, D], tl.float32)
    end = min(start + BM, T) if CAUSAL else T
    for n in range(0, end, BN):
        rn = n + tl.arange(0, BN)
        key = tl.load(k + base + rn[None, :] * D + rd[:, None], mask=rn[None, :] < T, other=0.0)
        value = tl.load(v + base + rn[:, None] * D + rd[None, :], mask=rn[:, None] < T, other=0.0)
        s = tl.dot(query, key) * scale
        seen = rn[None, :] < T
        if CAUSAL:
            seen = seen & (rn[None, :] <= rm[:, None])
        s = tl.where(seen, s, -float("inf"))
        larger = tl.maximum(most, tl.max(s, 1))
        p = tl.exp(s - larger[:, None])
        fade = tl.exp(most - larger)
        total = total * fade + tl.sum(p, 1)
        acc = tl.dot(p.to(tl.bfloat16), value, acc * fade[:, None])
        most = larger
    tl.store(out + base + rm[:, None] * D + rd[None, :], (acc / total[:, None]).to(tl.bfloat16), mask=rm[:, None] < T)
    tl.store(logs + head * T + rm, most + tl.log(total), mask=rm < T)


@triton.jit
def dropout(x, y, raw, n, p, seed, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    kept = tl.rand(seed, o) > p
    tl.store(y + o, tl.where(kept, tl.load(x + o, mask=o < n) / (1 - p), 0.0), mask=o < n)
    tl.store(raw + o, tl.randint(seed, o), mask=o < n)


@triton.jit
def atomics(x, bins, sums, least, lock, order, n, B: tl.constexpr):
    o = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + o, mask=o < n, other=0)
    tl.atomic_add(bins + v % 16, 1, mask=o < n)
    tl.atomic_add(sums, tl.sum(tl.where(o < n, v, 0), 0), sem="relaxed")
    tl.atomic_min(least, tl.min(tl.where(o < n, v, 1 << 30), 0))
    while tl.atomic_cas(lock, 0, 1) == 1:
        pass
    count = tl.load(order)
    tl.debug_barrier()  # Every thread loads it, one stores.
    tl.store(order + 1 + count, tl.program_id(0))
    tl.store(order, count + 1)
    tl.debug_barrier()
    tl.atomic_xchg(lock, 0)


@triton.jit
def scans(x, sums, sorted, counts, ranks, N: tl.constexpr):
    o = tl.arange(0, N)
    v = tl.load(x + tl.program_id(0) * N + o)
    tl.store(sums + tl.program_id(0) * N + o, tl.cumsum(v, 0))
    tl.store(sorted + tl.program_id(0) * N + o, tl.sort(v))
    tl.store(counts + tl.program_id(0) * 16 + tl.arange(0, 16), tl.histogram(v & 15, 16))
    tl.store(ranks + tl.program_id(0), tl.argmax(v, 0))


def emit(name, kernel, signature, constants, loose=(), **options):
    """All pointers, and integers that are not `loose`, are multiples of 16: Triton asks for that at a launch."""
    attributes = {(i,): [["tt.divisibility", 16]] for i, (key, kind) in enumerate(signature.items()) if kind[0] in "*i" and key not in loose}
    source = ASTSource(kernel, {**signature, **dict.fromkeys(constants, "constexpr")}, constexprs=constants, attrs=attributes)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    known = {"triton": triton.__version__, "shared": compiled.metadata.shared, **constants}
    if maps := getattr(compiled.metadata, "tensordesc_meta", None):
        known["maps"] = maps
    text = re.sub(r'(\.file\s+\d+ ").*/', r"\1", compiled.asm["ptx"])  # No folders.
    text = re.sub(r"[ \t]+$", "", re.sub(re.escape(str(Path(__file__).resolve().parent)), ".", text), flags=re.MULTILINE)
    (Path(sys.argv[1]) / f"{name}.ptx").write_text(f"// {json.dumps(known)}\n{text}")


def main():
    pointers = {name: "*bf16" for name in "abc"}
    sizes = dict(M="i32", N="i32", K="i32")
    emit("vector_add", vector_add, dict(x="*fp32", y="*fp32", z="*fp32", n="i32"), dict(B=1024), loose="n")
    emit("softmax", softmax, dict(x="*fp16", y="*fp16", n="i32", rows="i32"), dict(B=1024), loose=("n", "rows"), num_warps=4)
    emit("layer_norm", layer_norm, dict(x="*bf16", w="*fp32", b="*fp32", y="*bf16", means="*fp32", n="i32"), dict(B=512), num_warps=4)
    emit("matmul", matmul, pointers | sizes, dict(BM=128, BN=64, BK=64, G=2), num_warps=4, num_stages=3)
    emit("matmul_fp8", matmul, dict(a="*fp8e4nv", b="*fp8e4nv", c="*fp16") | sizes, dict(BM=64, BN=64, BK=64, G=4), num_warps=4, num_stages=3)
    emit("matmul_small", matmul, dict(a="*fp16", b="*fp16", c="*fp16") | sizes, dict(BM=16, BN=32, BK=32, G=1), num_warps=2, num_stages=4)
    maps = dict(a="tensordesc<bf16[128, 64]>", b="tensordesc<bf16[64, 64]>", c="tensordesc<bf16[128, 64]>")
    emit("matmul_tma", matmul_tma, maps | sizes, dict(BM=128, BN=64, BK=64, G=2), num_warps=4, num_stages=3)
    emit("grouped", grouped, dict(a="*fp16", b="*fp16", c="*fp16", sizes="*i32", N="i32", K="i32", groups="i32"),
         dict(BM=64, BN=32, BK=32), loose=("groups",), num_warps=4, num_stages=2)
    for causal in (False, True):
        emit("attention_causal" if causal else "attention", attention,
             dict(q="*bf16", k="*bf16", v="*bf16", out="*bf16", logs="*fp32", T="i32", scale="fp32"),
             dict(BM=64, BN=32, D=64, CAUSAL=causal), num_warps=4, num_stages=2)
    emit("dropout", dropout, dict(x="*fp32", y="*fp32", raw="*i32", n="i32", p="fp32", seed="i32"), dict(B=512), loose=("n", "seed"), num_warps=2)
    emit("atomics", atomics, dict(x="*i32", bins="*i32", sums="*i32", least="*i32", lock="*i32", order="*i32", n="i32"), dict(B=256), loose="n", num_warps=4)
    emit("scans", scans, dict(x="*i32", sums="*i32", sorted="*i32", counts="*i32", ranks="*i32"), dict(N=256), num_warps=4)


if __name__ == "__main__":
    main()
