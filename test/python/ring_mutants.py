"""The mutants of @gemm_tma's PTX for test_mutants.py: a ring that the copy engine fills and two warpgroups empty, in a
cluster of two programs that share B by multicast, or, with --tune=cluster=1, in a program alone.

The entry is cut into units: a line, or a block in braces that stands for one instruction (a wait with its loop). What
each mutant changes is found by the shape of the instructions and by the registers they share, never by a register's
number; where the shape is not what was expected, an AssertionError says what to adapt here.
"""

import re
from collections import namedtuple

Mutant = namedtuple("Mutant", "target change ptx")  # change: "removed", "after wgmma 3", "wait_group 1", ...

GROUPS = ("inits", "start", "end", "launch", "parts", "tiles", "full_wait", "free_wait", "arrives", "expect", "loads",
          "fences", "commit", "waits", "descriptors", "registers", "ring", "elections", "bulk_waits", "named_barriers",
          "proxy_fences", "matrices", "stores")

PREDICATE = r"(@!?%p\d+\s+)?"


def units_of(lines):
    """Lines, with those of a block in braces joined into one."""
    result, block = [], None
    for line in lines:
        text = line.strip()
        if block is None and text == "{":
            block = [text]
        elif block is not None:
            block.append(text)
            if text == "}":
                result.append("\t" + " ".join(block))
                block = None
        else:
            result.append(line)
    return result


class Units:
    """The units of gemm_tma, found by patterns; and its PTX with some of them replaced."""

    def __init__(self, ptx, entry="gemm_tma"):
        begin = ptx.index("$L__func_begin", ptx.index(f".visible .entry {entry}("))
        end = ptx.index("$L__func_end", begin)
        self.before, self.after = ptx[:begin], ptx[end:]
        self.units = units_of(ptx[begin:end].split("\n"))

    def all(self, pattern):
        return [number for number, unit in enumerate(self.units) if re.search(pattern, unit)]

    def one(self, pattern):
        (found,) = self.all(pattern)
        return found

    def ptx(self, changes):
        """The kernel with some units replaced."""
        units = [changes.get(number, unit) for number, unit in enumerate(self.units)]
        return self.before + "\n".join(units) + self.after

    def change(self, number, pattern, replacement):
        changed, count = re.subn(pattern, replacement, self.units[number])
        assert count >= 1, (pattern, self.units[number])
        return {number: changed}

    def edited(self, number, pattern, replacement):
        return self.ptx(self.change(number, pattern, replacement))

    def moved(self, number, before):
        return self.ptx({number: "", before: self.units[number] + "\n" + self.units[before]})


class RingKernel:
    def __init__(self, ptx, entry="gemm_tma"):
        begin = re.search(rf"\.visible \.entry {entry}\(.*?\$L__func_begin(\d+):\n", ptx, re.DOTALL)
        end = ptx.index(f"$L__func_end{begin.group(1)}:")
        self.before, self.after = ptx[:begin.end()], ptx[end:]
        self.units = units_of(ptx[begin.end():end].split("\n"))
        cluster = re.search(r"\.reqnctapercluster (\d+), 1, 1", begin.group())
        self.cluster = int(cluster.group(1)) if cluster else 1
        assert self.cluster in (1, 2), f"expected a cluster of one or two, got {self.cluster}: adapt this test"
        self.locate()

    # --- Finding -------------------------------------------------------------------------------------------------

    def all(self, pattern, begin=0, end=None):
        return [i for i in range(begin, len(self.units) if end is None else end)
                if re.match(r"\s*" + PREDICATE + pattern, self.units[i]) or
                self.units[i].startswith("\t{") and re.search(pattern, self.units[i])]

    def one(self, pattern, begin=0, end=None):
        found = self.all(pattern, begin, end)
        if len(found) != 1:
            raise AssertionError(f"expected one {pattern}, got {[self.units[i] for i in found]}: adapt this test")
        return found[0]

    def some(self, count, pattern, begin=0, end=None):
        found = self.all(pattern, begin, end)
        if len(found) != count:
            raise AssertionError(f"expected {count} {pattern}, got {len(found)}: adapt this test")
        return found

    def match(self, index, pattern):
        found = re.search(pattern, self.units[index])
        if not found:
            raise AssertionError(f"expected {pattern} in {self.units[index]}: adapt this test")
        return found.groups()

    def last(self, pattern, before):
        return self.all(pattern, 0, before)[-1]

    def label(self, index):
        """The place of the label that the branch at `index` goes to."""
        (name,) = self.match(index, r"bra(?:\.uni)?\s+(\$L\w+);")
        return self.one(re.escape(name) + ":")

    def definition(self, register, before):
        return self.last(rf"[\w.]+\s+{register},", before)

    def locate(self):
        self.inits = self.some(8, r"mbarrier\.init")
        self.init_fences = self.some(2, r"fence\.mbarrier_init")
        self.not_first = self.last(r"bra", self.inits[0])  # Every thread but the first goes round the initialisation.
        if self.cluster == 1:
            self.start = self.one(r"bar\.sync\s+0;")
        else:
            self.start_arrive, self.end_arrive = self.some(2, r"barrier\.cluster\.arrive\.release;")
            self.start, self.end = self.some(2, r"barrier\.cluster\.wait\.acquire;")
            assert (self.start, self.end) == (self.start_arrive + 1, self.end_arrive + 1)
        self.inc, self.dec = self.one(r"setmaxnreg\.inc"), self.one(r"setmaxnreg\.dec")
        assert self.start < self.inc < self.dec, "expected the consumers before the producer: adapt this test"

        # The consumers' loop.
        self.full_wait = self.one(r"try_wait", self.inc, self.dec)
        self.fences = self.some(2, r"wgmma\.fence")
        self.products = self.all(r"wgmma\.mma_async")
        self.commit = self.one(r"wgmma\.commit_group")
        self.retire = self.one(r"wgmma\.wait_group\.sync\.aligned 1;")
        self.drain = self.one(r"wgmma\.wait_group\.sync\.aligned 0;")
        self.arrives = self.some(2, r"mbarrier\.arrive\.(shared|release)", self.inc, self.dec)
        self.guards = [self.last(r"bra\s", index) for index in self.arrives]
        self.latch, self.drained = map(self.label, self.guards)
        self.enter = self.all(r"bra\.uni", self.fences[0], self.full_wait)[0]
        self.exit = self.label(self.last(r"bra\s", self.full_wait))
        self.slot, = self.match(self.last(r"shl\.b32\s+%r\d+, %r\d+, 3;", self.full_wait), r", (%r\d+), 3;")
        self.slot_bytes, = self.match(self.last(r"shl\.b32\s+%r\d+, %r\d+, 3;", self.full_wait), r"(%r\d+), %r\d+, 3;")
        self.advance = self.one(r"selp\.b32\s+%r\d+, 0,", self.latch, self.full_wait)
        self.flip = self.one(r"xor\.b32", self.latch, self.full_wait)

        # The epilogue, if results leave through the copy engine.
        self.stores = self.all(r"cp\.async\.bulk\.tensor\.2d\.global", self.inc, self.dec)
        self.store_commits = self.some(len(self.stores), r"cp\.async\.bulk\.commit_group")
        self.reads = self.all(r"cp\.async\.bulk\.wait_group\.read 1;")
        assert len(self.reads) == len(self.stores), "expected a wait before each slice: adapt this test"
        self.last_read = self.one(r"cp\.async\.bulk\.wait_group\.read 0;") if self.stores else None
        self.proxies = self.some(len(self.stores), r"fence\.proxy\.async")
        self.named = self.some(2 * len(self.stores), r"bar\.sync\s+%r\d+, 128;")

        # The producer.
        self.elect = self.all(r"bra\s", self.dec)[0]
        self.free_wait = self.one(r"try_wait", self.dec)
        self.expect = self.one(r"mbarrier\.arrive\.expect_tx", self.dec)
        self.loads = self.all(r"cp\.async\.bulk\.tensor\.2d\.shared", self.dec)
        self.next = self.all(r"selp\.b32", self.loads[-1])
        assert len(self.next) == 2, "expected slot and phase to advance: adapt this test"
        self.produce = self.last(r"mov\.b64\s+%rd\d+, 0;", self.free_wait)  # Before the producer's loop.

        # Threads by number: in the block, in the warpgroup.
        self.tid, = self.match(self.one(r"mov\.u32\s+%r\d+, %tid\.x"), r"(%r\d+), %tid")
        lane = self.one(r"and\.b32\s+%r\d+, %r\d+, 127;")
        self.lane, = self.match(lane, r"(%r\d+), %r\d+, 127")
        self.not_elected, = self.match(self.one(rf"setp\.ne\.b32\s+%p\d+, {self.lane}, 0;"), r"(%p\d+), ")
        if self.cluster > 1:
            self.rank, = self.match(self.one(r"mov\.u32\s+%r\d+, %cluster_ctarank"), r"(%r\d+), %cluster")
            # Which rows of A and of the results, and which columns of B, are this program's.
            wide, = self.match(self.one(rf"cvt\.u64\.u32\s+%rd\d+, {self.rank};"), r"(%rd\d+), ")
            self.rows, self.coordinates = self.some(2, rf"shl\.b64\s+%rd\d+, {wide}, 7;")
            assert self.inc < self.rows < self.dec < self.coordinates
            narrow, = self.match(self.one(rf"cvt\.u32\.u64\s+%r\d+, {wide};"), r"(%r\d+), ")
            self.place = self.one(rf"shl\.b32\s+%r\d+, {narrow}, 14;")
            offset, = self.match(self.coordinates, r"(%rd\d+), ")
            self.offsets = self.some(2, rf"add\.s64\s+%rd\d+, %rd\d+, {offset};")  # Of A's rows, of B's columns.

    # --- Changing ------------------------------------------------------------------------------------------------

    def text(self, *changes):
        """The PTX after changes: (unit, text) replaces, (unit, None) removes, (unit, "before", text) inserts,
        ("head", pattern, text) replaces in the entry's head."""
        units = [[unit] for unit in self.units]
        before = self.before
        for index, *change in changes:
            if index == "head":
                place = before.rindex(".visible .entry")
                head, count = re.subn(change[0], change[1], before[place:])
                assert count == 1, f"expected one {change[0]}, got {count}: adapt this test"
                before = before[:place] + head
            elif len(change) == 2:
                units[index].insert(-1, "\t" + change[1].strip())
            else:
                units[index][-1] = "" if change[0] is None else "\t" + change[0].strip()
        return before + "\n".join(line for unit in units for line in unit) + self.after

    def swap(self, index, pattern, replacement):
        text, count = re.subn(pattern, replacement, self.units[index])
        if count != 1:
            raise AssertionError(f"expected {pattern} once in {self.units[index]}: adapt this test")
        return index, text

    def only(self, index, condition):
        """The unit, for threads for which `condition` (setp's operator and operands) holds."""
        unit = self.units[index].strip()
        return index, f"{{ .reg .pred %only; .reg .b32 %t; {condition}; @!%only bra others; {unit} others: }}"

    def one_warp(self, index):
        return self.only(index, f"and.b32 %t, {self.tid}, 127; setp.lt.u32 %only, %t, 32")

    def lane0(self, index):
        return self.only(index, f"and.b32 %t, {self.tid}, 31; setp.eq.u32 %only, %t, 0")

    def branch_unless(self, index, condition):
        """The branch at `index`, taken by those for which `condition` does not hold."""
        (label,) = self.match(index, r"bra\s+(\$L\w+);")
        return index, f"{{ .reg .pred %only; .reg .b32 %t; {condition}; @!%only bra {label}; }}"

    def moved(self, index, place):
        """The unit taken from its place and put before the unit `place`."""
        return (index, None), (place, "before", self.units[index])

    # --- The mutants ---------------------------------------------------------------------------------------------

    def mutants(self, groups=None):
        for group in groups or GROUPS:
            for target, change, *changes in getattr(self, f"of_{group}")():
                yield Mutant(target, change, self.text(*changes))

    def of_inits(self):
        for number, index in enumerate(self.inits):
            name = f"{'full' if number < 4 else 'free'}[{number % 4}]"
            (count,) = self.match(index, r", (\d+);")
            yield "mbarrier.init", f"{name} removed", (index, None)
            yield "mbarrier.init", f"{name} one more", self.swap(index, r", \d+;", f", {int(count) + 1};")
            yield "mbarrier.init", f"{name} one less", self.swap(index, r", \d+;", f", {int(count) - 1};")
            if number >= 4 and self.cluster > 1:
                yield "mbarrier.init", f"{name} for one program", self.swap(index, r", \d+;", f", {int(count) // 2};")
        for value in (1, 3, 5, 8) + ((2,) if self.cluster > 1 else ()):
            yield "mbarrier.init", f"all free count {value}", *(
                self.swap(index, r", \d+;", f", {value};") for index in self.inits[4:])
        yield "mbarrier.init", "full[1] in the place of full[0]", self.swap(self.inits[1], r"\+8\]", "+0]")
        yield "mbarrier.init", "by all threads", (self.not_first, None)
        yield "mbarrier.init", "by a lane of each warp", self.branch_unless(
            self.not_first, f"and.b32 %t, {self.tid}, 31; setp.eq.u32 %only, %t, 0")
        for thread in (1, 383):
            yield "mbarrier.init", f"by thread {thread}", self.branch_unless(
                self.not_first, f"setp.eq.u32 %only, {self.tid}, {thread}")
        first, second = self.init_fences
        yield "fence.mbarrier_init", "first removed", (first, None)
        yield "fence.mbarrier_init", "second removed", (second, None)
        yield "fence.mbarrier_init", "both removed", (first, None), (second, None)
        yield ("fence.mbarrier_init", "both before the initialisation", (first, None), (second, None),
               (self.inits[0], "before", self.units[first]))
        yield ("fence.mbarrier_init", "both after the barrier", (first, None), (second, None),
               (self.start + 1, "before", self.units[first]))
        yield "fence.mbarrier_init", "both fence.acq_rel.cta", (first, "fence.acq_rel.cta;"), (second, "fence.acq_rel.cta;")
        yield ("fence.mbarrier_init", "both fence.proxy.async", (first, "fence.proxy.async.shared::cta;"),
               (second, "fence.proxy.async.shared::cta;"))

    def of_start(self):
        if self.cluster > 1:
            yield from self.of_cluster_start()
            return
        yield "bar.sync", "removed", (self.start, None)
        yield "bar.sync", "before the initialisation", *self.moved(self.start, self.not_first)
        yield "bar.sync", "by warp 0 of each warpgroup only", self.one_warp(self.start)
        yield "bar.sync", "of each warp alone", (self.start, "bar.warp.sync 0xffffffff;")
        yield "bar.sync", "arriving without waiting", (self.start, "bar.arrive 0, 384;")
        yield "bar.sync", "of 256 threads", (self.start, "bar.sync 0, 256;")
        yield "bar.sync", "a memory fence", (self.start, "membar.cta;")

    def of_barrier(self, target, arrive, wait):
        yield target, "removed", (arrive, None), (wait, None)
        yield target, "arrive removed", (arrive, None)
        yield target, "wait removed", (wait, None)
        yield target, "wait before arrive", *self.moved(wait, arrive)
        yield target, "arrive doubled", (arrive, "before", self.units[arrive])
        yield target, "wait doubled", (wait, "before", self.units[wait])
        yield target, "doubled", (arrive, "before", f"{self.units[arrive].strip()} {self.units[wait].strip()}")
        yield target, "relaxed", self.swap(arrive, "release", "relaxed")
        yield target, "aligned", self.swap(arrive, ";", ".aligned;"), self.swap(wait, ";", ".aligned;")
        for what, condition in (("by warp 0 of each warpgroup only",
                                 f"and.b32 %t, {self.tid}, 127; setp.lt.u32 %only, %t, 32"),
                                ("by the first program only", f"setp.eq.u32 %only, {self.rank}, 0"),
                                ("by the second program only", f"setp.eq.u32 %only, {self.rank}, 1"),
                                ("by all threads but the last", f"setp.ne.u32 %only, {self.tid}, 383")):
            yield target, what, self.only(arrive, condition), self.only(wait, condition)
        yield target, "arrive by the consumers only", self.only(arrive, f"setp.ge.u32 %only, {self.tid}, 128")
        yield target, "of the program alone", (arrive, None), (wait, "bar.sync 0;")
        yield target, "of each warp alone", (arrive, None), (wait, "bar.warp.sync 0xffffffff;")
        yield target, "a memory fence", (arrive, None), (wait, "fence.acq_rel.cluster;")

    def of_cluster_start(self):
        target = "start barrier"
        yield from self.of_barrier(target, self.start_arrive, self.start)
        yield (target, "before the initialisation", (self.start_arrive, None), (self.start, None),
               (self.not_first, "before", f"{self.units[self.start_arrive].strip()} {self.units[self.start].strip()}"))
        yield target, "arrive before the initialisation", *self.moved(self.start_arrive, self.not_first)
        yield (target, "after the consumers' registers", (self.start_arrive, None), (self.start, None),
               (self.inc + 1, "before", f"{self.units[self.start_arrive].strip()} {self.units[self.start].strip()}"),
               (self.dec + 1, "before", f"{self.units[self.start_arrive].strip()} {self.units[self.start].strip()}"))
        yield (target, "of the consumers only", (self.start_arrive, None), (self.start, None),
               (self.inc + 1, "before", f"{self.units[self.start_arrive].strip()} {self.units[self.start].strip()}"))
        yield target, "relaxed, and no fence.mbarrier_init", self.swap(self.start_arrive, "release", "relaxed"), *(
            (fence, None) for fence in self.init_fences)

    def of_end(self):
        if self.cluster == 1:
            return
        target = "end barrier"
        yield from self.of_barrier(target, self.end_arrive, self.end)
        both = f"{self.units[self.end_arrive].strip()} {self.units[self.end].strip()}"
        # The simulator is strict here: that the copies are done and seen would do, it asks for the producer's thread.
        yield (target, "of the consumers only", (self.end_arrive, None), (self.end, None),
               (self.last(r"bra\s", self.last_read), "before", both))
        yield (target, "before the last stores are read", (self.end_arrive, None), (self.end, None),
               (self.dec + 1, "before", both),
               (self.last(r"bra\s", self.last_read), "before", both))

    def of_launch(self):
        """What the entry says of itself."""
        if self.cluster == 1:
            return
        size = r"\.reqnctapercluster 2, 1, 1"
        yield "cluster", "of any size", ("head", size, "")
        yield "cluster", "none", ("head", size, ""), ("head", r"\.explicitcluster", "")
        yield "cluster", "not explicit", ("head", r"\.explicitcluster", "")
        for shape in ("1, 1, 1", "1, 2, 1", "4, 1, 1"):
            yield "cluster", f"of {shape}", ("head", size, f".reqnctapercluster {shape}")

    def of_parts(self):
        """Which part of B, which rows of A and of C are whose."""
        if self.cluster == 1:
            return
        place, coordinates, rows = ((index, *self.match(index, r"(%rd?\d+), (%rd?\d+), (\d+);"))
                                    for index in (self.place, self.coordinates, self.rows))

        def of_rank(site, text):
            """The unit with another rank: `text` computes %k from the right one."""
            index, register, rank, shift = site
            bits = "b64" if register.startswith("%rd") else "b32"
            return (index, f"{{ .reg .{bits} %k; {text.format(bits=bits, rank=rank)} shl.{bits} {register}, %k, {shift}; }}")

        def offset(number, text):
            """A coordinate's sum with another offset."""
            index = self.offsets[number]
            result, base, add = self.match(index, r"(%rd\d+), (%rd\d+), (%rd\d+);")
            return index, f"{{ .reg .b64 %k; {text.format(bits='b64', rank=add)} add.s64 {result}, {base}, %k; }}"

        zero, one, other = "mov.{bits} %k, 0;", "mov.{bits} %k, 1;", "xor.{bits} %k, {rank}, 1;"
        for what, site in (("the part's place", place), ("the producer's rank", coordinates), ("the results' rank", rows)):
            yield "part", f"{what} the first", of_rank(site, zero)
            yield "part", f"{what} the second", of_rank(site, one)
            yield "part", f"{what} the other's", of_rank(site, other)
            index, register, rank, shift = site
            for change, value in (("halved", int(shift) - 1), ("doubled", int(shift) + 1)):
                yield "part", f"{what} {change}", self.swap(index, rf", {shift};", f", {value};")
        for number, what in enumerate(("A's rows", "B's columns")):
            yield "part", f"{what} the first", offset(number, zero)
            yield "part", f"{what} the second", offset(number, "mov.{bits} %k, 128;")
            yield "part", f"{what} the other's", offset(number, "xor.{bits} %k, {rank}, 128;")
            yield "part", f"{what} halved", offset(number, "shr.u64 %k, {rank}, 1;")
        yield ("part", "B's place and columns the other's", of_rank(place, other),
               offset(1, "xor.{bits} %k, {rank}, 128;"))
        yield ("part", "A's rows and the results the other's", of_rank(rows, other),
               offset(0, "xor.{bits} %k, {rank}, 128;"))

    def of_tiles(self):
        """Which tiles a cluster walks."""
        sites = {}
        for register, what in (("%ctaid.x", "first tile"), ("%nctaid.x", "step")):
            found = [self.match(i, r"(%r\d+), ")[0] for i in self.some(2, rf"mov\.u32\s+%r\d+, {register};")]
            for role, value in zip(("the consumers", "the producer"), found):
                use = (self.one(rf"shr\.u32\s+%r\d+, {value}, 1;") if self.cluster > 1
                       else self.one(rf"cvt\.u64\.u32\s+%rd\d+, {value};"))
                sites[role, what] = use, value
        for what in ("first tile", "step"):
            both = []
            for role in ("the consumers", "the producer"):
                use, value = sites[role, what]
                whose = role + ("'" if role.endswith("s") else "'s")
                if self.cluster > 1:
                    change = self.swap(use, ", 1;", ", 0;")
                    yield "tiles", f"{whose} {what} by program", change
                else:
                    result, = self.match(use, r"(%rd\d+), ")
                    change = (use, f"{{ .reg .b32 %t; add.u32 %t, {value}, 1; cvt.u64.u32 {result}, %t; }}")
                    yield "tiles", f"{whose} {what} one more", change
                both.append(change)
            yield "tiles", f"{what} of both " + ("by program" if self.cluster > 1 else "one more"), *both
        if self.cluster > 1:
            rounds = self.some(2, r"add\.s64\s+%rd\d+, %rd\d+, 2;")
            for what, which in (("the consumers", rounds[:1]), ("the producer", rounds[1:]), ("both", rounds)):
                yield "tiles", f"a row without its pair left out by {what}", *(
                    self.swap(index, ", 2;", ", 1;") for index in which)
                yield "tiles", f"a pair too many for {what}", *(self.swap(index, ", 2;", ", 4;") for index in which)

    def places(self, index):
        """(name, place) for all gaps of the consumers' loop but those beside the unit `index`."""
        names = {self.full_wait: "wait", self.fences[1]: "wgmma.fence", self.commit: "commit", self.retire: "wait_group"}
        names |= {product: f"wgmma {number}" for number, product in enumerate(self.products, 1)}
        order = sorted(names)
        for unit in order:
            if unit != index and order[order.index(unit) + 1:][:1] != [index] or unit not in names:
                yield f"after {names[unit]}", unit + 1
        yield "after the release", self.latch + 1
        yield "after the loop", self.exit + 1

    def of_full_wait(self):
        wait, target = self.full_wait, "full wait"
        yield target, "removed", (wait, None)
        for name, place in self.places(wait):
            if name != "after the loop":
                yield target, name, *self.moved(wait, place)
        yield from self.of_wait(target, wait, self.match(wait, r"\[(%r\d+)\], (%r\d+);"), 32)
        yield target, "by warp 0 of each warpgroup only", self.one_warp(wait)
        yield target, "by lane 0 of each warp only", self.lane0(wait)

    def of_free_wait(self):
        wait, target = self.free_wait, "free wait"
        yield target, "removed", (wait, None)
        for name, unit in [("expect_tx", self.expect), *((f"load {n}", load) for n, load in enumerate(self.loads, 1))]:
            yield target, f"after {name}", *self.moved(wait, unit + 1)
        yield from self.of_wait(target, wait, self.match(wait, r"\[(%r\d+)\], (%r\d+);"), -32)

    def of_wait(self, target, wait, registers, other):
        barrier, phase = registers
        pattern = rf"\[{barrier}\], {phase};"
        for parity in (0, 1):
            yield target, f"parity always {parity}", self.swap(wait, pattern, f"[{barrier}], {parity};")
        turned = self.swap(wait, pattern, f"[{barrier}], %turned;")[1].strip()
        yield target, "parity flipped", (wait, f"{{ .reg .b32 %turned; xor.b32 %turned, {phase}, 1; {turned} }}")
        yield target, "of the next slot", self.swap(wait, pattern, f"[{barrier}+8], {phase};")
        yield target, "of the other ring", self.swap(wait, pattern, f"[{barrier}+{other}], {phase};")
        if ".acquire.cluster" in self.units[wait]:
            yield target, "acquire of the program", self.swap(wait, r"\.acquire\.cluster", "")
            yield target, "relaxed", self.swap(wait, r"\.acquire\.cluster", ".relaxed.cluster")
        else:
            yield target, "acquire of the cluster", self.swap(wait, r"parity\.shared", "parity.acquire.cluster.shared")
            yield target, "relaxed", self.swap(wait, r"parity\.shared", "parity.relaxed.cta.shared")
        yield target, "tried once", self.swap(wait, r"@!done bra again;", "")
        yield target, "tested once", (wait, re.sub("try_wait", "test_wait",
                                                   self.units[wait].replace("@!done bra again;", "")))

    def of_arrives(self):
        address = r"remote, (%r\d+), " if self.cluster > 1 else r"\[(%r\d+)\]"
        for name, index, guard in zip(("release", "last release"), self.arrives, self.guards):
            (register,) = self.match(index, address)
            operand = "remote" if self.cluster > 1 else register
            yield name, "removed", (index, None)
            yield name, "doubled", (index, "before", self.units[index])
            yield name, "of the next slot", self.swap(index, rf"\[{operand}\]", f"[{operand}+8]")
            yield name, "of the other ring", self.swap(index, rf"\[{operand}\]", f"[{operand}+-32]")
            yield name, "with count 2", self.swap(index, r"\];", "], 2;")
            if self.cluster > 1:
                yield name, "relaxed", self.swap(index, r"\.release\.", ".relaxed.")
                yield name, "release of the program", self.swap(index, r"\.release\.cluster", ".release.cta")
            else:
                yield name, "relaxed", self.swap(index, r"arrive\.shared", "arrive.relaxed.cta.shared")
                yield name, "release of the cluster", self.swap(index, r"arrive\.shared", "arrive.release.cluster.shared")
            yield from self.of_electees(name, index, guard)
        bytes_of, = self.match(self.definition(self.match(self.arrives[0], address)[0], self.arrives[0]),
                               r", (%r\d+), ")
        convert = self.last(r"cvt\.u64\.u32", self.definition(bytes_of, self.arrives[0]))
        yield "release", "of the slot just read", self.swap(convert, r", %r\d+;", f", {self.slot_bytes};")
        yield "release", "on every trip", *self.always()

    def guard_of(self, guard):
        """(unit that defines a release's guard, its result, the other condition, the electees' condition)."""
        (predicate,) = self.match(guard, r"@!?(%p\d+)")
        define = self.definition(predicate, guard)
        if self.units[define].strip().startswith("not"):
            define = self.definition(self.match(define, r", (%p\d+);")[0], define)
        result, left, right = self.match(define, r"(?:or|and)\.pred\s+(%p\d+), (%p\d+), (%p\d+);")
        electees = [p for p in (left, right) if re.search(rf", {self.lane}, ", self.units[self.definition(p, define)])]
        assert len(electees) == 1, f"expected one condition on the thread in {self.units[define]}: adapt this test"
        return define, result, right if electees[0] == left else left, electees[0]

    def of_electees(self, name, index, guard):
        define, result, other, _ = self.guard_of(guard)
        operator = "or" if "or.pred" in self.units[define] else "and"
        ends = {"or": {"eq": "ne", "le": "gt"}, "and": {"eq": "eq", "le": "le"}}[operator]

        def electing(text):  # `text` sets %only to what goes round (or) or through (and) the arrival.
            return define, f"{{ .reg .pred %only; .reg .b32 %t; {text} {operator}.pred {result}, {other}, %only; }}"

        yield name, "by all threads", (define, f"{operator}.pred {result}, {other}, {other};")
        yield name, "by nobody", electing(f"setp.{ends['eq']}.b32 %only, {self.lane}, 128;")
        if self.cluster == 1:
            for what, text in (("by thread 5", f"setp.{ends['eq']}.b32 %only, {self.lane}, 5;"),
                               ("by a lane of each warp", f"and.b32 %t, {self.lane}, 31; setp.{ends['eq']}.b32 %only, %t, 0;"),
                               ("by thread 128 of the block", f"setp.{ends['eq']}.b32 %only, {self.tid}, 128;")):
                yield name, what, electing(text)
            return

        def ranked(text):  # The arrival at the rank that `text` computes into %k.
            unit = self.swap(index, rf"remote, (%r\d+), {self.lane};", r"remote, \1, %k;")[1]
            return index, re.sub(r"\.reg \.b32 remote;", f".reg .b32 remote, %k; {text}", unit)

        parity = ranked(f"and.b32 %k, {self.lane}, 1;")
        for what, text in (("to the first program only", f"setp.{ends['eq']}.b32 %only, {self.lane}, 0;"),
                           ("to the second program only", f"setp.{ends['eq']}.b32 %only, {self.lane}, 1;"),
                           ("by three threads", f"setp.{ends['le']}.u32 %only, {self.lane}, 2;"),
                           ("by the first consumer only", f"add.u32 %t, {self.tid}, -128; setp.{ends['le']}.u32 %only, %t, 1;")):
            yield name, what, electing(text)
        for what, text in (("by threads 64 and 65", f"and.b32 %t, {self.lane}, 126; setp.{ends['eq']}.b32 %only, %t, 64;"),
                           ("by two lanes of each warp", f"and.b32 %t, {self.lane}, 30; setp.{ends['eq']}.b32 %only, %t, 0;"),
                           ("by four threads", f"setp.{ends['le']}.u32 %only, {self.lane}, 3;")):
            yield name, what, electing(text), parity
        arrive = re.search(r"mapa.*?;.*?;", self.units[index]).group()
        both = " ".join(arrive.replace(f", {self.lane};", f", {rank};") for rank in (0, 1))
        yield (name, "to both by one thread", electing(f"setp.{ends['eq']}.b32 %only, {self.lane}, 0;"),
               (index, f"{{ .reg .b32 remote; {both} }}"))
        yield name, "to the own program twice", ranked(f"mov.b32 %k, {self.rank};")
        yield name, "to the other program twice", ranked(f"xor.b32 %k, {self.rank}, 1;")
        yield name, "to the first program twice", ranked("mov.b32 %k, 0;")
        yield name, "to the second program twice", ranked("mov.b32 %k, 1;")
        yield name, "ranks exchanged", ranked(f"xor.b32 %k, {self.lane}, 1;")
        yield name, "one rank further", ranked(f"add.u32 %k, {self.lane}, 1;")
        (register,) = self.match(index, r"remote, (%r\d+), ")
        yield name, "without mapa", (index, f"mbarrier.arrive.release.cluster.shared::cluster.b64 _, [{register}];")
        yield name, "of the own program only, by one thread", electing(
            f"setp.{ends['eq']}.b32 %only, {self.lane}, 0;"), (
                index, f"mbarrier.arrive.release.cluster.shared::cta.b64 _, [{register}];")

    def always(self):
        """The guard of the release without its "not in the first trip"."""
        define, result, _, electee = self.guard_of(self.guards[0])
        return [(define, f"or.pred {result}, {electee}, {electee};")]

    def of_expect(self):
        index, target = self.expect, "expect_tx"
        (count,) = self.match(index, r", (\d+);")
        count = int(count)
        (register,) = self.match(index, r"\[(%r\d+)\]")
        for change, size in (("16 bytes more", count + 16), ("16 bytes less", count - 16), ("half", count // 2),
                             ("twice", 2 * count), ("0 bytes", 0)):
            yield target, change, self.swap(index, r", \d+;", f", {size};")
        if self.cluster > 1:
            yield target, "without the other's part", self.swap(index, r", \d+;", f", {count - 16384};")
            yield target, "of the own copies twice", self.swap(index, r", \d+;", f", {count + 16384};")
        yield target, "removed", (index, None)
        yield target, "arriving without it", (index, f"mbarrier.arrive.shared::cta.b64 _, [{register}];")
        yield target, "without arriving", (index, f"mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [{register}], {count};")
        yield target, "doubled", (index, "before", self.units[index])
        yield target, "of the next slot", self.swap(index, r"\[%r\d+\]", f"[{register}+8]")
        yield target, "of the other ring", self.swap(index, r"\[%r\d+\]", f"[{register}+32]")
        for number, load in enumerate(self.loads, 1):
            yield target, f"after load {number}", *self.moved(index, load + 1)
        yield (target, "in two halves", self.swap(index, r", \d+;", f", {count // 2};"),
               (index, "before", f"mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [{register}], {count // 2};"))

    def of_loads(self):
        maps = [self.match(load, r"\[(%rd\d+), \{")[0] for load in self.loads]
        for number, load in enumerate(self.loads, 1):
            target = f"load {number}"
            place, tensor, x, y, barrier = self.match(
                load, r"\[(%r\d+)\], \[(%rd\d+), \{(%r\d+), (%r\d+)\}\], \[(%r\d+)\](?:, 3)?;")
            multicast = ".multicast::cluster" in self.units[load]
            assert not multicast or self.cluster == 2
            yield target, "removed", (load, None)
            yield target, "doubled", (load, "before", self.units[load])
            for offset in (16, 128, 1024, -1024):
                yield target, f"{offset} bytes further", self.swap(load, rf"\[{place}\],", f"[{place}+{offset}],")
            for what, old, new, box in (("column one box off", x, "{%c, " + y + "}", 64),
                                        ("row one box off", y, "{" + x + ", %c}", 64),
                                        ("column one off", x, "{%c, " + y + "}", 1),
                                        ("row one off", y, "{" + x + ", %c}", 1)):
                text = self.swap(load, rf"\{{{x}, {y}\}}", new)[1].strip()
                yield target, what, (load, f"{{ .reg .b32 %c; add.s32 %c, {old}, {box}; {text} }}")
            yield target, "coordinates swapped", self.swap(load, rf"\{{{x}, {y}\}}", f"{{{y}, {x}}}")
            yield target, "of the other operand", self.swap(load, tensor, next(m for m in maps if m != tensor))
            yield target, "on the next slot's barrier", self.swap(load, rf"\[{barrier}\]", f"[{barrier}+8]")
            yield target, "on the other ring's barrier", self.swap(load, rf"\[{barrier}\]", f"[{barrier}+32]")
            if multicast:
                alone = self.swap(load, r"\.multicast::cluster", "")[1].replace("], 3;", "];")
                yield target, "not multicast", (load, alone)
                for mask in (0, 1, 2, 5, 7):
                    yield target, f"to mask {mask}", self.swap(load, r"\], 3;", f"], {mask};")
                unit = self.units[load].replace("], 3;", "], %m;").strip()
                yield target, "to the own program only", (
                    load, f"{{ .reg .b16 %m; .reg .b32 %k; mov.b32 %k, 1; shl.b32 %k, %k, {self.rank}; "
                          f"cvt.u16.u32 %m, %k; {unit} }}")
                yield target, "to the other program only", (
                    load, f"{{ .reg .b16 %m; .reg .b32 %k; mov.b32 %k, 2; shr.u32 %k, %k, {self.rank}; "
                          f"cvt.u16.u32 %m, %k; {unit} }}")
                yield target, "copied to each program by its own instruction", (
                    load, " ".join(self.units[load].replace("], 3;", f"], {mask};").strip() for mask in (1, 2)))
            elif self.cluster > 1:
                yield target, "multicast", (load, self.units[load].replace(
                    "complete_tx::bytes", "complete_tx::bytes.multicast::cluster").replace("];", "], 3;"))
                yield target, "multicast to mask 1", (load, self.units[load].replace(
                    "complete_tx::bytes", "complete_tx::bytes.multicast::cluster").replace("];", "], 1;"))
        shared = [load for load in self.loads if ".multicast::cluster" in self.units[load]]
        if shared:
            yield "loads", "none multicast", *(
                (load, self.swap(load, r"\.multicast::cluster", "")[1].replace("], 3;", "];")) for load in shared)
            for what, rank in (("first", 0), ("second", 1)):
                yield "loads", f"multicast by the {what} program only", *(
                    self.only(load, f"setp.eq.u32 %only, {self.rank}, {rank}") for load in shared)

    def of_fences(self):
        first, second = self.fences
        target = "wgmma.fence"
        yield target, "first removed", (first, None)
        yield target, "second removed", (second, None)
        yield target, "both removed", (first, None), (second, None)
        for name, place in self.places(second):
            if name not in ("after wait", ):
                yield target, f"second {name}", *self.moved(second, place)
                yield target, f"first removed, second {name}", (first, None), *self.moved(second, place)
        yield target, "both by warp 0 of each warpgroup only", self.one_warp(first), self.one_warp(second)

    def of_commit(self):
        yield "commit", "removed", (self.commit, None)
        for name, place in self.places(self.commit):
            yield "commit", name, *self.moved(self.commit, place)
        yield "commit", "doubled", (self.commit, "before", self.units[self.commit])
        yield "commit", "by warp 0 of each warpgroup only", self.one_warp(self.commit)

    def of_waits(self):
        for target, index, counts in (("wait_group 1", self.retire, (0, 2, 3, 7)), ("wait_group 0", self.drain, (1, 2, 7))):
            yield target, "removed", (index, None)
            for count in counts:
                yield target, f"wait_group {count}", self.swap(index, r"aligned \d;", f"aligned {count};")
            yield target, "by warp 0 of each warpgroup only", self.one_warp(index)
        for name, place in self.places(self.retire):
            yield "wait_group 1", name, *self.moved(self.retire, place)
        yield "wait_group 0", "after the last release", *self.moved(self.drain, self.drained + 1)
        convert = self.all(r"cvt\.rn", self.drained)
        yield "wait_group 0", "after the first result is read", *self.moved(self.drain, convert[0] + 1)
        yield "wait_group 0", "after the last result is read", *self.moved(self.drain, convert[-1] + 1)

    def of_descriptors(self):
        for number, product in enumerate(self.products, 1):
            operands = self.match(product, r"\}, (%rd\d+), (%rd\d+),")
            for operand, register in zip("AB", operands):
                define = self.definition(register, product)
                source, constant = self.match(define, r"(?:or\.b64|add\.s64)\s+%rd\d+, (%rd\d+), (\d+);")
                base = int(constant)
                slot = {"A": 128 * 64, "B": 64 * 256}[operand] * 2 // 16
                for change, value in (("32 bytes further", base + 2), ("16 bytes further", base + 1),
                                      ("in the next slot", base + slot),
                                      ("stride offset doubled", base + (base & (0x3FFF << 32))),
                                      ("stride offset halved", base - (base & (0x3FFF << 32)) // 2),
                                      ("leading offset 16 bytes more", base + (1 << 16)),
                                      ("leading offset doubled", base + (base & (0x3FFF << 16))),
                                      ("swizzle of 64 bytes", base ^ (3 << 62)), ("no swizzle", base & ~(3 << 62)),
                                      ("base offset 1", base + (1 << 49))):
                    value -= 1 << 64 if value >> 63 else 0
                    yield f"descriptor {operand}{number}", change, (define, f"add.s64 {register}, {source}, {value};")
        shift_a, shift_b = (self.last(rf"shl\.b32\s+%r\d+, {self.slot}, {n};", self.products[0]) for n in (14, 15))
        for operand, shift in (("A", shift_a), ("B", shift_b)):
            (register,) = self.match(shift, r"(%r\d+), ")
            yield "slot", f"of {operand} always the first, for the consumers", (shift, f"mov.b32 {register}, 0;")
        shift = self.last(r"shl\.b32\s+%r\d+, %r\d+, 14;", self.loads[0])
        if self.cluster > 1:
            other = self.last(r"shl\.b32\s+%r\d+, %r\d+, 15;", self.loads[-1])
            yield "slot", "of B always the first, for the producer", (
                other, f"mov.b32 {self.match(other, r'(%r.+?), ')[0]}, 0;")
        yield "slot", "always the first, for the producer", (shift, f"mov.b32 {self.match(shift, r'(%r.+?), ')[0]}, 0;")

    def of_registers(self):
        for target, index, values in (("setmaxnreg.inc", self.inc, (160, 224, 240, 248)),
                                      ("setmaxnreg.dec", self.dec, (24, 56, 176))):
            yield target, "removed", (index, None)
            for value in values:
                yield target, f"to {value}", self.swap(index, r"\d+;", f"{value};")
            yield target, "by warp 0 of each warpgroup only", self.one_warp(index)
        yield "setmaxnreg", "both removed", (self.inc, None), (self.dec, None)
        yield "setmaxnreg.dec", "by the elected thread only", *self.moved(self.dec, self.elect + 1)

    def of_ring(self):
        ends = []
        for name, advance in (("the consumers", self.advance), ("the producer", self.next[0])):
            result, count, wraps = self.match(advance, r"(%r\d+), 0, (%r\d+), (%p\d+);")
            compare = self.definition(wraps, advance)
            (stages,) = self.match(compare, r", (\d+);")
            add = self.definition(count, advance)
            ends.append((compare, result))
            for what, value in (("one slot late", int(stages) + 1), ("one slot early", int(stages) - 1), ("never", 1000)):
                yield "ring", f"{name} wrap {what}", self.swap(compare, r", \d+;", f", {value};")
            for step in (0, 2):
                yield "ring", f"{name} advance by {step}", self.swap(add, r", 1;", f", {step};")
        for value in (3, 5):
            yield "ring", f"both wrap at {value}", *(self.swap(compare, r", \d+;", f", {value};") for compare, _ in ends)
        yield "ring", "the consumers never flip", (self.flip, None)
        yield "ring", "the producer never flips", (self.next[1], None)
        yield "ring", "neither flips", (self.flip, None), (self.next[1], None)
        phases = [self.match(self.flip, r"(%r\d+), ")[0], self.match(self.next[1], r"(%r\d+), ")[0]]
        places = [self.fences[0], self.produce]
        for what, roles in (("the consumers", (0,)), ("the producer", (1,)), ("both", (0, 1))):
            yield "ring", f"{what} start anew with each tile", *(
                (places[role], "before", f"mov.b32 {ends[role][1]}, 0; mov.b32 {phases[role]}, 0;") for role in roles)

    def of_elections(self):
        target = "the producer's thread"
        for what, condition in (("each lane of warp 0", f"setp.lt.u32 %only, {self.tid}, 32"),
                                ("lane 0 of each warp", f"and.b32 %t, {self.tid}, 31; setp.eq.u32 %only, %t, 0"),
                                ("thread 1", f"setp.eq.u32 %only, {self.tid}, 1"),
                                ("thread 96", f"setp.eq.u32 %only, {self.tid}, 96"),
                                ("nobody", f"setp.eq.u32 %only, {self.tid}, 384")):
            yield target, what, self.branch_unless(self.elect, condition)

    def of_bulk_waits(self):
        for number, index in enumerate(self.reads, 1):
            target = f"read wait {number}"
            yield target, "removed", (index, None)
            yield target, "for all groups but two", self.swap(index, "read 1;", "read 2;")
            yield target, "for all groups", self.swap(index, "read 1;", "read 0;")
            yield target, "for writes too", self.swap(index, r"\.read 1;", " 1;")
            barrier = next(i for i in self.named if i > index)
            guarded = f"@!{self.not_elected} {self.units[index].strip()}"
            yield target, "after the barrier", (index, None), (barrier + 1, "before", guarded)
            last = self.all(r"stmatrix", barrier, next(i for i in self.proxies if i > barrier))[-1]
            yield target, "after the last stmatrix", (index, None), (last + 1, "before", guarded)
            yield target, "by thread 5", (index, None), (
                barrier, "before", f"{{ .reg .pred %only; setp.eq.u32 %only, {self.lane}, 5; @%only {self.units[index].strip()} }}")
        if self.stores:
            target = "read wait at the end"
            yield target, "removed", (self.last_read, None)
            yield target, "for all groups but one", self.swap(self.last_read, "read 0;", "read 1;")
            yield target, "for writes too", self.swap(self.last_read, r"\.read 0;", " 0;")

    def of_named_barriers(self):
        for number, index in enumerate(self.named):
            target = f"{('before', 'after')[number % 2]} slice {number // 2 + 1}"
            target = f"barrier {target}"
            (register,) = self.match(index, r"(%r\d+), 128;")
            proxy = self.proxies[number // 2]
            stores = self.all(r"stmatrix", self.named[number // 2 * 2], proxy)
            yield target, "removed", (index, None)
            yield target, "the same for both warpgroups", (index, "bar.sync 1, 128;")
            yield target, "of 256 threads", (index, f"bar.sync {register}, 256;")
            yield target, "of 96 threads", (index, f"bar.sync {register}, 96;")
            yield target, "of the block", (index, "bar.sync 0;")
            yield target, "of each warp alone", (index, "bar.warp.sync 0xffffffff;")
            yield target, "arriving without waiting", (index, f"bar.arrive {register}, 128;")
            yield target, "by warp 0 of each warpgroup only", self.one_warp(index)
            if number % 2 == 0:
                yield target, "after the first stmatrix", *self.moved(index, stores[0] + 1)
                yield target, "after the last stmatrix", *self.moved(index, stores[-1] + 1)
                yield target, "before the wait", *self.moved(index, self.last(r"bra\s", self.reads[number // 2]))
            else:
                yield target, "before the last stmatrix", *self.moved(index, stores[-1])
                yield target, "before the fence", *self.moved(index, proxy)
                after = self.label(self.last(r"bra\s", self.stores[number // 2]))
                if after > index:
                    yield target, "after the store", *self.moved(index, after + 1)

    def of_proxy_fences(self):
        for number, index in enumerate(self.proxies):
            target = f"fence.proxy {number + 1}"
            stores = self.all(r"stmatrix", self.named[2 * number], index)
            yield target, "removed", (index, None)
            yield target, "before the first stmatrix", *self.moved(index, stores[0])
            yield target, "before the last stmatrix", *self.moved(index, stores[-1])
            yield target, "after the barrier", *self.moved(index, self.named[2 * number + 1] + 1)
            yield target, "after the store", *self.moved(index, self.stores[number] + 1)
            yield target, "by warp 0 of each warpgroup only", self.one_warp(index)
            yield target, "by lane 0 of each warp only", self.lane0(index)
            yield target, "by the elected thread only", self.only(index, f"setp.eq.u32 %only, {self.lane}, 0")
            yield target, "of global memory", (index, "fence.proxy.async.global;")
            yield target, "of the generic proxy", (index, "fence.acq_rel.cta;")

    def of_matrices(self):
        for number, index in enumerate(self.all("stmatrix")[::5], 1):
            target = f"stmatrix {number}"
            yield target, "removed", (index, None)
            yield target, "transposed", self.swap(index, r"\.x4", ".x4.trans")
            yield target, "of two matrices", self.swap(index, r"\.x4(.*\{%r\d+, %r\d+), %r\d+, %r\d+\}", r".x2\1}")
            yield target, "two matrices exchanged", self.swap(
                index, r"\{(%r\d+), (%r\d+), (%r\d+), (%r\d+)\}", r"{\1, \3, \2, \4}")
            yield target, "16 bytes further", self.swap(
                index, r"\[(%r\w+)(\+(\d+))?\]", lambda m: f"[{m[1]}+{int(m[3] or 0) + 16}]")

    def of_stores(self):
        for number, store in enumerate(self.stores, 1):
            target = f"store {number}"
            tensor, x, y, place = self.match(store, r"\[(%rd\d+), \{(%r\d+), (%r\d+)\}\], \[(%r\d+)\];")
            commit = self.store_commits[number - 1]
            yield target, "removed", (store, None)
            yield target, "doubled", (store, "before", self.units[store])
            for offset in (128, 1024):
                yield target, f"{offset} bytes further", self.swap(store, rf"\[{place}\];", f"[{place}+{offset}];")
            yield target, "from the other buffer", self.swap(store, rf"\[{place}\];", f"[{place}+{16384 if number % 2 else -16384}];")
            for what, old, new, box in (("column one box off", x, "{%c, " + y + "}", 64),
                                        ("row one box off", y, "{" + x + ", %c}", 64),
                                        ("column one off", x, "{%c, " + y + "}", 1),
                                        ("row one off", y, "{" + x + ", %c}", 1)):
                text = self.swap(store, rf"\{{{x}, {y}\}}", new)[1].strip()
                yield target, what, (store, f"{{ .reg .b32 %c; add.s32 %c, {old}, {box}; {text} }}")
            guard = self.last(r"bra\s", store)
            yield target, "by all threads", (guard, None)
            yield target, "by thread 5", self.branch_unless(guard, f"setp.eq.u32 %only, {self.lane}, 5")
            yield target, "by a lane of each warp", self.branch_unless(
                guard, f"and.b32 %t, {self.tid}, 31; setp.eq.u32 %only, %t, 0")
            yield f"bulk commit {number}", "removed", (commit, None)
            yield f"bulk commit {number}", "before the store", *self.moved(commit, store)
            yield f"bulk commit {number}", "doubled", (commit, "before", self.units[commit])


# --- Mutants that are no bugs ------------------------------------------------------------------------------------

REGISTERS_ONLY = (
    "wgmma.fence orders register accesses of its warp and no memory, and a wait on an mbarrier touches no register of a "
    "wgmma, so the order of the two does not matter (PTX ISA 9.7.15.7.1)")
OTHER_FENCE = (
    "the fence in the loop lies on every path from the accumulators' last ordinary access to a wgmma "
    "(PTX ISA 9.7.15.7.1)")
ONCE = (
    "after the fence before the loop, no ordinary instruction touches the accumulators until the loop is left, and all "
    "wgmmas in it have one shape: wgmmas of one shape on one accumulator need no fence between them (PTX ISA "
    "9.7.15.7.1). Right by the letter of PTX, and no better: ptxas does not see through the loop (C7519)")
READER_SIDE = (
    "every thread of the warpgroup, also the one that issues the store, fences after the barrier that orders all writes "
    "before it: the fence lies on every path from a write to the copy. Reported as the note TK-SIM-RACE-PROXY-ISSUER, "
    "not as an error; tk emits the writer's side, which is the documented one")
ANY_INITIALISER = (
    "whoever initialises fences for itself, and the barrier at the start orders it before every use by others: which "
    "thread of the block it is does not matter")
LATER_FENCE = "the second fence is by the same thread and after all eight initialisations: it covers those of the first"
NO_COPY = (
    "the barriers of free slots take no copies: only threads wait and arrive, all of which bar.sync orders after the "
    "initialisation; the first fence covers the barriers that copies complete")
OWN_COPIES = (
    "the thread that initialises is the one that issues the copies, so a fence anywhere between the two covers the "
    "barriers that they complete; other threads' waits and arrivals are ordered by bar.sync")
STRONGER_FENCE = "fence.proxy.async orders all that the thread did to shared memory before, mbarrier.init included"
STRICTER = "it waits for all that the original waits for, and for more"
EMPTY_GROUP = (
    "the second commit makes an empty group. It counts as the newest, so a wait for all groups but one is a wait for all "
    "that hold something: stricter than the original")
ANY_THREAD = (
    "a wgmma is one operation of the warpgroup, and a wait_group that covers it, in any warp, orders all of its reads of "
    "shared memory: any thread behind the wait may release the slot")
BEFORE_ARRIVING = (
    "bytes may complete before they are expected: the transaction count is signed (PTX ISA 9.7.13.15: from -(2^20 - 1)), "
    "and the phase cannot complete before the producer's own arrival, which is part of this instruction and pending")
SAME_SUM = "the same bytes are expected in the same phase, which the one arrival at the end keeps open"
ONE_PANEL = (
    "the leading offset leads from panel to panel of 128 bytes; the 64 rows by 16 of A that one wgmma reads lie in one "
    "panel, and the offset is not used")
FEWER_REGISTERS = (
    "registers in PTX are without number; ptxas allocates for the count that is given, and may spill. The pool stays "
    "large enough for all, so no one waits for ever")
THREE_STAGES = "producer and consumers agree on a ring of three stages, each with its own barriers; the fourth stays unused"
ANY_PRODUCER = (
    "any one thread of the producer's warpgroup can fill the ring: the barrier at the start orders the initialisation, "
    "and its fence, before it")

TWICE = "a second barrier of all threads orders no less than one"
RELAXED_START = (
    "what the barrier has to carry is the initialisation of the mbarriers. fence.mbarrier_init.release.cluster publishes "
    "it with an arrival that may be relaxed, and every wait acquires: what the fence is there for (PTX ISA, membar / fence, "
    "and CUTLASS, cluster_arrive_relaxed)")
EVERY_THREAD = (
    ".aligned asks that all threads of a warp execute this very instruction: it stands where every way of the kernel "
    "passes, under no condition")
STILL_BEFORE = "setmaxnreg touches no memory; both roles pass the barrier before the first use of an mbarrier"
HAVE_EXITED = (
    "the cluster barrier waits for no thread that has exited (PTX ISA, barrier.cluster). All that a program does to the other's "
    "memory, copies and arrivals, is done by threads of warp 0 of a warpgroup, which do pass it")
LAUNCH = (
    "the directives fix what a launch may ask for; the package's launch asks for a cluster of two, and the kernel reads "
    "its rank from a register. Without them only a wrong launch would no longer be refused")
OTHER_HALF = "each program brings the half of B that the other one did; both halves lie in the same places as before"
OTHER_ROWS = "each program computes the rows that the other one did, and stores them there: each row is computed once"
NOTHING_THERE = (
    "both roles walk one more pair of tiles, which lies outside of A and of the results: loads bring zeros, stores write "
    "nothing (PTX ISA, tensors, out-of-bound access)")
SAME_ARRIVALS = (
    "each consumer arrives once at each program's barrier, after its wait; which of its threads arrives where does not "
    "matter, see the thread that releases")
ONE_BY_ONE = "a multicast is a copy to each program of the mask, with a completion at each program's mbarrier"

ALL = range(1, 5)
RELEASES = ("release", "last release")
COMMON = {
    **{("mbarrier.init", f"by thread {thread}"): ANY_INITIALISER for thread in (1, 383)},
    ("fence.mbarrier_init", "first removed"): LATER_FENCE,
    ("full wait", "after wgmma.fence"): REGISTERS_ONLY,
    ("full wait", "acquire of the cluster"): STRICTER,
    **{("expect_tx", f"after load {n}"): BEFORE_ARRIVING for n in range(1, 4)},
    ("expect_tx", "in two halves"): SAME_SUM,
    ("wgmma.fence", "first removed"): OTHER_FENCE,
    ("wgmma.fence", "second removed"): ONCE,
    **{("wgmma.fence", f"second {place}"): ONCE for place in (
        *(f"after wgmma {n}" for n in ALL), "after commit", "after wait_group", "after the release", "after the loop")},
    ("commit", "doubled"): EMPTY_GROUP,
    ("wait_group 1", "wait_group 0"): STRICTER,
    **{(f"descriptor A{n}", f"leading offset {change}"): ONE_PANEL for n in ALL for change in ("16 bytes more", "doubled")},
    ("setmaxnreg.inc", "removed"): FEWER_REGISTERS,
    ("setmaxnreg.inc", "to 224"): FEWER_REGISTERS,
    ("setmaxnreg.dec", "to 24"): FEWER_REGISTERS,
    ("setmaxnreg", "both removed"): FEWER_REGISTERS,
    ("ring", "both wrap at 3"): THREE_STAGES,
    **{("the producer's thread", f"thread {thread}"): ANY_PRODUCER for thread in (1, 96)},
    **{(f"read wait {n}", change): STRICTER for n in ALL for change in ("for all groups", "for writes too")},
    ("read wait at the end", "for writes too"): STRICTER,
    **{(f"barrier after slice {n}", "before the fence"): READER_SIDE for n in ALL},
    **{(f"fence.proxy {n}", "after the barrier"): READER_SIDE for n in ALL},
    **{(f"bulk commit {n}", "doubled"): EMPTY_GROUP for n in ALL},
}
ALONE = {
    ("fence.mbarrier_init", "second removed"): NO_COPY,
    ("fence.mbarrier_init", "both after the barrier"): OWN_COPIES,
    ("fence.mbarrier_init", "both fence.proxy.async"): STRONGER_FENCE,
    ("free wait", "acquire of the cluster"): STRICTER,
    **{(name, "by thread 5"): ANY_THREAD for name in RELEASES},
    **{(name, "release of the cluster"): STRICTER for name in RELEASES},
    **{("expect_tx", f"after load {n}"): BEFORE_ARRIVING for n in (4, 5)},
}
CLUSTERED = {
    **{(f"{place} barrier", "doubled"): TWICE for place in ("start", "end")},
    **{(f"{place} barrier", "aligned"): EVERY_THREAD for place in ("start", "end")},
    ("start barrier", "relaxed"): RELAXED_START,
    ("start barrier", "after the consumers' registers"): STILL_BEFORE,
    **{("end barrier", change): HAVE_EXITED for change in ("by warp 0 of each warpgroup only", "by all threads but the last")},
    **{("cluster", change): LAUNCH for change in ("of any size", "none", "not explicit")},
    ("part", "B's place and columns the other's"): OTHER_HALF,
    ("part", "A's rows and the results the other's"): OTHER_ROWS,
    ("tiles", "a pair too many for both"): NOTHING_THERE,
    **{(name, "by threads 64 and 65"): ANY_THREAD for name in RELEASES},
    **{(name, change): SAME_ARRIVALS for name in RELEASES for change in ("to both by one thread", "ranks exchanged")},
    **{(f"load {n}", "copied to each program by its own instruction"): ONE_BY_ONE for n in (2, 3, 4)},
}
EQUIVALENT = {1: COMMON | ALONE, 2: COMMON | CLUSTERED}  # By the size of the cluster.

# --- Bugs that the simulator does not see ------------------------------------------------------------------------

ONE_LANE = (
    "the other lanes have not seen the phase complete. To the simulator what one lane of a warp acquired, its warp has; "
    "hardware runs the wgmma of a warp as one instruction, behind the wait")
NO_FENCE = (
    "nothing publishes the initialisation to the copy engine, which completes transactions on the barrier. The "
    "simulator asks for fence.mbarrier_init only where a peer of a cluster uses the barrier (HOPPER_PTX.md, 5: no error "
    "without clusters)")

COMMON_UNDETECTED = {
    ("full wait", "by lane 0 of each warp only"): ONE_LANE,
}
UNDETECTED = {
    1: COMMON_UNDETECTED | {("fence.mbarrier_init", change): NO_FENCE for change in (
        "both removed", "both before the initialisation", "both fence.acq_rel.cta")},
    2: COMMON_UNDETECTED,
}

# --- Mutants that break no order and compute something else ------------------------------------------------------

DATA = [("part", ""), ("tiles", ""), ("load", "(column|row) one|coordinates swapped|of the other operand"), ("descriptor", ""), ("store", "removed|row one"),
        ("stmatrix", "")]


def is_data(mutant):
    return any(re.match(target, mutant.target) and re.match(change, mutant.change) for target, change in DATA)
