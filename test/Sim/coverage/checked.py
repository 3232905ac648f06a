"""Which test checks what forms of forms.py mean: results against arithmetic of its own or a reference, or an order of
accesses that is found where it is missing. Tests that only parse are not here, nor forms that a test uses on the way.

Forms are named as in forms.py, `(a|b)` for either; a name stands for the form in all its rows.
"""

INTS = "(u16|s16|u32|s32|u64|s64)"
LONG = "(u32|s32|u64|s64)"
BYTES_TOO = "(u8|s8|u16|s16|u32|s32|u64|s64)"
ROUND = "(|.rn|.rz|.rm|.rp)"
REAL_COMPARISONS = "(eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan)"

PLAIN = "(b8|u8|s8|b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64)"
SPACES = "(.global|.shared|.shared::cta|.shared::cluster|.local|)"
EVICT = "(evict_last|evict_first|evict_normal|evict_unchanged|no_allocate)"
ORDER_OF = {"atom": "(relaxed|acquire|release|acq_rel)", "red": "(relaxed|release)"}
ORDERED_ATOMICS = " ".join(f"""{name}.{order}.(cta|cluster|gpu|sys).global.add.u32 {name}.{order.replace("acquire|release|", "")}.cta.shared.add.u32 {name}.(relaxed|release).gpu.global.add.noftz.f16x2
    {name}.(add|min).{order}.(cta|cluster|gpu|sys).(u32|s32) {name}.or.{order}.(cta|cluster|gpu|sys).b32 {name}.add.{order}.gpu.(u64|f32|f64) {name}.max.{order}.gpu.(u64|s64) {name}.xor.{order}.gpu.b64
    {name}.(inc|dec).(cta|gpu).u32 {name}.global.(cta|gpu|sys).(add|max).u32 {name}.global.(cta|gpu|sys).{order}.(add|min|max).(u32|s32) {name}.global.(cta|gpu|sys).{order}.(add.f32|and.b32)
    {name}.relaxed.(cta|sys).shared.(add.u32|or.b32)""" for name, order in ORDER_OF.items()) + " atom.global.gpu.acq_rel.add.noftz.(f16|bf16x2)"
ORDERED_EXCHANGES = """atom.exch.(relaxed|acquire|release|acq_rel).(cta|gpu|sys).(b32|b64) atom.global.(cta|gpu|sys).exch.b32
    atom.global.(cta|gpu|sys).(relaxed|acquire|release|acq_rel).exch.b32"""
ORDERED_SWAPS = ORDERED_EXCHANGES + """ atom.(relaxed|acquire|release|acq_rel).(cta|gpu|sys).global.cas.b32 atom.global.(cta|gpu|sys|acq_rel.gpu|gpu.acq_rel).cas.b32
    atom.cas.(relaxed|acquire|release|acq_rel).(cta|cluster|gpu|sys).(b16|b32|b64)"""

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
    "Integer.SumsProductsQuotients": f"(add|sub|sad|div|rem|min|max).{INTS} (mul|mad).(lo|hi).{INTS} (abs|neg).(s16|s32|s64)",
    "Integer.WideProducts": "(mul|mad).wide.(u16|s16|u32|s32)",
    "Integer.Saturation": "(add|sub|mad.hi).sat.s32 (min|max).relu.s32 (min|max).s32.relu",
    "Integer.Of24Bits": "(mul24|mad24).(lo|hi).(u32|s32) mad24.hi.sat.s32",
    "Integer.PairsOf16Bits": "(add|min|max).(u16x2|s16x2) (min|max).relu.s16x2 (min|max).s16x2.relu",
    "Integer.BitsCountedAndFound": "(popc|clz|brev).(b32|b64) bfind(|.shiftamt).(u32|s32|u64|s64) fns.b32",
    "Video.PairsOfHalves": "(vadd2|vsub2|vavrg2|vabsdiff2|vmin2|vmax2).(u32.u32|s32.s32).u32(|.sat|.add) "
        "vset2.u32.s32.(eq|ne|lt|le|gt|ge)(|.add) vset2.u32.u32.lt",
    "Video.QuadsOfBytes": "(vadd4|vsub4|vavrg4|vabsdiff4|vmin4|vmax4).(u32.u32|s32.s32).u32(|.sat|.add) "
        "vset4.u32.s32.(eq|ne|lt|le|gt|ge)(|.add) vset4.u32.u32.lt",
    "Video.Scalars": "(vadd|vsub|vabsdiff|vmin|vmax).s32.s32.u32 vadd.s32.s32.s32.add",
    "Video.ScalarComparisons": "vset.u32.s32.(eq|ne|lt|le|gt|ge)(|.add) vset.u32.u32.lt",
    "Video.ScalarShifts": "(vshl|vshr).(clamp|wrap).u32.u32.u32 (vshl|vshr).wrap.u32.u32.u32.add",
    "Video.Products": "vmad.s32.s32.s32(|.po)",
    "Integer.BitFields": "bfe.(u32|s32|u64|s64) bfi.(b32|b64) szext.(clamp|wrap).(u32|s32) bmsk.(clamp|wrap).b32",
    "Integer.DotProducts": "dp4a.(u32|s32).(u32|s32) dp2a.(lo|hi).(u32|s32).(u32|s32)",
    "Integer.Carries": f"(add.cc|addc|addc.cc|sub.cc|subc|subc.cc).{LONG} (mad|madc).(hi|lo).cc.{LONG} madc.(hi|lo).{LONG}",
    "Integer.Comparisons": f"""setp.(eq|ne|lt|le|gt|ge).{INTS} setp.(lo|ls|hi|hs).(u16|u32|u64) setp.(eq|ne).(b16|b32|b64) setp.lt.(and|or|xor).s32
        set.(eq|lt|hs).(u32|s32).u32 set.(ne|ge).(u32|s32).(s16|u64) set.ne.(u32|s32).b32 set.eq.(u32|f32).s32 set.lt.(and|or|xor).u32.s32""",
    "Integer.Selection": "selp.(b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64) slct.(b16|u16|s16|b32|u32|s32|b64|u64|s64|f32|f64).s32 slct(|.ftz).(b32|f32|u64).f32",
    "Integer.Logic": "(and|or|xor|not|cnot).(b16|b32|b64) (and|or|xor|not|mov).pred",
    "Integer.Lop3": "lop3(|.or|.and).b32",
    "Integer.Shifts": f"shl.(b16|b32|b64) shr.(b16|b32|b64) shr.{INTS} shf.(l|r).(wrap|clamp).b32",
    "Integer.BytesPermuted": "prmt.b32(|.f4e|.b4e|.rc8|.ecl|.ecr|.rc16)",
    "Real.RoundedOperations": f"""(add|sub|mul){ROUND}(|.ftz)(|.sat).f32 (add|sub|mul){ROUND}.f64 (fma|mad).(rn|rz|rm|rp)(|.ftz)(|.sat).f32 (fma|mad).(rn|rz|rm|rp).f64
        (div|rcp|sqrt).(rn|rz|rm|rp)(|.ftz).f32 (div|rcp|sqrt).(rn|rz|rm|rp).f64""",
    "Real.SignsAndMagnitudes": "(abs|neg)(|.ftz).f32 (abs|neg).f64 copysign.(f32|f64)",
    "Real.MinimaAndMaxima": "(min|max)(|.ftz)(|.NaN)(|.xorsign.abs).f32 (min|max).f64",
    "Real.Comparisons": f"""setp.{REAL_COMPARISONS}.(f32|f64) setp.(lt|num).ftz.f32 setp.lt.(and|or|xor).f32 set.(eq|ltu|nan).(u32|s32|f32).(f32|f64)
        set.gt.ftz.(u32|f32).f32""",
    "Real.Properties": "testp.(finite|infinite|number|notanumber|normal|subnormal).(f32|f64)",
    "Real.Approximations": """(ex2|lg2|sin|cos|rcp|sqrt|rsqrt|div).approx(|.ftz).f32 (ex2|lg2|sin|cos).approx.f32.ftz div.full(|.ftz).f32 tanh.approx.f32""",
    "Real.ApproximationsOfDoubles": "(rcp|rsqrt).approx.ftz.f64 rsqrt.approx.f64",
    "Half.RoundedOperations": """(add|sub|mul)(|.rn)(|.ftz)(|.sat).(f16|f16x2) (add|sub|mul)(|.rn).(bf16|bf16x2) fma.rn(|.ftz)(|.sat|.relu).(f16|f16x2)
        fma.rn(|.relu).(bf16|bf16x2)""",
    "Half.SignsAndMagnitudes": "(abs|neg)(|.ftz).(f16|f16x2) (abs|neg).(bf16|bf16x2)",
    "Half.MinimaAndMaxima": "(min|max)(|.ftz)(|.NaN)(|.xorsign.abs).(f16|f16x2) (min|max)(|.NaN)(|.xorsign.abs).(bf16|bf16x2)",
    "Half.Approximations": "tanh.approx.(f16|f16x2|bf16|bf16x2) ex2.approx.(f16|f16x2) ex2.approx.ftz.(bf16|bf16x2)",
    "Half.Comparisons": f"""setp.(eq|lt|ltu|num|nan).(f16|bf16) setp.(eq|lt|gtu|nan).(f16x2|bf16x2) setp.lt.ftz.f16 setp.lt.or.f16x2
        set.(eq|ltu).(f16|u16|s16|u32|bf16).f16 set.(eq|ltu).(bf16|u16|s16|u32).bf16 set.{REAL_COMPARISONS}.(f16x2|u32).f16x2
        set.{REAL_COMPARISONS}.(bf16x2|u32).bf16x2 set.lt.ftz.f16.f16 set.lt.and.f16x2.f16x2""",
    "Convert.IntegersToIntegers": f"cvt(|.sat).{BYTES_TOO}.{BYTES_TOO}",
    "Convert.RealsToIntegers": f"""cvt.(rni|rzi|rmi|rpi).{BYTES_TOO}.(f16|bf16|f32|f64) cvt.(rni|rmi|rpi).ftz.(s32|u32|s64).f32 cvt.rzi(.ftz|.sat|.ftz.sat).{BYTES_TOO}.f32
        cvt.rzi.sat.{BYTES_TOO}.f16""",
    "Convert.IntegersToReals": f"cvt.(rn|rz|rm|rp).(f16|bf16|f32|f64).{BYTES_TOO}",
    "Convert.RealsToReals": """cvt(|.sat).(f16.f16|f32.f16|f32.f32|f64.f16|f64.f32) cvt.f64.f64 cvt(|.ftz).f32.(f16|bf16) cvt.f64.(bf16|f64) cvt.(rn|rz|rm|rp)(|.sat).(f16|f32).f64
        cvt.(rn|rz|rm|rp).bf16.f64 cvt.(rn|rz|rm|rp)(|.ftz)(|.sat).f16.f32 cvt.rn.ftz.f32.f64 cvt.(rn|rz|rm|rp).(f16|bf16).f32 cvt.(rn|rz)(|.relu)(|.satfinite).(f16|bf16).f32
        cvt.(rni|rzi|rmi|rpi)(|.ftz)(|.sat).f32.f32 cvt.(rni|rzi|rmi|rpi).(f16.f16|f64.f64|bf16.bf16) cvt.(rn|rz|rm|rp).(bf16.f16|f16.bf16)""",
    "Convert.PairsOfFloats": "cvt.(rn|rz)(|.relu)(|.satfinite).(f16x2|bf16x2).f32 cvt.rn.satfinite(|.relu).(e4m3x2|e5m2x2).f32",
    "Convert.PairsOf8BitsAndOfHalves": "cvt.rn.satfinite(|.relu).(e4m3x2|e5m2x2).f16x2 cvt.rn(|.relu).f16x2.(e4m3x2|e5m2x2)",
    "Convert.Tf32": "cvt.(rna|rn|rz).tf32.f32 cvt.(rn|rz).relu.tf32.f32 cvt.rna.satfinite.tf32.f32",
    "Convert.PackedIntegers": "cvt.pack.sat.(u16|s16).s32 cvt.pack.sat.(u8|s8|u4|s4|u2).s32.b32",
    "Move.EveryType": "mov.(b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64|b128)",
    "Move.Addresses": """isspacep.(global|shared|shared::cta|shared::cluster|local|param|param::entry|const) cvta(|.to).(global|shared|shared::cta|shared::cluster|local|const|param).u64""",
    "Warp.Shuffles": "shfl.sync.(up|down|bfly|idx).b32",
    "Warp.Votes": "vote.sync.(all|any|uni).pred vote.sync.ballot.b32 vote.ballot.sync.b32",
    "Warp.Matches": "match.(any|all).sync.(b32|b64)",
    "Warp.Reductions": "redux.sync.(add|min|max).(u32|s32) redux.sync.(and|or|xor).b32",
    "Warp.ActiveMasks": "activemask.b32",
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
    "Roles.EveryBarrierOrders": "bar(|.cta).sync barrier(|.cta).sync(|.aligned) bar.arrive bar.cta.arrive barrier.arrive.aligned barrier.arrive",
    "Roles.BarriersReducePredicates": "(bar|barrier|barrier.cta).red(|.aligned).popc.u32 bar(|.cta).red.(and|or).pred".replace("(|.aligned)", "") + " (barrier|barrier.cta).red.aligned.popc.u32",
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
    "Bulk.RowsInEverySpelling": """cp.async.bulk.(shared::cluster|shared::cta).global.mbarrier::complete_tx::bytes(|.L2::cache_hint)
        cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster(|.L2::cache_hint) cp.async.bulk.global.shared::cta.bulk_group(|.L2::cache_hint)""",
    "Atomic.BulkReductionsOfEveryType": """cp.reduce.async.bulk.global.shared::cta.bulk_group.add.(u32|s32|u64|f32|f64|noftz.f16|noftz.bf16)
        cp.reduce.async.bulk.global.shared::cta.bulk_group.(min|max).(u32|s32|u64|s64|f16|bf16) cp.reduce.async.bulk.global.shared::cta.bulk_group.((inc|dec).u32|(and|or|xor).(b32|b64))
        cp.reduce.async.bulk.global.shared::cta.bulk_group.L2::cache_hint.add.u32""",
    "Tma.EverySpelling": """cp.async.bulk.tensor.(1|2|3|4|5)d.(shared::cluster|shared::cta).global(|.tile).mbarrier::complete_tx::bytes
        cp.async.bulk.tensor.(1|2|3|4|5)d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint
        cp.async.bulk.tensor.(1|2|3|4|5)d.shared::cluster.global(|.tile).mbarrier::complete_tx::bytes.multicast::cluster(|.L2::cache_hint)
        cp.async.bulk.tensor.(1|2|3|4|5)d.global.shared::cta(|.tile).bulk_group(|.L2::cache_hint) cp.reduce.async.bulk.tensor.(1|2|3|4|5)d.global.shared::cta.(add|min|max|inc|dec|and|or|xor).bulk_group
        cp.reduce.async.bulk.tensor.(1|2|3|4|5)d.global.shared::cta.add.tile.bulk_group(|.L2::cache_hint) cp.async.bulk.prefetch.tensor.(1|2|3|4|5)d.L2.global(|.tile)(|.L2::cache_hint)""",
    "MbarrierForms.CountsOfArrivals": """mbarrier.(arrive|arrive_drop)(|.release.cta|.release.cluster|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta).b64
        mbarrier.(arrive|arrive_drop)(|.release.cluster|.relaxed.cluster).shared::cluster.b64 mbarrier.(arrive|arrive_drop).noComplete(|.release.cta)(|.shared|.shared::cta).b64
        mbarrier.(arrive|arrive_drop).expect_tx(|.release.cta|.release.cluster|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta|.shared::cluster).b64""",
    "MbarrierForms.BytesAreAwaited": "mbarrier.(expect_tx|complete_tx)(|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta|.shared::cluster).b64",
    "MbarrierForms.InitAndInval": "mbarrier.(init|inval)(|.shared|.shared::cta).b64",
    "MbarrierForms.WaitsSayWhetherThePhaseIsComplete": """mbarrier.(test_wait|try_wait)(|.parity)(|.acquire.cta|.acquire.cluster|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta).b64""",
    "MbarrierForms.OrdersAndScopes": """mbarrier.(arrive|arrive_drop)(|.release.cta|.release.cluster|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta).b64
        mbarrier.(arrive|arrive_drop)(|.release.cluster|.relaxed.cluster).shared::cluster.b64
        mbarrier.(arrive|arrive_drop).expect_tx(|.release.cta|.release.cluster|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta|.shared::cluster).b64
        mbarrier.(test_wait|try_wait).parity(|.acquire.cta|.acquire.cluster|.relaxed.cta|.relaxed.cluster)(|.shared|.shared::cta).b64""",
    "Bulk.GlobalMemoryHasProxiesToo": "cp.async.bulk.wait_group(|.read)",
    "Bulk.StoresReadWhatIsOrderedBeforeThem": "cp.async.bulk.commit_group",
    "Bulk.TensorMapsMustBeMaps": "prefetch.tensormap fence.proxy.tensormap::generic.acquire.gpu",
    "Tma.LoadsOfEveryRankSwizzleAndType": "cp.async.bulk.tensor.(1|2|3|4|5)d.(shared::cluster|shared::cta).global.tile.mbarrier::complete_tx::bytes",
    "Tma.StoresOfEveryRankSwizzleAndType": "cp.async.bulk.tensor.(1|2|3|4|5)d.global.shared::cta.bulk_group",
    "Tma.Reductions": "cp.reduce.async.bulk.tensor.2d.global.shared::cta.(add|min|max|inc|dec|and|or|xor).bulk_group cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group",
    "Copy.SizesAndSourceSizes": "cp.async.cg.shared.global.L2::cache_hint.L2::128B",
    "Copy.IgnoredSources": "cp.async.cg.shared.global.L2::cache_hint",
    "Copy.WaitsAndBarriersOrder": "cp.async.ca.shared.global cp.async.wait_all",
    "Copy.GroupsEndInOrder": "cp.async.wait_group cp.async.commit_group",
    "Copy.MbarriersSeeCopiesEnd": "cp.async.mbarrier.arrive.noinc(|.shared).b64 cp.async.mbarrier.arrive.shared::cta.b64",
    "Poke.StoresOfEveryType": """st.async.weak.shared::cluster.mbarrier::complete_tx::bytes(|.v2).(b32|b64|u32|f32|f64|s64)
        st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.(b32|u32|f32) st.async.shared::cluster.mbarrier::complete_tx::bytes(|.v4).b32""",
    "Poke.ReductionsOfEveryType": """red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.(inc|dec|min|max|add).u32
        red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.(min|max|add).s32
        red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.(add.u64|and.b32)""",
    "Poke.BulkReductionsOfEveryType": """cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.add.(u32|s32|u64)
        cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.(min|max).(u32|s32)
        cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.((inc|dec).u32|(and|or|xor).b32)""",
    "TensorMapProxy.EveryField": """tensormap.replace.tile.(global_address|global_stride).shared::cta.b1024.b64
        tensormap.replace.tile.(rank|box_dim|global_dim|element_stride|elemtype|interleave_layout|swizzle_mode|fill_mode).shared::cta.b1024.b32""",
    "TensorMapProxy.TheGroupedProductsIdiom": """tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync.aligned
        fence.proxy.tensormap::generic.acquire.(cta|gpu)""",
    "TensorMapProxy.InGlobalMemory": """tensormap.replace.tile.global_address.global.b1024.b64 fence.proxy.tensormap::generic.release.(cta|gpu)""",
    "TensorMapProxy.OfAnotherCta": "tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.cta.sync.aligned",
    "Cluster.FencesAroundRelaxedArrivals": """fence.acquire.sync_restrict::shared::cluster.cluster fence.release.sync_restrict::shared::cta.cluster
        fence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster fence.proxy.async::generic.release.sync_restrict::shared::cta.cluster
        fence.(acq_rel|release).cluster""",
    "Atomic.EveryOperationOnEveryType": """(atom|red)(|.global|.shared).(add|min|max).(u32|s32) (atom|red)(|.global|.shared).add.(u64|f32|f64)
        (atom|red)(|.global|.shared).(min|max).(u64|s64) (atom|red)(|.global|.shared).(and|or|xor).(b32|b64) atom(|.global|.shared).exch.(b32|b64)
        (atom|red)(|.global|.shared).(inc|dec).u32 (atom|red).global.add.v2.f32 (atom|red).global.add.v4.f32
        (atom|red).global.add.noftz.(v2|v4).(f16|bf16|f16x2|bf16x2) (atom|red).global.add.noftz.v8.(f16|bf16)
        (atom|red)(|.global|.shared).add.noftz.(f16|f16x2|bf16|bf16x2) (atom|red).(shared::cta|shared::cluster).add.(u32|f32|u64)
        (atom|red).global.(min|max).noftz.(v2|v4).(f16|f16x2|bf16x2)""",
    "Atomic.CompareAndSwap": """atom(|.global|.shared|.shared::cluster).cas.(b16|b32|b64) atom.(relaxed|acquire|release|acq_rel).(cta|gpu|sys).global.cas.b32
        atom.global.(cta|gpu|sys|acq_rel.gpu|gpu.acq_rel).cas.b32 atom.cas.(relaxed|acquire|release|acq_rel).(cta|cluster|gpu|sys).(b16|b32|b64)""",
    "Atomic.WideSwaps": "atom.(exch|cas).acq_rel.gpu.b128 atom.global.(exch|cas).b128 (ld|st).shared.b128",
    "Memory.WideRegisters": "ld.global.b128 st.global.b128 ld.global.nc.b128 ldu.global.b128 ld.relaxed.gpu.b128 ld.acquire.sys.b128 st.relaxed.cta.b128 st.release.gpu.b128",
    "Memory.LoadsAndStoresMoveTheirBytes": """(ld|st)(|.global|.shared|.shared::cluster|.local).TYPES (ld|st).(global|shared|local).(v2|v4).(u8|b16|u32|b32|f32)
        (ld|st).(global|shared|local).v2.(u64|b64|f64) (ld|st).weak(|.global|.shared).u32 (ld|st).volatile(|.global|.shared).u32
        (ld|st).relaxed.(cta|gpu)(|.global|.shared).u32 ld.acquire.sys(|.global|.shared).u32 st.release.sys(|.global|.shared).u32""".replace("TYPES", "(b8|u8|s8|b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64)"),
    "Suffix.LoadsMoveTheirBytes": f"""ld{SPACES}.{PLAIN} ld.(const|param|param::entry).(u32|u64|f32|b32|s32|b64|f64|u8|s16) ld.param(.v2|.v4).(u8|b16|u32|b32|f32) ld.param.v2.(u64|b64|f64)
        ld(.v2|.v4).(b32|f32) ld.v2.b64 ld.(global|shared).b128 ld.volatile(|.global|.shared).u32 ld.volatile.(global|shared).v4.b32 ld.weak(|.global|.shared|.const).u32
        ld.(relaxed|acquire)(.cta|.cluster|.gpu|.sys)(|.global|.shared).u32 ld.(relaxed|acquire).gpu.global.(u64|f32|b16|b8|v4.b32) ld.(relaxed|acquire).gpu.shared::cluster.u32
        ld.mmio.relaxed.sys(|.global).u32 ld.global(.ca|.cg|.cs|.lu|.cv).(u32|s32|b32|v4.f32) ld.global.L1::{EVICT}.u32 ld.global.L2::(64B|128B|256B).u32
        ld.global.L1::no_allocate.L2::cache_hint(|.L2::128B).v4.f32 ld(|.global).L2::cache_hint.u32 ld.(relaxed|acquire).(cta|gpu|sys).(b8|b16|b32|s64|f64|v2.u64|b128)
        ld(.ca|.cg|.cs|.lu|.cv).(u8|u16|u64|v2.u32|v4.u16) ld.global.L1::(evict_first|evict_last|no_allocate).L2::(64B|256B).(b16|b64)
        ld.global.L1::(evict_first|evict_last).L2::cache_hint.(b32|v4.b32) ld.global.nc.{PLAIN} ld.global(|.ca|.cg|.cs).nc.(v2.f32|v4.u32|v2.b64|v2.f64) ld.global.nc.b128
        ld.global.nc.L1::{EVICT}.u32 ld.global.nc.L1::no_allocate.L2::(128B|256B).v4.b32 ld.global.nc.L2::cache_hint.v4.b32 ld.global.nc.L1::no_allocate.L2::cache_hint.L2::256B.v4.b32
        ldu(|.global).(u8|u32|f64|v2.u32|v4.f32|b128)""",
    "Suffix.StoresMoveTheirBytes": f"""st{SPACES}.{PLAIN} st(.v2|.v4).(b32|f32) st.v2.b64 st.(global|shared).b128 st.volatile(|.global|.shared).u32 st.volatile.(global|shared).v4.b32
        st.weak(|.global|.shared).u32 st.(relaxed|release)(.cta|.cluster|.gpu|.sys)(|.global|.shared).u32 st.(relaxed|release).gpu.global.(u64|f32|b16|b8|v4.b32)
        st.release.cluster.shared::cluster.u32 st.mmio.relaxed.sys(|.global).u32 st.global(.wb|.cg|.cs|.wt).(u32|s32|v4.f32)
        st.global.L1::(evict_last|evict_first|evict_normal|evict_unchanged|no_allocate).u32 st(|.global).L2::cache_hint.(u32|v4.f32) st.(relaxed|release).(cta|gpu|sys).(b8|b16|b32|s64|f64|v2.u64|b128)
        st(.wb|.cg|.cs|.wt).(u8|u16|u64|v2.u32|v4.u16) st.global.L1::(evict_first|no_allocate).L2::cache_hint.(b32|v2.b64)
        (st.param|st.param::func).(b8|b16|u16|b32|f32|b64|f64|v2.b32|v4.b32|v2.f64)""",
    "Order.LoadsAsFlags": """ld.(relaxed|acquire)(.cta|.cluster|.gpu|.sys)(|.global|.shared).u32 ld.(relaxed|acquire).gpu.global.(u64|f32|b16|b8) ld.(relaxed|acquire).gpu.shared::cluster.u32
        ld.mmio.relaxed.sys(|.global).u32 ld.(relaxed|acquire).(cta|gpu|sys).(b8|b16|b32|s64|f64)""",
    "Order.StoresAsFlags": """st.(relaxed|release)(.cta|.cluster|.gpu|.sys)(|.global|.shared).u32 st.(relaxed|release).gpu.global.(u64|f32|b16|b8) st.release.cluster.shared::cluster.u32
        st.mmio.relaxed.sys(|.global).u32 st.(relaxed|release).(cta|gpu|sys).(b8|b16|b32|s64|f64)""",
    "Order.Fences": "fence(|.sc|.acq_rel|.acquire|.release).(cta|cluster|gpu|sys) membar.(cta|gl|sys) (membar|fence).proxy.alias",
    "Order.AtomicOperationsAsFlags": f"{ORDERED_ATOMICS} {ORDERED_SWAPS}",
    "Atomic.OrdersScopesAndHintsChangeNoValue": f"(atom|red).global.add.L2::cache_hint.u32 {ORDERED_ATOMICS} {ORDERED_EXCHANGES} atom.shared::cluster.exch.(b32|b64)",
    "Memory.HintsChangeNothing": """ld.global.(ca|cg|cs|lu|cv).u32 ld.global.nc.u32 ldu(|.global).u32 st.global.(wb|cg|cs|wt).u32 ld.global.L1::(evict_last).u32
        st.global.L1::no_allocate.u32 ld.global.L2::64B.u32 (ld|st).global.L2::cache_hint.u32 (ld|st).mmio.relaxed.sys.global.u32
        prefetch.global.L1 prefetch.L2 prefetch.global.L2::evict_last prefetchu.L1 applypriority.global.L2::evict_normal
        cp.async.bulk.prefetch.L2.global(|.L2::cache_hint) pmevent(|.mask) createpolicy.fractional.L2::(evict_last|evict_first|evict_normal).b64
        createpolicy.range.global.L2::evict_last.L2::evict_first.b64 createpolicy.cvt.L2.b64""",
    "Memory.DiscardedLinesHoldNothing": "discard(|.global).L2",
    "Wgmma.EveryN": "wgmma.mma_async.sync.aligned.m64n({N})k16.f32.bf16.bf16".replace("{N}",
        "|".join(str(n) for n in range(8, 257, 8))),
    "Wgmma.EveryDroppedLineIsFound": "wgmma.(fence|commit_group|wait_group).sync.aligned",
    "test_matrices.py": "(ldmatrix|stmatrix).sync.aligned.m8n8.x4(|.trans).shared.b16",
    "test_sim_matrix_moves.py": """(ldmatrix|stmatrix).sync.aligned.m8n8.(x1|x2|x4)(|.trans)(|.shared|.shared::cta).b16
        movmatrix.sync.aligned.m8n8.trans.b16""",
    "test_sim_mma.py": """mma.sync.aligned.m16n8k(8|16).row.col.(f32.f16.f16.f32|f16.f16.f16.f16|f32.bf16.bf16.f32)
        mma.sync.aligned.m16n8k(4|8).row.col.f32.tf32.tf32.f32
        mma.sync.aligned.m16n8k(16|32).row.col.(f32.(e4m3|e5m2).(e4m3|e5m2).f32|f16.(e4m3|e5m2).(e4m3|e5m2).f16)
        mma.sync.aligned.(m8n8k16|m16n8k16|m16n8k32).row.col(|.satfinite).s32.(s8|u8).(s8|u8).s32
        mma.sync.aligned.(m8n8k32|m16n8k32|m16n8k64).row.col(|.satfinite).s32.(s4|u4).(s4|u4).s32
        mma.sync.aligned.(m8n8k128|m16n8k128|m16n8k256).row.col.s32.b1.b1.s32.(xor|and).popc
        mma.sync.aligned.(m8n8k4|m16n8k4|m16n8k8|m16n8k16).row.col.f64.f64.f64.f64
        mma.sync.aligned.(m8n8k4|m16n8k4|m16n8k8|m16n8k16).row.col.(rn|rz|rm|rp).f64.f64.f64.f64
        mma.sync.aligned.m8n8k4.(row|col).(row|col).(f32.f16.f16.(f32|f16)|f16.f16.f16.f16)""",
    "test_sim_mma_sparse.py": """mma.(sp|sp::ordered_metadata).sync.aligned.(m16n8k16|m16n8k32).row.col.(f32.f16.f16.f32|f16.f16.f16.f16|f32.bf16.bf16.f32)
        mma.(sp|sp::ordered_metadata).sync.aligned.(m16n8k8|m16n8k16).row.col.f32.tf32.tf32.f32
        mma.(sp|sp::ordered_metadata).sync.aligned.(m16n8k32|m16n8k64).row.col(|.satfinite).s32.(s8|u8).(s8|u8).s32
        mma.(sp|sp::ordered_metadata).sync.aligned.(m16n8k64|m16n8k128).row.col(|.satfinite).s32.(s4|u4).(s4|u4).s32
        mma.(sp|sp::ordered_metadata).sync.aligned.m16n8k64.row.col.f32.(e4m3|e5m2).(e4m3|e5m2).f32""",
    "test_sim_wmma.py": """wmma.load.(a|b).sync.aligned.(row|col).(m16n16k16|m8n32k16|m32n8k16)(|.global|.shared).f16
        wmma.load.(a|b).sync.aligned.(row|col).(m16n16k16|m8n32k16|m32n8k16).(bf16|s8|u8)
        wmma.(load.c|store.d).sync.aligned.(row|col).(m16n16k16|m8n32k16|m32n8k16).global.(f16|f32|s32)
        wmma.load.(a|b).sync.aligned.(row|col).(m16n16k8.tf32|m8n8k4.f64)
        wmma.load.(a.sync.aligned.row|b.sync.aligned.col).(m8n8k32.s4|m8n8k32.u4|m8n8k128.b1)
        wmma.(load.c|store.d).sync.aligned.(row|col).(m16n16k8.f32|m8n8k4.f64|m8n8k32.s32|m8n8k128.s32)
        wmma.mma.sync.aligned.(row|col).(row|col).(m16n16k16|m8n32k16|m32n8k16).(f32.f32|f32.f16|f16.f32|f16.f16|f32.bf16.bf16.f32)
        wmma.mma.sync.aligned.(row|col).(row|col).(m16n16k16|m8n32k16|m32n8k16).s32.(s8.s8|u8.u8).s32(|.satfinite)
        wmma.mma.sync.aligned.(row|col).(row|col).(m16n16k8.f32.tf32.tf32.f32|m8n8k4.(|rn.|rz.|rm.|rp.)f64.f64.f64.f64)
        wmma.mma.sync.aligned.row.col.m8n8k32.s32.(s4.s4|u4.u4).s32(|.satfinite)
        wmma.mma.(xor|and).popc.sync.aligned.row.col.m8n8k128.s32.b1.b1.s32""",
    "test_sim_wgmma.py": """wgmma.mma_async.sync.aligned.m64n(8|48|128|256)k16.(f16.f16.f16|f32.f16.f16)
        wgmma.mma_async.sync.aligned.m64n(8|48|128|256)k8.f32.tf32.tf32 wgmma.mma_async.sync.aligned.m64n(8|48|128|256)k32.(f32.e4m3.e4m3|s32.s8.s8)
        wgmma.mma_async.sync.aligned.m64n(8|48|128|256)k256.s32.b1.b1.and.popc
        wgmma.mma_async.sync.aligned.m64n(24|32|64|224|240)k32.s32.u8.u8 wgmma.mma_async.sync.aligned.m64n128k32.f32.e5m2.e5m2
        wgmma.mma_async.sync.aligned.m64n64k32.(f16|f32).(e4m3|e5m2).(e4m3|e5m2) wgmma.mma_async.sync.aligned.m64n96k32.s32.(s8|u8).(s8|u8)(|.satfinite)""",
    "test_gemm.py": """wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3 wgmma.mma_async.sync.aligned.m64n128k32.s32.s8.s8
        wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8""",
}

# Forms whose names have spaces.
TAGGED = {
    "Roles.EveryBarrierOrders": ["bar.sync count", "bar.sync registers", "barrier.sync count", "barrier.sync.aligned count"],
    "Roles.BarriersReducePredicates": ["barrier.red.and.pred count", "barrier.red.or.pred count", "barrier.red.popc.u32 count"],
    "Directive.VariablesOfEachSpace": ["module: .global", "module: .const", "module: .shared", "module: .global in an array", "module: .global.volatile attribute", "function: .local",
        "function: .shared", "function: .local, a vector", "function: .global", ".extern .shared"],
    "Directive.InitialValues": [f"initialised: {n}" for n in ("array of two dimensions", "array without a size", "fewer values than elements", "reals of 64 bits", "bytes", "an address",
        "an address with an offset", "f16", "a mask of an address", ".weak")] + ["a vector", ".visible"],
    "Directive.RegistersOfEachType": [f".reg .{t}" for t in ("b8", "u8", "s8", "b16", "u16", "s16", "b32", "u32", "s32", "b64", "u64", "s64", "f16", "f16x2", "f32", "f64", "pred", "b128")]
        + [".reg, several at once", "f16 registers"],
    "Directive.VersionsAndTargets": [f".version {v}" for v in ("7.8", "8.0", "8.3", "8.6", "8.8", "9.0")] + [f".target {t}" for t in ("sm_90", "sm_80", "sm_75", "sm_90a, texmode_independent")]
        + ["no .address_size"],
    "Directive.EntriesFunctionsAndAliases": [".entry without a linkage", ".entry, two of them", ".entry declared, then defined", ".weak .entry", ".entry without parentheses", ".func, never called",
        ".func .visible", ".func .weak", ".extern .func, never called", ".func .noreturn", ".func .abi_preserve", ".alias", "call with .param::func"],
    "Directive.PerformanceDirectives": [".maxntid 128", ".maxntid 64, 2, 1", ".reqntid 1", ".reqntid 1, 1, 1", ".maxnreg 64", ".maxntid 128 .minnctapersm 2", ".pragma 'nounroll';", ".pragma in a body",
        ".pragma at the top"],
    "Directive.Linking": [".extern, .visible, .weak of variables"],
    "Directive.TrapAndBreakpoint": ["@!%p0 trap", "@!%p0 brkpt"],
    "Directive.Parameters": ["parameter .ptr", "parameter .ptr .global .align", "parameter .ptr .shared", "parameter .attribute(.grid_constant)", "parameter .b64", "parameter two of them"],
    "Directive.SpecialRegistersOfClusters": [f"mov.u32 %{v}.{c}" for v in ("clusterid", "nclusterid", "cluster_ctaid", "cluster_nctaid") for c in "xyz"] + ["mov.u16 %ntid.x", "mov.u16 %ctaid.x"],
    "MbarrierForms.CountsOfArrivals": [f"mbarrier.{n}.{s}" for n in ("arrive", "arrive_drop") for s in ("shared.b64 count", "shared::cluster.b64 count", "shared.b64 count in a register", "b64 sink",
        "b64, 1")],
    "MbarrierForms.InitAndInval": ["mbarrier.init.shared.b64 register"],
    "MbarrierForms.WaitsSayWhetherThePhaseIsComplete": ["mbarrier.try_wait.shared.b64 time limit", "mbarrier.try_wait.parity.shared.b64 time limit"],
    "Bulk.RowsInEverySpelling": ["cp.async.bulk.global.shared::cta.bulk_group size in a register"],
    "Function.RecursionKeepsEachLanesRegisters": ["call.uni", "call of itself"],
    "Function.MutualRecursion": ["call", "call of a function that is declared first"],
    "Function.WhatIsPassed": ["call with a structure"],
    "Function.RegistersAreParametersToo": ["call with registers"],
    "Function.GuardedCallsAndEarlyReturns": ["call under a predicate"],
    "Function.LanesMeetBeforeFunctionsWithBarriers": ["call without arguments"],
    "Function.CallsThroughAddresses": ["call through a prototype", "call through targets", "call through a table"],
    "Function.FramesAreLocalMemory": ["call with a stack frame"],
    "Function.Stack": ["stacksave.u64", "stackrestore.u64", "alloca.u64", "alloca.u64 alignment"],
    "Runtime.PrintfFormatsAsC": ["vprintf"],
    "Runtime.HeapLists": ["malloc and free"],
    "Runtime.Assertions": ["__assertfail"],
    "Runtime.ClocksAndSleep": [f"mov.u32 %{n}" for n in ("clock", "clock_hi", "globaltimer_lo", "globaltimer_hi")] + ["mov.u64 %clock64", "mov.u64 %globaltimer", "nanosleep.u32 register"],
    "Order.AtomicOperationsAsFlags": [f"{name}.{scope}{space}.add.u32 scope alone" for name in ("atom", "red") for scope in ("cta", "cluster", "gpu", "sys") for space in ("", ".global")],
    "Atomic.OrdersScopesAndHintsChangeNoValue": ["atom.global.exch.b32 sink"] + [f"{name}.{scope}{space}.add.u32 scope alone" for name in ("atom", "red")
        for scope in ("cta", "cluster", "gpu", "sys") for space in ("", ".global")],
    "Suffix.LoadsMoveTheirBytes": ["ld.global.v4.b32 wide"] + [f"ld{space}.{hint}.u32 cached" for space in ("", ".shared", ".local") for hint in ("ca", "cg")],
    "Suffix.StoresMoveTheirBytes": ["st.global.v4.b32 wide"],
    "Integer.SumsProductsQuotients": ["add.s32 immediate", "sub.s32 immediate"],
    "Integer.Comparisons": ["setp.lt.s32 pair", "setp.lt.s32 sink", "setp.lt.and.s32 pair, negated", "setp.eq.s32 immediate"],
    "Integer.Logic": ["mov.pred immediate"],
    "Integer.Lop3": ["lop3.or.b32 sink"],
    "Real.SignsAndMagnitudes": ["add.f32 immediate"],
    "Convert.RegistersOf8BitsAndWiderOnes": ["cvt of registers of 8 bits", "cvt into a wider register"],
    "Move.EveryType": ["mov.b128 from 4 of b32", "mov.b128 to 4 of b32", "mov.b128 from 2 of b64", "mov.b128 to 2 of b64"],
    "Move.Immediates": ["mov.u32 immediate", "mov.f32 immediate", "mov.f64 immediate"],
    "Move.PackingAndUnpacking": [f"mov.{ty} {way} {n} of {part}" for way in ("from", "to") for ty, n, part in (("b16", 2, "b8"), ("b32", 4, "b8"),
        ("b32", 2, "b16"), ("b64", 4, "b16"), ("b64", 2, "b32"), ("b64", 2, "f32"))] + ["mov.b32 with a sink"],
    "Move.Addresses": ["mov.u64 variable", "mov.u64 variable and offset", "mov.u32 shared variable", "mov.u64 shared variable", "mov.b64 parameter",
        "mov.u64 function", "mov.b64 function", "cvta.global.u64 variable", "cvta.shared.u64 variable"],
    "Warp.Shuffles": [f"shfl.sync.{mode}.b32 with predicate" for mode in ("up", "down", "bfly", "idx")],
    "Warp.Votes": ["vote.sync.any.pred negated", "vote.sync.ballot.b32 negated"],
    "Warp.Matches": ["match.all.sync.b32 no predicate"],
    "Exec.Integers": ["mov.b32 from 2 of b16", "mov.b64 to 2 of b32", "mov.b64 from 2 of b32", "setp.lt.s32 pair"],
    "Copy.SizesAndSourceSizes": ["cp.async.ca.shared.global, 1", "cp.async.ca.shared.global 8 bytes", "cp.async.ca.shared.global 16 bytes", "cp.async.cg.shared.global 16 bytes", "cp.async.cg.shared.global source size",
        "cp.async.cg.shared.global source size in a register"],
    "Copy.IgnoredSources": ["cp.async.ca.shared.global ignore-src", "cp.async.cg.shared.global ignore-src"],
    "Memory.HintsChangeNothing": ["createpolicy.fractional.L2::evict_last.b64 no fraction"],
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
    "test_sim_wgmma.py": [f"wgmma.mma_async.sync.aligned.m64n64k{k}.{types} A in registers" for k, types in (
        (16, "f16.f16.f16"), (8, "f32.tf32.tf32"), (256, "s32.b1.b1.and.popc"),
        *((32, f"{d}.{a}.{b}") for d in ("f16", "f32") for a in ("e4m3", "e5m2") for b in ("e4m3", "e5m2")))]
    + [f"wgmma.mma_async.sync.aligned.m64n96k32.s32.{a}.{b}{tail} A in registers" for a in ("s8", "u8") for b in ("s8", "u8")
       for tail in ("", ".satfinite")]
    + [f"wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 scale-d {p}" for p in ("%p0", "!%p0")]
    + [f"wgmma.mma_async.sync.aligned.m64n64k16.f16.f16.f16 {x}" for x in ("transposed 0, 1", "transposed 1, 0", "transposed 1, 1",
        "A in registers transposed B")] + ["wgmma.wait_group.sync.aligned 7"],
    "test_sim_wmma.py": ["wmma.load.a.sync.aligned.row.m16n16k16.f16 without stride"],
    "Video.Scalars": [f"v{op}.u32.u32.u32 selectors" for op in ("add", "sub", "absdiff", "min", "max")] + [
        f"vadd.u32.u32.u32 merged into {to}" for to in ("a byte", "the lower half")],
    "Video.Products": [f"vmad.u32.s32.u32 negated {x}" for x in ("product", "addend")],
    "Video.PairsOfHalves": ["vadd2.u32.u32.u32 mask and selectors"],
    "Video.QuadsOfBytes": ["vadd4.u32.u32.u32 mask and selectors"],
    "Syntax.ConstantExpressions": [f"integer: {n}" for n in ("hexadecimal", "octal", "binary", "unsigned", "negative", "complement", "not", "sum",
        "shift", "comparison", "choice", "parentheses", "cast", "modulo", "WARP_SZ", "largest", "bits and", "64 bits")],
    "Syntax.IdentifiersAndComments": ["identifiers with $, _ and %", "comments"],
    "Syntax.TexturesAndSurfacesStopTheirEntriesOnly": [f".global .{t}" for t in ("texref", "samplerref", "surfref")],
    "Syntax.RealConstants": [f"real: {n}" for n in ("0f", "decimal", "exponent", "negative", "0d")],
    "Syntax.BytesOfAnAddress": ["initialised: bytes of an address"],
    "Syntax.CommonVariables": [".common"],
    "Syntax.IndexedVariables": ["variable[index]"],
    "Syntax.VectorRegisters": [".reg .v2, .v4", "vector elements"],
    "Syntax.SpecialRegisters": [f"mov.u32 %{v}.{c}" for v in ("tid", "ntid", "ctaid", "nctaid") for c in "xyz"] + [f"mov.u32 %lanemask_{c}" for c in (
        "eq", "le", "lt", "ge", "gt")] + [f"mov.u32 {n}" for n in ("%laneid", "%warpid", "%nwarpid", "%nsmid", "%dynamic_smem_size", "WARP_SZ")],
    "Syntax.SpecialRegistersInOtherWidths": ["mov.u16 %tid.x", "mov.u32 %tid.w", "mov.v4.u32 %tid", "mov.u64 %current_graph_exec", "mov.u32 %gridid"],
    "Syntax.TheWorkspaceOfAGrid": [f"mov.b32 %envreg{i}" for i in (1, 2)],
    "Poison.UsedBytesOfAWord": [".pragma in a body"],
    "Syntax.WhatADriverSetsIsPoison": [f"mov.b32 %{n}" for n in ("envreg0", "envreg31", "pm0", "pm7")] + ["mov.u32 %aggr_smem_size"],
    "Syntax.GuardsAndBranchesByIndex": ["@%p0 add.s32", "@!%p0 add.s32", "bra", "brx.idx"],
    "LaunchFile.TensorMapsAndFields": ["parameter array"],
    "LaunchFile.ScalarsOfEveryType": ["parameter .u8", "parameter .f32"],
}
