"""What of an accuracy is left on a chip: a network of digits in full precision, of whole numbers, and on TrueNorth.

    python -m benchmarks.deploy [--seeds 5] [--epochs 20]

64-240-60-10 IF neurons, a rate code of 16 steps, all 1,438 training samples, Adam with a cosine schedule; tested once,
on the 359 test samples. Networks of whole numbers are trained from the start, not fine-tuned.
"""

from __future__ import annotations

import argparse
import itertools
import statistics

import torch
from torch import Tensor

from rheobase import chip, neurons, nn, surrogates
from rheobase.data import Rate, digits
from rheobase.learning import Recipe, SumCrossEntropy, Trainer

# weights from -whole to whole (None: full precision), and the threshold that suits them
VARIANTS: dict[str, tuple[int | None, float]] = {"float": (None, 1.0), "ternary": (1, 8.0), "four values": (2, 16.0)}
SIZES = (64, 240, 60, 10)


def encode(x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
    """Spikes of 16 steps, (time, batch, 64)."""
    return Rate(16)(x, seed=seed, index=index).flatten(2)


def untrained(seed: int, whole: int | None, v_threshold: float) -> torch.nn.Module:
    """A surrogate as wide as the threshold: potentials move by whole numbers."""
    torch.manual_seed(seed)
    given = dict(dt=1.0, v_threshold=v_threshold, surrogate=surrogates.ATan(2.0 / v_threshold))
    layers = [(nn.Linear(*pair, bias=False), neurons.IF(pair[1], **given)) for pair in itertools.pairwise(SIZES)]
    net = nn.Sequential(*itertools.chain(*layers))
    return net if whole is None else nn.quantised(net, whole=whole, per_row=True)


def main() -> None:
    """Train and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--epochs", type=int, default=20)
    given = options.parse_args()
    data = digits()
    x = encode(data.x_test, seed=0)
    for name, (whole, v_threshold) in VARIANTS.items():
        found: dict[str, list[float]] = {"software": [], "chip": []}
        for seed in range(given.seeds):
            net = untrained(seed, whole, v_threshold)
            recipe = Recipe(
                epochs=given.epochs, learning_rate=2e-3, schedule="cosine", loss=SumCrossEntropy(), seed=seed
            )  # fmt: skip
            Trainer(recipe).fit(net, encoder=encode, train=(data.x_train, data.y_train))
            with torch.no_grad():
                right = net(x)[0].sum(0).argmax(1) == data.y_test
            found["software"].append(100 * float(right.float().mean()))
            if whole is not None:
                deployed, report = chip.deploy(net, x=x)
                on_chip = deployed(x).sum(0).argmax(1) == data.y_test
                found["chip"].append(100 * float(on_chip.float().mean()))
                print(f"{name}, seed {seed}\n{report}")
        for where, values in found.items():
            if len(values) > 1:
                print(f"{name}, {where}: {statistics.mean(values):.2f} +- {statistics.stdev(values):.2f} % {values}")


if __name__ == "__main__":
    main()
