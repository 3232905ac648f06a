"""tk from Python: compile a tile program, launch it on NumPy arrays.

    import numpy as np, tilekernel as tk

    package = tk.compile(open("examples/gemm.mlir").read(), aliases={"out": "f32"}, tuning={"stages": 3},
                         disable=["tk-overlap-products"])
    c = np.empty((300, 520), np.float32)
    report = package.launch("gemm", A=a, B=b, C=c)      # a, b: ml_dtypes.bfloat16
    assert not report["findings"]

Arrays are matched to the kernel's arguments by name; shapes, strides and element types are checked against its
signature. Outputs are the arguments the kernel writes; they are filled in place.
"""

import collections.abc
import ctypes as c
import json
import operator
import os

import numpy as np

from . import _capi, sim
from ._library import Work as _Work, check as _check, get as _lib

__all__ = ["CompileError", "LaunchError", "Package", "compile", "load", "sim"]


class CompileError(Exception):
    """The source is wrong; the message holds every diagnostic with its source line."""


class LaunchError(Exception):
    """The arguments do not fit the kernel, or the launch failed."""


# NumPy names of element types whose MLIR names differ; ml_dtypes' types go by their own names.
_TYPE_NAMES = {"float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16", "float8_e4m3fn": "f8E4M3FN",
               "float8_e5m2": "f8E5M2", "bool": "i1", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
               "uint8": "ui8", "uint16": "ui16", "uint32": "ui32", "uint64": "ui64"}


class Package:
    """A compiled package: kernels with their PTX and, where ptxas was found, a cubin."""

    def __init__(self, handle):
        self._handle = handle

    def __del__(self):
        if getattr(self, "_handle", None) and _lib:  # Modules lose their names when Python ends.
            _lib().tkPackageFree(self._handle)

    @property
    def text(self):
        """The package as the text of a .tkpkg file."""
        return _lib().tkPackageGetText(self._handle, None).decode()

    @property
    def ptx(self):
        return _lib().tkPackageGetPtx(self._handle).decode()

    @property
    def kernels(self):
        """Names of the kernels, in order."""
        lib = _lib()
        return [lib.tkPackageGetKernelName(self._handle, i).decode()
                for i in range(lib.tkPackageGetNumKernels(self._handle))]

    def arguments(self, kernel):
        """The arguments of a kernel as dictionaries: name, type, rank, sizes' names, read, written.

        A list of problems has no rank, and its columns, such dictionaries themselves, in `columns`, which is empty for
        others.
        """
        lib, index = _lib(), self._find(kernel)

        def describe(get, *place):
            argument = _capi.Argument()
            _check(get(self._handle, index, *place, c.byref(argument)), LaunchError)
            return {"name": argument.name.decode(), "view": bool(argument.is_view),
                    "type": lib.tkElementTypeGetName(argument.element_type).decode(), "rank": argument.rank,
                    "symbols": [argument.symbols[d].decode() for d in range(argument.rank)],
                    "read": bool(argument.read), "written": bool(argument.written),
                    "columns": [describe(lib.tkKernelGetColumn, *place, i) for i in range(argument.num_columns)]}

        return [describe(lib.tkKernelGetArgument, i) for i in range(lib.tkKernelGetNumArguments(self._handle, index))]

    def launch(self, kernel=None, *, device="auto", seed=0, variant=None, **values):
        """Launches a kernel and waits.

        `values` are NumPy arrays for views, numbers for scalars and, for a list of problems, a list of dictionaries of
        arrays by column (`problems=[{"A": a, "B": b, "C": c}, ...]`), by argument name. `device` is "auto", "sim" or
        "cuda"; `variant` the entry of the only variant to take, else the first that fits. Returns the report as a
        dictionary: the entry taken and why others were declined, findings, bank conflicts, counters, times. Raises
        LaunchError if an argument or the variant does not fit. Ctrl-C ends the simulator's work at once; outputs are
        then as they were. A GPU runs to its end.
        """
        _expect("kernel", kernel, (str, type(None)), "a name")
        _expect("device", device, str, '"auto", "sim" or "cuda"')
        _expect("variant", variant, (str, type(None)), "the name of an entry")
        seed = _seed(seed)
        lib, name = _lib(), kernel or self.kernels[0]
        index, arguments = self._find(name), {a["name"]: a for a in self.arguments(name)}
        keep, entries = [], (_capi.Value * len(values))()
        for entry, (argument, value) in zip(entries, values.items()):
            if argument not in arguments:
                raise LaunchError(f"kernel '{name}' has no argument '{argument}'; it has {', '.join(arguments)}")
            _fill(entry, arguments[argument], value, keep)
        options = _capi.LaunchOptions(c.sizeof(_capi.LaunchOptions), seed, 0, 0,
                                      None if variant is None else variant.encode())

        def run(handle):
            result = c.c_void_p()
            _check(lib.tkLaunch(handle, self._handle, index, entries, len(entries), c.byref(options),
                                c.byref(result)), LaunchError)
            report = json.loads(lib.tkResultGetReport(result).decode())
            lib.tkResultFree(result)
            return report

        def create():
            handle = c.c_void_p()
            _check(lib.tkDeviceCreate(device.encode(), c.byref(handle)), LaunchError)
            return handle

        return _Work(create, lib.tkDeviceFree, lib.tkDeviceCancel, run, keep).finish()

    def _find(self, kernel):
        index = _lib().tkPackageFindKernel(self._handle, kernel.encode())
        if index < 0:
            raise LaunchError(f"the package has no kernel '{kernel}'; it has {', '.join(self.kernels)}")
        return index


def _expect(name, value, types, expected):
    if not isinstance(value, types):
        raise TypeError(f"{name}: expected {expected}, got {type(value).__name__}: {value!r}")


def _seed(value):
    try:
        value = operator.index(value)
    except TypeError:
        _expect("seed", value, (), "a whole number")
    if not 0 <= value < 1 << 64:
        raise ValueError(f"seed: expected 0 to {(1 << 64) - 1}, got {value}")
    return value


def _element_type(dtype):
    code = _lib().tkElementTypeParse(_TYPE_NAMES.get(dtype.name, dtype.name).encode())
    if code < 0:
        raise LaunchError(f"arrays of {dtype} have no counterpart among kernel types")
    return code


def _fill(entry, argument, value, keep, where=None):
    """Describes one value to the C interface; what must outlive the call goes to `keep`. `where` is its name in
    messages, where that is not the argument's."""
    where = where or argument["name"]
    entry.name = argument["name"].encode()
    if argument["columns"]:
        _fill_list(entry, argument, value, keep)
        return
    if not argument["view"]:
        entry.kind = _capi.INTEGER if isinstance(value, (int, np.integer)) else _capi.REAL
        entry.integer, entry.real = int(value), float(value)
        return
    if not isinstance(value, np.ndarray):
        raise LaunchError(f"argument '{where}' is a view: expected a NumPy array, got "
                          f"{type(value).__name__}")
    if any(stride % value.itemsize or stride < 0 for stride in value.strides):
        raise LaunchError(f"argument '{where}' has strides of {value.strides} bytes: expected "
                          f"non-negative multiples of the element's {value.itemsize} bytes; pass a copy")
    if argument["written"] and not value.flags.writeable:
        raise LaunchError(f"argument '{where}' is written by the kernel, but the array is read-only")
    sizes = (c.c_int64 * value.ndim)(*value.shape)
    strides = (c.c_int64 * value.ndim)(*(stride // value.itemsize for stride in value.strides))
    keep += [value, sizes, strides]
    entry.kind = (_capi.INOUT if argument["read"] else _capi.OUTPUT) if argument["written"] else _capi.INPUT
    entry.data, entry.rank = value.ctypes.data, value.ndim
    entry.element_type = _element_type(value.dtype)
    entry.sizes, entry.strides = sizes, strides


def _fill_list(entry, argument, problems, keep):
    """Describes a list of problems: a row for each, a value for each column."""
    name, columns = argument["name"], {column["name"]: column for column in argument["columns"]}
    if not isinstance(problems, (list, tuple)):
        raise LaunchError(f"argument '{name}' is a list of problems: expected a list of dictionaries, got "
                          f"{type(problems).__name__}")
    rows = (_capi.Row * len(problems))()
    for index, (row, problem) in enumerate(zip(rows, problems)):
        if not isinstance(problem, dict) or set(problem) - set(columns):
            raise LaunchError(f"row {index} of '{name}': expected a dictionary of {', '.join(columns)}, got "
                              f"{', '.join(map(str, problem)) if isinstance(problem, dict) else type(problem).__name__}")
        values = (_capi.Value * len(problem))()
        for value, (column, array) in zip(values, problem.items()):
            _fill(value, columns[column], array, keep, f"{name}[{index}].{column}")
        row.values, row.num_values = values, len(problem)
        keep.append(values)
    keep.append(rows)
    entry.kind, entry.data, entry.integer = _capi.LIST, c.cast(rows, c.c_void_p), len(rows)


def compile(source, *, name="<python>", aliases=None, assemble=False, ptxas=None, tuning=None, disable=()):
    """Compiles MLIR text and returns a Package.

    `aliases` redefines type aliases of the source, {"in": "f16"}. `assemble` adds a cubin, for which ptxas must be
    found. `tuning` takes decisions out of the passes' hands, {"stages": 3, "order": "hilbert"} or "stages=3", and
    `disable` names passes to leave out, ["tk-persist"] (docs/tuning-attributes.md). Raises CompileError with every diagnostic.
    """
    mapping = collections.abc.Mapping
    _expect("source", source, str, "MLIR text as a string")
    _expect("name", name, str, "a file's name as a string")
    _expect("aliases", aliases, (mapping, type(None)), 'a dictionary such as {"in": "f16"}')
    _expect("tuning", tuning, (mapping, str, type(None)),
            'a dictionary such as {"stages": 3} or a string such as "stages=3"')
    _expect("ptxas", ptxas, (str, os.PathLike, type(None)), "a path")
    _expect("disable", disable, collections.abc.Iterable, "names of passes in a list or a string")
    passes = [disable] if isinstance(disable, str) else list(disable)
    if not all(isinstance(each, str) for each in passes):
        _expect("disable", disable, (), "names of passes in a list or a string")
    options = {"aliases": dict(aliases or {}), "assemble": assemble, "disable": passes,
               "tuning": tuning if isinstance(tuning, str) else
               ",".join(f"{name}={value}" for name, value in (tuning or {}).items())}
    if ptxas:
        options["ptxas"] = os.fspath(ptxas)
    text, lib = source.encode(), _lib()
    handle, diagnostics = c.c_void_p(), c.c_void_p()
    status = lib.tkCompile(text, len(text), name.encode(), json.dumps(options).encode(), c.byref(handle),
                           c.byref(diagnostics))
    said = c.string_at(diagnostics).decode() if diagnostics else ""
    if diagnostics:
        lib.tkStringFree(diagnostics)
    if status:
        raise CompileError((said + lib.tkGetLastError().decode()).strip())
    return Package(handle)


def load(path):
    """Reads a package from a .tkpkg file."""
    with open(path, "rb") as file:
        text = file.read()
    handle = c.c_void_p()
    _check(_lib().tkPackageParse(text, len(text), str(path).encode(), c.byref(handle)), CompileError)
    return Package(handle)
