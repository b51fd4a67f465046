"""Writes all golden files beside this script. Run it as `make golden`."""

import argparse
import warnings
from pathlib import Path

import torch

import coco
import detector
import layers
import linear
import losses
import models
import optimizers
import pointwise
import recurrent
import region
import schedules
import selection
import textmodels
import trajectories
import transformers
from golden import HERE, Cases


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", type=Path, help="digits.csv or digits.csv.gz; by default the one in the sources")
    arguments = parser.parse_args()
    digits = arguments.digits or next(iter(sorted((HERE / "../../Sources").resolve().glob("**/digits.csv*"))), None)
    if digits is None:
        parser.error("no digits.csv or digits.csv.gz in the sources; name it with --digits FILE")

    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    warnings.filterwarnings("error")
    warnings.filterwarnings("ignore", message="enable_nested_tensor is True")
    warnings.filterwarnings("ignore", message="reduction: 'mean' divides the total loss by both")

    ops = Cases()
    for family in (pointwise, linear, layers, selection):
        family.add(ops)
    ops.write(HERE / "ops.safetensors")
    losses.write(HERE / "losses.safetensors")
    optimizers.write(HERE / "optimizers.safetensors")
    schedules.write(HERE / "schedules.json")
    trajectories.write(HERE, digits)
    models.write(HERE / "models.safetensors")
    textmodels.write(HERE / "textmodels.safetensors")
    recurrent.write(HERE / "recurrent.safetensors")
    region.write(HERE / "region.safetensors")
    coco.write(HERE / "coco.json")
    detector.write(HERE / "detector.safetensors")
    transformers.write(HERE / "transformers.safetensors")


if __name__ == "__main__":
    main()
