"""Element-by-element functions and activations. The inputs of functions defined everywhere reach far into both tails and
include zero, where the gradient is a matter of convention."""

import torch
from torch.nn import functional as F

from golden import normal

TAILS = torch.tensor([-30.0, -12.5, -6.0, -1.0, -1e-4, 0.0, 1e-4, 0.5, 1.0, 3.0, 6.0, 12.5, 30.0])


def add(cases):
    cases.family = "Pointwise"
    everywhere = {
        "relu": (F.relu, {}),
        "leakyReLU": (lambda x: F.leaky_relu(x, 0.2), {"slope": 0.2}),
        "elu": (lambda x: F.elu(x, 1.5), {"alpha": 1.5}),
        "gelu": (F.gelu, {"approximation": "none"}),
        "geluTanh": (lambda x: F.gelu(x, approximate="tanh"), {"approximation": "tanh"}),
        "silu": (F.silu, {}),
        "sigmoid": (torch.sigmoid, {}),
        "logSigmoid": (F.logsigmoid, {}),
        "tanh": (torch.tanh, {}),
        "softplus": (F.softplus, {}),
        "erf": (torch.erf, {}),
        "abs": (torch.abs, {}),
        "sign": (torch.sign, {}),
        "square": (torch.square, {}),
        "sin": (torch.sin, {}),
        "cos": (torch.cos, {}),
        "negate": (torch.neg, {}),
    }
    for name, (function, options) in everywhere.items():
        x = torch.cat([TAILS, normal(cases.generator(name), 24, deviation=2)])
        cases.add(name, name.replace("geluTanh", "gelu"), lambda x: {"y": function(x)}, {"x": x}, options)

    x = normal(cases.generator("exp"), 37, deviation=3)
    cases.add("exp", "exp", lambda x: {"y": torch.exp(x)}, {"x": x})
    cases.add("expm1", "expm1", lambda x: {"y": torch.expm1(x)}, {"x": x * 0.1})
    x = torch.cat([torch.tensor([1e-6, 1e-3, 1.0, 1e3]), normal(cases.generator("log"), 25).abs() + 0.05])
    for name, function in {"log": torch.log, "log1p": torch.log1p, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
                           "reciprocal": torch.reciprocal}.items():
        # A wide range would hide all but the largest gradient behind a tolerance relative to the maximum.
        cases.add(name, name, lambda x: {"y": function(x)}, {"x": x[2:]})
        cases.add(name + "Small", name, lambda x: {"y": function(x)}, {"x": x[:2]})

    x = normal(cases.generator("clamp"), 5, 7)
    cases.add("clamp", "clamp", lambda x: {"y": x.clamp(-0.75, 0.5)}, {"x": x}, {"low": -0.75, "high": 0.5})
    for exponent in (2.0, 3.0, -1.0):
        cases.add(f"power{exponent:g}", "power", lambda x: {"y": x**exponent}, {"x": x}, {"exponent": exponent})
    cases.add("power2.5", "power", lambda x: {"y": x**2.5}, {"x": x.abs() + 0.1}, {"exponent": 2.5})

    binary = {"add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div,
              "maximum": torch.maximum, "minimum": torch.minimum, "power": torch.pow}
    shapes = {"": ((3, 5), (3, 5)), "Row": ((4, 1, 7), (7,)), "Column": ((3, 1), (3, 5)), "Both": ((2, 1, 3, 1), (5, 1, 4)),
              "Scalar": ((3, 5), ())}
    for name, function in binary.items():
        for suffix, (left, right) in shapes.items():
            case = f"{name}{suffix or 'Same'}"
            generator = cases.generator(case)
            a, b = normal(generator, *left), normal(generator, *right)
            if name == "divide":
                b = b.sign() * (b.abs() + 0.2)
            if name == "power":
                a = a.abs() + 0.1
            cases.add(case, name, lambda a, b: {"y": function(a, b)}, {"a": a, "b": b})

    generator = cases.generator("where")
    condition = torch.tensor([[1], [0], [1]], dtype=torch.int32)
    a, b = normal(generator, 3, 5), normal(generator, 5)
    cases.add("where", "where", lambda c, a, b: {"y": torch.where(c != 0, a, b)}, {"condition": condition, "a": a, "b": b})
