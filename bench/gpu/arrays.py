"""Element types without ml_dtypes: conversions, .npy files, bounds on rounding errors. NumPy only."""

import numpy as np

STORAGE = {"bf16": np.dtype("<u2"), "f16": np.dtype("<f2"), "f32": np.dtype("<f4"), "i8": np.dtype("i1"),
           "i32": np.dtype("<i4"), "f8E4M3FN": np.dtype("u1"), "f8E5M2": np.dtype("u1")}
# Half a unit in the last place, relative to the value; what a result loses when it is stored.
ROUNDOFF = {"bf16": 2.0**-8, "f16": 2.0**-11, "f32": 0.0, "i32": 0.0, "f8E4M3FN": 2.0**-4, "f8E5M2": 2.0**-3}
# Below this f16 and fp8 have fewer digits; integers are equal.
ABSOLUTE = {"bf16": 1e-30, "f16": 2.0**-25, "f32": 1e-30, "i32": 0.5, "f8E4M3FN": 2.0**-10, "f8E5M2": 2.0**-17}
# ||out - ref|| / ||ref||, as tk-run has it.
TOLERANCE = {"bf16": 4e-3, "f16": 6e-4, "f32": 2e-5, "i32": 0.0, "f8E4M3FN": 5e-2, "f8E5M2": 1e-1}
# Sums of fp8 products keep about 14 bits on the tensor core, whatever the output's type (HOPPER_PTX.md 1.5).
FP8_TOLERANCE = 2e-2
POISON = 0xFF


def _fp8_values(kind):
    """The values of the 256 codes: e4m3 has 3 bits of significand, bias 7 and no infinity; e5m2 2, 15 and one."""
    digits, bias = (3, 7) if kind == "f8E4M3FN" else (2, 15)
    codes = np.arange(256)
    exponent, fraction = codes >> digits & (0x7F >> digits), codes & ((1 << digits) - 1)
    values = np.where(exponent == 0, fraction * 2.0 ** (1 - bias - digits),
                      (fraction + (1 << digits)) * 2.0 ** (exponent - bias - digits))
    special = codes & 0x7F
    values[special == 0x7F] = np.nan
    if kind == "f8E5M2":
        values[special >= 0x7D] = np.nan
        values[special == 0x7C] = np.inf
    return np.where(codes < 128, values, -values).astype(np.float32)


FP8 = {kind: _fp8_values(kind) for kind in ("f8E4M3FN", "f8E5M2")}


def encode(values, kind):
    """float32 values rounded to nearest even, as they lie in memory."""
    values = np.ascontiguousarray(values, np.float32)
    if kind in FP8:
        positive = FP8[kind][:128]
        finite = positive[np.isfinite(positive)]
        middles = (finite[1:].astype(np.float64) + finite[:-1]) / 2
        size = np.abs(values).astype(np.float64)
        low = np.searchsorted(middles, size, "left")
        tie = np.searchsorted(middles, size, "right") != low
        code = np.where(tie & (low % 2 == 1), low + 1, low).astype(np.uint8)
        return np.where(np.isnan(values), np.uint8(0x7F), code | np.signbit(values).astype(np.uint8) << 7)
    if kind != "bf16":
        return values.astype(STORAGE[kind])
    bits = values.view(np.uint32)
    rounded = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FFF), rounded)


def decode(storage, kind):
    """The values as float32, exactly."""
    if kind == "bf16":
        return (storage.astype(np.uint32) << 16).view(np.float32)
    if kind in FP8:
        return FP8[kind][storage]
    return storage.astype(np.float64 if kind == "i32" else np.float32)


def multiplied(storage, kind):
    """What the tensor core makes of an operand: f32 is tf32, without its 13 low bits."""
    if kind == "f32":
        return (storage.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
    return decode(storage, kind)


def normal(random, sizes, kind):
    if kind == "i8":  # Even, and so are all sums of products: none has the bits of poison.
        return (2 * random.integers(-64, 64, sizes)).astype(np.int8)
    return encode(random.standard_normal(sizes, dtype=np.float32), kind)


def stack(parts):
    """Blocks of rows, one below the other."""
    return np.concatenate(parts)


def product(a, b):
    """A * B in float64, and |A| * |B|: what rounding errors are measured in."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return a @ b, np.abs(a) @ np.abs(b)


def error_bound(reference, magnitude, depth, kind, fp8=False):
    """The most that one element may be off: the sums of a tensor core, cut off once for each 16 products (the
    worst case of the model in HOPPER_PTX.md 1.5), then one rounding to the output's type. Sums of fp8 products keep 13
    bits after the point, and each term of a step of 32 is cut off there."""
    sums = (-(-depth // 16) + 1) * 2.0**-20 * magnitude
    if kind == "i32":
        sums = 0.0
    if fp8:
        sums = (-(-depth // 32) + 1) * 33 * 2.0**-13 * magnitude
    return sums + ROUNDOFF[kind] * (np.abs(reference) + sums) + ABSOLUTE[kind]


def judge(output, kind, reference, magnitude, depth, fp8=False):
    """Compares a result with its reference. `of_bound` above 1 means that some element is wrong, however small the
    relative error of the whole."""
    values = decode(output, kind).astype(np.float64)
    if values.size == 0:
        return {"relative_error": 0.0, "of_bound": 0.0, "not_finite": 0, "passed": True}
    difference = np.abs(values - reference)
    norm = np.linalg.norm(reference)
    missed = np.linalg.norm(difference)
    relative = float(missed / norm) if norm else (0.0 if missed == 0 else float("inf"))
    ratio = difference / error_bound(reference, magnitude, depth, kind, fp8)
    worst = np.unravel_index(np.argmax(np.nan_to_num(ratio, nan=np.inf)), ratio.shape)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    of_bound = float(ratio[worst])
    passed = bad == 0 and relative <= max(TOLERANCE[kind], FP8_TOLERANCE * fp8) and of_bound <= 1
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
