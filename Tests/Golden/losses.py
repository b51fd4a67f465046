"""Loss functions, with every kind of reduction."""

import torch
from torch.nn import functional as F

from golden import Cases, normal

REDUCTIONS = ("none", "mean", "sum")


def classification(cases):
    """Losses of a row of class scores against a label."""
    cases.family = "Softmax"
    generator = cases.generator("classification")
    logits = normal(generator, 6, 5, deviation=2)
    labels = torch.tensor([4, 0, 2, 2, 1, 3], dtype=torch.int32)
    weights = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.5])
    for smoothing in (0.0, 0.1):
        for weighted in (False, True):
            for ignored in (None, 2):
                for reduction in REDUCTIONS:
                    name = "crossEntropy" + ("Smooth" if smoothing else "") + ("Weighted" if weighted else "") + (
                        "Ignored" if ignored is not None else "") + reduction.capitalize()
                    inputs = {"logits": logits, "labels": labels} | ({"weights": weights} if weighted else {})
                    cases.add(name, "crossEntropy", lambda x, y, w=None: {"loss": F.cross_entropy(
                        x, y.long(), w, ignore_index=-100 if ignored is None else ignored, reduction=reduction,
                        label_smoothing=smoothing)}, inputs,
                        {"labelSmoothing": smoothing, "ignoredLabel": ignored, "reduction": reduction}, gradients=["logits"])
    log_probabilities = F.log_softmax(logits.double(), -1).float()
    for weighted in (False, True):
        for reduction in REDUCTIONS:
            inputs = {"logProbabilities": log_probabilities, "labels": labels} | ({"weights": weights} if weighted else {})
            cases.add("negativeLogLikelihood" + ("Weighted" if weighted else "") + reduction.capitalize(),
                      "negativeLogLikelihood", lambda x, y, w=None: {"loss": F.nll_loss(
                          x, y.long(), w, ignore_index=3, reduction=reduction)}, inputs,
                      {"ignoredLabel": 3, "reduction": reduction}, gradients=["logProbabilities"])
            for power in (1, 2):
                inputs = {"scores": logits, "labels": labels} | ({"weights": weights} if weighted else {})
                cases.add(f"multiMargin{power}" + ("Weighted" if weighted else "") + reduction.capitalize(), "multiMarginLoss",
                          lambda x, y, w=None: {"loss": F.multi_margin_loss(
                              x, y.long(), p=power, margin=0.75, weight=w, reduction=reduction)}, inputs,
                          {"power": power, "margin": 0.75, "reduction": reduction}, gradients=["scores"])


def regression(cases):
    """Losses of a prediction against a target of its shape."""
    cases.family = "Pointwise"
    generator = cases.generator("regression")
    prediction, target = normal(generator, 4, 7, deviation=1.5), normal(generator, 4, 7)
    for reduction in REDUCTIONS:
        end = reduction.capitalize()
        inputs = {"prediction": prediction, "target": target}
        cases.add("meanSquaredError" + end, "meanSquaredError",
                  lambda x, y: {"loss": F.mse_loss(x, y, reduction=reduction)}, inputs, {"reduction": reduction})
        cases.add("l1" + end, "l1Loss",
                  lambda x, y: {"loss": F.l1_loss(x, y, reduction=reduction)}, inputs, {"reduction": reduction})
        for beta in (1.0, 0.4):
            cases.add(f"smoothL1Beta{beta:g}{end}", "smoothL1Loss",
                      lambda x, y: {"loss": F.smooth_l1_loss(x, y, reduction=reduction, beta=beta)}, inputs,
                      {"beta": beta, "reduction": reduction})
            cases.add(f"huberDelta{beta:g}{end}", "huberLoss",
                      lambda x, y: {"loss": F.huber_loss(x, y, reduction=reduction, delta=beta)}, inputs,
                      {"delta": beta, "reduction": reduction})


def binary(cases):
    """Losses of one score an element."""
    generator = cases.generator("binary")
    logits = torch.cat([normal(generator, 4, 5, deviation=2), torch.tensor([[-40.0, -15.0, 0.0, 15.0, 40.0]])])
    target = torch.rand(5, 5, generator=generator).round(decimals=2)
    target[:, 2:] = target[:, 2:].round()
    weight, positive_weight = torch.rand(5, 5, generator=generator) + 0.5, torch.tensor([0.5, 1.0, 2.0, 3.0, 1.5])
    for extra in ({}, {"weight": weight}, {"positiveWeight": positive_weight},
                  {"weight": weight, "positiveWeight": positive_weight}):
        for reduction in REDUCTIONS:
            def run(x, y, *rest):
                named = dict(zip(extra, rest))
                return {"loss": F.binary_cross_entropy_with_logits(
                    x, y, named.get("weight"), pos_weight=named.get("positiveWeight"), reduction=reduction)}

            suffix = "".join(key[0].upper() + key[1:] for key in extra) + reduction.capitalize()
            cases.add("binaryCrossEntropy" + suffix, "binaryCrossEntropyWithLogits", run,
                      {"logits": logits, "target": target} | extra, {"reduction": reduction}, gradients=["logits"])

    scores = normal(generator, 4, 7)
    signs = torch.where(torch.rand(4, 7, generator=generator) < 0.5, -1.0, 1.0)
    for reduction in REDUCTIONS:
        for margin in (1.0, 0.5):
            options = {"margin": margin, "reduction": reduction}
            suffix = f"{margin:g}{reduction.capitalize()}"
            cases.add("hingeEmbedding" + suffix, "hingeEmbeddingLoss", lambda x, y: {"loss": F.hinge_embedding_loss(
                x, y, margin=margin, reduction=reduction)}, {"scores": scores, "target": signs}, options, gradients=["scores"])

            def hinge(x, y):
                loss = F.relu(margin - y * x)
                return {"loss": loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss}

            cases.add("hinge" + suffix, "hingeLoss", hinge, {"scores": scores, "target": signs}, options, gradients=["scores"])


def divergence(cases):
    """Kullback-Leibler."""
    generator = cases.generator("divergence")
    log_input = F.log_softmax(normal(generator, 5, 6).double(), -1).float()
    log_target = F.log_softmax(normal(generator, 5, 6).double(), -1)
    for is_log in (False, True):
        target = (log_target if is_log else log_target.exp()).float()
        for reduction in (*REDUCTIONS, "batchMean"):
            cases.add(f"klDivergence{'Log' if is_log else ''}{reduction[0].upper()}{reduction[1:]}", "klDivergence",
                      lambda x, y: {"loss": F.kl_div(x, y, reduction=reduction.lower(), log_target=is_log)},
                      {"logProbabilities": log_input, "target": target},
                      {"logTarget": is_log, "reduction": reduction}, gradients=["logProbabilities"])
    target = log_target.exp().float()
    target[:, 1] = 0
    cases.add("klDivergenceZeros", "klDivergence", lambda x, y: {"loss": F.kl_div(x, y, reduction="none")},
              {"logProbabilities": log_input, "target": target}, {"logTarget": False, "reduction": "none"},
              gradients=["logProbabilities"])


def write(path):
    cases = Cases()
    classification(cases)
    regression(cases)
    binary(cases)
    divergence(cases)
    cases.write(path)
