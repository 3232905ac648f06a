"""Forms of moves, loads and stores, textures and surfaces: PTX ISA 9.7.9, 9.7.10, 9.7.11."""

from forms import KINDS, KIND_OF, body, f, row, types_of
from places import CLUSTER, COMMIT, PEER, PEER_WAIT, SOURCE, before_access, load_of, registers, store_of


def access(pattern, tag="", **options):
    f(pattern, load_of if pattern.startswith(("ld", "ldu")) else store_of, before=before_access, tag=tag, **options)


MEMORY_TYPES = "(b8|u8|s8|b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64)"
SPACES = "(.global|.shared|.shared::cta|.shared::cluster|.local|)"
EVICT = "(evict_last|evict_first|evict_normal|evict_unchanged|no_allocate)"


def data_movement():
    row("9.7.9.3", "mov")
    f("mov.(pred|b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64|f16|b128)", "T T",
      before=lambda w: "mov.b128 %q1, {%d0, %d1};" if "b128" in w else "")
    f("mov.u64", "d gm", tag="variable")
    f("mov.u64", "d gm+8", tag="variable and offset")
    f("mov.(u32|u64)", "T sm", tag="shared variable")
    f("mov.b64", "d gp", tag="parameter")
    f("mov.u32", "r 42", tag="immediate")
    f("mov.f32", "f 0f3F800000", tag="immediate")
    f("mov.f64", "g 0d3FF0000000000000", tag="immediate")
    f("mov.(u64|b64)", "d helper", module=".func helper() { ret; }", tag="function")
    f("mov.pred", "p 1", tag="immediate")
    row("9.7.9.4", "mov (packing)")
    for ty, kind, n in (("b16", "x", 2), ("b32", "x", 4), ("b32", "h", 2), ("b64", "h", 4), ("b64", "r", 2),
        ("b64", "f", 2),
                        ("b128", "r", 4), ("b128", "d", 2)):
        parts = "{" + ", ".join(f"%{kind}{i}" for i in range(n)) + "}"
        whole = f"%{KIND_OF[ty]}7"
        pack, unpack = f"mov.{ty} {whole}, {parts};", f"mov.{ty} {parts}, {whole};"
        if kind == "x":
            pack = f"mov.{ty} {parts}, {'%h6' if ty == 'b16' else '%r6'}; " + pack
        body(f"mov.{ty} from {n} of {KINDS[kind][0]}", pack)
        body(f"mov.{ty} to {n} of {KINDS[kind][0]}", pack + unpack if ty == "b128" else unpack)
    body("mov.b32 with a sink", "mov.b32 {%h0, _}, %r1;")
    row("9.7.9.5", "shfl (no .sync)")
    f("shfl.(up|down|bfly|idx).b32", "r r 1 31", block=32)
    row("9.7.9.6", "shfl.sync")
    f("shfl.sync.(up|down|bfly|idx).(b32|u32|f32)", "T T 1 31 -1", block=32)
    f("shfl.sync.(up|down|bfly|idx).b32", lambda w: "%r0|%p0, %r1, %r2, %r3, %r4", before="mov.b32 %r4, -1;",
      tag="with predicate", block=32)
    row("9.7.9.7", "prmt")
    f("prmt.b32(|.f4e|.b4e|.rc8|.ecl|.ecr|.rc16)", "r r r r")
    row("9.7.9.8", "ld")
    access(f"ld{SPACES}.{MEMORY_TYPES}")
    access("ld.(const|param|param::entry).(u32|u64|f32|b32|s32|b64|f64|u8|s16)")
    access("ld.(global|shared|local|param)(.v2|.v4).(u8|b16|u32|b32|f32|u64|b64|f64)")
    access("ld(.v2|.v4).(b32|b64|f32)")
    access("ld.global(.v4|.v8).(b64|b32|f64)", tag="wide")
    access("ld.(global|shared).b128")
    access("ld.volatile(|.global|.shared|.local|.const).u32")
    access("ld.volatile.(global|shared).v4.b32")
    access("ld.weak(|.global|.shared|.const).u32")
    access("ld.(relaxed|acquire)(.cta|.cluster|.gpu|.sys|)(|.global|.shared|.local).u32")
    access("ld.(relaxed|acquire).gpu.global.(u64|f32|b16|b8|v4.b32)")
    access("ld.(relaxed|acquire).gpu.shared::cluster.u32")
    access("ld.mmio.relaxed.(sys|gpu)(|.global).u32")
    access("ld.global(.ca|.cg|.cs|.lu|.cv).(u32|s32|b32|v4.f32)")
    access("ld(|.shared|.local)(.ca|.cg).u32", tag="cached")
    access(f"ld.global.L1::{EVICT}.u32")
    access("ld.global.L2::(evict_last|evict_first).u32")
    access("ld.global.L2::(64B|128B|256B).u32")
    access("ld.global.L1::no_allocate.L2::cache_hint(|.L2::128B).v4.f32")
    access("ld(|.global).L2::cache_hint.u32")
    access("ld.global.unified.u32")
    access("ld.(relaxed|acquire).(cta|gpu|sys).(b8|b16|b32|s64|f64|v2.u64|b128)")
    access("ld(.ca|.cg|.cs|.lu|.cv).(u8|u16|u64|v2.u32|v4.u16)")
    access("ld.global.L1::(evict_first|evict_last|no_allocate).L2::(64B|256B).(b16|b64)")
    access("ld.global.L1::(evict_first|evict_last).L2::cache_hint.(b32|v4.b32)")
    body("ld [immediate]", "mov.u64 %d1, %gp; ld.global.u32 %r0, [%d1+4]; ld.global.u32 %r0, [%d1+-0];")
    body("ld [register32 + offset]", "mov.u32 %r1, sm; st.shared.u32 [%r1+4], %r2; ld.shared.u32 %r0, [%r1+4];")
    body("ld.b16 into a register of 32 bits", "ld.global.u16 %r0, [%gp]; ld.global.s8 %r1, [%gp]; ld.global.s32 %d0, "
        "[%gp];")
    body("ld.v4 with a sink", "ld.global.v4.u32 {%r0, _, %r1, _}, [%gp];")
    row("9.7.9.9", "ld.global.nc")
    access(f"ld.global.nc.{MEMORY_TYPES}")
    access("ld.global(|.ca|.cg|.cs).nc.(v2.f32|v4.u32|v2.b64|v2.f64)")
    access("ld.global.nc.b128")
    access(f"ld.global.nc.L1::{EVICT}.u32")
    access("ld.global.nc.L1::no_allocate.L2::(128B|256B).v4.b32")
    access("ld.global.nc.L2::cache_hint.v4.b32")
    access("ld.global.nc.L1::no_allocate.L2::cache_hint.L2::256B.v4.b32")
    row("9.7.9.10", "ldu")
    access("ldu(|.global).(u8|u32|f64|v2.u32|v4.f32|b128)")
    row("9.7.9.11", "st")
    access(f"st{SPACES}.{MEMORY_TYPES}")
    access("st.(global|shared|local)(.v2|.v4).(u8|b16|u32|b32|f32|u64|b64|f64)")
    access("st(.v2|.v4).(b32|b64|f32)")
    access("st.global(.v4|.v8).(b64|b32)", tag="wide")
    access("st.(global|shared).b128")
    access("st.volatile(|.global|.shared|.local).u32")
    access("st.volatile.(global|shared).v4.b32")
    access("st.weak(|.global|.shared).u32")
    access("st.(relaxed|release)(.cta|.cluster|.gpu|.sys|)(|.global|.shared).u32")
    access("st.(relaxed|release).gpu.global.(u64|f32|b16|b8|v4.b32)")
    access("st.release.cluster.shared::cluster.u32")
    access("st.mmio.relaxed.(sys|gpu)(|.global).u32")
    access("st.global(.wb|.cg|.cs|.wt).(u32|s32|v4.f32)")
    access(f"st.global.L1::{EVICT}.u32")
    access("st(|.global).L2::cache_hint.(u32|v4.f32)")
    access("st.(relaxed|release).(cta|gpu|sys).(b8|b16|b32|s64|f64|v2.u64|b128)")
    access("st(.wb|.cg|.cs|.wt).(u8|u16|u64|v2.u32|v4.u16)")
    access("st.global.L1::(evict_first|no_allocate).L2::cache_hint.(b32|v2.b64)")
    access("st.const.u32")
    for word in ("st.param", "st.param::func"):
        f(f"{word}.(b8|b16|u16|b32|f32|b64|f64|v2.b32|v4.b32|v2.f64)", lambda w: f"[p0], {registers(w)}",
          before="{ .param .align 16 .b8 p0[16];", after="call take, (p0); }",
          module=".func take(.param .align 16 .b8 a[16]) { ret; }")
    f("st.global.u32", lambda w: "[%gp], 7", tag="immediate")
    f("st.global.f32", lambda w: "[%gp], 0f3F800000", tag="immediate")
    f("st.global.v2.u32", lambda w: "[%gp], {%r0, 7}", tag="immediate")
    body("st.b8 of a register of 32 bits", "st.global.u8 [%gp], %r0; st.global.u16 [%gp+2], %r0; "
        "st.global.u32 [%gp+4], %d0;")
    row("9.7.9.12", "st.async")
    size = {"b32": 4, "u32": 4, "s32": 4, "f32": 4, "b64": 8, "u64": 8, "s64": 8, "f64": 8}
    amount = lambda w: size[types_of(w)[-1]] * next((int(p[1]) for p in w.split(".") if p in ("v2", "v4")), 1)
    f("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes(|.v2|.v4).(b32|b64|u32|f32|f64|s64)",
      lambda w: f"[%r9+64], {registers(w)}, [%r9]", before=lambda w: PEER.replace("{0}", str(amount(w))),
      after=PEER_WAIT, cluster=2)
    f("st.async.shared::cluster.mbarrier::complete_tx::bytes.(b32|v4.b32)",
      lambda w: f"[%r9+64], {registers(w)}, [%r9]", before=lambda w: PEER.replace("{0}", str(amount(w))),
      after=PEER_WAIT, cluster=2)
    f("st.async.mmio.release.sys.global.u32", lambda w: "[%gp], %r0")
    row("9.7.9.13", "st.bulk")
    f("st.bulk(|.weak)(|.shared::cta)", lambda w: "[sm], 64, 0")
    row("9.7.9.14", "multimem")
    f("multimem.ld_reduce(|.weak|.relaxed.gpu|.acquire.sys).global.(add|min|and).(u32|s32|b32|u64)",
        lambda w: f"{registers(w)}, [%gp]")
    f("multimem.ld_reduce.global.add(|.acc::f32)(|.v2|.v4).(f16x2|bf16x2|f32)", lambda w: f"{registers(w)}, [%gp]")
    f("multimem.st(|.weak|.relaxed.gpu|.release.sys).global.(u32|f32|v4.f32)", lambda w: f"[%gp], {registers(w)}")
    f("multimem.red(|.relaxed.gpu|.release.sys).global.add.(u32|f32|f16x2|v4.f32)", lambda w: f"[%gp], {registers(w)}")
    f("multimem.cp.async.bulk.global.shared::cta.bulk_group", lambda w: "[%gp], [sm+1024], 64", before=SOURCE,
        after=COMMIT)
    f("multimem.cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32", lambda w: "[%gp], [sm+1024], 64",
        before=SOURCE, after=COMMIT)
    row("9.7.9.15", "prefetch")
    f("prefetch(|.global|.local)(.L1|.L2)", lambda w: "[lm]" if "local" in w else "[%gp]")
    f("prefetch.global.L2::(evict_last|evict_normal)", lambda w: "[%gp]")
    f("prefetchu.L1", lambda w: "[%gp]")
    f("prefetch(|.param|.const).tensormap", lambda w: "[map]" if "param" in w else "[%d1]" if "const" not in w else "[cmap]",
      before=lambda w: "mov.b64 %d0, map; cvta.param.u64 %d1, %d0;" if w == "prefetch.tensormap" else "")
    row("9.7.9.16", "applypriority")
    f("applypriority(|.global).L2::evict_normal", lambda w: "[%gp], 128")
    row("9.7.9.17", "discard")
    f("discard(|.global).L2", lambda w: "[%gp], 128")
    row("9.7.9.18", "createpolicy")
    f("createpolicy.fractional.L2::(evict_last|evict_first|evict_normal|evict_unchanged).b64", "d 1.0")
    f("createpolicy.fractional.L2::evict_last.L2::(evict_unchanged|evict_first).b64", "d 0.5")
    f("createpolicy.fractional.L2::evict_last.b64", "d", tag="no fraction")
    f("createpolicy.range(|.global).L2::evict_last.L2::evict_first.b64", lambda w: "%d0, [%gp], 1024, 2048")
    f("createpolicy.cvt.L2.b64", "d d")
    row("9.7.9.19", "isspacep")
    f("isspacep.(const|global|local|shared|shared::cta|shared::cluster|param|param::entry)", lambda w: "%p0, %gp")
    row("9.7.9.20", "cvta")
    f("cvta.(const|global|local|shared|shared::cta|shared::cluster|param).(u64|u32)",
      lambda w: None if w.endswith("u32") and "global" not in w else "%d0, %d1" if w.endswith("u64") else "%r0, %r1")
    f("cvta.to.(const|global|local|shared|shared::cta|shared::cluster|param).u64", "d d")
    f("cvta.(global|shared).u64", lambda w: "%d0, " + ("gm+4" if "global" in w else "sm"), tag="variable")


def texture_and_surface():
    tex = ".global .texref t;"
    for at, name, text in ((3, "tex", "tex.2d.v4.f32.f32 {%f0, %f1, %f2, %f3}, [t, {%f4, %f5}];"),
        (3, "tex.level", "tex.level.2d.v4.f32.f32 {%f0, %f1, %f2, %f3}, [t, {%f4, %f5}], %f6;"),
                           (3, "tex.1d.s32", "tex.1d.v4.u32.s32 {%r0, %r1, %r2, %r3}, [t, {%r4}];"),
                               (3, "tex bindless", "tex.2d.v4.f32.f32 {%f0, %f1, %f2, %f3}, [%d1, {%f4, %f5}];"),
                           (4, "tld4", "tld4.r.2d.v4.f32.f32 {%f0, %f1, %f2, %f3}, [t, {%f4, %f5}];"),
                               (5, "txq", "txq.width.b32 %r0, [t];"),
                           (6, "istypep", "istypep.texref %p0, %d0;")):
        row(f"9.7.10.{at}", name.split(".")[0].split()[0])
        body(name, text, module="" if "%d" in text else tex)
    for at, name, text in ((1, "suld", "suld.b.2d.b32.trap {%r0}, [s, {%r1, %r2}];"),
        (2, "sust", "sust.b.2d.b32.trap [s, {%r1, %r2}], {%r0};"),
                           (3, "sured", "sured.b.add.2d.u32.trap [s, {%r1, %r2}], %r0;"),
                                   (4, "suq", "suq.width.b32 %r0, [s];")):
        row(f"9.7.11.{at}", name)
        body(name, text, module=".global .surfref s;")
