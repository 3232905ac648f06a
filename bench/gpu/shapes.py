"""The shapes worth timing, the most important first."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Shape:
    label: str
    m: int
    n: int
    k: int
    a: str = "row"
    b: str = "row"
    input: str = "bf16"
    output: str = "bf16"

    @property
    def package(self):
        return f"gemm-{self.input}-{self.output}-{self.a}-{self.b}"

    @property
    def flops(self):
        return 2 * self.m * self.n * self.k

    @property
    def bytes(self):
        """Each operand read once, the result written once."""
        wide = {"bf16": 2, "f16": 2, "f32": 4}
        return (self.m * self.k + self.k * self.n) * wide[self.input] + self.m * self.n * wide[self.output]

    def facts(self):
        return {**asdict(self), "flops": self.flops, "bytes": self.bytes}


def _linear(label, n, k, *ms):
    """x @ W.T with W as a linear layer stores it, so B is column-major."""
    return [Shape(f"{label} M={m}", m, n, k, b="column") for m in ms]


def shapes():
    cubes = [Shape(f"{size} cubed", size, size, size) for size in (4096, 8192, 16384)]
    cubes += [Shape(f"{size} cubed, B.T", size, size, size, b="column") for size in (4096, 8192)]
    models = (_linear("Llama 8B gate+up", 28672, 4096, 4096, 16, 1024, 16384, 128, 1)
              + _linear("Llama 70B down", 8192, 28672, 8192, 512)
              + _linear("Llama 8B qkv", 6144, 4096, 2048, 64, 8192)
              + _linear("DeepSeek qkv-a", 2112, 7168, 4096, 128, 16, 1024, 512, 64, 1)
              + _linear("Llama 8B down", 4096, 14336, 4096, 16, 512, 16384)
              + _linear("Llama 70B o", 8192, 8192, 1024, 128, 1)
              + _linear("Llama 70B gate+up", 57344, 8192, 256, 4096))
    others = [Shape(f"{size} cubed, {what}", size, size, size, a, b, kind, out)
              for size in (8192, 4096)
              for what, a, b, kind, out in (("f16", "row", "row", "f16", "f16"),
                                            ("f32 out", "row", "row", "bf16", "f32"),
                                            ("A.T", "column", "row", "bf16", "bf16"),
                                            ("A.T, B.T", "column", "column", "bf16", "bf16"),
                                            ("f16, B.T", "row", "column", "f16", "f16"))]
    # Sizes that nothing divides: pitches that the copy engine takes, and one that it does not.
    odd = [Shape("odd, aligned", 4100, 4104, 4104), Shape("odd", 4099, 4101, 4103)]
    return cubes + models + odd + others
