"""Compares what Martlet and torchvision make of the same weights and photos.

    python Benchmarks/peers/weights.py --martlet .build/release/martlet [--devices cpu opencl] [--data ../shared/data] [MODEL...]

For every network of the catalog, weights by the rule of Tests/Golden/models.py for 1,000 classes go through torch.save's two forms,
safetensors and npz into `martlet predict`, and come back through `martlet convert` into torch.load(weights_only=True) with all bits kept.
With --data, the pretrained SqueezeNet is shown the cat and the coffee cup of scikit-image, and the photos of ants and bees.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.torch
import skimage.data
import torch
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Golden"))

from models import NETWORKS, fill, torchvision_models  # noqa: E402
from photos import sample  # noqa: E402


def martlet(program, *arguments):
    result = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"martlet {' '.join(map(str, arguments))}: {result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def names():
    return (ROOT / "Sources/MartletData/Resources/imagenet-classes.txt").read_text().splitlines()


def predicted(program, model, weights, photo, device, *more):
    answer = martlet(program, "predict", photo, "--model", model, "--weights", weights, "--device", device, "--top", 1000, *more)[0]
    numbers = {name: number for number, name in enumerate(names())}
    values = np.zeros(1000)
    for entry in answer["top"]:
        values[numbers[entry["label"]]] = entry["probability"]
    return values


def random_weights(arguments, folder):
    """The largest difference of log-probabilities, which is one of logits, against the largest logit."""
    texture = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    photo = folder / "photo.png"
    Image.fromarray(texture).save(photo)
    models = torchvision_models()
    for name in arguments.models or NETWORKS:
        model = getattr(models, NETWORKS[name].get("torchvision", name))(weights=None, num_classes=1000)
        fill(model)
        with torch.no_grad():
            logits = model.eval()(sample(Image.fromarray(texture), 224))[0].double()
        # Steep softmaxes leave no digits of the unlikely classes.
        scale = 20 / float(logits.max() - logits.min())
        last = list(model.modules())[-1] if name.startswith(("alexnet", "vgg", "resnet")) else model.classifier[1]
        with torch.no_grad():
            last.weight.mul_(scale)
            last.bias.mul_(scale)
            logits = model(sample(Image.fromarray(texture), 224))[0].double()
        right = logits.log_softmax(0).numpy()
        state = model.state_dict()
        torch.save(state, folder / "zip.pth")
        torch.save({"state_dict": {"module." + key: value for key, value in state.items()}}, folder / "legacy.pth",
                   _use_new_zipfile_serialization=False)
        safetensors.torch.save_file(state, folder / "w.safetensors")
        np.savez(folder / "w.npz", **{key: value.numpy() for key, value in state.items()})
        for device in arguments.devices:
            for weights in ["zip.pth", "legacy.pth", "w.safetensors", "w.npz"] if device == arguments.devices[0] else ["zip.pth"]:
                with np.errstate(divide="ignore"):
                    ours = np.log(predicted(arguments.martlet, name, folder / weights, photo, device))
                off = np.abs(ours - right).max() / float(logits.abs().max())
                print(f"{name} {weights} on {device}: off by {off:.1e} of the largest logit {'' if off <= 1e-4 else 'TOO FAR'}",
                      flush=True)
        for ending in ["pth", "npz", "safetensors"]:
            back = folder / f"back.{ending}"
            martlet(arguments.martlet, "convert", folder / "legacy.pth", back)
            loaded = {"pth": lambda: torch.load(back, weights_only=True),
                      "npz": lambda: {key: torch.from_numpy(np.load(back)[key]) for key in np.load(back)},
                      "safetensors": lambda: safetensors.torch.load_file(back)}[ending]()
            same = all(torch.equal(loaded["module." + key], value) and loaded["module." + key].dtype == value.dtype
                       for key, value in state.items()) and len(loaded) == len(state)
            print(f"{name} converted to .{ending} and read by its own library: {'same bits' if same else 'OTHER VALUES'}", flush=True)
            back.unlink()


def pretrained(arguments):
    weights = arguments.data / "squeezenet/squeezenet1_0.pth"
    photos = pathlib.Path(skimage.data.__file__).parent
    for device in arguments.devices:
        for name, label, figure in [("chelsea.png", "Egyptian cat", 0.72), ("coffee.png", "espresso", 0.87)]:
            values = predicted(arguments.martlet, "squeezenet", weights, photos / name, device, "--set", "image_size=227")
            value = values[names().index(label)]
            print(f"{name} on {device}: {label} {value:.3f} (torchvision {figure}) {'' if abs(value - figure) <= 0.03 else 'TOO FAR'}")
        for size, figure in [(224, 129), (227, 131)]:
            answer = martlet(arguments.martlet, "evaluate", "--model", "squeezenet", "--weights", weights, "--data",
                             f"folder:{arguments.data}/hymenoptera", "--split", "val", "--set", f"image_size={size}", "--device",
                             device, "--batch-size", 32)[0]
            hits = round(answer["metrics"]["top5"] * answer["samples"])
            print(f"hymenoptera/val at {size} on {device}: {hits} of {answer['samples']} in the top 5 (torchvision {figure}) "
                  f"{'' if abs(hits - figure) <= 2 else 'TOO FAR'} in {answer['seconds']:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", required=True)
    parser.add_argument("--devices", nargs="+", default=["cpu", "opencl"])
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("models", nargs="*")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    if arguments.data:
        pretrained(arguments)
    with tempfile.TemporaryDirectory() as folder:
        random_weights(arguments, pathlib.Path(folder))


if __name__ == "__main__":
    main()
