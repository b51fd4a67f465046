"""LSTM and GRU layers: outputs, last states and the gradients of input, initial state and parameters.

The inputs of a case are x, h0, c0 (of an LSTM), lengths (where samples have different ones), then the parameters by the names that
`torch.nn.LSTM` and `torch.nn.GRU` give them, in their order.
"""

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from golden import Cases, normal

DEFAULTS = {"layers": 1, "bidirectional": False, "bias": True, "batchFirst": False}


def write(path):
    cases = Cases("Recurrence")
    for cell in ("lstm", "gru"):
        for name, (t, n, inputs, hidden), lengths, options in [
            ("", (6, 3, 5, 7), None, {}),
            ("Layers", (5, 4, 3, 6), None, {"layers": 3}),
            ("Bidirectional", (5, 3, 4, 5), None, {"bidirectional": True}),
            ("NoBias", (5, 3, 4, 5), None, {"bias": False, "batchFirst": True}),
            ("Lengths", (6, 5, 4, 5), [4, 6, 1, 6, 3], {}),
            ("LengthsBidirectional", (6, 4, 3, 5), [2, 6, 5, 1], {"bidirectional": True, "layers": 2, "batchFirst": True}),
            ("Wide", (5, 17, 9, 36), None, {}),
        ]:
            add(cases, cell + name, cell, t, n, inputs, hidden, lengths, DEFAULTS | options)
    cases.write(path)


def add(cases, name, cell, t, n, inputs, hidden, lengths, options):
    generator = cases.generator(name)
    layer_type = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    layer = layer_type(inputs, hidden, options["layers"], options["bias"], bidirectional=options["bidirectional"])
    states = options["layers"] * (2 if options["bidirectional"] else 1)
    first = options["batchFirst"]
    tensors = {"x": normal(generator, *((n, t) if first else (t, n)), inputs), "h0": normal(generator, states, n, hidden, deviation=0.5)}
    if cell == "lstm":
        tensors["c0"] = normal(generator, states, n, hidden)
    if lengths:
        tensors["lengths"] = torch.tensor(lengths)
    for key, value in layer.named_parameters():
        tensors[key] = normal(generator, *value.shape, deviation=hidden ** -0.5)
    count = 2 if cell == "lstm" else 1

    def run(x, *rest):
        state, weights = rest[:count], list(rest[count + (1 if lengths else 0):])
        function = torch.lstm if cell == "lstm" else torch.gru
        settings = (options["bias"], options["layers"], 0.0, False, options["bidirectional"])
        if lengths:
            packed = pack_padded_sequence(x, rest[count], first, enforce_sorted=False)
            state = [part.index_select(1, packed.sorted_indices) for part in state]
            output, *last = function(packed.data, packed.batch_sizes, state if count == 2 else state[0], weights, *settings)
            output = PackedSequence(output, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
            output, _ = pad_packed_sequence(output, first, total_length=t)
            last = [part.index_select(1, packed.unsorted_indices) for part in last]
        else:
            output, *last = function(x, state if count == 2 else state[0], weights, *settings, first)
        return dict(zip(("y", "hn", "cn"), (output, *last)))

    cases.add(name, cell, run, tensors, {"hidden": hidden, **options})
