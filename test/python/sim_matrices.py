"""Kernels of one matrix instruction for tk-sim, and where the PTX manual says that the elements of fragments lie.

The places are the manual's formulas (PTX ISA 9.7.14.5.1 to 13) case by case, as it writes them: the simulator's own
formula is another one.
"""

import json
import re

import ml_dtypes
import numpy as np

HEAD = ".version 9.0\n.target sm_90a\n.address_size 64\n"
BITS = {"f64": 64, "f32": 32, "s32": 32, "tf32": 32, "f16": 16, "bf16": 16, "e4m3": 8, "e5m2": 8, "s8": 8, "u8": 8, "s4": 4,
        "u4": 4, "b1": 1}
NUMPY = {"f64": np.float64, "f32": np.float32, "s32": np.int32, "tf32": np.float32, "f16": np.float16,
         "bf16": ml_dtypes.bfloat16, "e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2, "s8": np.int8,
         "u8": np.uint8}
RANGE = {"s8": (-128, 128), "u8": (0, 256), "s4": (-8, 8), "u4": (0, 16), "b1": (0, 2)}


def sizes(shape):
    return tuple(map(int, re.fullmatch(r"m(\d+)n(\d+)k(\d+)", shape).groups()))


def place_a(shape, ty, i, lane):
    """Row and column of A's element a_i."""
    g, q = lane >> 2, lane % 4
    bits = BITS[ty]
    if shape in ("m8n8k4", "m8n8k16", "m8n8k32", "m8n8k128"):
        return g, q * {"m8n8k4": 1, "m8n8k16": 4, "m8n8k32": 8, "m8n8k128": 32}[shape] + i
    if shape == "m16n8k4":
        return (g if i == 0 else g + 8), q
    if shape == "m16n8k8" and bits == 16:
        return (g if i < 2 else g + 8), q * 2 + (i & 1)
    if shape == "m16n8k8":
        return (g if i in (0, 2) else g + 8), (q if i < 2 else q + 4)
    if shape == "m16n8k16" and bits == 16:
        return (g if 0 <= i < 2 or 4 <= i < 6 else g + 8), q * 2 + (i & 1) + (8 if i >= 4 else 0)
    if shape == "m16n8k16" and bits == 64:
        return (g, i * 2 + q) if i % 2 == 0 else (g + 8, i * 2 - 2 + q)
    if shape == "m16n8k16":
        return (g if i < 4 else g + 8), q * 4 + (i & 3)
    if shape == "m16n8k32" and bits == 8:
        return (g if 0 <= i < 4 or 8 <= i < 12 else g + 8), q * 4 + (i & 3) + (16 if i >= 8 else 0)
    if shape == "m16n8k32":
        return (g if i < 8 else g + 8), q * 8 + (i & 7)
    if shape == "m16n8k64":
        return (g if 0 <= i < 8 or 16 <= i < 24 else g + 8), q * 8 + (i & 7) + (32 if i >= 16 else 0)
    if shape == "m16n8k128":
        return (g if i < 32 else g + 8), q * 32 + (i & 31)
    assert shape == "m16n8k256"
    return (g if 0 <= i < 32 or 64 <= i < 96 else g + 8), q * 32 + (i & 31) + (128 if i >= 64 else 0)


def place_b(shape, ty, i, lane):
    """Row and column of B's element b_i."""
    g, q = lane >> 2, lane % 4
    bits, k = BITS[ty], sizes(shape)[2]
    if bits >= 32:
        return q + 4 * i, g
    if bits == 16:
        return q * 2 + (i & 1) + 8 * (i // 2), g
    if bits == 8:
        return q * 4 + (i & 3) + 16 * (i // 4), g
    if bits == 4:
        return q * 8 + (i & 7) + (32 * (i // 8) if k >= 64 else 0), g
    return q * 32 + (i & 31) + (128 if i >= 32 else 0), g


def place_c(shape, i, lane):
    g, q = lane >> 2, lane % 4
    return (g if i < 2 else g + 8), q * 2 + (i & 1)


def quad_place_a(column_major, i, lane):
    high = 0 if lane < 16 else 4
    return (i % 4 + high, lane % 4) if column_major else (lane % 4 + high, i)


def quad_place_b(column_major, i, lane):
    high = 0 if lane < 16 else 4
    return (i, lane % 4 + high) if column_major else (lane % 4, i + high)


def quad_place_c(ty, i, lane):
    high = 0 if lane < 16 else 4
    if ty == "f16":
        return lane % 4 + high, i
    return (lane & 1) + (i & 2) + high, (i & 4) + (lane & 2) + (i & 1)


def raw(values, ty):
    """The bits of elements, as integers."""
    if ty in ("s4", "u4"):
        return np.asarray(values).astype(np.int64) & 15
    if ty == "b1":
        return np.asarray(values).astype(np.int64)
    x = np.ascontiguousarray(np.asarray(values, NUMPY[ty]))
    return x.view(f"u{x.itemsize}")


def pack(lanes, ty):
    """[lane][element] bits into [lane][word of 32 bits]."""
    bits = BITS[ty]
    lanes = np.asarray(lanes)
    if bits == 64:
        return lanes.astype(np.uint64).reshape(32, -1).view(np.uint32)
    per = 32 // bits
    lanes = lanes.astype(np.uint64).reshape(32, -1, per)
    return (lanes << (np.arange(per, dtype=np.uint64) * bits)).sum(-1).astype(np.uint32)


def unpack(words, ty):
    """[lane][word] into [lane][element], as numbers."""
    words = np.ascontiguousarray(words, np.uint32)
    if ty in ("f64", "f32", "s32", "f16"):
        return words.view(NUMPY[ty])
    raise KeyError(ty)


def names(prefix, first, count):
    return "{" + ", ".join(f"%{prefix}{first + i}" for i in range(count)) + "}"


class Program:
    """Entries of one instruction each, run in one process: every lane loads its words, executes, stores its words."""

    def __init__(self):
        self.entries, self.launches, self.inputs, self.outputs = [], [], [], []

    def add(self, instruction, operands, result, result_words):
        """`operands`: (prefix, [lane][word]) for each; `instruction` gets their register lists and that of the result by
        format, {0} first. `result`: prefix of its registers."""
        number = len(self.entries)
        words = np.concatenate([w for _, w in operands], axis=1).astype(np.uint32)
        width = {"g": 2}
        lists, loads, at, first = [], [], 0, dict(r=100, f=100, g=100)
        lists.append(names(result, 0, result_words // width.get(result, 1)))
        for prefix, w in operands:
            step = width.get(prefix, 1)
            count = w.shape[1] // step
            for i in range(count):
                kind = {"g": "f64", "f": "f32"}.get(prefix, "b32")
                loads.append(f"ld.global.{kind} %{prefix}{first[prefix] + i}, [%rd0+{4 * (at + i * step)}];")
            lists.append(names(prefix, first[prefix], count))
            first[prefix] += count
            at += w.shape[1]
        kind = {"g": "f64", "f": "f32"}.get(result, "b32")
        step = width.get(result, 1)
        stores = [f"st.global.{kind} [%rd1+{4 * i * step}], %{result}{i};" for i in range(result_words // step)]
        padded = -(-at // 2) * 2 * 4
        self.entries.append(f"""
.visible .entry k{number}(.param .u64 a, .param .u64 o) {{
  .reg .b64 %rd<4>; .reg .b32 %r<300>; .reg .f32 %f<300>; .reg .f64 %g<300>; .reg .pred %p<2>;
  ld.param.u64 %rd0, [a]; ld.param.u64 %rd1, [o]; mov.u32 %r299, %tid.x;
  mul.wide.u32 %rd2, %r299, {padded}; add.u64 %rd0, %rd0, %rd2; mul.wide.u32 %rd3, %r299, {4 * result_words}; add.u64 %rd1, %rd1, %rd3;
  {" ".join(loads)}
  {instruction.format(*lists)}
  {" ".join(stores)}
  ret;
}}""")
        if words.shape[1] * 4 != padded:
            words = np.concatenate([words, np.zeros((32, 1), np.uint32)], axis=1)
        self.inputs.append(words)
        self.outputs.append(result_words)

    def run(self, tool, folder, *options):
        """The results, [lane][word] for each entry; no finding may be there."""
        buffers, launches = {}, []
        for i, words in enumerate(self.inputs):
            np.save(folder / f"a{i}.npy", words)
            buffers[f"A{i}"] = {"npy": f"a{i}.npy"}
            buffers[f"O{i}"] = {"shape": [32, self.outputs[i]], "dtype": "u32", "fill": "zero", "out": f"o{i}.npy"}
            launches.append({"entry": f"k{i}", "block": [32], "params": [{"pointer": f"A{i}"}, {"pointer": f"O{i}"}]})
        (folder / "k.ptx").write_text(HEAD + "".join(self.entries))
        (folder / "l.json").write_text(json.dumps({"buffers": buffers, "launches": launches}))
        self.done = tool("tk-sim", folder / "k.ptx", "--launch", folder / "l.json", *options)
        assert self.done.returncode == 0, self.done.stdout[-3000:] + self.done.stderr[-3000:]
        return [np.load(folder / f"o{i}.npy") for i in range(len(self.inputs))]


def fragments(matrix, place, count, ty):
    """[lane][element] of a matrix's bits."""
    bits = raw(matrix, ty)
    return [[bits[place(i, lane)] for i in range(count)] for lane in range(32)]


def gather_sum(words, ty, place, m, n):
    """The matrix of a result's registers."""
    values = unpack(words, ty)
    out = np.zeros((m, n), values.dtype)
    for lane in range(32):
        for i in range(values.shape[1]):
            out[place(i, lane)] = values[lane, i]
    return out


def draw(rng, size, ty, spread=6):
    """Random elements; reals have few bits and exponents so near that sums of them are exact in double."""
    if ty in RANGE:
        return rng.integers(*RANGE[ty], size)
    x = rng.integers(-8, 9, size) * 2.0 ** rng.integers(-spread, spread + 1, size)
    return x.astype(NUMPY[ty])


def wide(values):
    """As exact numbers: float64, or int64."""
    values = np.asarray(values)
    return values.astype(np.float64 if values.dtype.kind not in "iu" else np.int64)
