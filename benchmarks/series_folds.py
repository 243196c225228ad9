"""What could make the defaults of time series better: changes of the network and of its training, by cross-validation.

    RHEOBASE_DATA=... python -m benchmarks.series_folds [--quick] [--only NAME ...] [--sets NAME ...] [--third]

The folds are those of `benchmarks.series_search`, of the training parts alone. The network is the one that
`rheobase train` builds for them (all steps as taps, a layer of LIF, a leaky readout, Adam with a cosine), written out
with a matrix for each fold, so that the networks of all folds train side by side, with changes that `rheobase train`
has no option for. A logistic regression has the same folds. Beside the accuracy stands the cross-entropy of the held
folds, once one factor for all scores was chosen on them: fair to what is too sure of itself, and it moves where no
sample changes its class. With `--third`, one fold trains and the other two test: fewer series and more mistakes, which
tell candidates apart where the folds are all but solved. Prints a line for each candidate as soon as it is known;
writes all to benchmarks/results.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.options import finish, say
from benchmarks.series_search import asked
from benchmarks.timeseries import regression
from rheobase import neurons
from rheobase.data import Held, Scaling, SeriesDataset, Slope
from rheobase.data.encoding.scaling import binned
from rheobase.runs.defaults import SERIES_UPDATES

# of cuts into folds; small sets move more
SEEDS = {"ItalyPowerDemand": 6, "GunPoint": 3}
STEPS, HIDDEN, GAIN, BATCH, LR = 50, 256, 3.0, 16, 0.01


@dataclass(frozen=True)
class Change:
    """A candidate: what differs from the defaults.

    dropout    share of hidden neurons that are dropped, for a whole series
    noise      deviation of noise on each input, in deviations of its channel
    averaged   share of the steps at the end, over which the weights are averaged
    decay      weight decay of AdamW
    tau        time constants of the hidden neurons and of the readout, ms
    hold       steps for which a series stays after its end
    updates    steps of the optimiser
    centred    each step of each channel is also scaled by itself, with a tenth of the channel's variance added
    """

    dropout: float = 0.0
    noise: float = 0.0
    averaged: float = 0.0
    decay: float = 0.0
    tau: tuple[float, float] = (20.0, 60.0)
    centred: bool = False
    hold: int = 0
    updates: int = SERIES_UPDATES


BEFORE = (20.0, 20.0)
CANDIDATES = {
    "readout of 60 ms (the defaults of long series)": Change(),
    "held for 10 steps (the defaults of short series)": Change(hold=10),
    "held for 40 steps": Change(hold=40),
    "1500 steps of the optimiser": Change(updates=1500),
    "3000 steps of the optimiser": Change(updates=3000),
    "200 steps of the optimiser": Change(updates=200),
    "weight decay 1": Change(decay=1.0),
    "hidden neurons of 5 ms": Change(tau=(5.0, 60.0)),
    "readout of 20 ms": Change(tau=BEFORE),
    "readout of 200 ms": Change(tau=(20.0, 200.0)),
    "hidden neurons and readout of 60 ms": Change(tau=(60.0, 60.0)),
    "hidden neurons and readout of 10 ms": Change(tau=(10.0, 10.0)),
    "20 ms, half of the hidden neurons dropped": Change(tau=BEFORE, dropout=0.5),
    "20 ms, noise of 0.2 deviations": Change(tau=BEFORE, noise=0.2),
    "20 ms, noise of 0.3 deviations": Change(tau=BEFORE, noise=0.3),
    "20 ms, weight decay 0.1": Change(tau=BEFORE, decay=0.1),
    "20 ms, weights averaged over the last half": Change(tau=BEFORE, averaged=0.5),
    "20 ms, each step scaled by itself": Change(tau=BEFORE, centred=True),
}


@dataclass(frozen=True)
class Part:
    """Encoded series: x (samples, time, taps * features), the steps of each, and its class."""

    x: Tensor
    lengths: Tensor
    y: Tensor


def encoded(data: SeriesDataset, change: Change) -> tuple[Part, Part]:
    """Training and test part, scaled by the training part, with all steps before as taps."""
    bin_ = -(-data.longest // STEPS)
    scaling = Scaling.of(data.x_train, bin_)
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (scaling.mean, scaling.std))
    train, test = (binned(((x.double() - mean) / std).float(), bin_) for x in (data.x_train, data.x_test))
    if change.centred:
        centre = train.nanmean(0).nan_to_num(0.0)
        apart = (train - centre).square()
        deviation = (0.9 * apart.nanmean(0).nan_to_num(1.0) + 0.1 * apart.flatten(0, 1).nanmean(0)).sqrt()
        train, test = ((x - centre) / deviation for x in (train, test))
    size = train.diff(dim=1).flatten(0, 1).square().nanmean(0).sqrt()
    code = Held(Slope(tuple(size.tolist())), taps=train.shape[1], steps=change.hold)

    def part(x: Tensor, y: Tensor) -> Part:
        return Part((GAIN * code(x)).transpose(0, 1).contiguous(), code.lengths(x), y)

    return part(train, data.y_train), part(test, data.y_test)


class Networks:
    """A network for each fold: weights (folds, from, to), drawn as torch.nn.Linear draws them."""

    def __init__(self, features: int, classes: int, seeds: list[int], change: Change):
        sizes = (features, HIDDEN, classes)
        drawn = list[list[Tensor]]()
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            drawn.append([])
            for before, after in ((sizes[0], sizes[1]), (sizes[1], sizes[2])):
                for shape in ((before, after), (1, after)):
                    drawn[-1].append((2 * torch.rand(*shape, generator=generator) - 1) / math.sqrt(before))
        self.weights = [torch.stack(of).requires_grad_() for of in zip(*drawn, strict=True)]
        self.dropout = change.dropout
        self.hidden = neurons.LIF(HIDDEN, dt=1.0, tau_mem=change.tau[0])
        self.readout = neurons.LI(classes, dt=1.0, tau_mem=change.tau[1])

    def scores(self, x: Tensor, lengths: Tensor, weights: list[Tensor], *, training: bool) -> Tensor:
        """x (folds, batch, time, features), lengths (folds, batch); the last output, (folds, batch, classes)."""
        count, batch, steps, features = x.shape
        into, bias, out, bias_out = weights
        current = torch.baddbmm(bias, x.transpose(1, 2).reshape(count, steps * batch, features), into)
        lanes = current.view(count, steps, batch, -1).transpose(0, 1).reshape(steps, count * batch, -1)
        spikes = self.hidden(lanes)[0].view(steps, count, batch, -1).transpose(0, 1)
        if training and self.dropout:
            kept = torch.rand(count, 1, batch, HIDDEN) >= self.dropout
            spikes = spikes * kept / (1 - self.dropout)
        given = torch.baddbmm(bias_out, spikes.reshape(count, steps * batch, HIDDEN), out)
        lanes = given.view(count, steps, batch, -1).transpose(0, 1).reshape(steps, count * batch, -1)
        v = self.readout(lanes)[0].view(steps, count, batch, -1)
        at = (lengths - 1).view(1, count, batch, 1).expand(1, count, batch, v.shape[-1])
        return v.gather(0, at)[0]


def held_scores(cut: list[tuple[int, SeriesDataset]], change: Change) -> list[tuple[Tensor, Tensor]]:
    """Train on every fold's training part; scores and classes of its held part."""
    parts = [encoded(data, change) for _, data in cut]
    features, classes = parts[0][0].x.shape[-1], len(cut[0][1].classes)
    seeds = [100 * k + seed for k, (seed, _) in enumerate(cut)]
    nets = Networks(features, classes, seeds, change)
    into, _, out, _ = nets.weights
    groups = [
        {"params": [into, out], "weight_decay": change.decay},
        {"params": nets.weights[1::2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=LR)
    generators = [torch.Generator().manual_seed(1000 + seed) for seed in seeds]
    order = [list[int]() for _ in cut]
    batch = min(BATCH, *(len(train.y) for train, _ in parts))
    kept, seen = list[Tensor](), 0
    for step in range(change.updates):
        for group in optimiser.param_groups:
            group["lr"] = LR * 0.5 * (1.0 + math.cos(math.pi * step / change.updates))
        chosen = list[list[int]]()
        for k, (train, _) in enumerate(parts):
            if len(order[k]) < batch:
                order[k] = torch.randperm(len(train.y), generator=generators[k]).tolist()
            chosen.append(order[k][:batch])
            order[k] = order[k][batch:]
        x = torch.stack([train.x[i] for (train, _), i in zip(parts, chosen, strict=True)])
        lengths = torch.stack([train.lengths[i] for (train, _), i in zip(parts, chosen, strict=True)])
        y = torch.cat([train.y[i] for (train, _), i in zip(parts, chosen, strict=True)])
        x = x + change.noise * GAIN * torch.randn_like(x) if change.noise else x
        scores = nets.scores(x, lengths, nets.weights, training=True)
        loss = functional.cross_entropy(scores.flatten(0, 1), y, reduction="sum") / batch
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if change.averaged and step >= change.updates * (1 - change.averaged):
            now, seen = [w.detach().clone() for w in nets.weights], seen + 1
            kept = [a + (w - a) / seen for a, w in zip(kept or now, now, strict=True)]
    weights = kept or nets.weights
    with torch.no_grad():
        return [(of_one(nets, test, [w[k : k + 1] for w in weights]), test.y) for k, (_, test) in enumerate(parts)]


def of_one(nets: Networks, test: Part, weights: list[Tensor]) -> Tensor:
    """The scores of one network for its held part, (samples, classes)."""
    return nets.scores(test.x[None], test.lengths[None], weights, training=False)[0]


def regression_scores(data: SeriesDataset) -> tuple[Tensor, Tensor]:
    """Those of a logistic regression on the scaled values of whole series."""
    made, test = regression(data)
    return torch.tensor(made.predict_log_proba(test)), data.y_test


def figures(held: list[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """The mean accuracy of the folds, its standard error between them, and the cross-entropy with the best factor."""
    hits = [float((scores.argmax(-1) == y).double().mean()) for scores, y in held]
    scores, y = torch.cat([one.double() for one, _ in held]), torch.cat([y for _, y in held])
    entropy = min(float(functional.cross_entropy(float(k) * scores, y)) for k in np.exp(np.linspace(-5, 2, 60)))
    error = float(np.std(hits, ddof=1) / math.sqrt(len(hits)))
    return {"accuracy": float(np.mean(hits)), "standard error": error, "cross-entropy": entropy}


def main() -> None:
    given, cuts = asked(__doc__, CANDIDATES, SEEDS)
    table: dict[str, dict[str, Any]] = {}
    for candidate in ("logistic regression", *given.only):
        table[candidate] = {}
        for name, cut in cuts.items():
            if candidate == "logistic regression":
                held = [regression_scores(data) for _, data in cut]
            else:
                change = CANDIDATES[candidate]
                held = held_scores(cut, replace(change, updates=3) if given.quick else change)
            row = table[candidate][name] = figures(held)
            accuracy = f"{100 * row['accuracy']:.1f} ± {100 * row['standard error']:.1f} %"
            say(f"{candidate}: {name} {accuracy}, cross-entropy {row['cross-entropy']:.3f}")
    finish("series_folds", given, {"seeds": SEEDS, "third": given.third, "cases": table})


if __name__ == "__main__":
    main()
