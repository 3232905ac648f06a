"""wgmma on tk-sim: every type, both places of A, scales and scale-d, against exact products.

Operands lie in shared memory K-major without a swizzle, by the formula of HOPPER_PTX.md section 1.8; the other layouts
are Wgmma.EveryLayoutOfSharedOperands' matter. Registers lie as section 1.4 says.
"""

import itertools
import json

import numpy as np
import pytest
from sim_matrices import BITS, HEAD, NUMPY, draw, names, raw, wide

K = {"f16": 16, "bf16": 16, "tf32": 8, "e4m3": 32, "e5m2": 32, "s8": 32, "u8": 32, "b1": 256}
FEW = (8, 48, 128, 256)
FP8 = list(itertools.product(("e4m3", "e5m2"), repeat=2))
CASES = [  # N, D, A, B
    *((n, d, t, t) for n in FEW for d, t in (("f16", "f16"), ("f32", "f16"), ("f32", "bf16"), ("f32", "tf32"), ("f32", "e4m3"),
                                            ("s32", "s8"), ("s32", "b1"))),
    *((n, "s32", "u8", "u8") for n in (24, 32, 64, 224, 240)),
    *((64, d, a, b) for d in ("f16", "f32") for a, b in FP8), (128, "f32", "e5m2", "e5m2"),
    *((96, "s32", a, b) for a, b in itertools.product(("s8", "u8"), repeat=2)),
    *((64, d, t, t) for d, t in (("f16", "f16"), ("f32", "f16"), ("f32", "bf16"), ("f32", "tf32"), ("s32", "b1"))),
]


def image(matrix, ty, transposed=False):
    """A matrix [rows][k] as core matrices of 8 rows by 16 bytes: SBO 256, LBO 128. Transposed, of 8 k by 16 bytes."""
    bits = raw(matrix, ty)
    if transposed:
        return np.ascontiguousarray(bits.reshape(-1, 8, 16).transpose(0, 2, 1)).view(np.uint8).reshape(-1)
    data = (np.packbits(bits.astype(np.uint8), axis=1, bitorder="little") if ty == "b1"
            else np.ascontiguousarray(bits).view(np.uint8).reshape(len(matrix), 32))
    return data.reshape(-1, 8, 2, 16).transpose(0, 2, 1, 3).reshape(-1)


def places_of_sum(n):
    t, i = np.arange(128)[:, None], np.arange(n // 2)[None]
    w, g, q = t // 32, t % 32 // 4, t % 4
    return 16 * w + g + 8 * ((i >> 1) & 1), 8 * (i >> 2) + 2 * q + (i & 1)


def places_of_a(ty):
    t = np.arange(128)[:, None]
    w, g, q = t // 32, t % 32 // 4, t % 4
    if BITS[ty] == 16:
        i = np.arange(8)
        return 16 * w + g + 8 * ((i >> 1) & 1), 8 * (i >> 2) + 2 * q + (i & 1)
    if BITS[ty] == 32:
        i = np.arange(4)
        return 16 * w + g + 8 * (i & 1), 4 * (i >> 1) + q
    if BITS[ty] == 8:
        i = np.arange(16)
        return 16 * w + g + 8 * ((i >> 2) & 1), 16 * (i >> 3) + 4 * q + (i & 3)
    i = np.arange(128)  # b1: as mma.m16n8k256 has it
    row = np.where((i < 32) | ((i >= 64) & (i < 96)), 0, 8)
    return 16 * w + g + row, 32 * q + (i & 31) + np.where(i >= 64, 128, 0)


def words(bits, ty):
    if ty == "b1":
        return np.packbits(bits.astype(np.uint8), axis=1, bitorder="little").view(np.uint32)
    return np.ascontiguousarray(bits).view(np.uint32)


def entry(number, case, in_registers, scales, scale_d, satfinite, transposes=(0, 0)):
    n, d, a, b = case
    count = n // 4 if d == "f16" else n // 2
    kind, ty = ("f", "f32") if d == "f32" else ("r", "b32")
    acc = names(kind, 0, count)
    tail = ".and.popc" if a == "b1" else satfinite
    operands = [acc, names("r", 200, 4) if in_registers else "%rd6", "%rd7", scale_d]
    if d != "s32":
        operands += map(str, scales)
        operands += map(str, transposes[in_registers:] if BITS[a] == 16 else ())
    word = f"wgmma.mma_async.sync.aligned.m64n{n}k{K[a]}.{d}.{a}.{b}{tail}"
    newline = "\n  "
    return f"""
.visible .entry k{number}(.param .u64 a, .param .u64 s, .param .u64 r, .param .u64 o) {{
  .reg .b64 %rd<10>; .reg .b32 %r<220>; .reg .f32 %f<200>; .reg .pred %p<3>; .shared .align 1024 .b8 sm[10240];
  ld.param.u64 %rd0, [a]; ld.param.u64 %rd1, [s]; ld.param.u64 %rd2, [r]; ld.param.u64 %rd3, [o];
  mov.u32 %r210, %tid.x; mul.wide.u32 %rd4, %r210, 16; add.u64 %rd0, %rd0, %rd4; add.u64 %rd2, %rd2, %rd4;
  mov.u32 %r212, sm; shr.u32 %r213, %r212, 4; cvt.u64.u32 %rd6, %r213; or.b64 %rd6, %rd6, {8 << 16 | 16 << 32}; add.u64 %rd7, %rd6, 128;
  mul.lo.u32 %r214, %r210, 16; add.u32 %r212, %r212, %r214; mov.u32 %r215, 0;
$copy: ld.global.v4.b32 {{%r216, %r217, %r218, %r219}}, [%rd0]; st.shared.v4.b32 [%r212], {{%r216, %r217, %r218, %r219}};
  add.u64 %rd0, %rd0, 2048; add.u32 %r212, %r212, 2048; add.u32 %r215, %r215, 1; setp.lt.u32 %p0, %r215, 5; @%p0 bra $copy;
  ld.global.v4.b32 {{%r200, %r201, %r202, %r203}}, [%rd2];
  mul.wide.u32 %rd5, %r210, {4 * count}; add.u64 %rd1, %rd1, %rd5; add.u64 %rd3, %rd3, %rd5;
  {newline.join(f"ld.global.{ty} %{kind}{i}, [%rd1+{4 * i}];" for i in range(count))}
  setp.eq.u32 %p1, %r215, 5; setp.ne.u32 %p2, %r215, 5;
  fence.proxy.async; bar.sync 0;
  wgmma.fence.sync.aligned;
  {word} {", ".join(operands)};
  wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;
  {newline.join(f"st.global.{ty} [%rd3+{4 * i}], %{kind}{i};" for i in range(count))}
  ret;
}}"""


SCALE_D = {"0": False, "1": True, "%p1": True, "%p2": False, "!%p1": False, "!%p2": True}


def run(tool, folder, cases, make=None, reference=None, *options):
    """`make`: operands of a case; `reference`: its sum of exact products and C, one rounding left to do."""
    rng, text, buffers, launches, expected = np.random.default_rng(2), [], {}, [], []
    for number, (case, in_registers, scales, scale_d, satfinite, *transposes) in enumerate(cases):
        transposes = transposes or (0, 0)
        n, d, a_ty, b_ty = case
        k = K[a_ty]
        if make:
            a, b, c = make(rng, case)
        else:
            a, b = draw(rng, (64, k), a_ty, 2), draw(rng, (n, k), b_ty, 2)
            c = draw(rng, (64, n), d, 2) if d != "s32" else rng.choice([0, 7, -9, 2 ** 31 - 9, -2 ** 31 + 9], (64, n)).astype(np.int32)
        shared = np.zeros(10240, np.uint8)
        if not in_registers:
            shared[:2048] = image(a, a_ty, transposes[0])
        shared[2048:2048 + 32 * n] = image(b, b_ty, transposes[1])
        rows, columns = places_of_sum(n)
        np.save(folder / f"s{number}.npy", shared)
        np.save(folder / f"c{number}.npy", words(raw(c, d)[rows, columns], d))
        np.save(folder / f"r{number}.npy", words(raw(a, a_ty)[places_of_a(a_ty)], a_ty))
        count = n // 4 if d == "f16" else n // 2
        buffers.update({f"s{number}": {"npy": f"s{number}.npy"}, f"c{number}": {"npy": f"c{number}.npy"}, f"r{number}": {"npy": f"r{number}.npy"},
                        f"o{number}": {"shape": [128, count], "dtype": "u32", "fill": "zero", "out": f"o{number}.npy"}})
        launches.append({"entry": f"k{number}", "block": [128], "params": [{"pointer": f"{x}{number}"} for x in "scro"]})
        text.append(entry(number, case, in_registers, scales, scale_d, satfinite, transposes))
        if reference:
            expected.append(reference(case, a, b, c))
            continue
        exact = wide(c) * SCALE_D[scale_d] + (scales[0] * wide(a)) @ (scales[1] * wide(b)).T
        if d == "s32":
            expected.append(np.clip(exact, -2 ** 31, 2 ** 31 - 1) if satfinite else exact.astype(np.int32))
        else:
            expected.append(exact.astype(NUMPY[d]))
    (folder / "k.ptx").write_text(HEAD + "".join(text))
    (folder / "l.json").write_text(json.dumps({"buffers": buffers, "launches": launches}))
    done = tool("tk-sim", folder / "k.ptx", "--launch", folder / "l.json", *options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for number, (case, *_) in enumerate(cases):
        n, d, *_ = case
        got = np.zeros((64, n), NUMPY[d])
        got[places_of_sum(n)] = np.load(folder / f"o{number}.npy").view(NUMPY[d])
        assert np.array_equal(got, expected[number], equal_nan=d != "s32"), (cases[number], got, expected[number])


def test_types(tool, tmp_path):
    run(tool, tmp_path, [(case, rs, (1, 1), "1", "") for case in CASES for rs in (False, True)])


def test_scales(tool, tmp_path):
    few = [c for c in CASES if c[0] == 64 or c[0] == 8]
    run(tool, tmp_path, [(case, rs, (sa, sb), d, "") for i, case in enumerate(few) for rs in (False, True)
                         for sa, sb, d in ((1, 1, "0"), (-1, 1, "%p1"), (1, -1, "%p2"), (-1, -1, "!%p1"), (1, 1, "!%p2"))
                         if case[1] != "s32" or (sa, sb) == (1, 1)])


def test_saturation(tool, tmp_path):
    run(tool, tmp_path, [(case, rs, (1, 1), d, ".satfinite") for case in CASES if case[0] == 96 for rs in (False, True) for d in ("1", "0")])


def test_transposes(tool, tmp_path):
    run(tool, tmp_path, [((n, d, t, t), rs, (1, 1), "1", "", ta, tb) for n in (8, 64) for d, t in (("f16", "f16"), ("f32", "f16"), ("f32", "bf16"))
                         for rs, ta, tb in ((False, 0, 1), (False, 1, 0), (False, 1, 1), (True, 0, 1))])


@pytest.mark.parametrize("keep, read, code", [(7, 0, 0), (7, 1, 1), (1, 6, 0), (1, 7, 1), (0, 7, 0), (63, 0, 1)])
def test_wait_group_leaves_the_newest(tool, tmp_path, keep, read, code):
    """Of eight groups all but `keep` are done; accumulator `read` is of the group of its number."""
    products = "".join(f"wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8 {names('r', 4 * i, 4)}, %rd0, %rd0, 0; wgmma.commit_group.sync.aligned;\n"
                       for i in range(8))
    (tmp_path / "k.ptx").write_text(f"""{HEAD}.visible .entry k() {{ .reg .b64 %rd<2>; .reg .b32 %r<50>; .shared .align 1024 .b8 sm[2048];
  mov.u32 %r40, sm; mov.u32 %r41, %tid.x; shl.b32 %r41, %r41, 4; add.u32 %r41, %r41, %r40; mov.b32 %r42, 0;
  st.shared.v4.b32 [%r41], {{%r42, %r42, %r42, %r42}};
  shr.u32 %r40, %r40, 4; cvt.u64.u32 %rd0, %r40; or.b64 %rd0, %rd0, {8 << 16 | 16 << 32};
  fence.proxy.async; bar.sync 0; wgmma.fence.sync.aligned;
  {products}
  wgmma.wait_group.sync.aligned {keep};
  add.u32 %r44, %r{4 * read}, 1;
  wgmma.wait_group.sync.aligned 0;
  ret; }}
""")
    (tmp_path / "l.json").write_text('{"entry": "k", "block": [128]}')
    done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
    assert done.returncode == code and ("TK-SIM-WGMMA-INFLIGHT" in done.stdout) == bool(code), done.stdout + done.stderr


@pytest.mark.parametrize("instruction, message", [
    ("wgmma.mma_async.sync.aligned.m64n8k256.s32.b1.b1.xor.popc {%r0, %r1, %r2, %r3}, %rd0, %rd0, 1;", "needs .and.popc"),
    ("wgmma.mma_async.sync.aligned.m64n8k256.s32.b1.b1 {%r0, %r1, %r2, %r3}, %rd0, %rd0, 1;", "needs .and.popc"),
    ("wgmma.mma_async.sync.aligned.m64n8k256.s32.b1.b1.and.popc.satfinite {%r0, %r1, %r2, %r3}, %rd0, %rd0, 1;", "unsupported shape or types"),
    ("wgmma.mma_async.sync.aligned.m64n8k32.s32.b1.b1.and.popc {%r0, %r1, %r2, %r3}, %rd0, %rd0, 1;", "unsupported shape or types"),
    ("wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8 {%r0, %r1, %r2, %r3}, %rd0, %rd0, !1;", "not allowed before a literal"),
    ("wgmma.mma_async.sp.sync.aligned.m64n8k64.s32.s8.s8 {%r0, %r1, %r2, %r3}, %rd0, %rd0, %r4, 0, 1;", "sparse product"),
])
def test_refused(tool, tmp_path, instruction, message):
    (tmp_path / "k.ptx").write_text(f"{HEAD}.visible .entry k() {{ .reg .b64 %rd<2>; .reg .b32 %r<20>;\n{instruction}\nret; }}\n")
    done = tool("tk-sim", tmp_path / "k.ptx", "--skeleton")
    assert done.returncode == 2 and message in done.stderr and "k.ptx:5:" in done.stderr, done.stderr
