"""Attention and Transformer layers: PyTorch's modules with their own state dictionaries.

In transformers.safetensors, for each case C of the metadata's list {name, kind, options, inputs}: C/state/NAME the parameters,
C/in0, ... the inputs, C/out0 the result, C/up0 the gradient that reaches it, C/grad/NAME and C/ingrad0, ... what follows. All
in float64, rounded once. Masks are as Martlet has them: int32, 1 where a key is seen.
"""

import torch
from torch import nn

from golden import Cases, normal, save


def causal(t):
    return torch.ones(t, t).tril().bool()


def visible(lengths, s):
    return torch.arange(s)[None] < torch.tensor(lengths)[:, None]


class Layers(Cases):
    def layer(self, name, kind, module, inputs, run, options=None, masks=()):
        """`inputs` are tensors, of which floating ones get a gradient; `run` takes the module and them."""
        generator = self.generator(name)
        module = module.double().train()
        with torch.no_grad():
            for key, parameter in module.named_parameters():
                spread = 0.3 if parameter.dim() == 1 else 1 / parameter.shape[1] ** 0.5
                mean = 1.0 if parameter.dim() == 1 and "norm" in key and key.endswith("weight") else 0.0
                parameter.copy_(normal(generator, *parameter.shape, mean=mean, deviation=spread))
        arguments = [x.double().requires_grad_() if x.is_floating_point() else x for x in inputs]
        result = run(module, *arguments)
        up = normal(generator, *result.shape)
        (result * up.double()).sum().backward()
        for key, parameter in module.named_parameters():
            self.store(f"{name}/state/{key}", parameter)
            self.store(f"{name}/grad/{key}", parameter.grad)
        for index, (x, argument) in enumerate(zip(inputs, arguments)):
            self.store(f"{name}/in{index}", x)
            if argument.requires_grad:
                self.store(f"{name}/ingrad{index}", argument.grad)
        for key, mask in masks:
            self.store(f"{name}/{key}", mask.int())
        self.store(f"{name}/out0", result)
        self.store(f"{name}/up0", up)
        self.cases.append({"name": name, "op": kind, "options": options or {}})


def add_attention(cases):
    width, heads = 12, 3
    generator = cases.generator("attention inputs")
    x, memory = normal(generator, 2, 5, width), normal(generator, 2, 7, width)
    mask = torch.rand(5, 7, generator=generator) > 0.3
    mask[:, 0] = True
    make = lambda **options: nn.MultiheadAttention(width, heads, batch_first=True, **options)

    def same(module, x):
        return module(x, x, x, need_weights=False)[0]

    cases.layer("selfAttention", "attention", make(), [x], same)
    cases.layer("selfAttentionUnbiased", "attention", make(bias=False), [x], same, {"bias": False})
    cases.layer("selfAttentionCausal", "attention", make(), [x],
                lambda m, x: m(x, x, x, attn_mask=~causal(5), need_weights=False)[0], {"causal": True})
    cases.layer("selfAttentionLengths", "attention", make(), [x],
                lambda m, x: m(x, x, x, key_padding_mask=~visible([3, 5], 5), need_weights=False)[0], {"lengths": [3, 5]})
    cases.layer("crossAttention", "attention", make(), [x, memory],
                lambda m, x, y: m(x, y, y, need_weights=False)[0])
    cases.layer("crossAttentionMasked", "attention", make(), [x, memory],
                lambda m, x, y: m(x, y, y, attn_mask=~mask, need_weights=False)[0], {"mask": True}, [("mask", mask)])
    wide, narrow = normal(generator, 2, 7, 10), normal(generator, 2, 7, 6)
    cases.layer("crossAttentionWidths", "attention", make(kdim=10, vdim=6), [x, wide, narrow],
                lambda m, x, k, v: m(x, k, v, need_weights=False)[0], {"keyWidth": 10, "valueWidth": 6})


def add_layers(cases):
    width, heads, hidden = 12, 3, 20
    generator = cases.generator("layer inputs")
    x, y = normal(generator, 2, 5, width), normal(generator, 2, 7, width)
    for activation in ("relu", "gelu"):
        for first in (False, True):
            options = {"activation": activation, "normFirst": first, "width": width, "heads": heads, "hidden": hidden}
            suffix = activation.capitalize() + ("Pre" if first else "Post")
            torch_options = dict(dropout=0.0, activation=activation, batch_first=True, norm_first=first)
            cases.layer("encoderLayer" + suffix, "encoderLayer",
                        nn.TransformerEncoderLayer(width, heads, hidden, **torch_options), [x],
                        lambda m, x: m(x, src_key_padding_mask=~visible([5, 4], 5)), options | {"lengths": [5, 4]})
            cases.layer("decoderLayer" + suffix, "decoderLayer",
                        nn.TransformerDecoderLayer(width, heads, hidden, **torch_options), [x, y],
                        lambda m, x, y: m(x, y, tgt_mask=~causal(5), memory_key_padding_mask=~visible([7, 3], 7)),
                        options | {"lengths": [7, 3]})
    for first, layers in ((False, 2), (True, 1)):
        options = {"activation": "relu", "normFirst": first, "width": width, "heads": heads, "hidden": hidden, "layers": layers}
        transformer = nn.Transformer(width, heads, layers, layers, hidden, dropout=0.0, batch_first=True, norm_first=first)
        cases.layer("transformer" + ("Pre" if first else "Post"), "transformer", transformer, [y, x],
                    lambda m, s, t: m(s, t, tgt_mask=~causal(5), src_key_padding_mask=~visible([7, 3], 7),
                                      memory_key_padding_mask=~visible([7, 3], 7)), options | {"lengths": [7, 3]})
    unbiased = nn.TransformerEncoderLayer(width, heads, hidden, dropout=0.0, batch_first=True, layer_norm_eps=1e-3, bias=False)
    cases.layer("encoderLayerUnbiased", "encoderLayer", unbiased, [x], lambda m, x: m(x),
                {"activation": "relu", "normFirst": False, "width": width, "heads": heads, "hidden": hidden, "bias": False,
                 "epsilon": 1e-3})


def add_others(cases):
    generator = cases.generator("other inputs")
    x = normal(generator, 3, 4, 6)
    cases.layer("rmsNorm", "rmsNorm", nn.RMSNorm(6, eps=1e-5), [x], lambda m, x: m(x), {"shape": [6], "epsilon": 1e-5})
    cases.layer("rmsNormTwoAxes", "rmsNorm", nn.RMSNorm((4, 6), eps=1e-3), [x], lambda m, x: m(x),
                {"shape": [4, 6], "epsilon": 1e-3})
    indices = torch.tensor([[1, 0, 3, 3], [2, 1, 1, 0]])
    cases.layer("embedding", "embedding", nn.Embedding(5, 6), [indices], lambda m, i: m(i))
    cases.layer("embeddingPadding", "embedding", nn.Embedding(5, 6, padding_idx=1), [indices], lambda m, i: m(i),
                {"padding": 1})


def write(path):
    cases = Layers()
    add_attention(cases)
    add_layers(cases)
    add_others(cases)
    save(path, cases.tensors, "cases", cases.cases)
