"""Compares the images a second that `martlet bench --pipeline` and torchvision's loaders (PIL) prepare from a folder of photos, in
turns, and the values they make of them.

    python Benchmarks/peers/images.py --martlet .build/release/martlet --photos DIR

DIR is laid out as ImageFolder has it, with `train` and `val`. Torchvision is timed with no workers and with as many as Martlet has
threads. Every turn warms up with one pass over the photos before the pass that is timed; what counts is the median of the turns.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
MIDDLE = ["image_size=224", "mean=imagenet"]
CASES = {
    "resize, middle": (MIDDLE, "middle"),
    "random crop, flip": (MIDDLE + ["crop=0.08", "flip=0.5"], "crop"),
    "random crop, flip, jitter": (MIDDLE + ["crop=0.08", "flip=0.5", "jitter=0.4,0.4,0.4,0.1"], "jitter"),
}


def transforms(kind):
    from torchvision import transforms as T
    if kind == "middle":
        steps = [T.Resize(256), T.CenterCrop(224)]
    else:
        steps = [T.RandomResizedCrop(224), T.RandomHorizontalFlip()]
    if kind == "jitter":
        steps.append(T.ColorJitter(0.4, 0.4, 0.4, 0.1))
    return T.Compose(steps + [T.ToTensor(), T.Normalize(MEAN, STD)])


def torchvision_rate(photos, kind, workers, batch):
    import torch
    from torchvision.datasets import ImageFolder
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(ImageFolder(f"{photos}/train", transforms(kind)), batch, shuffle=True, num_workers=workers,
                                         persistent_workers=workers > 0)
    for _ in range(2):
        start, count = time.perf_counter(), 0
        for images, _ in loader:
            count += len(images)
        seconds = time.perf_counter() - start
    return count / seconds


def martlet_rate(program, photos, settings, threads, batch):
    command = [program, "bench", "--pipeline", f"folder:{photos}", "--threads", str(threads), "--batch-size", str(batch), "--passes",
               "1", "--json", "--device", "cpu"]
    for setting in settings:
        command += ["--set", setting]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"images: {' '.join(command)}: {result.stderr.strip()}")
    return json.loads(result.stdout)["results"][0]["samplesPerSecond"]


def larger_photos(photos, width, where):
    """The photos for validation enlarged to what cameras make, as a set of their own."""
    from PIL import Image
    for path in sorted(Path(photos).glob("val/*/*.jpg")):
        photo = Image.open(path).convert("RGB")
        target = Path(where) / "train" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        photo.resize((width, round(width * photo.height / photo.width)), Image.BICUBIC).save(target, quality=90)


def levels_apart(program, photos):
    """The largest difference from Pillow over the photos, in grey levels: resized in every way, and decoded."""
    import numpy as np
    from PIL import Image
    worst = {}
    for name, method in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC), ("box", Image.BOX), ("lanczos", Image.LANCZOS)]:
        command = [program, "bench", "--pipeline", f"folder:{photos}", "--split", "val", "--device", "cpu", "--set",
                   "image_size=160", "--set", "short_side=200", "--set", f"interpolation={name}"]
        with tempfile.NamedTemporaryFile() as file:
            subprocess.run(command + ["--write", file.name], check=True, capture_output=True)
            ours = np.fromfile(file.name, np.float32).reshape(-1, 3, 160, 160)
        apart = []
        for path, values in zip(sorted(Path(photos).glob("val/*/*.jpg"), key=lambda p: (p.parent.name, p.name)), ours, strict=True):
            photo = Image.open(path).convert("RGB")
            short = min(photo.size)
            size = [200 if side == short else 200 * side // short for side in photo.size]
            left, top = [round((side - 160) / 2) for side in size]
            part = photo.resize(size, method).crop((left, top, left + 160, top + 160))
            apart.append(np.abs(np.asarray(part).transpose(2, 0, 1) / 255 - values).max() * 255)
        worst[name] = max(apart)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", default=".build/release/martlet")
    parser.add_argument("--photos", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", choices=["rates", "fast", "levels"], help="one part")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")

    def compare(name, photos, settings, kind, turns):
        rates = {"martlet": [], "torchvision": [], "torchvision, no workers": []}
        for _ in range(turns):
            rates["martlet"].append(martlet_rate(arguments.martlet, photos, settings, arguments.threads, arguments.batch))
            rates["torchvision"].append(torchvision_rate(photos, kind, arguments.threads, arguments.batch))
            rates["torchvision, no workers"].append(torchvision_rate(photos, kind, 0, arguments.batch))
        ours = statistics.median(rates["martlet"])
        others = {peer: statistics.median(rates[peer]) for peer in rates if peer != "martlet"}
        text = ", ".join(f"{peer} {rate:.0f} (x {ours / rate:.2f})" for peer, rate in others.items())
        print(f"{name}: martlet {ours:.0f} images/s, {text}", flush=True)

    if arguments.only in (None, "rates"):
        for name, (settings, kind) in CASES.items():
            compare(name, arguments.photos, settings, kind, arguments.turns)
    if arguments.only in (None, "fast"):
        with tempfile.TemporaryDirectory() as folder:
            larger_photos(arguments.photos, 1280, folder)
            for name, (settings, kind) in list(CASES.items())[:2]:
                compare(f"1280 pixels wide, {name}", folder, settings, kind, max(arguments.turns // 2, 1))
                compare(f"1280 pixels wide, {name}, fast_decode", folder, settings + ["fast_decode=true"], kind,
                        max(arguments.turns // 2, 1))
    if arguments.only in (None, "levels"):
        for name, apart in levels_apart(arguments.martlet, arguments.photos).items():
            print(f"{name}: at most {apart:.2f} grey levels from Pillow")


if __name__ == "__main__":
    sys.exit(main())
