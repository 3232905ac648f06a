"""Checks that ptxas hands registers over in the entry gemm_tma of a package: setmaxnreg stands in the PTX with what the
remark says, the package's notes and ptxas's own log have no C7508 ("setmaxnreg ignored"), and the SASS has both, where
nvdisasm is found to read it. Without .reqntid and .minnctapersm ptxas must say C7508: else the check sees nothing.
Usage: check_setmaxnreg.py PACKAGE PTXAS"""

import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ENTRY = "gemm_tma"


def entry_of(ptx):
    """Where the text of the entry begins and ends."""
    begin = ptx.index(f".visible .entry {ENTRY}(")
    return begin, ptx.index("\n}", begin)


def without(ptx, directive):
    begin, end = entry_of(ptx)
    text, count = re.subn(rf"^\.{directive}\b.*\n", "", ptx[begin:end], flags=re.M)
    if count != 1:
        sys.exit(f"expected one .{directive} in {ENTRY}, got {count}")
    return ptx[:begin] + text + ptx[end:]


def assemble(ptxas, ptx, cubin):
    """What ptxas says."""
    source = cubin.with_suffix(".ptx")
    source.write_text(ptx)
    done = subprocess.run([ptxas, "-v", "-arch=sm_90a", source, "-o", cubin], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout + done.stderr


def handed_over(nvdisasm, cubin):
    """The kinds of USETMAXREG in the entry's code, with their registers."""
    done = subprocess.run([nvdisasm, "-c", cubin], capture_output=True, text=True, check=True)
    code = done.stdout.partition(f".text.{ENTRY}:")[2].partition("\n.L_end_")[0] or sys.exit(f"no code of {ENTRY}")
    return sorted((kind, int(count, 0)) for kind, count in re.findall(r"\bUSETMAXREG\.(\w+)\b.*\b(0x\w+|\d+)\s*;", code))


def main(path, ptxas):
    package = json.loads(Path(path).read_text(encoding="utf-8"))
    ptx, bad = package["ptx"], []

    def expect(what, expected, got):
        if got != expected:
            bad.append(f"{what}: expected {expected}, got {got}")

    begin, end = entry_of(ptx)
    expect("setmaxnreg of the PTX", [("dec", "40"), ("inc", "232")],
           sorted(re.findall(r"setmaxnreg\.(\w+)\.sync\.aligned\.u32\s+(\d+);", ptx[begin:end])))
    [variant] = [v for kernel in package["kernels"] for v in kernel["variants"] if v["entry"] == ENTRY]
    expect("notes of the package", [], variant["resources"]["notes"])
    nvdisasm = shutil.which("nvdisasm")
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "k.cubin"
        expect("C7508 as it is", False, "C7508" in assemble(ptxas, ptx, cubin))
        cubin.write_bytes(base64.b64decode(package["cubin"]))
        if nvdisasm:
            expect("USETMAXREG of the package", [("DEALLOC", 40), ("TRY_ALLOC", 232)], handed_over(nvdisasm, cubin))
        # Then ptxas cannot know how many registers there are to begin with.
        unknown = without(without(ptx, "reqntid"), "minnctapersm")
        expect("C7508 without directives", True, "C7508" in assemble(ptxas, unknown, cubin))
        if nvdisasm:
            expect("USETMAXREG without directives", [], handed_over(nvdisasm, cubin))
    print("\n".join(bad) or f"setmaxnreg counts, SASS {'read' if nvdisasm else 'not read: no nvdisasm'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
