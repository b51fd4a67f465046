"""Losses of the first 50 steps of LeNet and a multi-layer perceptron on the digits, from stored weights.

Cross-entropy, plain SGD at 0.01, batches of 32, PyTorch in float32. Pixels are divided by 16; LeNet's images are enlarged
to 28 x 28, bilinear without aligned corners. In lenet.safetensors and mlp.safetensors: initial/NAME for every parameter,
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


def train(path, model, images, labels):
    # He's weights, so that 50 steps move the losses by far more than the tolerance (PyTorch's own start them at a crawl).
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
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
    save(path, tensors, "options", {"batch": BATCH, "learningRate": LEARNING_RATE, "steps": STEPS})


def write(folder, digits):
    images, labels = read_digits(digits)
    torch.manual_seed(3)
    train(folder / "mlp.safetensors", mlp(), images.flatten(1), labels)
    enlarged = F.interpolate(images[:, None], size=(28, 28), mode="bilinear", align_corners=False)
    train(folder / "lenet.safetensors", lenet(), enlarged, labels)
