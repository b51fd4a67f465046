"""The cases that are compared, section by section."""

from measuring import Row, Side

OURS = ("cpu", "opencl")
FULL = 16 << 20  # floats of 64 MiB


def sides(case, *peers, calls=None):
    return [Side(name, name, case, calls=calls) for name in (*OURS, *peers)]


def roofs(case):
    """Our devices' ceilings, measured in the same turns."""
    return [Side(f"{name} roof", name, case, checked=False) for name in OURS]


def product(left, right, transposes="none"):
    return {"kind": "matmul", "shapes": [left, right], "transposes": transposes}


def squares():
    for n in (256, 512, 1024, 2048, 4096):
        yield Row(f"{n} cubed", sides(product([n, n], [n, n]), "torch", "openblas", "clblast")
                  + roofs({"kind": "multiplyAdds"}))


def layers():
    """Dense layers y = x w^T of a batch m with k inputs and n outputs, and their gradients."""
    for m, k, n in ((128, 784, 512), (32, 256, 1024), (1536, 128, 512), (16, 9216, 4096)):
        name = f"{m} x {k} x {n}"
        yield Row(f"{name}, forward", sides(product([m, k], [k, n], "right"), "torch"))
        yield Row(f"{name}, input gradient", sides(product([m, n], [n, k]), "torch"))
        yield Row(f"{name}, weight gradient", sides(product([n, m], [m, k], "left"), "torch"))


# name, image [c, h, w], weight [o, c, kh, kw], stride, padding, bias
RESNET18 = [
    ("7 x 7 / 2, 3 to 64, 224", [3, 224, 224], [64, 3, 7, 7], 2, 3, False),
    ("3 x 3, 64, 56", [64, 56, 56], [64, 64, 3, 3], 1, 1, False),
    ("3 x 3 / 2, 64 to 128, 56", [64, 56, 56], [128, 64, 3, 3], 2, 1, False),
    ("1 x 1 / 2, 64 to 128, 56", [64, 56, 56], [128, 64, 1, 1], 2, 0, False),
    ("3 x 3, 128, 28", [128, 28, 28], [128, 128, 3, 3], 1, 1, False),
    ("3 x 3 / 2, 128 to 256, 28", [128, 28, 28], [256, 128, 3, 3], 2, 1, False),
    ("1 x 1 / 2, 128 to 256, 28", [128, 28, 28], [256, 128, 1, 1], 2, 0, False),
    ("3 x 3, 256, 14", [256, 14, 14], [256, 256, 3, 3], 1, 1, False),
    ("3 x 3 / 2, 256 to 512, 14", [256, 14, 14], [512, 256, 3, 3], 2, 1, False),
    ("1 x 1 / 2, 256 to 512, 14", [256, 14, 14], [512, 256, 1, 1], 2, 0, False),
    ("3 x 3, 512, 7", [512, 7, 7], [512, 512, 3, 3], 1, 1, False),
]
ALEXNET = [
    ("11 x 11 / 4, 3 to 64, 224", [3, 224, 224], [64, 3, 11, 11], 4, 2, True),
    ("5 x 5, 64 to 192, 27", [64, 27, 27], [192, 64, 5, 5], 1, 2, True),
    ("3 x 3, 192 to 384, 13", [192, 13, 13], [384, 192, 3, 3], 1, 1, True),
    ("3 x 3, 384 to 256, 13", [384, 13, 13], [256, 384, 3, 3], 1, 1, True),
    ("3 x 3, 256, 13", [256, 13, 13], [256, 256, 3, 3], 1, 1, True),
]
VGG = [(f"3 x 3, {c} to {o}, {size}", [c, size, size], [o, c, 3, 3], 1, 1, True)
       for c, o, size in ((3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56),
                          (256, 512, 28), (512, 512, 28), (512, 512, 14))]
NARROW = [("1 x 1, 64 to 256, 56", [64, 56, 56], [256, 64, 1, 1], 1, 0, False),
          ("1 x 1, 256 to 64, 56", [256, 56, 56], [64, 256, 1, 1], 1, 0, False)]


def convolutions(table):
    for name, image, weight, stride, padding, bias in table:
        # VGG's large images in batches that leave room for gradients.
        n = 4 if image[1] >= 112 and image[0] > 3 else 16
        for direction in ("forward", "both"):
            case = {"kind": "convolution", "shapes": [[n, *image], weight], "stride": stride, "padding": padding, "bias": bias,
                    "pass": direction}
            row = Row(f"{name}, batch {n}, {'forward' if direction == 'forward' else 'forward and backward'}",
                      sides(case, "torch"), tolerance=1e-3)
            if weight[2] == 3 and stride == 1:
                row.sides += [Side(f"{device} F(4x4)", device, case | {"algorithm": "winograd4x4"}) for device in OURS]
            yield row


# batch x heads x positions x width: nanoGPT's small setting, and a larger one
ATTENTIONS = [[12, 4, 64, 32], [16, 8, 512, 64]]


def attentions():
    for shape in ATTENTIONS:
        for causal in (True, False):
            for direction in ("forward", "both"):
                case = {"kind": "attention", "operation": "causal" if causal else "full", "shapes": [shape], "pass": direction}
                yield Row(f"{' x '.join(map(str, shape))}, {case['operation']}, "
                          + ("forward" if direction == "forward" else "forward and backward"), sides(case, "torch"))


def bound_by_memory(kind, operation, shape, out=True, copy=True):
    case = {"kind": kind, "operation": operation, "shapes": [shape]}
    # A sum over everything cancels, so it is less exact than its size tells.
    row = Row(f"{operation} {' x '.join(map(str, shape))}", sides(case, "torch"), tolerance=1e-3 if operation == "sum" else 1e-4)
    if out:
        row.sides.append(Side("torch out", "torch", case | {"out": True}, checked=False))
    if copy:
        row.sides += roofs({"kind": "pointwise", "operation": "copy", "shapes": [shape]})
    return row


def pointwise():
    for operation in ("relu", "add", "gelu", "tanh", "chain"):
        yield bound_by_memory("pointwise", operation, [FULL], out=operation != "chain")


def over_rows():
    rows, image = [16384, 1024], [16, 64, 128, 128]
    yield bound_by_memory("softmax", "softmax", rows)
    yield bound_by_memory("softmax", "logSoftmax", rows)
    yield bound_by_memory("normalization", "layer", rows, out=False)
    yield bound_by_memory("normalization", "batch", image)
    for operation in ("sum", "sumOfRows", "sumOfColumns", "maximumOfRows"):
        yield bound_by_memory("reduction", operation, rows, out=False)
    yield bound_by_memory("reduction", "sumOfChannels", image, out=False)
    for operation in ("maximum2", "maximum3", "average2"):
        yield bound_by_memory("pooling", operation, image)
    yield bound_by_memory("pooling", "globalAverage", image, out=False)


def regions():
    yield Row("suppression of 10,000 boxes at 0.5", sides({"kind": "region", "operation": "suppress", "shapes": [[10000]]}, "torch"),
              tolerance=0)
    for operation in ("pool", "align"):
        case = {"kind": "region", "operation": operation, "shapes": [[1, 256, 50, 50], [512]]}
        yield Row(f"{operation}, 512 boxes", sides(case, "torch"), tolerance=1e-5)


# The third step's loss is compared too, when rounding has grown. PyTorch's own for vgg16 is 1.0e-2 from its loss in float64, and
# 3.9e-3 without oneDNN; Martlet's is 3.0e-3 from it on the processor and 1.6e-3 with OpenCL.
TRAINED = {"mlp": 1e-4, "lenet": 1e-4, "alexnet": 5e-3, "resnet18": 5e-3, "vgg16": 1.5e-2}


def train_steps(names, *peers, rounds=7):
    for name in names:
        case = {"kind": "trainStep", "operation": name}
        small = name in ("mlp", "lenet")
        yield Row(name, sides(case, *peers, calls=10 if small else 1), tolerance=TRAINED[name], rounds=rounds)


def recurrent_steps():
    """A language model of characters: 2 layers of 256, sequences of 64, batch 32, vocabulary 65."""
    for cell in ("lstm", "gru"):
        case = {"kind": "recurrentStep", "operation": cell, "shapes": [[64, 32, 65, 256]]}
        yield Row(f"{cell.upper()}, 2 x 256", sides(case, "torch", calls=1), tolerance=1e-3)


def detection_steps():
    """Faster R-CNN of a pyramid of ResNet-50, on one image of the size that torchvision brings photos to. Each side draws anchors and
    regions of its own, so that losses are alike and not the same."""
    case = {"kind": "detectionStep", "operation": "faster-rcnn", "shapes": [[1, 3, 800, 800]]}
    yield Row("fasterrcnn_resnet50_fpn, 800 x 800", sides(case, "torch", calls=1), tolerance=0.1)


# AlexNet's parameters, 61,100,840 of them.
PARAMETERS = [[64, 3, 11, 11], [64], [192, 64, 5, 5], [192], [384, 192, 3, 3], [384], [256, 384, 3, 3], [256], [256, 256, 3, 3],
              [256], [4096, 9216], [4096], [4096, 4096], [4096], [1000, 4096], [1000]]


def optimizers():
    total = sum(_count(shape) for shape in PARAMETERS)
    for operation in ("momentum", "adam"):
        case = {"kind": "optimizer", "operation": operation, "shapes": PARAMETERS}
        row = Row(f"{operation}, {total / 1e6:.1f} M parameters", sides(case, "torch"), tolerance=1e-4)
        row.sides += [Side(f"torch {form}", "torch", case | {"form": form}) for form in ("foreach", "fused")]
        row.sides += roofs({"kind": "triad", "shapes": [[total]]})
        yield row


def _count(shape):
    result = 1
    for extent in shape:
        result *= extent
    return result


def small_ops():
    case = {"kind": "pointwise", "operation": "add", "shapes": [[16]]}
    row = Row("sum of two vectors of 16", sides(case, "torch", calls=2000))
    row.sides.append(Side("bare launch", "opencl", {"kind": "launch"}, checked=False, calls=2))
    yield row
