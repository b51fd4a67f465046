"""Parameters after 1, 10 and 100 steps of every optimizer.

All optimizers start from the same two parameters and get the same stored gradients, which do not depend on the parameters:
noise around a slowly turning direction, with one element whose gradient is always 0 and two whose gradients are tiny, where
the place of epsilon shows. PyTorch computes in float64.

In the file: initial/0 and initial/1; gradients/0 and gradients/1, with the step as first axis; for each case C the
parameters C/step1/0, C/step1/1, C/step10/0 ... C/step100/1. The metadata entry `cases` is a JSON list of
{name, optimizer, options, clipNorm, clipValue}; clipping, where not null, comes before the step and clipNorm limits the norm
over both parameters.
"""

import math

import numpy as np
import torch

from golden import normal, save

SHAPES = ((7, 5), (11,))
STEPS = 100
KEPT = (1, 10, 100)

PYTORCH_NAMES = {"learningRate": "lr", "weightDecay": "weight_decay", "epsilon": "eps", "learningRateDecay": "lr_decay",
                 "initialSum": "initial_accumulator_value", "momentumDecay": "momentum_decay", "centred": "centered"}

CASES = [
    ("sgd", "SGD", {"learningRate": 0.01}),
    ("sgdWeightDecay", "SGD", {"learningRate": 0.01, "weightDecay": 0.05}),
    ("momentum", "SGD", {"learningRate": 0.01, "momentum": 0.9}),
    ("momentumDampened", "SGD", {"learningRate": 0.01, "momentum": 0.9, "dampening": 0.3}),
    ("momentumDampenedWeightDecay", "SGD", {"learningRate": 0.01, "momentum": 0.8, "dampening": 0.5, "weightDecay": 0.05}),
    ("nesterov", "SGD", {"learningRate": 0.01, "momentum": 0.9, "nesterov": True}),
    ("nesterovWeightDecay", "SGD", {"learningRate": 0.01, "momentum": 0.9, "nesterov": True, "weightDecay": 0.05}),
    ("adagrad", "Adagrad", {"learningRate": 0.05, "epsilon": 1e-10}),
    ("adagradDecaying", "Adagrad", {"learningRate": 0.05, "learningRateDecay": 0.02, "initialSum": 0.1,
                                    "epsilon": 1e-10}),
    ("adagradWeightDecay", "Adagrad", {"learningRate": 0.05, "weightDecay": 0.05, "epsilon": 1e-10}),
    ("rmsProp", "RMSprop", {"learningRate": 0.01, "smoothing": 0.99, "epsilon": 1e-8}),
    ("rmsPropWeightDecay", "RMSprop", {"learningRate": 0.01, "smoothing": 0.9, "epsilon": 1e-8, "weightDecay": 0.05}),
    ("rmsPropMomentum", "RMSprop", {"learningRate": 0.01, "smoothing": 0.99, "epsilon": 1e-8, "momentum": 0.9}),
    ("rmsPropCentred", "RMSprop", {"learningRate": 0.01, "smoothing": 0.95, "epsilon": 1e-6, "centred": True}),
    ("rmsPropCentredMomentum", "RMSprop", {"learningRate": 0.01, "smoothing": 0.95, "epsilon": 1e-6, "centred": True,
                                            "momentum": 0.8, "weightDecay": 0.05}),
    ("adadelta", "Adadelta", {"learningRate": 1.0, "smoothing": 0.9, "epsilon": 1e-6}),
    ("adadeltaWeightDecay", "Adadelta", {"learningRate": 0.5, "smoothing": 0.95, "epsilon": 1e-6, "weightDecay": 0.05}),
    ("adam", "Adam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
    ("adamWeightDecay", "Adam", {"learningRate": 0.01, "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6, "weightDecay": 0.05}),
    ("amsgrad", "Adam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "amsgrad": True}),
    ("amsgradWeightDecay", "Adam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "amsgrad": True,
                                    "weightDecay": 0.05}),
    ("adamW", "AdamW", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.05}),
    ("adamWPlain", "AdamW", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.0}),
    ("nadam", "NAdam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "momentumDecay": 0.004}),
    ("nadamWeightDecay", "NAdam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                                   "momentumDecay": 0.01, "weightDecay": 0.05}),
    ("radam", "RAdam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
    ("radamWeightDecay", "RAdam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weightDecay": 0.05}),
]
# Between the smallest and the largest norm and element, so that both sides of the limit occur.
CLIPPED = [
    ("sgdClippedNorm", "SGD", {"learningRate": 0.01}, 4.5, None),
    ("sgdClippedValue", "SGD", {"learningRate": 0.01}, None, 0.8),
    ("adamClippedNorm", "Adam", {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}, 4.5, None),
]


def gradients(generator):
    """One tensor a parameter, [steps, shape...]."""
    result = []
    for shape in SHAPES:
        direction, other = normal(generator, *shape), normal(generator, *shape)
        angles = [2 * math.pi * step / STEPS for step in range(STEPS)]
        result.append(torch.stack([
            0.5 * (math.cos(a) * direction + math.sin(a) * other) + normal(generator, *shape, deviation=0.5) for a in angles]))
    result[1][:, 0] = 0
    result[1][:, 1] *= 1e-5
    result[1][:, 2] *= 1e-8
    return result


def run(optimizer, options, initial, steps, clip_norm, clip_value):
    """The parameters after each step that is kept."""
    parameters = [torch.nn.Parameter(value.double()) for value in initial]
    names = PYTORCH_NAMES | {"smoothing": "rho" if optimizer == "Adadelta" else "alpha"}
    named = {names.get(key, key): value for key, value in options.items() if key not in ("beta1", "beta2")}
    if "beta1" in options:
        named["betas"] = (options["beta1"], options["beta2"])
    instance = getattr(torch.optim, optimizer)(parameters, **named)
    kept = {}
    for step in range(STEPS):
        for parameter, gradient in zip(parameters, steps):
            parameter.grad = gradient[step].double()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_(parameters, clip_value)
        instance.step()
        if step + 1 in KEPT:
            kept[step + 1] = [parameter.detach().numpy().astype(np.float32) for parameter in parameters]
    return kept


def write(path):
    generator = torch.Generator().manual_seed(5)
    initial, steps = [normal(generator, *shape) for shape in SHAPES], gradients(generator)
    norms = torch.cat([gradient.flatten(1) for gradient in steps], 1).norm(dim=1)
    assert norms.min() < 4.5 < norms.max()

    tensors = {f"initial/{index}": value.numpy() for index, value in enumerate(initial)}
    tensors |= {f"gradients/{index}": value.numpy() for index, value in enumerate(steps)}
    cases = []
    for name, optimizer, options, clip_norm, clip_value in [(*case, None, None) for case in CASES] + CLIPPED:
        for step, values in run(optimizer, options, initial, steps, clip_norm, clip_value).items():
            tensors |= {f"{name}/step{step}/{index}": value for index, value in enumerate(values)}
        cases.append({"name": name, "optimizer": optimizer, "options": options, "clipNorm": clip_norm,
                      "clipValue": clip_value})
    save(path, tensors, "cases", cases)
