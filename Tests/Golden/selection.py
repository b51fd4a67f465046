"""Reductions and indexing."""

import torch

from golden import normal


def reduction(cases):
    cases.family = "Reduction"
    axes = {"All": [0, 1, 2], "First": [0], "Middle": [1], "Last": [-1], "Outer": [0, 2], "Kept": [1, 2]}
    for suffix, axis in axes.items():
        keep = suffix == "Kept"
        options = {"axes": axis, "keepDimensions": keep}
        x = normal(cases.generator("reduce" + suffix), 4, 7, 5, mean=0.5)
        for op, function in {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin,
                             "norm": torch.linalg.vector_norm}.items():
            cases.add(op + suffix, op, lambda x: {"y": function(x, dim=axis, keepdim=keep)}, {"x": x}, options)
        for correction in (0, 1):
            cases.add(f"variance{correction}{suffix}", "variance",
                      lambda x: {"y": torch.var(x, dim=axis, correction=correction, keepdim=keep)}, {"x": x},
                      options | {"correction": correction})
        if len(axis) == 1:
            for op, function in {"argMax": torch.argmax, "argMin": torch.argmin}.items():
                cases.add(op + suffix, op, lambda x: {"y": function(x, dim=axis[0])}, {"x": x},
                          {"axis": axis[0], "keepDimensions": False})
    # A mean far from zero, where the difference of large sums loses the variance.
    x = normal(cases.generator("varianceFar"), 3, 200, mean=1000)
    cases.add("varianceFar", "variance", lambda x: {"y": torch.var(x, dim=-1, correction=1)}, {"x": x},
              {"axes": [-1], "keepDimensions": False, "correction": 1})


def indexing(cases):
    cases.family = "Indexing"
    generator = cases.generator("indexing")
    indices = torch.tensor([[3, 0, 3], [8, 5, 3]], dtype=torch.int32)
    cases.add("embedding", "embedding", lambda table, i: {"y": torch.nn.functional.embedding(i.long(), table)},
              {"table": normal(generator, 9, 5), "indices": indices})

    indices = torch.tensor([2, 2, 0, 4, 2], dtype=torch.int32)
    for axis in (0, 1, -1):
        shape = [3, 4, 3]
        shape[axis] = 6
        options = {"axis": axis}
        cases.add(f"indexSelect{axis % 3}", "indexSelect",
                  lambda x, i: {"y": x.index_select(axis, i)}, {"x": normal(generator, *shape), "indices": indices}, options)
        source = list(shape)
        source[axis] = 5
        cases.add(f"indexAdd{axis % 3}", "indexAdd", lambda x, i, source: {"y": x.index_add(axis, i, source)},
                  {"x": normal(generator, *shape), "indices": indices, "source": normal(generator, *source)}, options)
        elements = torch.randint(0, 6, source, generator=generator, dtype=torch.int32)
        cases.add(f"gather{axis % 3}", "gather", lambda x, i: {"y": x.gather(axis, i.long())},
                  {"x": normal(generator, *shape), "indices": elements}, options)
        cases.add(f"scatterAdd{axis % 3}", "scatterAdd", lambda x, i, source: {"y": x.scatter_add(axis, i.long(), source)},
                  {"x": normal(generator, *shape), "indices": elements, "source": normal(generator, *source)}, options)

    x = normal(generator, 4, 3, 11)
    for largest in (True, False):
        for count in (1, 4, 11):
            cases.add(f"topK{count}{'Largest' if largest else 'Smallest'}", "topK",
                      lambda x: dict(zip(("values", "indices"), torch.topk(x, count, largest=largest))), {"x": x},
                      {"k": count, "axis": -1, "largest": largest})
    tied = torch.randint(0, 4, (3, 13), generator=generator).float()
    for suffix, x, axis in [("", x, -1), ("Middle", x, 1), ("Tied", tied, -1), ("Long", normal(generator, 2, 131), -1)]:
        for descending in (False, True):
            cases.add(f"sort{suffix}{'Descending' if descending else 'Ascending'}", "sort",
                      lambda x: dict(zip(("values", "indices"),
                                         torch.sort(x, dim=axis, descending=descending, stable=True))), {"x": x},
                      {"axis": axis, "descending": descending, "stable": True})

    x = normal(generator, 3, 5, 4)
    cases.add("slice", "slice", lambda x: {"y": x[:, 1:5:2]}, {"x": x}, {"axis": 1, "start": 1, "end": 5, "step": 2})
    cases.add("concatenate", "concatenate", lambda a, b: {"y": torch.cat([a, b], 1)},
              {"a": x, "b": normal(generator, 3, 2, 4)}, {"axis": 1})
    cases.add("permute", "permute", lambda x: {"y": x.permute(2, 0, 1).contiguous()}, {"x": x}, {"axes": [2, 0, 1]})
    cases.add("pad", "pad", lambda x: {"y": torch.nn.functional.pad(x, (1, 2, 0, 3), value=-1.5)}, {"x": x},
              {"padding": [[0, 0], [0, 3], [1, 2]], "value": -1.5})


def add(cases):
    reduction(cases)
    indexing(cases)
