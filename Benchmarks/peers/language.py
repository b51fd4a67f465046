"""Trains the language models in PyTorch in the settings that `martlet train gpt` and `martlet train lstm` have, for comparing losses
and times side by side.

    python Benchmarks/peers/language.py gpt ../shared/data/tinyshakespeare/input.txt
    python Benchmarks/peers/language.py lstm ../shared/data/tinyshakespeare/input.txt --epochs 3
    python Benchmarks/peers/language.py gpt ../shared/data/tinyshakespeare/input.txt --steps 200 --beside .build/release/martlet
    python Benchmarks/peers/language.py generate ../shared/data/tinyshakespeare/input.txt --prompt 64 --tokens 256

`generate` writes with a gpt of 6 layers, 6 heads and width 384 that keeps keys and values, as `martlet generate` does with a run of
`martlet train gpt --steps 0 --set layers=6 --set heads=6 --set width=384 --set context=1024`.

The same model, batches of the same kind, schedule and optimizer; other random numbers. Prints a line of JSON with the validation
loss over the whole held-out text, as `martlet evaluate --split val` computes it, and the seconds that training alone took.
With `--beside` it takes turns with `martlet train` and prints the tokens a second of both, and the median of the turns' ratios.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.packed, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, kept=None):
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.packed(self.norm1(x)).chunk(3, -1))
        if kept is not None:
            if kept:
                k, v = torch.cat([kept[0], k], 2), torch.cat([kept[1], v], 2)
            kept[:] = [k, v]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=x.shape[1] > 1)
        x = x + self.output(y.transpose(1, 2).flatten(2))
        return x + self.outer(F.gelu(self.inner(self.norm2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, vocabulary, context=64, layers=4, heads=4, width=128):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                residual = name.endswith(("output.weight", "outer.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if residual else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, x, kept=None, start=0):
        x = self.tokens(x) + self.positions.weight[start:start + x.shape[1]]
        for index, block in enumerate(self.blocks):
            x = block(x, None if kept is None else kept[index])
        return self.norm(x) @ self.tokens.weight.T


class LSTM(nn.Module):
    def __init__(self, vocabulary, width=256, layers=2):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(vocabulary, width), nn.LSTM(width, width, layers)
        self.output = nn.Linear(width, vocabulary)

    def forward(self, x, state=None):
        y, state = self.lstm(self.embedding(x.T), state)
        return self.output(y).transpose(0, 1), state


def rate(step, steps, warmup, lowest=0.1):
    """Along half a cosine, behind a linear warm-up that multiplies it, as Martlet's schedules are put together."""
    value = lowest + (1 - lowest) * (1 + math.cos(math.pi * step / steps)) / 2
    return value * min(step / warmup, 1) if warmup else value


def train_gpt(training, validation, vocabulary, arguments):
    model = GPT(vocabulary)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0}],
                                  lr=1e-3, betas=(0.9, 0.99))
    context, rows, steps = 64, 12, arguments.steps or 2000
    started = time.time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * rate(step, steps, 100)
        starts = torch.randint(len(training) - context, (rows,), device="cpu").tolist()
        x = torch.stack([training[i:i + context] for i in starts])
        y = torch.stack([training[i + 1:i + 1 + context] for i in starts])
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
    seconds, total = time.time() - started, 0.0
    with torch.no_grad():
        whole = (len(validation) - 1) // context
        for first in range(0, whole, 32):
            starts = [i * context for i in range(first, min(first + 32, whole))]
            x = torch.stack([validation[i:i + context] for i in starts])
            y = torch.stack([validation[i + 1:i + 1 + context] for i in starts])
            total += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        rest = validation[whole * context:]
        if len(rest) > 1:
            total += F.cross_entropy(model(rest[None, :-1])[0], rest[1:], reduction="sum").item()
    return total / (len(validation) - 1), seconds, steps


def streams(text, rows):
    length = (len(text) - 1) // rows
    return (torch.stack([text[i * length:(i + 1) * length] for i in range(rows)]),
            torch.stack([text[i * length + 1:(i + 1) * length + 1] for i in range(rows)]))


def train_lstm(training, validation, vocabulary, arguments):
    model, context, rows = LSTM(vocabulary), 64, 32
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    inputs, labels = streams(training, rows)
    batches = math.ceil(inputs.shape[1] / context)
    steps, step, state = arguments.steps or arguments.epochs * batches, 0, None
    started = time.time()
    while step < steps:
        number = step % batches
        if number == 0:
            state = None
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * rate(step, steps, 0)
        part = slice(number * context, (number + 1) * context)
        logits, state = model(inputs[:, part], state)
        state = tuple(value.detach() for value in state)
        loss = F.cross_entropy(logits.flatten(0, 1), labels[:, part].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        step += 1
    seconds, total, state = time.time() - started, 0.0, None
    inputs, labels = streams(validation, rows)
    with torch.no_grad():
        for start in range(0, inputs.shape[1], context):
            logits, state = model(inputs[:, start:start + context], state)
            total += F.cross_entropy(logits.flatten(0, 1), labels[:, start:start + context].flatten(), reduction="sum").item()
    return total / inputs.numel(), seconds, steps


def generate(text, vocabulary, arguments):
    model, kept = GPT(vocabulary, context=1024, layers=6, heads=6, width=384).eval(), [[] for _ in range(6)]
    tokens, place = text[None, :arguments.prompt], 0
    started = time.time()
    with torch.no_grad():
        for _ in range(arguments.tokens):
            logits = model(tokens, kept, place)[0, -1]
            place += tokens.shape[1]
            tokens = torch.multinomial(torch.softmax(logits / 0.8, -1), 1)[None]
    return arguments.tokens / (time.time() - started)


def martlet_speed(arguments):
    """The tokens a second that `martlet train` notes with its last lap, of training alone."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        subprocess.run([arguments.beside, "train", arguments.model, "--data", f"text:{arguments.text}", "--steps", str(arguments.steps),
                        "--log-every", str(max(arguments.steps // 2, 1)), "--device", arguments.martlet_device,
                        "--threads", str(arguments.threads), "--out", run], check=True, capture_output=True)
        laps = [json.loads(line) for line in pathlib.Path(run, "metrics.jsonl").read_text().splitlines()]
    return [lap["samplesPerSecond"] for lap in laps if "samplesPerSecond" in lap][-1]


def torch_speed(arguments):
    done = subprocess.run([sys.executable, "-B", __file__, arguments.model, arguments.text, "--steps", str(arguments.steps),
                           "--threads", str(arguments.threads), "--device", arguments.device],
                          check=True, capture_output=True, text=True)
    return arguments.steps * TOKENS_A_STEP[arguments.model] / json.loads(done.stdout.splitlines()[-1])["seconds"]


def take_turns(arguments):
    ratios = []
    for _ in range(arguments.turns):
        ours, theirs = martlet_speed(arguments), torch_speed(arguments)
        ratios.append(ours / theirs)
        print(json.dumps({"martlet": round(ours), "torch": round(theirs), "ratio": round(ours / theirs, 3)}), flush=True)
    print(json.dumps({"model": arguments.model, "device": arguments.martlet_device, "steps": arguments.steps, "turns": len(ratios),
                      "ratio": round(statistics.median(ratios), 3), "least": round(min(ratios), 3), "most": round(max(ratios), 3)}))


TOKENS_A_STEP = {"gpt": 12 * 64, "lstm": 32 * 64}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=["gpt", "lstm", "generate"])
    parser.add_argument("text")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--epochs", type=int, default=3, help="of lstm")
    parser.add_argument("--prompt", type=int, default=64, help="tokens that generate begins with")
    parser.add_argument("--tokens", type=int, default=256, help="tokens that generate makes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="cuda: PyTorch's GPU, in float32 without TF32")
    parser.add_argument("--beside", metavar="MARTLET", help="the program to take turns with, with --steps")
    parser.add_argument("--martlet-device", default="cpu", help="the device of that program")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.beside:
        if arguments.model not in TOKENS_A_STEP or not arguments.steps or arguments.steps < 1:
            parser.error("--beside is for gpt and lstm, with --steps of 1 or more")
        return take_turns(arguments)
    torch.set_default_device(arguments.device)
    torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    text = open(arguments.text, encoding="utf-8", newline="").read()
    number = {character: index for index, character in enumerate(sorted(set(text)))}
    numbers = torch.tensor([number[character] for character in text])
    if arguments.model == "generate":
        speed = generate(numbers, len(number), arguments)
        return print(json.dumps({"model": "generate", "tokensPerSecond": round(speed, 1), "threads": arguments.threads}))
    cut = int(len(text) * (1 - 0.1))
    train = train_gpt if arguments.model == "gpt" else train_lstm
    loss, seconds, steps = train(numbers[:cut], numbers[cut:], len(number), arguments)
    print(json.dumps({"model": arguments.model, "steps": steps, "valLoss": round(loss, 5), "seconds": round(seconds, 2),
                      "threads": arguments.threads, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
