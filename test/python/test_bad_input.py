"""Bad input to tk-run and tk-compile, end to end: one located error, exit code 1, and no file touched.

Every case starts from a folder with good files and an old C.npy, spoils one thing, and says what the message must
name: where (file, argument or line), what was expected, what was got.
"""

import json
import os
import re
import resource

import numpy as np
import packages
import pytest
from packages import Variant

OLD = b"what was here before"


@pytest.fixture(scope="module")
def package(tool, tmp_path_factory):
    return packages.compile_gemm(tool, Variant(), tmp_path_factory.mktemp("bad") / "gemm.tkpkg")


@pytest.fixture
def folder(package, tmp_path, monkeypatch):
    """The working folder of a case: gemm.tkpkg, gemm.mlir, A.npy (40x72), B.npy (72x24), an old C.npy."""
    monkeypatch.chdir(tmp_path)
    a, b, _ = packages.make_inputs(Variant(), (40, 24, 72), 0)
    np.save("A.npy", a.view(np.uint16))
    np.save("B.npy", b.view(np.uint16))
    (tmp_path / "C.npy").write_bytes(OLD)
    (tmp_path / "gemm.tkpkg").write_text(package.read_text())
    (tmp_path / "gemm.mlir").write_text(packages.GEMM.read_text())
    return tmp_path


def spoil(name, change):
    """A step that rewrites a file: change(bytes) gives the new bytes."""
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def save(name, array):
    return lambda folder: np.save(folder / name, array)


def edit(change):
    return lambda folder: packages.edit(folder / "gemm.tkpkg", folder / "gemm.tkpkg", change)


def nothing(folder):
    del folder


def in_ptx(old, new):
    def change(package):
        assert old in package["ptx"]
        package["ptx"] = package["ptx"].replace(old, new, 1)

    return edit(change)


GOOD = ["gemm.tkpkg", "--arg=A=A.npy", "--arg=B=B.npy", "--out=C=C.npy"]
SOURCE = ["gemm.mlir", *GOOD[1:], "--", "--no-assemble"]


def deepen(text):
    """Tiles of 512 in k: 128 KiB for each operand."""
    for old, new in ((b"constant 64", b"constant 512"), (b"128x64x", b"128x512x"), (b"64x128x", b"512x128x")):
        text = text.replace(old, new)
    return text


# name: (what is spoilt, tk-run's arguments, what the message must contain)
CASES = {
    # Arrays
    "dtype": (save("A.npy", np.zeros((40, 72), np.float32)), GOOD, ["A.npy", '"A"', "bf16", "<f4"]),
    "dtype of integers": (save("A.npy", np.zeros((40, 72), np.uint32)), GOOD, ["A.npy", '"A"', "bf16", "<u4"]),
    "byte order": (save("A.npy", np.zeros((40, 72), ">u2")), GOOD, ["A.npy", ">u2"]),
    "rank 1": (save("A.npy", np.zeros(72, np.uint16)), GOOD, ['"A"', "expected 2 dimensions", "got 1"]),
    "rank 3": (save("A.npy", np.zeros((1, 40, 72), np.uint16)), GOOD, ['"A"', "expected 2 dimensions", "got 3"]),
    "sizes that disagree": (save("B.npy", np.zeros((71, 24), np.uint16)), GOOD, ["71", "72", '"A"', '"B"', "K"]),
    "Fortran order": (save("A.npy", np.zeros((40, 72), np.uint16, order="F")), GOOD, ['"A"', "stride", "expected 1"]),
    "truncated data": (spoil("A.npy", lambda data: data[:-2]), GOOD, ["A.npy", "truncated", "5760", "5758"]),
    "data too long": (spoil("A.npy", lambda data: data + b"xy"), GOOD, ["A.npy", "5760", "5762"]),
    "truncated header": (spoil("A.npy", lambda data: data[:40]), GOOD, ["A.npy", "header", "truncated"]),
    "no magic number": (spoil("A.npy", lambda data: b"\x00" + data[1:]), GOOD, ["A.npy", "magic"]),
    "empty file": (spoil("A.npy", lambda data: b""), GOOD, ["A.npy"]),
    "damaged header": (spoil("A.npy", lambda data: data.replace(b"(40, 72)", b"(40; 72)")), GOOD, ["A.npy"]),
    "negative size": (spoil("A.npy", lambda data: data.replace(b"(40, 72)", b"(-4, 72)")), GOOD, ["A.npy"]),
    "size of many terabytes": (spoil("A.npy", lambda data: data.replace(b"(40, 72), }    ", b"(99999999, 72) }")), GOOD, ["A.npy"]),
    "array of objects": (lambda folder: np.save(folder / "A.npy", np.array([[{}]], object), allow_pickle=True), GOOD, ["A.npy", "|O"]),
    "no such array": (nothing, [GOOD[0], "--arg=A=none.npy", *GOOD[2:]], ["none.npy", "No such file"]),
    "a folder for an array": (nothing, [GOOD[0], "--arg=A=.", *GOOD[2:]], ["directory"]),
    # Arguments
    "missing input": (nothing, [GOOD[0], *GOOD[2:]], ['"A"', "missing argument"]),
    "missing output": (nothing, GOOD[:3], ['"C"', "missing argument"]),
    "unknown argument": (nothing, [*GOOD, "--arg=D=A.npy"], ['"D"', '"A", "B", "C"']),
    "output of wrong size": (nothing, [*GOOD[:3], "--out=C=C.npy:41x24"], ['"C"', "41", "40"]),
    "output in no folder": (nothing, [*GOOD[:3], "--out=C=none/C.npy"], ["none/C.npy", "No such file"]),
    "unknown option": (nothing, [*GOOD, "--frobnicate"], ["--frobnicate", "unknown option"]),
    "seeds backwards": (nothing, [*GOOD, "--seeds=3..1"], ["--seeds", "3..1"]),
    "seed that is no number": (nothing, [*GOOD, "--seed=x"], ["--seed", "x"]),
    "unknown device": (nothing, [*GOOD, "--device=tpu"], ["tpu", "sim"]),
    "unknown report": (nothing, [*GOOD, "--report=xml"], ["xml", "json"]),
    "unknown kernel": (nothing, [*GOOD, "--kernel=gemmm"], ['"gemmm"', '"gemm"']),
    "reference of wrong shape": (save("R.npy", np.zeros((40, 25))), [*GOOD, "--check=C=R.npy"], ['"C"', "40x24", "40x25"]),
    "no such reference": (nothing, [*GOOD, "--check=C=R.npy"], ["R.npy", "No such file"]),
    "no file at all": (nothing, [], ["expected a .mlir or .tkpkg file"]),
    # Packages
    "no such package": (nothing, ["none.tkpkg", *GOOD[1:]], ["none.tkpkg", "No such file"]),
    "empty package": (spoil("gemm.tkpkg", lambda data: b""), GOOD, ["gemm.tkpkg"]),
    "half a package": (spoil("gemm.tkpkg", lambda data: data[: len(data) // 2]), GOOD, ["gemm.tkpkg", "damaged JSON"]),
    "one letter changed": (spoil("gemm.tkpkg", lambda data: data.replace(b"bar.sync", b"bar.sink", 1)), GOOD,
                           ["gemm.tkpkg", "checksum", "damaged"]),
    "zeros in the middle": (spoil("gemm.tkpkg", lambda data: data[:3000] + bytes(64) + data[3064:]), GOOD, ["gemm.tkpkg"]),
    "not a package": (spoil("gemm.tkpkg", lambda data: b"[1, 2]"), GOOD, ["gemm.tkpkg"]),
    "version of the future": (edit(lambda package: package.update(version=99)), GOOD, ["gemm.tkpkg", "version", "99"]),
    "unknown field": (edit(lambda package: package.update(extra=1)), GOOD, ["gemm.tkpkg", "extra"]),
    # PTX
    "unknown instruction": (in_ptx("bar.sync", "bar.sink"), GOOD, ["bar.sink", "LINE:bar.sink"]),
    "PTX cut off": (edit(lambda package: package.update(ptx=package["ptx"][:5000])), GOOD, [".ptx:"]),
    # Tile programs
    "malformed MLIR": (spoil("gemm.mlir", lambda data: data.replace(b"tk.dot %a, %b", b"tk.dot %a %b")), SOURCE,
                       ["gemm.mlir:38:", "expected"]),
    "unknown op": (spoil("gemm.mlir", lambda data: data.replace(b"tk.dot", b"tk.dott")), SOURCE, ["gemm.mlir:38:", "tk.dott"]),
    "undefined value": (spoil("gemm.mlir", lambda data: data.replace(b"tk.dot %a", b"tk.dot %q")), SOURCE, ["gemm.mlir:38:", "%q"]),
    "no MLIR at all": (spoil("gemm.mlir", lambda data: bytes(range(256))), SOURCE, ["gemm.mlir:1:"]),
    "no kernel": (spoil("gemm.mlir", lambda data: b""), SOURCE, ["gemm.mlir"]),
    "too much shared memory": (spoil("gemm.mlir", deepen), SOURCE,
                               ["gemm.mlir:36:", "gemm.mlir:37:", "131072", "262144", "232448"]),
    "bad alias": (nothing, [*SOURCE, "--alias=in=f17"], ["f17"]),
}


def errors_of(text):
    """The lines that say "error:"; MLIR's own come first, the tool's summary last."""
    return [line for line in text.splitlines() if re.search(r"\berror: ", line)]


@pytest.mark.parametrize("name", CASES)
def test_run(tool, folder, name):
    step, arguments, expected = CASES[name]
    step(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    at = arguments.index("--") if "--" in arguments else len(arguments)
    device = [] if any(word.startswith("--device") for word in arguments) else ["--device=sim"]
    done = tool("tk-run", *arguments[:at], *device, *arguments[at:], timeout=60)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    assert errors_of(done.stderr), done.stderr
    for text in expected:
        if text.startswith("LINE:"):
            lines = json.loads((folder / "gemm.tkpkg").read_text())["ptx"].split("\n")
            text = f":{next(i for i, line in enumerate(lines, 1) if text[5:] in line)}:"
        assert text in done.stderr
    assert len(done.stderr) < 2000, "a screenful at most, and no dump of the program"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "a file was touched"


def test_the_good_files_are_good(tool, folder):
    """The cases fail for what they spoil and for nothing else: unspoilt, package and source run."""
    for arguments in (GOOD, SOURCE):
        at = arguments.index("--") if "--" in arguments else len(arguments)
        done = tool("tk-run", *arguments[:at], "--device=sim", "--check=C=A@B", *arguments[at:])
        assert done.returncode == 0, done.stderr
    assert np.load(folder / "C.npy").shape == (40, 24)


def test_a_failed_check_keeps_the_old_file(tool, folder):
    np.save("R.npy", np.zeros((40, 24)))
    done = tool("tk-run", *GOOD, "--device=sim", "--check=C=R.npy")
    assert done.returncode == 1
    assert (folder / "C.npy").read_bytes() == OLD
    assert [path.name for path in folder.iterdir() if ".tmp" in path.name] == []


def test_a_finding_keeps_the_old_file(tool, folder):
    in_ptx("fence.proxy.async.shared::cta;", "")(folder)
    done = tool("tk-run", *GOOD, "--device=sim")
    assert done.returncode == 1
    assert "TK-SIM-RACE-PROXY" in done.stdout
    assert (folder / "C.npy").read_bytes() == OLD


@pytest.mark.parametrize("arguments, expected", [
    (["gemm.mlir", "--emit=nonsense"], ["nonsense"]),
    (["none.mlir", "-o", "new.tkpkg"], ["none.mlir", "No such file"]),
    (["gemm.mlir", "-o", "none/new.tkpkg", "--no-assemble"], ["none/new.tkpkg", "No such file"]),
    (["gemm.mlir", "-o", "new.tkpkg", "--ptxas=/no/such/ptxas"], ["/no/such/ptxas"]),
    (["bad.mlir", "-o", "new.tkpkg"], ["bad.mlir:38:"]),
    (["bad.mlir", "--emit=ptx", "-o", "new.ptx"], ["bad.mlir:38:"]),
    (["deep.mlir", "-o", "new.tkpkg"], ["deep.mlir:36:", "deep.mlir:37:", "262144", "232448"]),
], ids=lambda value: value[0] + " " + value[1] if str(value[0]).endswith(".mlir") else "")
def test_compile(tool, folder, arguments, expected):
    good = packages.GEMM.read_bytes()
    (folder / "bad.mlir").write_bytes(good.replace(b"tk.dot", b"tk.dott"))
    (folder / "deep.mlir").write_bytes(deepen(good))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = tool("tk-compile", *arguments, timeout=60)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    for text in expected:
        assert text in done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "a file was touched"


@pytest.mark.parametrize("tuning, message", [
    ("stages=", 'expected a whole number for stages, got ""'), ("stages=abc", 'expected a whole number for stages, got "abc"'),
    ("stage=3", "expected a list such as stages=3,consumers=2 of variants, widen, split_k, stream_k, cluster, order"),
    ("order=zigzag", 'expected order=rows, bands or hilbert, got "zigzag"'), ("stages=65", "expected 'stages' of 1 to 64, got 65"),
    ("widen=17", "expected 'widen' of 1 to 16, got 17"), ("group=65537", "expected 'group' of 1 to 65536, got 65537"),
    ("consumers=8", "expected 'consumers' of 1 to 7, got 8"),
    ("stages=3,stages=4", "expected each name once, got stages twice"), ("stages", "expected a whole number for stages"),
    ("cluster=2,stream_k=4", "expected 'cluster' or 'stream_k', got both")])
def test_tuning(tool, tuning, message):
    done = tool("tk-compile", packages.GEMM, f"--tune={tuning}", "--emit=tile")
    assert done.returncode == 1 and message in done.stderr


def bounds_on_the_page():
    """{name: (least, most or None, step)} of docs/tuning-attributes.md, and the orders."""
    page, bounds, orders = (packages.ROOT / "docs" / "tuning-attributes.md").read_text(), {}, None
    [table] = re.findall(r"^\| attribute \| bounds \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.M)
    for line in table.splitlines():
        names, cell = line.split(" | ")[:2]
        found = re.fullmatch(r"([\d,]+)(?: to ([\d,]+)(?:, a multiple of (\d+))?| or more)", cell)
        for name in re.findall(r"`(\w+)`", names):
            if found:
                bounds[name] = tuple(int(n.replace(",", "")) if n else default for n, default in zip(found.groups(), (None, None, 1)))
            else:
                orders = re.findall(r"`(\w+)`", cell)
    return bounds, orders


def test_bounds_of_tuning(tool):
    """The table has every name that there is, and its bounds are those of the tool: one step beyond is refused."""
    bounds, orders = bounds_on_the_page()
    refusal = tool("tk-compile", packages.GEMM, "--tune=nothing=1", "--emit=tile").stderr
    assert {*bounds, "order"} == set(re.search(r"such as \S+ of ([\w, ]+), got", refusal)[1].split(", "))
    assert f"order={', '.join(orders[:-1])} or {orders[-1]}" in tool("tk-compile", packages.GEMM, "--tune=order=", "--emit=tile").stderr

    def complaint(name, value):
        done = tool("tk-compile", packages.GEMM, f"--tune={name}={value}", "--emit=placed", "-o", os.devnull)
        return done.stderr if done.returncode == 1 else ""

    for name, (least, most, step) in bounds.items():
        refused = [(least - step, least)] + ([(most + step, most)] if most else [(2**63, "a whole number")])
        for value, bound in refused:
            assert re.search(rf"expected .*\b{bound}\b.*, got \D?{value}\b", complaint(name, value)), f"{name}={value}"
        for value in (least, most or 2**62):
            assert not re.search(rf", got \D?{value}\b", complaint(name, value)), f"{name}={value}"


def test_damage_on_the_page(tool, folder):
    """docs/package-format.md shows what is said of half a package and of one of another version."""
    page = (packages.ROOT / "docs" / "package-format.md").read_text()
    shown = re.search(r"^## Damage\n\n```text\n(.*?)^```$", page, re.M | re.S)[1].splitlines()
    (folder / "bad.tkpkg").write_bytes((folder / "gemm.tkpkg").read_bytes()[:3000])
    packages.edit(folder / "gemm.tkpkg", folder / "bad2.tkpkg", lambda package: package.update(version=9))
    assert [tool("tk-run", name).stderr.strip() for name in ("bad.tkpkg", "bad2.tkpkg")] == shown


def test_tunings_add_up(tool):
    done = tool("tk-compile", packages.GEMM, "--tune=stages=3", "--tune=cluster=1", "--emit=tile")
    assert done.returncode == 0 and "#tk.tuning<stages = 3, cluster = 1>" in done.stdout


def test_a_system_without_threads(tool, folder):
    """What has threads of its own where there are some runs without, to the same end."""

    def refuse_threads():
        # A thread's stack is as large as this limit says: there is no room for one.
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 46, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    if 0 <= resource.getrlimit(resource.RLIMIT_STACK)[1] < 1 << 46:
        pytest.skip("stacks are limited")
    for name, *words in (["tk-compile", "gemm.mlir", "--emit=ptx", "-o", "-"],
                         ["tk-run", *GOOD, "--device=sim", "--check=C=A@B", "--report=json"]):
        usual, alone = tool(name, *words), tool(name, *words, preexec_fn=refuse_threads)
        assert alone.returncode == 0, alone.stderr
        assert drop_times(alone.stdout) == drop_times(usual.stdout)


def drop_times(text):
    return re.sub(r'"\w*seconds": [0-9.e+-]+', "", text)
