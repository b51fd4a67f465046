"""Matrix products and convolutions."""

import torch
from torch.nn import functional as F

from golden import normal


def add(cases):
    cases.family = "Matmul"
    for name, left, right in [
        ("matmul", (7, 5), (5, 9)),
        ("matmulOne", (1, 1), (1, 1)),
        ("matmulRow", (1, 33), (33, 17)),
        ("matmulColumn", (19, 13), (13, 1)),
        ("matmulWide", (17, 65), (65, 31)),
        ("matmulBatched", (3, 7, 5), (3, 5, 4)),
        ("matmulShared", (3, 7, 5), (5, 4)),
        ("matmulBroadcast", (2, 1, 3, 5), (4, 5, 6)),
    ]:
        generator = cases.generator(name)
        a, b = normal(generator, *left), normal(generator, *right)
        cases.add(name, "matmul", lambda a, b: {"y": a @ b}, {"a": a, "b": b},
                  {"transposeA": False, "transposeB": False})
    for first, second in [(True, False), (False, True), (True, True)]:
        for batch in ((), (3,)):
            name = "matmul" + ("T" if first else "N") + ("T" if second else "N") + ("Batched" if batch else "")
            generator = cases.generator(name)
            a = normal(generator, *batch, *((11, 6) if first else (6, 11)))
            b = normal(generator, *batch, *((9, 11) if second else (11, 9)))
            cases.add(name, "matmul", lambda a, b: {"y": (a.mT if first else a) @ (b.mT if second else b)},
                      {"a": a, "b": b}, {"transposeA": first, "transposeB": second})
    for name, bias in [("linear", True), ("linearUnbiased", False)]:
        generator = cases.generator(name)
        inputs = {"x": normal(generator, 6, 11), "weight": normal(generator, 5, 11)}
        if bias:
            inputs["bias"] = normal(generator, 5)
        cases.add(name, "linear", lambda *operands: {"y": F.linear(*operands)}, inputs)

    cases.family = "Convolution"
    for name, x, weight, bias, options in [
        ("convolution", (2, 3, 7, 9), (5, 3, 3, 3), True, {}),
        ("convolutionUnbiased", (2, 3, 7, 9), (5, 3, 3, 3), False, {}),
        ("convolution1x1", (2, 5, 6, 7), (7, 5, 1, 1), True, {}),
        ("convolution1x1Stride2", (2, 5, 7, 6), (4, 5, 1, 1), True, {"stride": [2, 2]}),
        ("convolution5x5Padded", (2, 1, 9, 9), (6, 1, 5, 5), True, {"padding": [2, 2]}),
        ("convolution7x7Stride2", (1, 3, 13, 15), (4, 3, 7, 7), True, {"stride": [2, 2], "padding": [3, 3]}),
        ("convolution11x11Stride4", (1, 3, 27, 27), (2, 3, 11, 11), True, {"stride": [4, 4], "padding": [2, 2]}),
        ("convolution3x3Padded", (2, 4, 8, 8), (6, 4, 3, 3), True, {"padding": [1, 1]}),
        ("convolution3x3Stride2", (2, 4, 9, 8), (6, 4, 3, 3), True, {"stride": [2, 2], "padding": [1, 1]}),
        ("convolutionUneven", (2, 3, 11, 10), (4, 3, 3, 5), True,
         {"stride": [2, 3], "padding": [1, 2], "dilation": [2, 1]}),
        ("convolutionDilated", (2, 3, 11, 12), (4, 3, 3, 3), True, {"padding": [2, 2], "dilation": [2, 2]}),
        ("convolutionDilatedStrided", (1, 3, 13, 13), (4, 3, 3, 3), True,
         {"stride": [2, 2], "padding": [3, 3], "dilation": [3, 3]}),
        ("convolutionGroups", (2, 6, 7, 7), (9, 2, 3, 3), True, {"padding": [1, 1], "groups": 3}),
        ("convolutionGroupsStrided", (2, 4, 9, 7), (6, 2, 3, 3), False,
         {"stride": [2, 2], "padding": [1, 0], "dilation": [1, 2], "groups": 2}),
        ("convolutionDepthwise", (2, 5, 8, 9), (5, 1, 3, 3), True, {"padding": [1, 1], "groups": 5}),
        ("convolutionDepthwiseMultiplied", (2, 3, 8, 9), (6, 1, 3, 3), True,
         {"stride": [2, 2], "padding": [1, 1], "groups": 3}),
        ("convolutionWholeImage", (3, 2, 4, 5), (6, 2, 4, 5), True, {}),
        ("convolutionOne", (1, 1, 1, 1), (1, 1, 1, 1), True, {}),
        ("convolutionPaddingBeyondKernel", (1, 2, 3, 3), (3, 2, 2, 2), True, {"padding": [3, 3]}),
    ]:
        generator = cases.generator(name)
        inputs = {"x": normal(generator, *x), "weight": normal(generator, *weight)}
        if bias:
            inputs["bias"] = normal(generator, weight[0])
        options = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1} | options
        cases.add(name, "convolution", lambda *operands: {"y": F.conv2d(*operands, **options)}, inputs, options)
