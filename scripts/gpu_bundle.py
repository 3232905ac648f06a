#!/usr/bin/env python3
"""Packs what a machine with a GPU needs to check, time and tune tk into one archive: see docs/gpu-bundle.md.

The tools come from a build folder; examples are compiled by the tk-compile in it. Everything below bench/gpu goes
along as it is.
"""

import argparse
import concurrent.futures
import datetime
import difflib
import hashlib
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "gpu"))

import cases  # noqa: E402

LIMIT = 60 << 20
TOOLS = ("tk-run", "tk-compile", "tk-sim")
# The tools share most of their code: a dictionary that spans them all, and calls made position-independent first,
# bring each of them after the first to nearly nothing.
DICTIONARY = 192 << 20


def fail(message):
    sys.exit(f"gpu-bundle: {message}")


def run(words, what):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        fail(f"{what}: exit code {done.returncode}\n{done.stderr.strip()}")
    return done.stdout.strip()


def find_strip():
    for name in ("llvm-strip-22", "/usr/lib/llvm-22/bin/llvm-strip", "llvm-strip", "strip"):
        if shutil.which(name):
            return name
    return fail("expected llvm-strip or strip to make the tools small, got neither")


def copy_tools(build, folder):
    strip = find_strip()
    for source, target in [(build / "bin" / name, folder / "bin" / name) for name in TOOLS] + [
            (build / "lib" / "libtk.so", folder / "lib" / "libtk.so")]:
        if not source.exists():
            fail(f"{source} is not built: run ./tk build, or name a build folder with --build")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Only what the dynamic linker does not need.
        run([strip, "--strip-unneeded", "-o", target, source], f"stripping {source.name}")
        target.chmod(0o755)


def compile_case(build, case, folder, assemble):
    target = folder / "packages" / f"{case.name}.tkpkg"
    words = [build / "bin" / "tk-compile", f"{case.source}.mlir", "-o", target]
    words += [] if assemble else ["--no-assemble"]
    words += [f"--tune={case.tune}"] if case.tune else []
    words += [word for name, text in case.aliases().items() for word in ("--alias", f"{name}={text}")]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=ROOT / "examples")
    if done.returncode:
        fail(f"{case.name}: exit code {done.returncode}\n{done.stderr.strip()}")
    package = json.loads(target.read_text())
    if assemble and not package["cubin"]:
        fail(f"{case.name}: expected a cubin, got none: {done.stderr.strip() or 'no ptxas was found'}; make ptxas "
             "found (./tk setup installs it), or give --no-assemble to leave cubins to the driver's JIT")
    return case.name


def compile_packages(build, folder, assemble, only, jobs):
    known = {case.source for case in cases.cases()}
    for example in sorted((ROOT / "examples").glob("*.mlir")):
        if example.stem not in known:
            fail(f"{example.name}: expected every example in bench/gpu/cases.py, got one that is not; add how to check it")
    (folder / "packages").mkdir()
    wanted = [case for case in cases.cases() if not only or case.name in only]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda case: compile_case(build, case, folder, assemble), wanted))


def check_names(only):
    """Every name of `only` is that of a package."""
    names = [case.name for case in cases.cases()]
    unknown = [name for name in only if name not in names]

    def find_like(word):
        return [name for name in names if word in name] or difflib.get_close_matches(word, names, cutoff=0.85)

    if unknown:
        like = {name for word in unknown for name in find_like(word)}
        fail(f"--only: expected names of packages, got {', '.join(map(repr, unknown))}; there are "
             f"{', '.join(name for name in names if name in like or not like)}")


def copy_sources(folder):
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "bench" / "gpu", folder / "gpu", ignore=ignore)
    shutil.copytree(ROOT / "python" / "tilekernel", folder / "python" / "tilekernel", ignore=ignore)
    (folder / "examples").mkdir()
    for example in (ROOT / "examples").glob("*.mlir"):
        shutil.copy(example, folder / "examples")
    (folder / "gpu" / "run.sh").rename(folder / "run.sh")
    shutil.copy(ROOT / "docs" / "gpu-bundle.md", folder / "README.md")
    shutil.copy(ROOT / "LICENSE", folder)


def describe(build, folder, packages):
    def git(*words):
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else "unknown"

    compiler = run([build / "bin" / "tk-compile", "--version"], "tk-compile --version").splitlines()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    first = json.loads((folder / "packages" / f"{packages[0]}.tkpkg").read_text())
    return {"tk": first["compiler"], "commit": git("describe", "--always", "--dirty", "--abbrev=12"),
            "commit_date": git("log", "-1", "--format=%cI"),
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "tools": {"tk-compile": " ".join(" ".join(compiler).split()), "python": sys.version.split()[0],
                      "ptxas": ptxas_version() if first["cubin"] else None},
            "package_format": first["version"], "packages": packages,
            "files": {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}}


def ptxas_version():
    ptxas = shutil.which("ptxas")
    return run([ptxas, "--version"], "ptxas --version").splitlines()[-1] if ptxas else "not on the PATH"


def pack(folder, target, level):
    """A .tar.xz with nothing of this machine in it: no owners, no times but the epoch."""
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": level, "dict_size": DICTIONARY}]

    def plain(info):
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = "root"
        return info

    part = target.with_suffix(".part")
    with lzma.open(part, "wb", format=lzma.FORMAT_XZ, filters=filters) as stream:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
            # Tools first and together, so that each finds the one before in the dictionary.
            order = ["bin", "lib"] + sorted(path.name for path in folder.iterdir() if path.name not in ("bin", "lib"))
            for name in order:
                for path in [folder / name] + sorted((folder / name).rglob("*")):
                    archive.add(path, f"tk-gpu/{path.relative_to(folder)}", recursive=False, filter=plain)
    size = part.stat().st_size
    if size > LIMIT:
        part.unlink()
        fail(f"expected an archive of at most {LIMIT >> 20} MiB, got {size / 2**20:.1f} MiB; try a higher --level")
    part.replace(target)
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", dest="output", type=Path, default=Path("tk-gpu.tar.xz"), metavar="FILE")
    parser.add_argument("--build", type=Path, default=Path(os.environ.get("TK_BUILD", ROOT / "build")))
    parser.add_argument("--level", type=int, default=1, choices=range(10), help="of xz: 0 is fast, 9 small (1)")
    parser.add_argument("--only", default="", help="packages by name, with a comma between")
    parser.add_argument("--no-assemble", action="store_true", help="no cubins: the driver's JIT compiles PTX")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, help="leave the files in this new folder, and pack nothing")
    options = parser.parse_args()
    only = options.only.split(",") if options.only else []
    check_names(only)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "tk-gpu"
        if folder.exists():
            fail(f"--folder: expected a folder that does not exist yet, got {folder}")
        folder.mkdir(parents=True)
        build = options.build.resolve()
        copy_tools(build, folder)
        packages = compile_packages(build, folder, not options.no_assemble, only, options.jobs)
        copy_sources(folder)
        manifest = describe(build, folder, packages)
        (folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n")
        unpacked = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{len(packages)} packages, {len(manifest['files'])} files, {unpacked / 1e6:.0f} MB unpacked, commit {manifest['commit']}")
        if options.folder:
            return 0
        size = pack(folder, options.output, options.level)
    print(f"{options.output}: {size / 1e6:.1f} MB")
    print(f"there: python3 -m tarfile -e {options.output.name} . && sh tk-gpu/run.sh all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
