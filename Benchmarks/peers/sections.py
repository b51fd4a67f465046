"""The sections of the table: what each measures, shows and wants."""

import math
from dataclasses import dataclass, field
from typing import Callable

import cases
import whole
from measuring import FOREIGN, measure


@dataclass
class Section:
    """A table with a row for each case."""
    name: str
    title: str
    rows: Callable
    columns: list  # (heading, function of a result that gives text)
    targets: list = field(default_factory=list)  # (text, function of a result that gives a figure or None, the least wanted)
    means: list = field(default_factory=list)  # (text, function of a result, the least wanted geometric mean)
    note: str = ""

    def run(self, servers, progress):
        """The section's lines, and what was not measured or does not agree."""
        results, missing = [], []
        for row in self.rows():
            progress(f"{self.name}: {row.name}")
            results.append(measure(row, servers))
            missing += results[-1].missing
        lines = [self.note, ""] if self.note else []
        lines += table(["case", *(heading for heading, _ in self.columns)],
                       [[r.row.name, *(show(r) for _, show in self.columns)] for r in results])
        return lines + verdicts(self, results) + disturbed(results), missing


def disturbed(results):
    """Says in which rows the figures are not to be trusted, since something else was running."""
    rows = [f"{r.row.name} {r.foreign:.0%}" for r in results if r.foreign > FOREIGN]
    return ["", "- **disturbed** by other processes, with their share of the machine: " + "; ".join(rows)] if rows else []


def table(headings, rows):
    return ["| " + " | ".join(cells) + " |" for cells in (headings, ["---"] * len(headings), *rows)]


def verdicts(section, results):
    lines = []
    for text, figure, least in section.means:
        figures = [f for f in map(figure, results) if f]
        if figures:
            mean = math.exp(sum(map(math.log, figures)) / len(figures))
            lines.append(f"- {text}: geometric mean {mean:.2f}, wanted {least}" + ("" if mean >= least else ": **short**"))
    for text, figure, least in section.targets:
        figures = [(r.row.name, figure(r)) for r in results]
        short = [f"{name} {f:.2f}" for name, f in figures if f is not None and f < least]
        if any(f is not None for _, f in figures):
            lines.append(f"- {text}, wanted {least}: " + ("**short** in " + "; ".join(short) if short else "held in every row"))
    return [""] + lines if lines else []


# Figures of a result.

def ratio(ours, theirs):
    return lambda r: (r.ratio(ours, theirs) or [None])[0]


def share(label, roof, fact):
    def figure(r):
        rate, most = r.rate(label, fact), r.rate(roof, fact)
        return rate / most if rate and most else None
    return figure


def only(figure, wanted):
    """The figure of the rows whose names have one of these in them."""
    return lambda r: figure(r) if any(text in r.row.name for text in wanted) else None


# Their columns.

def ms(label, scale=1.0):
    def show(r):
        value = r.ms(label)
        return "" if value is None else f"{value * scale:.{max(0, 2 - int(math.floor(math.log10(value * scale))))}f}"
    return show


def times(ours, theirs):
    def show(r):
        value = r.ratio(ours, theirs)
        return "" if value is None else f"{value[0]:.2f} ({value[1]:.2f} to {value[2]:.2f})"
    return show


def part(figure):
    return lambda r: "" if figure(r) is None else f"{figure(r):.2f}"


def errors(*labels):
    return lambda r: ", ".join(f"{r.errors[label]:.0e}" for label in labels if label in r.errors)


def against(peer, title):
    return [(f"cpu / {title}", times("cpu", peer)), (f"opencl / {title}", times("opencl", peer))]


MS = [("cpu ms", ms("cpu")), ("opencl ms", ms("opencl")), ("PyTorch ms", ms("torch"))]
AGREE = [("difference", errors("cpu", "opencl"))]
LARGE = ("1024", "2048", "4096")


def at_least(peer, title, least, rows=None):
    def chosen(figure):
        return only(figure, rows) if rows else figure
    return [(f"{device}, times {title}'s speed", chosen(ratio(device, peer)), least) for device in cases.OURS]


def matmul():
    roof = [(f"{device}, share of its roof", share(device, f"{device} roof", "operations")) for device in cases.OURS]
    return Section(
        "matmul", "Square products", cases.squares,
        MS + [("OpenBLAS ms", ms("openblas")), ("CLBlast ms", ms("clblast"))] + against("torch", "PyTorch")
        + [("cpu / OpenBLAS", times("cpu", "openblas")), ("opencl / CLBlast", times("opencl", "clblast"))]
        + [(text, part(figure)) for text, figure in roof]
        + [("roof GFLOP/s", lambda r: ", ".join(f"{(r.rate(f'{d} roof', 'operations') or 0) / 1e9:.0f}" for d in cases.OURS))]
        + AGREE,
        [("opencl, share of the multiply-add roof", only(roof[1][1], ("2048", "4096")), 0.88),
         ("opencl, share of the multiply-add roof", only(roof[1][1], ("1024",)), 0.85),
         ("cpu, times bare OpenBLAS's speed", ratio("cpu", "openblas"), 0.97)]
        + at_least("torch", "PyTorch", 1.5, ("256", "512")) + at_least("torch", "PyTorch", 2, LARGE)
        + at_least("clblast", "CLBlast", 15))


def dense():
    return Section("layers", "Products of dense layers: batch x inputs x outputs", cases.layers,
                   MS + against("torch", "PyTorch") + AGREE, at_least("torch", "PyTorch", 1.3))


def convolution(name, title, table):
    fast = [(f"{d} F(4x4) / PyTorch", times(f"{d} F(4x4)", "torch")) for d in cases.OURS]
    # F(2x2) is for 3 x 3 kernels without a stride.
    square = [entry[0] for entry in table if entry[2][2] == 3 and entry[3] == 1]
    return Section(
        f"convolution-{name}", title, lambda: cases.convolutions(table),
        MS + against("torch", "PyTorch") + fast
        + [("difference; F(4x4)", lambda r: "; ".join(filter(None, (
            errors("cpu", "opencl")(r), errors("cpu F(4x4)", "opencl F(4x4)")(r)))))],
        at_least("torch", "PyTorch", 1.0) + (at_least("torch", "PyTorch", 1.3, square) if square else [])
        + [(f"{d} with F(4x4), times PyTorch's speed", ratio(f"{d} F(4x4)", "torch"), 1.6) for d in cases.OURS],
        [(f"{d}, times PyTorch's speed", ratio(d, "torch"), 1.5) for d in cases.OURS])


def attention():
    return Section("attention", "Attention: batch x heads x positions x width", cases.attentions,
                   MS + against("torch", "PyTorch") + AGREE, at_least("torch", "PyTorch", 1.0))


def memory_bound(name, title, rows):
    shares = [(f"{d}, share of a copy's bandwidth", share(d, f"{d} roof", "bytes")) for d in cases.OURS]
    wanted = [("relu", 5), ("softmax", 5), ("add", 3.5), ("sum", 1), ("maximumOfRows", 1)]
    return Section(
        name, title, rows,
        MS + [("PyTorch out= ms", ms("torch out"))] + against("torch", "PyTorch") + against("torch out", "PyTorch out=")
        + [(text, part(figure)) for text, figure in shares]
        + [("copy GB/s", lambda r: ", ".join(f"{(r.rate(f'{d} roof', 'bytes') or 0) / 1e9:.1f}" for d in cases.OURS))] + AGREE,
        [(text, figure, 0.85) for text, figure in shares] + at_least("torch out", "PyTorch out=", 1.0)
        + [(f"{text}, {operation}", only(figure, (operation,)), least) for operation, factor in wanted
           for text, figure, least in at_least("torch", "PyTorch", factor)])


def regions():
    return Section("regions", "Suppression, and pooling of regions of 256 x 50 x 50", cases.regions,
                   MS + against("torch", "torchvision") + AGREE, at_least("torch", "torchvision", 3))


def steps(name, title, names):
    return Section(name, title, lambda: cases.train_steps(names, "torch"), MS + against("torch", "PyTorch") + AGREE,
                   [("cpu, times PyTorch's speed", ratio("cpu", "torch"), 2),
                    ("opencl, times PyTorch's speed", ratio("opencl", "torch"), 1.5)])


def recurrent():
    return Section("recurrent", "Training steps of recurrent language models, sequences of 64, batch 32", cases.recurrent_steps,
                   MS + against("torch", "PyTorch") + AGREE, at_least("torch", "PyTorch", 1.1))


def detectors():
    return Section("detectors", "Training steps of Faster R-CNN", cases.detection_steps,
                   MS + against("torch", "torchvision") + AGREE, at_least("torch", "torchvision", 1.5))


def optimizer():
    shares = [(f"{d}, share of a triad's bandwidth", share(d, f"{d} roof", "bytes")) for d in cases.OURS]
    forms = [("foreach", ms("torch foreach")), ("fused", ms("torch fused"))]
    return Section(
        "optimizer", "Optimizer steps over AlexNet's parameters", cases.optimizers,
        MS + [(f"PyTorch {form} ms", show) for form, show in forms] + against("torch", "PyTorch")
        + against("torch fused", "PyTorch fused") + [(text, part(figure)) for text, figure in shares] + AGREE,
        [(text, figure, 0.85) for text, figure in shares] + at_least("torch fused", "PyTorch fused", 1.0)
        + at_least("torch", "PyTorch", 5, ("adam",)))


def small():
    bare = [("bare launch us", lambda r: f"{1e6 / r.rate('bare launch', 'operations'):.2f}" if r.ms("bare launch") else "")]

    def launches(r):
        rate = r.rate("bare launch", "operations")
        return 1e6 / rate / (r.ms("opencl") * 1e3) if rate and r.ms("opencl") else None

    return Section(
        "overhead", "Fixed cost of a small operation, in a pipeline", cases.small_ops,
        [(f"{d} us", ms(d, 1e3)) for d in (*cases.OURS, "torch")] + bare + AGREE,
        [("cpu, 5 us over its time", lambda r: 5e-3 / r.ms("cpu") if r.ms("cpu") else None, 1.0),
         ("opencl, a bare launch's time over its time", launches, 0.5)])


def sections():
    """Every section, in the table's order."""
    photos = ("alexnet", "resnet18", "vgg16")
    return [
        matmul(), dense(),
        convolution("resnet18", "Convolutions of ResNet-18", cases.RESNET18),
        convolution("alexnet", "Convolutions of AlexNet", cases.ALEXNET),
        convolution("vgg", "Convolutions of VGG", cases.VGG),
        convolution("narrow", "Convolutions of 1 x 1", cases.NARROW),
        attention(),
        memory_bound("pointwise", "Pointwise operations on 64 MiB", cases.pointwise),
        memory_bound("rows", "Softmax, normalisation, reductions and pooling on 64 MiB", cases.over_rows),
        steps("steps-small", "Training steps, batch 128", ("mlp", "lenet")),
        steps("steps-photo", "Training steps, photos of 224 x 224", photos),
        whole.Tinygrad("small", "mlp", "lenet"), *(whole.Tinygrad(name, name) for name in photos),
        recurrent(), detectors(), optimizer(), regions(), small(),
        whole.Memory(("mlp", "lenet", *photos)), whole.Start(),
    ]
