"""What of an accuracy is left on a chip: a network of digits in full precision, of whole numbers, and on TrueNorth.

    python -m benchmarks.deploy [--seeds 5] [--epochs 20] [--choose]

64-240-60-10 IF neurons, a rate code of 16 steps, all 1,438 training samples, Adam with a cosine schedule; tested once,
on the 359 test samples. Networks of whole numbers are trained from the start, not fine-tuned. `--choose` compares
thresholds instead, on a fifth of the training samples that is held back; the test samples have no part in it.
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
VARIANTS: dict[str, tuple[int | None, float]] = {"float": (None, 1.0), "ternary": (1, 8.0), "four values": (2, 8.0)}
TRIED: dict[str, tuple[float, ...]] = {
    "float": (0.5, 1.0, 2.0), "ternary": (4.0, 8.0, 16.0), "four values": (8.0, 16.0, 32.0),
}  # fmt: skip
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


def trained(x: Tensor, y: Tensor, epochs: int, seed: int, whole: int | None, v_threshold: float) -> torch.nn.Module:
    """The network of a seed, trained on digits (samples, 8, 8)."""
    net = untrained(seed, whole, v_threshold)
    recipe = Recipe(epochs=epochs, learning_rate=2e-3, schedule="cosine", loss=SumCrossEntropy(), seed=seed)
    Trainer(recipe).fit(net, encoder=encode, train=(x, y))
    return net


def accuracy(spikes: Tensor, y: Tensor) -> float:
    """Percent of the samples whose class has the most spikes, of (time, samples, classes)."""
    return 100 * float((spikes.sum(0).argmax(1) == y).float().mean())


def choose(seeds: int, epochs: int) -> None:
    """Print how thresholds do on every fifth training sample, which is not trained on."""
    data = digits()
    held = torch.arange(len(data.x_train)) % 5 == 0
    x = encode(data.x_train[held], seed=0)
    for name, (whole, _) in VARIANTS.items():
        for v_threshold in TRIED[name]:
            found = list[float]()
            for seed in range(seeds):
                net = trained(data.x_train[~held], data.y_train[~held], epochs, seed, whole, v_threshold)
                with torch.no_grad():
                    found.append(accuracy(net(x)[0], data.y_train[held]))
            print(f"{name}, v_threshold = {v_threshold:g}: {statistics.mean(found):.2f} % {found}", flush=True)


def main() -> None:
    """Train and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--choose", action="store_true")
    given = options.parse_args()
    if given.choose:
        return choose(given.seeds, given.epochs)
    data = digits()
    x = encode(data.x_test, seed=0)
    for name, (whole, v_threshold) in VARIANTS.items():
        found: dict[str, list[float]] = {"software": [], "chip": []}
        for seed in range(given.seeds):
            net = trained(data.x_train, data.y_train, given.epochs, seed, whole, v_threshold)
            with torch.no_grad():
                found["software"].append(accuracy(net(x)[0], data.y_test))
            if whole is not None:
                deployed, report = chip.deploy(net, x=x)
                found["chip"].append(accuracy(deployed(x), data.y_test))
                print(f"{name}, seed {seed}\n{report}")
        for where, values in found.items():
            if len(values) > 1:
                print(f"{name}, {where}: {statistics.mean(values):.2f} +- {statistics.stdev(values):.2f} % {values}")


if __name__ == "__main__":
    main()
