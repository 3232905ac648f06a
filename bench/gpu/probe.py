#!/usr/bin/env python3
"""Settles what documents leave open about Hopper, with small PTX programs. Each probe prints its question, what was
expected and what was found. --device sim runs them on tk-sim instead: that tries the probes, and settles nothing."""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import environment

environment.require(numpy=True)

import launch
import models
import numpy as np
import tkpkg

HERE = Path(__file__).resolve().parent / "probes"


class Map:
    """A tensor map over an array parameter: its element type, sizes, box and swizzle in bytes."""

    def __init__(self, array, kind, box, swizzle=0, dtype=None):
        self.array, self.kind, self.box, self.swizzle, self.dtype = array, kind, box, swizzle, dtype


# --- Where probes run -----------------------------------------------------------------------------------------------


class Gpu:
    name = "gpu"

    def __init__(self):
        self.driver = launch.Driver()
        self.modules = {}

    def run(self, file, entry, parameters, block, grid=1, cluster=1, shared=0):
        """Arrays among the parameters are copied there, and back in place."""
        driver, data, arrays, maps = self.driver, bytearray(), {}, []

        def address(array):
            if id(array) not in arrays:
                arrays[id(array)] = (driver.allocate(array.nbytes), array)
                driver.upload(arrays[id(array)][0], array.tobytes())
            return arrays[id(array)][0]

        def put(value, size, align):
            data.extend(bytes(-len(data) % align))
            data.extend(value if isinstance(value, bytes) else int(value).to_bytes(size, "little", signed=value < 0))

        try:
            for parameter in parameters:
                if isinstance(parameter, Map):
                    sizes = parameter.array.shape[::-1]
                    strides = [parameter.array.strides[-1 - d] for d in range(1, len(sizes))]
                    kind = 10 if parameter.dtype == "f32ftz" else tkpkg.MAP_TYPES[parameter.kind]
                    request = tkpkg.MapRequest(0, kind, address(parameter.array), list(sizes), strides, parameter.box,
                                               (0, 32, 64, 128).index(parameter.swizzle), 0, 0)
                    put(driver.encode_map(request), 128, 64)
                elif isinstance(parameter, np.ndarray):
                    put(address(parameter), 8, 8)
                else:
                    value, size = parameter
                    put(value, size, size)
            if file not in self.modules:
                self.modules[file] = driver.load((HERE / file).read_bytes() + b"\0")
            function = driver.function(self.modules[file], entry)
            launch.PreparedLaunch(driver, function, (grid, 1, 1), (block, 1, 1), shared, data, (cluster, 1, 1))()
            driver.wait(seconds=20)
            for start, array in arrays.values():
                array[...] = np.frombuffer(driver.download(start, array.nbytes), array.dtype).reshape(array.shape)
        finally:
            for start, _ in arrays.values():
                driver.free(start)


class Simulator:
    name = "sim"

    def run(self, file, entry, parameters, block, grid=1, cluster=1, shared=0):
        with tempfile.TemporaryDirectory() as folder:
            folder, buffers, words, names = Path(folder), {}, [], {}

            def buffer(array):
                if id(array) not in names:
                    names[id(array)] = (f"p{len(names)}", array)
                    name = names[id(array)][0]
                    np.save(folder / f"{name}.npy", array)
                    buffers[name] = {"npy": str(folder / f"{name}.npy"), "out": f"{name}-out.npy"}
                return names[id(array)][0]

            for parameter in parameters:
                if isinstance(parameter, Map):
                    array = parameter.array
                    words.append({"tensorMap": {
                        "buffer": buffer(array), "dtype": parameter.dtype or parameter.kind,
                        "globalDim": list(array.shape[::-1]), "box": parameter.box,
                        "globalStrides": [array.strides[-1 - d] for d in range(1, array.ndim)],
                        "swizzle": f"{parameter.swizzle}B" if parameter.swizzle else "none"}})
                elif isinstance(parameter, np.ndarray):
                    words.append({"pointer": buffer(parameter)})
                else:
                    value, size = parameter
                    words.append({("i" if value < 0 else "u") + str(8 * size): value})
            launch_file = folder / "launch.json"
            launch_file.write_text(json.dumps({"buffers": buffers, "launches": [
                {"entry": entry, "grid": [grid], "block": [block], "cluster": [cluster],
                 "dynamicSharedBytes": shared, "params": words}]}))
            done = subprocess.run([str(environment.tool("tk-sim")), str(HERE / file), "--launch", str(launch_file),
                                   "--out", str(folder)], capture_output=True, text=True, timeout=300)
            if done.returncode == 2:
                raise tkpkg.PackageError(f"{file}, {entry}: {(done.stdout + done.stderr).strip()}")
            self.said = done.stdout
            for name, array in names.values():
                array[...] = np.load(folder / f"{name}-out.npy").view(array.dtype).reshape(array.shape)


# --- Probes ---------------------------------------------------------------------------------------------------------


def probe_elect(where):
    """Which lane does elect.sync elect?"""
    found = {}
    for mask in (0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 0x00F0F000, 0xAAAAAAAA):
        out = np.full((32, 2), 99, np.uint32)
        where.run("elect.ptx", "elect", [out, (mask, 4)], 32)
        lanes = [lane for lane in range(32) if mask >> lane & 1]
        said, are = {int(out[lane, 0]) for lane in lanes}, [lane for lane in lanes if out[lane, 1] == 1]
        found[hex(mask)] = are if said == set(are) else f"lanes say {sorted(said)}, but {are} are it"
    expected = {hex(mask): [(mask & -mask).bit_length() - 1] for mask in map(lambda text: int(text, 16), found)}
    return "the lowest lane of the mask", found, found == expected


def probe_cluster_address(where):
    """Where does the rank stand in a shared::cluster address?"""
    out = np.zeros((4, 8), np.uint32)
    where.run("cluster.ptx", "cluster", [out], 32, grid=4, cluster=4)
    own, mapped = out[:, 4], out[:, :4]
    offset = int(own[0]) & 0xFFFFFF
    found = {"own": [hex(int(x)) for x in own], "mapped by CTA 0": [hex(int(x)) for x in mapped[0]],
             "every CTA maps alike": bool((mapped == mapped[0]).all())}
    return "rank << 24 | offset in the CTA", found, all(
        int(mapped[c, r]) == (r << 24 | offset) for c in range(4) for r in range(4))


def _load_box(where, source, box, at, expected, swizzle=0):
    """(whether the barrier completed, shared memory as 16-bit words)."""
    out = np.zeros(4 + 2048, np.uint32)
    where.run("tma.ptx", "tma", [Map(source, "bf16", box, swizzle), out, (at[0], 4), (at[1], 4), (expected, 4)], 32,
              shared=8192 + 16)
    return int(out[0]), out[4:].view(np.uint16)


def _numbers(rows, columns):
    return (np.arange(rows * columns, dtype=np.uint16) + 1).reshape(rows, columns)


def probe_bytes_of_outside_boxes(where):
    """How many bytes does a box that lies partly or wholly outside complete, and what does it leave?"""
    source, found = _numbers(16, 64), {}
    for name, at in {"inside": (0, 0), "right edge": (40, 4), "beyond": (4096, 0), "negative": (-7, -3),
                     "last row": (0, 15)}.items():
        complete, words = _load_box(where, source, [32, 8], at, 32 * 8 * 2)
        padded = np.zeros((8, 32), np.uint16)
        for r in range(8):
            for c in range(32):
                y, x = at[1] + r, at[0] + c
                if 0 <= y < 16 and 0 <= x < 64:
                    padded[r, c] = source[y, x]
        found[name] = {"completes the whole box's bytes": bool(complete),
                       "zeros outside": bool((words[:256].reshape(8, 32) == padded).all())}
    return "all bytes of the box, zeros outside", found, all(all(one.values()) for one in found.values())


def probe_row_pitch(where):
    """How far apart are rows in shared memory where the inner box is narrower than the swizzle's span?"""
    source = _numbers(8, 64)
    complete, words = _load_box(where, source, [16, 8], (0, 0), 16 * 8 * 2, swizzle=128)
    places = {int(word): 2 * i for i, word in enumerate(words) if 0 < word <= 512}
    starts = [places.get(int(source[r, 0])) for r in range(8)]
    found = {"completes the box's bytes": bool(complete), "first element of each row at": starts,
             "elements found": sum(int(value) in places for value in source[:, :16].flat)}
    swizzled = [(128 * r) ^ (16 * (r % 8)) for r in range(8)]
    return "not documented; a pitch of 128 bytes, swizzled, would be " + str(swizzled), found, None


def _descriptor(lbo, sbo, layout=0, base=0):
    return lbo >> 4 << 16 | sbo >> 4 << 32 | base << 49 | layout << 62


def _wgmma(where, entry, image, a, b, at_a, at_b, c):
    d = np.zeros_like(c)
    padded = np.zeros(-(-len(image) // 512) * 512, np.uint8)
    padded[:len(image)] = np.frombuffer(bytes(image), np.uint8)
    where.run("wgmma.ptx", entry, [padded, c, d, (a, 8), (b, 8), (at_a, 4), (at_b, 4), (len(padded) // 4, 4)], 128,
              shared=16384)
    return d


def _place(image, matrix, offset):
    """Writes matrix[mn, k] to image at offset(mn, k), bytes."""
    for mn in range(matrix.shape[0]):
        for k in range(matrix.shape[1]):
            at = offset(mn, k)
            image[at:at + matrix.itemsize] = matrix[mn, k].tobytes()


def _accumulators(fragments, registers):
    """Registers of 128 threads to a 64 x 8 matrix."""
    out = np.zeros((64, 8), fragments.dtype)
    for thread in range(128):
        w, g, q = thread // 32, thread % 32 // 4, thread % 4
        for i in range(4):
            out[16 * w + g + 8 * (i >> 1), 2 * q + (i & 1)] = fragments[thread, i]
    return out


def _fragments(matrix):
    out = np.zeros((128, 4), matrix.dtype)
    for thread in range(128):
        w, g, q = thread // 32, thread % 32 // 4, thread % 4
        for i in range(4):
            out[thread, i] = matrix[16 * w + g + 8 * (i >> 1), 2 * q + (i & 1)]
    return out


def _small(random, sizes):
    """Small whole numbers as bf16: their products sum up exactly in any order."""
    values = random.integers(-8, 9, sizes).astype(np.float32)
    return values, (values.view(np.uint32) >> 16).astype(np.uint16)


def _is_product(d, a, b):
    return bool((_accumulators(d, 4) == a.astype(np.float64) @ b.astype(np.float64).T).all())


def probe_mn_major(where):
    """Without a swizzle and MN-major, is LBO the step of 8 in k and SBO that of 8 elements along M or N?"""
    (a, a_bits), (b, b_bits) = (_small(np.random.default_rng(1), (n, 16)) for n in (64, 8))
    found = {}
    for name, lbo, sbo in (("LBO is k", 128, 256), ("LBO is MN", 256, 128)):
        image = bytearray(8192)
        step_k, step_mn = (lbo, sbo) if name == "LBO is k" else (sbo, lbo)
        for matrix, at in ((a_bits, 0), (b_bits, 4096)):
            _place(image, matrix, lambda mn, k: at + k % 8 * 16 + k // 8 * step_k + mn // 8 * step_mn + mn % 8 * 2)
        d = _wgmma(where, "bf16_mn", image, _descriptor(lbo, sbo), _descriptor(lbo, sbo), 0, 4096,
                   np.zeros((128, 4), np.float32))
        found[name] = _is_product(d, a, b)
    return "LBO is k", found, found == {"LBO is k": True, "LBO is MN": False}


def probe_base_offset(where):
    """A tile with the 128-byte swizzle that starts off its 1024-byte boundary: which addresses are swizzled?"""
    (a, a_bits), (b, b_bits) = (_small(np.random.default_rng(2), (n, 16)) for n in (64, 8))
    found = {}
    for base in (0, 3):
        for name in ("absolute", "relative to the tile"):
            image, start = bytearray(16384), 3 * 128
            for matrix, at in ((a_bits, start), (b_bits, 12288 + start)):
                def offset(mn, k):
                    inside = mn % 8 * 128 + mn // 8 * 1024 + k * 2
                    if name == "absolute":
                        return (at + inside) ^ ((at + inside) >> 3 & 0x70)
                    return at + (inside ^ (inside >> 3 & 0x70))
                _place(image, matrix, offset)
            descriptor = _descriptor(16, 1024, 1, base)
            try:
                d = _wgmma(where, "bf16", image, descriptor, descriptor, start, 12288 + start,
                           np.zeros((128, 4), np.float32))
                found[f"base offset {base}, {name}"] = _is_product(d, a, b)
            except tkpkg.PackageError as error:
                found[f"base offset {base}, {name}"] = f"refused: {error}"[:120]
    expected = {"base offset 0, absolute": True, "base offset 0, relative to the tile": False}
    return "absolute with base offset 0; open with 3", found, all(found[key] is want for key, want in expected.items())


def _random_bits(random, sizes, kind, spread):
    """Finite values whose exponents spread over so many powers of two."""
    values = random.standard_normal(sizes) * 2.0 ** random.integers(-spread, spread + 1, sizes)
    if kind == "bf16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    if kind == "f16":
        return values.astype(np.float16).view(np.uint16)
    # e4m3: all but the two NaNs, towards the middle with less spread.
    exponents = random.integers(max(0, 7 - spread), min(14, 7 + spread) + 1, sizes)
    return (random.integers(0, 2, sizes) << 7 | exponents << 3 | random.integers(0, 8, sizes)).astype(np.uint8)


def probe_accumulation(where):
    """How does wgmma add up? The rate of equal bits between the machine and each model."""
    found, agrees, rounds = {}, True, 3 if where.name == "sim" else 6
    for entry, kind, output, depth in (("bf16", "bf16", "f32", 16), ("f16", "f16", "f32", 16),
                                       ("f16_f16", "f16", "f16", 16), ("e4m3", "e4m3", "f32", 32)):
        named, equal, total = models.candidates(kind, output), {}, 0
        width = 1 if kind == "e4m3" else 2
        for number in range(rounds):
            spread = (0, 3, 7)[number % 3]
            random = np.random.default_rng([number, depth])
            a, b = (_random_bits(random, (n, depth), kind, spread) for n in (64, 8))
            image = bytearray(8192)
            for matrix, at in ((a, 0), (b, 4096)):
                _place(image, matrix, lambda mn, k: at + mn % 8 * 16 + mn // 8 * 256 + k * width // 16 * 128
                       + k * width % 16)
            # Without C in every other round.
            c = random.standard_normal((64, 8)) * 2.0 ** random.integers(-spread, spread + 1, (64, 8)) * (number % 2)
            c = c.astype(np.float16 if output == "f16" else np.float32)
            fragments = np.ascontiguousarray(_fragments(c))
            descriptor = _descriptor(128, 256)
            d = _wgmma(where, entry, image, descriptor, descriptor, 0, 4096, fragments)
            got = _accumulators(d, 4).view(np.uint16 if output == "f16" else np.uint32)
            c_bits = c.view(got.dtype)
            for row in range(0, 64, 3):
                for column in range(8):
                    pairs = [((int(a[row, k]), kind), (int(b[column, k]), kind)) for k in range(depth)]
                    total += 1
                    for name, model in named.items():
                        same = model(pairs, (int(c_bits[row, column]), output)) == int(got[row, column])
                        equal[name] = equal.get(name, 0) + same
        rates = {name: round(count / total, 4) for name, count in equal.items()}
        best = sorted(rates, key=rates.get, reverse=True)[:4]
        found[entry] = {name: rates[name] for name in dict.fromkeys(["h100", "exact", *best])}
        agrees = agrees and rates["h100"] == 1
    return "h100: 1.0 for all", found, agrees


def probe_fp8_conversion(where):
    """f32 to fp8 with satfinite: NaN's sign, infinities, ties, subnormals."""
    bits = {"NaN": 0x7FC00000, "-NaN": 0xFFC00000, "inf": 0x7F800000, "-inf": 0xFF800000, "1e9": 0x4E6E6B28,
            "464 (tie)": 0x43E80000, "465": 0x43E88000, "2^-10 (tie)": 0x3A800000, "3*2^-10 (tie)": 0x3B400000,
            "2^-17 (tie)": 0x37000000, "-0": 0x80000000, "signalling NaN": 0x7FA00000}
    given = np.array(list(bits.values()), np.uint32)
    out = np.zeros_like(given)
    where.run("convert.ptx", "fp8", [given, out, (len(given), 4)], 32)
    found = {name: [f"e4m3 {word & 0xFF:02x}", f"e5m2 {word >> 16 & 0xFF:02x}"]
             for name, word in zip(bits, map(int, out))}
    expected = {"inf": ["e4m3 7e", "e5m2 7b"], "-inf": ["e4m3 fe", "e5m2 fb"], "1e9": ["e4m3 7e", "e5m2 7b"],
                "464 (tie)": ["e4m3 7e", "e5m2 5f"], "2^-10 (tie)": ["e4m3 00", "e5m2 14"],
                "3*2^-10 (tie)": ["e4m3 02", "e5m2 1a"], "2^-17 (tie)": ["e4m3 00", "e5m2 00"],
                "-0": ["e4m3 80", "e5m2 80"]}
    agrees = all(found[name] == want for name, want in expected.items())
    return "saturated, ties to even; the sign of NaN is open", found, agrees


def probe_special_functions(where):
    """How far are ex2, tanh and rcp from the correctly rounded result?"""
    random = np.random.default_rng(5)
    count = 1 << 14 if where.name == "sim" else 1 << 22
    given = np.concatenate([np.linspace(-20, 20, count // 2, dtype=np.float32),
                            random.standard_normal(count // 2, dtype=np.float32)])
    out = np.zeros((count, 4), np.float32)
    where.run("convert.ptx", "special", [given, out, (count, 4)], 256, grid=count // 256)
    wide, found = given.astype(np.float64), {}
    with np.errstate(divide="ignore"):
        right = {"ex2": np.exp2(wide), "ex2.ftz": np.exp2(wide), "tanh": np.tanh(wide), "rcp.ftz": 1 / wide}
    for column, (name, reference) in enumerate(right.items()):
        rounded, got = reference.astype(np.float32), out[:, column]
        normal = np.isfinite(rounded) & (np.abs(rounded) >= 2.0**-126)
        ulps = np.abs(got[normal].view(np.int32).astype(np.int64) - rounded[normal].view(np.int32))
        relative = np.abs(got[normal] - reference[normal]) / np.abs(reference[normal])
        found[name] = {"correctly rounded": round(float((ulps == 0).mean()), 4), "worst ulp": int(ulps.max()),
                       "worst relative": f"{relative.max():.2e}",
                       "sha256 of the bits": hashlib.sha256(np.ascontiguousarray(got).tobytes()).hexdigest()[:16]}
    agrees = found["ex2"]["worst ulp"] <= 2 and float(found["tanh"]["worst relative"]) <= 2.0**-10
    return "ex2 within 2 ulp, tanh within 2^-11 relative (bits are not documented)", found, agrees


def probe_reduction_subnormals(where):
    """Does a reduction through a map of f32 keep subnormals, and one of f32_ftz flush them?"""
    found = {}
    for dtype in ("f32", "f32ftz"):
        total = np.full(32, 2.0**-127, np.float32)
        terms = np.full(32, 2.0**-128, np.float32)
        terms[16:] = 0
        where.run("reduce.ptx", "reduce", [Map(total, "f32", [32], dtype=dtype), terms], 32)
        found[dtype] = {"subnormal + subnormal": float(total[0]) / 2.0**-128, "subnormal + 0": float(total[16]) / 2.0**-128}
    return "not documented; kept they are 3 and 2 units of 2^-128", found, None


PROBES = [probe_elect, probe_cluster_address, probe_bytes_of_outside_boxes, probe_row_pitch, probe_mn_major,
          probe_base_offset, probe_accumulation, probe_fp8_conversion, probe_special_functions,
          probe_reduction_subnormals]
# What the simulator refuses by design.
NOT_SIMULATED = {"row_pitch"}


def run_probe(name, device):
    """One probe, here; a report that says what came of it."""
    probe = next(probe for probe in PROBES if name_of(probe) == name)
    try:
        where = Gpu() if device == "cuda" else Simulator()
        expected, found, agrees = probe(where)
    except (tkpkg.PackageError, launch.DriverError) as error:
        return {"expected": None, "found": f"did not run: {error}", "agrees": None, "ran": False}
    return {"expected": expected, "found": found, "agrees": agrees, "ran": True}


def run_in_child(name):
    """On a GPU each probe has a process of its own: one that faults or hangs takes no other with it."""
    try:
        done = subprocess.run([sys.executable, __file__, "--child", name], capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        said = done.stderr.strip()[-600:] if isinstance(error, ValueError) else "it did not end within 120 s"
        return {"expected": None, "found": f"did not run: {said}", "agrees": None, "ran": False}


def name_of(probe):
    return probe.__name__.removeprefix("probe_")


def main():
    parser = argparse.ArgumentParser(prog=environment.program(), description=__doc__)
    parser.add_argument("--device", choices=("cuda", "sim"), default="cuda")
    parser.add_argument("--only", default="", help="only probes with this word in their name")
    parser.add_argument("--json", default="probe.json")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    environment.require(driver=options.device == "cuda")
    if options.child:
        print(json.dumps(run_probe(options.child, "cuda")), flush=True)
        # Without waiting for a kernel that hangs.
        os._exit(0)
    results = {}
    for probe in PROBES:
        name = name_of(probe)
        if options.only not in name or (options.device == "sim" and name in NOT_SIMULATED):
            continue
        print(f"{name}: {probe.__doc__}", flush=True)
        result = run_in_child(name) if options.device == "cuda" else run_probe(name, "sim")
        results[name] = {"question": probe.__doc__, **result}
        print(f"  expected  {result['expected']}")
        found = result["found"]
        for key, value in found.items() if isinstance(found, dict) else [("", found)]:
            print(f"  found     {key}{': ' if key else ''}{value}")
        print(f"  {'as expected' if result['agrees'] else 'open' if result['agrees'] is None else 'NOT as expected'}",
              flush=True)
    environment.write(options.json, {"kind": "probe", "device": options.device, "probes": results})
    return 0 if results and all(result["ran"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
