"""Sections that look at whole processes: tinygrad's training steps, peak memory, and the way from the start to a first step."""

import os
import statistics
import subprocess
import tempfile
import time

import cases
from measuring import FOREIGN, Result, compare, undisturbed
from servers import Failed


def _table(headings, rows):
    return ["| " + " | ".join(cells) + " |" for cells in (headings, ["---"] * len(headings), *rows)]


def _text(value, form="{:.1f}"):
    return "" if value is None else form.format(value)


class Tinygrad:
    """Training steps against tinygrad, a section for every large network: each takes minutes to compile and to run there."""

    def __init__(self, name, *networks):
        self.name, self.networks = f"tinygrad-{name}", networks
        self.title = f"Training steps against tinygrad: {', '.join(networks)}"

    def run(self, servers, progress):
        rows, missing, short, disturbed = [], [], [], []
        for network in self.networks:
            progress(f"{self.name}: {network}")
            row = next(iter(cases.train_steps([network], "tinygrad", rounds=3)))
            row.reference, result = "tinygrad", Result(row)
            ready = []
            for side in row.sides:
                try:
                    servers[side.server].ask({"do": "prepare", "id": side.label, "case": side.case})
                    ready.append(side)
                except Failed as reason:
                    result.missing.append(f"{network}: {reason}")
            compare(row, ready, servers, result)
            undisturbed(row, ready, servers, result)
            for side in ready:
                servers.drop(side.server)  # what it compiled and allocated is not needed again
            missing += result.missing
            if result.foreign > FOREIGN:
                disturbed.append(f"{network} {result.foreign:.0%}")
            cells = [network] + [_text(result.ms(label), "{:.2f}") for label in ("cpu", "opencl", "tinygrad")]
            for device in cases.OURS:
                ratio = result.ratio(device, "tinygrad")
                cells.append("" if ratio is None else f"{ratio[0]:.1f} ({ratio[1]:.1f} to {ratio[2]:.1f})")
                if ratio and ratio[0] < 5:
                    short.append(f"{network} on {device} {ratio[0]:.1f}")
            rows.append(cells)
        lines = _table(["network", "cpu ms", "opencl ms", "tinygrad ms", "cpu / tinygrad", "opencl / tinygrad"], rows)
        verdict = "**short** in " + "; ".join(short) if short else "held in every row"
        lines += ["", f"- times tinygrad's speed, wanted 5: {verdict}"]
        if disturbed:
            lines.append("- **disturbed** by other processes, with their share of the machine: " + "; ".join(disturbed))
        return lines, missing


class Memory:
    """The largest resident size of a process that takes five training steps."""
    name, title = "memory", "Peak memory of training steps"

    def __init__(self, networks):
        self.networks = networks

    def peak(self, servers, side, network):
        server = servers.fresh(side)
        try:
            server.ask({"do": "prepare", "id": "a", "case": {"kind": "trainStep", "operation": network}})
            server.ask({"do": "time", "id": "a", "runs": 5})
            return server.peak_bytes() / 2**20
        finally:
            server.close()

    def run(self, servers, progress):
        rows, missing, over = [], [], []
        for network in self.networks:
            progress(f"{self.name}: {network}")
            peaks = {}
            for side in (*cases.OURS, "torch"):
                try:
                    peaks[side] = self.peak(servers, side, network)
                except Failed as reason:
                    missing.append(f"{self.name}, {network}: {reason}")
            rows.append([network] + [_text(peaks.get(side), "{:.0f}") for side in (*cases.OURS, "torch")])
            over += [f"{network} on {side}" for side in cases.OURS if peaks.get(side, 0) > peaks.get("torch", float("inf"))]
        lines = _table(["network", "cpu MiB", "opencl MiB", "PyTorch MiB"], rows)
        return lines + ["", "- at most PyTorch's: " + ("**short** in " + "; ".join(over) if over else "held in every row")], missing


class Start:
    """The wall time of `martlet train mlp --data digits --steps 1`, with caches as an earlier run left them and with none."""
    name, title = "start", "From start to first step: `martlet train mlp --data digits --steps 1`"

    def seconds(self, servers, device, caches):
        program = servers.commands["cpu"][0]
        environment = servers.environment | {"XDG_CACHE_HOME": caches, "POCL_CACHE_DIR": os.path.join(caches, "pocl")}
        with tempfile.TemporaryDirectory() as folder:
            command = [program, "train", "mlp", "--data", "digits", "--steps", "1", "--device", device, "--out", folder + "/run"]
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            elapsed = time.perf_counter() - start
        if done.returncode:
            raise Failed(f"{' '.join(command)}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return elapsed

    def run(self, servers, progress):
        rows, missing, over = [], [], []
        for device in cases.OURS:
            progress(f"{self.name}: {device}")
            with tempfile.TemporaryDirectory() as caches:
                try:
                    cold = self.seconds(servers, device, caches)
                    warm = [self.seconds(servers, device, caches) for _ in range(7)]
                except Failed as reason:
                    missing.append(f"{self.name}: {reason}")
                    continue
            median = statistics.median(warm)
            rows.append([device, f"{cold:.2f}", f"{median:.3f} ({min(warm):.3f} to {max(warm):.3f})"])
            over += [f"{device} with {text}" for text, value, most in (("no caches", cold, 10), ("warm caches", median, 0.3))
                     if value > most]
        lines = _table(["device", "no caches, s", "warm caches, s"], rows)
        verdict = "**short** in " + "; ".join(over) if over else "held on every device"
        return lines + ["", f"- under 10 s with no caches and 0.3 s with warm ones: {verdict}"], missing
