"""Models of text: logits, losses and gradients of a GPT-2, an LSTM language model and a translating Transformer, each in PyTorch.

The tensors of model M are `M/state/NAME` (the state dictionary under the names of the files that people share), `M/tokens`,
`M/logits`, `M/loss` and `M/grad/NAME`. GPT-2 is written out here from the paper and the names of Hugging Face's files: its linear
layers have weights [inputs, outputs]. The LSTM reads two pieces, the second from the state of the first, whose gradient is cut.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from golden import save


class GPT2(nn.Module):
    """GPT-2 over a flat dictionary of parameters."""

    def __init__(self, vocabulary, context, layers, heads, width):
        super().__init__()
        self.layers, self.heads, self.width = layers, heads, width
        shapes = {"wte.weight": [vocabulary, width], "wpe.weight": [context, width]}
        for layer in range(layers):
            block = {"ln_1.weight": [width], "ln_1.bias": [width], "attn.c_attn.weight": [width, 3 * width],
                     "attn.c_attn.bias": [3 * width], "attn.c_proj.weight": [width, width], "attn.c_proj.bias": [width],
                     "ln_2.weight": [width], "ln_2.bias": [width], "mlp.c_fc.weight": [width, 4 * width],
                     "mlp.c_fc.bias": [4 * width], "mlp.c_proj.weight": [4 * width, width], "mlp.c_proj.bias": [width]}
            shapes |= {f"h.{layer}.{name}": shape for name, shape in block.items()}
        shapes |= {"ln_f.weight": [width], "ln_f.bias": [width]}
        self.values = {name: nn.Parameter((torch.randn(shape) * 0.3 + (1 if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")) else 0)))
                       for name, shape in shapes.items()}

    def forward(self, tokens):
        p, length = self.values, tokens.shape[1]
        norm = lambda x, name: F.layer_norm(x, [self.width], p[name + ".weight"], p[name + ".bias"])
        dense = lambda x, name: x @ p[name + ".weight"] + p[name + ".bias"]
        x = p["wte.weight"][tokens] + p["wpe.weight"][:length]
        hidden = torch.triu(torch.full((length, length), -torch.inf, dtype=x.dtype), 1)
        for layer in range(self.layers):
            block = f"h.{layer}."
            q, k, v = (part.reshape(*part.shape[:2], self.heads, -1).transpose(1, 2)
                       for part in dense(norm(x, block + "ln_1"), block + "attn.c_attn").chunk(3, -1))
            weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + hidden, -1)
            x = x + dense((weights @ v).transpose(1, 2).reshape(x.shape), block + "attn.c_proj")
            inner = F.gelu(dense(norm(x, block + "ln_2"), block + "mlp.c_fc"), approximate="tanh")
            x = x + dense(inner, block + "mlp.c_proj")
        return norm(x, "ln_f") @ p["wte.weight"].T


class LSTMModel(nn.Module):
    def __init__(self, vocabulary, width, layers):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(vocabulary, width), nn.LSTM(width, width, layers, batch_first=True)
        self.output = nn.Linear(width, vocabulary)

    def forward(self, tokens, state=None):
        y, state = self.lstm(self.embedding(tokens), state)
        return self.output(y), state


class Translator(nn.Module):
    def __init__(self, vocabulary, width, heads, hidden, layers):
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(vocabulary, width)
        self.transformer = nn.Transformer(width, heads, layers, layers, hidden, 0.0, batch_first=True, norm_first=True)

    def embed(self, tokens):
        position = torch.arange(tokens.shape[1], dtype=torch.float64)[:, None]
        angles = position * torch.exp(torch.arange(0, self.width, 2, dtype=torch.float64) * (-math.log(10000) / self.width))
        table = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        return self.embedding(tokens) * math.sqrt(self.width) + table

    def forward(self, source, target, padding):
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1], dtype=torch.float64)
        y = self.transformer(self.embed(source), self.embed(target), tgt_mask=mask, src_key_padding_mask=padding,
                             memory_key_padding_mask=padding)
        return y @ self.embedding.weight.T


def store(tensors, name, parameters, loss, **more):
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    for key, value in more.items():
        tensors[f"{name}/{key}"] = value
    tensors[f"{name}/loss"] = loss
    for (key, value), gradient in zip(parameters.items(), gradients):
        tensors[f"{name}/state/{key}"] = value
        tensors[f"{name}/grad/{key}"] = gradient


def write(path):
    tensors = {}
    torch.manual_seed(20)
    gpt = GPT2(vocabulary=23, context=12, layers=2, heads=2, width=8)
    gpt.values = {name: nn.Parameter(value.detach().double()) for name, value in gpt.values.items()}
    tokens = torch.randint(23, (2, 11))
    logits = gpt(tokens[:, :-1])
    store(tensors, "gpt", gpt.values, F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()), tokens=tokens, logits=logits)

    torch.manual_seed(21)
    lstm = LSTMModel(13, 6, 2).double()
    tokens = torch.randint(13, (3, 9))
    first, state = lstm(tokens[:, :4])
    second, _ = lstm(tokens[:, 4:8], tuple(part.detach() for part in state))
    loss = F.cross_entropy(second.flatten(0, 1), tokens[:, 5:9].flatten())
    store(tensors, "lstm", dict(lstm.named_parameters()), loss, tokens=tokens, logits=torch.cat([first, second], 1))

    torch.manual_seed(22)
    model = Translator(17, 8, 2, 12, 2).double()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, dtype=torch.float64)
    source, target = torch.randint(17, (3, 7)), torch.randint(17, (3, 6))
    lengths = torch.tensor([7, 3, 5])
    padding = torch.arange(7)[None] >= lengths[:, None]
    model.train()
    logits = model(source, target[:, :-1], padding)
    loss = F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), label_smoothing=0.1)
    store(tensors, "transformer", dict(model.named_parameters()), loss, source=source, target=target, lengths=lengths,
          logits=logits)

    arrays = {}
    for key, value in tensors.items():
        arrays[key] = value.detach().numpy().astype("float32" if value.is_floating_point() else "int32")
    save(path, arrays, "cases", [])
