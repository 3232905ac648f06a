"""docs/launch.schema.json: accepts every launch file of the tree and what --skeleton prints, and refuses broken ones.

Each broken file is shown to tk-sim too, which must refuse it as well: the schema promises no less than the tool.
"""

import copy
import json
import re

import fastjsonschema
import pytest
from conftest import ROOT

FENCE = re.compile(r"^```json \S+\n(.*?)^```$|^cat > \S+\.launch\.json <<'END'\n(.*?)^END$", re.M | re.S)

PTX = """.version 8.6
.target sm_90a
.address_size 64
.extern .global .align 4 .u32 other;
.visible .entry k(.param .align 128 .b8 all[256], .param .u64 p)
.reqnctapercluster 2, 1, 1
{
  ret;
}
"""

GOOD = {
    "types": {"gl": {"bytes": 256, "align": 64, "fields": [{"offset": 0, "pointer": "$buf"},
                                                           {"offset": 64, "tensorMap": "$map"},
                                                           {"offset": 192, "i32": "$n"}]}},
    "vars": {"N": 16},
    "buffers": {"A": {"shape": ["N", 16], "dtype": "bf16", "fill": "random"}, "T": {"bytes": 8, "fields": [{"offset": 0, "pointer": "A"}]}},
    "symbols": {"other": {"u32": 1}},
    "launches": [{"entry": "k", "grid": [2], "block": [32], "params": [
        {"type": "gl", "buf": "A", "n": 1, "map": {"buffer": "A", "dtype": "bf16", "globalDim": [16, "N"], "globalStrides": [32],
                                                   "box": [8, 8]}},
        {"pointer": "A", "byteOffset": 2}]}],
}

# A path in the file above, and what to put there; REMOVE takes the key away.
REMOVE = object()
BROKEN = {
    "unknown key at the top": (["launch"], []),
    "unknown key of a launch": (["launches", 0, "girds"], [1]),
    "unknown key of a buffer": (["buffers", "A", "fil"], "zero"),
    "unknown key of a type": (["types", "gl", "size"], 1),
    "unknown key of a tensor map": (["types", "gl", "fields", 1], {"offset": 64, "tensorMap": {
        "buffer": "A", "dtype": "bf16", "globalDim": [16], "box": [8], "swizle": "none"}}),
    "no entry": (["launches", 0, "entry"], REMOVE),
    "no launch": (["launches"], REMOVE),
    "an empty list of launches": (["launches"], []),
    "a launch twice": (["entry"], "k"),
    "four sizes": (["launches", 0, "grid"], [1, 1, 1, 1]),
    "a size that is no list": (["launches", 0, "grid"], 2),
    "a fraction of a block": (["launches", 0, "block"], [0.5]),
    "unknown fill": (["buffers", "A", "fill"], "one"),
    "unknown dtype": (["buffers", "A", "dtype"], "bf17"),
    "a seed of nothing": (["buffers", "T", "seed"], 1),
    "two sizes of a buffer": (["buffers", "A", "bytes"], 8),
    "no size of a buffer": (["buffers", "A", "shape"], REMOVE),
    "two sources of a buffer": (["buffers", "A", "npy"], "a.npy"),
    "a tensor without a file": (["buffers", "A", "tensor"], "w"),
    "an expectation of nothing": (["buffers", "A", "expect"], {"norm": 1}),
    "a negative norm": (["buffers", "A", "expect"], {"npy": "a.npy", "norm": -1}),
    "a field without offset": (["buffers", "T", "fields", 0], {"pointer": "A"}),
    "a field of two values": (["buffers", "T", "fields", 0], {"offset": 0, "u32": 1, "i32": 1}),
    "a parameter with offset": (["launches", 0, "params", 1], {"offset": 0, "pointer": "A"}),
    "a parameter of no value": (["launches", 0, "params", 1], {}),
    "an unknown kind": (["launches", 0, "params", 1], {"s64": 1}),
    "odd digits": (["launches", 0, "params", 1], {"hex": "000"}),
    "an offset of a number": (["launches", 0, "params", 1], {"u64": 1, "byteOffset": 2}),
    "a structure without a size": (["launches", 0, "params", 0], {"fields": []}),
    "a type without fields": (["types", "gl", "fields"], REMOVE),
    "a variable that is a text": (["vars", "N"], "16"),
    "a symbol that is a number": (["symbols", "other"], 1),
    "a comment that is a number": (["comment"], 1),
}


@pytest.fixture(scope="module")
def accepts():
    validate = fastjsonschema.compile(json.loads((ROOT / "docs/launch.schema.json").read_text()))

    def check(value):
        try:
            validate(value)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return check


def launch_files():
    for path in sorted(ROOT.glob("docs/**/*.launch.json")):
        yield str(path.relative_to(ROOT)), path.read_text()
    for path in sorted(ROOT.glob("docs/**/*.md")):
        for number, found in enumerate(FENCE.findall(path.read_text())):
            yield f"{path.relative_to(ROOT)} {number}", found[0] or found[1]


def test_files_of_the_tree_are_accepted(accepts):
    files = dict(launch_files())
    assert len(files) >= 10 and "docs/gemm.launch.json" in files
    assert [name for name, text in files.items() if not accepts(json.loads(text))] == []


@pytest.fixture
def simulate(tool, tmp_path):
    """simulate(value): tk-sim on a launch file with that content."""
    (tmp_path / "k.ptx").write_text(PTX)

    def run(value):
        (tmp_path / "l.json").write_text(json.dumps(value))
        return tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")

    return run


def test_the_good_one_is_accepted(accepts, simulate):
    assert accepts(GOOD)
    done = simulate(GOOD)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(accepts, simulate, name):
    path, value = BROKEN[name]
    broken = copy.deepcopy(GOOD)
    inner = broken
    for key in path[:-1]:
        inner = inner[key]
    if value is REMOVE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    assert not accepts(broken)
    done = simulate(broken)
    assert done.returncode == 2 and "/l.json: " in done.stderr, done.stdout + done.stderr


def test_the_skeleton_is_accepted(accepts, simulate, tool, tmp_path):
    done = tool("tk-sim", "--skeleton", tmp_path / "k.ptx")
    skeleton = json.loads(done.stdout)
    assert accepts(skeleton)
    launch = skeleton["launches"][0]
    assert launch["comment"] == "2 parameter(s) in 264 bytes; .reqnctapercluster 2, 1, 1"
    assert launch["params"][0]["comment"] == "all: 256 byte(s) at 0, .align 128, a structure"
    # It runs as it is printed.
    done = simulate(skeleton)
    assert done.returncode == 0, done.stdout + done.stderr
