"""ldmatrix, stmatrix and movmatrix on tk-sim, by the manual's formulas: every count, plain and transposed."""

import itertools
import json

import numpy as np
import pytest
from sim_matrices import HEAD, names

COUNTS = (1, 2, 4)
WINDOWS = ("", ".shared", ".shared::cta")


def cases():
    return list(itertools.product(COUNTS, ("", ".trans"), WINDOWS))


def addresses(window):
    """%r90 or %rd8: a row of 16 bytes in the order of %r89, within the array `sm`."""
    return f"mov.u32 %r90, sm; shl.b32 %r91, %r89, 4; add.u32 %r90, %r90, %r91; cvt.u64.u32 %rd8, %r90; cvta.shared.u64 %rd8, %rd8;", \
        "%r90" if window else "%rd8"


def entry(number, move, count, trans, window):
    setup, base = addresses(window)
    load = move == "ldmatrix"
    regs = names("r", 0, count)
    operands = f"{regs}, [{base}]" if load else f"[{base}], {regs}"
    before = ("ld.global.v4.b32 {%r80, %r81, %r82, %r83}, [%rd0]; st.shared.v4.b32 [%r92], {%r80, %r81, %r82, %r83};" if load else
              "".join(f"ld.global.b32 %r{i}, [%rd0+{4 * i}];" for i in range(count)) +
              "mov.b32 %r80, 0x7777abcd; st.shared.v4.b32 [%r92], {%r80, %r80, %r80, %r80};")
    after = ("".join(f"st.global.b32 [%rd1+{4 * i}], %r{i};" for i in range(count)) if load else
             "ld.shared.v4.b32 {%r80, %r81, %r82, %r83}, [%r92]; st.global.v4.b32 [%rd1], {%r80, %r81, %r82, %r83};")
    return f"""
.visible .entry k{number}(.param .u64 a, .param .u64 rows, .param .u64 o) {{
  .reg .b64 %rd<10>; .reg .b32 %r<100>; .shared .align 128 .b8 sm[512];
  ld.param.u64 %rd0, [a]; ld.param.u64 %rd2, [rows]; ld.param.u64 %rd1, [o]; mov.u32 %r99, %tid.x; mul.wide.u32 %rd3, %r99, 16;
  add.u64 %rd0, %rd0, %rd3; add.u64 %rd1, %rd1, %rd3; mul.wide.u32 %rd4, %r99, 4; add.u64 %rd2, %rd2, %rd4;
  ld.global.b32 %r89, [%rd2]; {setup} mov.u32 %r92, sm; shl.b32 %r93, %r99, 4; add.u32 %r92, %r92, %r93;
  {before}
  bar.warp.sync -1;
  {move}.sync.aligned.m8n8.x{count}{trans}{window}.b16 {operands};
  bar.warp.sync -1;
  {after}
  ret;
}}"""


@pytest.mark.parametrize("move", ["ldmatrix", "stmatrix"])
def test_every_form(tool, tmp_path, move):
    rng, text, buffers, launches, expected = np.random.default_rng(1), [], {}, [], []
    for number, (count, trans, window) in enumerate(cases()):
        order = rng.permutation(32).astype(np.uint32)  # which row each lane points to
        data = rng.integers(0, 65536, (32, 8)).astype(np.uint16)  # rows of shared memory, or registers: two halves each
        if move == "ldmatrix":
            want = np.zeros((32, 8), np.uint16)
            for j, lane, h in itertools.product(range(count), range(32), range(2)):
                g, q = lane // 4, lane % 4
                row, column = (2 * q + h, g) if trans else (g, 2 * q + h)
                want[lane, 2 * j + h] = data[order[8 * j + row], column]
        else:
            want = np.full((32, 8), 0)
            want[:, 0::2], want[:, 1::2] = 0xabcd, 0x7777
            for j, lane, h in itertools.product(range(count), range(32), range(2)):
                g, q = lane // 4, lane % 4
                row, column = (2 * q + h, g) if trans else (g, 2 * q + h)
                want[order[8 * j + row], column] = data[lane, 2 * j + h]
        expected.append(want)
        np.save(tmp_path / f"a{number}.npy", data)
        np.save(tmp_path / f"r{number}.npy", order)
        buffers.update({f"a{number}": {"npy": f"a{number}.npy"}, f"r{number}": {"npy": f"r{number}.npy"},
                        f"o{number}": {"shape": [32, 8], "dtype": "u16", "fill": "zero", "out": f"o{number}.npy"}})
        launches.append({"entry": f"k{number}", "block": [32], "params": [{"pointer": f"{x}{number}"} for x in "aro"]})
        text.append(entry(number, move, count, trans, window))
    (tmp_path / "k.ptx").write_text(HEAD + "".join(text))
    (tmp_path / "l.json").write_text(json.dumps({"buffers": buffers, "launches": launches}))
    done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
    assert done.returncode == 0, done.stdout + done.stderr
    for number, case in enumerate(cases()):
        assert (np.load(tmp_path / f"o{number}.npy") == expected[number]).all(), case


def test_movmatrix_transposes(tool, tmp_path):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 65536, (8, 8)).astype(np.uint16)  # lane l: row l / 4, columns 2 * (l % 4) and one more
    np.save(tmp_path / "a.npy", data.reshape(32, 2))
    (tmp_path / "k.ptx").write_text(f"""{HEAD}.visible .entry k(.param .u64 a, .param .u64 o) {{
  .reg .b64 %rd<4>; .reg .b32 %r<4>;
  ld.param.u64 %rd0, [a]; ld.param.u64 %rd1, [o]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.u64 %rd0, %rd0, %rd2; add.u64 %rd1, %rd1, %rd2;
  ld.global.b32 %r1, [%rd0];
  movmatrix.sync.aligned.m8n8.trans.b16 %r2, %r1;
  st.global.b32 [%rd1], %r2;
  ret;
}}
""")
    (tmp_path / "l.json").write_text(json.dumps({
        "buffers": {"A": {"npy": "a.npy"}, "O": {"shape": [8, 8], "dtype": "u16", "fill": "zero", "out": "o.npy"}},
        "entry": "k", "block": [32], "params": [{"pointer": "A"}, {"pointer": "O"}]}))
    done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (np.load(tmp_path / "o.npy") == data.T).all()


@pytest.mark.parametrize("word", ["movmatrix.sync.aligned.m8n8.b16", "movmatrix.sync.aligned.m8n8.trans.b32"])
def test_movmatrix_refused(tool, tmp_path, word):
    (tmp_path / "k.ptx").write_text(f"{HEAD}.visible .entry k() {{ .reg .b32 %r<4>; mov.b32 %r1, 0;\n{word} %r0, %r1;\nret; }}\n")
    done = tool("tk-sim", tmp_path / "k.ptx", "--skeleton")
    assert done.returncode == 2 and "needs .trans and .b16" in done.stderr, done.stderr
