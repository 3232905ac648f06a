"""mma.sp on tk-sim: A is stored without its zeros, with metadata that says where they are (PTX ISA 9.7.14.6).

The manual shows in pictures which lane holds which metadata; the order here is that of CUTLASS's host_reorder.h, by
which its kernels load metadata from memory, worked out from that function.
"""

import itertools

import numpy as np
import pytest
from sim_matrices import (BITS, HEAD, NUMPY, Program, draw, fragments, gather_sum, names, pack, place_a, place_b, place_c,
                          raw, sizes, wide)

VARIANTS = ("sp", "sp::ordered_metadata")
CASES = [  # shape, types, selectors
    *(("m16n8k16", t, t, d, range(4)) for t, d in (("f16", "f32"), ("f16", "f16"), ("bf16", "f32"))),
    *(("m16n8k32", t, t, d, range(2)) for t, d in (("f16", "f32"), ("f16", "f16"), ("bf16", "f32"))),
    ("m16n8k8", "tf32", "tf32", "f32", range(4)), ("m16n8k16", "tf32", "tf32", "f32", range(2)),
    *(("m16n8k32", a, b, "s32", range(2)) for a in ("s8", "u8") for b in ("s8", "u8")),
    *(("m16n8k64", a, b, "s32", range(1)) for a in ("s8", "u8") for b in ("s8", "u8")),
    *(("m16n8k64", a, b, "s32", range(2)) for a in ("s4", "u4") for b in ("s4", "u4")),
    *(("m16n8k128", a, b, "s32", range(1)) for a in ("s4", "u4") for b in ("s4", "u4")),
    *(("m16n8k64", a, b, "f32", range(1)) for a in ("e4m3", "e5m2") for b in ("e4m3", "e5m2")),
]
KIND = {"f32": "f"}


def sparse_matrix(rng, m, k, ty, ordered):
    """A as a whole, its stored elements, and the four bits of each chunk."""
    if ty == "tf32":
        chunk, codes = 2, {0b0100: [0], 0b1110: [1]}
    else:
        chunk = 8 if BITS[ty] == 4 else 4
        pairs = [(i, j) for i in range(4) for j in range(4) if (i < j if ordered else i != j)]
        codes = {i | j << 2: [2 * i, 2 * i + 1, 2 * j, 2 * j + 1] if chunk == 8 else [i, j] for i, j in pairs}
    whole, stored = np.zeros((m, k), NUMPY.get(ty, np.int64)), draw(rng, (m, k // 2), ty, 2)
    bits = rng.choice(list(codes), (m, k // chunk))
    for row, c in itertools.product(range(m), range(k // chunk)):
        for i, at in enumerate(codes[bits[row, c]]):
            whole[row, c * chunk + at] = stored[row, c * chunk // 2 + i]
    return whole, stored, bits


def cutlass_words(logical):
    """Words of the 32 lanes from a matrix of metadata: 16 bits (32 rows) or 32 bits (16 rows) an element, two columns."""
    wide_elements = logical.dtype == np.uint32
    group, interweave = (16, 2) if wide_elements else (32, 4)
    out = np.zeros_like(logical)
    for m, k in itertools.product(range(group), range(2)):
        row, column = m // group * group + (m % 8) * interweave + (m % group) // 8, k
        if row % 2 == 0 and column % 2 == 1:
            row, column = row + 1, column - 1
        elif row % 2 == 1 and column % 2 == 0:
            row, column = row - 1, column + 1
        out[row, column] = logical[m, k]
    return out.reshape(-1).view(np.uint32)  # column-major, interleaved by two: rows of two


def metadata(rng, bits, ty, k, selector):
    """The 32 lanes' words; those of lanes that the selector does not name are anything."""
    nibbles = lambda row, first, count: sum(int(row[first + i]) << (4 * i) for i in range(count))
    words = rng.integers(0, 2 ** 32, 32, dtype=np.uint64).astype(np.uint32)
    chunks = bits.shape[1]
    if BITS[ty] >= 16 and chunks == 4:  # one lane of four: a chunk of row g, then of row g + 8
        for g in range(8):
            words[4 * g + selector] = nibbles(bits[g], 0, 4) | nibbles(bits[g + 8], 0, 4) << 16
    elif BITS[ty] >= 16:  # two lanes: CUTLASS has 32 rows, 16 for each selector
        logical = np.zeros((32, 2), np.uint16)
        for row, column in itertools.product(range(16), range(2)):
            logical[16 * selector + row, column] = nibbles(bits[row], 4 * column, 4)
        mine = [4 * g + 2 * selector + i for g in range(8) for i in range(2)]
        words[mine] = cutlass_words(logical)[mine]
    elif chunks == 16:  # all four lanes
        logical = np.array([[nibbles(row, 8 * column, 8) for column in range(2)] for row in bits], np.uint32)
        words = cutlass_words(logical)
    else:  # two lanes: the first half of that
        logical = np.array([[nibbles(row, 0, 8), 0] for row in bits], np.uint32)
        first = cutlass_words(logical)
        for g, i in itertools.product(range(8), range(2)):
            words[4 * g + 2 * selector + i] = first[4 * g + i]
    return words


@pytest.mark.parametrize("variant", VARIANTS)
def test_products(tool, tmp_path, variant):
    rng, program, expected, cases = np.random.default_rng(4), Program(), [], []
    for shape, a_ty, b_ty, d_ty, selectors in CASES:
        m, n, k = sizes(shape)
        for selector, satfinite in itertools.product(selectors, ("", ".satfinite") if d_ty == "s32" else ("",)):
            whole, stored, bits = sparse_matrix(rng, m, k, a_ty, "ordered" in variant)
            b, c = draw(rng, (k, n), b_ty, 2), draw(rng, (m, n), d_ty, 2) if d_ty != "s32" else None
            if c is None:
                c = rng.choice([0, 2 ** 31 - 3, -2 ** 31 + 3], (m, n)).astype(np.int32)
            half = f"m16n8k{k // 2}"  # what is stored lies like a dense A of half the size
            part = lambda x, place, count, ty: pack(fragments(x, place, count, ty), ty)
            kind = KIND.get(d_ty, "r")
            a_words = part(stored, lambda i, l: place_a(half, a_ty, i, l), m * k // 64, a_ty)
            b_words = part(b, lambda i, l: place_b(shape, b_ty, i, l), k * n // 32, b_ty)
            c_words = part(c, lambda i, l: place_c(shape, i, l), m * n // 32, d_ty)
            e_words = metadata(rng, bits, a_ty, k, selector).reshape(32, 1)
            operands = [("r", a_words), ("r", b_words), (kind, c_words), ("r", e_words)]
            e = f"%r{100 + a_words.shape[1] + b_words.shape[1] + (c_words.shape[1] if kind == 'r' else 0)}"
            program.add(f"mma.{variant}.sync.aligned.{shape}.row.col{satfinite}.{d_ty}.{a_ty}.{b_ty}.{d_ty} "
                        f"{{0}}, {{1}}, {{2}}, {{3}}, {e}, {selector};", operands, kind, c_words.shape[1])
            exact = wide(whole) @ wide(b) + wide(c)
            cases.append((shape, a_ty, b_ty, d_ty, selector, satfinite))
            if d_ty == "s32":
                expected.append(np.clip(exact, -2 ** 31, 2 ** 31 - 1) if satfinite else exact.astype(np.int32))
            else:
                expected.append(exact.astype(NUMPY[d_ty]))
    for case, want, words in zip(cases, expected, program.run(tool, tmp_path)):
        m, n, _ = sizes(case[0])
        got = gather_sum(words, case[3], lambda i, l: place_c(case[0], i, l), m, n)
        assert (got == want).all(), (case, got - want)


def kernel(word, a, b, c, selector, setup):
    return (f"{HEAD}.visible .entry k() {{ .reg .b32 %r<60>; .reg .f32 %f<20>; .reg .pred %p;\n"
            + " ".join(f"mov.b32 %r{i}, 0;" for i in range(59)) + " ".join(f"mov.f32 %f{i}, 0f00000000;" for i in range(8))
            + f"\nmov.u32 %r50, %tid.x; and.b32 %r50, %r50, 3; {setup}\n"
            f"{word} {names('f', 0, 4)}, {names('r', 0, a)}, {names('r', 10, b)}, {names('f', 4, 4)}, %r59, {selector};\nret; }}\n")


F16 = "mma.{}.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"
TF32 = "mma.{}.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"


@pytest.mark.parametrize("word, setup, name", [
    (F16.format("sp"), "mov.b32 %r59, 0x44444444;", None),
    (F16.format("sp"), "mov.b32 %r59, 0x11111111;", None),
    (F16.format("sp::ordered_metadata"), "mov.b32 %r59, 0xedc984ee;", None),
    (TF32.format("sp"), "mov.b32 %r59, 0x4e4e4e4e;", None),
    # The lanes that selector 1 does not name may hold anything, or nothing.
    (F16.format("sp"), "setp.eq.u32 %p, %r50, 1; @%p mov.b32 %r59, 0x44444444;", None),
    (F16.format("sp"), "setp.eq.u32 %p, %r50, 2; @%p mov.b32 %r59, 0x44444444;", "TK-SIM-MEM-UNINIT"),
    (F16.format("sp"), "mov.b32 %r59, 0x44444445;", "TK-SIM-MATRIX-OPERAND"),
    (F16.format("sp"), "mov.b32 %r59, 0xf4444444;", "TK-SIM-MATRIX-OPERAND"),
    (F16.format("sp::ordered_metadata"), "mov.b32 %r59, 0x11111111;", "TK-SIM-MATRIX-OPERAND"),
    (TF32.format("sp"), "mov.b32 %r59, 0x4e4e4e4c;", "TK-SIM-MATRIX-OPERAND"),
])
def test_metadata_is_checked(tool, tmp_path, word, setup, name):
    (tmp_path / "k.ptx").write_text(kernel(word, 2, 2, 4, 1, setup))
    (tmp_path / "l.json").write_text('{"entry": "k", "block": [32]}')
    done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
    assert done.returncode == (1 if name else 0), done.stdout + done.stderr
    assert not name or name in done.stdout


@pytest.mark.parametrize("word, registers, selector, message", [
    (F16.format("sp"), (2, 2), 4, "expected a sparsity selector from 0 to 3, got 4"),
    ("mma.sp.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32", (4, 4), 2, "expected a sparsity selector from 0 to 1, got 2"),
    ("mma.sp.sync.aligned.m16n8k64.row.col.f32.e4m3.e5m2.f32", (4, 4), 1, "expected a sparsity selector from 0 to 0, got 1"),
    ("mma.sp.sync.aligned.m16n8k64.row.col.f16.e4m3.e5m2.f16", (4, 4), 0, "unsupported shape or types"),
    ("mma.sp.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32", (1, 1), 0, "unsupported shape or types"),
])
def test_refused(tool, tmp_path, word, registers, selector, message):
    (tmp_path / "k.ptx").write_text(kernel(word, *registers, 4, selector, ""))
    done = tool("tk-sim", tmp_path / "k.ptx", "--skeleton")
    assert done.returncode == 2 and message in done.stderr, done.stderr
