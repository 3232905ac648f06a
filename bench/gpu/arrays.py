"""Element types without ml_dtypes: conversions, .npy files, bounds on rounding errors. NumPy only."""

import numpy as np

STORAGE = {"bf16": np.dtype("<u2"), "f16": np.dtype("<f2"), "f32": np.dtype("<f4"), "i32": np.dtype("<i4")}
# Half a unit in the last place, relative to the value; what a result loses when it is stored.
ROUNDOFF = {"bf16": 2.0**-8, "f16": 2.0**-11, "f32": 0.0}
# Below this f16 has fewer digits.
ABSOLUTE = {"bf16": 1e-30, "f16": 2.0**-25, "f32": 1e-30}
# ||out - ref|| / ||ref||, as tk-run has it.
TOLERANCE = {"bf16": 4e-3, "f16": 6e-4, "f32": 2e-5}
POISON = 0xFF


def encode(values, kind):
    """float32 values rounded to nearest even, as they lie in memory."""
    values = np.ascontiguousarray(values, np.float32)
    if kind != "bf16":
        return values.astype(STORAGE[kind])
    bits = values.view(np.uint32)
    rounded = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FFF), rounded)


def decode(storage, kind):
    """The values as float32, exactly."""
    if kind == "bf16":
        return (storage.astype(np.uint32) << 16).view(np.float32)
    return storage.astype(np.float32)


def normal(random, sizes, kind):
    return encode(random.standard_normal(sizes, dtype=np.float32), kind)


def stack(parts):
    """Blocks of rows, one below the other."""
    return np.concatenate(parts)


def product(a, b):
    """A * B in float64, and |A| * |B|: what rounding errors are measured in."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return a @ b, np.abs(a) @ np.abs(b)


def error_bound(reference, magnitude, depth, kind):
    """The most that one element may be off: the sums of a tensor core, cut off once for each 16 products (the
    worst case of the model in HOPPER_PTX.md 1.5), then one rounding to the output's type."""
    sums = (-(-depth // 16) + 1) * 2.0**-20 * magnitude
    return sums + ROUNDOFF[kind] * (np.abs(reference) + sums) + ABSOLUTE[kind]


def judge(output, kind, reference, magnitude, depth):
    """Compares a result with its reference. `of_bound` above 1 means that some element is wrong, however small the
    relative error of the whole."""
    values = decode(output, kind).astype(np.float64)
    if values.size == 0:
        return {"relative_error": 0.0, "of_bound": 0.0, "not_finite": 0, "passed": True}
    difference = np.abs(values - reference)
    norm = np.linalg.norm(reference)
    missed = np.linalg.norm(difference)
    relative = float(missed / norm) if norm else (0.0 if missed == 0 else float("inf"))
    ratio = difference / error_bound(reference, magnitude, depth, kind)
    worst = np.unravel_index(np.argmax(np.nan_to_num(ratio, nan=np.inf)), ratio.shape)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    of_bound = float(ratio[worst])
    passed = bad == 0 and relative <= TOLERANCE[kind] and of_bound <= 1
    return {"relative_error": relative, "of_bound": of_bound, "worst": [int(i) for i in worst],
            "got": float(values[worst]), "expected": float(reference[worst]), "not_finite": bad, "passed": bool(passed)}


def compare(left, right, kind):
    """Two results of the same inputs: how often the same bits, and how far apart."""
    if left.size == 0:
        return {"bitwise_equal": 1.0, "max_absolute": 0.0, "max_relative": 0.0}
    same = left.view(f"u{left.itemsize}") == right.view(f"u{right.itemsize}")
    x, y = decode(left, kind).astype(np.float64), decode(right, kind).astype(np.float64)
    difference = np.abs(x - y)
    scale = float(np.sqrt(np.mean(y * y))) or 1.0
    # Relative to the size of results in general: one that cancels to nearly nothing has no digits to compare.
    return {"bitwise_equal": float(np.mean(same)), "max_absolute": float(difference.max()),
            "max_relative": float(difference.max() / scale)}
