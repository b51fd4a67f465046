"""The processes that time cases on request: Martlet's devices and the peers."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


class Failed(Exception):
    """Why a side gave no figure, in one line."""


class Server:
    """A process that speaks the protocol of `martlet bench --serve`."""

    def __init__(self, name, command, environment):
        self.name = name
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                            text=True, env=environment)
        except OSError as error:
            raise Failed(f"{name}: {error}") from None
        self.about = self.ask({"do": "about"})

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            reason = self.process.stderr.read().strip().splitlines() or ["nothing on standard error"]
            raise Failed(f"{self.name} ended: {reason[-1]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name}: {answer['error']}")
        return answer

    def busy(self):
        """Processor seconds of the process, all its threads and ended children."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self):
        """The largest resident size so far."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Servers:
    """Starts each server when it is first needed."""

    def __init__(self, martlet, threads, clblast, environment, torch_device="cpu"):
        script = [sys.executable, "-B"]
        peer = {name: script + [HERE / f"peer_{name}.py"] for name in ("torch", "tinygrad", "openblas", "clblast")}
        self.commands = {
            "cpu": [martlet, "bench", "--serve", "--device", "cpu", "--threads", str(threads)],
            "opencl": [martlet, "bench", "--serve", "--device", "opencl"],
            "torch": peer["torch"] + ["--threads", str(threads), "--device", torch_device],
            "tinygrad": peer["tinygrad"],
            "openblas": peer["openblas"] + ["--threads", str(threads)],
            "clblast": peer["clblast"] + ["--library", clblast],
        }
        # tinygrad's LLVM renderer made the faster kernels, by about a tenth over its C one.
        self.environment = environment | {"POCL_MAX_PTHREAD_COUNT": str(threads), "NUM_CPU_THREADS": str(threads),
                                          "DEV": "CPU:LLVM"}
        self.running, self.missing = {}, {}

    def __getitem__(self, name):
        if name in self.missing:
            raise Failed(self.missing[name])
        if name not in self.running:
            try:
                self.running[name] = self.fresh(name)
            except Failed as reason:
                self.missing[name] = str(reason)
                raise
        return self.running[name]

    def fresh(self, name):
        """A server of its own, which the caller closes."""
        return Server(name, self.commands[name], self.environment)

    def drop(self, name):
        """Ends a server; the next use starts it anew."""
        if server := self.running.pop(name, None):
            server.close()

    def busy(self):
        """Processor seconds of all servers and of this process."""
        return sum(server.busy() for server in self.running.values()) + time.process_time()

    def close(self):
        for name in list(self.running):
            self.drop(name)
