"""Forms of arithmetic, comparisons, logic and conversions: PTX ISA 9.7.1 to 9.7.8, 9.7.9.21 and 22."""

from forms import body, f, row

INTS = "(u16|s16|u32|s32|u64|s64)"
ALL_INTS = "(u16|s16|u32|s32|u64|s64|u16x2|s16x2)"
BITS = "(b16|b32|b64)"
ROUND = "(|.rn|.rz|.rm|.rp)"


def integer_arithmetic():
    for at, name in ((1, "add"), (2, "sub")):
        row(f"9.7.1.{at}", name)
        f(f"{name}(|.sat).{ALL_INTS}", "T T T")
        f(f"{name}.s32", "T T -5", tag="immediate")
    row("9.7.1.3", "mul")
    f(f"mul.(hi|lo).{INTS}", "T T T")
    f("mul.wide.(u16|s16)", "r h h")
    f("mul.wide.(u32|s32)", "d r r")
    f("mul.wide.(u64|s64)", "q d d")
    row("9.7.1.4", "mad")
    f(f"mad.(hi|lo).{INTS}", "T T T T")
    f("mad.wide.(u16|s16)", "r h h r")
    f("mad.wide.(u32|s32)", "d r r d")
    f("mad.hi.sat.(s32|u32)", "T T T T")
    row("9.7.1.5", "mul24")
    f("mul24.(hi|lo).(u32|s32)", "T T T")
    row("9.7.1.6", "mad24")
    f("mad24.(hi|lo).(u32|s32)", "T T T T")
    f("mad24.hi.sat.s32", "T T T T")
    row("9.7.1.7", "sad")
    f(f"sad.{INTS}", "T T T T")
    for at, name in ((8, "div"), (9, "rem")):
        row(f"9.7.1.{at}", name)
        f(f"{name}.{INTS}", "T T T")
    for at, name in ((10, "abs"), (11, "neg")):
        row(f"9.7.1.{at}", name)
        f(f"{name}.(s16|s32|s64|u32)", "T T")
    for at, name in ((12, "min"), (13, "max")):
        row(f"9.7.1.{at}", name)
        f(f"{name}.{ALL_INTS}", "T T T")
        f(f"{name}.relu.(s16x2|s32|s16|u32)", "T T T")
        f(f"{name}.(s16x2|s32).relu", "T T T")
    row("9.7.1.14", "popc")
    f("popc.(b32|b64|b16)", "r T")
    row("9.7.1.15", "clz")
    f("clz.(b32|b64|b16)", "r T")
    row("9.7.1.16", "bfind")
    f("bfind(|.shiftamt).(u32|s32|u64|s64)", "r T")
    row("9.7.1.17", "fns")
    f("fns.b32", "r r r r", before="mov.b32 %r3, 1;")
    row("9.7.1.18", "brev")
    f("brev.(b32|b64)", "T T")
    row("9.7.1.19", "bfe")
    f("bfe.(u32|s32|u64|s64)", "T T r r")
    row("9.7.1.20", "bfi")
    f("bfi.(b32|b64)", "T T T r r")
    row("9.7.1.21", "szext")
    f("szext.(clamp|wrap).(u32|s32)", "T T r")
    row("9.7.1.22", "bmsk")
    f("bmsk.(clamp|wrap).b32", "T T T")
    row("9.7.1.23", "dp4a")
    f("dp4a.(u32|s32).(u32|s32)", "r r r r")
    row("9.7.1.24", "dp2a")
    f("dp2a.(lo|hi).(u32|s32).(u32|s32)", "r r r r")
    for at, name in enumerate(("add.cc", "addc", "sub.cc", "subc"), 1):
        row(f"9.7.2.{at}", name)
        carry = "" if "cc" in name else "add.cc.u32 %r7, %r7, %r7;"
        f(f"{name}{'(|.cc)' if carry else ''}.(u32|s32|u64|s64)", "T T T", before=carry)
    row("9.7.2.5", "mad.cc")
    f("mad.(hi|lo).cc.(u32|s32|u64|s64)", "T T T T")
    row("9.7.2.6", "madc")
    f("madc.(hi|lo)(|.cc).(u32|s32|u64|s64)", "T T T T", before="add.cc.u32 %r7, %r7, %r7;")


def float_arithmetic():
    row("9.7.3.1", "testp")
    f("testp.(finite|infinite|number|notanumber|normal|subnormal).(f32|f64)", "p T")
    row("9.7.3.2", "copysign")
    f("copysign.(f32|f64)", "T T T")
    for at, name in ((3, "add"), (4, "sub"), (5, "mul")):
        row(f"9.7.3.{at}", name)
        f(f"{name}{ROUND}(|.ftz)(|.sat).f32", "T T T")
        f(f"{name}{ROUND}.f64", "T T T")
        f(f"{name}.rn.f32x2", "T T T")
    row("9.7.3.3", "add")
    f("add.f32", "T T 0f3F800000", tag="immediate")
    for at, name in ((6, "fma"), (7, "mad")):
        row(f"9.7.3.{at}", name)
        f(f"{name}.(rn|rz|rm|rp)(|.ftz)(|.sat).f32", "T T T T")
        f(f"{name}.(rn|rz|rm|rp).f64", "T T T T")
        f(f"{name}.(f32|f64)", "T T T T")
    row("9.7.3.6", "fma")
    f("fma.rn.f32x2", "T T T T")
    row("9.7.3.8", "div")
    f("div.(approx|full|rn|rz|rm|rp)(|.ftz).f32", "T T T")
    f("div.(rn|rz|rm|rp).f64", "T T T")
    for at, name in ((9, "abs"), (10, "neg")):
        row(f"9.7.3.{at}", name)
        f(f"{name}(|.ftz).(f32|f64)", "T T")
    for at, name in ((11, "min"), (12, "max")):
        row(f"9.7.3.{at}", name)
        f(f"{name}(|.ftz)(|.NaN)(|.xorsign.abs).f32", "T T T")
        f(f"{name}.f64", "T T T")
        f(f"{name}.f32", "T T T T", tag="of three")
    for at, name in ((13, "rcp"), (15, "sqrt")):
        row(f"9.7.3.{at}", name)
        f(f"{name}.(approx|rn|rz|rm|rp)(|.ftz).f32", "T T")
        f(f"{name}.(rn|rz|rm|rp).f64", "T T")
    row("9.7.3.14", "rcp.approx.ftz.f64")
    f("rcp.approx.ftz.f64", "T T")
    row("9.7.3.16", "rsqrt")
    f("rsqrt.approx(|.ftz).f32", "T T")
    f("rsqrt.approx.f64", "T T")
    row("9.7.3.17", "rsqrt.approx.ftz.f64")
    f("rsqrt.approx.ftz.f64", "T T")
    for at, name in ((18, "sin"), (19, "cos"), (20, "lg2"), (21, "ex2"), (22, "tanh")):
        row(f"9.7.3.{at}", name)
        f(f"{name}.approx(|.ftz).f32", "T T")
        f(f"{name}.approx.f32.ftz", "T T")  # as CUDA's headers write it


def half_arithmetic():
    halves = "(f16|f16x2|bf16|bf16x2)"
    for at, name in ((1, "add"), (2, "sub"), (3, "mul")):
        row(f"9.7.4.{at}", f"{name} (half)")
        f(f"{name}(|.rn)(|.ftz)(|.sat).{halves}", "T T T")
    row("9.7.4.4", "fma (half)")
    f(f"fma.rn(|.ftz)(|.sat|.relu).{halves}", "T T T T")
    f(f"fma.rn.oob(|.relu).{halves}", "T T T T")
    for at, name in ((5, "neg"), (6, "abs")):
        row(f"9.7.4.{at}", f"{name} (half)")
        f(f"{name}(|.ftz).{halves}", "T T")
    for at, name in ((7, "min"), (8, "max")):
        row(f"9.7.4.{at}", f"{name} (half)")
        f(f"{name}(|.ftz)(|.NaN)(|.xorsign.abs).{halves}", "T T T")
    row("9.7.4.9", "tanh (half)")
    f(f"tanh.approx.{halves}", "T T")
    row("9.7.4.10", "ex2 (half)")
    f(f"ex2.approx(|.ftz).{halves}", "T T")
    row("9.7.5", "add, sub, fma (mixed precision)")
    f("(add|sub).rn.f32.(f16|bf16)", "f h f")
    f("fma.rn.f32.(f16|bf16)", "f h h f")


def comparison():
    row("9.7.6.1", "set")
    f("set.(eq|lt|hs).(u32|s32).u32", "r T T")
    f("set.(ne|ge).(u32|s32).(s16|u64|b32)", "r T T")
    f("set.(eq|ltu|nan).(u32|s32|f32).(f32|f64)", "S T T")
    f("set.gt.ftz.(u32|f32).f32", "S T T")
    f("set.eq.(u32|f32).s32", "S T T")
    f("set.lt.(and|or|xor).u32.s32", "r r r p")
    row("9.7.6.2", "setp")
    f("setp.(eq|ne|lt|le|gt|ge).(u16|s16|u32|s32|u64|s64)", "p T T")
    f("setp.(lo|ls|hi|hs).(u16|u32|u64|s32)", "p T T")
    f(f"setp.(eq|ne|lt).{BITS}", "p T T")
    f("setp.(eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan).(f32|f64)", "p T T")
    f("setp.(lt|num).ftz.f32", "p T T")
    f("setp.lt.(and|or|xor).(s32|f32)", "p T T p")
    f("setp.lt.and.s32", lambda w: "%p0|%p4, %r0, %r1, !%p1", tag="pair, negated")
    f("setp.lt.s32", lambda w: "%p0|%p1, %r1, %r2", tag="pair")
    f("setp.lt.s32", lambda w: "_|%p1, %r1, %r2", tag="sink")
    f("setp.eq.s32", "p r 7", tag="immediate")
    row("9.7.6.3", "selp")
    f("selp.(b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64|f16|pred)", "T T T p")
    row("9.7.6.4", "slct")
    f("slct.(b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64).s32", "S S S r")
    f("slct(|.ftz).(b32|f32|u64).f32", "S S S f")
    row("9.7.7.1", "set (half)")
    f("set.(eq|ltu).(f16|bf16|u16|s16|u32).(f16|bf16)", "S T T")
    f("set.(eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan).(f16x2|bf16x2|u32).(f16x2|bf16x2)", "S T T")
    f("set.lt.ftz.f16.f16", "S T T")
    f("set.lt.and.f16x2.f16x2", "r r r p")
    row("9.7.7.2", "setp (half)")
    f("setp.(eq|lt|ltu|num|nan).(f16|bf16)", "p T T")
    f("setp.(eq|lt|gtu|nan).(f16x2|bf16x2)", lambda w: "%p0|%p1, %r1, %r2")
    f("setp.lt.ftz.f16", "p T T")
    f("setp.lt.or.f16x2", lambda w: "%p0|%p1, %r1, %r2, %p2")


def logic():
    for at, name in ((1, "and"), (2, "or"), (3, "xor")):
        row(f"9.7.8.{at}", name)
        f(f"{name}.(pred|b16|b32|b64)", "T T T")
    row("9.7.8.4", "not")
    f("not.(pred|b16|b32|b64)", "T T")
    row("9.7.8.5", "cnot")
    f("cnot.(b16|b32|b64)", "T T")
    row("9.7.8.6", "lop3")
    f("lop3.b32", "T T T T 0xe8")
    f("lop3.(or|and).b32", lambda w: "%r0|%p0, %r1, %r2, %r3, 0xe8, %p1")
    f("lop3.or.b32", lambda w: "_|%p0, %r1, %r2, %r3, 0xe8, %p1", tag="sink")
    row("9.7.8.7", "shf")
    f("shf.(l|r).(wrap|clamp).b32", "T T T r")
    row("9.7.8.8", "shl")
    f("shl.(b16|b32|b64)", "T T r")
    row("9.7.8.9", "shr")
    f("shr.(b16|b32|b64|u16|u32|u64|s16|s32|s64)", "T T r")


def conversions():
    row("9.7.9.21", "cvt")
    ints = "(u8|s8|u16|s16|u32|s32|u64|s64)"
    f(f"cvt(|.sat).{ints}.{ints}", "S T")
    f(f"cvt.(rni|rzi|rmi|rpi).{ints}.(f16|bf16|f32|f64)", "S T")
    f(f"cvt.rzi(.ftz|.sat|.ftz.sat).{ints}.(f16|f32)", "S T")
    f("cvt.(rni|rmi|rpi).ftz.(s32|u32|s64).f32", "S T")
    f(f"cvt.(rn|rz|rm|rp).(f16|bf16|f32|f64).{ints}", "S T")
    f("cvt(|.sat).(f16|f32|f64).(f16|f32)", "S T")
    f("cvt(|.ftz).f32.(f16|bf16)", "S T")
    f("cvt.f64.(bf16|f64)", "S T")
    f("cvt.(rn|rz|rm|rp)(|.sat).(f16|f32|bf16).f64", "S T")
    f("cvt.(rn|rz|rm|rp)(|.ftz)(|.sat).f16.f32", "S T")
    f("cvt.rn.ftz.f32.f64", "S T")
    f("cvt.(rn|rz|rm|rp)(|.relu)(|.satfinite).(f16|bf16).f32", "S T")
    f("cvt.(rni|rzi|rmi|rpi)(|.ftz)(|.sat).f32.f32", "S T")
    f("cvt.(rni|rzi|rmi|rpi).(f16.f16|f64.f64|bf16.bf16)", "S T")
    f("cvt.(rn|rz|rm|rp|rs)(|.relu)(|.satfinite).(f16x2|bf16x2).f32", "S T T")
    f("cvt.(rna|rn|rz)(|.relu)(|.satfinite).tf32.f32", "r f")
    f("cvt.(rn|rz|rm|rp).(bf16|f16).(f16|bf16)", "S T")
    f("cvt.rn(|.satfinite)(|.relu).(e4m3x2|e5m2x2).f32", "h f f")
    f("cvt.rn.satfinite(|.relu).(e4m3x2|e5m2x2).(f16x2|bf16x2)", "h r")
    f("cvt.rn(|.relu).(f16x2|bf16x2).(e4m3x2|e5m2x2)", "r h")
    f("cvt.rn.satfinite.(e2m1x2|e2m3x2|e3m2x2|ue8m0x2).f32", "h f f")
    body("cvt of registers of 8 bits", "mov.b16 {%x0, %x1}, %h1; cvt.u32.u8 %r0, %x0; cvt.u8.u32 %x1, %r0;")
    body("cvt into a wider register", "cvt.u8.u32 %r0, %r1; cvt.s16.s8 %r2, %r3;")
    row("9.7.9.22", "cvt.pack")
    f("cvt.pack.sat.(u16|s16).s32", "r r r")
    f("cvt.pack.sat.(u8|s8|u4|s4|u2).s32.b32", "r r r r")
    row("9.7.9.23", "mapa")
    f("mapa.u64", "d d 0", before="cvta.shared.u64 %d1, sm;")  # .u32: generic addresses have 64 bits
    f("mapa.shared::cluster.(u32|u64)", lambda w: "%d0, sm, 0" if w.endswith("64") else "%r0, sm, 0")
    f("mapa.shared::cluster.u32", "r r r", before="mov.u32 %r1, sm; mov.u32 %r2, %cluster_ctarank;", tag="registers",
        cluster=2)
    row("9.7.9.24", "getctarank")
    f("getctarank.u64", lambda w: "%r0, %d1", before="cvta.shared.u64 %d1, sm;")
    f("getctarank.shared::cluster.(u32|u64)", lambda w: "%r0, " + ("%d1" if w.endswith("64") else "%r1"),
        before="mov.u32 %r1, sm; mov.u64 %d1, sm;")
