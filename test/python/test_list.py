"""examples/gemm_list.mlir on the simulator: products of different sizes in one launch, against float64 products.

A list has no, one or many problems, some of them without rows, columns or depth. Which variant a list gets is derived
here from the strides of its problems; a run must have taken that one, without a finding, and write every element. Banks
and barriers are counted by the simulator and must be what the certificates say, summed over the problems.
"""

import json
import re
import sys

import ml_dtypes
import numpy as np
import packages
import pytest
from packages import NUMPY, ROOT, TOLERANCE, certified, check_barriers, entries, observed, tiles_of
from test_batched import fits_tma, normal
from test_gemm import PASSES

SOURCE = ROOT / "examples" / "gemm_list.mlir"
SEEDS = (0, 1, 2)
# M, N, K of each problem.
LISTS = {
    "none": [],
    "one": [(300, 520, 136)],
    "one of one element": [(8, 8, 8)],
    "two": [(128, 256, 64), (136, 264, 72)],
    "deep and shallow": [(128, 256, 8), (128, 256, 512), (128, 256, 64), (128, 256, 320)],
    "empty ones": [(0, 264, 64), (128, 0, 64), (100, 264, 128), (0, 0, 0), (0, 64, 0), (64, 24, 8), (64, 0, 0)],
    "all empty": [(0, 8, 8), (8, 0, 8), (0, 0, 0)],
    "depth 0": [(128, 256, 0), (64, 264, 72), (300, 136, 0), (8, 16, 0)],
    "odd strides": [(129, 257, 65), (7, 13, 5), (1, 1, 1)],
    "one odd among even": [(128, 256, 64), (64, 63, 64), (128, 8, 64)],
    "ranks": [(256, 16, 16), (256, 256, 8), (256, 64, 64), (40, 600, 32)],
}
NAMES = ("A", "B", "C")


def operands(problem, random, kind="bf16", out="bf16"):
    m, n, k = problem
    return {"A": normal(random, (m, k), kind), "B": normal(random, (k, n), kind),
            "C": np.full((m, n), np.nan, NUMPY[out])}


def make(problems, seed, kind="bf16", out="bf16"):
    random = np.random.default_rng([seed, len(problems), *np.ravel(problems).astype(int)])
    return [operands(problem, random, kind, out) for problem in problems]


def expected_entry(problems):
    """Views without elements are nothing that the copy engine reads."""
    fits = all(fits_tma(array) for problem in problems
               for array in problem.values() if array.size)
    return "gemm_list_tma" if fits else "gemm_list"


def check(made, problems, seed, entry=None, out="bf16"):
    """One launch, all of whose checks pass; the results."""
    package, described = made
    entry = entry or expected_entry(problems)
    report = package.launch("gemm_list", problems=problems, seed=seed, device="sim:3")
    assert report["entry"] == entry, report["declined"]
    assert report["launched"] == any(problem["C"].size > 0 for problem in problems)
    assert [output["name"] for output in report["outputs"]] == [f"problems[{i}].C" for i in range(len(problems))]
    assert not any(output["unwritten"] for output in report["outputs"])
    for index, problem in enumerate(problems):
        a, b, c = (problem[name].astype(np.float64) for name in NAMES)
        error = packages.relative_error(c, a @ b)
        assert error <= TOLERANCE[out], (index, a.shape, b.shape, error)
    assert report["findings"] == []
    if report["launched"]:
        description = entries(described)[entry]
        # A program that has nothing to multiply executes none of its loop's instructions.
        if any(problem["A"].size and problem["B"].size for problem in problems):
            assert observed(report) == certified(description)
        tiles = [tiles_of(description, *problem["C"].shape) for problem in problems]
        trips = [count * -(-problem["A"].shape[1] // 64) for count, problem in zip(tiles, problems)]
        check_barriers(description, report, sum(tiles), sum(trips))
    return [problem["C"] for problem in problems]


@pytest.mark.parametrize("name", LISTS)
def test_product(compiled, name):
    made = compiled(SOURCE.read_text())
    for seed in SEEDS:
        check(made, make(LISTS[name], seed), seed)


def test_both_variants_are_met():
    """The rule of the 16 bytes, spelled out for the lists above: one problem decides for all."""
    taken = {name for name in LISTS if expected_entry(make(LISTS[name], 0)) == "gemm_list"}
    assert taken == {"odd strides", "one odd among even"}


@pytest.mark.parametrize("step", [1, 8])
def test_random_lists(compiled, step):
    """Problems of random sizes, many to a program; a third of them lack something."""
    made = compiled(SOURCE.read_text())
    for seed in SEEDS:
        print(f"seed {seed}")  # For who reads a failure.
        random = np.random.default_rng([seed, step])
        sizes = step * random.integers(1, 400 // step, (12, 3))
        sizes[random.random(sizes.shape) < 0.12] = 0
        check(made, make([tuple(map(int, row)) for row in sizes], seed), seed)


def test_a_hundred_problems(compiled):
    made = compiled(SOURCE.read_text())
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        sizes = 8 * random.integers(0, 12, (100, 3))
        check(made, make([tuple(map(int, row)) for row in sizes], seed), seed)


def test_types(compiled):
    made = compiled(SOURCE.read_text(), "--alias", "in=f16", "--alias", "out=f32")
    for seed in SEEDS:
        check(made, make(LISTS["ranks"], seed, "f16", "f32"), seed, out="f32")


def test_columns(compiled):
    """A column whose matrices lie column by column: each view of each row has its own order and stride."""
    made = compiled(SOURCE.read_text(), "--alias", "B=!tk.global<?x?xbf16, strides = [1, ?]>")
    for seed in SEEDS:
        problems = make(LISTS["deep and shallow"] + LISTS["ranks"], seed)
        for problem in problems:
            problem["B"] = np.asfortranarray(problem["B"])
        check(made, problems, seed)


def test_gaps(compiled):
    """Rows of C are parts of longer ones, whose rest stays as it was."""
    made = compiled(SOURCE.read_text())
    for seed in SEEDS:
        problems = make(LISTS["ranks"], seed)
        wide = [np.full((problem["C"].shape[0], problem["C"].shape[1] + 24), 7, ml_dtypes.bfloat16)
                for problem in problems]
        for problem, array in zip(problems, wide):
            problem["C"] = array[:, :problem["C"].shape[1]]
        check(made, problems, seed)
        assert all((array[:, problem["C"].shape[1]:] == 7).all() for problem, array in zip(problems, wide))


CHOICES = [*(f"--disable={name}" for name in PASSES), "--disable=" + ",".join(PASSES), "--tune=stages=2",
           "--tune=group=1,widen=1", "--tune=order=hilbert,group=4", "--tune=consumers=1"]


@pytest.mark.parametrize("choice", CHOICES)
def test_passes(compiled, choice):
    """Whatever is left out or decided otherwise, the results are those of the default, bit by bit."""
    text = SOURCE.read_text()
    for name in ("deep and shallow", "one odd among even"):
        expected = check(compiled(text), make(LISTS[name], 7), 0)
        made = compiled(text, choice)
        entry = None if "gemm_list_tma" in entries(made[1]) else "gemm_list"
        for seed in SEEDS:
            got = check(made, make(LISTS[name], 7), seed, entry=entry)
            assert [c.tobytes() for c in got] == [c.tobytes() for c in expected]


def test_every_pass_takes_part(compiled):
    _, described = compiled(SOURCE.read_text())
    remarks = [remark for remark in described["remarks"] if remark["function"] == "gemm_list_tma"]
    passed = {remark["pass"] for remark in remarks if remark["kind"] == "passed"}
    assert set(PASSES[1:]) - {"tk-split-k", "tk-stream-k", "tk-split-rows", "tk-cluster"} <= passed
    missed = {remark["pass"]: remark["message"] for remark in remarks if remark["kind"] == "missed"}
    assert "the grid is ragged" in missed["tk-cluster"]
    (rings,) = [remark["message"] for remark in remarks if remark["pass"] == "tk-certify-rings"]
    assert "in two also with different ones" in rings
    assert len(entries(described)["gemm_list_tma"]["barrier_proofs"]) == 2


def test_files(tool, tmp_path):
    """A list as a file: arrays beside it, made-up ones, results with and without a file, a check of each row."""
    a = normal(np.random.default_rng(0), (40, 64), "bf16")
    np.save(tmp_path / "a.npy", a)
    rows = [{"A": "a.npy", "B": "random:64x24", "C": "c.npy"}, {"A": "random:8x8", "B": "random:8x0"},
            {"A": "random:64x0", "B": "random:0x24", "C": {"out": "z.npy", "sizes": "64x24"}}]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    done = tool("tk-run", SOURCE, "--device=sim:2", "--report=json", f"--arg=problems={tmp_path}/list.json",
                "--check=problems.C=A@B", "--seeds=0..2")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["findings"] == [] and report["launch"]["entry"] == "gemm_list_tma"
    assert [check["output"] for check in report["checks"]] == [f"problems[{i}].C" for i in range(3)]
    assert [(line["name"], line["value"]) for line in report["arguments"]][:2] == [("problems", "3 row(s)"),
                                                                                   ("problems[0].A", "40x64")]
    assert np.load(tmp_path / "c.npy").shape == (40, 24)
    assert not np.load(tmp_path / "z.npy").any()


ERRORS = {
    "sizes that differ": ([{"A": "random:8x16", "B": "random:8x16"}],
                          'row 0 of "problems": size K of "B" (dimension 0) is 8, but "A" (dimension 1) has 16'),
    "rank": ([{"A": "random:8", "B": "random:8x16"}], 'argument "problems[0].A": expected 2 dimensions, got 1 (8)'),
    "missing": ([{"A": "random:8x8", "B": "random:8x8"}, {"A": "random:8x16"}],
                'row 1 of "problems": missing argument "B": expected an array KxN of bf16, which the kernel reads, got '
                'nothing; give the row a "B"'),
    "unknown": ([{"A": "random:8x8", "D": "random:8x8"}],
                'list.json: row 0: unknown column "D": expected one of "A", "B", "C" of list "problems"'),
    "sizes of an input": ([{"A": {"in": "random:8x8", "sizes": "7"}}],
                          'list.json: problems[0].A: expected "sizes" of a result alone, got them beside an input'),
    "a number": ([{"A": 3}], 'list.json: problems[0].A: expected a text in quotes or an object with "in", "out" and '
                 '"sizes", got another value'),
    "no row": ([3], 'list.json: row 0: expected an object that names columns, {"A": "FILE.npy", ...}, got another value'),
    "no list": ({}, 'list.json: expected a list of rows, [{"A": "FILE.npy", ...}, ...], got another value'),
    "one file twice": ([{"A": "random:8x8", "B": "random:8x8", "C": "c.npy"}] * 2,
                       "expected a file for each output, got "),
}


@pytest.mark.parametrize("name", ERRORS)
def test_bad_lists(tool, tmp_path, name):
    rows, message = ERRORS[name]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    done = tool("tk-run", SOURCE, "--device=sim", f"--arg=problems={tmp_path}/list.json")
    assert done.returncode == 1 and message in done.stderr, done.stderr


def test_bad_arguments(tool, tmp_path):
    for argument, message in [("problems=random:8x8", "expected a JSON file of rows, got "),
                              ("problems=3", "expected a JSON file of rows, got "), (None, "missing argument")]:
        done = tool("tk-run", SOURCE, "--device=sim", *([f"--arg={argument}"] if argument else []))
        assert done.returncode == 1 and message in done.stderr, done.stderr


def test_bad_values(compiled):
    package, _ = compiled(SOURCE.read_text())
    import tilekernel

    a, b, c = (np.zeros((8, 8), ml_dtypes.bfloat16) for _ in range(3))
    for problems, message in [
            (3, "is a list of problems: expected a list of dictionaries, got int"),
            ([{"A": a, "D": b}], "row 0 of 'problems': expected a dictionary of A, B, C, got A, D"),
            ([{"A": a, "B": b, "C": c}, {"A": a, "B": b[:4], "C": c}], 'row 1 of "problems": size K of "B"'),
            ([{"A": a, "C": c}], 'row 0 of "problems": missing argument "B"'),
            ([{"A": a.astype(np.float32), "B": b, "C": c}], "expected elements of type bf16, got f32")]:
        with pytest.raises(tilekernel.LaunchError, match=re.escape(message)):
            package.launch("gemm_list", problems=problems, device="sim")


BEYOND = """
!v = !tk.global<?xf32>
!list = !tk.table<src: !v, dst: !v>
tk.kernel @copies(%list: !list [[N], [N]], %sizes: !tk.global<?xf32> [All]) grid {
  %n = tk.dim %sizes, 0 : !tk.global<?xf32>
  tk.grid %n
} {
  %i = tk.program_id 0
  %src, %dst = tk.table_row %list[%i] : !list
  %zero = arith.constant 0 : index
  %t = tk.load %src[%zero] : !v -> tensor<128xf32>
  tk.store %t, %dst[%zero] : tensor<128xf32>, !v
  %n = tk.dim %src, 0 : !v
  %wide = arith.index_cast %n : index to i64
  %size = arith.sitofp %wide : i64 to f32
  %one = tensor.splat %size : tensor<1xf32>
  tk.store %one, %sizes[%i] : tensor<1xf32>, !tk.global<?xf32>
  tk.return
}
"""


def test_rows_beyond_the_list(compiled):
    """They are views without elements: what is stored to them is dropped, and their sizes are 0."""
    package, _ = compiled(BEYOND)
    for count in (0, 2):
        rows = [{"src": np.arange(n, dtype=np.float32), "dst": np.full(n, np.nan, np.float32)} for n in (100, 3)][:count]
        sizes = np.full(5, np.nan, np.float32)
        report = package.launch("copies", list=rows, sizes=sizes, device="sim:2")
        assert report["findings"] == [] and sizes.tolist() == [100, 3][:count] + [0] * (5 - count)
        assert all(row["dst"].tolist() == row["src"].tolist() for row in rows)


def test_a_declined_variant_names_the_row(compiled):
    package, _ = compiled(SOURCE.read_text())
    problems = make(LISTS["one odd among even"], 0)
    report = package.launch("gemm_list", problems=problems, device="sim:3")
    (declined,) = report["declined"]
    assert declined == ("gemm_list_tma needs in row 1 of problems B.stride[0] % 8 == 0 (promised by the variant's type), "
                        "got 63 and 8")


def test_the_bundle_reads_tables(compiled):
    """bench/gpu/tkpkg.py, written from docs/package-format.md: what it lays down in memory, word for word."""
    sys.path.insert(0, str(ROOT / "bench" / "gpu"))
    import tkpkg

    _, described = compiled(SOURCE.read_text())
    (kernel,) = described["kernels"]

    def view(address, rows, columns):
        return tkpkg.View(address, "bf16", (rows, columns), (max(columns, 8), 1))

    problems = [{"A": view(4096, 300, 64), "B": view(8192, 64, 520), "C": view(16384, 300, 520)},
                {"A": view(32768, 8, 0), "B": view(32768, 0, 16), "C": view(65536, 8, 16)}]
    facts = tkpkg.bind(kernel, {"problems": problems})
    choice = tkpkg.choose(kernel, facts)
    assert (choice.entry, choice.grid) == ("gemm_list_tma", (10, 1, 1))
    (use,), (table,), (argument,) = choice.variant["tables"], facts.values, kernel["arguments"]
    assert argument["row_bytes"] == 3 * 32
    words = np.frombuffer(tkpkg.pack_rows(argument, table), np.int64).reshape(3, 3, 4)
    assert words[0].tolist() == [[4096, 300, 64, 64], [8192, 64, 520, 520], [16384, 300, 520, 520]]
    assert words[1].tolist() == [[32768, 8, 0, 1], [32768, 0, 16, 16], [65536, 8, 16, 16]]
    assert not words[2].any()
    assert np.frombuffer(tkpkg.pack_starts(use, table), np.int64).tolist() == [0, 9, 10]
    table.address, table.starts, table.maps = 1, 2, 3
    assert np.frombuffer(tkpkg.pack(kernel, choice.variant, facts), np.int64).tolist() == [1, 2, 2, 3]
    requests = {request.offset: request for request in
                tkpkg.table_map_requests(kernel, choice.variant, use, facts, zeros=256, sink=512)}
    assert sorted(requests) == list(range(0, 3 * 384, 128)) and use["map_bytes"] == 384
    addresses = [requests[offset].address for offset in sorted(requests)]
    assert sorted(addresses[:3]) == [4096, 8192, 16384] and sorted(addresses[3:6]) == [256, 256, 65536]
    assert sorted(addresses[6:]) == [256, 256, 512] and requests[6 * 128].sizes == [1, 1]
    with pytest.raises(tkpkg.PackageError, match="aligned .promised by the variant's type., got 4104 and 16"):
        tkpkg.choose(kernel, tkpkg.bind(kernel, {"problems": [{**problems[0], "A": view(4104, 300, 64)}]}), "gemm_list_tma")


def test_the_checks_can_fail(compiled, tmp_path):
    """Starts of other tiles: programs look for their place in a list that is another."""
    import tilekernel

    _, described = compiled(SOURCE.read_text())

    def spoil(package):
        for variant in package["kernels"][0]["variants"]:
            (table,) = variant["tables"]
            table["programs"] = ["add", table["programs"], 1]

    (tmp_path / "good.tkpkg").write_text(packages.serialize(described))
    packages.edit(tmp_path / "good.tkpkg", tmp_path / "spoilt.tkpkg", spoil)
    check((tilekernel.load(tmp_path / "good.tkpkg"), described), make(LISTS["two"], 0), 0)
    with pytest.raises(AssertionError):
        check((tilekernel.load(tmp_path / "spoilt.tkpkg"), described), make(LISTS["two"], 0), 0)
