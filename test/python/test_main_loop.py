"""scripts/main_loop.py: the consumers' loop over k holds nothing but wgmma, barriers and integers."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT


def count(path, *entries):
    done = subprocess.run([sys.executable, str(ROOT / "scripts/main_loop.py"), str(path), *entries],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def kinds(text):
    """[{kind: count}] for each loop."""
    return [{kind: int(number) for kind, number in re.findall(r"^  (\w+) +(\d+)", loop, re.M)}
            for loop in re.split(r"^(?=\w)", text, flags=re.M)[1:]]


@pytest.fixture(scope="module")
def ptx(tool, tmp_path_factory):
    path = tmp_path_factory.mktemp("loop") / "gemm.ptx"
    done = tool("tk-compile", ROOT / "examples/gemm.mlir", "--emit=ptx", "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def test_fast_loop_is_clean(ptx):
    status, out, err = count(ptx, "gemm_tma")
    assert (status, err) == (0, "")
    [loop] = kinds(out)
    assert (loop["wgmma"], loop["barrier"], loop["other"]) == (7, 3, 0)
    assert "4 wgmma.mma_async, 1 wgmma.commit_group, 1 wgmma.fence, 1 wgmma.wait_group" in out
    assert 0 < loop["integer"] <= 50


def test_plain_loop_copies(ptx):
    status, out, _ = count(ptx)
    assert status == 0
    fast, plain = kinds(out)
    assert fast["other"] == 0
    assert plain["other"] >= 144 and re.search(r"other .*128 ld, 16 st", out)


def test_package_is_the_same(ptx, tool, tmp_path):
    package = tmp_path / "gemm.tkpkg"
    assert tool("tk-compile", ROOT / "examples/gemm.mlir", "--no-assemble", "-o", package).returncode == 0
    assert count(package) == count(ptx)


@pytest.mark.parametrize("added", ["ld.global.b32 %r3, [%rd1];", "mov.b32 %r3, {sum};", "cvt.rn.bf16x2.f32 %r3, %r4, %r5;"])
def test_what_does_not_belong_is_found(ptx, tmp_path, added):
    text = ptx.read_text()
    product = re.search(r"wgmma\.mma_async\S+ \{(%r\d+)", text)
    wait = text.index("wgmma.wait_group.sync.aligned 1;")
    mutant = tmp_path / "mutant.ptx"
    mutant.write_text(text[:wait] + added.format(sum=product[1]) + "\n" + text[wait:])
    assert kinds(count(mutant, "gemm_tma")[1])[0]["other"] == 1


def test_what_stands_outside_is_not_counted(ptx, tmp_path):
    text = ptx.read_text()
    after = text.index("wgmma.wait_group.sync.aligned 0;")
    other = tmp_path / "outside.ptx"
    other.write_text(text[:after] + "ld.global.b32 %r3, [%rd1];\n" + text[after:])
    assert kinds(count(other, "gemm_tma")[1]) == kinds(count(ptx, "gemm_tma")[1])


def test_errors(ptx, tmp_path):
    status, out, err = count(ptx, "gemm_none")
    assert (status, out) == (1, "") and "expected one of the entries gemm_tma, gemm, got gemm_none" in err
    empty = tmp_path / "empty.ptx"
    empty.write_text(".version 8.1\n.visible .entry nothing()\n{\n\tret;\n}\n")
    status, out, err = count(empty)
    assert (status, out) == (1, "") and "expected a loop with wgmma.mma_async, got none" in err


@pytest.mark.parametrize("name, content, message", [
    ("none.ptx", None, "none.ptx: No such file or directory"),
    ("folder", "folder", "folder: Is a directory"),
    ("text.ptx", "ls -l\n", "text.ptx: expected PTX, which begins with .version, or a kernel package, got 'ls -l\\n'"),
    ("empty.ptx", "", "empty.ptx: expected PTX, which begins with .version, or a kernel package, got ''"),
    ("cubin", b"\x7fELF\xff\xfe", "cubin: expected PTX or a kernel package, got a file that is no text"),
    ("half.tkpkg", '{"format": "tk', "half.tkpkg: expected a kernel package, got damaged JSON: Unterminated string starting at: "
                                     "line 1 column 12 (char 11)"),
    ("list.tkpkg", '{"ptx": []}', 'list.tkpkg: expected a kernel package, got JSON without a text "ptx"'),
    ("cut.ptx", ".version 8.1\n.visible .entry k()\n{\n.reg .b32 %r<2>;\n", "cut.ptx: entry k, line 3: expected } before the end"),
    ("mad.ptx", ".version 8.1\n.entry k() {\n  ret\n}\n", "mad.ptx: entry k, line 3: expected a statement, got 'ret'"),
    ("jump.ptx", ".version 8.1\n.entry k()\n{\n  wgmma.mma_async {%r1};\n  bra away;\n}\n",
     "jump.ptx: entry k, line 5: expected a label of the entry, got 'away'"),
    ("end.ptx", ".version 8.1\n.entry k()", "end.ptx: entry k: expected a body, got none"),
    ("entry.ptx", ".version 8.1\n", "entry.ptx: expected a loop with wgmma.mma_async, got none")])
def test_a_bad_file_is_one_line(tmp_path, monkeypatch, name, content, message):
    monkeypatch.chdir(tmp_path)
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert count(name) == (1, "", f"main_loop.py: error: {message}\n")


def test_a_cut_file_is_no_traceback(ptx, tmp_path):
    """A package or PTX that ends anywhere."""
    text = ptx.read_text()
    for share in range(1, 20):
        cut = tmp_path / "cut.ptx"
        cut.write_text(text[: len(text) * share // 20])
        status, _, err = count(cut)
        assert status == 0 and not err or (status == 1 and err.startswith("main_loop.py: error: ") and err.count("\n") == 1), err


def test_the_page_shows_what_is_printed(ptx):
    page = (ROOT / "docs/how-a-matrix-product-goes-down.md").read_text()
    [shown] = re.findall(r"^scripts/main_loop\.py gemm\.ptx\n```\n\n```text\n(.*?)^```$", page, re.M | re.S)
    assert shown == count(ptx)[1]
