"""Forms of branches, calls, barriers, atomics and the rest: PTX ISA 9.7.12, 9.7.13, 9.7.17 to 9.7.19."""

import re

from forms import KIND_OF, add, body, entry, f, row, types_of
from places import CLUSTER, PEER, PEER_WAIT, WAIT, address, arm, registers, space_of


def control_flow():
    row("9.7.12.1", "{ }")
    body("{ } with declarations", "{ .reg .b32 %t; mov.u32 %t, 1; { .reg .b64 %t; mov.u64 %t, 2; } add.u32 %r0, %t, 1; "
        "}")
    row("9.7.12.2", "@")
    f("@(|!)%p0 add.s32", "r r r")
    row("9.7.12.3", "bra")
    body("bra", "bra $a; mov.u32 %r0, 1; $a: mov.u32 %r1, 1;")
    body("bra.uni", "bra.uni a; mov.u32 %r0, 1; a: mov.u32 %r1, 1;")
    body("@p bra", "mov.u32 %r0, 3; $L_1: sub.u32 %r0, %r0, 1; setp.ne.u32 %p0, %r0, 0; @%p0 bra $L_1;", block=32)
    body("labels of two blocks", "{ bra $a; $a: } { bra $a; $a: }")
    body("bra, divergent", "mov.u32 %r0, %tid.x; setp.lt.u32 %p0, %r0, 7; @%p0 bra $a; mov.u32 %r1, 1; "
        "$a: mov.u32 %r2, 2;", block=32)
    row("9.7.12.4", "brx.idx")
    for uni in ("", ".uni"):
        body(f"brx.idx{uni}", f"t: .branchtargets $a, $b; mov.u32 %r0, 1; brx.idx{uni} %r0, t; $a: mov.u32 %r1, 1; "
            f"$b: mov.u32 %r2, 2;")
    row("9.7.12.5", "call")
    add_one = ".func (.param .b32 out) add1(.param .b32 a) { .reg .b32 %t; ld.param.b32 %t, [a]; add.u32 %t, %t, 1; st.param.b32 [out], %t; ret; }"
    invoke = "{ .param .b32 p0; .param .b32 q0; st.param.b32 [p0], %r1; CALL ld.param.b32 %r0, [q0]; }"
    body("call", invoke.replace("CALL", "call (q0), add1, (p0);"), module=add_one)
    body("call.uni", invoke.replace("CALL", "call.uni (q0), add1, (p0);"), module=add_one)
    body("call without arguments", "call nothing;", module=".func nothing() { ret; }")
    body("call of a function that is declared first", invoke.replace("CALL", "call (q0), add1, (p0);"),
         module=".func (.param .b32 out) add1(.param .b32 a);", after=add_one)
    body("call with registers", "call (%r0), addr, (%r1);", module=".func (.reg .b32 o) addr(.reg .b32 i) { add.u32 o, i, 1; ret; }")
    body("call through a prototype", "mov.u64 %d0, add1; "
        "proto: .callprototype (.param .b32 _) _ (.param .b32 _);" + invoke.replace("CALL",
        "call (q0), %d0, (p0), proto;"), module=add_one)
    body("call through targets", "mov.u64 %d0, add1; ts: .calltargets add1;" + invoke.replace("CALL",
        "call (q0), %d0, (p0), ts;"), module=add_one)
    body("call through a table", "ld.global.u64 %d0, [tab]; "
        "proto: .callprototype (.param .b32 _) _ (.param .b32 _);" + invoke.replace("CALL",
        "call (q0), %d0, (p0), proto;"),
         module=add_one + "\n.global .align 8 .u64 tab[1] = {add1};")
    body("call under a predicate", "mov.u32 %r0, %tid.x; setp.lt.u32 %p0, %r0, 7; @%p0 call nothing;",
        module=".func nothing() { ret; }", block=32)
    body("call of itself", "{ .param .b32 p0; .param .b32 q0; st.param.b32 [p0], 4; call (q0), fac, (p0); "
        "ld.param.b32 %r0, [q0]; }", module="""
.func (.param .b32 out) fac(.param .b32 n) { .reg .b32 %t<4>; .reg .pred %c; ld.param.b32 %t0, [n]; setp.gt.u32 %c, %t0, 1; mov.u32 %t1, 1;
@!%c bra $end; { .param .b32 a; .param .b32 b; sub.u32 %t2, %t0, 1; st.param.b32 [a], %t2; call (b), fac, (a); ld.param.b32 %t3, [b]; }
mul.lo.u32 %t1, %t0, %t3; $end: st.param.b32 [out], %t1; ret; }""")
    body("call with .param::func", invoke.replace("CALL", "call (q0), add1, (p0);"),
        module=add_one.replace("ld.param.", "ld.param::func.").replace("st.param.", "st.param::func."))
    body("call with a variable number of arguments", "{ .param .b32 n; .param .align 8 .b8 va[8]; st.param.b32 [n], 1; "
        "st.param.b64 [va], %d0; call many, (n, va); }",
         module=".func many(.param .b32 n, .param .align 8 .b8 va[]) { .reg .b64 %t; ld.param.b64 %t, [va]; ret; }")
    body("call with a structure", "{ .param .align 16 .b8 a[16]; .param .align 8 .b8 b[8]; st.param.v2.b64 [a], "
        "{%d0, %d1}; call (b), sum, (a); ld.param.b64 %d2, [b]; }",
         module=".func (.param .align 8 .b8 o[8]) sum(.param .align 16 .b8 a[16]) { .reg .b64 %t<3>; "
             "ld.param.v2.b64 {%t0, %t1}, [a]; add.u64 %t2, %t0, %t1; st.param.b64 [o], %t2; ret; }")
    body("call with a stack frame", "{ .param .b64 a; cvta.local.u64 %d1, lm; st.param.b64 [a], %d1; call inc, (a); "
        "} ld.local.u32 %r0, [lm];",
         module=".func inc(.param .b64 a) { .local .align 4 .b8 fr[16]; .reg .b64 %t; .reg .b32 %v; ld.param.u64 %t, "
             "[a]; ld.u32 %v, [%t]; st.local.u32 [fr], %v; ld.local.u32 %v, [fr]; add.u32 %v, %v, 1; st.u32 [%t], %v; "
             "ret; }")
    body("vprintf", "{ .param .b64 a; .param .b64 b; .param .b32 c; cvta.global.u64 %d0, fmt; cvta.local.u64 %d1, lm; "
        "st.param.b64 [a], %d0; st.param.b64 [b], %d1; call.uni (c), vprintf, (a, b); ld.param.b32 %r0, [c]; }",
         module=".extern .func (.param .b32 o) vprintf(.param .b64 a, .param .b64 b);"
             "\n.global .align 1 .b8 fmt[4] = {37, 100, 10, 0};")
    body("malloc and free", "{ .param .b64 a; .param .b64 b; st.param.b64 [a], 64; call.uni (b), malloc, (a); "
        "ld.param.b64 %d0, [b]; } { .param .b64 c; st.param.b64 [c], %d0; call.uni free, (c); }",
         module=".extern .func (.param .b64 o) malloc(.param .b64 a);\n.extern .func free(.param .b64 a);")
    body("__assertfail", "setp.ne.u32 %p0, %r0, %r0; @!%p0 bra $ok; { .param .b64 a; .param .b64 b; .param .b32 c; "
        ".param .b64 d; .param .b64 e; cvta.global.u64 %d0, txt; st.param.b64 [a], %d0; st.param.b64 [b], %d0; "
        "st.param.b32 [c], 1; st.param.b64 [d], %d0; st.param.b64 [e], 1; call.uni __assertfail, (a, b, c, d, e); "
        "} $ok:",
         module=".extern .func __assertfail(.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e) .noreturn;\n.global .align 1 .b8 txt[2] = {65, 0};")
    row("9.7.12.6", "ret")
    f("ret(|.uni)")
    row("9.7.12.7", "exit")
    f("exit")
    body("@p exit", "mov.u32 %r0, %tid.x; setp.lt.u32 %p0, %r0, 7; @%p0 exit;", block=32)


def synchronisation():
    row("9.7.13.1", "bar, barrier")
    many = {"block": 64}
    f("bar(|.cta).sync", "0", **many)
    f("bar.sync", "1 64", tag="count", **many)
    f("bar.sync", "r r", before="mov.u32 %r0, 2; mov.u32 %r1, 64;", tag="registers", **many)
    f("barrier(|.cta).sync(|.aligned)", "3", **many)
    f("barrier.sync(|.aligned)", "3 64", tag="count", **many)
    half = "mov.u32 %r0, %tid.x; setp.lt.u32 %p0, %r0, 32; @%p0 bra $a; {0} bra $e; $a: bar.sync 1, 64; $e:"
    for word in ("bar.arrive", "bar.cta.arrive", "barrier.arrive.aligned"):
        body(word, half.replace("{0}", f"{word} 1, 64;"), **many)
    body("barrier.arrive", half.replace("{0}", "barrier.arrive 1, 64;").replace("bar.sync", "barrier.sync"), **many)
    f("(bar|barrier|barrier.cta).red(|.aligned).popc.u32", lambda w: "%r0, 0, %p0", **many)
    f("bar(|.cta).red.(and|or).pred", lambda w: "%p1, 0, %p0", **many)
    f("barrier.red.(and|or|popc).(pred|u32)", lambda w: ("%r0" if "popc" in w else "%p1") + ", 1, 64, !%p0",
        tag="count", **many)
    f("bar.sync", "16", tag="16")
    row("9.7.13.2", "bar.warp.sync")
    f("bar.warp.sync", "-1", block=32)
    f("bar.warp.sync", "r", before="mov.b32 %r0, -1;", tag="register", block=32)
    row("9.7.13.3", "barrier.cluster")
    f("barrier.cluster.arrive(|.release|.relaxed)(|.aligned)", after="barrier.cluster.wait;", cluster=2, block=32)
    f("barrier.cluster.wait(|.acquire)(|.aligned)", before="barrier.cluster.arrive;", cluster=2, block=32)
    row("9.7.13.4", "membar, fence")
    f("fence(|.sc|.acq_rel|.acquire|.release)(|.cta|.cluster|.gpu|.sys)")
    f("membar.(cta|gl|sys|gpu)")
    f("membar.proxy.(alias|async)(|.global)")
    f("fence.proxy.(alias|async|async.global|async.shared::cta|async.shared::cluster)")
    f("fence.mbarrier_init.release.(cluster|cta)")
    f("fence.(acquire|release).sync_restrict::(shared::cluster|shared::cta).cluster")
    f("fence.proxy.async::generic.(acquire|release).sync_restrict::(shared::cluster|shared::cta).cluster")
    f("fence.proxy.tensormap::generic.release.(cta|cluster|gpu|sys)")
    f("fence.proxy.tensormap::generic.acquire.(cta|cluster|gpu|sys)", lambda w: "[%d1], 128",
        before="mov.b64 %d0, map; cvta.param.u64 %d1, %d0;")
    row("9.7.13.5", "atom")
    atomics("atom")
    row("9.7.13.6", "red")
    atomics("red")
    row("9.7.13.7", "red.async")
    setup = "st.shared.u64 [sm+64], 0; " + PEER
    f("red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.(inc|dec|min|max|add|and).(u32|s32|u64|b32|f32)",
      lambda w: f"[%r9+64], {registers(w)}, [%r9]", before=lambda w: setup.replace("{0}",
          "8" if w.endswith("64") else "4"), after=PEER_WAIT, cluster=2)
    row("9.7.13.8", "vote (no .sync)")
    f("vote.(all|any|uni).pred", "p p", block=32)
    f("vote.ballot.b32", "r p", block=32)
    row("9.7.13.9", "vote.sync")
    f("vote.sync.(all|any|uni).pred", "p p -1", block=32)
    f("vote.sync.ballot.b32", "r p -1", block=32)
    f("vote.ballot.sync.b32", "r p -1", block=32)
    f("vote.sync.(any|ballot).(pred|b32)", lambda w: f"{registers(w)}, !%p1, %r5", before="mov.b32 %r5, -1;",
        tag="negated", block=32)
    row("9.7.13.10", "match.sync")
    f("match.any.sync.(b32|b64)", "r T -1", block=32)
    f("match.all.sync.(b32|b64)", lambda w: f"%r0|%p0, {registers(w)}, -1", block=32)
    f("match.all.sync.b32", "r T -1", tag="no predicate", block=32)
    row("9.7.13.11", "activemask")
    f("activemask.b32", "r", block=32)
    row("9.7.13.12", "redux.sync")
    f("redux.sync.(add|min|max).(u32|s32)", "r r -1", block=32)
    f("redux.sync.(and|or|xor).b32", "r r -1", block=32)
    f("redux.sync.(min|max)(|.abs)(|.NaN).f32", "f f -1", block=32)
    row("9.7.13.13", "griddepcontrol")
    f("griddepcontrol.(wait|launch_dependents)")
    row("9.7.13.14", "elect.sync")
    f("elect.sync", lambda w: "%r0|%p0, -1", block=32)
    f("elect.sync", lambda w: "_|%p0, %r1", before="mov.b32 %r1, -1;", tag="sink", block=32)


def atomics(name):
    get = (lambda w: "") if name == "red" else (lambda w: registers(w) + ", ")
    source = lambda w: registers(w) if name == "red" else re.sub(r"%(\w)(\d)", lambda m: f"%{m[1]}{int(m[2]) + 8}",
        registers(w))
    operands = lambda w: f"{get(w)}[{address(space_of(w))}], {source(w)}" + (", %d8" if "hint" in w else "")
    pre_shared = lambda w: (CLUSTER if "::cluster" in w else "") + ("st.shared.v2.b64 [sm], "
        "{0, 0};" if "shared" in w else "")
    every = lambda pattern, tag="": f(pattern, operands, before=pre_shared, tag=tag)
    for space in ("", ".global", ".shared"):
        every(f"{name}{space}.(and|or|xor).(b32|b64)")
        every(f"{name}{space}.add.(u32|s32|u64|s64|f32|f64)")
        every(f"{name}{space}.(min|max).(u32|s32|u64|s64)")
        every(f"{name}{space}.(inc|dec).u32")
        every(f"{name}{space}.add.noftz.(f16|f16x2|bf16|bf16x2)")
    every(f"{name}.global.(min|max).f32")
    every(f"{name}.(shared::cta|shared::cluster).add.(u32|f32|u64)")
    every(f"{name}.add.f16", tag="no .noftz")
    orders = "(relaxed|acquire|release|acq_rel)" if name == "atom" else "(relaxed|release|acquire)"
    every(f"{name}.{orders}.(cta|cluster|gpu|sys).global.add.u32")
    every(f"{name}.(cta|cluster|gpu|sys)(|.global).add.u32", tag="scope alone")
    every(f"{name}.acq_rel.cta.shared.add.u32") if name == "atom" else every(f"{name}.release.cta.shared.add.u32")
    every(f"{name}.global.add.L2::cache_hint.u32")
    every(f"{name}.global.add.v2.f32")
    every(f"{name}.global.add.v4.f32")
    every(f"{name}.global.add.noftz.(v2|v4).(f16|bf16|f16x2|bf16x2)")
    every(f"{name}.global.add.noftz.v8.(f16|bf16)")
    every(f"{name}.global.(min|max).noftz.(v2|v4).(f16|f16x2|bf16x2)")
    every(f"{name}.shared.add.v2.f32")
    every(f"{name}.(relaxed|release).gpu.global.add.noftz.f16x2")
    # The order in which CUDA's headers write the parts.
    every(f"{name}.(add|min|or).{orders}.(cta|cluster|gpu|sys).(u32|s32|b32)")
    every(f"{name}.(add|max|xor).{orders}.gpu.(u64|s64|f32|f64|b64)")
    every(f"{name}.(inc|dec).(cta|gpu).u32")
    every(f"{name}.global.(cta|gpu|sys).(add|max|exch).(u32|b32)")
    # And that of Triton.
    every(f"{name}.global.(cta|gpu|sys).{orders}.(add|min|max|exch|and).(u32|s32|b32|f32)")
    every(f"{name}.global.gpu.acq_rel.add.noftz.(f16|bf16x2)")
    every(f"{name}.relaxed.(cta|sys).shared.(add|or).(u32|b32)")
    if name == "red":
        return
    every("atom.exch.(relaxed|acquire|release|acq_rel).(cta|gpu|sys).(b32|b64)")
    every("atom(|.global|.shared|.shared::cluster).exch.(b32|b64)")
    f("atom.global.exch.b128", lambda w: "%q0, [%gp], %q1", before="mov.b128 %q1, {%d0, %d1};")
    cas = lambda w: f"{registers(w)}, [{address(space_of(w))}], %{KIND_OF[types_of(w)[-1]]}1, %{KIND_OF[types_of(w)[-1]]}2"
    f("atom(|.global|.shared|.shared::cluster).cas.(b16|b32|b64)", cas, before=pre_shared)
    f("atom.(relaxed|acquire|release|acq_rel).(cta|gpu|sys).global.cas.b32", cas)
    f("atom.global.(cta|gpu|sys|acq_rel.gpu|gpu.acq_rel).cas.b32", cas)
    f("atom.cas.(relaxed|acquire|release|acq_rel).(cta|cluster|gpu|sys).(b16|b32|b64)", cas)
    f("atom.(exch|cas).acq_rel.gpu.b128", lambda w: "%q0, [%gp], %q1" + (", %q2" if "cas" in w else ""),
      before="mov.b128 %q1, {%d0, %d1}; mov.b128 %q2, {%d0, %d1};")
    f("atom.global.cas.b128", lambda w: "%q0, [%gp], %q1, %q2",
        before="mov.b128 %q1, {%d0, %d1}; mov.b128 %q2, {%d0, %d1};")
    f("atom.global.exch.b32", lambda w: "_, [%gp], %r1", tag="sink")


def mbarriers():
    init, local = "mbarrier.init.shared.b64 [sm], 1;", "(|.shared|.shared::cta)"
    at = lambda w: "%d1" if "shared" not in w else "%r9" if "cluster" in space_of(w) else "sm"
    generic = CLUSTER + "cvta.shared.u64 %d1, sm;"
    row("9.7.13.15.9", "mbarrier.init")
    f(f"mbarrier.init{local}.b64", lambda w: f"[{at(w)}], 1", before=generic)
    f("mbarrier.init.shared::cluster.b64", lambda w: "[%r9], 1", before=generic)
    f("mbarrier.init.shared.b64", lambda w: "[sm], %r1", tag="register")
    row("9.7.13.15.10", "mbarrier.inval")
    f(f"mbarrier.inval{local}.b64", lambda w: f"[{at(w)}]", before=generic + init)
    row("9.7.13.15.11", "mbarrier.expect_tx")
    f("mbarrier.expect_tx(|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta|.shared::cluster).b64",
        lambda w: f"[{at(w)}], 16",
      before=generic + init, after="mbarrier.complete_tx.shared::cta.b64 [sm], 16;")
    row("9.7.13.15.12", "mbarrier.complete_tx")
    f("mbarrier.complete_tx(|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta|.shared::cluster).b64",
        lambda w: f"[{at(w)}], 16",
      before=generic + init + "mbarrier.expect_tx.shared.b64 [sm], 16;")
    for at_, name in ((13, "arrive"), (14, "arrive_drop")):
        row(f"9.7.13.15.{at_}", f"mbarrier.{name}")
        order = "(|.release.cta|.release.cluster|.relaxed.cta|.relaxed.cluster)"
        f(f"mbarrier.{name}{order}{local}.b64", lambda w: f"%d0, [{at(w)}]", before=generic + init)
        f(f"mbarrier.{name}(|.release.cluster|.relaxed.cluster).shared::cluster.b64", lambda w: f"_, [{at(w)}]",
            before=generic + init)
        f(f"mbarrier.{name}.(shared|shared::cluster).b64", lambda w: f"_, [{at(w)}], 1", before=generic + init,
            tag="count")
        f(f"mbarrier.{name}.shared.b64", lambda w: "%d0, [sm], %r1", before=init + "mov.b32 %r1, 1;",
            tag="count in a register")
        f(f"mbarrier.{name}.expect_tx{order}(|.shared|.shared::cta|.shared::cluster).b64",
            lambda w: f"_, [{at(w)}], 16", before=generic + init,
          after="mbarrier.complete_tx.shared::cta.b64 [sm], 16;")
        f(f"mbarrier.{name}.noComplete(|.release.cta){local}.b64", lambda w: f"%d0, [{at(w)}], 1",
            before=generic + init.replace("1;", "2;"))
        f(f"mbarrier.{name}.shared::cluster.b64", lambda w: "%d0, [%r9]", before=generic + init,
            tag="state of a remote one")
        f(f"mbarrier.{name}.b64", lambda w: "_, [%d1]", before=generic + init, tag="sink")
    row("9.7.13.15.16", "mbarrier.test_wait, try_wait")
    order = "(|.acquire.cta|.acquire.cluster|.relaxed.cta|.relaxed.cluster)"
    arrived = generic + init + "mbarrier.arrive.shared.b64 %d0, [sm];"
    f(f"mbarrier.(test_wait|try_wait){order}{local}.b64", lambda w: f"%p0, [{at(w)}], %d0", before=arrived)
    f(f"mbarrier.(test_wait|try_wait).parity{order}{local}.b64", lambda w: f"%p0, [{at(w)}], 0", before=arrived)
    f("mbarrier.(test_wait|try_wait)(|.parity).shared.b64", lambda w: "%p0, "
        "[sm], " + ("%r1" if "parity" in w else "%d0") + ", 100", before=arrived + "mov.b32 %r1, 0;", tag="time limit")
    f("mbarrier.(test_wait|try_wait).parity.shared::cluster.b64", lambda w: "%p0, [%r9], 0", before=arrived)
    row("9.7.13.15.18", "mbarrier.pending_count")
    f("mbarrier.pending_count.b64", "r d", before=init + "mbarrier.arrive.shared.b64 %d1, [sm];")
    row("9.7.13.16", "tensormap.cp_fenceproxy")
    copy = " ".join(f"ld.param.u64 %d1, [map+{i}]; st.shared.u64 [sm+{i}], %d1;" for i in range(0, 128, 8))
    f("tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.(cta|cluster|gpu|sys).sync.aligned",
        lambda w: "[gm], [sm], 128",
      before="mov.u32 %r1, %tid.x; setp.eq.u32 %p0, %r1, 0; @!%p0 bra $s; " + copy + " $s: bar.warp.sync -1;", block=32)
    row("9.7.13.17", "clusterlaunchcontrol")
    f("clusterlaunchcontrol.try_cancel.async.shared::cta.mbarrier::complete_tx::bytes.b128", lambda w: "[sm+16], [sm]",
        before=arm(16), after=WAIT)
    f("clusterlaunchcontrol.query_cancel.is_canceled.pred.b128", lambda w: "%p0, %q0",
        before="mov.b128 %q0, {%d0, %d1};")


def stack_video_rest():
    row("9.7.17.1", "stacksave")
    f("stacksave.(u32|u64)", "T")
    row("9.7.17.2", "stackrestore")
    body("stackrestore.u64", "stacksave.u64 %d0; stackrestore.u64 %d0;")
    row("9.7.17.3", "alloca")
    f("alloca.u64", "d 64")
    f("alloca.u64", "d d 16", before="mov.b64 %d1, 64;", tag="alignment")
    row("9.7.18.1", "video, scalar")
    f("(vadd|vsub|vabsdiff|vmin|vmax)(|.sat).s32.s32.u32", "r r r")
    f("vadd.s32.s32.s32.(add|min|max)", "r r r r")
    f("(vadd|vsub|vabsdiff|vmin|vmax).u32.u32.u32", lambda w: "%r0, %r1.b0, %r2.h1", tag="selectors")
    f("vadd.u32.u32.u32", lambda w: "%r0.b2, %r1.b0, %r2.h1, %r3", tag="merged into a byte")
    f("vadd.u32.u32.u32", lambda w: "%r0.h0, %r1.b0, %r2.h1, %r3", tag="merged into the lower half")
    f("vadd.u32.u32.u32", lambda w: "%r0.h1, %r1.b0, %r2.h1, %r3", tag="merged into the upper half")
    f("(vshl|vshr).(clamp|wrap).u32.u32.u32", "r r r")
    f("(vshl|vshr).wrap.u32.u32.u32.sat", "r r r")
    f("(vshl|vshr).wrap.u32.u32.u32.(add|min)", "r r r r")
    f("vmad.s32.s32.s32(|.po|.sat|.shr7|.shr15)", "r r r r")
    f("vmad.u32.s32.u32", lambda w: "%r0, -%r1.h0, %r2.b3, %r3", tag="negated product")
    f("vmad.u32.s32.u32", lambda w: "%r0, %r1, %r2, -%r3", tag="negated addend")
    f("vset.u32.s32.(eq|ne|lt|le|gt|ge)(|.add|.max)", lambda w: "%r0, %r1, %r2" + ", %r3" * (w[-3:] in ("add", "max")))
    f("vset.u32.u32.lt", "r r r")
    row("9.7.18.2", "video, SIMD")
    f("(vadd2|vsub2|vavrg2|vabsdiff2|vmin2|vmax2|vadd4|vsub4|vavrg4|vabsdiff4|vmin4|vmax4).u32.u32.u32(|.sat|.add)", "r r r r")
    f("(vadd2|vsub2|vavrg2|vabsdiff2|vmin2|vmax2|vadd4|vsub4|vavrg4|vabsdiff4|vmin4|vmax4).s32.s32.u32(|.sat|.add)", "r r r r")
    f("(vset2|vset4).u32.s32.(eq|ne|lt|le|gt|ge)(|.add)", "r r r r")
    f("(vset2|vset4).u32.u32.lt", "r r r r")
    f("vadd2.u32.u32.u32", lambda w: "%r0.h1, %r1.h03, %r2.h21, %r3", tag="mask and selectors")
    f("vadd4.u32.u32.u32", lambda w: "%r0.b310, %r1.b7052, %r2.b4444, %r3", tag="mask and selectors")
    row("9.7.19.1", "brkpt")
    f("@!%p0 brkpt")
    row("9.7.19.2", "nanosleep")
    f("nanosleep.u32", "100")
    f("nanosleep.u32", "r", tag="register")
    row("9.7.19.3", "pmevent")
    f("pmevent", "1")
    f("pmevent.mask", "1")
    row("9.7.19.4", "trap")
    f("@!%p0 trap")
    row("9.7.19.5", "setmaxnreg")
    for word in ("dec", "inc"):
        whole, _ = entry(f"setmaxnreg.{word}.sync.aligned.u32 128;" if word == "dec" else "setmaxnreg.dec.sync.aligned.u32 64; bar.sync 0; setmaxnreg.inc.sync.aligned.u32 96;")
        add(f"setmaxnreg.{word}.sync.aligned.u32", whole.replace("k()", "k() .reqntid 128, 1, 1 .maxnreg 168"),
            block=128)
