"""The order in which a persistent grid walks tiles, from the index arithmetic that tk-persist writes.

The body of the loop is a list of operations on indices; here they are done for every tile number of a grid.
"""

import re

import pytest

KERNEL = """
!in = !tk.global<?x?xbf16, align = 16, stride_divisible = [8, 1]>
tk.kernel @walk(%A: !in) attributes {{tuning = #tk.tuning<{tuning}>}} grid {{
  %x = arith.constant {columns} : index
  %y = arith.constant {rows} : index
  tk.grid %x, %y
}} {{
  %n = arith.constant 64 : index
  %z = arith.constant dense<0.0> : tensor<64x64xf32>
  %x = tk.program_id 0
  %y = tk.program_id 1
  %l = scf.for %k = %n to %n step %n iter_args(%s = %z) -> tensor<64x64xf32> {{
    %a = tk.load %A[%y, %x] : !in -> tensor<64x64xbf16>
    %d = tk.dot %a, %a, %s : tensor<64x64xbf16>, tensor<64x64xbf16>, tensor<64x64xf32>
    scf.yield %d : tensor<64x64xf32>
  }}
  tk.return
}}
"""

OPERATIONS = {"addi": lambda a, b: a + b, "subi": lambda a, b: a - b, "muli": lambda a, b: a * b,
              "divui": lambda a, b: a // b, "remui": lambda a, b: a % b, "minui": min, "andi": lambda a, b: a & b,
              "xori": lambda a, b: a ^ b,
              "cmpi eq": lambda a, b: a == b, "cmpi ult": lambda a, b: a < b,
              "select": lambda c, a, b: a if c else b}
LINE = re.compile(r"(%\w+) = arith\.(constant|cmpi \w+|\w+),? (.*?) : ")


def walk(tool, tmp_path, rows, columns, tuning):
    """[(row, column)] in the order of tile numbers."""
    source = tmp_path / "walk.mlir"
    source.write_text(KERNEL.format(rows=rows, columns=columns, tuning=tuning))
    done = tool("tk-opt", "--pass-pipeline=builtin.module(tk.kernel(tk-persist))", source)
    assert done.returncode == 0, done.stderr
    body = done.stdout.split("} {", 1)[1]
    tile = re.search(r"scf\.for (%\w+) = .*step", body).group(1)
    program = [match.groups() for match in map(LINE.search, body.splitlines()) if match]
    row, column = re.search(r"tk\.load %A\[(%\w+), (%\w+)\]", body).groups()
    places = []
    for number in range(rows * columns):
        values = {tile: number}
        for name, operation, text in program:
            if operation == "constant":
                if re.fullmatch(r"\d+", text):
                    values[name] = int(text)
                continue
            operands = [values.get(operand) for operand in text.split(", ")]
            if None in operands:
                continue  # Outside of the loop: how many tiles there are.
            values[name] = int(OPERATIONS[operation](*operands))
        places.append((values[row], values[column]))
    return places


@pytest.mark.parametrize("tuning", ["order = rows", "group = 3", "group = 4, order = hilbert",
                                    "group = 8, order = hilbert", "group = 2, order = hilbert", "order = hilbert"])
@pytest.mark.parametrize("rows, columns", [(8, 8), (1, 1), (5, 13), (16, 24), (19, 3), (3, 40)])
def test_every_tile_once(tool, tmp_path, rows, columns, tuning):
    places = walk(tool, tmp_path, rows, columns, tuning)
    assert sorted(places) == [(row, column) for row in range(rows) for column in range(columns)]


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_hilbert_takes_one_step_at_a_time(tool, tmp_path, side):
    """Through a square, and from its end into the next one: neighbours in time are neighbours in place."""
    places = walk(tool, tmp_path, side, 3 * side, f"group = {side}, order = hilbert")
    for (row, column), (next_row, next_column) in zip(places, places[1:]):
        assert abs(row - next_row) + abs(column - next_column) == 1
    for square in range(3):  # Each is done before the next begins.
        part = places[square * side * side:(square + 1) * side * side]
        assert {column // side for _, column in part} == {square}


def test_bands_go_down_columns(tool, tmp_path):
    assert walk(tool, tmp_path, 4, 3, "group = 2")[:6] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    assert walk(tool, tmp_path, 2, 3, "order = rows") == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
