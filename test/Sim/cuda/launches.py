"""Arrays, references and the launch file of a CUDA test. Not a test.

    file = Launches(FOLDER)
    file.run("kernel", grid, block, file.given("X", x), file.result("Y", reference), i32(7))
    file.write("NAME.launch.json")
"""

import json
from pathlib import Path

import ml_dtypes
import numpy as np

bf16, e4m3, e5m2 = ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2
NAMES = {np.dtype(key): name for key, name in (
    ("u1", "u8"), ("u2", "u16"), ("u4", "u32"), ("u8", "u64"), ("i1", "i8"), ("i2", "i16"), ("i4", "i32"), ("i8", "i64"),
    ("f2", "f16"), ("f4", "f32"), ("f8", "f64"), (bf16, "bf16"), (e4m3, "e4m3"), (e5m2, "e5m2"))}


def i32(value):
    return {"i32": int(value)}


def f32(value):
    return {"f32": float(value)}


def sizes(value):
    return [int(x) for x in (value if isinstance(value, (tuple, list)) else [value])]


class Launches:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.buffers, self.launches, self.symbols, self.arrays = {}, [], {}, 0

    def saved(self, array):
        """The name of a new .npy file. Types of ml_dtypes are saved as the integers of their size."""
        array = np.asarray(array)
        self.arrays += 1
        name = f"{self.arrays}.npy"
        np.save(self.folder / name, array.view(f"u{array.itemsize}") if array.dtype.kind == "V" else array)
        return name

    def buffer(self, name, **keys):
        assert name not in self.buffers, name
        self.buffers[name] = keys
        return {"pointer": name}

    def given(self, name, array):
        """An input: what the kernel finds in this buffer. It must not change, which is checked."""
        file = self.saved(array)
        kind = NAMES[np.asarray(array).dtype]
        return self.buffer(name, npy=file, dtype=kind, expect={"npy": file, "dtype": kind})

    def result(self, name, reference, dtype=None, before=None, **limits):
        """An output: what must be in it. `dtype` where the kernel's is not the reference's; `before`: an array, "zero" or
        "nan" of what is there before the first launch, else it is uninitialised; norm, max: how far it may be off."""
        reference = np.asarray(reference)
        kind = NAMES[np.dtype(dtype or reference.dtype)]
        expect = {"npy": self.saved(reference), "dtype": NAMES[reference.dtype], **limits}
        if isinstance(before, np.ndarray):
            return self.buffer(name, npy=self.saved(before), dtype=NAMES[before.dtype], expect=expect)
        fill = {"fill": before} if before else {}
        return self.buffer(name, shape=list(reference.shape), dtype=kind, expect=expect, **fill)

    def scratch(self, name, size, fill="zero"):
        """Bytes that only the kernels use. With fill=None nothing is in them."""
        return self.buffer(name, bytes=int(size), **({"fill": fill} if fill else {}))

    def symbol(self, name, array):
        """What a variable of the module holds before the first launch."""
        self.buffer(f"symbol.{name}", npy=self.saved(array), dtype=NAMES[np.asarray(array).dtype])
        self.symbols[name] = f"symbol.{name}"

    def run(self, entry, grid, block, *params, shared=0, cluster=None):
        launch = {"entry": entry, "grid": sizes(grid), "block": sizes(block), "dynamicSharedBytes": shared, "params": list(params)}
        self.launches.append(launch | ({"cluster": sizes(cluster)} if cluster else {}))

    def write(self, name):
        file = {"buffers": self.buffers, "launches": self.launches} | ({"symbols": self.symbols} if self.symbols else {})
        (self.folder / name).write_text(json.dumps(file, indent=1))


def tensor_map(buffer, dtype, dims, strides, box, **more):
    """As cuTensorMapEncodeTiled takes it, innermost dimension first; `strides` in bytes, from dimension 1 on."""
    return {"tensorMap": {"buffer": buffer["pointer"], "dtype": dtype, "globalDim": sizes(dims), "globalStrides": sizes(strides),
                          "box": sizes(box), **more}}
