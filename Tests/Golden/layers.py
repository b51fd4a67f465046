"""Pooling, normalisation and softmax."""

import torch
from torch.nn import functional as F

from golden import normal


def pooling(cases):
    cases.family = "Pooling"
    defaults = {"padding": [0, 0], "dilation": [1, 1], "ceilMode": False}
    for name, shape, options in [
        ("maxPool", (2, 3, 8, 6), {"kernel": [2, 2], "stride": [2, 2]}),
        ("maxPoolOdd", (2, 3, 9, 7), {"kernel": [2, 2], "stride": [2, 2]}),
        ("maxPoolCeil", (2, 3, 9, 7), {"kernel": [2, 2], "stride": [2, 2], "ceilMode": True}),
        ("maxPoolOverlapping", (1, 3, 9, 11), {"kernel": [3, 3], "stride": [2, 2]}),
        ("maxPoolPadded", (2, 2, 9, 8), {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}),
        ("maxPoolPaddedCeil", (2, 2, 8, 10), {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceilMode": True}),
        ("maxPoolStride1", (1, 2, 6, 5), {"kernel": [3, 3], "stride": [1, 1], "padding": [1, 1]}),
        ("maxPoolDilated", (2, 2, 9, 10), {"kernel": [3, 2], "stride": [1, 2], "dilation": [2, 3]}),
        ("maxPoolDilatedPaddedCeil", (1, 2, 10, 9),
         {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "dilation": [2, 2], "ceilMode": True}),
        ("maxPoolUneven", (2, 2, 7, 11), {"kernel": [2, 5], "stride": [3, 2], "padding": [1, 2]}),
    ]:
        options = defaults | options
        x = normal(cases.generator(name), *shape)
        cases.add(name, "maxPool", lambda x: dict(zip(("y", "indices"), F.max_pool2d(
            x, options["kernel"], options["stride"], options["padding"], options["dilation"], options["ceilMode"],
            return_indices=True))), {"x": x}, options)

    defaults = {"padding": [0, 0], "ceilMode": False, "countsPadding": True}
    for name, shape, options in [
        ("averagePool", (2, 3, 8, 6), {"kernel": [2, 2], "stride": [2, 2]}),
        ("averagePoolOverlapping", (1, 3, 9, 11), {"kernel": [3, 3], "stride": [2, 2]}),
        ("averagePoolPadded", (2, 2, 9, 8), {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}),
        ("averagePoolPaddedUncounted", (2, 2, 9, 8),
         {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "countsPadding": False}),
        ("averagePoolCeil", (2, 3, 9, 7), {"kernel": [2, 2], "stride": [2, 2], "ceilMode": True}),
        ("averagePoolPaddedCeil", (2, 2, 8, 10),
         {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceilMode": True}),
        ("averagePoolPaddedCeilUncounted", (2, 2, 8, 10),
         {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceilMode": True, "countsPadding": False}),
        ("averagePoolUneven", (2, 2, 7, 11), {"kernel": [2, 5], "stride": [3, 2], "padding": [1, 2]}),
    ]:
        options = defaults | options
        x = normal(cases.generator(name), *shape)
        cases.add(name, "averagePool", lambda x: {"y": F.avg_pool2d(
            x, options["kernel"], options["stride"], options["padding"], options["ceilMode"], options["countsPadding"])},
            {"x": x}, options)

    for shape, size in [((2, 3, 7, 9), (1, 1)), ((2, 3, 7, 9), (3, 4)), ((1, 2, 5, 6), (5, 6)), ((1, 2, 3, 2), (7, 5))]:
        suffix, options = f"{size[0]}x{size[1]}", {"outputSize": list(size)}
        x = normal(cases.generator("adaptive" + suffix), *shape)
        cases.add(f"adaptiveAveragePool{suffix}", "adaptiveAveragePool",
                  lambda x: {"y": F.adaptive_avg_pool2d(x, size)}, {"x": x}, options)
        cases.add(f"adaptiveMaxPool{suffix}", "adaptiveMaxPool",
                  lambda x: dict(zip(("y", "indices"), F.adaptive_max_pool2d(x, size, return_indices=True))), {"x": x}, options)


def normalization(cases):
    cases.family = "Normalization"
    for name, shape, training, affine, options in [
        ("batchNorm", (4, 3, 5, 6), True, True, {"epsilon": 1e-5, "momentum": 0.1}),
        ("batchNormPlain", (4, 3, 5, 6), True, False, {"epsilon": 1e-3, "momentum": 0.3}),
        ("batchNormFeatures", (9, 7), True, True, {"epsilon": 1e-5, "momentum": 0.1}),
        ("batchNormEvaluation", (4, 3, 5, 6), False, True, {"epsilon": 1e-5, "momentum": 0.1}),
        ("batchNormFeaturesEvaluation", (9, 7), False, True, {"epsilon": 1e-5, "momentum": 0.1}),
    ]:
        generator = cases.generator(name)
        channels = shape[1]
        inputs = {"x": normal(generator, *shape, mean=1.5, deviation=2), "runningMean": normal(generator, channels),
                  "runningVariance": normal(generator, channels).square() + 0.5}
        if affine:
            inputs |= {"scale": normal(generator, channels), "shift": normal(generator, channels)}

        def run(x, mean, variance, scale=None, shift=None):
            mean, variance = mean.clone(), variance.clone()
            y = F.batch_norm(x, mean, variance, scale, shift, training, options["momentum"], options["epsilon"])
            return {"y": y} | ({"runningMean": mean, "runningVariance": variance} if training else {})

        cases.add(name, "batchNorm", run, inputs, {"training": training} | options, gradients=["x", "scale", "shift"])

    for name, shape, axes, affine, epsilon in [
        ("layerNorm", (5, 13), 1, True, 1e-5), ("layerNormPlain", (5, 13), 1, False, 1e-5),
        ("layerNormSequence", (2, 3, 9), 1, True, 1e-6), ("layerNormImage", (3, 2, 4, 5), 3, True, 1e-5),
    ]:
        generator = cases.generator(name)
        normalized = shape[len(shape) - axes:]
        inputs = {"x": normal(generator, *shape, mean=-1, deviation=3)}
        if affine:
            inputs |= {"scale": normal(generator, *normalized), "shift": normal(generator, *normalized)}
        cases.add(name, "layerNorm", lambda x, *affine: {"y": F.layer_norm(x, normalized, *affine, eps=epsilon)}, inputs,
                  {"normalizedShape": list(normalized), "epsilon": epsilon})

    for groups in (1, 2, 6):
        name = f"groupNorm{groups}"
        generator = cases.generator(name)
        inputs = {"x": normal(generator, 3, 6, 4, 5, mean=1), "scale": normal(generator, 6), "shift": normal(generator, 6)}
        cases.add(name, "groupNorm", lambda *operands: {"y": F.group_norm(operands[0], groups, *operands[1:])}, inputs,
                  {"groups": groups, "epsilon": 1e-5})


def softmax(cases):
    cases.family = "Softmax"
    for suffix, shape, axis, deviation in [("", (5, 7), -1, 1), ("Large", (4, 33), -1, 40), ("Middle", (3, 5, 4), 1, 2),
                                           ("One", (6, 1), -1, 1), ("Wide", (2, 301), -1, 1)]:
        x = normal(cases.generator("softmax" + suffix), *shape, deviation=deviation)
        for op, function in (("softmax", F.softmax), ("logSoftmax", F.log_softmax)):
            cases.add(op + suffix, op, lambda x: {"y": function(x, axis)}, {"x": x}, {"axis": axis})


def add(cases):
    pooling(cases)
    normalization(cases)
    softmax(cases)
