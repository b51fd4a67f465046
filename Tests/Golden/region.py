"""Writes `region.safetensors`: region pooling and alignment with their gradients, suppression, and the arithmetic on boxes, as
torchvision computes them in float32 (where a coordinate is rounded to whole elements, float64 would round others).

Boxes lie inside the map, across its border and outside; some have no area, exchanged corners, or corners on halves.
"""

import torch
import torchvision
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from golden import Cases


class Float32Cases(Cases):
    def add(self, name, op, function, inputs, options=None, gradients=()):
        arguments = {key: value.clone().requires_grad_(key in gradients) for key, value in inputs.items()}
        outputs = function(*arguments.values())
        for index, value in enumerate(inputs.values()):
            self.store(f"{name}/in{index}", value)
        for index, value in enumerate(outputs.values()):
            self.store(f"{name}/out{index}", value)
        if gradients:
            y = next(iter(outputs.values()))
            up = torch.randn(y.shape, generator=self.generator(name + "/up"))
            self.store(f"{name}/up0", up)
            (y * up).sum().backward()
            for index, key in enumerate(inputs):
                if key in gradients:
                    self.store(f"{name}/grad{index}", arguments[key].grad)
        self.cases.append({"name": name, "family": "Region", "op": op, "inputs": list(inputs), "outputs": list(outputs),
                           "options": options or {}})


def regions(generator, count, images, height, width, odd):
    box = torch.rand(count, 4, generator=generator) * torch.tensor([width, height, width, height]) * 1.5
    box -= torch.tensor([width, height, width, height]) * 0.2
    low, high = torch.minimum(box[:, :2], box[:, 2:]), torch.maximum(box[:, :2], box[:, 2:])
    box = torch.cat([low, high], 1)
    box[::4] = (box[::4] / 8).round() * 8 + 4          # corners on halves once scaled by an eighth
    if odd:
        box[1::7, 2:] = box[1::7, :2]                   # no area
        box[2::7] = box[2::7][:, [2, 3, 0, 1]]          # exchanged corners
    else:
        box[:, 2:] = torch.maximum(box[:, 2:], box[:, :2] + 9)
    box[3] += 10 * width                                # far outside
    image = torch.randint(0, images, (count, 1), generator=generator).float()
    return torch.cat([image, box], 1)


def crowd(generator, count, extent):
    corner = torch.rand(count, 2, generator=generator) * extent
    box = torch.cat([corner, corner + torch.rand(count, 2, generator=generator) * 30], 1)
    box[1::9] = box[::9][: len(box[1::9])]              # the same boxes again
    box[2::11, 2] = box[2::11, 0]                       # no area
    box[3::13] = box[3::13].round()
    return box


def in_order(kept, scores):
    """By decreasing score, equal ones in order, which batched_nms leaves open."""
    kept = kept.sort()[0]
    return kept[scores[kept].sort(descending=True, stable=True)[1]]


def write(path):
    cases = Float32Cases("Region")
    for name, size, ratio, aligned in [("a", (7, 7), 2, False), ("b", (3, 5), 0, False), ("c", (2, 4), -1, True), ("d", (4, 1), 3, True)]:
        generator = cases.generator("region" + name)
        scale = 0.125
        x = torch.randn(2, 5, 13, 17, generator=generator)
        x[0, 0] = (x[0, 0] * 2).round()                 # equal elements
        # torchvision's own gradient of aligned boxes without samples is NaN.
        boxes = regions(generator, 15, 2, 13 / scale, 17 / scale, odd=not aligned or ratio > 0)
        options = {"size": list(size), "scale": scale, "ratio": max(ratio, 0), "aligned": aligned}
        cases.add("pool" + name, "pool", lambda x, b: {"y": torchvision.ops.roi_pool(x, b, size, scale)},
                  {"x": x, "boxes": boxes}, options, ["x"])
        cases.add("align" + name, "align", lambda x, b: {"y": torchvision.ops.roi_align(x, b, size, scale, ratio, aligned)},
                  {"x": x, "boxes": boxes}, options, ["x"])

    for count, extent, threshold in [(1, 10, 0.5), (100, 60, 0.5), (200, 50, 0.3), (300, 100, 0.7)]:
        generator = cases.generator(f"suppress{count}")
        boxes = crowd(generator, count, extent)
        scores = (torch.rand(count, generator=generator) * 20).round() / 20
        groups = torch.randint(0, 4, (count,), generator=generator, dtype=torch.int32)
        cases.add(f"suppress{count}", "suppress",
                  lambda b, s: {"kept": torchvision.ops.nms(b, s, threshold)},
                  {"boxes": boxes, "scores": scores}, {"threshold": threshold})
        cases.add(f"suppressGroups{count}", "suppressGroups",
                  lambda b, s, g: {"kept": in_order(torchvision.ops.boxes._batched_nms_vanilla(b, s, g, threshold), s)},
                  {"boxes": boxes, "scores": scores, "groups": groups}, {"threshold": threshold})

    generator = cases.generator("boxes")
    proper = lambda count: torch.cat([low := torch.rand(count, 2, generator=generator) * 80,
                                      low + 3 + torch.rand(count, 2, generator=generator) * 40], 1)
    a, b = proper(12), proper(9)
    cases.add("overlaps", "overlaps", lambda a, b: {"y": torchvision.ops.box_iou(a, b)}, {"a": a, "b": b}, {}, ["a", "b"])
    cases.add("clip", "clip", lambda a: {"y": torchvision.ops.clip_boxes_to_image(a, (60, 70))}, {"a": a}, {"size": [60, 70]}, ["a"])
    for index, weights in enumerate([(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)]):
        coder = BoxCoder(weights)
        a, b = proper(10), proper(10)
        codes = torch.randn(10, 4, generator=generator)
        codes[4, 2:] = 60                               # beyond the largest scaling
        cases.add(f"encode{index}", "encode", lambda a, b: {"y": coder.encode_single(a, b)}, {"boxes": a, "references": b},
                  {"weights": list(weights)})
        cases.add(f"decode{index}", "decode", lambda c, b: {"y": coder.decode_single(c, b)}, {"codes": codes, "references": b},
                  {"weights": list(weights)})

    anchors = AnchorGenerator(((16, 32), (64, 128)), ((0.5, 1.0, 2.0), (1.0,)))
    images = ImageList(torch.zeros(1, 3, 50, 66), [(50, 66)])
    cases.add("anchors", "anchors",
              lambda: {"y": anchors(images, [torch.zeros(1, 2, 4, 5), torch.zeros(1, 2, 2, 3)])[0]}, {},
              {"image": [50, 66], "grids": [[4, 5], [2, 3]]})
    cases.write(path)
