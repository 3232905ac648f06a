"""Models of the tensor core's arithmetic (HOPPER_PTX.md 1.5) on exact integers, to be held against bits from a GPU.

A number is (sign * significand, exponent): significand * 2**exponent, exactly.
"""

import math
from fractions import Fraction

# Bits of the fraction, bias.
FORMATS = {"f32": (23, 127), "bf16": (7, 127), "f16": (10, 15), "e4m3": (3, 7), "e5m2": (2, 15)}


def decode(bits, kind):
    """(signed significand, exponent of its unit, the exponent that stands in front of it) of a finite number."""
    fraction, bias = FORMATS[kind]
    width = {"f32": 32, "bf16": 16, "f16": 16, "e4m3": 8, "e5m2": 8}[kind]
    sign = -1 if bits >> (width - 1) & 1 else 1
    exponent = bits >> fraction & ((1 << (width - 1 - fraction)) - 1)
    significand = bits & ((1 << fraction) - 1)
    if exponent:
        significand |= 1 << fraction
    lead = max(exponent, 1) - bias
    return sign * significand, lead - fraction, lead


def value(bits, kind):
    significand, unit, _ = decode(bits, kind)
    return Fraction(significand) * Fraction(2) ** unit


def _round(exact, kind, mode):
    """The bits of the nearest number (ties to even), or of the next one towards zero."""
    fraction, bias = FORMATS[kind]
    width = {"f32": 32, "f16": 16}[kind]
    if exact == 0:
        return 0
    sign, size = (1 << (width - 1) if exact < 0 else 0), abs(exact)
    lead = max(math.floor(math.log2(size)) if size else 0, 1 - bias)
    while Fraction(2) ** (lead + 1) <= size:
        lead += 1
    while lead > 1 - bias and Fraction(2) ** lead > size:
        lead -= 1
    scaled = size / Fraction(2) ** (lead - fraction)
    whole = scaled.numerator // scaled.denominator
    rest = scaled - whole
    if mode == "nearest" and (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole & 1)):
        whole += 1
    # A carry moves on into the exponent by itself.
    biased = lead + bias if whole >= 1 << fraction else 0
    return sign | ((biased << fraction) + (whole - (1 << fraction)) if biased else whole)


def exact(products, c, output, mode="nearest"):
    """The exact sum, rounded once. `products`: pairs of (bits, kind); `c`: (bits, kind)."""
    total = sum((value(*x) * value(*y) for x, y in products), value(*c))
    return _round(total, output, mode)


def truncating(products, c, output, bits, mode, floor=-133):
    """Every term cut off below 2**(E - bits), E the greatest exponent of all; the sum exact, then rounded by mode."""
    terms = []
    for x, y in products:
        (sx, ux, lx), (sy, uy, ly) = decode(*x), decode(*y)
        if sx * sy:
            terms.append((sx * sy, ux + uy, lx + ly))
    sc, uc, lc = decode(*c)
    if sc:
        terms.append((sc, uc, lc))
    greatest = max([lead for _, _, lead in terms] + [floor])
    unit, total = greatest - bits, 0
    for significand, exponent, _ in terms:
        shift = exponent - unit
        size = abs(significand) << shift if shift >= 0 else abs(significand) >> -shift
        total += size if significand > 0 else -size
    return _round(Fraction(total) * Fraction(2) ** unit, output, mode)


def candidates(kind, output):
    """Named models for one pair of types; the one of HOPPER_PTX.md is called h100."""
    fraction = 13 if kind in ("e4m3", "e5m2") else 25
    mode = "nearest" if output == "f16" else "zero"
    floor = -21 if output == "f16" else -133
    named = {"exact": lambda p, c: exact(p, c, output), "exact, cut off": lambda p, c: exact(p, c, output, "zero"),
             "h100": lambda p, c: truncating(p, c, output, fraction, mode, floor)}
    for bits in sorted({12, 13, 14, 22, 23, 24, 26, 27} - {fraction}):
        named[f"h100 with {bits} bits"] = lambda p, c, bits=bits: truncating(p, c, output, bits, mode, floor)
    other = "zero" if mode == "nearest" else "nearest"
    named[f"h100, rounded to {other}"] = lambda p, c: truncating(p, c, output, fraction, other, floor)
    return named
