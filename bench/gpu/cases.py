"""What the bundle knows of each example: the arguments to make and the reference to hold results against.

`scripts/gpu_bundle.py` makes one package for each case; `check.py` refuses a package that no case speaks of.
"""

from dataclasses import dataclass

LAYOUTS = ("row", "column")


@dataclass(frozen=True)
class Gemm:
    """One product of matrices: types of operands and result, the order in which A and B lie in memory."""

    source: str = "gemm"
    input: str = "bf16"
    output: str = "bf16"
    a: str = "row"
    b: str = "row"
    result: str = "C"  # The argument that receives A * B.
    input2: str = ""  # B's type where it is not A's.
    tune: str = ""  # What is decided for the passes: `--tune` of tk-compile.

    @property
    def name(self):
        return self.plain_name + (f"-{self.tune.replace('=', '-')}" if self.tune else "")

    @property
    def plain_name(self):
        if self.source == "gemm_kmajor":
            return f"gemm-{self.input}{'x' * bool(self.input2)}{self.input2}-{self.output}-{self.a}-{self.b}"
        if self.source != "gemm":
            return self.source
        return f"gemm-{self.input}-{self.output}-{self.a}-{self.b}"

    @property
    def kernel(self):
        return "gemm"

    def aliases(self):
        """What of the source is redefined: `--alias` of tk-compile."""
        if self.source == "gemm_kmajor":
            first, second = self.input, self.input2 or self.input
            trip = 32 if first == "f32" else 128
            return {"in": first, "in2": second, "acc": "i32" if first == "i8" else "f32", "out": self.output,
                    "a": f"tensor<128x{trip}x{first}>", "b": f"tensor<{trip}x128x{second}>", "step": f"{trip} : index"}
        if self.source != "gemm":
            return {}

        def view(layout):
            return f"!tk.global<?x?x{self.input}, strides = [{'?, 1' if layout == 'row' else '1, ?'}]>"

        return {"in": self.input, "out": self.output, "A": view(self.a), "B": view(self.b)}

    def sizes(self, shape):
        m, n, k = shape
        return {"A": (m, k), "B": (k, n), self.result: (m, n)}

    def layouts(self):
        return {"A": self.a, "B": self.b, self.result: "row"}

    def scalars(self):
        return {}

    def bind(self, views, shape):
        """The arguments of a launch, of views by name."""
        return views

    def operands(self, arrays, random, shape):
        """Fresh inputs as they lie in memory."""
        sizes, types = self.sizes(shape), self.types()
        return {name: arrays.normal(random, sizes[name], types[name]) for name in sizes if name != self.result}

    def product(self, arrays, operands):
        """The result in float64, and what its rounding errors are measured in."""
        types = self.types()
        return arrays.product(*self.factors({name: (arrays.multiplied if name in "AB" else arrays.decode)(array, types[name])
                                             for name, array in operands.items()}))

    def factors(self, values):
        """What the result is the product of."""
        return values["A"], values["B"]

    def types(self):
        return {"A": self.input, "B": self.input2 or self.input, self.result: self.output}


@dataclass(frozen=True)
class Scaled(Gemm):
    """An fp8 product with scales: of blocks of 128 of K (and columns), or of rows and columns, and one of all."""

    def aliases(self):
        return {"in": self.input, "in2": self.input2 or self.input, "out": self.output}

    @property
    def blockwise(self):
        return self.source == "gemm_fp8_blockwise"

    def sizes(self, shape):
        m, n, k = shape
        blocks = -(-k // 128)
        return {"A": (m, k), "B": (k, n), "SA": (m, blocks if self.blockwise else 1),
                "SB": (blocks, -(-n // 128)) if self.blockwise else (1, n), "C": (m, n)}

    def layouts(self):
        return {**super().layouts(), "SA": "row", "SB": "row"}

    def types(self):
        return {**super().types(), "SA": "f32", "SB": "f32"}

    def scalars(self):
        return {} if self.blockwise else {"scale": 0.375}

    def factors(self, values):
        """A and B with their scales, in float64."""
        k, n = values["B"].shape
        a, b, sa, sb = (values[name].astype("f8") for name in ("A", "B", "SA", "SB"))
        if not self.blockwise:
            return a * sa * self.scalars()["scale"], b * sb
        return a * sa.repeat(128, 1)[:, :k], b * sb.repeat(128, 0).repeat(128, 1)[:k, :n]


@dataclass(frozen=True)
class Batched(Gemm):
    """Products of two batches of matrices."""

    source: str = "gemm_batched"
    batch: int = 3

    @property
    def kernel(self):
        return self.source

    def sizes(self, shape):
        return {name: (self.batch, *sizes) for name, sizes in super().sizes(shape).items()}


@dataclass(frozen=True)
class Grouped(Gemm):
    """Rows of A, each block of 128 of them times the matrix of B that a list names. The list is random; one number in
    it is of no matrix, whose rows are zero."""

    source: str = "gemm_grouped"
    groups: int = 3

    @property
    def kernel(self):
        return self.source

    def sizes(self, shape):
        m, n, k = shape
        return {"A": (m, k), "B": (self.groups, k, n), "groups": (-(-m // 128),), self.result: (m, n)}

    def layouts(self):
        return {**super().layouts(), "groups": "row"}

    def types(self):
        return {**super().types(), "groups": "i32"}

    def operands(self, arrays, random, shape):
        values = {name: arrays.normal(random, self.sizes(shape)[name], self.types()[name]) for name in "AB"}
        values["groups"] = random.integers(0, self.groups, self.sizes(shape)["groups"], dtype=arrays.STORAGE["i32"],
                                           endpoint=True)
        return values

    def product(self, arrays, operands):
        a, b = (arrays.decode(operands[name], self.types()[name]) for name in "AB")
        pairs = [arrays.product(a[128 * i:128 * (i + 1)], b[group] if group < self.groups else 0 * b[0])
                 for i, group in enumerate(operands["groups"])]
        return tuple(arrays.stack(parts) for parts in zip(*pairs))


@dataclass(frozen=True)
class List(Gemm):
    """One product as a list of problems: rows of A times columns of B, cut unevenly, with an empty piece. All lie in the
    arrays of the whole, at multiples of 16 bytes where those do."""

    source: str = "gemm_list"

    @property
    def kernel(self):
        return self.source

    def pieces(self, shape):
        """Ranges of rows and of columns of each problem."""
        m, n, _ = shape
        rows = (0, m // 3 // 8 * 8, m // 3 // 8 * 8, m * 5 // 6 // 8 * 8, m)
        columns = (0, n * 2 // 3 // 8 * 8, n)
        return [(slice(*r), slice(*c)) for r in zip(rows, rows[1:]) for c in zip(columns, columns[1:])]

    def problems(self, arrays, shape, part):
        """What each problem has of arrays or views of the whole; `part(array, rows, columns)` cuts them."""
        depth = slice(0, shape[2])
        return [{"A": part(arrays["A"], rows, depth), "B": part(arrays["B"], depth, columns),
                 self.result: part(arrays[self.result], rows, columns)} for rows, columns in self.pieces(shape)]

    def bind(self, views, shape):
        return {"problems": self.problems(views, shape, lambda view, *slices: view.part(*slices))}


def cases():
    """All of them, the most important first."""
    products = [Gemm(input=i, output=o, a=a, b=b) for i in ("bf16", "f16") for a in LAYOUTS for b in LAYOUTS
                for o in (i, "f32", "f16" if i == "bf16" else "bf16")]
    kmajor = [Gemm("gemm_kmajor", i, o, "row", "column", input2=j)
              for i, j, o in (("i8", "", "i32"), ("f8E4M3FN", "", "bf16"), ("f32", "", "f32"), ("f8E5M2", "", "bf16"),
                              ("f8E4M3FN", "f8E5M2", "bf16"), ("f8E4M3FN", "", "f8E4M3FN"))]
    shared = [Gemm(tune="stream_k=4"), Gemm(tune="split_k=4"), Gemm("gemm_kmajor", "i8", "i32", "row", "column", tune="stream_k=4")]
    return products + shared + [Gemm(source="gemm_graph", result="out"), Batched(), Grouped(), List()] + kmajor + [
        Scaled(f"gemm_fp8_{kind}", "f8E4M3FN", "bf16", "row", "column") for kind in ("blockwise", "rowwise")]


def find(name):
    return next((case for case in cases() if case.name == name), None)


# M, N, K. Every edge of a tile: one element, less than a tile, exactly one, one more, several tiles to a program,
# depths of no, one, some and many steps. The first ones are small enough for the simulator.
SMALL = [(1, 1, 1), (16, 16, 16), (7, 13, 5), (128, 256, 64), (64, 128, 0), (129, 264, 72), (300, 520, 136),
         (100, 1000, 328), (257, 65, 449)]
LARGE = [(1, 4096, 4096), (1000, 1000, 1000), (1024, 2304, 512), (2047, 2050, 1023), (2048, 2048, 2048)]
HUGE = [(4096, 4096, 4096), (16, 14336, 4096), (4096, 4104, 8200), (3000, 7000, 3000)]
