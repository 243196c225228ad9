"""Finds what is wrong with a training run while it runs: silent or saturated layers, an exploding loss, no progress."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from rheobase.learning.training.activity import LayerActivity
from rheobase.learning.training.concern import Concern
from rheobase.learning.training.history import History

SATURATED = 0.9  # spikes in a step, the mean over the neurons of a layer
EXPLODED = 3.0  # times the loss of the first epoch
PATIENCE, STEPS = 3, 100  # epochs and optimiser steps after which an accuracy says something
FEWEST = 20  # samples from which an accuracy says something
SCALES = "learning.scale_to_activity and `rheobase train --start-activity` find a scale"
RATES = "learning.find_learning_rate and `rheobase train --find-lr` suggest one"
LIKELY = 0.05  # the probability from which guessing explains an accuracy


class Concerns:
    """Finds concerns, each once in a run. `labels` (samples,) are those that the network is trained on."""

    def __init__(self, labels: Tensor, learning_rate: float):
        self.learning_rate = learning_rate
        self.samples, self.commonest = len(labels), torch.bincount(labels.flatten().long().cpu())
        self.found: list[Concern] = []
        self._fired: set[str] = set()

    def of_layers(self, epoch: int, activity: Mapping[str, LayerActivity]) -> list[Concern]:
        """New concerns about the layers, from what they did after so many epochs; those of before may end."""
        layers = {_title(name, seen): seen for name, seen in activity.items()}
        self.found = [self._now(concern, layers.get(concern.layer), epoch) for concern in self.found]
        return self._new(self._of_layer(name, seen, epoch) for name, seen in activity.items())

    def _now(self, concern: Concern, seen: LayerActivity | None, epoch: int) -> Concern:
        """The concern with the epoch at which it ended, if it did."""
        if seen is None:
            return concern
        if seen.spikes < SATURATED if concern.kind == "saturated" else seen.spikes > 0:
            return concern if concern.until is not None else replace(concern, until=epoch)
        # a layer that was silent at first and has died since has that as another concern
        return concern if concern.kind == "silent" else replace(concern, until=None)

    def of_figures(self, history: History, steps: int) -> list[Concern]:
        """New concerns about loss and accuracy, after an epoch and so many optimiser steps in all."""
        return self._new([self._exploding(history), self._at_chance(history) if steps >= STEPS else None])

    def _new(self, concerns: Iterator[Concern | None] | list[Concern | None]) -> list[Concern]:
        told = {(concern.kind, concern.layer) for concern in self.found}
        new = [c for c in concerns if c is not None and (c.kind, c.layer) not in told]
        self.found += new
        return new

    def _of_layer(self, name: str, seen: LayerActivity, epoch: int) -> Concern | None:
        title, fired = _title(name, seen), name in self._fired
        if seen.spikes > 0:
            self._fired.add(name)
        elif fired:
            remedy = f"lower the learning rate ({self.learning_rate:g} now; {RATES}), or set clip_norm=1"
            return Concern(kind="died", epoch=epoch, layer=title, given="no spike any more", remedy=remedy)
        else:
            remedy = f"larger weights or input, or a lower threshold ({SCALES})"
            given = f"no spike of any of its {seen.neurons} neurons in {seen.samples} samples"
            return Concern(kind="silent", epoch=epoch, layer=title, given=given, remedy=remedy)
        if seen.spikes < SATURATED:
            return None
        given = f"{seen.spikes:.2f} spikes of a neuron in a time step: it passes on next to nothing"
        remedy = f"smaller weights, or a higher threshold ({SCALES})"
        return Concern(kind="saturated", epoch=epoch, layer=title, given=given, remedy=remedy)

    def _exploding(self, history: History) -> Concern | None:
        last, first = history[-1].loss, history[0].loss
        if first <= 0 or last <= EXPLODED * first:
            return None
        given = f"a loss of {last:.3g}, {last / first:.0f} times that of the first epoch"
        remedy = f"lower the learning rate ({self.learning_rate:g} now; {RATES}), or set clip_norm=1"
        return Concern(kind="exploding", epoch=len(history), layer="", given=given, remedy=remedy)

    def _at_chance(self, history: History) -> Concern | None:
        if len(history) < PATIENCE or self.samples < FEWEST or int((self.commonest > 0).sum()) < 2:
            return None
        best = max(record.accuracy for record in history)
        guess = float(self.commonest.max()) / self.samples
        if above(round(best * self.samples), self.samples, guess) < LIKELY:
            return None
        given = f"{100 * best:.1f} % of the training samples right after {len(history)} epochs"
        given += f", where always naming class {int(self.commonest.argmax())} is right in {100 * guess:.1f} %"
        remedy = f"another learning rate ({self.learning_rate:g} now; {RATES}), and see how the samples are encoded"
        return Concern(kind="chance", epoch=len(history), layer="", given=given, remedy=remedy)


def _title(name: str, seen: LayerActivity) -> str:
    return f"layer {name} ({seen.neuron})"


def above(hits: int, samples: int, chance: float) -> float:
    """The probability that a guess with this chance is right in `hits` or more of so many samples (binomial).

    >>> round(above(60, 100, 0.5), 4)
    0.0284
    """
    if chance >= 1.0:
        return 1.0
    k = torch.arange(hits, samples + 1, dtype=torch.float64)
    n = torch.tensor(float(samples), dtype=torch.float64)
    ways = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    return float((ways + k * math.log(chance) + (n - k) * math.log1p(-chance)).exp().sum())
