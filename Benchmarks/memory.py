"""Resident memory over a long run: python3 Benchmarks/memory.py [--device cpu] [--steps 10000] [PROGRAM]

Trains LeNet on the digits and reads the process's resident size after 100 steps and after the last one. Prints both and
their ratio; the exit status is 1 where it grew by more than 5 %.
"""

import argparse
import json
import subprocess
import sys
import tempfile


def resident(pid):
    """Resident bytes of a process."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", default=".build/release/martlet")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="lenet")
    parser.add_argument("--steps", type=int, default=10000)
    options = parser.parse_args()
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        # 100 steps more than are looked at, so that the process is still there when it is.
        command = [options.program, "train", options.model, "--device", options.device, "--steps", str(options.steps + 100),
                   "--log-every", "100", "--batch-size", "16", "--json", "--out", folder + "/run"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            for line in process.stdout:
                step = json.loads(line).get("step")
                if step in (100, options.steps):
                    sizes[step] = resident(process.pid)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    first, last = sizes[100], sizes[options.steps]
    print(f"{options.model} on {options.device}: {first / 2**20:.1f} MiB after 100 steps, {last / 2**20:.1f} MiB after "
          f"{options.steps}, ratio {last / first:.3f}")
    sys.exit(last > 1.05 * first)


if __name__ == "__main__":
    main()
