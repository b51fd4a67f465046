"""Writes `detector.safetensors`: what torchvision's `fasterrcnn_resnet50_fpn` finds in an image, with weights that follow from
the rule of `detector_parameter` in `Benchmarks/peers/inputs.py` so that no file has to hold them.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from golden import HERE, save

sys.path.insert(0, str(HERE / "../../Benchmarks/peers"))
import inputs  # noqa: E402


def write(path):
    model = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=5, min_size=128, max_size=160,
                                    box_detections_per_img=40)
    with torch.no_grad():
        for index, (name, parameter) in enumerate(model.named_parameters()):
            parameter.copy_(torch.from_numpy(inputs.detector_parameter(name, tuple(parameter.shape), index)))
        model.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor(inputs.DETECTOR_BIASES))
    model.eval()
    # Smooth blobs, so that the network has something to see: a grid of random numbers, enlarged.
    grid = torch.from_numpy(inputs.uniform((1, 3, 8, 10), 0, 1, 8, 0))
    image = torch.nn.functional.interpolate(grid, size=(128, 160), mode="bilinear")[0].clamp(0, 1)
    proposals = []
    model.rpn.register_forward_hook(lambda module, args, out: proposals.append(out[0][0]))
    with torch.no_grad():
        found = model([image])[0]
    gaps = found["scores"].diff().abs()
    print(f"{len(found['scores'])} found, scores {found['scores'][0]:.3f} to {found['scores'][-1]:.3f}, least gap {gaps.min():.1e},",
          f"{len(proposals[0])} proposals")
    tensors = {"image": image, "boxes": found["boxes"], "scores": found["scores"], "labels": found["labels"].int(),
               "proposals": proposals[0][:50]}
    names = [name for name, _ in model.named_parameters()]
    save(path, {name: np.ascontiguousarray(value.numpy()) for name, value in tensors.items()}, "parameters", names)


if __name__ == "__main__":
    write(Path(HERE) / "detector.safetensors")
