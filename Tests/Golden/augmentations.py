"""Writes Tests/Golden/data/augmentations.json: what torchvision makes of small images with every choice given, what Pillow makes of
them with each filter, and JPEG files at a part of their size.

    python Tests/Golden/augmentations.py          (needs torch, torchvision, pillow, numpy)
"""

import json
import pathlib

import numpy as np
import torch
import torchvision.transforms.functional as F
from PIL import Image, ImageOps
from torch.nn.functional import cross_entropy
from torchvision.transforms import InterpolationMode, TenCrop

from images import FOLDER as IMAGES, texture

FOLDER = pathlib.Path(__file__).parent / "data"
FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


def flat(array):
    return np.asarray(array).flatten().tolist()


def rounded(tensor):
    return [round(float(value), 7) for value in tensor.flatten()]


def filters():
    """8-bit resizing, on a texture and on noise, which makes the negative lobes overshoot."""
    noise = np.random.default_rng(3).integers(0, 256, (17, 29, 3), dtype=np.uint8)
    noise[:4] = np.where(noise[:4] > 127, 255, 0)
    cases = []
    for name, method in FILTERS.items():
        for width, height in [(11, 8), (29, 5), (40, 16), (7, 30), (1, 1)]:
            for channels in (1, 3):
                source = noise if channels == 3 else noise[..., 0]
                # Both passes in the order that the width comes first.
                image = Image.fromarray(source).resize((width, 17), method).resize((width, height), method)
                cases.append({"filter": name, "channels": channels, "width": width, "height": height, "pixels": flat(image)})
    return {"width": 29, "height": 17, "pixels": flat(noise), "cases": cases}


def colors():
    """Changes of planes of floats; greys, black, white and pure colours among them."""
    image = torch.from_numpy(np.random.default_rng(5).random((3, 5, 9), dtype=np.float32))
    image[:, 0, 0], image[:, 0, 1], image[:, 0, 2] = 0.5, 0, 1
    image[:, 0, 3] = torch.tensor([1.0, 0, 0])
    image[:, 0, 4] = torch.tensor([0, 1.0, 0])
    image[:, 0, 5] = torch.tensor([0.2, 0.2, 0.9])
    cases = []
    for name, change, values in [("brightness", F.adjust_brightness, (0, 0.4, 1, 1.7)), ("contrast", F.adjust_contrast, (0, 0.5, 1.6)),
                                 ("saturation", F.adjust_saturation, (0, 0.3, 1.9)), ("hue", F.adjust_hue, (-0.5, -0.13, 0, 0.3))]:
        for value in values:
            cases.append({"change": name, "value": value, "result": rounded(change(image, value))})
    grey = image[:1]
    cases.append({"change": "contrast", "value": 0.25, "grey": True, "result": rounded(F.adjust_contrast(grey, 0.25))})
    return {"shape": [3, 5, 9], "image": rounded(image), "cases": cases}


def crops():
    """Parts of planes of floats and of a photo, resized."""
    image = torch.from_numpy(np.random.default_rng(6).random((2, 12, 10), dtype=np.float32))
    cases = []
    for mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC):
        for top, left, height, width in [(0, 0, 12, 10), (3, 2, 7, 5), (5, 9, 1, 1), (0, 4, 12, 3)]:
            result = F.resized_crop(image, top, left, height, width, (12, 10), mode, antialias=True)
            cases.append({"filter": mode.value, "region": [left, top, width, height], "result": rounded(result)})
    photos = []
    for name in ("rgb420.jpg", "progressive.jpg", "orientation6.jpg", "grey.jpg", "rgba8.png", "rgb8-adam7.png"):
        photo = ImageOps.exif_transpose(Image.open(IMAGES / name)).convert("RGB")
        for mode in (InterpolationMode.BILINEAR, InterpolationMode.LANCZOS):
            left, top = photo.width // 4, photo.height // 3
            width, height = photo.width // 2, photo.height // 3
            result = F.resized_crop(photo, top, left, height, width, (16, 16), mode)
            photos.append({"file": name, "filter": mode.value, "region": [left, top, width, height], "pixels": flat(result)})
    middles = []
    for name in ("rgb420.jpg", "orientation6.jpg", "rgb8.png"):
        photo = ImageOps.exif_transpose(Image.open(IMAGES / name)).convert("RGB")
        ten = TenCrop(12)(F.resize(photo, 15))
        middles.append({"file": name, "middle": flat(F.center_crop(F.resize(photo, 15), 12)), "ten": [flat(crop) for crop in ten]})
    return {"planes": {"shape": [2, 12, 10], "image": rounded(image), "cases": cases}, "photos": photos, "middles": middles}


def reduced():
    """JPEG files decoded at a part of their size, as Pillow's draft has it."""
    cases = []
    for name in ("rgb444.jpg", "rgb420.jpg", "grey.jpg"):
        for reduction in (2, 4, 8):
            photo = Image.open(IMAGES / name)
            size = (-(-photo.width // reduction), -(-photo.height // reduction))
            photo.draft(photo.mode, (photo.width // reduction, photo.height // reduction))
            photo.load()
            assert photo.size == size
            cases.append({"file": name, "reduction": reduction, "width": size[0], "height": size[1], "pixels": flat(photo)})
    return cases


def mixing():
    """The cross-entropy of soft targets."""
    generator = torch.Generator().manual_seed(8)
    logits = torch.randn(5, 4, generator=generator)
    labels, others = torch.tensor([0, 1, 2, 3, 1]), torch.tensor([2, 1, 0, 0, 3])
    shares = torch.tensor([0.9, 0.5, 0.25, 0.0, 1.0])
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    one_hot = torch.nn.functional.one_hot
    targets = shares[:, None] * one_hot(labels, 4) + (1 - shares)[:, None] * one_hot(others, 4)
    result = {"logits": rounded(logits), "labels": labels.tolist(), "others": others.tolist(), "shares": shares.tolist(),
              "plain": float(cross_entropy(logits, targets)), "smoothed": float(cross_entropy(logits, targets, label_smoothing=0.1))}
    rows = cross_entropy(logits, labels, weights, reduction="none") * shares
    rows += cross_entropy(logits, others, weights, reduction="none") * (1 - shares)
    total = (weights[labels] * shares + weights[others] * (1 - shares)).sum()
    return result | {"weights": weights.tolist(), "weighted": float(rows.sum() / total)}


def main():
    content = {"filters": filters(), "colors": colors(), "crops": crops(), "reduced": reduced(), "mixing": mixing()}
    (FOLDER / "augmentations.json").write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    main()
