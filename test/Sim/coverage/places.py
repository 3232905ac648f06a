"""Addresses by state space, registers of a vector, and what must stand before an access."""

from forms import KIND_OF, types_of


def address(space):
    """What stands in brackets; %r9 is set by CLUSTER."""
    return {"": "%gp", "global": "%gp", "const": "cm", "local": "lm", "param": "gp", "param::entry": "gp",
            "shared": "sm", "shared::cta": "sm", "shared::cluster": "%r9"}[space]


CLUSTER = "mov.u32 %r9, sm; mapa.shared::cluster.u32 %r9, %r9, 0;"


def space_of(word):
    for part in word.split("."):
        if part in ("global", "const", "local", "shared", "shared::cta", "shared::cluster", "param", "param::entry"):
            return part
    return ""


def registers(word):
    """One register, or as many as .v2, .v4 or .v8 says, in braces."""
    ty = types_of(word)[-1]
    count = next((int(p[1]) for p in word.split(".") if p in ("v2", "v4", "v8")), 1)
    names = [f"%{KIND_OF[ty]}{i}" for i in range(count)]
    return names[0] if count == 1 else "{" + ", ".join(names) + "}"


def load_of(word):
    at = address(space_of(word))
    if "param" in word and ".v" in word:
        at = "map"  # larger than a pointer
    hint = ", %d8" if "cache_hint" in word else ""
    return f"{registers(word)}, [{at}]{hint}"


def store_of(word):
    hint = ", %d8" if "cache_hint" in word else ""
    return f"[{address(space_of(word))}], {registers(word)}{hint}"


def before_access(word):
    lines = [CLUSTER] if "shared::cluster" in word else []
    if "shared" in word and "cluster" not in word and word.startswith("ld"):
        lines.append("st.shared.v4.b32 [sm], {0, 0, 0, 0}; st.shared.v4.b32 [sm+16], {0, 0, 0, 0};")
    if word.startswith("st") and "b128" in word:
        lines.append("mov.b128 %q0, {%d0, %d1};")
    return " ".join(lines)


WAIT = "$w: mbarrier.try_wait.parity.shared.b64 %p7, [sm], 0; @!%p7 bra $w;"


def arm(size):
    return f"mbarrier.init.shared.b64 [sm], 1; fence.proxy.async; mbarrier.arrive.expect_tx.shared.b64 _, [sm], {size};"


# %r9: sm of the other CTA of a pair, whose barrier at sm awaits {0} bytes.
PEER = ("mov.u32 %r9, sm; mov.u32 %r1, %cluster_ctarank; xor.b32 %r1, %r1, 1; mapa.shared::cluster.u32 %r9, %r9, %r1; "
        "mbarrier.init.shared.b64 [sm], 1; fence.mbarrier_init.release.cluster; mbarrier.arrive.expect_tx.shared.b64 _, [sm], {0}; "
        "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;")
PEER_WAIT = WAIT + "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;"
SOURCE = "".join(f"st.shared.v4.b32 [sm+{at}], {{0, 0, 0, 0}}; " for at in range(1024, 1088, 16)) + "fence.proxy.async;"
COMMIT = "cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;"
