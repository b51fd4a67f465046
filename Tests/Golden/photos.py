"""Writes the golden photos, Tests/Golden/data/photos: the cat and the coffee cup that scikit-image ships (both CC0, by Stefan van der
Walt and Rachel Michetti), brought to a short side of 256 pixels, and what torchvision's SqueezeNet makes of them.

    python Tests/Golden/photos.py ../shared/data/squeezenet/squeezenet1_0.pth      (needs torch, torchvision, pillow, scikit-image)
"""

import json
import pathlib
import sys

import skimage.data
import torch
from PIL import Image

from models import torchvision_models

FOLDER = pathlib.Path(__file__).parent / "data" / "photos"
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def sample(image, size, side=256):
    """torchvision's Resize(side), CenterCrop(size), ToTensor and Normalize, by Pillow."""
    width, height = image.size
    if width <= height:
        image = image.resize((side, side * height // width), Image.BILINEAR)
    else:
        image = image.resize((side * width // height, side), Image.BILINEAR)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    image = image.crop((left, top, left + size, top + size))
    values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(size, size, 3).float() / 255
    return ((values - MEAN) / STD).permute(2, 0, 1)[None]


def top(model, image, size, side=256):
    with torch.no_grad():
        probabilities, classes = model.eval()(sample(image, size, side)).softmax(1)[0].topk(5)
    return [[int(number), round(float(probability), 5)] for number, probability in zip(classes, probabilities)]


def main():
    model = torchvision_models().squeezenet1_0(weights=None)
    model.load_state_dict(torch.load(sys.argv[1], weights_only=True))
    FOLDER.mkdir(exist_ok=True, parents=True)
    expected = {}
    for name, source in [("cat", "chelsea.png"), ("coffee", "coffee.png")]:
        original = Image.open(pathlib.Path(skimage.data.__file__).parent / source).convert("RGB")
        scale = 256 / min(original.size)
        small = original.resize((int(original.width * scale), int(original.height * scale)), Image.BILINEAR)
        small.save(FOLDER / f"{name}.jpg", quality=92, subsampling=0)
        small = Image.open(FOLDER / f"{name}.jpg")
        expected[name] = {"224": top(model, small, 224), "227": top(model, small, 227)}
        print(name, "original", top(model, original, 224)[:2], top(model, original, 227)[:2], "small", expected[name])
    (FOLDER / "expected.json").write_text(json.dumps(expected))
    for path in FOLDER.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()
