"""Forms of asynchronous copies: PTX ISA 9.7.9.25 to 9.7.9.28."""

import itertools

from forms import body, f, row
from places import COMMIT, SOURCE, WAIT, arm


def async_copies():
    row("9.7.9.25.3.1", "cp.async")
    done = "cp.async.wait_all;"
    f("cp.async.ca.(shared|shared::cta).global", lambda w: "[sm], [%gp], 4", after=done)
    f("cp.async.ca.shared.global", lambda w: "[sm], [%gp], 8", after=done, tag="8 bytes")
    f("cp.async.(ca|cg).shared.global", lambda w: "[sm], [%gp], 16", after=done, tag="16 bytes")
    f("cp.async.cg.shared.global", lambda w: "[sm], [%gp], 16, 8", after=done, tag="source size")
    f("cp.async.cg.shared.global", lambda w: "[sm], [%gp], 16, %r1", after=done, tag="source size in a register")
    f("cp.async.(ca|cg).shared.global", lambda w: "[sm], [%gp], 16, %p0", after=done, tag="ignore-src")
    f("cp.async.(ca|cg).shared.global.L2::(64B|128B|256B)", lambda w: "[sm], [%gp], 16", after=done)
    f("cp.async.(ca|cg).shared.global.L2::cache_hint", lambda w: "[sm], [%gp], 16, %d8", after=done)
    f("cp.async.cg.shared.global.L2::cache_hint.L2::128B", lambda w: "[sm], [%gp], 16, 16, %d8", after=done)
    f("cp.async.cg.shared.global", lambda w: "[sm], [%gp], 4", after=done, tag="4 bytes")
    row("9.7.9.25.3.2", "cp.async.commit_group, wait_group, wait_all")
    f("cp.async.commit_group")
    f("cp.async.wait_group", "0")
    f("cp.async.wait_group", "3", tag="3")
    f("cp.async.wait_all")
    row("9.7.13.15.17", "cp.async.mbarrier.arrive")
    for noinc in ("", ".noinc"):
        f(f"cp.async.mbarrier.arrive{noinc}(|.shared|.shared::cta).b64", lambda w: "[sm]" if "shared" in w else "[%d1]",
          before="mbarrier.init.shared.b64 [sm], 1; cvta.shared.u64 %d1, sm; cp.async.ca.shared.global [sm+64], "
              "[%gp], 4;",
          after=("" if noinc else "mbarrier.arrive.shared.b64 _, [sm];") + WAIT)
    row("9.7.9.25.4.1", "cp.async.bulk")
    f("cp.async.bulk.(shared::cluster|shared::cta|shared).global.mbarrier::complete_tx::bytes(|.L2::cache_hint)",
      lambda w: "[sm+1024], [%gp], 64, [sm]" + (", %d8" if "hint" in w else ""), before=arm(64), after=WAIT)
    f("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster(|.L2::cache_hint)",
      lambda w: "[sm+1024], [%gp], 64, [sm], %h1" + (", %d8" if "hint" in w else ""),
          before=arm(64) + "mov.b16 %h1, 1;", after=WAIT)
    f("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes",
        lambda w: "[%r9+2048], [sm+1024], 64, [%r9]",
      before=SOURCE + "mov.u32 %r9, sm; mov.u32 %r1, %cluster_ctarank; xor.b32 %r1, %r1, 1; "
          "mapa.shared::cluster.u32 %r9, %r9, %r1;"
      + arm(64) + "fence.mbarrier_init.release.cluster; barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;",
          after=WAIT +
      "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;", cluster=2)
    f("cp.async.bulk.global.shared::cta.bulk_group(|.L2::cache_hint)",
        lambda w: "[%gp], [sm+1024], 64" + (", %d8" if "hint" in w else ""),
      before=SOURCE, after=COMMIT)
    f("cp.async.bulk.global.shared::cta.bulk_group.cp_mask", lambda w: "[%gp], [sm+1024], 64, %h1", before=SOURCE,
        after=COMMIT)
    f("cp.async.bulk.global.shared::cta.bulk_group", lambda w: "[%gp], [sm+1024], %r1",
        before=SOURCE + "mov.b32 %r1, 32;", after=COMMIT,
      tag="size in a register")
    row("9.7.9.25.4.2", "cp.reduce.async.bulk")
    for kind, options in (("add", "u32|s32|u64|s64|f16|bf16|f32|f64|noftz.f16|noftz.bf16"),
        ("(min|max)", "u32|s32|u64|s64|f16|bf16|f32"),
                          ("(inc|dec)", "u32|u64"), ("(and|or|xor)", "b32|b64")):
        f(f"cp.reduce.async.bulk.global.shared::cta.bulk_group.{kind}.({options})", lambda w: "[%gp], [sm+1024], 64",
            before=SOURCE, after=COMMIT)
    f("cp.reduce.async.bulk.global.shared::cta.bulk_group.L2::cache_hint.add.u32",
        lambda w: "[%gp], [sm+1024], 64, %d8",
      before=SOURCE, after=COMMIT)
    peer = (SOURCE + "".join(f"st.shared.v4.b32 [sm+{at}], {{0, 0, 0, 0}}; " for at in range(2048, 2112, 16)) + "fence.proxy.async;" + "mov.u32 %r9, sm; mov.u32 %r1, %cluster_ctarank; "
        "xor.b32 %r1, %r1, 1; mapa.shared::cluster.u32 %r9, %r9, %r1;"
            + arm(64) + "fence.mbarrier_init.release.cluster; barrier.cluster.arrive.aligned; "
                "barrier.cluster.wait.aligned;")
    for kind, options in (("add", "u32|s32|u64|f32"), ("(min|max)", "u32|s32|u64"), ("(inc|dec)", "u32"),
            ("(and|or|xor)", "b32|b64")):
        f(f"cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.{kind}.({options})",
          lambda w: "[%r9+2048], [sm+1024], 64, [%r9]", before=peer,
              after=WAIT + "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;", cluster=2)
    row("9.7.9.25.4.3", "cp.async.bulk.prefetch")
    f("cp.async.bulk.prefetch.L2.global(|.L2::cache_hint)", lambda w: "[%gp], 64" + (", %d8" if "hint" in w else ""))
    row("9.7.9.25.4.4", "cp.async.bulk.commit_group, wait_group")
    f("cp.async.bulk.commit_group")
    f("cp.async.bulk.wait_group(|.read)", "0")
    f("cp.async.bulk.wait_group.read", "3", tag="3")


def tensor_copies():
    for rank in range(1, 6):
        size = 32 * (1 if rank == 1 else 2)
        at = "[%d1, {" + ", ".join(["0", "%r1", "0", "0", "0"][:rank]) + "}]"
        pre = "mov.b64 %d0, map; cvta.param.u64 %d1, %d0; mov.b32 %r1, 0;"
        row("9.7.9.27.1.2", "cp.async.bulk.tensor")
        f(f"cp.async.bulk.tensor.{rank}d.(shared::cluster|shared::cta).global(|.tile).mbarrier::complete_tx::bytes",
            lambda w: f"[sm+1024], {at}, [sm]",
          before=pre + arm(size), after=WAIT, rank=rank)
        f(f"cp.async.bulk.tensor.{rank}d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint",
            lambda w: f"[sm+1024], {at}, [sm], %d8",
          before=pre + arm(size), after=WAIT, rank=rank)
        f(f"cp.async.bulk.tensor.{rank}d.(shared::cluster|shared::cta).global(|.tile).mbarrier::complete_tx::bytes.multicast::cluster(|.L2::cache_hint)",
          lambda w: f"[sm+1024], {at}, [sm], %h1" + (", %d8" if "hint" in w else ""),
          before=pre + arm(size) + "mov.b16 %h1, 1;", after=WAIT, rank=rank)
        f(f"cp.async.bulk.tensor.{rank}d.global.shared::cta(|.tile).bulk_group(|.L2::cache_hint)",
          lambda w: f"{at}, [sm+1024]" + (", %d8" if "hint" in w else ""), before=pre + SOURCE, after=COMMIT, rank=rank)
        if rank > 2:
            offsets = "{" + ", ".join(["%h1"] * (rank - 2)) + "}"
            f(f"cp.async.bulk.tensor.{rank}d.shared::cluster.global.(im2col|im2col::w|im2col::w::128).mbarrier::complete_tx::bytes",
              lambda w: f"[sm+1024], {at}, [sm], {offsets}", before=pre + arm(size), after=WAIT, rank=rank)
            f(f"cp.async.bulk.tensor.{rank}d.global.shared::cta.im2col_no_offs.bulk_group",
                lambda w: f"{at}, [sm+1024]", before=pre + SOURCE,
              after=COMMIT, rank=rank)
        if rank == 2:
            f("cp.async.bulk.tensor.2d.shared::cta.global.tile::gather4.mbarrier::complete_tx::bytes",
                lambda w: "[sm+1024], [%d1, {0, 0, 1, 2, 3}], [sm]",
              before=pre + arm(size), after=WAIT)
            f("cp.async.bulk.tensor.2d.global.shared::cta.tile::scatter4.bulk_group",
                lambda w: "[%d1, {0, 0, 1, 2, 3}], [sm+1024]", before=pre + SOURCE, after=COMMIT)
            f("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.cta_group::1",
                lambda w: f"[sm+1024], {at}, [sm]",
              before=pre + arm(size), after=WAIT)
            f("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes",
                lambda w: "[sm+1024], [map, {0, 0}], [sm]",
              before=arm(size), after=WAIT, tag="[parameter]")
        row("9.7.9.27.1.3", "cp.reduce.async.bulk.tensor")
        f(f"cp.reduce.async.bulk.tensor.{rank}d.global.shared::cta.(add|min|max|inc|dec|and|or|xor).bulk_group",
            lambda w: f"{at}, [sm+1024]",
          before=pre + SOURCE, after=COMMIT, rank=rank)
        f(f"cp.reduce.async.bulk.tensor.{rank}d.global.shared::cta.add.tile.bulk_group(|.L2::cache_hint)",
          lambda w: f"{at}, [sm+1024]" + (", %d8" if "hint" in w else ""), before=pre + SOURCE, after=COMMIT, rank=rank)
        if rank > 2:
            f(f"cp.reduce.async.bulk.tensor.{rank}d.global.shared::cta.add.im2col_no_offs.bulk_group",
                lambda w: f"{at}, [sm+1024]",
              before=pre + SOURCE, after=COMMIT, rank=rank)
        row("9.7.9.27.1.4", "cp.async.bulk.prefetch.tensor")
        f(f"cp.async.bulk.prefetch.tensor.{rank}d.L2.global(|.tile)(|.L2::cache_hint)",
            lambda w: at + (", %d8" if "hint" in w else ""),
          before=pre, rank=rank)
        if rank > 2:
            f(f"cp.async.bulk.prefetch.tensor.{rank}d.L2.global.im2col",
                lambda w: f"{at}, " + "{" + ", ".join(["%h1"] * (rank - 2)) + "}",
              before=pre, rank=rank)
    row("9.7.9.28", "tensormap.replace")
    # A map in shared memory, copied from the parameter.
    copy = " ".join(f"ld.param.u64 %d1, [map+{i}]; st.shared.u64 [sm+{i}], %d1;" for i in range(0, 128, 8))
    field = {"global_address": ("b64", "%gp"), "rank": ("b32", "1"), "box_dim": ("b32", "0, 8"),
             "global_dim": ("b32", "1, %r1"), "global_stride": ("b64", "0, %d1"), "element_stride": ("b32", "0, 1"),
             "elemtype": ("b32", "2"), "interleave_layout": ("b32", "0"), "swizzle_mode": ("b32", "0"),
             "swizzle_atomicity": ("b32", "0"), "fill_mode": ("b32", "0")}
    places = {".shared::cta": ("sm", copy), ".global": ("gm", copy.replace("st.shared.u64 [sm", "st.global.u64 [gm")),
              "": ("%d2", copy.replace("st.shared.u64 [sm", "st.global.u64 [gm") + "cvta.global.u64 %d2, gm;")}
    for (name, (ty, value)), (space, (at, setup)) in itertools.product(field.items(), places.items()):
        word = f"tensormap.replace.tile.{name}{space}.b1024.{ty}"
        body(word, f"{setup} mov.b32 %r1, 1; mov.b64 %d1, 256;\n{word} [{at}], {value};")
