"""Times PyTorch's training step for the networks that Martlet is compared on, and prints the medians as JSON.

A step is: zero the gradients, forward, cross-entropy, backward, plain SGD at 0.01. The batch of 128 is the same every step
and already in memory, so that only the step is timed. `--optimizer best` also tries SGD's `fused` and `foreach` forms and
reports the fastest, so that the peer is shown at its best.

Run on its own, or by compare.py as a worker (`--serve`): then it reads a network's name a line and answers each with the
seconds of its timed steps, as one JSON array a line.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time

THREADS = 2
BATCH = 128
# OpenBLAS and libgomp read these at load time; neither side of a comparison is to be tuned through them.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import torch
from torch import nn


def mlp():
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return model, (BATCH, 784)


def lenet():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    return model, (BATCH, 1, 28, 28)


NETWORKS = {"mlp": mlp, "lenet": lenet}


class Step:
    """One network with its data and optimizer; calling it trains one step."""

    def __init__(self, network, **sgd):
        torch.manual_seed(1)
        self.model, shape = NETWORKS[network]()
        self.images = torch.randn(shape)
        self.labels = torch.randint(0, 10, (BATCH,))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, **sgd)

    def __call__(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.model(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def seconds(self, warmup, steps):
        for _ in range(warmup):
            self()
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            self()
            times.append(time.perf_counter() - start)
        return times


def machine():
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            processor = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"processor": processor, "cores": os.cpu_count(), "system": platform.platform()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--optimizer", choices=["plain", "best"], default="plain")
    parser.add_argument("--serve", action="store_true", help="answer the names on standard input with times")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    forms = {"default": {}}
    if arguments.optimizer == "best":
        forms |= {"fused": {"fused": True}, "foreach": {"foreach": True}}
    steps = {network: {form: Step(network, **options) for form, options in forms.items()} for network in NETWORKS}

    if arguments.serve:
        for line in sys.stdin:
            trials = [step.seconds(arguments.warmup, arguments.steps) for step in steps[line.strip()].values()]
            print(json.dumps(min(trials, key=statistics.median)), flush=True)
        return

    results = []
    for network, trials in steps.items():
        for form, step in trials.items():
            times = step.seconds(arguments.warmup, arguments.steps)
            results.append({"name": f"train-step/{network}", "sgd": form, "medianMs": 1e3 * statistics.median(times),
                            "minMs": 1e3 * min(times)})
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "batch": BATCH,
                      "machine": machine(), "results": results}, indent=2))


if __name__ == "__main__":
    main()
