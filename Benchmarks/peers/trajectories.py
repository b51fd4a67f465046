"""Trains AlexNet and ResNet-18 from one start on the same batches with Martlet and with PyTorch, and says how far apart they are.

    python Benchmarks/peers/trajectories.py ../shared/data/mnist --martlet .build/release/martlet

MNIST's digits are resized to 64 x 64 by PIL and written anew as IDX files, which both sides read. The start is PyTorch's, carried over
as .safetensors; the order is that of the files, nothing is dropped or varied. The first step's gradients come from a step of plain
descent with the rate RATE: (before - after) / RATE. Over the steps that follow, Martlet's distance from PyTorch stands beside PyTorch's
distance from itself with oneDNN on and off, which is what two right ways to round come to.
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

SIZE, BATCH, RATE = 64, 16, 64.0
MODELS = {"alexnet": (torchvision.models.alexnet, {"dropout": 0.0}, 0.01), "resnet18": (torchvision.models.resnet18, {}, 0.01)}


def read_idx(path):
    data = gzip.decompress(path.read_bytes())
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4:4 + 4 * dimensions])
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_idx(path, values):
    path.write_bytes(struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes())


def prepare(source, folder, count):
    """The first digits in their larger size, and a few more to validate on, which the program wants."""
    images = read_idx(source / "train-images-idx3-ubyte.gz")[:count + BATCH]
    labels = read_idx(source / "train-labels-idx1-ubyte.gz")[:count + BATCH]
    large = numpy.stack([numpy.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.BILINEAR)) for image in images])
    for part, rows in (("train", slice(0, count)), ("t10k", slice(count, None))):
        write_idx(folder / f"{part}-images-idx3-ubyte", large[rows])
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels[rows])
    return torch.from_numpy(large[:count]).float().div(255).unsqueeze(1), torch.from_numpy(labels[:count]).long()


def network(name):
    """The network for one channel and ten classes, from a seed."""
    make, options, _ = MODELS[name]
    torch.manual_seed(7)
    model = make(weights=None, num_classes=10, **options)
    first = model.features[0] if name == "alexnet" else model.conv1
    grey = torch.nn.Conv2d(1, first.out_channels, first.kernel_size, first.stride, first.padding, bias=first.bias is not None)
    if name == "alexnet":
        model.features[0] = grey
    else:
        model.conv1 = grey
    return model


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
        images, labels = prepare(arguments.mnist, folder, arguments.steps * BATCH)
        for name in arguments.models.split(","):
            rate = MODELS[name][2]
            start = network(name).state_dict()
            path = str(folder / f"{name}.safetensors")
            save_file({key: value.contiguous() for key, value in start.items() if not key.endswith("num_batches_tracked")}, path)
            first = train_torch(name, start, images, labels, 1, RATE, 0)
            losses, end = train_torch(name, start, images, labels, arguments.steps, rate, 0.9)
            plain, plain_end = train_torch(name, start, images, labels, arguments.steps, rate, 0.9, onednn=False)
            own = max(abs(a - b) for a, b in zip(losses, plain)), distance(plain_end, end)
            print(f"{name}: PyTorch's loss goes from {losses[0]:.4f} to {losses[-1]:.4f}; with oneDNN off it differs by at most "
                  f"{own[0]:.2e}, the parameters after {arguments.steps} steps by {own[1]:.2e}", flush=True)
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
