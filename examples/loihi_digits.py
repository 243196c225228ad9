"""Train a network of CubaLIF on handwritten digits, and put it on a Loihi core: accuracy by the bits of a weight.

    python examples/loihi_digits.py [--quick]

scikit-learn's digits (8 x 8 pixels; 1,400 to train, the last 397 to test), as spikes at random for 40 steps; 64-100-10
neurons. Each row is a network in the whole numbers of the chip: as it comes from the float network (`quantise`), and
after 3 epochs of training through the rounding, beside the float network after 3 epochs more. Mean of the seeds, and
their standard deviation.
"""

from __future__ import annotations

import argparse
import statistics

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from rheobase import neurons, nn
from rheobase.chip import loihi

STEPS, TRAIN, BATCH = 40, 1400, 100
EPOCHS, MORE = 10, 3


class Digits:
    """The data as spikes, of one seed."""

    def __init__(self, seed: int):
        images, labels = load_digits(return_X_y=True)
        self.images, self.labels = torch.as_tensor(images).float() / 16, torch.as_tensor(labels)
        self.generator = torch.Generator().manual_seed(seed)

    def spikes(self, which: Tensor) -> Tensor:
        x = self.images[which]
        return (torch.rand(STEPS, *x.shape, generator=self.generator) < 0.5 * x).float()

    def train(self, net: nn.Sequential, epochs: int, lr: float) -> None:
        optimiser = torch.optim.Adam(net.parameters(), lr=lr)
        for _ in range(epochs):
            for which in torch.randperm(TRAIN, generator=self.generator).split(BATCH):
                counts = net(self.spikes(which))[0].sum(0)
                loss = torch.nn.functional.cross_entropy(counts, self.labels[which])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    def test(self) -> Tensor:
        return torch.arange(TRAIN, len(self.images))

    @torch.no_grad()
    def accuracy(self, net: nn.Sequential) -> float:
        counts = net(self.spikes(self.test()))[0].sum(0)
        return 100 * float((counts.argmax(-1) == self.labels[TRAIN:]).float().mean())


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for before, after in ((64, 100), (100, 10)):
        neuron = neurons.CubaLIF(after, dt=1.0, tau_syn=3.0, tau_mem=10.0, v_threshold=0.2)
        layers += [nn.Linear(before, after, bias=False), neuron]
    return nn.Sequential(*layers)


def shown(values: list[float]) -> str:
    spread = f" +- {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed instead of five, 8 and 3 bits: a reduced run")
    quick = parser.parse_args().quick
    bits, seeds = ((8, 3), range(1)) if quick else ((8, 6, 4, 3), range(5))
    rows: dict[str, list[list[float]]] = {}
    for seed in seeds:
        digits, net = Digits(seed), network(seed)
        digits.train(net, EPOCHS, 5e-3)
        first = digits.accuracy(net)
        for b in bits:
            chip, report = loihi.quantise(net, digits.spikes(digits.test()), allow=("reset",), weight_bits=b)
            before = digits.accuracy(chip)
            last = report.layers[-1]
            digits.train(chip, MORE, 0.01 * float(net[0].weight.detach().abs().max()))  # type: ignore[operator]
            spikes = 100 * last.spikes_chip / last.spikes_float
            rows.setdefault(f"{b} bits", []).append([before, digits.accuracy(chip), spikes])
        digits.train(net, MORE, 5e-3)
        rows.setdefault("float", []).append([first, digits.accuracy(net), 100.0])
        print(f"seed {seed} of {len(seeds)} done", flush=True)
    print(f"{'weights':8} {'accuracy, %':>14} {'trained on, %':>14} {'output spikes, % of float':>26}")
    for name, found in rows.items():
        print(
            f"{name:8}",
            *(f"{shown(list(x)):>{w}}" for x, w in zip(zip(*found, strict=True), (14, 14, 26), strict=True)),
        )
    print(f"{len(seeds)} seeds, torch {torch.__version__}, CPU" + (", a reduced run" if quick else ""))


if __name__ == "__main__":
    main()
