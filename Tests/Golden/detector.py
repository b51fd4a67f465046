"""Writes `detector.safetensors`: what torchvision's `fasterrcnn_resnet50_fpn` finds in an image, with weights that follow from
the rule of `Benchmarks/peers/inputs.py` so that no file has to hold them.

Parameter i of two or more axes is uniform within the square root of 6 / (extent of all axes but the first) (seed 7, stream i),
weights of normalisations are 1 and biases 0, but the last normalisation of each residual block has the weight 0.2 and the
predictions' weights are scaled, so that nothing grows without bound: objectness by 0.2, shifts by 0.05, classes by 0.1.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn

from golden import HERE, save

sys.path.insert(0, str(HERE / "../../Benchmarks/peers"))
import inputs  # noqa: E402

SCALES = {"rpn.head.cls_logits.weight": 0.2, "rpn.head.bbox_pred.weight": 0.05, "roi_heads.box_predictor.bbox_pred.weight": 0.05,
          "roi_heads.box_predictor.cls_score.weight": 0.1}
# Without these one class would take all.
BIASES = [0.1, 1.1, -0.4, -3.0, 0.6]


def write(path):
    model = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=5, min_size=128, max_size=160,
                                    box_detections_per_img=40)
    with torch.no_grad():
        for index, (name, parameter) in enumerate(model.named_parameters()):
            value = torch.from_numpy(np.array(inputs.parameter(tuple(parameter.shape), name.endswith("bias"), index)))
            if ".bn3." in name and name.endswith("weight"):
                value = value * 0.2
            parameter.copy_(value * SCALES.get(name, 1))
        model.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor(BIASES))
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
