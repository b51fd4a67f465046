"""Compares Martlet's speed with its peers' on the same threads, in one run. `make compare` runs it.

Every case is prepared on all sides, which wait in processes of their own; their results are compared; then they are timed in
turns, each after a short rest, so that a machine that slows down does so for all. What counts is the median of the turns' paired
ratios. Each section replaces its part of the results' file as soon as it is done.

Exit status: 0; 1 where something could not be measured or results do not agree.
"""

import argparse
import ctypes
import datetime
import os
import platform
import sys
import time
from pathlib import Path

import cases
import measuring
from sections import sections
from servers import Failed, Servers

INTRODUCTION = """# Martlet beside its peers

`make compare` writes this file, section by section (`make compare ARGS="--only matmul"` for one). Times are medians of alternating
turns, in milliseconds. A column `a / b` says how many times as fast as b our device a is: the median of the turns' paired ratios,
then the least and the largest. `difference` is the largest deviation from the peer's results over their largest value, for the
processor's path and OpenCL. PyTorch's times are what its users get, with new memory for every result; `out=` is PyTorch writing into
memory that it already holds.
"""


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def openblas_core():
    """The kernels that the system's OpenBLAS chooses for this processor by itself."""
    try:
        library = ctypes.CDLL("libopenblas.so.0")
        library.openblas_get_corename.restype = ctypes.c_char_p
        return library.openblas_get_corename().decode()
    except (OSError, AttributeError):
        return "unknown"


def settings(servers, threads, load, seconds):
    """What produced a section, in one paragraph."""
    sides = []
    for server in servers.running.values():
        about = server.about
        sides.append(f"{about.get('device', server.name)}: {about['name']} {about['version']}")
    return (f"{datetime.date.today().isoformat()}, {processor()}, {threads} threads, {platform.system()} {platform.release()}, "
            f"Python {platform.python_version()}, OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE unset, OpenBLAS core {openblas_core()}, "
            f"load average before {load:.1f}, {seconds:.0f} s. " + "; ".join(sides) + ".")


def replace(path, every, section, lines):
    """Puts a section's lines into the results' file, in its place in the order of all sections."""
    parts = {}
    if path.exists():
        for part in path.read_text().split("\n## ")[1:]:
            heading, _, body = part.partition("\n")
            parts[heading] = body.strip("\n")
    parts[section.title] = "\n".join(lines).strip("\n")
    text = INTRODUCTION + "".join(f"\n## {s.title}\n\n{parts[s.title]}\n" for s in every if s.title in parts)
    path.write_text(text)


def main():
    every = sections()
    names = [section.name for section in every]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program to compare")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help=f"sections or beginnings of their names, separated by commas; of {names}")
    parser.add_argument("--rounds", type=int, help="turns of every row, where fewer or more are wanted than usual")
    parser.add_argument("--clblast", default="libclblast.so.1", help="CLBlast's shared library")
    parser.add_argument("--torch-device", default="cpu", choices=("cpu", "cuda"),
                        help="cuda: PyTorch on its GPU beside our OpenCL alone (default: cpu, beside both of our devices)")
    parser.add_argument("--results", type=Path, default=Path("Benchmarks/RESULTS.md"), help="the file that is written")
    arguments = parser.parse_args()
    if not os.access(arguments.martlet, os.X_OK):
        parser.error(f"{arguments.martlet} is not a program; build it with `make build` or name it with --martlet")
    measuring.effort.rounds = arguments.rounds
    if arguments.torch_device != "cpu":
        cases.OURS = ("opencl",)
    wanted = [text for text in arguments.only.split(",") if text]
    for text in wanted:
        if not any(name.startswith(text) for name in names):
            parser.error(f"--only {text}: no section's name begins so; there are {', '.join(names)}")
    chosen = [section for section in every if not wanted or section.name.startswith(tuple(wanted))]

    # OpenBLAS reads these when it is loaded; no side is to be steered through them.
    environment = {key: value for key, value in os.environ.items() if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    missing = []
    for section in chosen:
        load, start = os.getloadavg()[0], time.monotonic()
        if load > 0.5:
            print(f"warning: the load average is {load:.1f}; other work distorts the times", file=sys.stderr)
        servers = Servers(arguments.martlet, arguments.threads, arguments.clblast, environment, arguments.torch_device)
        try:
            lines, failures = section.run(servers, lambda text: print(text, file=sys.stderr, flush=True))
            # A section that measures whole processes has no server running any more.
            for name in (*cases.OURS, "torch"):
                if not servers.running:
                    try:
                        servers[name]
                    except Failed as reason:
                        failures.append(str(reason))
            note = settings(servers, arguments.threads, load, time.monotonic() - start)
        finally:
            servers.close()
        failures = list(dict.fromkeys(failures))
        lines += [""] + [f"- not measured or not agreeing: {reason}" for reason in failures] if failures else []
        lines += ["", note]
        replace(arguments.results, every, section, lines)
        print(f"\n## {section.title}\n\n" + "\n".join(lines) + "\n", flush=True)
        missing += failures
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
