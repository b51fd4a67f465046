"""The inputs that Martlet and its peers both make: Philox 4x32-10 numbers (Salmon et al., 2011), counted and keyed as the
documentation of Martlet's `RandomKey` says."""

import numpy as np

CHUNK = 1 << 15  # blocks of four numbers at a time, so that the work stays in a core's cache


def _words(first, count, seed, stream):
    """The 32-bit words of `count` blocks from block `first` on, [count, 4]."""
    block = np.arange(first, first + count, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    c = [block & low, block >> np.uint64(32), np.full(count, stream & 0xFFFFFFFF, np.uint64),
         np.full(count, stream >> 32, np.uint64)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        left, right = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(right >> np.uint64(32)) ^ c[1] ^ np.uint64(key[0]), right & low,
             (left >> np.uint64(32)) ^ c[3] ^ np.uint64(key[1]), left & low]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=1)


def uniform(shape, low, high, seed, stream):
    """Uniform float32 numbers from `low` to below `high`."""
    count = int(np.prod(shape, dtype=np.int64))
    result = np.empty(-(-count // 4) * 4, np.float32)
    low, width = np.float32(low), np.float32(high) - np.float32(low)
    for first in range(0, len(result) // 4, CHUNK):
        blocks = min(CHUNK, len(result) // 4 - first)
        words = _words(first, blocks, seed, stream).reshape(-1)
        unit = (words >> np.uint64(8)).astype(np.float32) * np.float32(2 ** -24)
        result[4 * first:4 * (first + blocks)] = low + unit * width
    return result[:count].reshape(shape)


def floats(shape, stream):
    """What `ComparedInput` gives: uniform from -1 to 1."""
    return uniform(shape, -1, 1, 7, stream)


def parameter(shape, is_bias, index):
    """What `TrainStep` begins parameter `index` with."""
    if len(shape) < 2:
        return np.full(shape, 0 if is_bias else 1, np.float32)
    bound = np.sqrt(np.float32(6) / np.float32(np.prod(shape[1:])), dtype=np.float32)
    return uniform(shape, -bound, bound, 7, index)


# Weights of a detector's predictions are scaled, so that nothing grows without bound.
DETECTOR_SCALES = {"rpn.head.cls_logits.weight": 0.2, "rpn.head.bbox_pred.weight": 0.05,
                   "roi_heads.box_predictor.bbox_pred.weight": 0.05, "roi_heads.box_predictor.cls_score.weight": 0.1}


def detector_parameter(name, shape, index):
    """What parameter `index` of torchvision's `fasterrcnn_resnet50_fpn` begins with: as `parameter`, but the last normalisation of each
    residual block has the weight 0.2, and the predictions' weights are scaled."""
    is_last = ".bn3." in name and name.endswith("weight")
    return parameter(shape, name.endswith("bias"), index) * np.float32(DETECTOR_SCALES.get(name, 0.2 if is_last else 1))


# Of five classes' scores, background first: without these one class would take all.
DETECTOR_BIASES = [0.1, 1.1, -0.4, -3.0, 0.6]


def batch(setup):
    """Images and labels of `TrainStep`."""
    labels = np.arange(setup["batch"], dtype=np.int64) * 31 % setup["classes"]
    return uniform((setup["batch"], *setup["input"]), 0, 1, 8, 0), labels


def tokens(steps, samples, vocabulary):
    """The characters [steps + 1, samples] of Martlet's `recurrentStep`: numbers 7 i^2 + 31 i modulo the vocabulary."""
    i = np.arange((steps + 1) * samples, dtype=np.int64)
    return ((7 * i * i + 31 * i) % vocabulary).reshape(steps + 1, samples)
