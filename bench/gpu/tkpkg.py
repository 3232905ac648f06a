"""Reads kernel packages (docs/package-format.md) and says what to launch: the variant, its grid, its parameters.

Written from the page and not from the C++ runtime, so that the two can be compared. Nothing here needs a GPU.
"""

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

FORMAT_VERSION = 5
WIDTH = {"f64": 8, "f32": 4, "tf32": 4, "f16": 2, "bf16": 2, "f8E4M3FN": 1, "f8E5M2": 1, "i64": 8, "i32": 4, "i16": 2,
         "i8": 1, "ui64": 8, "ui32": 4, "ui16": 2, "ui8": 1, "i1": 1}
# CUtensorMapDataType.
MAP_TYPES = {"ui8": 0, "ui16": 1, "ui32": 2, "i32": 3, "ui64": 4, "i64": 5, "f16": 6, "f32": 7, "f64": 8, "bf16": 9,
             "tf32": 11}
MAP_BYTES = 128
_INT64 = range(-2**63, 2**63)


class PackageError(Exception):
    """The package is damaged, or the arguments do not fit the kernel or the variant."""


@dataclass
class View:
    """What a host knows of an array: strides in elements."""

    address: int
    type: str
    sizes: tuple
    strides: tuple

    def part(self, *slices):
        """The view of a range of indices along each dimension."""
        first = sum(s.start * stride for s, stride in zip(slices, self.strides))
        return View(self.address + first * WIDTH[self.type], self.type, tuple(s.stop - s.start for s in slices),
                    self.strides)


@dataclass
class Table:
    """A list of problems: facts of each row, whose values are the columns, and where the list lies."""

    rows: list
    address: int = 0
    starts: int = 0
    maps: int = 0


@dataclass
class Facts:
    """What expressions are evaluated over: one view, number or table for each argument, in the kernel's order."""

    values: list
    num_sms: int = 132


@dataclass
class MapRequest:
    """One call of cuTensorMapEncodeTiled, in its units: strides in bytes from dimension 1 on."""

    offset: int
    type: int
    address: int
    sizes: list
    strides: list
    box: list
    swizzle: int
    l2_promotion: int
    fill: int


@dataclass
class Choice:
    variant: dict
    grid: tuple
    declined: list = field(default_factory=list)

    @property
    def entry(self):
        return self.variant["entry"]


# --- The file -------------------------------------------------------------------------------------------------------


def read(path):
    """The package as a dictionary, its checksum verified, `cubin` as bytes."""
    try:
        package = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PackageError(f"{path}: expected a kernel package, got {error}") from None
    if package.get("format") != "tkpkg" or package.get("version") != FORMAT_VERSION:
        raise PackageError(f"{path}: expected format tkpkg, version {FORMAT_VERSION}, got {package.get('format')}, "
                           f"version {package.get('version')}")
    body = {key: value for key, value in package.items() if key != "checksum"}
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n"
    checksum = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    if checksum != package["checksum"]:
        raise PackageError(f"{path}: checksum: expected {checksum}, got {package['checksum']}")
    return {**package, "cubin": base64.b64decode(package["cubin"])}


def find_kernel(package, name=None):
    names = [kernel["name"] for kernel in package["kernels"]]
    if name is None and len(names) == 1:
        return package["kernels"][0]
    if name not in names:
        raise PackageError(f"expected one of the kernels {', '.join(names)}, got {name}")
    return package["kernels"][names.index(name)]


# --- Expressions ----------------------------------------------------------------------------------------------------


def _divide(op, lhs, rhs):
    if rhs == 0:
        raise PackageError(f"{op}: expected a divisor other than zero, got {lhs} over 0")
    # Python rounds towards minus infinity, and its remainder has the sign of the divisor.
    return {"floordiv": lhs // rhs, "ceildiv": -(-lhs // rhs), "mod": lhs % rhs}[op]


def evaluate(expr, facts):
    """The value of an expression; anything that does not fit 64 bits is an error."""
    if isinstance(expr, int):
        return expr
    op, *operands = expr
    if op == "num_sms":
        return facts.num_sms
    if op == "rows":
        return len(facts.values[operands[0]].rows)
    if op == "sum":
        return sum(evaluate(operands[1], row) for row in facts.values[operands[0]].rows)
    if op == "scalar":
        value = facts.values[operands[0]]
        if not isinstance(value, int):
            raise PackageError(f"scalar: expected an integer as argument {operands[0]}, got {value}")
        return value
    if op in ("size", "stride"):
        view = facts.values[operands[0]]
        return (view.sizes if op == "size" else view.strides)[operands[1]]
    lhs, rhs = (evaluate(operand, facts) for operand in operands)
    if op in ("floordiv", "ceildiv", "mod"):
        value = _divide(op, lhs, rhs)
    else:
        value = {"add": lambda: lhs + rhs, "sub": lambda: lhs - rhs, "mul": lambda: lhs * rhs,
                 "min": lambda: min(lhs, rhs), "max": lambda: max(lhs, rhs)}[op]()
    if value not in _INT64:
        raise PackageError(f"{op}: expected a value of 64 bits, got an overflow from {lhs} and {rhs}")
    return value


def _sides(condition, facts):
    rhs = evaluate(condition["rhs"], facts)
    if condition["kind"] == "aligned":
        return facts.values[condition["argument"]].address, rhs
    return evaluate(condition["lhs"], facts), rhs


def _broken_row(condition, facts):
    """The first row of the condition's table, but those in which the view is empty, that it does not hold for."""
    of_row = {**condition, "table": -1}
    return next((row for row in facts.values[condition["table"]].rows
                 if 0 not in row.values[condition["argument"]].sizes and not holds(of_row, row)), None)


def holds(condition, facts):
    if condition.get("table", -1) >= 0:
        return _broken_row(condition, facts) is None
    lhs, rhs = _sides(condition, facts)
    kind = condition["kind"]
    if kind in ("divisible", "aligned"):
        if rhs <= 0:
            raise PackageError(f"{kind}: expected a positive divisor, got {rhs}")
        return lhs % rhs == 0
    return {"equal": lhs == rhs, "not_equal": lhs != rhs, "less": lhs < rhs, "less_equal": lhs <= rhs}[kind]


# --- Arguments ------------------------------------------------------------------------------------------------------


def _normalise(argument, view):
    """Strides of dimensions that hold one element move nothing: they become what the kernel wants to see."""
    strides, empty = list(view.strides), 0 in view.sizes
    placed, open_dimensions = [], []
    for d in reversed(range(len(view.sizes))):
        if view.sizes[d] > 1 and not empty:
            placed.append(d)
        elif argument["strides"][d] != "?":
            strides[d] = argument["strides"][d]
            placed.append(d)
        else:
            open_dimensions.append(d)
    for d in open_dimensions:
        stride = max([1] + [max(view.sizes[other], 1) * strides[other] for other in placed])
        divisor = argument["stride_divisors"][d]
        strides[d] = -(-stride // divisor) * divisor
        placed.append(d)
    return View(view.address, view.type, tuple(view.sizes), tuple(strides))


def _check_view(argument, view, symbols):
    name = argument["name"]
    if view.type != argument["type"]:
        raise PackageError(f'argument "{name}": expected elements of type {argument["type"]}, got {view.type}')
    if view.address % argument["align"]:
        raise PackageError(f'address of "{name}": expected a multiple of {argument["align"]}, got {view.address}')
    for d, size in enumerate(view.sizes):
        where = f'"{name}" (dimension {d})'
        if argument["sizes"][d] not in ("?", size):
            raise PackageError(f"size of {where}: expected {argument['sizes'][d]}, got {size}")
        if size % argument["size_divisors"][d]:
            raise PackageError(f"size of {where}: expected a multiple of {argument['size_divisors'][d]}, got {size}")
        if argument["strides"][d] not in ("?", view.strides[d]):
            raise PackageError(f"stride of {where}: expected {argument['strides'][d]}, got {view.strides[d]}")
        if view.strides[d] % argument["stride_divisors"][d]:
            raise PackageError(f"stride of {where}: expected a multiple of {argument['stride_divisors'][d]}, got "
                               f"{view.strides[d]}")
        symbol = argument["symbols"][d]
        if symbol and symbols.setdefault(symbol, size) != size:
            raise PackageError(f"size {symbol} of {where} is {size}, but another argument has {symbols[symbol]}")


def _bind(arguments, values, num_sms):
    names = [argument["name"] for argument in arguments]
    if set(values) != set(names):
        raise PackageError(f"expected the arguments {', '.join(names)}, got {', '.join(values)}")
    bound, symbols = [], {}
    for argument in arguments:
        value = values[argument["name"]]
        if argument.get("columns"):
            value = Table([_bind(argument["columns"], row, num_sms) for row in value])
        elif argument["view"]:
            if len(value.sizes) != len(argument["sizes"]):
                raise PackageError(f'argument "{argument["name"]}": expected {len(argument["sizes"])} dimensions, got '
                                   f"{len(value.sizes)}")
            value = _normalise(argument, value)
            _check_view(argument, value, symbols)
        bound.append(value)
    return Facts(bound, num_sms)


def bind(kernel, values, num_sms=132):
    """Facts of a launch from views, numbers and, for a table, lists of views by column; a promise that they break is an
    error."""
    return _bind(kernel["arguments"], values, num_sms)


# --- Variants -------------------------------------------------------------------------------------------------------


def obstacle(variant, facts):
    """The first precondition that does not hold, as text; None if all do."""
    for condition in variant["preconditions"]:
        if not holds(condition, facts):
            broken = facts if condition.get("table", -1) < 0 else _broken_row(condition, facts)
            lhs, rhs = _sides(condition, broken)
            return f"{condition['kind']} ({condition['why']}), got {lhs} and {rhs}"
    return None


def _grid(variant, facts):
    grid = tuple(evaluate(expr, facts) for expr in variant["grid"])
    for d, extent in enumerate(grid):
        limit = 65535 if d else 2**31 - 1
        if not 0 <= extent <= limit or extent % variant["cluster"][d]:
            raise PackageError(f'grid of "{variant["entry"]}" (dimension {d}): expected a multiple of '
                               f"{variant['cluster'][d]} from 0 to {limit}, got {extent}")
    return grid


def choose(kernel, facts, entry=None):
    """The first variant whose preconditions hold; with `entry` that one, and an error if it does not fit."""
    declined = []
    for variant in kernel["variants"]:
        if entry not in (None, variant["entry"]):
            continue
        reason = obstacle(variant, facts)
        if reason is None:
            return Choice(variant, _grid(variant, facts), declined)
        if entry:
            raise PackageError(f'variant "{entry}" does not fit these arguments: expected {reason}')
        declined.append(f"{variant['entry']} needs {reason}")
    raise PackageError(f"expected a variant {entry or 'for these arguments'} of kernel {kernel['name']}, got none")


def _scalar_bytes(argument, value):
    width, kind = WIDTH[argument["type"]], argument["type"]
    formats = {"f64": "<d", "f32": "<f", "tf32": "<f", "f16": "<e"}
    if kind in formats:
        return struct.pack(formats[kind], value)
    if kind == "bf16":
        bits = struct.unpack("<I", struct.pack("<f", value))[0]
        return struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    if kind.startswith("f8"):
        raise PackageError(f'argument "{argument["name"]}": scalars of type {kind} are not supported here')
    return (value % (1 << 8 * width)).to_bytes(width, "little")


def pack(kernel, variant, facts):
    """The parameter buffer, tensor maps still zero."""
    buffer = bytearray(variant["parameter_bytes"])

    def put(offset, data):
        # A variant need not take every argument.
        if 0 <= offset <= len(buffer) - len(data):
            buffer[offset:offset + len(data)] = data

    for argument, value in zip(kernel["arguments"], facts.values):
        if argument.get("columns"):
            for index, part in enumerate((value.address, len(value.rows), value.starts, value.maps)):
                put(argument["offset"] + 8 * index, part.to_bytes(8, "little"))
        elif argument["view"]:
            _put_view(put, argument, value)
        else:
            put(argument["offset"], _scalar_bytes(argument, value))
    return buffer


def put_address(parameters, offset, address):
    parameters[offset:offset + 8] = address.to_bytes(8, "little")


def workspace_bytes(variant, grid):
    """Bytes of the slots of all programs of a grid, and of the flags behind them."""
    programs, workspace = grid[0] * grid[1] * grid[2], variant["workspace"]
    return programs * workspace["bytes"], programs * workspace["flags"] * 4


def _put_view(put, argument, view):
    put(argument["offset"], view.address.to_bytes(8, "little"))
    for offsets, numbers in ((argument["size_offsets"], view.sizes), (argument["stride_offsets"], view.strides)):
        for offset, number in zip(offsets, numbers):
            put(offset, number.to_bytes(8, "little", signed=True))


def pack_rows(argument, table):
    """The rows of a table as they lie in memory, and a row of zeros."""
    buffer = bytearray((len(table.rows) + 1) * argument["row_bytes"])

    def put_at(start):
        def put(offset, data):
            if offset >= 0:
                buffer[start + offset:start + offset + len(data)] = data
        return put

    for index, row in enumerate(table.rows):
        for column, view in zip(argument["columns"], row.values):
            _put_view(put_at(index * argument["row_bytes"]), column, view)
    return bytes(buffer)


def pack_starts(use, table):
    """The number of each row's first program, and of all."""
    starts = [0]
    for row in table.rows:
        starts.append(starts[-1] + evaluate(use["programs"], row))
    return b"".join(start.to_bytes(8, "little") for start in starts)


def table_map_requests(kernel, variant, use, facts, zeros, sink):
    """The tensor maps of every row of a table and of the one after the last, at their place beside it. Those of empty
    views are of one element at `zeros`, or at `sink` where the kernel writes."""
    table, columns = facts.values[use["argument"]], kernel["arguments"][use["argument"]]["columns"]
    requests = []
    for entry in variant["tensor_maps"]:
        if entry["table"] != use["argument"]:
            continue
        of_row = {"tensor_maps": [{**entry, "table": -1}]}
        for index in range(len(table.rows) + 1):
            if index < len(table.rows) and 0 not in table.rows[index].values[entry["argument"]].sizes:
                (request,) = map_requests(of_row, table.rows[index])
            else:
                rank, place = len(entry["dimensions"]), sink if columns[entry["argument"]]["written"] else zeros
                request = MapRequest(0, MAP_TYPES[entry["type"]], place, [1] * rank, [16] * (rank - 1),
                                     [dimension["box"] for dimension in entry["dimensions"]],
                                     (0, 32, 64, 128).index(entry["swizzle"]),
                                     (0, 64, 128, 256).index(entry["l2_promotion"]),
                                     ("zero", "nan").index(entry["fill"]))
            request.offset = index * use["map_bytes"] + entry["offset"]
            requests.append(request)
    return requests


def map_requests(variant, facts):
    """The tensor maps that the host has to make, but those of tables."""
    requests = []
    for entry in variant["tensor_maps"]:
        if entry.get("table", -1) >= 0:
            continue
        sizes = [evaluate(dimension["size"], facts) for dimension in entry["dimensions"]]
        strides = [evaluate(dimension["stride"], facts) * WIDTH[entry["type"]] for dimension in entry["dimensions"]]
        for d, stride in enumerate(strides[1:], 1):
            if stride % 16 or not 0 <= stride < 2**40:
                raise PackageError(f"tensor map of argument {entry['argument']} (dimension {d}): expected a stride of "
                                   f"a multiple of 16 bytes, got {stride}")
        requests.append(MapRequest(entry["offset"], MAP_TYPES[entry["type"]], facts.values[entry["argument"]].address,
                                   sizes, strides[1:], [dimension["box"] for dimension in entry["dimensions"]],
                                   (0, 32, 64, 128).index(entry["swizzle"]),
                                   (0, 64, 128, 256).index(entry["l2_promotion"]),
                                   ("zero", "nan").index(entry["fill"])))
    return requests
