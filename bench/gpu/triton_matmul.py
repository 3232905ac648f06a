"""A matrix product in Triton as its tutorial has it: grouped order, a loop of tl.dot, masks at the edges.

What a competent user gets from Triton in an afternoon; the fastest of a few configurations for each shape.
"""

import triton
import triton.language as tl


@triton.jit
def matmul_kernel(a, b, c, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
                  BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
                  EVEN_K: tl.constexpr):
    program = tl.program_id(0)
    rows, columns = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    in_group = GROUP * columns
    first = (program // in_group) * GROUP
    group = min(rows - first, GROUP)
    row = first + (program % in_group) % group
    column = (program % in_group) // group

    # Beyond the edge rows wrap around: what they give is not stored.
    offsets_m = (row * BLOCK_M + tl.arange(0, BLOCK_M)) % M
    offsets_n = (column * BLOCK_N + tl.arange(0, BLOCK_N)) % N
    offsets_k = tl.arange(0, BLOCK_K)
    pointers_a = a + offsets_m[:, None] * stride_am + offsets_k[None, :] * stride_ak
    pointers_b = b + offsets_k[:, None] * stride_bk + offsets_n[None, :] * stride_bn
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BLOCK_K)):
        if EVEN_K:
            x = tl.load(pointers_a)
            y = tl.load(pointers_b)
        else:
            x = tl.load(pointers_a, mask=offsets_k[None, :] < K - k * BLOCK_K, other=0.0)
            y = tl.load(pointers_b, mask=offsets_k[:, None] < K - k * BLOCK_K, other=0.0)
        total = tl.dot(x, y, total)
        pointers_a += BLOCK_K * stride_ak
        pointers_b += BLOCK_K * stride_bk

    out_m = row * BLOCK_M + tl.arange(0, BLOCK_M)
    out_n = column * BLOCK_N + tl.arange(0, BLOCK_N)
    pointers_c = c + stride_cm * out_m[:, None] + stride_cn * out_n[None, :]
    tl.store(pointers_c, total.to(c.dtype.element_ty), mask=(out_m[:, None] < M) & (out_n[None, :] < N))


# BLOCK_M, BLOCK_N, BLOCK_K, GROUP, stages, warps.
LARGE = [(128, 256, 64, 8, 3, 8), (128, 256, 64, 8, 4, 8), (256, 128, 64, 8, 3, 8), (128, 128, 64, 8, 4, 8),
         (128, 128, 64, 8, 3, 4)]
MEDIUM = [(64, 256, 64, 8, 4, 4), (64, 128, 64, 8, 4, 4), (128, 128, 64, 8, 4, 8), (64, 64, 128, 8, 4, 4)]
SKINNY = [(16, 128, 128, 1, 4, 4), (16, 64, 256, 1, 4, 4), (16, 64, 128, 1, 5, 4), (16, 32, 256, 1, 4, 4)]


def configurations(m):
    return SKINNY if m <= 16 else MEDIUM if m <= 256 else LARGE


def launcher(a, b, c, configuration):
    """A function that queues c = a @ b on PyTorch's current stream."""
    (m, k), n = a.shape, b.shape[1]
    block_m, block_n, block_k, group, stages, warps = configuration
    grid = (triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)

    def launch():
        matmul_kernel[grid](a, b, c, m, n, k, *a.stride(), *b.stride(), *c.stride(), BLOCK_M=block_m, BLOCK_N=block_n,
                            BLOCK_K=block_k, GROUP=group, EVEN_K=k % block_k == 0, num_stages=stages, num_warps=warps)

    return launch
