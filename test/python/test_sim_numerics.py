"""--numerics=h100 on tk-sim against the model of HOPPER_PTX.md section 1.5, in Python's integers.

The model: per product of significands p = a * b with the exponent e(a) + e(b), both not below that of the type's
smallest normal number; the largest such exponent, or C's, is where the sum is aligned; every term loses, towards zero,
what lies more than F bits below it; the sum of the rest is exact; one rounding makes the result. This file shares no
code with the simulator, and does all of it in integers: a number is m * 2^x.
"""

import itertools

import ml_dtypes
import numpy as np
import pytest
import test_sim_wgmma as wgmma
from sim_matrices import (BITS, HEAD, NUMPY, Program, fragments, gather_sum, names, pack, place_a, place_b, place_c, raw, sizes)

# Of a type: bits of the fraction, smallest exponent of a normal number, bias.
FORMAT = {"f16": (10, -14, 15), "bf16": (7, -126, 127), "tf32": (10, -126, 127), "f32": (23, -126, 127), "e4m3": (3, -6, 7),
          "e5m2": (2, -14, 15)}
KINDS = {"inf": float("inf"), "nan": float("nan")}


def split(bits, ty):
    """sign, significand, exponent: the value is significand * 2^(exponent - fraction bits). Or a special float."""
    fraction, smallest, bias = FORMAT[ty]
    if ty == "tf32":
        bits = int(bits) >> 13
    bits = int(bits)
    width = {"f16": 16, "bf16": 16, "tf32": 19, "f32": 32}.get(ty, 8)
    sign, top, low = bits >> (width - 1), bits >> fraction & ((1 << (width - 1 - fraction)) - 1), bits & ((1 << fraction) - 1)
    last = (1 << (width - 1 - fraction)) - 1
    if ty == "e4m3":
        if bits & 127 == 127:
            return float("nan")
    elif top == last:
        return float("nan") if low else (-1) ** sign * float("inf")
    return (-1 if sign else 1), (low if top == 0 else low | 1 << fraction), (smallest if top == 0 else top - bias)


def as_float(x, ty):
    return x if isinstance(x, float) else x[0] * x[1] * 2.0 ** (x[2] - FORMAT[ty][0])


def cut(significand, exponent, to):
    """significand * 2^exponent in units of 2^to, without what is less than one."""
    shift = exponent - to
    return significand << shift if shift >= 0 else significand >> -shift


def encode_f32(total, unit):
    """total * 2^unit as f32, cut off."""
    sign, m = (0x80000000 if total < 0 else 0), abs(total)
    if m == 0:
        return 0
    exponent = m.bit_length() - 1 + unit
    if exponent > 127:
        return sign | 0x7f800000
    least = max(exponent, -126) - 23
    m = cut(m, unit, least)
    return sign | (m if exponent < -126 else (exponent + 126 << 23) + m)


def encode_f16(total, unit):
    """total * 2^unit as f16, to the nearest even."""
    sign, m = (0x8000 if total < 0 else 0), abs(total)
    if m == 0:
        return 0
    exponent = m.bit_length() - 1 + unit
    least = max(exponent, -14) - 10
    whole = cut(m, unit, least)
    rest, half = (m - (whole << (least - unit)), 1 << (least - unit - 1)) if least > unit else (0, 1)
    whole += rest > half or (rest == half and whole & 1)
    code = whole if exponent < -14 else (exponent + 14 << 10) + whole
    return sign | min(code, 0x7c00)


def model(a, b, c, a_ty, b_ty, d_ty):
    """The bits of one element: `a`, `b` are bits of a row and a column, `c` those of the sum so far."""
    x, y, z = [split(v, a_ty) for v in a], [split(v, b_ty) for v in b], split(c, d_ty)
    products = [(p, q) for p, q in zip(x, y)]
    floats = [as_float(p, a_ty) * as_float(q, b_ty) for p, q in products] + [as_float(z, d_ty)]
    wide_nan, infinity = (0x7fff, 0x7c00) if d_ty == "f16" else (0x7fffffff, 0x7f800000)
    if any(f != f for f in floats) or (float("inf") in floats and float("-inf") in floats):
        return wide_nan
    if float("inf") in floats:
        return infinity
    if float("-inf") in floats:
        return infinity | (0x8000 if d_ty == "f16" else 0x80000000)
    fa, fb = FORMAT[a_ty][0], FORMAT[b_ty][0]
    terms = [(p[0] * q[0], p[1] * q[1], p[2] + q[2], fa + fb) for p, q in products if p[1] * q[1]]
    if z[1]:
        # C's exponent is that of f32: a subnormal f16 has been made normal.
        shift = FORMAT[d_ty][0] + 1 - z[1].bit_length() if d_ty == "f16" else 0
        terms.append((z[0], z[1] << shift, z[2] - shift, FORMAT[d_ty][0]))
    top = max([t[2] for t in terms] + [-21 if a_ty == d_ty == "f16" else -133])
    unit = top - (13 if BITS[a_ty] == 8 else 25)
    total = sum(s * cut(m, e - f, unit) for s, m, e, f in terms)
    return encode_f16(total, unit) if d_ty == "f16" else encode_f32(total, unit)


def random_bits(rng, size, ty, style):
    """dense: of like size; wide: any exponent; all: any bits at all, NaN and infinity among them."""
    if style == "all":
        bits = rng.integers(0, 1 << BITS[ty], size)
        return bits.astype(f"u{BITS[ty] // 8}")
    x = rng.standard_normal(size)
    if style == "wide":
        fraction, smallest, bias = FORMAT[ty]
        x = x * 2.0 ** rng.integers(max(smallest - fraction, -60), min(bias, 60) // 2, size)
    x = x.astype(np.float32).astype(NUMPY[ty])
    return raw(x, ty)


def reference(a, b, c, a_ty, b_ty, d_ty):
    return np.array([[model(row, column, c[i, j], a_ty, b_ty, d_ty) for j, column in enumerate(b.T)] for i, row in enumerate(a)])


STYLES = ("dense", "wide", "all")
MMA = [("m16n8k8", "f16", "f32"), ("m16n8k16", "f16", "f32"), ("m16n8k16", "f16", "f16"), ("m16n8k8", "bf16", "f32"),
       ("m16n8k16", "bf16", "f32"), ("m16n8k4", "tf32", "f32"), ("m16n8k8", "tf32", "f32")]


def mma_program(style, special=None):
    rng, program, operands = np.random.default_rng(20 + len(style)), Program(), []
    for shape, ty, d_ty in MMA:
        m, n, k = sizes(shape)
        a, b = random_bits(rng, (m, k), ty, style), random_bits(rng, (k, n), ty, style)
        c = random_bits(rng, (m, n), d_ty, style)
        if special:
            special(a, b, c, ty, d_ty)
        operands.append((a, b, c))
        part = lambda x, place, count, t: pack([[x[place(i, lane)] for i in range(count)] for lane in range(32)], t)
        kind = "f" if d_ty == "f32" else "r"
        program.add(f"mma.sync.aligned.{shape}.row.col.{d_ty}.{ty}.{ty}.{d_ty} {{0}}, {{1}}, {{2}}, {{3}};",
                    [("r", part(a, lambda i, l: place_a(shape, ty, i, l), m * k // 32, ty)),
                     ("r", part(b, lambda i, l: place_b(shape, ty, i, l), k * n // 32, ty)),
                     (kind, part(c, lambda i, l: place_c(shape, i, l), m * n // 32, d_ty))], kind, 4 if d_ty == "f32" else 2)
    return program, operands


def same(got, want):
    """Bit by bit; a zero sum is +0."""
    return (got == want).all()


def results_of(program, tool, folder, *options):
    for words, (shape, ty, d_ty) in zip(program.run(tool, folder, *options), MMA):
        m, n, _ = sizes(shape)
        out = gather_sum(words, d_ty, lambda i, l: place_c(shape, i, l), m, n)
        yield raw(out, d_ty).astype(np.int64)


@pytest.mark.parametrize("style", STYLES)
def test_mma(tool, tmp_path, style):
    program, operands = mma_program(style)
    for case, bits, got in zip(MMA, operands, results_of(program, tool, tmp_path, "--numerics=h100")):
        want = reference(*bits, case[1], case[1], case[2])
        assert same(got, want), (case, [(hex(g), hex(w)) for g, w in zip(got.ravel(), want.ravel()) if g != w][:5])


def test_exact_and_h100_differ(tool, tmp_path):
    """1 + 16 * 2^-24 by single products: h100 keeps each of them, two bits below the last of 1; of 2^-26 it keeps none."""
    def place(term):
        def fill(a, b, c, ty, d_ty):
            a[:], b[:], c[:] = 0, raw(np.ones(b.shape), ty), raw(np.ones(c.shape), d_ty)
            a[:] = raw(np.full(a.shape, term), ty)
        return fill
    only = [("m16n8k16", "bf16", "f32")]
    outcome = {}
    for exponent in (-23, -25, -26, -27):
        program, _ = mma_program("dense", place(2.0 ** exponent))
        for numerics in ("exact", "h100"):
            got = dict(zip(MMA, results_of(program, tool, tmp_path, f"--numerics={numerics}")))[only[0]]
            value = np.uint32(got[0, 0]).view(np.float32)
            outcome[exponent, numerics] = float(value)
    assert outcome[-23, "exact"] == outcome[-23, "h100"] == 1 + 2.0 ** -19
    assert outcome[-25, "exact"] == outcome[-25, "h100"] == 1 + 2.0 ** -21
    assert outcome[-26, "exact"] == 1 + 2.0 ** -22 and outcome[-26, "h100"] == 1
    # 1 + 2^-23: sixteen terms of 2^-27.
    assert outcome[-27, "exact"] == 1 + 2.0 ** -23 and outcome[-27, "h100"] == 1


def test_sums_are_not_aligned_to_less_than_a_floor(tool, tmp_path):
    """Of small sums the last place kept is that of 2^-21 (f16) or 2^-133: 2^-48 and 2^-160 are lost, though they would
    make the sum 2^-24, the least f16, and 2^-149, the least f32."""
    def fill(a, b, c, ty, d_ty):
        a[:], b[:], c[:] = 0, 0, 0
        first, second = ((2.0 ** -12, 2.0 ** -13), (2.0 ** -24, 2.0 ** -24)) if ty == "f16" else ((89 * 2.0 ** -80, 23 * 2.0 ** -80), (2.0 ** -80, 2.0 ** -80))
        for k, (x, y) in enumerate((first, second)):
            a[:, k], b[k, :] = raw([x], ty)[0], raw([y], ty)[0]

    program, operands = mma_program("dense", fill)
    for numerics in ("h100", "exact"):
        for case, bits, got in zip(MMA, operands, results_of(program, tool, tmp_path, f"--numerics={numerics}")):
            if case[1:] == ("f16", "f32"):
                continue
            assert (got == (numerics == "exact")).all(), (case, numerics, got)
            assert numerics == "exact" or same(got, reference(*bits, case[1], case[1], case[2])), case


WGMMA = [(8, "f32", "f16", "f16"), (8, "f16", "f16", "f16"), (8, "f32", "bf16", "bf16"), (8, "f32", "tf32", "tf32"),
         *((8, d, a, b) for d in ("f32", "f16") for a, b in itertools.product(("e4m3", "e5m2"), repeat=2))]


@pytest.mark.parametrize("style", STYLES)
def test_wgmma(tool, tmp_path, style):
    def make(rng, case):
        n, d, a_ty, b_ty = case
        k = wgmma.K[a_ty]
        return tuple(random_bits(rng, size, t, style).view(NUMPY[t]) for size, t in (((64, k), a_ty), ((n, k), b_ty), ((64, n), d)))

    def expect(case, a, b, c):
        n, d, a_ty, b_ty = case
        bits = reference(raw(a, a_ty), raw(b, b_ty).T, raw(c, d), a_ty, b_ty, d)
        return bits.astype(raw(c, d).dtype).view(NUMPY[d])

    cases = [(case, rs, (1, 1), "1", "") for i, case in enumerate(WGMMA) for rs in ((False, True) if i < 4 else (bool(i % 2),))]
    wgmma.run(tool, tmp_path, cases, make, expect, "--numerics=h100")


def test_fp8_keeps_13_bits(tool, tmp_path):
    """1 + 2^-14 of fp8 is 1 on an H100, which is why kernels add up partial sums in f32 of their own."""
    def make(rng, case):
        a, b = np.zeros((64, 32), NUMPY["e5m2"]), np.zeros((8, 32), NUMPY["e5m2"])
        a[:, 0], b[:, 0] = 1, 1
        a[:, 1], b[:, 1] = 2.0 ** -7, 2.0 ** -7
        return a, b, np.zeros((64, 8), np.float32)

    case = (8, "f32", "e5m2", "e5m2")
    for numerics, value in (("exact", 1 + 2.0 ** -14), ("h100", 1.0)):
        wgmma.run(tool, tmp_path, [(case, False, (1, 1), "1", "")], make, lambda *_: np.full((64, 8), value, np.float32), f"--numerics={numerics}")


@pytest.mark.parametrize("word, operands, what", [
    ("mma.sync.aligned.m16n8k16.row.col.f32.e4m3.e4m3.f32", ("f4", "r2", "r1", "f4"), "mma.sync of fp8"),
    ("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32", ("f8", "r2", "r2", "f8"), "m8n8k4 of f16"),
    ("mma.sp.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", ("f4", "r2", "r2", "f4", "%r0, 0"), "sparse products"),
])
def test_what_has_no_model_is_refused(tool, tmp_path, word, operands, what):
    lists = ", ".join(o if o.startswith("%") else names(o[0], 0, int(o[1])) for o in operands)
    (tmp_path / "k.ptx").write_text(f"{HEAD}.visible .entry k() {{ .reg .b32 %r<9>; .reg .f32 %f<9>; mov.b32 %r0, 0x44444444; mov.b32 %r1, 0;\n"
                                    + "".join(f"mov.f32 %f{i}, 0f00000000;" for i in range(8)) + f"\n{word} {lists};\nret; }}\n")
    (tmp_path / "l.json").write_text('{"entry": "k", "block": [32]}')
    for numerics, code in (("exact", 0), ("h100", 2)):
        done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json", "--numerics", numerics)
        assert done.returncode == code, done.stdout + done.stderr
    assert "k.ptx:6: numerics 'h100' have no model of " + what in done.stderr, done.stderr


def test_an_unknown_name_is_refused(tool, tmp_path):
    (tmp_path / "k.ptx").write_text(f"{HEAD}.visible .entry k() {{ ret; }}\n")
    done = tool("tk-sim", tmp_path / "k.ptx", "--skeleton", "--numerics", "h200")
    assert done.returncode == 2 and "unknown numerics 'h200'; expected exact or h100" in done.stderr
