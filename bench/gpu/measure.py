"""How functions that queue GPU work are timed: interleaved, in graphs, with events, over rotating buffers.

`Cuda` is the real thing. `Rehearsal` runs the same steps on the CPU with PyTorch alone, so that the scripts can be
tried where there is no GPU; its times mean nothing.
"""

import statistics
import time

import torch

TYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


class Cuda:
    rehearsal = False

    def __init__(self):
        self.device = torch.device("cuda")
        # Made first: the driver's primary context, which launches from outside share.
        torch.cuda.init()
        torch.zeros(1, device=self.device)
        self.l2_bytes = torch.cuda.get_device_properties(0).L2_cache_size
        self.stream = torch.cuda.Stream()
        torch.cuda.set_stream(self.stream)

    def facts(self):
        """What PyTorch was left to choose for cuBLAS: its defaults."""
        matmul = torch.backends.cuda.matmul
        names = ("allow_bf16_reduced_precision_reduction", "allow_fp16_reduced_precision_reduction", "allow_tf32")
        return {name: str(getattr(matmul, name, None)) for name in names}

    def current_stream(self):
        return torch.cuda.current_stream().cuda_stream

    def synchronize(self):
        torch.cuda.synchronize()

    def event(self):
        return torch.cuda.Event(enable_timing=True)

    def graph(self, functions):
        """One call that queues them all; without the host's pace between them."""
        self.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            for function in functions:
                function()
        return graph.replay

    def empty_cache(self):
        torch.cuda.empty_cache()


class _HostEvent:
    def record(self):
        self.when = time.perf_counter()

    def elapsed_time(self, other):
        return 1e3 * (other.when - self.when)


class Rehearsal:
    rehearsal = True
    l2_bytes = 1 << 16

    def __init__(self):
        self.device = torch.device("cpu")

    def facts(self):
        return {}

    def current_stream(self):
        return None

    def synchronize(self):
        pass

    def event(self):
        return _HostEvent()

    def graph(self, functions):
        return lambda: [function() for function in functions]

    def empty_cache(self):
        pass


def matrix(gpu, sizes, kind, layout):
    """Normal values of the type, in the memory order of the layout."""
    rows, columns = sizes if layout == "row" else sizes[::-1]
    values = torch.empty(rows, columns, dtype=TYPES[kind], device=gpu.device)
    values.normal_()
    return values if layout == "row" else values.t()


def make_sets(gpu, shape):
    """So many (A, B, C) that a launch finds nothing of its own in L2: three times its size in all, at least two."""
    count = max(2, min(64, -(-3 * gpu.l2_bytes // max(shape.bytes, 1)) + 1))
    return [(matrix(gpu, (shape.m, shape.k), shape.input, shape.a),
             matrix(gpu, (shape.k, shape.n), shape.input, shape.b),
             torch.full((shape.m, shape.n), float("nan"), dtype=TYPES[shape.output], device=gpu.device))
            for _ in range(count)]


def check(shape, a, b, c, rows=48):
    """A few rows of C against float64, and whether all of it was written; C was NaN before."""
    picked = torch.randint(0, shape.m, (min(rows, shape.m),), device=a.device)
    reference = a[picked].double() @ b.double()
    difference = c[picked].double() - reference
    error = (difference.norm() / reference.norm()).item()
    limit = {"bf16": 4e-3, "f16": 6e-4, "f32": 2e-5}[shape.output]
    finite = bool(torch.isfinite(c).all())
    return {"relative_error": error, "all_finite": finite, "passed": finite and error <= limit}


def quick_time(gpu, function, launches=3):
    """Milliseconds of one call, roughly; warms up as well."""
    function()
    begin, end = gpu.event(), gpu.event()
    begin.record()
    for _ in range(launches):
        function()
    end.record()
    gpu.synchronize()
    return begin.elapsed_time(end) / launches


class Timed:
    """One implementation: a function for each set of buffers, and the milliseconds of its samples."""

    def __init__(self, functions):
        self.functions, self.samples, self.problem, self.graphed = functions, [], None, False

    def make_graph(self, gpu, milliseconds):
        estimate = max(quick_time(gpu, self.functions[0]), 1e-4)
        count = len(self.functions)
        self.launches = max(count, min(400, round(milliseconds / estimate)))
        queue = [self.functions[i % count] for i in range(self.launches)]
        for function in self.functions:
            function()
        try:
            self.replay = gpu.graph(queue)
            self.graphed = not gpu.rehearsal
        except RuntimeError as error:
            self.problem = f"not captured: {error}"
            self.replay = lambda: [function() for function in queue]
        self.replay()
        gpu.synchronize()


def interleave(gpu, timed, rounds=20, seconds=0.8, milliseconds=1.5):
    """Fills `samples`: in each round every implementation once, in an order that rotates. As many rounds as it takes
    for `seconds`, at least `rounds`."""
    names = list(timed)
    for one in timed.values():
        one.make_graph(gpu, milliseconds)
    begin, done = time.monotonic(), 0
    while names and (done < rounds or (time.monotonic() - begin < seconds and done < 10 * rounds)):
        order = names[done % len(names):] + names[:done % len(names)]
        events = {}
        for name in order:
            events[name] = (gpu.event(), gpu.event())
            events[name][0].record()
            timed[name].replay()
            events[name][1].record()
        gpu.synchronize()
        for name, (first, last) in events.items():
            timed[name].samples.append(first.elapsed_time(last) / timed[name].launches)
        done += 1


def spread(samples):
    quartiles = statistics.quantiles(samples, n=4) if len(samples) > 1 else [samples[0]] * 3
    return {"median": statistics.median(samples), "q1": quartiles[0], "q3": quartiles[2], "min": min(samples),
            "max": max(samples)}


def report(shape, timed):
    """What is written of one implementation."""
    times = spread(timed.samples)
    result = {"milliseconds": times, "tflops": shape.flops / times["median"] / 1e9,
              "gbytes_per_second": shape.bytes / times["median"] / 1e6, "launches_per_sample": timed.launches,
              "samples": len(timed.samples), "graph": timed.graphed}
    return {**result, "problem": timed.problem} if timed.problem else result


def ratio(base, other):
    """How many times faster `other` is than `base`, round by round: what shook both shakes no ratio."""
    return spread([x / y for x, y in zip(base.samples, other.samples)])
