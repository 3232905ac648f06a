"""Launches kernel packages through the CUDA driver with ctypes: no compiler, no headers, no copies.

The driver's primary context is used, which is PyTorch's too: addresses of its tensors are valid here, and its streams
are taken as they are.

    driver = Driver()
    kernel = Launcher(driver, tkpkg.read("gemm.tkpkg"))
    launch = kernel.prepare({"A": view_of(a), "B": view_of(b), "C": view_of(c)})
    launch(torch.cuda.current_stream().cuda_stream)
"""

import ctypes as c
import time

import tkpkg

# CUdevice_attribute, CUfunction_attribute, CUjit_option, CUlaunchAttributeID.
SM_COUNT, MAJOR, MINOR, L2_BYTES, CLOCK_KHZ = 16, 75, 76, 38, 13
MAX_DYNAMIC_SHARED, NON_PORTABLE_CLUSTER = 8, 14
INFO_LOG, INFO_LOG_BYTES, ERROR_LOG, ERROR_LOG_BYTES = 3, 4, 5, 6
CLUSTER_DIMENSION = 4
NOT_READY = 600


class LaunchAttribute(c.Structure):
    _fields_ = [("id", c.c_int), ("padding", c.c_char * 4), ("value", c.c_uint32 * 16)]


class LaunchConfig(c.Structure):
    _fields_ = [("grid", c.c_uint * 3), ("block", c.c_uint * 3), ("shared", c.c_uint), ("stream", c.c_void_p),
                ("attributes", c.POINTER(LaunchAttribute)), ("num_attributes", c.c_uint)]


assert c.sizeof(LaunchAttribute) == 72 and c.sizeof(LaunchConfig) == 56

_HANDLE, _OUT = c.c_void_p, c.POINTER(c.c_void_p)
_SIGNATURES = {
    "cuInit": [c.c_uint],
    "cuDriverGetVersion": [c.POINTER(c.c_int)],
    "cuGetErrorName": [c.c_int, c.POINTER(c.c_char_p)],
    "cuGetErrorString": [c.c_int, c.POINTER(c.c_char_p)],
    "cuDeviceGetCount": [c.POINTER(c.c_int)],
    "cuDeviceGet": [c.POINTER(c.c_int), c.c_int],
    "cuDeviceGetName": [c.c_char_p, c.c_int, c.c_int],
    "cuDeviceGetAttribute": [c.POINTER(c.c_int), c.c_int, c.c_int],
    "cuDevicePrimaryCtxRetain": [_OUT, c.c_int],
    "cuCtxSetCurrent": [_HANDLE],
    "cuMemAlloc_v2": [c.POINTER(c.c_uint64), c.c_size_t],
    "cuMemFree_v2": [c.c_uint64],
    "cuMemcpyHtoD_v2": [c.c_uint64, c.c_void_p, c.c_size_t],
    "cuMemcpyDtoH_v2": [c.c_void_p, c.c_uint64, c.c_size_t],
    "cuMemsetD8_v2": [c.c_uint64, c.c_ubyte, c.c_size_t],
    "cuModuleLoadDataEx": [_OUT, c.c_char_p, c.c_uint, c.POINTER(c.c_int), _OUT],
    "cuModuleUnload": [_HANDLE],
    "cuModuleGetFunction": [_OUT, _HANDLE, c.c_char_p],
    "cuFuncSetAttribute": [_HANDLE, c.c_int, c.c_int],
    "cuLaunchKernelEx": [c.POINTER(LaunchConfig), _HANDLE, _OUT, _OUT],
    "cuTensorMapEncodeTiled": [c.c_void_p, c.c_int, c.c_uint32, c.c_void_p, c.POINTER(c.c_uint64),
                               c.POINTER(c.c_uint64), c.POINTER(c.c_uint32), c.POINTER(c.c_uint32), c.c_int, c.c_int,
                               c.c_int, c.c_int],
    "cuEventCreate": [_OUT, c.c_uint],
    "cuEventRecord": [_HANDLE, _HANDLE],
    "cuEventQuery": [_HANDLE],
    "cuEventElapsedTime": [c.POINTER(c.c_float), _HANDLE, _HANDLE],
    "cuEventDestroy_v2": [_HANDLE],
}


class DriverError(Exception):
    """A call of the driver failed; the message names it."""


class Hang(DriverError):
    """A kernel did not end. No call of the driver returns any more: end the process with os._exit."""


class Driver:
    """The loaded library, one GPU and its primary context. `library` is for tests."""

    def __init__(self, ordinal=0, library="libcuda.so.1"):
        try:
            self.library = c.CDLL(library)
        except OSError as error:
            raise DriverError(f"no CUDA driver: {library} could not be loaded ({error})") from None
        for name, arguments in _SIGNATURES.items():
            function = getattr(self.library, name)
            function.restype, function.argtypes = c.c_int, arguments
        self("cuInit", 0)
        version, count, device = c.c_int(), c.c_int(), c.c_int()
        self("cuDriverGetVersion", c.byref(version))
        self("cuDeviceGetCount", c.byref(count))
        if count.value <= ordinal:
            raise DriverError(f"no GPU number {ordinal}: the CUDA driver sees {count.value}")
        self("cuDeviceGet", c.byref(device), ordinal)
        name = c.create_string_buffer(256)
        self("cuDeviceGetName", name, 255, device)
        self.device, self.name = device.value, name.value.decode()
        self.version = f"{version.value // 1000}.{version.value % 1000 // 10}"
        self.num_sms, self.l2_bytes = self.attribute(SM_COUNT), self.attribute(L2_BYTES)
        self.capability = (self.attribute(MAJOR), self.attribute(MINOR))
        if self.capability != (9, 0):
            raise DriverError(f"expected a GPU of compute capability 9.0 (Hopper), got {self.name} of "
                              f"{self.capability[0]}.{self.capability[1]}")
        context = c.c_void_p()
        self("cuDevicePrimaryCtxRetain", c.byref(context), device)
        self("cuCtxSetCurrent", context)

    def __call__(self, name, *arguments):
        result = getattr(self.library, name)(*arguments)
        if result:
            raise DriverError(f"{name} failed: {self.describe(result)}")

    def describe(self, result):
        name, text = c.c_char_p(), c.c_char_p()
        self.library.cuGetErrorName(result, c.byref(name))
        self.library.cuGetErrorString(result, c.byref(text))
        return f"{(name.value or b'error').decode()} ({result}: {(text.value or b'').decode()})"

    def attribute(self, attribute):
        value = c.c_int()
        self("cuDeviceGetAttribute", c.byref(value), attribute, self.device)
        return value.value

    # Memory: for scripts that run without PyTorch.

    def allocate(self, size):
        address = c.c_uint64()
        self("cuMemAlloc_v2", c.byref(address), max(size, 1))
        return address.value

    def free(self, address):
        self("cuMemFree_v2", address)

    def upload(self, address, data):
        self("cuMemcpyHtoD_v2", address, c.cast(c.c_char_p(bytes(data)), c.c_void_p), len(data))

    def download(self, address, size):
        data = bytearray(size)
        if size:
            self("cuMemcpyDtoH_v2", (c.c_char * size).from_buffer(data), address, size)
        return data

    def fill(self, address, size, byte):
        if size:
            self("cuMemsetD8_v2", address, byte, size)

    # Modules.

    def load(self, image):
        """Loads a cubin, or PTX as text, and gives its handle; a refusal carries the JIT's log."""
        size = 1 << 14
        info, errors, module = c.create_string_buffer(size), c.create_string_buffer(size), c.c_void_p()
        options = (c.c_int * 4)(INFO_LOG, INFO_LOG_BYTES, ERROR_LOG, ERROR_LOG_BYTES)
        values = (c.c_void_p * 4)(c.addressof(info), size - 1, c.addressof(errors), size - 1)
        result = self.library.cuModuleLoadDataEx(c.byref(module), image, 4, options, values)
        if result:
            raise DriverError(f"cuModuleLoadDataEx failed: {self.describe(result)}\n{errors.value.decode()}".strip())
        return module.value

    def function(self, module, entry):
        function = c.c_void_p()
        self("cuModuleGetFunction", c.byref(function), module, entry.encode())
        return function.value

    def encode_map(self, request):
        """The 128 bytes of a tkpkg.MapRequest."""
        rank = len(request.sizes)
        room = c.create_string_buffer(tkpkg.MAP_BYTES + 64)
        start = (c.addressof(room) + 63) // 64 * 64
        self("cuTensorMapEncodeTiled", start, request.type, rank, request.address, (c.c_uint64 * rank)(*request.sizes),
             (c.c_uint64 * max(rank - 1, 1))(*request.strides), (c.c_uint32 * rank)(*request.box),
             (c.c_uint32 * rank)(*[1] * rank), 0, request.swizzle, request.l2_promotion, request.fill)
        return c.string_at(start, tkpkg.MAP_BYTES)

    def wait(self, stream=None, seconds=60):
        """Polls, so that a kernel that hangs does not hang the host too."""
        event = c.c_void_p()
        self("cuEventCreate", c.byref(event), 0)
        self("cuEventRecord", event, stream)
        deadline = time.monotonic() + seconds
        while (result := self.library.cuEventQuery(event)) == NOT_READY:
            if time.monotonic() > deadline:
                raise Hang(f"the kernel did not end within {seconds} s")
            time.sleep(0.0002)
        if result:
            raise DriverError(f"the kernel failed: {self.describe(result)}")
        self("cuEventDestroy_v2", event)


class PreparedLaunch:
    """A configuration and its parameters, ready to be queued any number of times."""

    def __init__(self, driver, function, grid, block, shared, parameters, cluster=(1, 1, 1)):
        self.driver, self.function = driver, function
        # Tensor maps among the parameters are aligned to 64 bytes, so the parameters are too.
        self._room = c.create_string_buffer(len(parameters) + 64)
        start = (c.addressof(self._room) + 63) // 64 * 64
        c.memmove(start, bytes(parameters), len(parameters))
        self._size = c.c_size_t(len(parameters))
        self._extra = (c.c_void_p * 5)(1, start, 2, c.addressof(self._size), None)
        self._attribute = LaunchAttribute(CLUSTER_DIMENSION)
        for d in range(3):
            self._attribute.value[d] = cluster[d]
        size = cluster[0] * cluster[1] * cluster[2]
        # 48 KiB and clusters of 8 are what a kernel gets without asking.
        if shared > 48 * 1024:
            driver("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED, shared)
        if size > 8:
            driver("cuFuncSetAttribute", function, NON_PORTABLE_CLUSTER, 1)
        self.config = LaunchConfig((c.c_uint * 3)(*grid), (c.c_uint * 3)(*block), shared, None,
                                   c.pointer(self._attribute), 1 if size > 1 else 0)
        self.is_empty = 0 in grid

    def __call__(self, stream=None):
        if self.is_empty:
            return
        self.config.stream = stream or None
        self.driver("cuLaunchKernelEx", c.byref(self.config), self.function, None, self._extra)


class Launcher:
    """One kernel of a package, loaded."""

    def __init__(self, driver, package, kernel=None):
        self.driver, self.package = driver, package
        self.kernel = tkpkg.find_kernel(package, kernel)
        self.note = ""
        self.module = self._load()
        self._functions, self._allocations = {}, []

    def _load(self):
        """The cubin; where the driver refuses it or there is none, its JIT takes the PTX."""
        ptx = self.package["ptx"].encode()
        if not self.package["cubin"]:
            self.note = "no cubin: the driver's JIT compiled the PTX"
            return self.driver.load(ptx)
        try:
            return self.driver.load(self.package["cubin"])
        except DriverError as error:
            self.note = f"the driver's JIT compiled the PTX, for the cubin was refused: {error}"
            return self.driver.load(ptx)

    @property
    def entries(self):
        return [variant["entry"] for variant in self.kernel["variants"]]

    def prepare(self, values, entry=None):
        """Views and numbers by name to a launch; tkpkg.PackageError where they do not fit."""
        facts = tkpkg.bind(self.kernel, values, self.driver.num_sms)
        choice = tkpkg.choose(self.kernel, facts, entry)
        variant = choice.variant
        if 0 not in choice.grid:
            self._place_tables(variant, facts)
        parameters = tkpkg.pack(self.kernel, variant, facts)
        if 0 not in choice.grid:
            if variant["workspace"]:
                tkpkg.put_address(parameters, variant["workspace"]["offset"], self._place_workspace(variant, choice.grid))
            for request in tkpkg.map_requests(variant, facts):
                parameters[request.offset:request.offset + tkpkg.MAP_BYTES] = self.driver.encode_map(request)
        if choice.entry not in self._functions:
            self._functions[choice.entry] = self.driver.function(self.module, choice.entry)
        launch = PreparedLaunch(self.driver, self._functions[choice.entry], choice.grid, variant["block"],
                                variant["dynamic_shared_bytes"], parameters, variant["cluster"])
        launch.choice, launch.parameters = choice, bytes(parameters)
        return launch

    def _place(self, data):
        address = self.driver.allocate(len(data))
        self._allocations.append(address)
        self.driver.upload(address, data)
        return address

    def _place_workspace(self, variant, grid):
        """Slots and clear flags, which are clear again after every launch, so that launches one after the other share
        them."""
        slots, flags = tkpkg.workspace_bytes(variant, grid)
        address = self.driver.allocate(slots + flags)
        self._allocations.append(address)
        self.driver.fill(address + slots, flags, 0)
        return address

    def _place_tables(self, variant, facts):
        """Rows, starts and maps of each list, in memory that stays until the launcher is closed."""
        for use in variant["tables"]:
            table, argument = facts.values[use["argument"]], self.kernel["arguments"][use["argument"]]
            table.address = self._place(tkpkg.pack_rows(argument, table))
            table.starts = self._place(tkpkg.pack_starts(use, table))
            if use["map_bytes"]:
                maps = bytearray((len(table.rows) + 1) * use["map_bytes"])
                zeros, sink = self._place(bytes(16)), self._place(bytes(16))
                for request in tkpkg.table_map_requests(self.kernel, variant, use, facts, zeros, sink):
                    maps[request.offset:request.offset + tkpkg.MAP_BYTES] = self.driver.encode_map(request)
                table.maps = self._place(bytes(maps))

    def close(self):
        for address in self._allocations:
            self.driver.free(address)
        self.driver("cuModuleUnload", self.module)
