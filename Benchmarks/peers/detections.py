"""Compares what `martlet detect` finds in photos with what torchvision's `fasterrcnn_resnet50_fpn` finds, with the same random weights.

    python Benchmarks/peers/detections.py photo.jpg ... [--devices cpu,opencl]

The weights follow the rule of `inputs.detector_parameter` and go through a .pth file. Every box (over the longer side of the photo), score
and label must agree within 1e-3. Photos are looked at in their own size, so that no resizing stands between, or with `--short-side` as
torchvision brings them to a size. Needs torchvision.
"""

import argparse
import json
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from torchvision.models.detection import fasterrcnn_resnet50_fpn

import inputs

WITHIN = 1e-3


def network(side):
    model = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=5, min_size=side, max_size=1333).eval()
    with torch.no_grad():
        for index, (name, parameter) in enumerate(model.named_parameters()):
            parameter.copy_(torch.from_numpy(inputs.detector_parameter(name, tuple(parameter.shape), index)))
        model.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor(inputs.DETECTOR_BIASES))
    return model


def ours(martlet, device, weights, photo, side):
    command = [martlet, "detect", photo, "--model", "faster-rcnn", "--weights", weights, "--set", "backbone=resnet50", "--set",
               f"short_side={side}", "--score", "0", "--json", "--device", device]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)["detections"]
    return (np.array([d["box"] for d in found]), np.array([d["score"] for d in found]),
            np.array([int(d["label"].split()[-1]) for d in found]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program to compare")
    parser.add_argument("--devices", default="cpu,opencl")
    parser.add_argument("--short-side", type=int, help="what the shorter side is scaled to (default: the photo's own)")
    arguments = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for photo in arguments.photos:
            pixels = np.asarray(Image.open(photo).convert("RGB"))
            side = arguments.short_side or min(pixels.shape[:2])
            model = network(side)
            torch.save(model.state_dict(), f"{folder}/weights.pth")
            with torch.no_grad():
                wanted = model([torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255])[0]
            boxes, scores, labels = (wanted[name].numpy() for name in ("boxes", "scores", "labels"))
            for device in arguments.devices.split(","):
                found = ours(arguments.martlet, device, f"{folder}/weights.pth", photo, side)
                if len(found[1]) != len(scores) or not (found[2] == labels).all():
                    print(f"{photo}, {device}: {len(found[1])} found, torchvision finds {len(scores)}, or other labels")
                    worst = float("inf")
                    continue
                error = max(np.abs(found[0] - boxes).max() / max(pixels.shape[:2]), np.abs(found[1] - scores).max())
                print(f"{photo}, {device}: {len(scores)} found, scores {scores[0]:.3f} to {scores[-1]:.3f}, differ by {error:.1e}")
                worst = max(worst, error)
    print(f"the largest difference is {worst:.1e}, at most {WITHIN:.0e} wanted")
    return 0 if worst <= WITHIN else 1


if __name__ == "__main__":
    sys.exit(main())
