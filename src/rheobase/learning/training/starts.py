"""A start that learns: weights that let every layer spike, and a learning rate found by trying."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count, islice
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.checks import is_number, is_whole
from rheobase.deprecated import renamed
from rheobase.errors import Diverged, InputError, ParameterError
from rheobase.learning.layers import SpikingLayer, spiking_layers, watched
from rheobase.learning.metrics import spikes_per_neuron
from rheobase.learning.training.evaluate import output_of, until
from rheobase.learning.training.random_state import seeded
from rheobase.learning.training.recipe import Recipe, set_learning_rate
from rheobase.learning.training.sampler import Sampler
from rheobase.learning.training.samples import Coded, Encodes, Samples
from rheobase.progress import Progress

TRIES = 40  # 20 halvings, say, and a bisection to 1e-6


@torch.no_grad()
def scale_to_activity(
    net: nn.Module, x: Tensor, *, low: float = 0.02, high: float = 0.2, lengths: Tensor | None = None
) -> dict[str, float]:
    """Scale the weights before each spiking layer so that its neurons spike in a share of `low` to `high` of the steps.

    From the first layer to the last, the weights and biases of the nearest module before the layer that has any are
    multiplied by one number, found by doubling or halving and then by bisection of its logarithm; a layer that is
    within the range keeps its weights. Returns the scale of every spiking layer by name, 1 where nothing was done.
    The network is looked at in eval mode, and random numbers are as before afterwards.

    **Shapes**: x (time, batch, features), a batch as the network gets it; lengths (batch,), where samples end
    before the last step.

    **Raises**: ParameterError for a range that is none, a layer with no weights before it, or one that no scale brings
    into the range; the weights are then as they were.

    >>> from rheobase import neurons
    >>> from rheobase.nn import Sequential
    >>> net = Sequential(nn.Linear(3, 8, bias=False), neurons.LIF(8, dt=1.0))
    >>> with torch.no_grad():
    ...     _ = net.layers[0].weight.fill_(1e-3)
    >>> scale_to_activity(net, torch.ones(100, 4, 3))["1"] > 10
    True
    """
    if not (is_number(low, above=0.0) and is_number(high, above=low, most=1.0)):
        raise ParameterError("scale_to_activity", f"low={low!r}, high={high!r}", "0 < low < high <= 1", "try 0.02, 0.2")
    layers, training = spiking_layers(net), net.training
    before = copy.deepcopy(net.state_dict())
    net.eval()
    try:
        with seeded(0, x.device):
            filled = 1.0 if lengths is None else float(lengths.double().mean()) / len(x)  # of the steps
            further = {} if lengths is None else {"lengths": lengths}
            run = partial(net, x, **further)
            return {name: _scaled(net, run, filled, name, layers[name], low, high) for name in layers}
    except BaseException:
        net.load_state_dict(before)
        raise
    finally:
        net.train(training)


def _scaled(
    net: nn.Module, run: Callable[[], object], filled: float, name: str, layer: SpikingLayer, low: float, high: float
) -> float:
    weights = _weights_before(net, name)
    kept = [weight.clone() for weight in weights]

    def share(scale: float) -> float:
        for weight, given in zip(weights, kept, strict=True):
            weight.copy_(scale * given)
        with watched(net, {name: layer}) as watch:
            run()
        seen = watch.outs[name]
        return float(spikes_per_neuron(seen, layer.graded).mean()) / (filled * len(seen))

    scale, found = 1.0, share(1.0)
    lower: float | None = None
    upper: float | None = None
    for _ in range(TRIES):
        if low <= found <= high:
            return scale
        lower, upper = (scale, upper) if found < low else (lower, scale)
        if lower is None or upper is None:
            scale *= 2.0 if upper is None else 0.5
        else:
            scale = math.sqrt(lower * upper)
        found = share(scale)
    given = f"{found:.3g} spikes of a neuron in a step where the weights are {scale:.3g} times as large"
    remedy = "look at the input and the threshold, or widen the range"
    raise ParameterError(f"scale_to_activity, {name}", given, f"a scale with {low:g} to {high:g}", remedy)


def _weights_before(net: nn.Module, name: str) -> list[Tensor]:
    """Weights and biases of the last module before a layer that has weights."""
    found: list[Tensor] = []
    for other, module in net.named_modules():
        if other == name:
            break
        if isinstance(getattr(module, "weight", None), nn.Parameter):
            found = [p for key, p in module.named_parameters(recurse=False) if key in ("weight", "bias")]
    if not found:
        given, remedy = "no module with weights before it", "scale the input instead"
        raise ParameterError(f"scale_to_activity, {name}", given, "a layer with weights, as nn.Linear", remedy)
    return found


@dataclass(frozen=True)
class LearningRateSearch:
    """What `find_learning_rate` saw: the loss of each batch, smoothed, at a rising learning rate.

    `suggested` is a tenth of the rate at which the smoothed loss was smallest.

    >>> LearningRateSearch(rates=(1e-3, 1e-2, 1e-1), losses=(0.7, 0.4, 0.9))
    LearningRateSearch: 0.001 of 1.0e-03 to 1.0e-01 (3 batches)
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def suggested(self) -> float:
        """A tenth of the rate with the smallest loss, in two digits."""
        best = min(range(len(self.losses)), key=self.losses.__getitem__)
        return float(f"{self.rates[best] / 10:.1e}")

    def as_json(self) -> dict[str, Any]:
        """Rates, losses and suggestion, as values of JSON."""
        return {**asdict(self), "suggested": self.suggested}

    def __repr__(self) -> str:
        lowest, highest = self.rates[0], self.rates[-1]
        return f"LearningRateSearch: {self.suggested:g} of {lowest:.1e} to {highest:.1e} ({len(self.rates)} batches)"


@renamed(told="progress")
def find_learning_rate(
    net: nn.Module,
    *,
    encoder: Encodes,
    train: tuple[Tensor, Tensor],
    recipe: Recipe | None = None,
    lowest: float = 1e-5,
    highest: float = 1.0,
    batches: int = 100,
    progress: Progress | None = None,
) -> LearningRateSearch:
    """Try learning rates on a copy of the network, from `lowest` to `highest` in equal ratios, one for each batch.

    It stops early where the smoothed loss (a running mean with weight 0.1) is more than four times its smallest, or is
    not finite. Nothing is changed: the suggestion is used where `Recipe(learning_rate=...)` says so. `progress(done,
    total)` is called after each batch.

    **Raises**: ParameterError for rates or numbers that are none; `Diverged` where the first batch has no finite loss.

    **Source**: L. N. Smith, Cyclical learning rates for training neural networks, WACV 2017, section 3.3.

    >>> from rheobase import data, neurons
    >>> from rheobase.nn import Sequential
    >>> net = Sequential(nn.Linear(3, 2), neurons.LI(2, dt=1.0))
    >>> x = torch.rand(64, 3)
    >>> train = (x, (x[:, 0] > 0.5).long())
    >>> found = find_learning_rate(net, encoder=data.Direct(4), train=train, batches=5)
    >>> len(found.rates)
    5
    """
    recipe = recipe or Recipe()
    if not (is_number(lowest, above=0.0) and is_number(highest, above=lowest)):
        given = f"lowest={lowest!r}, highest={highest!r}"
        raise ParameterError("find_learning_rate", given, "0 < lowest < highest", "try 1e-5 and 1.0")
    if not is_whole(batches, 2):
        raise ParameterError("find_learning_rate", f"batches={batches!r}", "a whole number >= 2", "try 100")
    samples, tried = Samples.of("train", train, encoder), copy.deepcopy(net)
    tried.train()
    optimiser = recipe.optimiser_for(tried)
    sampler = Sampler(samples=len(samples), batch_size=recipe.batch_size, seed=recipe.seed)
    rates, losses, mean = list[float](), list[float](), 0.0
    endless = ((epoch, batch) for epoch in count() for batch in sampler.batches(epoch))
    with seeded(recipe.seed, torch.device("cpu")):
        for k, (epoch, batch) in enumerate(islice(endless, batches)):
            rate = lowest * (highest / lowest) ** (k / (batches - 1))
            set_learning_rate(optimiser, rate)
            loss = _trained(tried, optimiser, recipe, samples.encoded(encoder, batch.mine, recipe.seed, epoch))
            if not math.isfinite(loss):
                break
            mean = 0.9 * mean + 0.1 * loss
            rates.append(rate)
            losses.append(mean / (1.0 - 0.9 ** (k + 1)))
            if progress is not None:
                progress(k + 1, batches)
            if losses[-1] > 4.0 * min(losses):
                break
    if not losses:
        remedy = "lower `lowest`, or the weights at the start"
        raise Diverged("find_learning_rate, batch 1", "a loss that is not finite", "a finite number", remedy)
    return LearningRateSearch(tuple(rates), tuple(losses))


def _trained(net: nn.Module, optimiser: torch.optim.Optimizer, recipe: Recipe, coded: Coded) -> float:
    """The loss of a batch, before the step that it makes; NaN where the network leaves the numbers."""
    try:
        out = output_of(net, net(coded.sequence, **until(coded)))
        loss = recipe.criterion(out, coded.target, *coded.ends)
    except (Diverged, InputError):
        if not bool(coded.sequence.isfinite().all()):
            raise
        return math.nan
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())
