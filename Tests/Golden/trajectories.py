"""Losses of the first 50 steps of LeNet and a multi-layer perceptron on the digits, from stored weights.

Cross-entropy, plain SGD at 0.01, batches of 32, PyTorch in float32. Pixels are divided by 16; LeNet's images are enlarged
to 28 x 28 exactly: each pixel becomes 3 x 3, with a border of 2 zeros. LeNet's seed is one with which no position of a
pooling window and no unit's sign hangs on the last bits within 50 steps: weights disturbed by 1e-6 give the same losses
within 1e-4, so that a difference of 1e-3 is a mistake and not a matter of rounding. In lenet.safetensors and mlp.safetensors: initial/NAME for every parameter,
rows [50, 32] (the batches as rows of the digits in file order), labels [50, 32] (to find out that the order differs before
losses do), losses [50], and final/NAME for the smaller parameters.
"""

import csv
import gzip
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden import save

STEPS, BATCH, LEARNING_RATE = 50, 32, 0.01


def read_digits(path):
    """Images [rows, 8, 8] of 0 to 1 and labels [rows], from a file with 64 pixels of 0 to 16 and the label in a row."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="") as file:
        rows = np.array([[float(field) for field in row] for row in csv.reader(file) if row])
    if rows.ndim != 2 or rows.shape[1] != 65:
        raise SystemExit(f"{path}: rows of 65 numbers expected, got an array of {rows.shape}")
    return torch.from_numpy(rows[:, :64] / 16).float().reshape(-1, 8, 8), torch.from_numpy(rows[:, 64]).long()


def lenet():
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 6, 5, padding=2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 16, 5), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2), flatten=nn.Flatten(),
        fc1=nn.Linear(400, 120), relu3=nn.ReLU(), fc2=nn.Linear(120, 84), relu4=nn.ReLU(), fc3=nn.Linear(84, 10)))


def mlp():
    return nn.Sequential(OrderedDict(
        fc1=nn.Linear(64, 48), relu1=nn.ReLU(), fc2=nn.Linear(48, 32), relu2=nn.ReLU(), fc3=nn.Linear(32, 10)))


def trajectory(model, images, labels, disturbance=0.0):
    # He's weights, so that 50 steps move the losses by far more than the tolerance (PyTorch's own start them at a crawl).
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    if disturbance:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter *= 1 + disturbance * torch.randn(parameter.shape)
    tensors = {f"initial/{name}": value.detach().numpy().copy() for name, value in model.named_parameters()}
    generator = torch.Generator().manual_seed(11)
    order = torch.cat([torch.randperm(len(images), generator=generator) for _ in range(2)])
    rows = order[:STEPS * BATCH].reshape(STEPS, BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for batch in rows:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    tensors |= {"rows": rows.numpy().astype(np.int32), "labels": labels[rows].numpy().astype(np.int32),
                "losses": np.array(losses, dtype=np.float32)}
    tensors |= {f"final/{name}": value.detach().numpy() for name, value in model.named_parameters() if value.numel() < 5000}
    return tensors


def is_steady(seed, make, images, labels):
    """Whether rounding cannot matter: losses from slightly disturbed weights stay close."""
    torch.manual_seed(seed)
    losses = trajectory(make(), images, labels)["losses"]
    for _ in range(4):
        torch.manual_seed(seed)
        disturbed = trajectory(make(), images, labels, 1e-6)["losses"]
        if (abs(disturbed - losses) > 1e-4 * losses).any():
            return False
    return True


def train(path, seed, make, images, labels):
    torch.manual_seed(seed)
    save(path, trajectory(make(), images, labels), "options", {"batch": BATCH, "learningRate": LEARNING_RATE, "steps": STEPS})


def write(folder, digits):
    images, labels = read_digits(digits)
    train(folder / "mlp.safetensors", 3, mlp, images.flatten(1), labels)
    enlarged = F.pad(images[:, None].repeat_interleave(3, 2).repeat_interleave(3, 3), (2, 2, 2, 2))
    seed = next(seed for seed in range(3, 100) if is_steady(seed, lenet, enlarged, labels))
    train(folder / "lenet.safetensors", seed, lenet, enlarged, labels)
