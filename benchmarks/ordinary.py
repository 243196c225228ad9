"""How well an ordinary network does what a pre-trained spiking one does, at the width that energies are compared at.

    python -m benchmarks.ordinary [--run src-digits] [--seeds 5] [--epochs 60]

The layers are those of the spiking network, with a ReLU in the place of its cells; where a fixed readout sums cells,
one more layer with weights reads them. Activations are rounded to the bits that hold the number of spikes of its steps,
weights to 8 bits, while it trains and when it is tested (straight through, as `nn.quantised`).
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor, nn

import rheobase
from rheobase.energy.counterpart import matched_bits
from rheobase.nn.quantise import quantised

WEIGHT_BITS, BATCH, RATE = 8, 64, 3e-3


class Rounded(nn.Module):
    """A ReLU up to 1, in 2^bits levels; its slope is that of the ReLU."""

    def __init__(self, bits: int):
        super().__init__()
        self.most = (1 << bits) - 1

    def forward(self, x: Tensor) -> Tensor:
        held = x.clamp(0.0, 1.0)
        return held + (torch.round(self.most * held) / self.most - held).detach()


def ordinary(run: str) -> nn.Module:
    """The counterpart of a run, untrained, with weights of 8 bits."""
    model = rheobase.load(run)
    linear = [layer for layer in model.network.modules() if isinstance(layer, nn.Linear)]
    bits = matched_bits(model.settings.steps)
    layers: list[nn.Module] = [nn.Flatten(), Rounded(bits)]
    for layer in linear:
        layers += [nn.Linear(layer.in_features, layer.out_features), Rounded(bits)]
    classes = len(model.classes)
    if linear[-1].out_features == classes:
        return quantised(nn.Sequential(*layers[:-1]), WEIGHT_BITS)
    return quantised(nn.Sequential(*layers, nn.Linear(linear[-1].out_features, classes)), WEIGHT_BITS)


def accuracy(run: str, seed: int, epochs: int) -> float:
    """Trained on the run's training samples, tested once on its test samples."""
    data = rheobase.load(run).load_data()
    torch.manual_seed(seed)
    net = ordinary(run)
    optimiser = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        for index in torch.randperm(len(data.x_train)).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(data.x_train[index]), data.y_train[index]).backward()
            optimiser.step()
        schedule.step()
    with torch.no_grad():
        return float((net(data.x_test).argmax(1) == data.y_test).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="src-digits", help="a pre-trained network or the folder of a run")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60)
    given = parser.parse_args()
    model, found = rheobase.load(given.run), list[float]()
    for seed in range(given.seeds):
        began = time.perf_counter()
        found.append(100 * accuracy(given.run, seed, given.epochs))
        print(f"seed {seed}: {found[-1]:.2f} % ({time.perf_counter() - began:.0f} s)", flush=True)
    bits, spread = matched_bits(model.settings.steps), statistics.stdev(found) if len(found) > 1 else 0.0
    print(
        f"{given.run}: ordinary, activations of {bits} bits, weights of {WEIGHT_BITS}: {statistics.fmean(found):.2f} "
        f"+- {spread:.2f} %, {given.seeds} seeds, {given.epochs} epochs"
    )
    if model.card is not None:
        print(f"{given.run}: spiking, as its card says: {model.card.figure}")


if __name__ == "__main__":
    main()
