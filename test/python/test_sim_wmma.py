"""wmma on tk-sim: whole products through memory in every shape, type and layout (PTX ISA 9.7.14.3 and 4).

Fragments are opaque: what counts is that load, arithmetic on each element, product and store agree, and that the
matrices lie in memory as the manual says.
"""

import itertools
import json

import numpy as np
import pytest
from conftest import ROOT
from sim_matrices import BITS, HEAD, NUMPY, draw, names, raw, sizes, wide

SHAPES = ("m16n16k16", "m8n32k16", "m32n8k16")
LAYOUTS = ("row", "col")
# Shape, type of A and B, of D and C; the suffix of the product.
REALS = [*((s, "f16", d, c, f"{d}.{c}") for s in SHAPES for d in ("f16", "f32") for c in ("f16", "f32")),
         *((s, "bf16", "f32", "f32", "f32.bf16.bf16.f32") for s in SHAPES),
         ("m16n16k8", "tf32", "f32", "f32", "f32.tf32.tf32.f32"),
         *(("m8n8k4", "f64", "f64", "f64", f"{r}f64.f64.f64.f64") for r in ("", "rn.", "rz.", "rm.", "rp."))]
INTEGERS = [*((s, t, "s32", "s32", f"s32.{t}.{t}.s32{f}") for s in SHAPES for t in ("s8", "u8") for f in ("", ".satfinite")),
            *(("m8n8k32", t, "s32", "s32", f"s32.{t}.{t}.s32{f}") for t in ("s4", "u4") for f in ("", ".satfinite"))]
BITWISE = [("m8n8k128", "b1", "s32", "s32", op) for op in ("xor", "and")]


def registers(shape, ty, which):
    m, n, k = sizes(shape)
    if ty == "f16" and which in "ab":
        return 8
    elements = {"a": m * k, "b": k * n}.get(which, m * n)
    return max(1, elements * BITS[ty] // 32 // (64 if ty == "f64" else 32))


def kind(ty):
    return {"f64": "g", "f32": "f"}.get(ty, "r")


def in_memory(matrix, ty, layout, stride):
    """Bytes of a matrix: its rows (columns) `stride` elements apart."""
    lines = np.asarray(matrix if layout == "row" else matrix.T)
    bits = raw(lines, ty)
    out = np.zeros((lines.shape[0], stride), bits.dtype)
    out[:, :lines.shape[1]] = bits
    if ty == "b1":
        return np.packbits(out.astype(np.uint8), axis=1, bitorder="little").reshape(-1)
    if ty in ("s4", "u4"):
        return (out[:, 0::2] | out[:, 1::2] << 4).astype(np.uint8).reshape(-1)
    return out.reshape(-1).view(np.uint8)


def least(shape, which, layout):
    m, n, k = sizes(shape)
    rows, columns = {"a": (m, k), "b": (k, n)}.get(which, (m, n))
    return columns if layout == "row" else rows


def entry(number, case, layouts, strides, space, scale):
    shape, ty, d_ty, c_ty, suffix = case
    a, b, c, d = layouts
    regs = {w: names(kind(t), at, registers(shape, t, w)) for w, t, at in (("a", ty, 0), ("b", ty, 20), ("c", c_ty, 40), ("d", d_ty, 60))}
    s = {w: "" if v is None else f", {v}" for w, v in strides.items()}
    s["b"] = s["b"] and ", %r99"  # one of them from a register
    at = {"": "", "shared": ".shared", "global": ".global"}[space]
    where = lambda i: f"[sm+{8192 * i}]" if space == "shared" else f"[%rd{i}]"
    fill = ""
    if space == "shared":
        fill = "".join(f"""mov.u32 %r90, %tid.x; mul.lo.u32 %r90, %r90, 4; mov.u32 %r91, sm; add.u32 %r91, %r91, %r90; cvt.u64.u32 %rd8, %r90;
  add.u64 %rd9, %rd{i}, %rd8; mov.u32 %r92, 0;
$copy{i}: ld.global.b32 %r93, [%rd9]; st.shared.b32 [%r91+{8192 * i}], %r93; add.u64 %rd9, %rd9, 128; add.u32 %r91, %r91, 128;
  add.u32 %r92, %r92, 128; setp.lt.u32 %p, %r92, 8192; @%p bra $copy{i};
""" for i in range(3)) + "bar.warp.sync -1;"
    word = f"wmma.mma.{suffix}.popc.sync.aligned.row.col.{shape}.s32.b1.b1.s32" if ty == "b1" else f"wmma.mma.sync.aligned.{a}.{b}.{shape}.{suffix}"
    change = ""
    if scale:  # each element of C alike
        change = "".join({"f32": f"mul.f32 %f{r}, %f{r}, 0f40400000;", "f64": f"mul.f64 %g{r}, %g{r}, 0d4008000000000000;",
                          "s32": f"mul.lo.s32 %r{r}, %r{r}, 3;", "f16": f"mul.f16x2 %r{r}, %r{r}, %r98;"}[c_ty]
                         for r in range(40, 40 + registers(shape, c_ty, "c")))
    store = where(3) if space != "shared" else "[sm+24576]"
    out = "" if space != "shared" else """bar.warp.sync -1; mov.u32 %r90, %tid.x; mul.lo.u32 %r90, %r90, 4; mov.u32 %r91, sm; add.u32 %r91, %r91, %r90;
  cvt.u64.u32 %rd8, %r90; add.u64 %rd9, %rd3, %rd8; mov.u32 %r92, 0;
$out: ld.shared.b32 %r93, [%r91+24576]; st.global.b32 [%rd9], %r93; add.u64 %rd9, %rd9, 128; add.u32 %r91, %r91, 128; add.u32 %r92, %r92, 128;
  setp.lt.u32 %p, %r92, %r97; @%p bra $out;
"""
    return f"""
.visible .entry k{number}(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d, .param .u32 stride, .param .u32 bytes) {{
  .reg .b64 %rd<10>; .reg .b32 %r<100>; .reg .f32 %f<80>; .reg .f64 %g<80>; .reg .pred %p; .shared .align 128 .b8 sm[40960];
  ld.param.u64 %rd0, [a]; ld.param.u64 %rd1, [b]; ld.param.u64 %rd2, [c]; ld.param.u64 %rd3, [d]; ld.param.u32 %r99, [stride];
  ld.param.u32 %r97, [bytes]; mov.b32 %r98, 0x42004200;
  {fill}
  wmma.load.a.sync.aligned.{a}.{shape}{at}.{ty} {regs["a"]}, {where(0)}{s["a"]};
  wmma.load.b.sync.aligned.{b}.{shape}{at}.{ty} {regs["b"]}, {where(1)}{s["b"]};
  wmma.load.c.sync.aligned.{c}.{shape}{at}.{c_ty} {regs["c"]}, {where(2)}{s["c"]};
  {change}
  {word} {regs["d"]}, {regs["a"]}, {regs["b"]}, {regs["c"]};
  wmma.store.d.sync.aligned.{d}.{shape}{at}.{d_ty} {store}, {regs["d"]}{s["d"]};
  {out}
  ret;
}}"""


def run(tool, folder, cases):
    rng, text, buffers, launches, expected = np.random.default_rng(3), [], {}, [], []
    for number, (case, layouts, pad, space, scale) in enumerate(cases):
        shape, ty, d_ty, c_ty, suffix = case
        m, n, k = sizes(shape)
        strides = {}
        for which, layout, t in zip("abcd", layouts, (ty, ty, c_ty, d_ty)):
            # A multiple of 16 bytes more than there must be; none at all is the least one.
            strides[which] = None if not pad else least(shape, which, layout) + pad * 128 // BITS[t]
        a, b = draw(rng, (m, k), ty, 2), draw(rng, (k, n), ty, 2)
        c = draw(rng, (m, n), c_ty, 2) if c_ty != "s32" else rng.choice([0, 5, 2 ** 29, -2 ** 29], (m, n)).astype(np.int32)
        for which, layout, matrix, t in zip("abc", layouts, (a, b, c), (ty, ty, c_ty)):
            data = in_memory(matrix, t, layout, strides[which] or least(shape, which, layout))
            image = np.zeros(8192, np.uint8)
            image[:len(data)] = data
            np.save(folder / f"{which}{number}.npy", image)
            buffers[f"{which}{number}"] = {"npy": f"{which}{number}.npy"}
        stride = strides["d"] or least(shape, "d", layouts[3])
        length = (n if layouts[3] == "col" else m) * stride * BITS[d_ty] // 8
        buffers[f"d{number}"] = {"shape": [length], "dtype": "u8", "fill": "zero", "out": f"d{number}.npy"}
        # What wmma.store leaves of the shared tile's gaps was never written.
        launches.append({"entry": f"k{number}", "block": [32], "params": [*({"pointer": f"{w}{number}"} for w in "abcd"),
                                                                          {"u32": strides["b"] or 0}, {"u32": length}]})
        text.append(entry(number, case, layouts, strides, space, scale))
        exact = wide(c) * (3 if scale else 1)
        if ty == "b1":
            pairs = (a[:, :, None] ^ b[None]) if suffix == "xor" else (a[:, :, None] & b[None])
            exact = exact + pairs.sum(1)
        else:
            exact = exact + wide(a) @ wide(b)
        if d_ty == "s32" and "satfinite" in suffix:
            exact = np.clip(exact, -2 ** 31, 2 ** 31 - 1)
        expected.append(exact.astype(NUMPY[d_ty]))
    (folder / "k.ptx").write_text(HEAD + "".join(text))
    (folder / "l.json").write_text(json.dumps({"buffers": buffers, "launches": launches}))
    done = tool("tk-sim", folder / "k.ptx", "--launch", folder / "l.json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for number, (case, layouts, pad, *_) in enumerate(cases):
        shape, _, d_ty, *_ = case
        m, n, _ = sizes(shape)
        stride = least(shape, "d", layouts[3]) + (pad * 128 // BITS[d_ty] if pad else 0)
        lines = np.load(folder / f"d{number}.npy").view(NUMPY[d_ty]).reshape(-1, stride)
        got = lines[:, :n] if layouts[3] == "row" else lines[:, :m].T
        assert (got == expected[number]).all(), (cases[number], got - expected[number])
        assert not lines[:, least(shape, "d", layouts[3]):].any(), cases[number]


@pytest.mark.parametrize("space", ["", "global"])
def test_reals(tool, tmp_path, space):
    every = list(itertools.product(REALS, itertools.product(LAYOUTS, repeat=4), ((0, False), (1, True))))
    # Of f16, which has most, each space takes one half.
    run(tool, tmp_path, [(case, layouts, pad, space, scale) for i, (case, layouts, (pad, scale)) in enumerate(every)
                         if case[1] != "f16" or (i // 2 + i + (space == "")) % 2])


def test_integers(tool, tmp_path):
    free = [(case, layouts, pad, "global", pad == 3) for case in INTEGERS if case[1] in ("s8", "u8")
            for layouts in itertools.product(LAYOUTS, repeat=4) for pad in (0, 3)]
    fixed = [(case, ("row", "col", c, d), pad, "global", pad == 1) for case in INTEGERS + BITWISE if case[1] not in ("s8", "u8")
             for c, d in itertools.product(LAYOUTS, repeat=2) for pad in (0, 1)]
    run(tool, tmp_path, free + fixed)


def test_shared_memory(tool, tmp_path):
    cases = [(case, ("row", "col", c, d), 0, "shared", False) for case in REALS + INTEGERS + BITWISE
             for c, d in (("row", "col"), ("col", "row"))]
    run(tool, tmp_path, cases)


@pytest.mark.parametrize("setup, stride, name, message", [
    ("", 16, None, None),
    ("", 8, "TK-SIM-MATRIX-OPERAND", "expected a stride of at least 16 elements, got 8"),
    ("", 20, "TK-SIM-MEM-MISALIGNED", "multiples of 16 bytes"),
    ("add.u64 %rd0, %rd0, 8;", 16, "TK-SIM-MEM-MISALIGNED", "multiples of 16 bytes"),
    ("setp.eq.u32 %p, %r50, 5; @%p add.u64 %rd0, %rd0, 16;", 16, "TK-SIM-MATRIX-OPERAND", "must be the same in all lanes"),
    ("", 32, "TK-SIM-MEM-OOB", "outside every allocation"),
])
def test_addresses_are_checked(tool, tmp_path, setup, stride, name, message):
    (tmp_path / "k.ptx").write_text(f"""{HEAD}.visible .entry k(.param .u64 a) {{ .reg .b64 %rd<2>; .reg .b32 %r<60>; .reg .pred %p;
ld.param.u64 %rd0, [a]; mov.u32 %r50, %tid.x; {setup}
wmma.load.a.sync.aligned.row.m16n16k16.global.f16 {names("r", 0, 8)}, [%rd0], {stride};
ret; }}
""")
    (tmp_path / "l.json").write_text('{"buffers": {"A": {"bytes": 512, "fill": "zero"}}, "entry": "k", "block": [32], "params": [{"pointer": "A"}]}')
    done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
    assert done.returncode == (1 if name else 0), done.stdout + done.stderr
    assert not name or (name in done.stdout and message in done.stdout), done.stdout


def test_loads_of_shared_memory_need_an_order(tool, tmp_path):
    """What other lanes wrote is read after a bar.warp.sync; without it there is a race, and stores race as well."""
    text = lambda sync, after: f"""{HEAD}.visible .entry k(.param .u64 a) {{ .reg .b64 %rd<2>; .reg .b32 %r<60>; .reg .f32 %f<9>; .shared .align 128 .b8 sm[2048];
mov.b32 %r0, 0; mov.u32 %r50, %tid.x; shl.b32 %r51, %r50, 5; mov.u32 %r52, sm; add.u32 %r51, %r51, %r52;
st.shared.v4.b32 [%r51], {{%r0, %r0, %r0, %r0}}; st.shared.v4.b32 [%r51+16], {{%r0, %r0, %r0, %r0}};
{sync} wmma.load.c.sync.aligned.row.m16n16k16.shared.f32 {names("f", 0, 8)}, [sm];
bar.warp.sync -1; wmma.store.d.sync.aligned.row.m16n16k16.shared.f32 [sm+1024], {names("f", 0, 8)};
{after} ld.shared.b32 %r1, [%r51+1024];
ret; }}
"""
    (tmp_path / "l.json").write_text('{"buffers": {"A": {"bytes": 512, "fill": "zero"}}, "entry": "k", "block": [32], "params": [{"pointer": "A"}]}')
    sync = "bar.warp.sync -1;"
    for first, second, code in ((sync, sync, 0), ("", sync, 1), (sync, "", 1)):
        (tmp_path / "k.ptx").write_text(text(first, second).replace("%r51+1024", "%r52+1024"))
        done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
        assert done.returncode == code and ("TK-SIM-RACE" in done.stdout) == bool(code), done.stdout + done.stderr


R8 = names("r", 0, 8)


@pytest.mark.parametrize("instruction, message", [
    (f"wmma.load.a.sync.aligned.row.m16n16k16.f16 {names('r', 0, 4)}, [%rd0];", "expected 8 registers, got 4"),
    (f"wmma.load.a.sync.aligned.row.m16n16k16.local.f16 {R8}, [%rd0];", "global or shared memory"),
    (f"wmma.load.a.sync.aligned.row.m16n16k8.f16 {R8}, [%rd0];", "unsupported shape or type"),
    ("wmma.load.b.sync.aligned.row.m8n8k32.s4 {%r0}, [%rd0];", "needs .col"),
    ("wmma.load.a.sync.aligned.col.m8n8k128.b1 {%r0}, [%rd0];", "needs .row"),
    (f"wmma.load.c.sync.aligned.row.m16n16k16.bf16 {names('r', 0, 4)}, [%rd0];", "unsupported shape or type"),
    (f"wmma.load.d.sync.aligned.row.m16n16k16.f32 {names('f', 0, 8)}, [%rd0];", "needs .a, .b or .c"),
    (f"wmma.load.a.sync.row.m16n16k16.f16 {R8}, [%rd0];", "unsupported form"),
    (f"wmma.mma.sync.aligned.row.col.m16n16k16.f32.f16.f16.f32 {names('f', 0, 8)}, {R8}, {R8}, {names('f', 0, 8)};", "unsupported shape or types"),
    (f"wmma.mma.sync.aligned.row.col.m16n16k16.s32.s8.u8.s32 {R8}, {names('r', 0, 2)}, {names('r', 0, 2)}, {R8};", "unsupported shape or types"),
    (f"wmma.mma.sync.aligned.row.col.m16n16k16.f32.f32.satfinite {names('f', 0, 8)}, {R8}, {R8}, {names('f', 0, 8)};", "takes no .satfinite"),
    ("wmma.mma.sync.aligned.row.row.m8n8k32.s32.s4.s4.s32 {%r0, %r1}, {%r2}, {%r3}, {%r4, %r5};", "needs .row.col"),
])
def test_refused(tool, tmp_path, instruction, message):
    (tmp_path / "k.ptx").write_text(f"{HEAD}.visible .entry k(.param .u64 a) {{ .reg .b64 %rd<2>; .reg .b32 %r<20>; .reg .f32 %f<20>;\n"
                                    f"ld.param.u64 %rd0, [a];\n{instruction}\nret; }}\n")
    done = tool("tk-sim", tmp_path / "k.ptx", "--skeleton")
    assert done.returncode == 2 and message in done.stderr and "k.ptx:6:" in done.stderr, done.stderr


def test_cuda_kernels(tool, tmp_path):
    """What nvcc makes of test/Sim/cuda/wmma.cu: 2 * (A @ B + 1), of tf32 A @ B + C, of single bits the bits that differ."""
    rng, buffers, launches, expected = np.random.default_rng(12), {}, [], {}
    kernels = [("half16", "m16n16k16", "f16", "f32", "row", "col", "row"), ("half32", "m32n8k16", "f16", "f16", "col", "row", "row"),
               ("bf8", "m8n32k16", "bf16", "f32", "row", "row", "row"), ("i8", "m16n16k16", "s8", "s32", "row", "col", "row"),
               ("f64", "m8n8k4", "f64", "f64", "row", "col", "row"), ("tf32", "m16n16k8", "tf32", "f32", "row", "col", "col"),
               ("bits", "m8n8k128", "b1", "s32", "row", "col", "row")]
    for name, shape, ty, d_ty, a_layout, b_layout, d_layout in kernels:
        m, n, k = sizes(shape)
        a, b, c = draw(rng, (m, k), ty, 1), draw(rng, (k, n), ty, 1), np.zeros((m, n), NUMPY[d_ty])
        exact = 2 * (wide(a) @ wide(b) + 1)
        if name == "tf32":
            c = draw(rng, (m, n), d_ty, 1)
            exact = wide(a) @ wide(b) + wide(c)
        elif name == "bits":
            exact = (a[:, :, None] ^ b[None]).sum(1)
        expected[name] = exact.astype(NUMPY[d_ty])
        for which, matrix, t, layout in (("a", a, ty, a_layout), ("b", b, ty, b_layout), ("c", c, d_ty, d_layout)):
            np.save(tmp_path / f"{name}{which}.npy", in_memory(matrix, t, layout, least(shape, which, layout)))
            buffers[name + which] = {"npy": f"{name}{which}.npy"}
        buffers[name + "c"]["out"] = f"{name}.npy"
        launches.append({"entry": name, "block": [32], "params": [{"pointer": name + w} for w in "abc"]})
    (tmp_path / "l.json").write_text(json.dumps({"buffers": buffers, "launches": launches}))
    done = tool("tk-sim", ROOT / "test" / "Sim" / "cuda" / "wmma.ptx", "--launch", tmp_path / "l.json", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, shape, _, d_ty, _, _, d_layout in kernels:
        m, n, _ = sizes(shape)
        got = np.load(tmp_path / f"{name}.npy").view(NUMPY[d_ty])
        got = got.reshape(m, n) if d_layout == "row" else got.reshape(n, m).T
        assert (got == expected[name]).all(), (name, got, expected[name])
