"""The instructions of the PTX ISA and their forms, as kernels of one line or a few.

Written from the manual's list of instructions (section numbers of PTX ISA 9.0), neither from tk-sim's decoder nor from
what compilers emit: what tk-sim does not know is here too. Products of modifiers hold combinations that the ISA does not
have; ptxas says which (scripts/sim_coverage.py), and tk-sim must refuse those as well.

In a pattern `(a|b)` stands for a form with `a` and one with `b`. In operands `T` is a register of the pattern's last
type, `S` one of the type before; `h r d q f g p` are registers by kind; all else stands for itself. A word that a form's
text names brings what it needs: `%gp` a pointer to global memory, `sm`, `gm`, `cm`, `lm` arrays of .shared, .global,
.const and .local, `map` a tensor map.
"""

import itertools
import re
from dataclasses import dataclass

# Register kinds: type, and what it holds at the start (None: nothing).
KINDS = {"p": ("pred", "setp.eq.u32 {0}, 0, 0;"), "h": ("b16", "mov.b16 {0}, 3;"), "r": ("b32", "mov.b32 {0}, 3;"),
         "d": ("b64", "mov.b64 {0}, 3;"), "f": ("f32", "mov.f32 {0}, 0f40400000;"),
         "g": ("f64", "mov.f64 {0}, 0d4008000000000000;"), "q": ("b128", None), "a": ("b32", None), "m": ("f32", None),
         "x": ("b8", None), "w": ("f64", None)}
KIND_OF = {"pred": "p", "f32": "f", "f64": "g", "b128": "q", "tf32": "r",
           **dict.fromkeys(("b8", "u8", "s8", "b16", "u16", "s16", "f16", "bf16", "e4m3x2", "e5m2x2"), "h"),
           **dict.fromkeys(("b32", "u32", "s32", "f16x2", "bf16x2", "u16x2", "s16x2", "e4m3x4", "e5m2x4"), "r"),
           **dict.fromkeys(("b64", "u64", "s64", "f32x2"), "d")}
ARRAYS = {"gm": ".global .align 128 .b8 gm[4096];", "cm": ".const .align 16 .b8 cm[64] = {1, 2, 3, 4};",
          "sm": ".shared .align 1024 .b8 sm[16384];", "cmap": ".const .align 64 .b8 cmap[128];"}
HEAD = ".version 9.0\n.target sm_90a\n.address_size 64\n"
# Zeros in the first bytes of sm, for what must not read unwritten bytes; blocks of 128 threads.
FILL = """mov.u32 %z0, %tid.x; shl.b32 %z0, %z0, 5; mov.u32 %z1, sm; add.u32 %z0, %z0, %z1; mov.b32 %z1, 0;
st.shared.v4.b32 [%z0], {%z1, %z1, %z1, %z1}; st.shared.v4.b32 [%z0+16], {%z1, %z1, %z1, %z1};
fence.proxy.async.shared::cta; bar.sync 0;"""


POLICY = "mov.b64 %d8, 0x12F0000000000000;"  # evict_first, as CUTLASS writes it


@dataclass(frozen=True)
class Form:
    section: str
    row: str
    name: str
    text: str  # the whole module; the entry is `k`
    block: int = 1
    cluster: int = 1
    params: tuple = ()

    @property
    def launch(self):
        """The launch file's content."""
        return {"buffers": {"B": {"bytes": 65536, "fill": "zero"}},
            "symbols": {"cmap": tensor_map(2)} if " cmap[" in self.text else {},
                "launches": [{"entry": "k", "grid": [self.cluster], "block": [self.block], "cluster": [self.cluster],
                              "params": [PARAMS[p] for p in self.params]}]}


def tensor_map(rank):
    sizes = [64, 4, 4, 2, 2][:rank]
    strides = [256, 1024, 4096, 8192][:rank - 1]
    return {"tensorMap": {"buffer": "B", "dtype": "u32", "globalDim": sizes, "globalStrides": strides,
                          "box": [8, 2, 1, 1, 1][:rank], "elementStrides": [1] * rank}}


PARAMS = {"gp": {"pointer": "B"}, "u32": {"u32": 1}, **{f"map{n}": tensor_map(n) for n in range(1, 6)}}

forms = []
current = ["", ""]
seen = set()
samples = {}  # of each row the first form: its word, and what makes its kernel with another word and more operands


def row(section, name):
    current[:] = section, name


def expand(pattern):
    """All words of a pattern: "a.(b|c)" is "a.b" and "a.c". Nests."""
    match = re.search(r"\(([^()]*)\)", pattern)
    if not match:
        return [pattern]
    return list(itertools.chain.from_iterable(
        expand(pattern[:match.start()] + choice + pattern[match.end():]) for choice in match.group(1).split("|")))


def types_of(word):
    return [part for part in word.split(".") if part in KIND_OF]


def operands_of(word, signature):
    types, out = types_of(word), []
    for at, token in enumerate(signature.split()):
        kind = {"T": lambda: KIND_OF[types[-1]], "S": lambda: KIND_OF[types[-2]]}.get(token, lambda: token)()
        out.append(f"%{kind}{at}" if kind in KINDS else kind)
    return ", ".join(out)


def entry(body, module="", rank=2, after=""):
    """The module around a kernel's lines; what the text names is declared and set. Gives the parameters' names too."""
    whole = body + after
    words = set(re.findall(r"%?[A-Za-z_][\w]*", whole + module))
    registers = sorted({(kind, int(n)) for kind, n in re.findall(r"%([a-z])(\d+)\b", whole)})
    lines, params, arrays = [], [], []
    for kind, (ty, first) in KINDS.items():
        numbers = [n for k, n in registers if k == kind]
        if numbers:
            lines.append(f".reg .{ty} %{kind}<{max(numbers) + 1}>;")
            lines += [first.format(f"%{kind}{n}") for n in numbers if first]
    if "%z0" in words:
        lines.insert(0, ".reg .b32 %z<4>;")
    if "%gp" in words or "gp" in words:
        params.append("gp")
        lines.insert(0, ".reg .b64 %gp;")
        lines.append("ld.param.u64 %gp, [gp];")
    if "map" in words:
        params.append(f"map{rank}")
    if "lm" in words:
        lines.insert(0, ".local .align 16 .b8 lm[64];")
        lines.append("st.local.v2.b64 [lm], {0, 0};")
    for name, text in ARRAYS.items():
        if name in words:
            arrays.append(text)
    declared = ", ".join(".param .u64 gp" if p == "gp" else ".param .align 64 .b8 map[128]" for p in params)
    text = HEAD + "\n".join(arrays + ([module] if module else []))
    text += f"\n.visible .entry k({declared})\n{{\n" + "\n".join(lines + [body]) + "\nret;\n}\n" + after
    return text, tuple(params)


def add(name, text, **options):
    key = (*current, name)
    if key in seen:  # patterns overlap
        assert (*key, text) in seen, f"two forms of one name: {key}"
        return
    seen.update((key, (*key, text)))
    forms.append(Form(*current, name, text, **options))


def f(pattern, operands="", before="", after="", tag="", module="", rank=2, **options):
    """Forms of one instruction; `operands` is a signature, or what makes the text after the word."""
    for word in expand(pattern):
        tail = operands(word) if callable(operands) else operands_of(word, operands)
        if tail is None:
            continue
        front = before(word) if callable(before) else before
        if "cache_hint" in word:
            front = POLICY + front
        text, params = entry(f"{front}\n{word} {tail};\n{after}".strip(), module, rank)
        add(word + (f" {tag}" if tag else ""), text, params=params, **options)
        if not tag and not word.startswith("@"):
            samples.setdefault(tuple(current), (word, lambda to, end, word=word, tail=tail, front=front: (
                entry(f"{front}\n{to} {tail}{end};\n{after}".strip(), module, rank), options)))


def body(name, text, module="", rank=2, after="", **options):
    """A form that is more than one instruction."""
    whole, params = entry(text, module, rank, after)
    add(name, whole, params=params, **options)


def module(name, text, **options):
    """A form that is a module of its own."""
    add(name, text if text.startswith(".version") else HEAD + text, **options)


def mistakes():
    """A modifier that does not exist, and an operand too many, with each instruction. Nothing should accept them."""
    row("9.1.1", "a modifier that does not exist")
    for word, make in list(samples.values()):
        (text, params), options = make(word + ".zork", "")
        add(word + ".zork", text, params=params, **options)
    row("9.1.2", "an operand too many")
    for word, make in list(samples.values()):
        has_operands = f"{word} ;" not in make(word, "")[0][0]
        (text, params), options = make(word, ", 1" if has_operands else " 1")
        add(word + ", 1", text, params=params, **options)


def all_forms():
    if not forms:
        import forms_arithmetic as arithmetic
        import forms_control as control
        import forms_copies as copies
        import forms_matrix as matrix
        import forms_memory as memory
        import forms_syntax as syntax

        for make in (syntax.syntax, arithmetic.integer_arithmetic, arithmetic.float_arithmetic, arithmetic.half_arithmetic,
                     arithmetic.comparison, arithmetic.logic, memory.data_movement, arithmetic.conversions,
                     copies.async_copies, copies.tensor_copies, memory.texture_and_surface, control.control_flow,
                     control.synchronisation, control.mbarriers, matrix.matrices, control.stack_video_rest,
                     syntax.special_registers, syntax.directives, mistakes):
            make()
    return forms
