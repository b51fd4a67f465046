"""Writes `coco.json`: random and hard sets of objects and detections, and pycocotools' twelve figures for each.

A set is {classes, images: [{objects: [[x1, y1, x2, y2, class, crowd, area]], detections: [[x1, y1, x2, y2, class, score]]}],
figures}. Coordinates are multiples of a quarter, so that x + width and float32 are exact; scores are multiples of 1/64, so
that many are equal.
"""

import contextlib
import io
import json

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def quarter(values):
    return (np.round(np.asarray(values) * 4) / 4).tolist()


def box(random, most):
    x, y = random.uniform(0, 500, 2)
    w, h = random.uniform(2, most, 2)
    return quarter([x, y, x + w, y + h])


def random_set(seed, images, classes, most, crowds):
    random = np.random.default_rng(seed)
    result = []
    for _ in range(images):
        objects, detections = [], []
        for _ in range(random.integers(0, 7)):
            corners = box(random, most)
            label = int(random.integers(0, classes))
            crowd = int(crowds and random.random() < 0.2)
            area = (corners[2] - corners[0]) * (corners[3] - corners[1])
            # An outline's area is smaller than its box.
            objects.append(corners + [label, crowd, area * 0.75 if random.random() < 0.3 else area])
            for _ in range(random.integers(0, 4)):
                shift = random.normal(0, 0.12 * most, 4) * random.random()
                moved = quarter(np.array(corners) + shift)
                if moved[2] <= moved[0] or moved[3] <= moved[1]:
                    continue
                guess = label if random.random() < 0.85 else int(random.integers(0, classes))
                detections.append(moved + [guess, float(random.integers(1, 65) / 64)])
        for _ in range(random.integers(0, 4)):
            detections.append(box(random, most) + [int(random.integers(0, classes)), float(random.integers(1, 65) / 64)])
        result.append({"objects": objects, "detections": detections})
    return {"classes": classes, "images": result}


def hard_sets():
    one = [10.0, 10.0, 50.0, 60.0, 0, 0, 2000.0]
    yield {"classes": 1, "images": [{"objects": [one], "detections": []}]}
    yield {"classes": 2, "images": [{"objects": [], "detections": [[0.0, 0.0, 9.0, 9.0, 0, 0.5]]}, {"objects": [one], "detections": []}]}
    # The same detection many times, and one that is exactly right.
    yield {"classes": 1, "images": [{"objects": [one], "detections": [[10.0, 10.0, 50.0, 60.0, 0, 0.25 + i / 64] for i in range(20)]}]}
    # An overlap of exactly a half and of exactly three quarters.
    square = [0.0, 0.0, 40.0, 40.0, 0, 0, 1600.0]
    yield {"classes": 1, "images": [{"objects": [square, [100.0, 0.0, 140.0, 40.0, 0, 0, 1600.0]],
                                     "detections": [[0.0, 0.0, 40.0, 20.0, 0, 0.75], [100.0, 0.0, 140.0, 30.0, 0, 0.5]]}]}
    # A crowd that several detections match, beside an object.
    yield {"classes": 1, "images": [{"objects": [[0.0, 0.0, 200.0, 200.0, 0, 1, 40000.0], one],
                                     "detections": [[5.0, 5.0, 45.0, 55.0, 0, 0.75], [100.0, 100.0, 150.0, 150.0, 0, 0.875],
                                                    [10.0, 10.0, 50.0, 60.0, 0, 0.625], [300.0, 300.0, 350.0, 350.0, 0, 0.5]]}]}
    # More than a hundred detections.
    yield {"classes": 1, "images": [{"objects": [one], "detections":
                                     [[200.0 + i, 200.0, 260.0 + i, 260.0, 0, 0.5 + (i % 16) / 64] for i in range(120)]
                                     + [[10.0, 10.0, 50.0, 58.0, 0, 0.5]]}]}
    # Sizes on the borders of small, medium and large.
    yield {"classes": 1, "images": [{"objects": [[0.0, 0.0, 32.0, 32.0, 0, 0, 1024.0], [100.0, 0.0, 196.0, 96.0, 0, 0, 9216.0]],
                                     "detections": [[0.0, 0.0, 32.0, 32.0, 0, 0.5], [100.0, 0.0, 196.0, 96.0, 0, 0.75],
                                                    [300.0, 300.0, 310.0, 310.0, 0, 0.875]]}]}


def figures(entry):
    images, annotations, results = [], [], []
    for number, image in enumerate(entry["images"]):
        images.append({"id": number, "width": 1000, "height": 1000})
        for x1, y1, x2, y2, label, crowd, area in image["objects"]:
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": label, "iscrowd": crowd,
                                "area": area, "bbox": [x1, y1, x2 - x1, y2 - y1]})
        for x1, y1, x2, y2, label, score in image["detections"]:
            results.append({"image_id": number, "category_id": label, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"images": images, "annotations": annotations,
                         "categories": [{"id": i, "name": str(i)} for i in range(entry["classes"])]}
        truth.createIndex()
        if not results:
            found = COCO()
            found.dataset = {"images": images, "annotations": [], "categories": truth.dataset["categories"]}
            found.createIndex()
        else:
            found = truth.loadRes(results)
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def write(path):
    sets = [random_set(1, 20, 3, 120, False), random_set(2, 25, 2, 60, True), random_set(3, 12, 5, 250, True)] + list(hard_sets())
    for entry in sets:
        entry["figures"] = figures(entry)
    path.write_text(json.dumps(sets, separators=(",", ":")) + "\n")
    print(f"{path.name}: {len(sets)} sets, {path.stat().st_size:,} bytes")
