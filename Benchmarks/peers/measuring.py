"""Measures rows of the comparison: every side of a row in turns, in one run, and whether their results agree."""

import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from servers import Failed

REST = 0.02  # seconds before a side's turn, in which threads that wait for more work by spinning go to sleep
WARM_UP, ROUNDS, RUNS = 5, 7, 3  # so 21 timed runs a side
SLOW_ROUNDS = 5  # of one run, above SLOW seconds
SLOW = 0.2
VERY_SLOW = 1.5  # seconds; a side that takes longer is timed in the first two rounds only, one that takes
ENDLESS = 5.0  # so long in the first
STEADY = 2e-3  # seconds that a run lasts at least; shorter calls are repeated
FOREIGN = 0.1  # of the processors' time; what other processes may take before a row is timed again
ATTEMPTS = 2
LONG = 20  # seconds; what takes longer is not timed again


@dataclass
class Side:
    """One way of doing what a row is about."""
    label: str
    server: str
    case: dict
    checked: bool = True
    calls: int | None = None  # of a run; else as many as last STEADY


@dataclass
class Row:
    name: str
    sides: list
    tolerance: float = 1e-4
    reference: str = "torch"  # whose results count
    rounds: int | None = None  # more than a slow case has


@dataclass
class Result:
    row: Row
    times: dict = field(default_factory=dict)  # label to the median milliseconds of a call in every round
    facts: dict = field(default_factory=dict)  # label to what `prepare` said
    foreign: float = 0.0  # share of the processors' time that others took
    errors: dict = field(default_factory=dict)  # label to the largest difference over the largest value
    missing: list = field(default_factory=list)  # why something was not measured or does not agree

    def ms(self, label):
        return statistics.median(self.times[label]) if label in self.times else None

    def ratio(self, ours, theirs):
        """How many times as fast ours is: the rounds' median, least and largest."""
        if ours not in self.times or theirs not in self.times:
            return None
        ratios = [t / o for o, t in zip(self.times[ours], self.times[theirs])]
        return statistics.median(ratios), min(ratios), max(ratios)

    def rate(self, label, fact):
        """Operations or bytes a second."""
        count = self.facts.get(label, {}).get(fact)
        return count / self.ms(label) * 1e3 if count and label in self.times else None


def difference(path, counts, reference, reference_counts):
    """The largest difference of two files' outputs over the largest value, output by output."""
    if counts != reference_counts:
        raise Failed(f"results of {counts} elements, not {reference_counts}")
    worst, start = 0.0, 0
    ours, theirs = np.fromfile(path, np.float32), np.fromfile(reference, np.float32)
    for count in counts:
        a, b = ours[start:start + count], theirs[start:start + count]
        if not np.isfinite(a).all() or not np.isfinite(b).all():
            return float("inf")
        # A value at zero, such as a bias's norm, may be off by rounding alone.
        worst = max(worst, float(np.abs(a - b).max()) / max(float(np.abs(b).max()), 1e-6))
        start += count
    return worst


@dataclass
class Effort:
    """How often things are timed."""
    rounds: int | None = None  # of every row; else as the row says


effort = Effort()


def measure(row, servers):
    """A row's times. A side that fails is left out and said to be missing."""
    result, ready = Result(row), []
    for side in row.sides:
        try:
            result.facts[side.label] = servers[side.server].ask({"do": "prepare", "id": side.label, "case": side.case})
            ready.append(side)
        except Failed as reason:
            result.missing.append(str(reason))
    try:
        compare(row, ready, servers, result)
        undisturbed(row, ready, servers, result)
    finally:
        for side in ready:
            try:
                servers[side.server].ask({"do": "release", "id": side.label})
            except Failed:
                servers.drop(side.server)
    return result


def compare(row, ready, servers, result):
    checked = [side for side in ready if side.checked]
    if len(checked) < 2:
        return
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        def write(side):
            path = f"{folder}/{side.label}.f32"
            return path, servers[side.server].ask({"do": "write", "id": side.label, "path": path})["counts"]

        reference = next((side for side in checked if side.label == row.reference), checked[-1])
        path, counts = write(reference)
        for side in checked:
            if side is reference:
                continue
            try:
                mine, sizes = write(side)
                error = result.errors[side.label] = difference(mine, sizes, path, counts)
                Path(mine).unlink()
                if not error <= row.tolerance:
                    result.missing.append(f"{row.name}: {side.label} is off by {error:.1e} of the largest value "
                                          f"(at most {row.tolerance:.0e}) from {reference.label}")
            except Failed as reason:
                result.missing.append(f"{row.name}: {side.label}: {reason}")


def machine_busy():
    """Seconds that all processors have worked."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, interrupt, soft = map(int, file.readline().split()[1:8])
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")


def undisturbed(row, ready, servers, result):
    """Takes turns until other processes had little of the machine, keeping the attempt with the least."""
    best = None
    for _ in range(ATTEMPTS):
        result.times = {}
        start, busy, own = time.monotonic(), machine_busy(), servers.busy()
        take_turns(row, ready, servers, result)
        others = machine_busy() - busy - (servers.busy() - own)
        share = max(0.0, others) / (time.monotonic() - start) / (os.cpu_count() or 1)
        if best is None or share < best[0]:
            best = share, result.times
        if share <= FOREIGN or time.monotonic() - start > LONG:
            break
    result.foreign, result.times = best


def take_turns(row, ready, servers, result):
    def time_of(side, runs, calls=1):
        time.sleep(REST)
        return servers[side.server].ask({"do": "time", "id": side.label, "runs": runs, "calls": calls})["ms"]

    calls, slow, limits = {}, set(), {}
    for side in list(ready):
        try:
            first = time_of(side, 1)[0]
            once = time_of(side, 1)[0] if first < 1e3 * VERY_SLOW else first
            if once > 1e3 * SLOW:
                slow.add(side.label)
            else:
                once = min(time_of(side, WARM_UP - 2))
            if once > 1e3 * VERY_SLOW:
                limits[side.label] = 1 if once > 1e3 * ENDLESS else 2
            calls[side.label] = side.calls or max(1, min(1000, int(STEADY * 1e3 / max(once, 1e-6))))
        except Failed as reason:
            result.missing.append(f"{row.name}: {reason}")
            ready.remove(side)
    is_slow = bool(slow)
    for turn in range(effort.rounds or row.rounds or (SLOW_ROUNDS if is_slow else ROUNDS)):
        for side in ready if turn % 2 == 0 else reversed(ready):
            if turn >= limits.get(side.label, turn + 1):
                continue
            if side.label in slow:
                times = time_of(side, 1)
            else:  # the first run of a turn finds the caches full of another side's data
                times = time_of(side, 1 + RUNS, calls[side.label])[1:]
            result.times.setdefault(side.label, []).append(statistics.median(times))
