"""mma.sync on tk-sim in every shape and type, against exact products, by the fragments of the PTX manual (9.7.14.5)."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from sim_matrices import (BITS, HEAD, Program, draw, fragments, gather_sum, names, pack, place_a, place_b, place_c, quad_place_a,
                          quad_place_b, quad_place_c, raw, sizes, wide)

FP8 = ("e4m3", "e5m2")
REALS = [
    *((f"m16n8k{k}", "f16", "f16", d) for k in (8, 16) for d in ("f32", "f16")),
    *((f"m16n8k{k}", "bf16", "bf16", "f32") for k in (8, 16)),
    *((f"m16n8k{k}", "tf32", "tf32", "f32") for k in (4, 8)),
    *((f"m16n8k{k}", a, b, d) for k in (16, 32) for a in FP8 for b in FP8 for d in ("f32", "f16")),
]
INTEGERS = [
    *((shape, a, b, "s32") for shape in ("m8n8k16", "m16n8k16", "m16n8k32") for a in ("u8", "s8") for b in ("u8", "s8")),
    *((shape, a, b, "s32") for shape in ("m8n8k32", "m16n8k32", "m16n8k64") for a in ("u4", "s4") for b in ("u4", "s4")),
]
BIT_SHAPES = ("m8n8k128", "m16n8k128", "m16n8k256")
F64_SHAPES = ("m8n8k4", "m16n8k4", "m16n8k8", "m16n8k16")
KIND = {"f64": "g", "f32": "f"}


def add(program, word, shape, a_ty, b_ty, d_ty, a, b, c):
    m, n, k = sizes(shape)
    part = lambda x, place, ty, ty_size: pack(fragments(x, lambda i, l: place(shape, ty, i, l), ty_size // 32, ty), ty)
    c_words = pack(fragments(c, lambda i, l: place_c(shape, i, l), m * n // 32, d_ty), d_ty)
    kind = KIND.get(d_ty, "r")
    operand = KIND.get(a_ty, "r")
    program.add(word + " {0}, {1}, {2}, {3};", [(operand, part(a, place_a, a_ty, m * k)), (operand, part(b, place_b, b_ty, n * k)),
                                                (kind, c_words)], kind, c_words.shape[1])


def results(program, cases, tool, folder, *options):
    for words, (shape, *_, d_ty) in zip(program.run(tool, folder, *options), cases):
        m, n, _ = sizes(shape)
        yield gather_sum(words, d_ty, lambda i, l: place_c(shape, i, l), m, n)


def test_reals(tool, tmp_path):
    rng, program, expected = np.random.default_rng(11), Program(), []
    for shape, a_ty, b_ty, d_ty in REALS:
        m, n, k = sizes(shape)
        near = 3 if d_ty == "f16" or a_ty in FP8 else 6
        a, b, c = draw(rng, (m, k), a_ty, near), draw(rng, (k, n), b_ty, near), draw(rng, (m, n), d_ty, near)
        add(program, f"mma.sync.aligned.{shape}.row.col.{d_ty}.{a_ty}.{b_ty}.{d_ty}", shape, a_ty, b_ty, d_ty, a, b, c)
        expected.append((wide(a) @ wide(b) + wide(c)).astype({"f32": np.float32, "f16": np.float16}[d_ty]))
    for case, want, got in zip(REALS, expected, results(program, REALS, tool, tmp_path)):
        assert (got == want).all(), (case, got - want)


def test_special_reals(tool, tmp_path):
    """Infinities, NaN, subnormal numbers, and sums that overflow."""
    cases = [("m16n8k16", "f16", "f16", "f32"), ("m16n8k16", "f16", "f16", "f16"), ("m16n8k16", "bf16", "bf16", "f32"),
             ("m16n8k8", "tf32", "tf32", "f32"), ("m16n8k32", "e5m2", "e4m3", "f32")]
    program, expected = Program(), []
    for shape, a_ty, b_ty, d_ty in cases:
        m, n, k = sizes(shape)
        a, b, c = np.zeros((m, k)), np.zeros((k, n)), np.zeros((m, n))
        tiny = {"f16": 2.0 ** -24, "bf16": 2.0 ** -133, "tf32": 2.0 ** -136, "e5m2": 2.0 ** -16}[a_ty]
        big = {"f16": 65504.0, "bf16": 2.0 ** 127, "tf32": 2.0 ** 127, "e5m2": 57344.0}[a_ty]
        a[:8, 0] = [np.inf, -np.inf, np.nan, tiny, -tiny, big, -big, -0.0]
        a[8, 0], a[8, 1], a[9, k - 1], a[10, 0] = np.inf, -np.inf, np.inf, 3 * tiny
        b[0] = [1, -1, 2, 0, 0.5, 1, 1, 448 if b_ty == "e4m3" else big]
        b[1] = 1
        c[9], c[11], c[12], c[13] = -np.inf, np.nan, np.inf, -0.0
        a, b, c = (raw(x, t).view(np.asarray([], _numpy(t)).dtype) for x, t in ((a, a_ty), (b, b_ty), (c, d_ty)))
        add(program, f"mma.sync.aligned.{shape}.row.col.{d_ty}.{a_ty}.{b_ty}.{d_ty}", shape, a_ty, b_ty, d_ty, a, b, c)
        with np.errstate(all="ignore"):
            products = wide(a)[:, :, None] * wide(b)[None, :, :]
            exact = products.sum(axis=1) + wide(c)
            expected.append(exact.astype({"f32": np.float32, "f16": np.float16}[d_ty]))
    for case, want, got in zip(cases, expected, results(program, cases, tool, tmp_path)):
        assert np.array_equal(got, want, equal_nan=True), (case, got, want)


def _numpy(ty):
    from sim_matrices import NUMPY
    return NUMPY[ty]


@pytest.mark.parametrize("satfinite", ["", ".satfinite"])
def test_integers(tool, tmp_path, satfinite):
    rng, program, expected = np.random.default_rng(5), Program(), []
    for shape, a_ty, b_ty, d_ty in INTEGERS:
        m, n, k = sizes(shape)
        a, b = draw(rng, (m, k), a_ty), draw(rng, (k, n), b_ty)
        c = rng.choice([0, -1, 2 ** 31 - 1, -2 ** 31, 2 ** 31 - 5, -2 ** 31 + 5, 12345], (m, n)).astype(np.int32)
        add(program, f"mma.sync.aligned.{shape}.row.col{satfinite}.s32.{a_ty}.{b_ty}.s32", shape, a_ty, b_ty, d_ty, a, b, c)
        exact = wide(a) @ wide(b) + wide(c)
        expected.append(np.clip(exact, -2 ** 31, 2 ** 31 - 1).astype(np.int32) if satfinite else exact.astype(np.int32))
    for case, want, got in zip(INTEGERS, expected, results(program, INTEGERS, tool, tmp_path)):
        assert (got == want).all(), (case, got - want)


def test_bits(tool, tmp_path):
    rng, program, expected, cases = np.random.default_rng(6), Program(), [], []
    for shape, op in itertools.product(BIT_SHAPES, ("xor", "and")):
        m, n, k = sizes(shape)
        a, b = draw(rng, (m, k), "b1"), draw(rng, (k, n), "b1")
        c = rng.choice([0, -1, 2 ** 31 - 1, -2 ** 31], (m, n)).astype(np.int32)
        cases.append((shape, "b1", "b1", "s32"))
        add(program, f"mma.sync.aligned.{shape}.row.col.s32.b1.b1.s32.{op}.popc", *cases[-1], a, b, c)
        bits = a[:, :, None] ^ b[None] if op == "xor" else a[:, :, None] & b[None]
        expected.append((bits.sum(1) + wide(c)).astype(np.int32))
    for case, want, got in zip(cases, expected, results(program, cases, tool, tmp_path)):
        assert (got == want).all(), case


def rounded(x, mode):
    """A fraction as a double."""
    near = float(x)  # to the nearest
    if mode == "rn" or Fraction(near) == x:
        return near
    down = near if Fraction(near) < x else np.nextafter(near, -np.inf)
    up = near if Fraction(near) > x else np.nextafter(near, np.inf)
    return {"rm": down, "rp": up, "rz": down if x > 0 else up}[mode]


def test_doubles(tool, tmp_path):
    """Small integers, where all sums are exact; and single products, which round once."""
    rng, program, expected, cases = np.random.default_rng(8), Program(), [], []
    for shape, mode, single in itertools.product(F64_SHAPES, ("", "rn", "rz", "rm", "rp"), (False, True)):
        m, n, k = sizes(shape)
        if single:
            a = np.zeros((m, k))
            a[np.arange(m), rng.integers(0, k, m)] = rng.standard_normal(m)
            b, c = rng.standard_normal((k, n)), rng.standard_normal((m, n))
            dot = [[sum(Fraction(x) * Fraction(y) for x, y in zip(row, column)) for column in b.T] for row in a]
            want = [[rounded(dot[i][j] + Fraction(c[i, j]), mode or "rn") for j in range(n)] for i in range(m)]
        else:
            a, b, c = (rng.integers(-99, 100, size).astype(float) for size in ((m, k), (k, n), (m, n)))
            want = a @ b + c
        cases.append((shape, "f64", "f64", "f64"))
        add(program, f"mma.sync.aligned.{shape}.row.col{mode and '.' + mode}.f64.f64.f64.f64", *cases[-1], a, b, c)
        expected.append(np.array(want))
    for case, want, got in zip(cases, expected, results(program, cases, tool, tmp_path)):
        assert (got == want).all(), case


def test_four_products_of_m8n8k4(tool, tmp_path):
    """m8n8k4 of f16: four products, the p-th of lanes 4p to 4p + 3 and 16 + 4p to 16 + 4p + 3."""
    rng, program, expected = np.random.default_rng(9), Program(), []
    forms = list(itertools.product(("row", "col"), ("row", "col"), (("f16", "f16"), ("f32", "f16"), ("f32", "f32"))))
    of = lambda lane: lane % 16 // 4
    for a_layout, b_layout, (d_ty, c_ty) in forms:
        a, b, c = draw(rng, (4, 8, 4), "f16", 2), draw(rng, (4, 4, 8), "f16", 2), draw(rng, (4, 8, 8), c_ty, 2)
        bits = [raw(x, t) for x, t in ((a, "f16"), (b, "f16"), (c, c_ty))]
        words = [pack([[x[of(lane)][place(i, lane)] for i in range(count)] for lane in range(32)], ty)
                 for x, place, count, ty in ((bits[0], lambda i, l: quad_place_a(a_layout == "col", i, l), 4, "f16"),
                                             (bits[1], lambda i, l: quad_place_b(b_layout == "col", i, l), 4, "f16"),
                                             (bits[2], lambda i, l: quad_place_c(c_ty, i, l), 8, c_ty))]
        program.add(f"mma.sync.aligned.m8n8k4.{a_layout}.{b_layout}.{d_ty}.f16.f16.{c_ty} {{0}}, {{1}}, {{2}}, {{3}};",
                    [("r", words[0]), ("r", words[1]), (KIND.get(c_ty, "r"), words[2])], KIND.get(d_ty, "r"), 8 * BITS[d_ty] // 32)
        expected.append((wide(a) @ wide(b) + wide(c)).astype(_numpy(d_ty)))
    for (*layouts, (d_ty, c_ty)), want, words in zip(forms, expected, program.run(tool, tmp_path)):
        values = np.ascontiguousarray(words).view(_numpy(d_ty))
        for lane, i in itertools.product(range(32), range(8)):
            assert values[lane, i] == want[of(lane)][quad_place_c(d_ty, i, lane)], (layouts, d_ty, c_ty, lane, i)


def test_poison_stays_in_its_rows(tool, tmp_path):
    """A register that nothing wrote spoils the rows (columns) that its lanes hold, and no others."""
    body = ("mov.b32 %r3, 0; mov.u32 %r9, %tid.x; mov.f32 %f0, 0f00000000; "
            "setp.lt.u32 %p, %r9, 4; @!%p mov.b32 %r0, 0; "  # rows 0 of A: lanes 0 to 3 have no %r0
            "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f4, %f5, %f6, %f7}, {%r0, %r3}, {%r3}, {%f0, %f0, %f0, %f0}; "
            "mul.wide.u32 %rd1, %r9, 4; add.u64 %rd0, %rd0, %rd1; @!%p st.global.f32 [%rd0], %f4; st.global.f32 [%rd0+128], %f6;")
    text = lambda extra: (f"{HEAD}.visible .entry k(.param .u64 o) {{ .reg .b64 %rd<2>; .reg .b32 %r<10>; .reg .f32 %f<8>; .reg .pred %p;\n"
                          f"ld.param.u64 %rd0, [o];\n{body}\n{extra}\nret; }}\n")
    (tmp_path / "l.json").write_text('{"buffers": {"O": {"bytes": 512, "fill": "zero"}}, "entry": "k", "block": [32], "params": [{"pointer": "O"}]}')
    for extra, code in (("", 0), ("st.global.f32 [%rd0], %f4;", 1)):
        (tmp_path / "k.ptx").write_text(text(extra))
        done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
        assert done.returncode == code, done.stdout + done.stderr
    assert "TK-SIM-MEM-UNINIT" in done.stdout


A, B, C = names("r", 0, 2), names("r", 4, 1), names("f", 8, 4)


@pytest.mark.parametrize("instruction, message", [
    (f"mma.sync.aligned.m16n8k8.col.row.f32.f16.f16.f32 {C}, {A}, {B}, {C};", "needs .row.col"),
    (f"mma.sync.aligned.m16n8k8.row.row.f32.f16.f16.f32 {C}, {A}, {B}, {C};", "needs .row.col"),
    (f"mma.sync.aligned.m16n8k8.row.f32.f16.f16.f32 {C}, {A}, {B}, {C};", "needs .row or .col"),
    (f"mma.sync.aligned.m16n8k8.row.col.satfinite.f32.f16.f16.f32 {C}, {A}, {B}, {C};", "takes no .satfinite"),
    (f"mma.sync.aligned.m16n8k8.row.col.rz.f32.f16.f16.f32 {C}, {A}, {B}, {C};", "takes no such rounding"),
    (f"mma.sync.aligned.m16n8k8.row.col.f32.f16.bf16.f32 {C}, {A}, {B}, {C};", "unsupported shape or types"),
    (f"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f16 {C}, {A}, {B}, {A};", "unsupported shape or types"),
    (f"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {C}, {A}, %r4, {C};", "expected registers in braces, got '%r4'"),
    (f"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {C}, {B}, {B}, {C};", "expected 2 registers, got 1"),
    (f"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32.popc {C}, {A}, {B}, {C};", "needs .xor or .and"),
    (f"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32.and.popc {C}, {A}, {B}, {C};", "needs .popc for single bits"),
    (f"mma.sync.aligned.row.col.f32.f16.f16.f32 {C}, {A}, {B}, {C};", "expected a shape such as .m16n8k16"),
])
def test_refused(tool, tmp_path, instruction, message):
    (tmp_path / "k.ptx").write_text(f"{HEAD}.visible .entry k() {{ .reg .b32 %r<20>; .reg .f32 %f<20>;\n{instruction}\nret; }}\n")
    done = tool("tk-sim", tmp_path / "k.ptx", "--skeleton")
    assert done.returncode == 2 and message in done.stderr and "k.ptx:5:" in done.stderr, done.stderr
