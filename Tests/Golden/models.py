"""Logits, loss and gradients of torchvision's networks, from weights that both sides compute by `weight_values`.

In models.safetensors, for each network: NAME/logits [2, 16] in evaluation, NAME/loss and NAME/gradient_norms (of the
parameters in order) of a cross-entropy in training without dropout; its parameters and buffers with their shapes are in the
metadata. Images are [2, 3, 64, 64] by the same rule.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden import save

CLASSES, SIZE = 16, 64
LABELS = [3, 11]
NETWORKS = {
    "alexnet": {}, "vgg11": {}, "vgg11_bn": {}, "vgg16": {}, "vgg16_bn": {}, "resnet18": {}, "resnet50": {},
    "squeezenet": {"torchvision": "squeezenet1_0"}, "squeezenet1_1": {},
}


def torchvision_models():
    """torchvision's networks are plain Python; where its compiled operators do not fit this build of PyTorch, the names that
    its import wants are declared without a body."""
    try:
        import torchvision.models
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
                       "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"):
            library.define(schema)
        import torchvision.models
    return torchvision.models


def mixed(count, tensor):
    """Numbers in [-0.5, 0.5): MurmurHash3's finalizer of the position and the tensor's number."""
    with np.errstate(over="ignore"):
        h = np.arange(count, dtype=np.uint32) + np.uint32(tensor * 0x9E3779B1 & 0xFFFFFFFF)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    return h.astype(np.float64) / 2**32 - 0.5


def weight_values(name, shape, tensor):
    values = mixed(int(np.prod(shape)), tensor).reshape(shape)
    if len(shape) > 1:
        return values * np.sqrt(24 / np.prod(shape[1:]))
    if name.endswith("running_var") or name.endswith("weight"):
        return 1 + 0.5 * values
    return 0.2 * values


def fill(model):
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    with torch.no_grad():
        for number, (name, tensor) in enumerate(sorted(state.items())):
            tensor.copy_(torch.from_numpy(weight_values(name, tuple(tensor.shape), number + 1).astype(np.float32)))
    return {name: list(tensor.shape) for name, tensor in state.items()}


def write(path):
    models = torchvision_models()
    tensors, states = {}, {}
    images = torch.from_numpy(mixed(2 * 3 * SIZE * SIZE, 0).astype(np.float32) * 4).reshape(2, 3, SIZE, SIZE)
    for name, options in NETWORKS.items():
        model = getattr(models, options.get("torchvision", name))(weights=None, num_classes=CLASSES)
        states[name] = fill(model)
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0
        model.eval()
        with torch.no_grad():
            tensors[f"{name}/logits"] = model(images).numpy()
        model.train()
        loss = F.cross_entropy(model(images), torch.tensor(LABELS))
        loss.backward()
        tensors[f"{name}/loss"] = loss.detach().numpy().reshape(1)
        norms = [parameter.grad.double().norm().item() for _, parameter in model.named_parameters()]
        tensors[f"{name}/gradient_norms"] = np.array(norms, dtype=np.float32)
        states[name + "/parameters"] = [parameter_name for parameter_name, _ in model.named_parameters()]
        print(f"{name}: loss {loss.item():.4f}, logits up to {np.abs(tensors[f'{name}/logits']).max():.3f}")
    save(path, tensors, "states", states)
