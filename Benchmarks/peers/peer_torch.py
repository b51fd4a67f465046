"""PyTorch as a peer. A case with `"out": true` writes into memory that is there already, by the form of the operation that truly
does: relu's and layer normalisation's own `out` forms allocate and copy.

With `--device cuda` it works on PyTorch's default GPU (ROCm's too), in full float32: no TF32."""

import argparse

import torch
import torch.nn.functional as F

import inputs
from networks import NETWORKS
from serving import Workload, serve

aten = torch.ops.aten


device = torch.device("cpu")


def place(array):
    return torch.from_numpy(array).to(device)


def tensor(shape, stream):
    return place(inputs.floats(shape, stream))


def finish():
    if device.type == "cuda":
        torch.cuda.synchronize()


def arrays(result):
    return [t.detach().cpu().numpy() for t in (result if isinstance(result, (tuple, list)) else [result])]


def timed(run):
    return Workload(run, lambda: arrays(run()), finish)


def matmul(case):
    def operand(index, transposed):
        shape = case["shapes"][index]
        return tensor(shape[::-1], index).t() if transposed else tensor(shape, index)

    a, b = (operand(i, case.get("transposes") == side) for i, side in enumerate(("left", "right")))
    return timed(lambda: torch.matmul(a, b))


def convolution(case):
    image, weight = case["shapes"]
    x, w = tensor(image, 0), tensor(weight, 1)
    b = tensor(weight[:1], 2) if case.get("bias") else None
    options = {"stride": case.get("stride", 1), "padding": case.get("padding", 0), "groups": case.get("groups", 1)}
    if case.get("pass") != "both":
        return timed(lambda: F.conv2d(x, w, b, **options))
    wanted = [t.requires_grad_() for t in ([x] if image[1] > 3 else []) + [w] + ([] if b is None else [b])]
    dy = tensor(F.conv2d(x, w, b, **options).shape, 3)

    def run():
        y = F.conv2d(x, w, b, **options)
        return (y, *torch.autograd.grad(y, wanted, dy))

    def timed_run():
        with torch.enable_grad():
            run()

    def outputs():
        with torch.enable_grad():
            return arrays(run())

    return Workload(timed_run, outputs, finish)


def attention(case):
    shape, causal = case["shapes"][0], case["operation"] == "causal"
    q, k, v = (tensor(shape, stream) for stream in range(3))
    if case.get("pass") != "both":
        return timed(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal))
    operands, dy = [t.requires_grad_() for t in (q, k, v)], tensor(shape, 3)

    def run():
        with torch.enable_grad():
            y = F.scaled_dot_product_attention(*operands, is_causal=causal)
            return (y, *torch.autograd.grad(y, operands, dy))

    return timed(run)


def pointwise(case):
    x = tensor(case["shapes"][0], 0)
    operation = case["operation"]
    other = tensor(case["shapes"][0], 1) if operation == "add" else None
    if case.get("out"):
        y = torch.empty_like(x)
        run = {"copy": lambda: y.copy_(x), "relu": lambda: torch.clamp_min(x, 0, out=y), "gelu": lambda: aten.gelu.out(x, out=y),
               "tanh": lambda: torch.tanh(x, out=y), "add": lambda: torch.add(x, other, out=y)}[operation]
        return timed(run)
    return timed({"copy": lambda: x.clone(), "relu": lambda: F.relu(x), "gelu": lambda: F.gelu(x), "tanh": lambda: torch.tanh(x),
                  "chain": lambda: F.relu(((x * 2 + 1) * x - 0.5) * x + 3) * 0.1 + x, "add": lambda: x + other}[operation])


def rows(case):
    shape, operation = case["shapes"][0], case["operation"]
    x = tensor(shape, 0)
    last, channels = len(shape) - 1, (0, 2, 3)
    if case["kind"] == "normalization":
        width = shape[-1] if operation == "layer" else shape[1]
        scale, shift = tensor([width], 1), tensor([width], 2)
        if operation == "layer":
            return timed(lambda: F.layer_norm(x, [width], scale, shift))
        if case.get("out"):
            y, mean, inverse = torch.empty_like(x), torch.empty(width), torch.empty(width)
            return timed(lambda: aten.native_batch_norm.out(
                x, scale, shift, None, None, True, 0.1, 1e-5, out=y, save_mean=mean, save_invstd=inverse)[0])
        return timed(lambda: F.batch_norm(x, None, None, scale, shift, training=True))
    if case.get("out"):
        y = torch.empty_like(x)
        return timed({"softmax": lambda: aten._softmax.out(x, -1, False, out=y),
                      "logSoftmax": lambda: aten._log_softmax.out(x, -1, False, out=y)}[operation])
    return timed({"softmax": lambda: torch.softmax(x, -1), "logSoftmax": lambda: torch.log_softmax(x, -1),
                  "sum": lambda: x.sum(), "sumOfRows": lambda: x.sum(last), "sumOfColumns": lambda: x.sum(0),
                  "maximumOfRows": lambda: x.amax(last), "sumOfChannels": lambda: x.sum(channels)}[operation])


def pooling(case):
    x, operation = tensor(case["shapes"][0], 0), case["operation"]
    run = {"maximum2": lambda: F.max_pool2d(x, 2), "maximum3": lambda: F.max_pool2d(x, 3, 2, 1),
           "average2": lambda: F.avg_pool2d(x, 2), "globalAverage": lambda: F.adaptive_avg_pool2d(x, 1)}[operation]
    if case.get("out"):
        y = torch.empty_like(run())
        places = torch.empty(y.shape, dtype=torch.int64)
        run = {"maximum2": lambda: aten.max_pool2d_with_indices.out(x, [2, 2], out=y, indices=places)[0],
               "maximum3": lambda: aten.max_pool2d_with_indices.out(x, [3, 3], [2, 2], [1, 1], out=y, indices=places)[0],
               "average2": lambda: aten.avg_pool2d.out(x, [2, 2], out=y)}[operation]
    return timed(run)


def region(case):
    from torchvision import ops

    def boxes(count, reach):
        numbers = tensor([count, 4], 8)
        corner = (numbers[:, :2] + 1) * reach
        return torch.cat([corner, corner + (numbers[:, 2:] + 1) * 64], 1)

    if case["operation"] == "suppress":
        b, scores = boxes(case["shapes"][0][0], 1024), tensor(case["shapes"][0], 1)
        return Workload(lambda: ops.nms(b, scores, 0.5), lambda: arrays(ops.nms(b, scores, 0.5).float()), finish)
    x, count = tensor(case["shapes"][0], 0), case["shapes"][1][0]
    b = torch.cat([torch.zeros(count, 1), boxes(count, 256)], 1)
    return timed({"pool": lambda: ops.roi_pool(x, b, 7, 1 / 16),
                  "align": lambda: ops.roi_align(x, b, 7, 1 / 16, 2)}[case["operation"]])


def optimizer(case):
    parameters = [tensor(shape, 2 * i).requires_grad_() for i, shape in enumerate(case["shapes"])]
    for i, parameter in enumerate(parameters):
        parameter.grad = tensor(case["shapes"][i], 2 * i + 1)
    form = {"foreach": {"foreach": True}, "fused": {"fused": True}}.get(case.get("form"), {})
    if case["operation"] == "momentum":
        steps = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, **form)
    else:
        steps = torch.optim.Adam(parameters, lr=1e-3, **form)

    def outputs():
        for _ in range(3):
            steps.step()
        return arrays([p for p in parameters if p.numel() <= 1 << 20])

    return Workload(steps.step, outputs, finish)


class Builder:
    """The layers of `networks`, with parameters made when they are first met."""

    def __init__(self):
        self.parameters, self.buffers, self.position, self.norms = [], [], 0, 0

    def parameter(self, shape, is_bias=False):
        index = self.position
        if index == len(self.parameters):
            self.parameters.append(place(inputs.parameter(shape, is_bias, index)).requires_grad_())
        self.position += 1
        return self.parameters[index]

    def conv(self, x, width, kernel, stride=1, padding=0, bias=True):
        w = self.parameter((width, x.shape[1], kernel, kernel))
        return F.conv2d(x, w, self.parameter((width,), True) if bias else None, stride, padding)

    def linear(self, x, width):
        w = self.parameter((width, x.shape[1]))
        return F.linear(x, w, self.parameter((width,), True))

    def norm(self, x):
        width = x.shape[1]
        if self.norms == len(self.buffers):
            self.buffers.append((torch.zeros(width), torch.ones(width)))
        mean, variance = self.buffers[self.norms]
        self.norms += 1
        scale = self.parameter((width,))
        return F.batch_norm(x, mean, variance, scale, self.parameter((width,), True), training=True)

    relu = staticmethod(lambda x: F.relu(x, inplace=True))
    pool = staticmethod(lambda x, size, stride, padding=0: F.max_pool2d(x, size, stride, padding))
    flatten = staticmethod(lambda x: x.flatten(1))
    mean = staticmethod(lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1))

    def __call__(self, network, x):
        self.position = self.norms = 0
        return network(self, x)


def train_step(case):
    network, setup = NETWORKS[case["operation"]]
    images, labels = (place(array) for array in inputs.batch(setup))
    builder = Builder()
    with torch.no_grad():
        builder(network, images[:2])
    optimizer = torch.optim.SGD(builder.parameters, lr=setup["rate"], momentum=setup["momentum"])

    def run():
        with torch.enable_grad():
            optimizer.zero_grad()
            loss = F.cross_entropy(builder(network, images), labels)
            loss.backward()
            optimizer.step()
            return loss

    def outputs():
        first = run()
        norms = [p.detach().double().norm() for p in builder.parameters]
        return arrays([first, run(), run()] + norms)

    return Workload(run, outputs, finish)


class RecurrentModel(torch.nn.Module):
    """Embedded characters, two layers of cells, a dense layer."""

    def __init__(self, cell, vocabulary, units):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, units)
        self.layers = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](units, units, 2)
        self.head = torch.nn.Linear(units, vocabulary)
        for index, (name, parameter) in enumerate(self.named_parameters()):
            parameter.data = place(inputs.parameter(tuple(parameter.shape), "bias" in name, index))

    def forward(self, tokens):
        return self.head(self.layers(self.embedding(tokens))[0])


def recurrent_step(case):
    steps, samples, vocabulary, units = case["shapes"][0]
    numbers = place(inputs.tokens(steps, samples, vocabulary))
    model = RecurrentModel(case["operation"], vocabulary, units)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def run():
        with torch.enable_grad():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(numbers[:-1]).flatten(0, 1), numbers[1:].flatten())
            loss.backward()
            optimizer.step()
            return loss

    def outputs():
        first = run()
        norms = [p.detach().double().norm() for p in model.parameters()]
        return arrays([first, run(), run()] + norms)

    return Workload(run, outputs, finish)


def detection_step(case):
    """torchvision's `fasterrcnn_resnet50_fpn` as its pretrained form is trained: batch normalisation frozen, all else learns."""
    from torchvision.models import resnet50
    from torchvision.models.detection import FasterRCNN, fasterrcnn_resnet50_fpn
    from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
    from torchvision.ops.misc import FrozenBatchNorm2d

    n, _, height, width = case["shapes"][0]
    body = resnet50(weights=None, norm_layer=FrozenBatchNorm2d)
    model = FasterRCNN(_resnet_fpn_extractor(body, 5), 21, min_size=min(height, width), max_size=max(height, width),
                       image_mean=[0, 0, 0], image_std=[1, 1, 1]).to(device).train()
    learned = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=21).named_parameters()
    tensors = model.state_dict()
    for index, (name, parameter) in enumerate(learned):
        tensors[name].copy_(place(inputs.detector_parameter(name, tuple(parameter.shape), index)))
    images = list(place(inputs.uniform((n, 3, height, width), 0, 1, 8, 0)))
    corners = torch.arange(8)[:, None] / 16 * torch.tensor([width, height])
    boxes = torch.cat([corners, corners + torch.tensor([width / 4, height / 3])], 1)
    targets = [{"boxes": boxes, "labels": torch.arange(1, 9)} for _ in images]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def run():
        with torch.enable_grad():
            optimizer.zero_grad()
            loss = sum(model(images, targets).values())
            loss.backward()
            optimizer.step()
            return loss

    return Workload(run, lambda: arrays(run()), finish)


KINDS = {"matmul": matmul, "convolution": convolution, "attention": attention, "pointwise": pointwise,
         "normalization": rows, "softmax": rows, "reduction": rows, "pooling": pooling, "region": region,
         "optimizer": optimizer, "trainStep": train_step,
         "recurrentStep": recurrent_step, "detectionStep": detection_step}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    torch.set_default_device(arguments.device)
    device = torch.device(arguments.device)
    about = {"name": "PyTorch", "version": torch.__version__, "threads": torch.get_num_threads()}
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        about["device"] = torch.cuda.get_device_name()
    serve(about, lambda case: KINDS[case["kind"]](case))
