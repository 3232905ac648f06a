"""Which test checks what forms of forms.py mean: results against arithmetic of its own or a reference, or an order of
accesses that is found where it is missing. Tests that only parse are not here, nor forms that a test uses on the way.

Forms are named as in forms.py, `(a|b)` for either; a name stands for the form in all its rows.
"""

TESTS = {
    "Exec.Integers": """add.s32 sub.u32 mad.lo.(s32|u64) mul.hi.(s32|u32|u64) mul.wide.s32 div.u32 rem.u64 min.s32 max.u32 popc.b32 clz.b32 bfind.u32
        bfe.u32 bfi.b32 prmt.b32 lop3.b32 shl.b32 shr.(u32|s32|s64|s16) shf.l.wrap.b32 shf.r.clamp.b32 setp.lt.s32 selp.u32 add.cc.u32 addc.u32
        cvt.u16.u32 cvt.s32.s16 cvt.u64.u32 cvt.u32.u64""",
    "Exec.Reals": "(add|mul).f32 add.(rn|rm|rp|sat|ftz).f32 fma.rn.f32 div.rn.f32 sqrt.rn.f32 max.f32",
    "Exec.ParametersAndShuffles": "shfl.sync.(up|down|idx).b32 st.global.v4.u32 vote.sync.ballot.b32 ld.param.u64",
    "Exec.CudaReduction": "shfl.sync.bfly.b32 ld.shared.f32 st.shared.f32 ld.param.u32",
    "Exec.CudaSoftmax": "ex2.approx.ftz.f32 fma.rm.f32 cvt.sat.f32.f32 neg.f32 sub.f32 st.global.u16",
    "Exec.CudaHistogramWithAtomics": "atom.(shared|global).add.u32 and.b32 mul.lo.s32",
    "Exec.CudaDivergentLoop": "bra ret mul.lo.s64 mul.hi.u64 shr.u64",
    "Convert.F32ToHalves": "cvt.(rn|rz|rm|rp).(f16|bf16).f32",
    "Convert.PackedHalves": "cvt.rn.(f16x2|bf16x2).f32",
    "Convert.HalvesToF32AreExact": "cvt.f32.(f16|bf16)",
    "Convert.RealsAndIntegers": "cvt.(rni|rzi|rmi|rpi).(s32|u32).f32 cvt.rn.f32.s32 cvt.rz.f32.u32",
    "Convert.Fp8": "cvt.rn.satfinite.(e4m3x2|e5m2x2).f32",
    "Parser.InitialisedVariables": "ld.global.(f32|u64) ld.u32 ld.const.u32 st.global.f32",
    "Parser.LabelsAreBlockScoped": "bra.uni",
    "Checker.OutOfBounds": "ld.global.u32 st.global.u32",
    "Checker.Misaligned": "st.shared.v2.u32",
    "Checker.Uninitialised": "ld.shared.u32",
    "Checker.SharedRaces": "bar.sync st.shared.u32",
    "Checker.Barriers": "bar.arrive exit",
    "Checker.BytesOfOneWordAreApart": "st.shared.b8",
    "Checker.HalvesOfOneWordAreApart": "(ld|st).shared.u16",
    "Checker.AProxyFenceOfAnotherStateSpaceIsNone": "fence.proxy.async.(global|shared::cta)",
    "Checker.ANoteHidesNoRace": "fence.proxy.async st.shared.u8",
    "Checker.WarpSyncAcrossDivergence": "bar.warp.sync",
    "Checker.AtomicsDoNotRace": "red.global.add.u32",
    "Roles.NamedBarriersOfSomeWarps": "barrier.sync barrier.sync.aligned",
    "Roles.BarriersWithoutAlignedCountAWarpOnce": "barrier.arrive",
    "Roles.ElectPicksTheLowestLane": "elect.sync",
    "Roles.GridDependenciesAndSleepAreNothing": "griddepcontrol.(wait|launch_dependents) nanosleep.u32",
    "Roles.RegisterBudgets": "setmaxnreg.(inc|dec).sync.aligned.u32",
    "InterCta.AReleaseAndAnAcquireOrder": "ld.acquire.gpu.global.u32 st.release.gpu.global.u32",
    "InterCta.EachChangeOfAMessageByFencesIsFound": "fence.sc.sys fence.acq_rel.(cta|gpu) fence.acquire.gpu st.relaxed.gpu.global.u32 ld.relaxed.gpu.global.u32",
    "InterCta.FencesScOrderThemselves": "fence.sc.gpu atom.global.inc.u32",
    "InterCta.VolatileFlagsBetweenMembars": "membar.gl (ld|st).volatile.global.u32",
    "InterCta.AReductionReadsNothing": "atom.relaxed.gpu.global.add.u32 red.relaxed.gpu.global.add.u32",
    "InterCta.AllCtasMeetInABarrier": "red.release.gpu.global.add.u32",
    "InterCta.ASpinLock": "atom.acquire.gpu.global.cas.b32 atom.global.exch.b32",
    "InterCta.WhatCountsIsNoDeadlock": "atom.global.cas.b32",
    "InterCta.NeighboursInAWordAreApart": "ld.global.u16 st.global.b16",
    "InterCta.StrongAccessesOfOnePlaceDoNotRace": "red.relaxed.cta.global.add.u32",
    "InterCta.FlagsInSharedMemoryOrderTheThreadsOfACta": "ld.acquire.cta.shared.u32 st.release.cta.shared.u32 membar.cta ld.volatile.shared.u32",
    "Cluster.SharedMemoryOfPeers": "ld.shared::cluster.u32 cvta.shared.u64 mapa.u64 mapa.shared::cluster.u32 getctarank.u64 getctarank.shared::cluster.u32 red.shared::cluster.add.u32",
    "Cluster.BarrierPhases": "barrier.cluster.arrive.(aligned|release) barrier.cluster.arrive.relaxed.aligned barrier.cluster.wait.(aligned|acquire) fence.mbarrier_init.release.cluster",
    "Cluster.RemoteArrivals": """st.shared::cluster.u32 mbarrier.(expect_tx|complete_tx).relaxed.cluster.shared::cluster.b64 mbarrier.arrive.shared::cluster.b64
        mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 mbarrier.test_wait.parity.shared::cta.b64""",
    "Cluster.Scopes": "mbarrier.arrive.release.cluster.shared::cluster.b64 mbarrier.try_wait.parity.acquire.cluster.shared.b64",
    "Cluster.CopiesToAPeer": "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes",
    "Cluster.Multicast": "cp.async.bulk.tensor.2d.shared::cluster.global(|.tile).mbarrier::complete_tx::bytes.multicast::cluster",
    "Mbarrier.CountsPhasesAndTokens": "mbarrier.pending_count.b64 mbarrier.init.shared.b64",
    "Mbarrier.ArriveDropLowersLaterPhases": "mbarrier.arrive.shared.b64 mbarrier.arrive_drop.shared.b64",
    "Mbarrier.BytesAreOpaque": "mbarrier.inval.shared.b64",
    "Mbarrier.Counts": "mbarrier.(expect_tx|complete_tx).relaxed.cta.shared.b64 mbarrier.expect_tx.shared.b64 mbarrier.arrive.expect_tx.shared.b64",
    "Mbarrier.HandsOverWhatWasWritten": "mbarrier.arrive.relaxed.cta.shared.b64 mbarrier.try_wait.parity.relaxed.cta.shared.b64",
    "Mbarrier.PhasesMustBeSeen": "mbarrier.test_wait(|.parity).shared.b64",
    "Mbarrier.TryWaitSometimesSaysNo": "mbarrier.try_wait.parity.shared.b64",
    "Bulk.CopiesAndReductionsOfRows": """cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes cp.async.bulk.global.shared::cta.bulk_group
        cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32""",
    "Bulk.GlobalMemoryHasProxiesToo": "cp.async.bulk.wait_group(|.read)",
    "Bulk.StoresReadWhatIsOrderedBeforeThem": "cp.async.bulk.commit_group",
    "Bulk.TensorMapsMustBeMaps": "prefetch.tensormap fence.proxy.tensormap::generic.acquire.gpu",
    "Tma.LoadsOfEveryRankSwizzleAndType": "cp.async.bulk.tensor.(1|2|3|4|5)d.(shared::cluster|shared::cta).global.tile.mbarrier::complete_tx::bytes",
    "Tma.StoresOfEveryRankSwizzleAndType": "cp.async.bulk.tensor.(1|2|3|4|5)d.global.shared::cta.bulk_group",
    "Tma.Reductions": "cp.reduce.async.bulk.tensor.2d.global.shared::cta.(add|min|max|inc|dec|and|or|xor).bulk_group cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group",
    "Wgmma.EveryN": "wgmma.mma_async.sync.aligned.m64n({N})k16.f32.bf16.bf16".replace("{N}",
        "|".join(str(n) for n in range(8, 257, 8))),
    "Wgmma.EveryDroppedLineIsFound": "wgmma.(fence|commit_group|wait_group).sync.aligned",
    "test_matrices.py": "(ldmatrix|stmatrix).sync.aligned.m8n8.x4(|.trans).shared.b16",
    "test_sim_mma.py": """mma.sync.aligned.m16n8k(8|16).row.col.f32.(f16.f16|bf16.bf16).f32
        mma.sync.aligned.m16n8k(4|8).row.col.f32.tf32.tf32.f32 mma.sync.aligned.m16n8k(16|32).row.col.f32.(e4m3|e5m2).(e4m3|e5m2).f32
        mma.sync.aligned.m16n8k(16|32).row.col.s32.(s8|u8).(s8|u8).s32""",
    "test_gemm.py": """wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3 wgmma.mma_async.sync.aligned.m64n128k32.s32.s8.s8
        wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8""",
}

# Forms whose names have spaces.
TAGGED = {
    "Exec.Integers": ["mov.b32 from 2 of b16", "mov.b64 to 2 of b32", "mov.b64 from 2 of b32", "setp.lt.s32 pair"],
    "Exec.ParametersAndShuffles": ["shfl.sync.up.b32 with predicate"],
    "Parser.LabelsAreBlockScoped": ["labels of two blocks"],
    "Parser.InitialisedVariables": ["initialised: array with values", "initialised: reals",
        "initialised: a generic address"],
    "Parser.RegistersOfAnInnerScopeShadow": ["{ } with declarations", ".reg names of an inner block"],
    "Parser.LocReachesTheFinding": [".file, .loc"],
    "Checker.ExitedLanesAreNotExpectedAtTheJoin": ["@p exit"],
    "Cluster.RanksAndShapes": ["mov.u32 %cluster_ctarank", "mov.u32 %cluster_nctarank"],
    "Cluster.ExplicitClusters": ["mov.pred %is_explicit_cluster", ".explicitcluster"],
    "Wgmma.AFromRegisters": [f"wgmma.mma_async.sync.aligned.m64n64k16.f32.{t}.{t} A in registers{tail}" for t in ("f16",
        "bf16") for tail in ("", " transposed B")]
    + [f"wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 scaled {s}" for s in ("-1, 1", "1, -1", "-1, -1")],
    "Wgmma.EveryLayoutOfSharedOperands": [f"wgmma.mma_async.sync.aligned.m64n64k16.f32.{t}.{t} transposed {x}" for t in ("f16", "bf16") for x in ("0, 1", "1, 0", "1, 1")],
    "LaunchFile.TensorMapsAndFields": ["parameter array"],
    "LaunchFile.ScalarsOfEveryType": ["parameter .u8", "parameter .f32"],
}
