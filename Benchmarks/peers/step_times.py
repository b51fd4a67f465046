"""Times PyTorch's training step for the networks that Martlet is compared on, and prints the medians as JSON.

A step is: zero the gradients, forward, cross-entropy, backward, plain SGD at 0.01, as PyTorch's users write it. The batch of
128 is the same in every step and already in memory, so that only the step is timed.
"""

import argparse
import json
import os
import statistics
import time

# OpenBLAS reads these when it is loaded; neither side of a comparison is to be steered through them.
for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(variable, None)

import torch
from torch import nn

BATCH = 128


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


def step_seconds(network, warmup, steps):
    """The seconds of every timed step."""
    torch.manual_seed(1)
    model, shape = NETWORKS[network]()
    images, labels = torch.randn(shape), torch.randint(0, 10, (BATCH,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()

    for _ in range(warmup):
        step()
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=[], help=f"of {', '.join(NETWORKS)}; by default all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=20, help="steps before those that are timed")
    parser.add_argument("--steps", type=int, default=200, help="timed steps")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.networks if name not in NETWORKS]:
        parser.error(f"no network named {unknown[0]}; there are {', '.join(NETWORKS)}")
    torch.set_num_threads(arguments.threads)

    results = []
    for network in arguments.networks or NETWORKS:
        times = step_seconds(network, arguments.warmup, arguments.steps)
        results.append({"name": f"train-step/{network}", "medianMs": 1e3 * statistics.median(times),
                        "minMs": 1e3 * min(times)})
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "batch": BATCH, "results": results}))


if __name__ == "__main__":
    main()
