"""Kernel packages and .npy files for the tests: compile, read, edit, run. Not a test.

The checksum of a package is the SHA-256 of its JSON without the checksum, compact, with a line feed at the end
(lib/Target/PackageWriter.cpp). An edited package gets a new one here: the tests that want a damaged package must
damage it on purpose.
"""

import hashlib
import json
import math
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import ml_dtypes
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
GEMM = ROOT / "examples" / "gemm.mlir"
GEMM_KMAJOR = ROOT / "examples" / "gemm_kmajor.mlir"

NUMPY = {"bf16": np.dtype(ml_dtypes.bfloat16), "f16": np.dtype(np.float16), "f32": np.dtype(np.float32),
         "f8E4M3FN": np.dtype(ml_dtypes.float8_e4m3fn), "f8E5M2": np.dtype(ml_dtypes.float8_e5m2),
         "i8": np.dtype(np.int8), "i32": np.dtype(np.int32)}
TOLERANCE = {"bf16": 4e-3, "f16": 6e-4, "f32": 2e-5, "f8E4M3FN": 5e-2, "f8E5M2": 1e-1, "i32": 0}


def serialize(package):
    """The text of a package, with its checksum."""
    body = {key: value for key, value in package.items() if key != "checksum"}
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n"
    checksum = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({**body, "checksum": checksum}, ensure_ascii=False)


def edit(source, target, change):
    """Writes to `target` the package `source` after `change(package)`, checksum renewed."""
    package = json.loads(Path(source).read_text())
    change(package)
    Path(target).write_text(serialize(package))
    return target


@dataclass(frozen=True)
class Variant:
    """One instance of examples/gemm.mlir: element types and the layouts of A and B. Types that need K contiguous are
    instances of examples/gemm_kmajor.mlir, A row-major and B column-major; f32 there is tf32. `input2` is B's type
    where it is not A's."""

    input: str = "bf16"
    output: str = "bf16"
    a: str = "row"
    b: str = "row"
    input2: str = ""

    def __str__(self):
        return f"{self.input}{'x' * bool(self.input2)}{self.input2}-{self.output}-{self.a}-{self.b}"

    @property
    def inputs(self):
        return self.input, self.input2 or self.input

    @property
    def source(self):
        return GEMM if NUMPY[self.input].itemsize == 2 else GEMM_KMAJOR

    @property
    def trip(self):
        """What one trip of the loop takes of K."""
        return 64 if self.source == GEMM else 128 // NUMPY[self.input].itemsize

    def entry(self, shape):
        """The PTX entry that fits a problem, by the rule of the copy engine and not by the package: every stride of A,
        B and C but the contiguous one is a multiple of 16 bytes, and there is something to copy."""
        m, n, k = shape
        read, written = NUMPY[self.input].itemsize, NUMPY[self.output].itemsize
        assert read == NUMPY[self.inputs[1]].itemsize
        pitches = [read * (k if self.a == "row" else m), read * (n if self.b == "row" else k), written * n]
        return "gemm_tma" if min(shape) > 0 and all(pitch % 16 == 0 for pitch in pitches) else "gemm"

    def aliases(self):
        def view(layout):
            strides = "?, 1" if layout == "row" else "1, ?"
            return f"!tk.global<?x?x{self.input}, strides = [{strides}]>"

        types = {"in": self.input, "out": self.output}
        if self.source == GEMM:
            types.update(A=view(self.a), B=view(self.b))
        else:
            assert (self.a, self.b) == ("row", "column")
            first, second = self.inputs
            types.update(in2=second, acc="i32" if first == "i8" else "f32", step=f"{self.trip} : index",
                         a=f"tensor<128x{self.trip}x{first}>", b=f"tensor<{self.trip}x128x{second}>")
        return [word for name, text in types.items() for word in ("--alias", f"{name}={text}")]


@dataclass
class Run:
    """One finished tk-run: its process, its report (None if there is none), the output (None if there is none)."""

    process: subprocess.CompletedProcess
    report: dict = None
    output: np.ndarray = None
    errors: list = field(default_factory=list)


def compile_gemm(tool, variant, path, *options):
    done = tool("tk-compile", variant.source, "--no-assemble", "-o", path, *variant.aliases(), *options)
    assert done.returncode == 0, done.stderr
    return path


def make_inputs(variant, shape, seed):
    """A and B as normal values of the input type (integers: all values alike), in the memory order of the layout; C's
    reference in float64. tf32 is f32 without its 13 low bits, which the tensor core ignores."""
    m, n, k = shape
    random = np.random.default_rng([seed, m, n, k])
    arrays = []
    for layout, sizes, kind in ((variant.a, (m, k), variant.inputs[0]), (variant.b, (k, n), variant.inputs[1])):
        if kind == "i8":
            values = random.integers(-128, 128, sizes, dtype=np.int8)
        else:
            values = random.standard_normal(sizes, dtype=np.float32).astype(NUMPY[kind])
        arrays.append(np.asfortranarray(values) if layout == "column" else np.ascontiguousarray(values))
    a, b = arrays
    if variant.input == "f32":
        truncated = [(array.view(np.uint32) & np.uint32(0xffffe000)).view(np.float32) for array in arrays]
        return a, b, truncated[0].astype(np.float64) @ truncated[1].astype(np.float64)
    return a, b, a.astype(np.float64) @ b.astype(np.float64)


def entries(package):
    """The variants of the one kernel of a package (as JSON), by entry, in the order in which they are tried."""
    (kernel,) = package["kernels"]
    return {variant["entry"]: variant for variant in kernel["variants"]}


def run_gemm(tool, package, variant, arrays, folder, *options, raw=False, poison=None, device="sim"):
    """Runs a package on A and B. `raw` saves them as plain 16-bit integers, not as ml_dtypes arrays. C is fresh memory,
    of which the report counts what was never written; with `poison`, an array, it is that array, overwritten."""
    for name, array in zip("AB", arrays):
        np.save(folder / f"{name}.npy", array.view(np.uint16) if raw else array)
    out = folder / "C.npy"
    out.unlink(missing_ok=True)
    arguments = [package, "--arg", f"A={folder / 'A.npy'}", "--arg", f"B={folder / 'B.npy'}", "--out", f"C={out}"]
    if poison is not None:
        np.save(folder / "poison.npy", poison)
        arguments += ["--arg", f"C={folder / 'poison.npy'}"]
    done = tool("tk-run", *arguments, f"--device={device}", "--report=json", *options)
    run = Run(done)
    if done.stdout:
        run.report = json.loads(done.stdout)
        run.errors = [finding for finding in run.report["findings"] if finding["severity"] == "error"]
    if out.exists():
        run.output = np.load(out).view(NUMPY[variant.output])
    return run


def relative_error(output, reference):
    difference, size = (np.linalg.norm(x) for x in (output.astype(np.float64) - reference, reference))
    return difference / size if size else difference


# --- Certificates -------------------------------------------------------------------------------------------------


def certified(variant):
    """A variant's certificate: for each source line, width and wavefronts of one execution, how many instructions."""
    table = Counter()
    for proof in variant["bank_proofs"]:
        assert proof["wavefronts"] == proof["minimum"], proof
        where = proof["location"].rsplit("/", 1)[-1]
        table[where, proof["width_bytes"], proof["wavefronts"]] += proof["instructions"]
    return table


def observed(report):
    """The same of what the simulator ran."""
    table = Counter()
    for bank in report["banks"]:
        wavefronts, rest = divmod(bank["wavefronts"], bank["executions"])
        assert rest == 0, bank
        table[bank["source"], bank["width_bytes"], wavefronts] += 1
    return table


def tiles_of(variant, m, n):
    """Tiles that the programs of a variant walk for a result of m x n, in whole clusters. What the compiler decided is
    in the grid: how large a tile is, and along which side clusters lie."""
    grid, cluster = json.dumps(variant["grid"]), math.prod(variant["cluster"][:2])
    tiles = sorted(set(re.findall(r'\["ceildiv", \["size", \d+, (\d)\], (\d+)\]', grid)))
    assert len(tiles) == 2, grid
    counts = []
    for (dimension, tile), size in zip(tiles, (m, n)):
        count = -(-size // int(tile))
        in_clusters = re.search(rf'\["size", \d+, {dimension}\], {tile}\], {cluster}\]', grid)
        counts.append(-(-count // cluster) * cluster if in_clusters else count)
    return math.prod(counts)


def check_barriers(variant, report, tiles, trips, programs=0):
    """The simulator counts the phases that the certificate says, and no other barriers. All programs together walk so
    many tiles, and do so many trips in these, by a test's own arithmetic. How many programs there are matters only
    where they share a tile's depth."""
    counted = {barrier["offset"]: barrier["phases"] for barrier in report["barriers"]}
    rows = {buffer["offset"]: buffer["bytes"] for buffer in variant["shared_buffers"]}
    for proof in variant["barrier_proofs"]:
        begin = proof["offset"]
        phases = sum(counted.pop(place, 0) for place in range(begin, begin + rows[begin], 8))
        expected = proof["per_program"] * programs + proof["per_tile"] * tiles + proof["per_trip"] * trips
        assert phases == expected, (proof, phases, expected)
    assert counted == {}, "phases of which the certificate says nothing"
