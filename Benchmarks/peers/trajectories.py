"""Trains AlexNet and ResNet-18 from one start on the same batches with Martlet and with PyTorch, and says how far apart they are.

    python Benchmarks/peers/trajectories.py ../shared/data/mnist --martlet .build/release/martlet

MNIST's digits are resized by PIL and written anew as IDX files, which both sides read. The start is PyTorch's, carried over as
.safetensors; the order is that of the files, nothing is dropped or varied. The first step's gradients come from a step of plain descent
with the rate RATE: (before - after) / RATE. Over the steps that follow, Martlet's distance from PyTorch stands beside PyTorch's distance
from itself with oneDNN on and off, which is what two right ways to round come to.

Of a million numbers that go through ReLUs a few lie so close to 0 that rounding decides their sign, and with it a hundredth of a
gradient: PyTorch's own with oneDNN off is then that far from its float64. So the start's seed is the first for which float64 keeps all
numbers of the first step further than MARGIN of their layer's deviation from 0.
"""

import argparse
import gzip
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file

BATCH, RATE, MARGIN = 16, 4.0, 2e-6
# Maker, its options, the images' size and the learning rate.
MODELS = {"alexnet": (torchvision.models.alexnet, {"dropout": 0.0}, 64, 0.01), "resnet18": (torchvision.models.resnet18, {}, 32, 0.01)}


def read_idx(path):
    data = gzip.decompress(path.read_bytes())
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4:4 + 4 * dimensions])
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_idx(path, values):
    path.write_bytes(struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes())


def prepare(source, folder, count, size):
    """The first digits in their larger size, and a few more to validate on, which the program wants."""
    images = read_idx(source / "train-images-idx3-ubyte.gz")[:count + BATCH]
    labels = read_idx(source / "train-labels-idx1-ubyte.gz")[:count + BATCH]
    large = numpy.stack([numpy.asarray(Image.fromarray(image).resize((size, size), Image.BILINEAR)) for image in images])
    for part, rows in (("train", slice(0, count)), ("t10k", slice(count, None))):
        write_idx(folder / f"{part}-images-idx3-ubyte", large[rows])
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels[rows])
    return torch.from_numpy(large[:count]).float().div(255).unsqueeze(1), torch.from_numpy(labels[:count]).long()


def network(name, seed=0):
    """The network for one channel and ten classes, from a seed."""
    make, options, _, _ = MODELS[name]
    torch.manual_seed(seed)
    model = make(weights=None, num_classes=10, **options)
    first = model.features[0] if name == "alexnet" else model.conv1
    grey = torch.nn.Conv2d(1, first.out_channels, first.kernel_size, first.stride, first.padding, bias=first.bias is not None)
    if name == "alexnet":
        model.features[0] = grey
    else:
        model.conv1 = grey
    return model


def margin(name, start, images):
    """How near to 0 numbers come that a ReLU is given, over the deviation of all that it is given."""
    model = network(name)
    model.load_state_dict(start)
    model.train().double()
    found = []
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
            module.register_forward_hook(lambda _, inputs, __: found.append((inputs[0].abs().min() / inputs[0].std()).item()))
    with torch.no_grad():
        model(images.double())
    return min(found)


def steady_start(name, images):
    """The seed and the weights of the first start whose first step rounding cannot turn."""
    for seed in range(1000):
        start = network(name, seed).state_dict()
        if margin(name, start, images[:BATCH]) > MARGIN:
            return seed, start
    raise SystemExit(f"trajectories: no start of {name} keeps its margin")


def train_torch(name, start, images, labels, steps, rate, momentum, onednn=True):
    """The losses of the steps, and the state after them."""
    model = network(name)
    model.load_state_dict(start)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=momentum)
    losses = []
    with torch.backends.mkldnn.flags(enabled=onednn):
        for step in range(steps):
            rows = slice(step * BATCH, (step + 1) * BATCH)
            loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, {key: value.detach().clone() for key, value in model.state_dict().items()}


def train_martlet(program, name, device, folder, start, steps, rate, optimizer, out):
    command = [program, "train", name, "--device", device, "--data", f"mnist:{folder}", "--weights", start, "--steps", str(steps),
               "--batch-size", str(BATCH), "--optimizer", optimizer, "--learning-rate", str(rate), "--schedule", "constant",
               "--no-shuffle", "--log-every", "1", "--json", "--out", out]
    if name == "alexnet":
        command += ["--set", "dropout=0"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return [row["trainLoss"] for row in rows if "trainLoss" in row], load_file(f"{out}/last.safetensors")


def distance(a, b):
    """Of two states: the norm of the difference of all parameters over the norm of the second."""
    keys = [key for key in b if key in a and not key.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    difference = sum((a[key].double() - b[key].double()).square().sum() for key in keys)
    return (difference / sum(b[key].double().square().sum() for key in keys)).sqrt().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path, help="the folder with MNIST's four files")
    parser.add_argument("--martlet", default=".build/release/martlet")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--devices", default="cpu,opencl")
    parser.add_argument("--models", default=",".join(MODELS))
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in arguments.models.split(","):
            size, rate = MODELS[name][2:]
            images, labels = prepare(arguments.mnist, folder, arguments.steps * BATCH, size)
            seed, start = steady_start(name, images)
            path = str(folder / f"{name}.safetensors")
            save_file({key: value.contiguous() for key, value in start.items() if not key.endswith("num_batches_tracked")}, path)
            first = train_torch(name, start, images, labels, 1, RATE, 0)
            losses, end = train_torch(name, start, images, labels, arguments.steps, rate, 0.9)
            plain, plain_end = train_torch(name, start, images, labels, arguments.steps, rate, 0.9, onednn=False)
            own = max(abs(a - b) for a, b in zip(losses, plain)), distance(plain_end, end)
            print(f"{name} of {size} x {size} digits from seed {seed}: PyTorch's loss goes from {losses[0]:.4f} to {losses[-1]:.4f}; "
                  f"with oneDNN off it differs by at most {own[0]:.2e}, the parameters after {arguments.steps} steps by {own[1]:.2e}",
                  flush=True)
            for device in arguments.devices.split(","):
                def run(steps, rate, optimizer, out):
                    return train_martlet(arguments.martlet, name, device, folder, path, steps, rate, optimizer, str(folder / out))

                found, state = run(1, RATE, "sgd", f"{name}-{device}-1")
                loss = abs(found[0] - first[0][0]) / abs(first[0][0])
                gradients = {key: max(((state[key] - first[1][key]).abs().max() / (start[key] - first[1][key]).abs().max()).item(), 0)
                             for key in state if not key.endswith(("running_mean", "running_var"))}
                worst = max(gradients, key=gradients.get)
                found, state = run(arguments.steps, rate, "momentum", f"{name}-{device}")
                ours = max(abs(a - b) for a, b in zip(found, losses)), distance(state, end)
                right = loss <= 1e-4 and gradients[worst] <= 1e-4 and ours[0] <= 2 * own[0] and ours[1] <= 2 * own[1]
                failed |= not right
                print(f"{name} on {device}: first loss within {loss:.1e}, gradients within {gradients[worst]:.1e} ({worst}); over "
                      f"{arguments.steps} steps losses within {ours[0]:.2e} ({ours[0] / own[0]:.2f} times), parameters {ours[1]:.2e} "
                      f"({ours[1] / own[1]:.2f} times): {'as it should be' if right else 'TOO FAR'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
