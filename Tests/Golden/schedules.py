"""Learning rates of every schedule over 60 steps.

The file is a JSON list of {name, schedule, baseLearningRate, options, rates}; rates[i] is the learning rate of step i,
counted from 0, and there are 61 of them. For reduce-on-plateau `metrics` holds what was reported after each step.
A minimum is a learning rate, a gamma a factor.
"""

import json
import math

import torch
from torch.optim import lr_scheduler

STEPS = 60


def rates(base, make, metrics=None):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = make(optimizer)
    result = [optimizer.param_groups[0]["lr"]]
    for step in range(STEPS):
        optimizer.step()
        if metrics is None:
            scheduler.step()
        else:
            scheduler.step(metrics[step])
        result.append(float(optimizer.param_groups[0]["lr"]))
    return result


def noam(width, warmup, factor):
    """Vaswani et al., "Attention is all you need", 2017, section 5.3; its steps count from 1."""
    return [factor * width**-0.5 * min(step**-0.5, step * warmup**-1.5) for step in range(1, STEPS + 2)]


def plateau_metrics():
    """Falls, stalls with noise, falls again, stalls."""
    level = [1.0 - 0.05 * min(step, 10) - 0.05 * max(0, min(step - 30, 5)) for step in range(STEPS)]
    return [round(value + 0.001 * math.sin(7 * step), 6) for step, value in enumerate(level)]


def write(path):
    result = []

    def add(name, schedule, base, options, make, metrics=None):
        result.append({"name": name, "schedule": schedule, "baseLearningRate": base, "options": options,
                       "rates": rates(base, make, metrics)} | ({"metrics": metrics} if metrics else {}))

    add("constant", "constant", 0.1, {}, lambda o: lr_scheduler.ConstantLR(o, factor=1))
    add("step", "step", 0.1, {"stepSize": 7, "gamma": 0.5}, lambda o: lr_scheduler.StepLR(o, 7, 0.5))
    add("multiStep", "multiStep", 0.1, {"milestones": [5, 20, 21, 50], "gamma": 0.3},
        lambda o: lr_scheduler.MultiStepLR(o, [5, 20, 21, 50], 0.3))
    add("exponential", "exponential", 0.1, {"gamma": 0.93}, lambda o: lr_scheduler.ExponentialLR(o, 0.93))
    add("cosine", "cosine", 0.1, {"steps": 60, "minimum": 0}, lambda o: lr_scheduler.CosineAnnealingLR(o, 60))
    add("cosineMinimum", "cosine", 0.1, {"steps": 60, "minimum": 0.01},
        lambda o: lr_scheduler.CosineAnnealingLR(o, 60, 0.01))
    add("cosineRestarts", "cosineRestarts", 0.1, {"period": 13, "multiplier": 1, "minimum": 0.001},
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 13, 1, 0.001))
    add("cosineRestartsLonger", "cosineRestarts", 0.1, {"period": 8, "multiplier": 2, "minimum": 0},
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 8, 2))
    add("linearWarmUp", "linearWarmUp", 0.1, {"startFactor": 0.25, "endFactor": 1, "steps": 20},
        lambda o: lr_scheduler.LinearLR(o, 0.25, 1, 20))
    for anneal in ("cos", "linear"):
        options = {"maximum": 0.2, "steps": 61, "risingShare": 0.3, "divisor": 25, "finalDivisor": 1e4,
                   "linear": anneal == "linear"}
        add(f"oneCycle{anneal.capitalize()}", "oneCycle", 0.2 / 25, options, lambda o: lr_scheduler.OneCycleLR(
            o, 0.2, total_steps=61, pct_start=0.3, anneal_strategy=anneal, cycle_momentum=False, div_factor=25,
            final_div_factor=1e4))
    metrics = plateau_metrics()
    for name, options in {
        "plateau": {"mode": "min", "gamma": 0.5, "patience": 4, "threshold": 1e-3, "cooldown": 0, "minimum": 0},
        "plateauCooldown": {"mode": "min", "gamma": 0.1, "patience": 3, "threshold": 1e-2, "cooldown": 5, "minimum": 2e-3},
        "plateauMaximum": {"mode": "max", "gamma": 0.5, "patience": 6, "threshold": 1e-3, "cooldown": 2, "minimum": 0},
    }.items():
        reported = [round(1 - value, 6) for value in metrics] if options["mode"] == "max" else metrics
        add(name, "reduceOnPlateau", 0.1, options, lambda o: lr_scheduler.ReduceLROnPlateau(
            o, options["mode"], options["gamma"], options["patience"], options["threshold"], "rel",
            options["cooldown"], options["minimum"]), reported)
    options = {"width": 512, "warmUpSteps": 20, "factor": 2}
    result.append({"name": "noam", "schedule": "inverseSquareRoot", "baseLearningRate": None, "options": options,
                   "rates": noam(512, 20, 2)})

    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(entry) for entry in result) + "\n]\n")
    print(f"{path.name}: {len(result)} schedules, {path.stat().st_size:,} bytes")
