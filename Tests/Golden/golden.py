"""Cases of golden values and the files that hold them.

A case is one call of an op: its inputs, options, outputs, a gradient that comes from above (`up`) and the gradients of the
inputs that follow from it. PyTorch computes them in float64 from float32 inputs and they are rounded once, so that the file
holds the exact answer as far as float32 can. In the file the tensors of case C are C/in0, C/out0, C/up0, C/grad0 and so on;
the metadata entry `cases` is a JSON list of {name, family, op, inputs, outputs, options}.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

HERE = Path(__file__).parent


def normal(generator, *shape, mean=0.0, deviation=1.0):
    """Normal numbers that float32 holds exactly."""
    return (torch.randn(shape, generator=generator) * deviation + mean).float()


class Cases:
    """Collects cases and writes them as one file."""

    def __init__(self, family=None):
        self.family = family
        self.tensors = {}
        self.cases = []

    def generator(self, name):
        """Random numbers that depend on the case's name alone, so that a new case leaves the others as they were."""
        return torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def add(self, name, op, function, inputs, options=None, gradients=None):
        """Adds a case.

        inputs: name to tensor, in order; floating ones get a gradient, or only those named in `gradients`.
        function: takes the inputs in order, floating ones as float64, and returns name to tensor.
        """
        assert all(case["name"] != name for case in self.cases), f"two cases are named {name}"
        differentiable = [key for key, value in inputs.items()
                          if value.is_floating_point() and (gradients is None or key in gradients)]
        arguments = {key: value.double() if value.is_floating_point() else value for key, value in inputs.items()}
        for key in differentiable:
            arguments[key].requires_grad_(True)
        outputs = function(*arguments.values())

        for index, value in enumerate(inputs.values()):
            self.store(f"{name}/in{index}", value)
        total, generator = 0, self.generator(name + "/up")
        for index, value in enumerate(outputs.values()):
            self.store(f"{name}/out{index}", value)
            if value.requires_grad:
                up = normal(generator, *value.shape)
                self.store(f"{name}/up{index}", up)
                total = total + (value * up.double()).sum()
        if isinstance(total, torch.Tensor):
            total.backward()
            for index, key in enumerate(inputs):
                if arguments[key].grad is not None:
                    self.store(f"{name}/grad{index}", arguments[key].grad)
        self.cases.append({"name": name, "family": self.family, "op": op, "inputs": list(inputs), "outputs": list(outputs),
                           "options": options or {}})

    def store(self, key, value):
        array = value.detach().numpy()
        array = array.astype(np.float32 if value.is_floating_point() else np.int32)
        assert np.isfinite(array).all(), f"{key} is not finite"
        self.tensors[key] = np.ascontiguousarray(array)

    def write(self, path):
        save(path, self.tensors, "cases", self.cases)


def save(path, tensors, key, value):
    """Writes tensors with one entry of metadata; the order of several would differ from run to run."""
    save_file(tensors, path, metadata={key: json.dumps(value)})
    Path(path).chmod(0o644)
    print(f"{Path(path).name}: {len(tensors)} tensors, {Path(path).stat().st_size:,} bytes")
