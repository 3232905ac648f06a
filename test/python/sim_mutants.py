"""Mutants of any kernel's PTX for test_sim_mutants.py: each fence, wait, barrier, arrival and copy of it is dropped, moved past its
neighbours, and changed in what it says. What is changed is found by the shape of the instructions alone."""

import re

from ring_mutants import Mutant, Units, units_of

SYNCHRONISING = re.compile(
    r"\b(fence\.|membar\.|bar\.sync|bar\.warp\.sync|barrier\.|mbarrier\.(init|arrive|try_wait)|wgmma\.(fence|commit|wait)|"
    r"cp\.async\.(bulk\.)?(commit_group|wait_group|wait_all)|(ld\.acquire|st\.release|(atom|red)\.[\w.]*(release|acquire|acq_rel))|"
    r"(ld|st)\.volatile)")
MEMORY = re.compile(r"\b((ld|st|atom|red)\.(?!param|const|local)|cp\.|wgmma\.mma|ldmatrix|stmatrix|mbarrier\.|barrier\.|bar\.|fence\.|membar\.|wgmma\.)")
EDGE = re.compile(r"^\s*(\$L\w+:|(@!?%p\d+\s+)?bra|(@!?%p\d+\s+)?ret)")
REGISTER = re.compile(r"%(?:r|rd|rs|p|f)\d+\b")
# Groups that compute something else and break no order: their wrong numbers count as reported.
DATA = ("descriptor", "swizzle", "coordinate", "not copied", "16 bytes on", "added twice")


class Kernel(Units):
    """The units of one entry as nvcc writes them."""

    def __init__(self, ptx, entry):
        begin = ptx.index("{\n", ptx.index(f".visible .entry {entry}(")) + 2
        after = re.search(r"^(\s*// \.globl|\.visible|\s*\.file)", ptx[begin:], re.MULTILINE)  # Blocks of asm end in lines like an entry's.
        end = ptx.rindex("\n}", begin, begin + after.start() if after else len(ptx))
        self.before, self.after = ptx[:begin], ptx[end:]
        self.units = units_of(ptx[begin:end].split("\n"))

    def code(self, number):
        text = self.units[number].split("//")[0].strip()
        return "" if text.startswith(".loc") else text

    def replaced(self, number, text):
        return self.ptx({number: "\t" + text})

    def changed(self, number, pattern, replacement):
        """Like edited, but None where the pattern does not occur."""
        text, count = re.subn(pattern, replacement, self.code(number), count=1)
        return self.replaced(number, text) if count else None

    def computed(self, number, operand, instruction, kind="b32"):
        """The unit with a register or number in it replaced by what `instruction` makes of it: '{0}' is the result, '{1}' it."""
        text = self.code(number).replace(operand, "%mutant", 1) if operand[0] != "%" else re.sub(
            re.escape(operand) + r"\b", "%mutant", self.code(number))
        return self.replaced(number, f"{{ .reg .{kind} %mutant; {instruction.format('%mutant', operand)}; {text} }}")

    def only(self, number, condition):
        """The unit by threads for which the condition holds: setp's operator and operands, of %t, the thread."""
        text = self.code(number)
        return self.replaced(number, f"{{ .reg .pred %only; .reg .b32 %t; mov.u32 %t, %tid.x; {condition}; @!%only bra others; {text} others: }}")

    def neighbour(self, number, step):
        """The next unit that touches memory or synchronises, in the same block of code, if the unit may go past it: nothing
        between defines one of its registers."""
        mine, i = set(REGISTER.findall(self.code(number))), number + step
        while 0 <= i < len(self.units):
            code = self.code(i)
            if EDGE.match(code):
                return None
            if MEMORY.search(code):
                return None if mine & set(REGISTER.findall(code)[:1]) and not code.startswith(("st", "mbarrier", "bar")) else i
            if code and mine & set(REGISTER.findall(code)[:1]):
                return None
            i += step
        return None

    def moves(self, number):
        before, after = self.neighbour(number, -1), self.neighbour(number, 1)
        if before is not None and self.code(before) != self.code(number):
            yield f"before {name_of(self.code(before))}", self.moved(number, before)
        if after is not None and self.code(after) != self.code(number):
            yield f"after {name_of(self.code(after))}", self.ptx({number: "", after: self.units[after] + "\n" + self.units[number]})

    def mutants(self):
        seen, times = set(), {}
        for number in range(len(self.units)):
            code = self.code(number)
            if not MEMORY.search(code):
                continue
            name = name_of(code)
            times[name] = times.get(name, 0) + 1
            for change, ptx in self.of(number, code):
                if ptx and ptx not in seen:
                    seen.add(ptx)
                    yield Mutant(f"{name} #{times[name]}", change, ptx), number

    def of(self, number, code):
        if SYNCHRONISING.search(code):
            if not re.search(r"\b(ld\.|st\.|atom\.|red\.|mbarrier\.init)", code):
                yield "removed", self.replaced(number, "")
                yield from self.moves(number)
        for pattern, change in OPERATORS:
            if re.search(pattern, code):
                yield from change(self, number, code)


def name_of(code):
    """The instruction that a unit is about: the last of a block that is no branch or label, without types."""
    found = [m.group() for m in re.finditer(r"\b[a-z]\w*(\.[\w:]+)+", code)]
    words = [f for f in found if MEMORY.search(f)] or found
    return re.sub(r"(\.(shared::(cta|cluster)|shared|b\d+|u\d+|s\d+|f\d+|aligned|mbarrier::complete_tx::bytes|sync(?=\.aligned)))+(?=\.|$)", "", words[-1])


def operand(code, pattern):
    return re.search(pattern, code).group(1)


# --- What each kind of instruction says, said otherwise -----------------------------------------------------------


def of_init(k, n, code):
    count = operand(code, r"\], (\S+);")
    yield "one more", k.computed(n, count, "add.s32 {0}, {1}, 1")
    yield "one less", k.computed(n, count, "sub.s32 {0}, {1}, 1")


def of_expect(k, n, code):
    count = operand(code, r"\], (\S+);")
    yield "16 bytes more", k.computed(n, count, "add.s32 {0}, {1}, 16")
    yield "16 bytes less", k.computed(n, count, "sub.s32 {0}, {1}, 16")
    yield "no bytes", k.changed(n, r"arrive\.expect_tx(\S+) (\S+), (\[[^\]]+\]), [^;]+", r"arrive\1 \2, \3")
    yield "no arrival", k.changed(n, r"arrive\.expect_tx(\.shared\S*) \S+ (\[[^\]]+\])", r"expect_tx.relaxed.cta\1 \2")


def of_wait(k, n, code):
    parity = operand(code, r"try_wait\S* \w+, \[[^\]]+\], ([^;]+);")
    if "parity" in code:
        yield "other parity", k.computed(n, parity, "xor.b32 {0}, {1}, 1")
    yield "without a loop", k.changed(n, r"bra again;", "")
    yield "by the first warp of each four", k.only(n, "and.b32 %t, %t, 127; setp.lt.u32 %only, %t, 32")
    yield "relaxed", k.changed(n, r"parity(\.acquire\.cluster)?\.shared::cta", "parity.relaxed.cta.shared::cta")
    yield "scope of the block", k.changed(n, r"\.acquire\.cluster", "")


def of_arrive(k, n, code):
    yield "doubled", k.replaced(n, f"{code} {code}" if code[0] != "{" else f"{code}\n\t{code}")
    yield "relaxed", k.changed(n, r"arrive(\.release\.cluster)?\.shared(?=[:.])", r"arrive.relaxed.cluster.shared")
    yield "scope of the block", k.changed(n, r"\.release\.cluster", "")
    if "mapa" in code:
        rank = operand(code, r"mapa\S+ \w+, \S+, (\S+);")
        yield "at the next rank", k.computed(n, rank, "xor.b32 {0}, {1}, 1")


def of_proxy(k, n, code):
    yield "of global memory", k.changed(n, r"\.async\S*;", ".async.global;")
    yield "of the generic proxy", k.changed(n, r"fence\.proxy\.async\S*;", "fence.acq_rel.cta;")
    yield "by lane 0 of each warp", k.only(n, "and.b32 %t, %t, 31; setp.eq.u32 %only, %t, 0")


def of_bar(k, n, code):
    yield "of each warp alone", k.changed(n, r"bar\S*sync\s+[^;]+;", "bar.warp.sync -1;")
    yield "a memory fence", k.changed(n, r"bar\S*sync\s+[^;]+;", "membar.cta;")
    yield "without the first warp of each four", k.only(n, "and.b32 %t, %t, 127; setp.ge.u32 %only, %t, 32")
    if re.search(r", 128;|, %r\d+;", code):
        yield "of all threads", k.changed(n, r", (128|%r\d+);", ";")


def of_cluster_arrive(k, n, code):
    yield "relaxed", k.changed(n, r"arrive(\.release)?", "arrive.relaxed")
    yield "doubled", k.replaced(n, f"{code} {code}")


def of_scopes(k, n, code):
    yield "scope of the block", k.changed(n, r"\.(gpu|sys|gl|cluster)\b", ".cta")
    yield "relaxed", k.changed(n, r"\.(acquire|release|acq_rel)(?=\.)", ".relaxed") if not code.startswith("fence") else None


def of_volatile(k, n, code):
    yield "ordinary", k.changed(n, r"\.volatile", "")


def of_groups(k, n, code):
    yield "one group less", k.changed(n, r"(wait_group\S*)\s+(\d+);", lambda m: f"{m[1]} {int(m[2]) + 1};")
    yield "of reads only", k.changed(n, r"bulk\.wait_group\s", "bulk.wait_group.read ")
    yield "by another thread", k.changed(n, r"^(cp\.async\.bulk\S+\s+\d+;)", r"{ .reg .pred %q; .reg .b32 %t; mov.u32 %t, %laneid; setp.eq.u32 %q, %t, 1; @%q \1 }")


def of_product(k, n, code):
    a, b = re.search(r"\}, (%rd\d+), (%rd\d+),", code).groups()
    for which, register in (("A", a), ("B", b)):
        yield f"descriptor of {which} 32 bytes on", k.computed(n, register, "add.s64 {0}, {1}, 2", "b64")
        yield f"descriptor of {which} with another stride", k.computed(n, register, "add.s64 {0}, {1}, 0x800000000", "b64")
        yield f"descriptor of {which} with another swizzle", k.computed(n, register, "xor.b64 {0}, {1}, 0xc000000000000000", "b64")


def of_copy(k, n, code):
    yield "not copied", k.replaced(n, "")
    yield "added twice" if "reduce" in code else "doubled", k.replaced(n, f"{code} {code}")
    coordinate = re.search(r"\{([^,}]+)", code)
    if coordinate:
        yield "coordinate 8 on", k.computed(n, coordinate.group(1).strip(), "add.s32 {0}, {1}, 8")
    if "complete_tx" in code:
        yield "at another barrier", k.changed(n, r"\[([^\[\]]+)\](?=(, %rs\d+)?;)", r"[\1+8]")
    if "multicast" in code:
        yield "to one block", k.computed(n, operand(code, r"\], (%rs\d+);"), "and.b16 {0}, {1}, 1", "b16")
    yield "16 bytes on in shared memory", k.changed(n, r"\[(%r\d+)\]", r"[\1+16]")


def of_cp_async(k, n, code):
    yield "not copied", k.replaced(n, "")
    yield "16 bytes on", k.changed(n, r"\[(%r\d+)\]", r"[\1+16]")


def of_store(k, n, code):
    yield "not copied", k.replaced(n, "")


OPERATORS = (
    (r"mbarrier\.init", of_init), (r"mbarrier\.arrive\.expect_tx", of_expect), (r"try_wait", of_wait),
    (r"mbarrier\.arrive(?!\.expect)", of_arrive), (r"fence\.proxy\.async", of_proxy), (r"\b(bar|barrier)\.sync", of_bar),
    (r"barrier\.cluster\.arrive", of_cluster_arrive), (r"\b(fence\.(acq_rel|sc)|membar)", of_scopes),
    (r"\b(ld\.(acquire|relaxed)|st\.(release|relaxed)|(atom|red)\.[\w.]*(release|acquire|acq_rel))", of_scopes), (r"\b(ld|st)\.volatile", of_volatile),
    (r"wait_group", of_groups), (r"wgmma\.mma_async.*\}, %rd\d+, %rd\d+,", of_product), (r"cp\.(reduce\.)?async\.bulk\.(tensor|shared|global)", of_copy),
    (r"cp\.async\.(ca|cg)", of_cp_async), (r"stmatrix", of_store))
