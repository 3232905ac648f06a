"""The C interface (tk/CAPI/tk.h) through ctypes: declarations and nothing more."""

import ctypes as c
import os
import pathlib

MAX_RANK = 5
INPUT, OUTPUT, INOUT, ON_DEVICE, INTEGER, REAL, LIST = range(7)


class Argument(c.Structure):
    _fields_ = [("name", c.c_char_p), ("is_view", c.c_int), ("element_type", c.c_int32), ("rank", c.c_int),
                ("sizes", c.c_int64 * MAX_RANK), ("strides", c.c_int64 * MAX_RANK),
                ("symbols", c.c_char_p * MAX_RANK), ("align", c.c_int64), ("read", c.c_int), ("written", c.c_int),
                ("num_columns", c.c_int)]


class Value(c.Structure):
    _fields_ = [("name", c.c_char_p), ("kind", c.c_int32), ("data", c.c_void_p), ("element_type", c.c_int32),
                ("rank", c.c_int), ("sizes", c.POINTER(c.c_int64)), ("strides", c.POINTER(c.c_int64)),
                ("integer", c.c_int64), ("real", c.c_double)]


class Row(c.Structure):
    _fields_ = [("values", c.POINTER(Value)), ("num_values", c.c_size_t)]


class LaunchOptions(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("seed", c.c_uint64), ("max_steps", c.c_uint64),
                ("repeat", c.c_uint32), ("variant", c.c_char_p)]


_HANDLE = c.c_void_p
_SIGNATURES = {
    "tkGetLastError": (c.c_char_p, []),
    "tkElementTypeParse": (c.c_int, [c.c_char_p]),
    "tkElementTypeGetName": (c.c_char_p, [c.c_int32]),
    "tkCompile": (c.c_int, [c.c_char_p, c.c_size_t, c.c_char_p, c.c_char_p, c.POINTER(_HANDLE),
                            c.POINTER(c.c_void_p)]),
    "tkStringFree": (None, [c.c_void_p]),
    "tkPackageParse": (c.c_int, [c.c_char_p, c.c_size_t, c.c_char_p, c.POINTER(_HANDLE)]),
    "tkPackageFree": (None, [_HANDLE]),
    "tkPackageGetText": (c.c_char_p, [_HANDLE, c.POINTER(c.c_size_t)]),
    "tkPackageGetPtx": (c.c_char_p, [_HANDLE]),
    "tkPackageGetNumKernels": (c.c_size_t, [_HANDLE]),
    "tkPackageGetKernelName": (c.c_char_p, [_HANDLE, c.c_size_t]),
    "tkPackageFindKernel": (c.c_int64, [_HANDLE, c.c_char_p]),
    "tkKernelGetNumArguments": (c.c_size_t, [_HANDLE, c.c_size_t]),
    "tkKernelGetArgument": (c.c_int, [_HANDLE, c.c_size_t, c.c_size_t, c.POINTER(Argument)]),
    "tkKernelGetColumn": (c.c_int, [_HANDLE, c.c_size_t, c.c_size_t, c.c_size_t, c.POINTER(Argument)]),
    "tkDeviceCreate": (c.c_int, [c.c_char_p, c.POINTER(_HANDLE)]),
    "tkDeviceFree": (None, [_HANDLE]),
    "tkDeviceCancel": (None, [_HANDLE]),
    "tkDeviceGetKind": (c.c_char_p, [_HANDLE]),
    "tkLaunch": (c.c_int, [_HANDLE, _HANDLE, c.c_size_t, c.POINTER(Value), c.c_size_t, c.POINTER(LaunchOptions),
                           c.POINTER(_HANDLE)]),
    "tkResultFree": (None, [_HANDLE]),
    "tkResultGetNumErrors": (c.c_size_t, [_HANDLE]),
    "tkResultGetReport": (c.c_char_p, [_HANDLE]),
    "tkSimParse": (c.c_int, [c.c_char_p, c.c_size_t, c.c_char_p, c.POINTER(_HANDLE)]),
    "tkSimProgramFree": (None, [_HANDLE]),
    "tkSimGetSkeleton": (c.c_char_p, [_HANDLE]),
    "tkSimRun": (c.c_int, [_HANDLE, c.c_char_p, c.c_size_t, c.c_char_p, c.c_char_p, c.POINTER(_HANDLE)]),
    "tkSimCancel": (None, [_HANDLE]),
    "tkSimReportFree": (None, [_HANDLE]),
    "tkSimReportGetNumErrors": (c.c_size_t, [_HANDLE]),
    "tkSimReportGet": (c.c_char_p, [_HANDLE, c.c_char_p]),
}


def load(path=None):
    """Loads libtk.so: from `path`, $TILEKERNEL_LIBRARY, or the build folder of this checkout."""
    root = pathlib.Path(__file__).resolve().parents[2]
    candidates = [path, os.environ.get("TILEKERNEL_LIBRARY"), root / "build" / "lib" / "libtk.so"]
    for candidate in candidates:
        if candidate and pathlib.Path(candidate).exists():
            library = c.CDLL(str(candidate))
            break
    else:
        raise ImportError("libtk.so was not found: build it (./tk build tk) or set TILEKERNEL_LIBRARY to its path")
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
