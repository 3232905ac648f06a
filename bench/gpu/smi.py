"""Clocks, power and temperature beside a measurement, sampled by nvidia-smi in a process of its own."""

import atexit
import statistics
import subprocess
import threading
import time

_FIELDS = ("clocks.sm", "clocks.mem", "power.draw", "temperature.gpu")
_NAMES = ("sm_mhz", "memory_mhz", "power_w", "temperature_c")
# The driver renamed this field; either may be refused.
_REASONS = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")


def parse(line):
    """One line of nvidia-smi: numbers by name, and the bits of why clocks are held back."""
    words = [word.strip() for word in line.split(",")]
    sample = {}
    for name, word in zip(_NAMES, words):
        try:
            sample[name] = float(word)
        except ValueError:
            pass
    if len(words) > len(_NAMES):
        try:
            sample["reasons"] = int(words[len(_NAMES)], 16)
        except ValueError:
            pass
    return sample


def summarise(samples):
    """Least, median and greatest of each field; all reasons seen, or-ed."""
    result = {"samples": len(samples)}
    for name in _NAMES:
        values = [sample[name] for sample in samples if name in sample]
        if values:
            result[name] = [min(values), statistics.median(values), max(values)]
    reasons = 0
    for sample in samples:
        reasons |= sample.get("reasons", 0)
    result["clock_event_reasons"] = hex(reasons)
    return result


class Sampler:
    """Samples until closed; `between(begin, end)` sums up what fell into a stretch of time.monotonic()."""

    def __init__(self, milliseconds=100):
        self.samples, self.process = [], None
        for fields in ((*_FIELDS, _REASONS[0]), (*_FIELDS, _REASONS[1]), _FIELDS):
            command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
            try:
                if subprocess.run(command, capture_output=True, timeout=20).returncode == 0:
                    self.process = subprocess.Popen([*command, "-lms", str(milliseconds)], stdout=subprocess.PIPE,
                                                    text=True)
                    break
            except (OSError, subprocess.TimeoutExpired):
                return
        if self.process:
            atexit.register(self.close)
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.samples.append((time.monotonic(), parse(line)))

    def between(self, begin, end):
        return summarise([sample for when, sample in list(self.samples) if begin <= when <= end])

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None
