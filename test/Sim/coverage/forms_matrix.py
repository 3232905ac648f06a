"""Forms of wmma, mma, ldmatrix, wgmma and tcgen05: PTX ISA 9.7.14 to 9.7.16."""

import itertools
import re

from forms import FILL, body, f, row
from places import address, space_of


def list_of(kind, n, at=0):
    return "{" + ", ".join(f"%{kind}{i + at}" for i in range(n)) + "}"


def mma_forms(name, shape, layouts, combos, bits_a, extra="", sparse=False):
    """mma or mma.sp: registers follow from the shape and the widths of elements."""
    m, n, k = map(int, re.fullmatch(r"m(\d+)n(\d+)k(\d+)", shape).groups())
    for d, a, b, c, *rest in combos:
        tail = rest[0] if rest else ""
        wide = {"f64": ("g", 64), "f16": ("r", 16), "f32": ("f", 32), "s32": ("r", 32)}
        acc = lambda ty, at: list_of(wide[ty][0], max(1, m * n * wide[ty][1] // 32 // (64 if ty == "f64" else 32)), at)
        kind = "g" if a == "f64" else "r"
        na = max(1, m * k * bits_a // (2 if sparse else 1) // 32 // (64 if a == "f64" else 32))
        nb = max(1, n * k * bits_a // 32 // (64 if a == "f64" else 32))
        if shape == "m8n8k4" and a == "f16":  # four products at once: each quad pair holds its own
            na, nb = 2, 2
            acc = lambda ty, at: list_of(wide[ty][0], 4 if ty == "f16" else 8, at)
        parts = [acc(d, 0), list_of(kind, na, 40), list_of(kind, nb, 50), acc(c, 20)]
        if sparse:
            parts += ["%r60", "0x0"]
        for layout in layouts:
            word = f"{name}.sync.aligned.{shape}.{layout}{extra}{tail and '.' + tail if tail == 'satfinite' else ''}.{d}.{a}.{b}.{c}{'.' + tail if tail and tail != 'satfinite' else ''}"
            body(word, f"{'mov.b32 %r60, 0x44444444;' if sparse else ''}{word} {', '.join(parts)};", block=32)


def matrices():
    row("9.7.14.3", "wmma")
    shapes = ("m16n16k16", "m8n32k16", "m32n8k16")

    def wmma_registers(word, which, ty):
        """The registers of a fragment: those of f16 hold elements more than once."""
        m, n, k = map(int, re.search(r"m(\d+)n(\d+)k(\d+)", word).groups())
        bits = {"f64": 64, "f32": 32, "s32": 32, "tf32": 32, "f16": 16, "bf16": 16, "s4": 4, "u4": 4, "b1": 1}.get(ty, 8)
        elements = {"a": m * k, "b": k * n}.get(which, m * n)
        count = 8 if ty == "f16" and which in "ab" else elements * bits // 32 // (64 if ty == "f64" else 32)
        return list_of({"f64": "g", "f32": "f"}.get(ty, "r"), count)

    load = lambda which, ty, stride: (lambda w: f"{wmma_registers(w, which, ty)}, [{address(space_of(w))}], {stride}")
    for shape in shapes:
        for which in "ab":
            f(f"wmma.load.{which}.sync.aligned.(row|col).{shape}(|.global|.shared).f16", load(which, "f16", 32),
                before=lambda w: FILL if "shared" in w else "", block=32)
            for ty in ("bf16", "s8", "u8"):
                f(f"wmma.load.{which}.sync.aligned.(row|col).{shape}.{ty}", load(which, ty, 32), block=32)
        for ty in ("f16", "f32", "s32"):
            f(f"wmma.load.c.sync.aligned.(row|col).{shape}.global.{ty}", load("c", ty, 32), block=32)
            f(f"wmma.store.d.sync.aligned.(row|col).{shape}.global.{ty}",
                lambda w: f"[%gp], {wmma_registers(w, 'd', w.rsplit('.', 1)[1])}, 32", block=32)
    for shape, ty, sum_ty, layouts in (("m16n16k8", "tf32", "f32", ("(row|col)", "(row|col)")), ("m8n8k4", "f64", "f64", ("(row|col)", "(row|col)")),
                                       ("m8n8k32", "s4", "s32", ("row", "col")), ("m8n8k32", "u4", "s32", ("row", "col")),
                                       ("m8n8k128", "b1", "s32", ("row", "col"))):
        for which, layout in zip("ab", layouts):
            f(f"wmma.load.{which}.sync.aligned.{layout}.{shape}.{ty}", load(which, ty, 128), block=32)
        if ty != "u4":
            f(f"wmma.load.c.sync.aligned.(row|col).{shape}.{sum_ty}", load("c", sum_ty, 32), block=32)
            f(f"wmma.store.d.sync.aligned.(row|col).{shape}.{sum_ty}",
                lambda w: f"[%gp], {wmma_registers(w, 'd', w.rsplit('.', 1)[1])}, 32", block=32)
    f("wmma.load.a.sync.aligned.row.m16n16k16.f16", lambda w: f"{list_of('r', 8)}, [%gp]", tag="without stride", block=32)

    def wmma_product(layouts, shape, suffix, d, a, c, op="mma"):
        def operands(w):
            at = dict(d=0, a=20, b=40, c=60)
            lists = [(which, ty, wmma_registers(w, which, ty)) for which, ty in (("d", d), ("a", a), ("b", a), ("c", c))]
            return ", ".join(re.sub(r"(%\w)(\d+)", lambda x: x[1] + str(int(x[2]) + at[which]), text) for which, _, text in lists)
        f(f"wmma.{op}.sync.aligned.{layouts}.{shape}.{suffix}", operands, block=32)

    every = "(row|col).(row|col)"
    for shape in shapes:
        for d, c in itertools.product(("f32", "f16"), repeat=2):
            wmma_product(every, shape, f"{d}.{c}", d, "f16", c)
        wmma_product(every, shape, "f32.bf16.bf16.f32", "f32", "bf16", "f32")
        for ty in ("s8", "u8"):
            wmma_product(every, shape, f"s32.{ty}.{ty}.s32(|.satfinite)", "s32", ty, "s32")
    wmma_product(every, "m16n16k8", "f32.tf32.tf32.f32", "f32", "tf32", "f32")
    wmma_product(every, "m8n8k4", "(|rn.|rz.|rm.|rp.)f64.f64.f64.f64", "f64", "f64", "f64")
    for ty in ("s4", "u4"):
        wmma_product("row.col", "m8n8k32", f"s32.{ty}.{ty}.s32(|.satfinite)", "s32", ty, "s32")
    for op in ("xor", "and"):
        wmma_product("row.col", "m8n8k128", "s32.b1.b1.s32", "s32", "b1", "s32", op=f"mma.{op}.popc")
    wmma_product(every, "m8n8k32", "s32.s4.s4.s32", "s32", "s4", "s32")
    wmma_product("row.col", "m16n16k16", "s32.s8.u8.s32", "s32", "s8", "s32")
    row("9.7.14.5", "mma")
    rc = ["row.col"]
    f16s = [("f32", "f16", "f16", "f32"), ("f16", "f16", "f16", "f16")]
    bf = [("f32", "bf16", "bf16", "f32")]
    mma_forms("mma", "m8n8k4", ["row.col", "row.row", "col.row", "col.col"], f16s + [("f32", "f16", "f16", "f16")], 16)
    for k in (8, 16):
        mma_forms("mma", f"m16n8k{k}", rc, f16s + bf + [("f32", "f16", "f16", "f16"), ("f16", "f16", "f16", "f32")], 16)
    mma_forms("mma", "m16n8k8", ["row.row", "col.row"], f16s[:1], 16)
    for k in (4, 8):
        mma_forms("mma", f"m16n8k{k}", rc, [("f32", "tf32", "tf32", "f32")], 32)
    for shape in ("m8n8k4", "m16n8k4", "m16n8k8", "m16n8k16"):
        mma_forms("mma", shape, rc, [("f64", "f64", "f64", "f64")], 64)
    f("mma.sync.aligned.m8n8k4.row.col.(rn|rz|rm|rp).f64.f64.f64.f64", lambda w: "{%g0, %g1}, {%g2}, {%g3}, {%g4, %g5}",
        block=32)
    for shape in ("m16n8k4", "m16n8k8", "m16n8k16"):
        for mode in ("rn", "rz", "rm", "rp"):
            mma_forms("mma", shape, ["row.col." + mode], [("f64", "f64", "f64", "f64")], 64)
    for shape in ("m8n8k16", "m16n8k16", "m16n8k32"):
        mma_forms("mma", shape, rc, [("s32", a, b, "s32", t) for a in ("u8", "s8") for b in ("u8", "s8") for t in ("",
            "satfinite")], 8)
    for shape in ("m8n8k32", "m16n8k32", "m16n8k64"):
        mma_forms("mma", shape, rc, [("s32", a, b, "s32", t) for a in ("u4", "s4") for b in ("u4", "s4") for t in ("",
            "satfinite")], 4)
    for shape in ("m8n8k128", "m16n8k128", "m16n8k256"):
        mma_forms("mma", shape, rc, [("s32", "b1", "b1", "s32", t) for t in ("xor.popc", "and.popc")], 1)
    for shape in ("m16n8k16", "m16n8k32"):
        mma_forms("mma", shape, rc, [(d, a, b, d) for d in ("f32", "f16") for a in ("e4m3", "e5m2") for b in ("e4m3",
            "e5m2")], 8)
    mma_forms("mma", "m16n8k32", rc, [("f32", "e2m1", "e2m1", "f32")], 8, extra=".kind::f8f6f4")
    row("9.7.14.6", "mma.sp")
    for name in ("mma.sp", "mma.sp::ordered_metadata"):
        for k in (16, 32):
            mma_forms(name, f"m16n8k{k}", rc, f16s + bf, 16, sparse=True)
        for k in (8, 16):
            mma_forms(name, f"m16n8k{k}", rc, [("f32", "tf32", "tf32", "f32")], 32, sparse=True)
        for k in (32, 64):
            mma_forms(name, f"m16n8k{k}", rc, [("s32", a, b, "s32", t) for a in ("s8", "u8") for b in ("s8", "u8")
                for t in ("", "satfinite")], 8, sparse=True)
        for k in (64, 128):
            mma_forms(name, f"m16n8k{k}", rc, [("s32", a, b, "s32", t) for a in ("s4", "u4") for b in ("s4", "u4")
                for t in ("", "satfinite")], 4, sparse=True)
        mma_forms(name, "m16n8k64", rc, [("f32", a, b, "f32") for a in ("e4m3", "e5m2") for b in ("e4m3", "e5m2")], 8,
            sparse=True)
        mma_forms(name, "m16n8k64", rc, [("f16", "e4m3", "e5m2", "f16")], 8, sparse=True)
    fill = FILL.replace("fence.proxy.async.shared::cta; bar.sync 0;", "bar.warp.sync -1;")
    row("9.7.14.5.15", "ldmatrix")
    for x, count in (("x1", 1), ("x2", 2), ("x4", 4)):
        f(f"ldmatrix.sync.aligned.m8n8.{x}(|.trans)(|.shared|.shared::cta).b16",
            lambda w: f"{list_of('r', count)}, [" + ("%z0" if "shared" in w else "%d9") + "]",
          before=fill + "and.b32 %z2, %z0, 1023; mov.u32 %z0, %tid.x; shl.b32 %z0, %z0, 4; mov.u32 %z1, sm; "
              "add.u32 %z0, %z0, %z1; cvt.u64.u32 %d9, %z0; cvta.shared.u64 %d9, %d9;", block=32)
    f("ldmatrix.sync.aligned.m16n16.(x1|x2).trans.shared.(b8|b8x16.b6x16_p32)",
        lambda w: f"{list_of('r', 2 if 'x1' in w else 4)}, [sm]", block=32)
    row("9.7.14.5.16", "stmatrix")
    for x, count in (("x1", 1), ("x2", 2), ("x4", 4)):
        f(f"stmatrix.sync.aligned.m8n8.{x}(|.trans)(|.shared|.shared::cta).b16",
            lambda w: "[" + ("%z0" if "shared" in w else "%d9") + f"], {list_of('r', count)}",
          before="mov.u32 %z0, %tid.x; shl.b32 %z0, %z0, 4; mov.u32 %z1, sm; add.u32 %z0, %z0, %z1; "
              "cvt.u64.u32 %d9, %z0; cvta.shared.u64 %d9, %d9;", block=32)
    f("stmatrix.sync.aligned.m16n8.x1.trans.shared.b8", lambda w: "[sm], {%r0}", block=32)
    row("9.7.14.5.17", "movmatrix")
    f("movmatrix.sync.aligned.m8n8.trans.b16", "r r", block=32)
    row("9.7.15.5", "wgmma.mma_async")
    descriptor = FILL + "mov.u32 %z0, sm; shr.u32 %z0, %z0, 4; or.b32 %z0, %z0, 0x10000; cvt.u64.u32 %d0, %z0; mov.b64 %d1, %d0; wgmma.fence.sync.aligned;"
    wait = "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;"

    def product(n, k, d, a, b, rs=False, scales="1, 1", transposes="0, 0", tail="", scale_d="0", tag="", m=64,
            name="wgmma.mma_async", meta=""):
        half = a in ("f16", "bf16")
        acc = list_of("m" if d == "f32" else "a", n // 4 if d == "f16" else n // 2)
        integer = d == "s32"
        parts = [acc, "{%r0, %r1, %r2, %r3}" if rs else "%d0", "%d1"] + ([meta] if meta else []) + [scale_d]
        if not integer:
            parts.append(scales)
            if half:
                parts.append(transposes.split(", ")[1] if rs else transposes)
        word = f"{name}.sync.aligned.m{m}n{n}k{k}.{d}.{a}.{b}{tail}"
        body(f"{word}{' A in registers' if rs else ''}{' ' + tag if tag else ''}",
             f"{descriptor}\n{word} {', '.join(parts)};\n{wait}", block=128)

    for n in range(8, 257, 8):
        product(n, 16, "f32", "bf16", "bf16")
    for n in (8, 48, 128, 256):
        product(n, 16, "f16", "f16", "f16")
        product(n, 16, "f32", "f16", "f16")
        product(n, 8, "f32", "tf32", "tf32")
        product(n, 32, "f32", "e4m3", "e4m3")
        product(n, 32, "s32", "s8", "s8")
        product(n, 256, "s32", "b1", "b1", tail=".and.popc")
    for n in (24, 32, 40, 56, 64, 224, 240):
        product(n, 32, "s32", "u8", "u8")
    product(128, 32, "f32", "e5m2", "e5m2")
    for d in ("f16", "f32"):
        for a, b in itertools.product(("e4m3", "e5m2"), repeat=2):
            for rs in (False, True):
                product(64, 32, d, a, b, rs)
    for a, b in itertools.product(("s8", "u8"), repeat=2):
        for rs, tail in itertools.product((False, True), ("", ".satfinite")):
            product(96, 32, "s32", a, b, rs, tail=tail)
    product(64, 256, "s32", "b1", "b1", True, tail=".and.popc")
    product(64, 256, "s32", "b1", "b1", tail=".xor.popc")
    for d, a in (("f16", "f16"), ("f32", "f16"), ("f32", "bf16")):
        product(64, 16, d, a, a, True)
        for t in ("0, 1", "1, 0", "1, 1"):
            product(64, 16, d, a, a, transposes=t, tag=f"transposed {t}")
        product(64, 16, d, a, a, True, transposes="0, 1", tag="transposed B")
    for scales in ("-1, 1", "1, -1", "-1, -1", "0, 1"):
        product(64, 16, "f32", "bf16", "bf16", scales=scales, tag=f"scaled {scales}", transposes="0, 0")
    product(64, 8, "f32", "tf32", "tf32", True)
    for scale_d in ("%p0", "!%p0"):
        product(64, 16, "f32", "bf16", "bf16", scale_d=scale_d, tag="scale-d " + scale_d)
    product(64, 16, "f32", "f16", "bf16")
    product(64, 16, "f32", "bf16", "bf16", m=128)
    product(64, 16, "f32", "tf32", "tf32", tag="K of 16")
    product(12, 16, "f32", "bf16", "bf16")
    row("9.7.15.6", "wgmma.mma_async.sp")
    product(64, 32, "f32", "f16", "f16", name="wgmma.mma_async.sp", meta="%r5, 0")
    product(64, 64, "f32", "e4m3", "e4m3", name="wgmma.mma_async.sp", meta="%r5, 0")
    product(64, 64, "s32", "s8", "s8", name="wgmma.mma_async.sp", meta="%r5, 0")
    row("9.7.15.7", "wgmma.fence, commit_group, wait_group")
    f("wgmma.(fence|commit_group).sync.aligned", block=128)
    f("wgmma.wait_group.sync.aligned", "0", block=128)
    f("wgmma.wait_group.sync.aligned", "7", tag="7", block=128)
    row("9.7.16", "tcgen05")
    f("tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32", lambda w: "[sm], 32", block=32)
    f("tcgen05.dealloc.cta_group::1.sync.aligned.b32", "r 32", block=32)
    f("tcgen05.ld.sync.aligned.32x32b.x1.b32", lambda w: "{%r0}, [%r1]", block=32)
    f("tcgen05.st.sync.aligned.32x32b.x1.b32", lambda w: "[%r1], {%r0}", block=32)
    f("tcgen05.cp.cta_group::1.128x256b", lambda w: "[%r1], %d0")
    f("tcgen05.mma.cta_group::1.kind::f16", lambda w: "[%r0], %d0, %d1, %r1, %p0")
    f("tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64", lambda w: "[sm]")
    f("tcgen05.wait::(ld|st).sync.aligned", block=32)
    f("tcgen05.fence::before_thread_sync")
