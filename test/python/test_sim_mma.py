"""mma.sync on tk-sim against an exact product, element by element by the fragments of the PTX manual (9.7.14.5)."""

import json

import ml_dtypes
import numpy as np
import pytest

# Shape, types of A, B and of the sum, numpy's types of A and B.
CASES = [
    *((f"m16n8k{k}", name, name, "f32", dtype, dtype) for k in (8, 16)
      for name, dtype in (("f16", np.float16), ("bf16", ml_dtypes.bfloat16))),
    *((f"m16n8k{k}", "tf32", "tf32", "f32", np.float32, np.float32) for k in (4, 8)),
    *((f"m16n8k{k}", a, b, "f32", x, y) for k in (16, 32)
      for a, x in (("e4m3", ml_dtypes.float8_e4m3fn), ("e5m2", ml_dtypes.float8_e5m2))
      for b, y in (("e4m3", ml_dtypes.float8_e4m3fn), ("e5m2", ml_dtypes.float8_e5m2))),
    *((f"m16n8k{k}", a, b, "s32", x, y) for k in (16, 32) for a, x in (("s8", np.int8), ("u8", np.uint8))
      for b, y in (("s8", np.int8), ("u8", np.uint8))),
]


def kernel(word, kind, a_registers, b_registers):
    """A thread has 64 bytes: registers of A at 0, of B at 16, of C at 32."""
    ty = "f32" if kind == "f" else "b32"
    names = lambda prefix, first, count: "{" + ", ".join(f"%{prefix}{first + i}" for i in range(count)) + "}"
    loads = [f"ld.global.b32 %r{i}, [%rd0+{4 * i}];" for i in range(8)]
    loads += [f"ld.global.{ty} %{kind}{8 + i}, [%rd0+{32 + 4 * i}];" for i in range(4)]
    stores = [f"st.global.{ty} [%rd1+{4 * i}], %{kind}{12 + i};" for i in range(4)]
    product = f"{word} {names(kind, 12, 4)}, {names('r', 0, a_registers)}, {names('r', 4, b_registers)}, {names(kind, 8, 4)};"
    return f""".version 9.0
.target sm_90a
.address_size 64
.visible .entry k(.param .u64 a, .param .u64 o) {{
  .reg .b64 %rd<3>; .reg .b32 %r<20>; .reg .f32 %f<16>;
  ld.param.u64 %rd0, [a]; ld.param.u64 %rd1, [o]; mov.u32 %r19, %tid.x; mul.wide.u32 %rd2, %r19, 64;
  add.u64 %rd0, %rd0, %rd2; add.u64 %rd1, %rd1, %rd2;
  {" ".join(loads)}
  {product}
  {" ".join(stores)}
  ret;
}}
"""


@pytest.mark.parametrize("shape, a_name, b_name, sum_name, a_type, b_type", CASES)
def test_product(tool, tmp_path, shape, a_name, b_name, sum_name, a_type, b_type):
    k, rng = int(shape[6:]), np.random.default_rng(7)
    draw = lambda size, dtype: (rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, size) if sum_name == "s32"
                                else rng.integers(-8, 9, size)).astype(dtype)
    a, b = draw((16, k), a_type), draw((k, 8), b_type)
    c = rng.integers(-50, 50, (16, 8)).astype("f4" if sum_name == "f32" else "i4")
    bytes_, per = a.itemsize, 4 // a.itemsize  # elements of a register
    image = np.zeros((32, 64), np.uint8)
    for lane in range(32):
        group, quad = divmod(lane, 4)
        rows, columns = (group, group + 8), [(half, quad * per + half * per * 4) for half in range(k // (4 * per))]
        fragment_a = np.concatenate([a[row, at:at + per] for _, at in columns for row in rows])
        fragment_b = np.concatenate([b[at:at + per, group] for _, at in columns])
        fragment_c = np.concatenate([c[row, 2 * quad:2 * quad + 2] for row in rows])
        for at, part in ((0, fragment_a), (16, fragment_b), (32, fragment_c)):
            image[lane, at:at + part.nbytes] = np.ascontiguousarray(part).view(np.uint8)
    np.save(tmp_path / "a.npy", image)
    registers = 16 * k * bytes_ // 128, 8 * k * bytes_ // 128
    word = f"mma.sync.aligned.{shape}.row.col.{sum_name}.{a_name}.{b_name}.{sum_name}"
    (tmp_path / "k.ptx").write_text(kernel(word, "f" if sum_name == "f32" else "r", *registers))
    (tmp_path / "l.json").write_text(json.dumps({
        "buffers": {"A": {"npy": "a.npy"}, "O": {"shape": [32, 16], "dtype": "u32", "fill": "zero", "out": "o.npy"}},
        "entry": "k", "block": [32], "params": [{"pointer": "A"}, {"pointer": "O"}]}))
    done = tool("tk-sim", tmp_path / "k.ptx", "--launch", tmp_path / "l.json")
    assert done.returncode == 0, done.stdout + done.stderr
    out = np.load(tmp_path / "o.npy")[:, :4].copy().view(c.dtype).reshape(8, 4, 2, 2)  # group, quad, row half, column
    got = out.transpose(2, 0, 1, 3).reshape(16, 8)
    exact = np.float64 if sum_name == "f32" else np.int64
    assert (got == a.astype(exact) @ b.astype(exact) + c).all()
