"""Writes the golden files of the data tests, Tests/Golden/data: what PyTorch, Pillow and safetensors make of small inputs.

    python Tests/Golden/data.py          (needs torch, pillow, numpy, safetensors)
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent / "data"


def pattern(*shape):
    """A rough but repeatable texture, 0...255."""
    count = int(np.prod(shape))
    index = np.arange(count, dtype=np.uint64)
    return (((index * index * np.uint64(2654435761)) >> np.uint64(7)) % np.uint64(256)).astype(np.uint8).reshape(shape)


def interpolation():
    """Bilinear, half-pixel centres, no antialiasing."""
    cases = []
    source = torch.from_numpy(pattern(2, 8, 8)).float() / 16
    for height, width in [(28, 28), (8, 8), (5, 11), (1, 3), (32, 4)]:
        result = F.interpolate(source[None], size=(height, width), mode="bilinear", align_corners=False)[0]
        cases.append({"size": [height, width], "result": result.flatten().tolist()})
    return {"source": source.flatten().tolist(), "cases": cases}


def weights():
    """One tensor of each stored type."""
    values = torch.tensor([0.0, 1.0, -2.5, 0.1, 65504.0, -1e-7])
    tensors = {
        "f64": values.double(),
        "f32": values.reshape(2, 3),
        "f16": values.half(),
        "bf16": values.bfloat16(),
        "i64": torch.tensor([-(2**31), 0, 2**31 - 1]),
        "i64.large": torch.tensor([2**40]),
        "i32": torch.tensor([-(2**31), 0, 2**31 - 1], dtype=torch.int32),
        "i16": torch.tensor([-32768, 32767], dtype=torch.int16),
        "i8": torch.tensor([-128, 127], dtype=torch.int8),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(7.5),
        "empty": torch.zeros(0, 3),
    }
    save_file(tensors, FOLDER / "types.safetensors", metadata={"format": "pt", "note": 'a "quoted"\nline é'})
    return {
        name: tensors[name].double().flatten().tolist() for name in ["f64", "f32", "f16", "bf16", "scalar"]
    }


def main():
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "interpolation.json").write_text(json.dumps(interpolation()))
    (FOLDER / "types.json").write_text(json.dumps(weights()))


if __name__ == "__main__":
    main()
