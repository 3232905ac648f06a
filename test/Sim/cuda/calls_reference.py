"""What the kernels of calls.cu must compute. Usage: calls_reference.py FOLDER"""

import sys
from pathlib import Path

import numpy as np

T, N, ROW, CODE, LIST = 96, 127, 33, 40, 12
rng = np.random.default_rng(4)
folder = Path(sys.argv[1])


def save(name, values, dtype="i4"):
    np.save(folder / f"{name}.npy", np.asarray(values, dtype))


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def wrap(v):
    return (v + 2**31) % 2**32 - 2**31


# A balanced search tree of even keys, one of them out of order.
def fill(tree, node, keys):
    if node < N:
        fill(tree, 2 * node + 1, keys)
        tree[node] = keys.pop(0)
        fill(tree, 2 * node + 2, keys)


tree = [0] * N
fill(tree, 0, list(range(0, 2 * N, 2)))
tree[77] = 3


def in_order(node):
    return [] if node >= N else in_order(2 * node + 1) + [tree[node]] + in_order(2 * node + 2)


def depth(node):
    return 0 if node >= N else 1 + max(depth(2 * node + 1), depth(2 * node + 2))


orders = [in_order(t) for t in range(T)]
save("keys", tree)
save("fib", [fibonacci(t % 13) for t in range(T)])
save("depth", [depth(t) for t in range(T)])
save("count", [len(o) if o == sorted(o) else -1 for o in orders])

rows = rng.integers(-50, 50, (80, ROW))
save("rows", rows)
save("sorted", np.sort(rows, axis=1))

x = 1.5 * np.arange(T, dtype="f4")
t = np.arange(T)
save("pointers", np.choose(t % 3, [x + t, x * t, x - (t & 3)]), "f4")
save("shapes", np.where(t % 5 == 0, 2 * t * t, 2 * t * (t + 1) + 1), "f4")


def opcode(op, a, b):
    if op > 12:
        return -1
    third = abs(a) // 3 * (1 if a >= 0 else -1)
    return wrap([a + b, a - b, a * b, a & b, a | b, a ^ b, a << (b & 7), a >> (b & 7), ~a, max(a, b), b % 7, third,
                 bin(a % 2**32).count("1")][op])


code = rng.integers(0, 14, CODE)
machine = []
for thread in range(T):
    a = thread
    for i, c in enumerate(code.tolist()):
        a = opcode((c + thread) % 14, a, i + 3)
    machine.append(a)
save("code", code)
save("machine", machine)

save("matrices", [fibonacci(n) + 1000.0 * 3 * n for n in range(1, 25)] +
     [int(((1 + 5**.5) / 2)**n / 5**.5 + .5) + 1000.0 * 3 * n for n in range(25, 41)], "f8")

numbers = rng.integers(-1000, 1000, (3, 160))
save("in", numbers)
save("sums", numbers.sum(axis=1))

items = rng.integers(0, 30, (64, LIST))
save("items", items)
save("lists", np.sort(items, axis=1))

scratch = []
for thread in range(64):
    mine = 9 + thread % 4
    s = 0
    for i in range(mine):
        s = wrap(3 * s + fibonacci(i * 5 % mine % 8))
    scratch.append(s)
save("scratch", scratch)
save("name", list(b"kernel\0"), "u1")
