"""tk-sim --report=html: one page that needs no network, whose numbers are those of the other reports."""

import json
import re
import shutil
import subprocess
from collections import Counter

import pytest

# Thread i stores to bank i, to bank 2i (two ways), and reads what its neighbour stored, with a barrier between or without.
KERNEL = """.version 8.6
.target sm_90a
.address_size 64
.visible .entry touch(.param .u64 out)
{
  .reg .pred %p; .reg .b32 %r<8>; .reg .b64 %rd<3>;
  .shared .align 16 .b8 room[1024];
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, room;
  shl.b32 %r2, %r0, 2;
  add.u32 %r3, %r1, %r2;
  st.shared.b32 [%r3], %r0;   // </script><b>not a tag</b>
  add.u32 %r4, %r3, %r2;
  st.shared.b32 [%r4+256], %r0;
  BARRIER
  xor.b32 %r5, %r2, 128;
  add.u32 %r5, %r5, %r1;
  ld.shared.b32 %r6, [%r5];
  setp.gt.u32 %p, %r0, 100;
  @%p st.shared.b32 [%r3], %r6;
  ld.param.u64 %rd0, [out];
  mov.u32 %r7, %ctaid.x;
  mad.lo.u32 %r7, %r7, 64, %r0;
  mad.wide.u32 %rd1, %r7, 4, %rd0;
  st.global.b32 [%rd1], %r6;
  ret;
}
"""
LAUNCH = {"buffers": {"O": {"shape": [192], "dtype": "u32", "fill": "zero"}},
          "entry": "touch", "grid": [3], "block": [64], "params": [{"pointer": "O"}]}


def run(tool, folder, barrier, *options):
    (folder / "touch.ptx").write_text(KERNEL.replace("BARRIER", "bar.sync 0;" if barrier else "// no barrier"))
    (folder / "launch.json").write_text(json.dumps(LAUNCH))
    return tool("tk-sim", folder / "touch.ptx", "--launch", folder / "launch.json", *options)


def data_of(page):
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def line_of(data, start):
    [number] = [i + 1 for i, line in enumerate(data["lines"]) if line.strip().startswith(start)]
    return number


@pytest.fixture(scope="module")
def page(tool, tmp_path_factory):
    done = run(tool, tmp_path_factory.mktemp("page"), True, "--report=html")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_needs_no_network(page):
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!#)|url\(|https?:|@import|fetch\(", page)
    assert page.count("</script>") == 2, "the PTX's own </script> must not end the data"


def test_counts(tool, tmp_path, page):
    data = data_of(page)
    [trace] = data["traces"]
    report = json.loads(run(tool, tmp_path, True, "--report=json").stdout)
    assert sum(i["threads"] for i in trace["instructions"]) == report["threadInstructions"] == data["report"]["threadInstructions"]
    threads = {i["line"]: (i["warps"], i["threads"]) for i in trace["instructions"]}
    assert threads[line_of(data, "bar.sync")] == (6, 192)
    assert threads[line_of(data, "@%p st.shared")] == (6, 0), "no thread's predicate holds"
    assert data["report"]["banks"] == report["banks"]


def test_banks(page):
    """Of three CTAs with 64 threads: one word in each bank, two in every other."""
    data = data_of(page)
    banks = {i["line"]: i["banks"] for i in data["traces"][0]["instructions"] if "banks" in i}
    assert banks[line_of(data, "st.shared.b32 [%r3], %r0")] == [6] * 32
    assert banks[line_of(data, "st.shared.b32 [%r4+256]")] == [12, 0] * 16


def test_timeline(page):
    """Every warp instruction of the first CTA is in one span; a warp does one thing at a time."""
    data = data_of(page)
    [trace] = data["traces"]
    spans = list(zip(*[iter(trace["spans"])] * 5))
    assert trace["warps"] == ["warp 0", "warp 1"] and not trace["isCut"]
    ran = [span for span in spans if span[1] < data["firstWait"]]
    clock = sorted((begin, end) for _, _, begin, end, _ in ran)
    assert clock[0][0] == 0 and clock[-1][1] == trace["end"]
    assert all(end == begin for (_, end), (begin, _) in zip(clock, clock[1:])), "two warps at once, or no one"
    assert trace["end"] == sum(i["warps"] for i in trace["instructions"]) / 3
    for warp in (0, 1):
        mine = sorted((begin, end) for w, _, begin, end, _ in spans if w == warp)
        assert all(end <= begin for (_, end), (begin, _) in zip(mine, mine[1:]))
    waits = {data["kinds"][kind]: line for _, kind, _, _, line in spans if kind >= data["firstWait"]}
    assert waits == {"waits at a barrier": line_of(data, "bar.sync")}
    kinds = Counter(data["kinds"][kind] for _, kind, *_ in ran)
    assert kinds["memory"] >= 2 and kinds["barrier"] == 2


def test_findings(tool, tmp_path):
    """The race without the barrier, and an exit code that says so."""
    done = run(tool, tmp_path, False, "--report=html", "--seeds", "0..2")
    assert done.returncode == 1
    data = data_of(done.stdout)
    assert {f["name"] for f in data["report"]["findings"]} >= {"TK-SIM-RACE"}
    assert data["report"]["seeds"] == 3 and len(data["traces"]) == 1, "the first seed's"


def test_in_a_browser(tool, tmp_path):
    """What the page's script makes of it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no chromium; Debian: apt-get install --no-install-recommends chromium")
    done = run(tool, tmp_path, False, "--report=html")
    (tmp_path / "page.html").write_text(done.stdout)
    shown = subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
                            "--virtual-time-budget=4000", "--dump-dom", f"file://{tmp_path}/page.html"],
                           capture_output=True, text=True, timeout=120, check=True).stdout
    assert "lines with instructions of 'touch', 1 never executed" in shown
    assert '<div class="finding error"><b>error: TK-SIM-RACE</b>' in shown
    assert shown.count('title="bank 31: ') == 3 and "&lt;/script&gt;&lt;b&gt;not a tag" in shown
    assert re.search(r'<span><i style="background: [^"]+"></i>memory</span>', shown), "the timeline's legend"
    assert " [%r5]; first in CTA" in shown, "a statement brings its own semicolon"


def test_long_names_in_a_browser(tool, tmp_path):
    """Names of templates have hundreds of characters: the page is no wider than the window for that."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no chromium; Debian: apt-get install --no-install-recommends chromium")
    name = "_ZN" + 50 * "7cutlass"
    (tmp_path / "touch.ptx").write_text(KERNEL.replace("BARRIER", "").replace("entry touch", "entry " + name).replace("room", "room" + name))
    launch = {**LAUNCH, "entry": name}
    (tmp_path / "launch.json").write_text(json.dumps({"buffers": launch.pop("buffers"), "launches": [launch, launch]}))
    page = tool("tk-sim", tmp_path / "touch.ptx", "--launch", tmp_path / "launch.json", "--report=html").stdout
    measure = "<script>document.title = `${document.documentElement.scrollWidth} of ${innerWidth}`</script></body>"
    (tmp_path / "page.html").write_text(page.replace("</body>", measure))
    shown = subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--window-size=900,700",
                            "--virtual-time-budget=4000", "--dump-dom", f"file://{tmp_path}/page.html"],
                           capture_output=True, text=True, timeout=120, check=True).stdout
    wide, window = map(int, re.search(r"<title>(\d+) of (\d+)</title>", shown).groups())
    assert wide <= window
