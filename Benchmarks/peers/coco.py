"""Compares the figures of `martlet evaluate` with pycocotools' on the same real detections.

    python Benchmarks/peers/coco.py --run RUN [--split test]
    python Benchmarks/peers/coco.py --model faster-rcnn --weights FILE --data SPEC

All twelve figures must agree to 1e-6. Needs pycocotools.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

WITHIN = 1e-6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program to compare")
    arguments, source = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.martlet, "evaluate", "--json", "--set", "figures=coco", "--set", f"coco_files={folder}", *source]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            return done.returncode
        ours = json.loads(done.stdout)["coco"]
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(f"{folder}/annotations.json")
            judge = COCOeval(truth, truth.loadRes(f"{folder}/detections.json"), "bbox")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
    worst = max(abs(mine - theirs) for mine, theirs in zip(ours.values(), judge.stats, strict=True))
    for (name, mine), theirs in zip(ours.items(), judge.stats):
        print(f"{name:5} {mine:10.6f} {theirs:10.6f}")
    print(f"the largest difference is {worst:.1e}, at most {WITHIN:.0e} wanted")
    return 0 if worst <= WITHIN else 1


if __name__ == "__main__":
    sys.exit(main())
