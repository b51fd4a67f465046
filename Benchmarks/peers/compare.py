"""Compares Martlet's training steps with PyTorch's on the same threads, in one run. `make compare` runs it.

Every round times each side once for each network, in a process of its own, and rounds alternate which side goes first, so
that a machine that slows down or speeds up does so for both. What counts is the median of the rounds' paired ratios
(Martlet's time over PyTorch's: below 1 is faster). Run it on a machine that does nothing else.

Exit status: 0 when every median ratio is at most --at-most (any, by default), 1 when one is above it or could not be
measured.
"""

import argparse
import ctypes
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# OpenBLAS reads these when it is loaded; neither side is to be steered through them.
for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)


class NotMeasured(Exception):
    """Why one side gave no time, in one line."""


def run(command):
    """The JSON object that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["nothing on standard error"]
        raise NotMeasured(f"{' '.join(map(str, command))}: exit status {done.returncode}: {lines[-1]}")
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise NotMeasured(f"{' '.join(map(str, command))}: no JSON on standard output: {error}") from None


def median_of(report, name):
    """The median in milliseconds of the result with this name in a report of either side."""
    medians = [result["medianMs"] for result in report["results"] if result["name"] == name]
    if len(medians) != 1:
        raise NotMeasured(f"{len(medians)} results named {name}, one expected")
    return medians[0]


def command_of(side, network, arguments):
    if side == "torch":
        return [sys.executable, "-B", HERE / "step_times.py", network, "--threads", str(arguments.threads),
                "--steps", str(arguments.steps)]
    return [arguments.martlet, "bench", f"train-step/{network}", "--json", "--device", side,
            "--threads", str(arguments.threads)]


def openblas_core():
    """The kernels that the system's OpenBLAS chooses for this processor by itself."""
    try:
        library = ctypes.CDLL("libopenblas.so.0")
        library.openblas_get_corename.restype = library.openblas_get_config.restype = ctypes.c_char_p
        return f"{library.openblas_get_corename().decode()} ({library.openblas_get_config().decode().strip()})"
    except (OSError, AttributeError):
        return "no system OpenBLAS found"


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def measure(arguments):
    """Times in milliseconds, (side, network) to one a round; and why others are missing."""
    times, missing = {}, {}
    sides = ["torch", *arguments.devices]
    for turn in range(arguments.rounds):
        for network in arguments.networks:
            for side in sides if turn % 2 == 0 else reversed(sides):
                if (side, network) in missing:
                    continue
                time.sleep(arguments.pause)
                try:
                    value = median_of(run(command_of(side, network, arguments)), f"train-step/{network}")
                    times.setdefault((side, network), []).append(value)
                except NotMeasured as reason:
                    missing[side, network] = str(reason)
        print(f"round {turn + 1} of {arguments.rounds} done", file=sys.stderr)
    return times, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program to compare")
    parser.add_argument("--devices", default="cpu,opencl", type=lambda text: text.split(","))
    parser.add_argument("--networks", default="mlp,lenet", type=lambda text: text.split(","))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=200, help="timed steps of PyTorch in a round")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds of rest before each measurement")
    parser.add_argument("--at-most", type=float, help="exit with status 1 when a median ratio is above this")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    arguments = parser.parse_args()
    if not os.access(arguments.martlet, os.X_OK):
        parser.error(f"{arguments.martlet} is not a program; build it with `make build` or name it with --martlet")

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: the load average is {load:.1f}; other work distorts the times", file=sys.stderr)
    times, missing = measure(arguments)

    versions = run([sys.executable, "-B", "-c", "import json, torch; print(json.dumps(torch.__version__))"])
    facts = {"date": datetime.date.today().isoformat(), "processor": processor(), "cores": os.cpu_count(),
             "system": platform.platform(), "python": platform.python_version(), "torch": versions,
             "openblas": openblas_core(), "threads": arguments.threads, "rounds": arguments.rounds, "load": load}
    for key, value in facts.items():
        print(f"{key}: {value}")

    print("\n| step | device | Martlet ms | PyTorch ms | ratio (range) |\n| --- | --- | --- | --- | --- |")
    results, good = [], not missing
    for network in arguments.networks:
        theirs = times.get(("torch", network))
        for device in arguments.devices:
            ours = times.get((device, network))
            if (device, network) in missing or ("torch", network) in missing or not ours or not theirs:
                continue
            ratios = [mine / other for mine, other in zip(ours, theirs)]
            ratio = statistics.median(ratios)
            good = good and (arguments.at_most is None or ratio <= arguments.at_most)
            results.append({"name": f"train-step/{network}", "device": device, "medianMs": statistics.median(ours),
                            "torchMedianMs": statistics.median(theirs), "ratio": ratio, "ratios": ratios,
                            "ms": ours, "torchMs": theirs})
            print(f"| {network} | {device} | {statistics.median(ours):.2f} | {statistics.median(theirs):.2f} "
                  f"| {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |")
    for (side, network), reason in missing.items():
        print(f"not measured: {network} on {side}: {reason}")
    if arguments.json:
        arguments.json.write_text(json.dumps(facts | {"results": results}, indent=2) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
