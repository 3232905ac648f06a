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

    @property
    def name(self):
        if self.source != "gemm":
            return self.source
        return f"gemm-{self.input}-{self.output}-{self.a}-{self.b}"

    @property
    def kernel(self):
        return "gemm"

    def aliases(self):
        """What of the source is redefined: `--alias` of tk-compile."""
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

    def types(self):
        return {"A": self.input, "B": self.input, self.result: self.output}

    def operands(self, arrays, random, shape):
        """Fresh inputs as they lie in memory."""
        sizes, types = self.sizes(shape), self.types()
        return {name: arrays.normal(random, sizes[name], types[name]) for name in sizes if name != self.result}

    def product(self, arrays, operands):
        """The result in float64, and what its rounding errors are measured in."""
        return arrays.product(*(arrays.decode(operands[name], self.types()[name]) for name in ("A", "B")))


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


def cases():
    """All of them, the most important first."""
    products = [Gemm(input=i, output=o, a=a, b=b) for i in ("bf16", "f16") for a in LAYOUTS for b in LAYOUTS
                for o in (i, "f32", "f16" if i == "bf16" else "bf16")]
    return products + [Gemm(source="gemm_graph", result="out"), Batched(), Grouped()]


def find(name):
    return next((case for case in cases() if case.name == name), None)


# M, N, K. Every edge of a tile: one element, less than a tile, exactly one, one more, several tiles to a program,
# depths of no, one, some and many steps. The first ones are small enough for the simulator.
SMALL = [(1, 1, 1), (16, 16, 16), (7, 13, 5), (128, 256, 64), (64, 128, 0), (129, 264, 72), (300, 520, 136),
         (100, 1000, 328), (257, 65, 449)]
LARGE = [(1, 4096, 4096), (1000, 1000, 1000), (1024, 2304, 512), (2047, 2050, 1023), (2048, 2048, 2048)]
HUGE = [(4096, 4096, 4096), (16, 14336, 4096), (4096, 4104, 8200), (3000, 7000, 3000)]
