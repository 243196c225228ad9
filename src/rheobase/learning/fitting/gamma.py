"""The coincidence factor Gamma: how well spikes are predicted, 1 for all of them, 0 for no better than chance.

    Gamma = (N_coinc - <N_coinc>) / (N_data + N_model) * 2 / (1 - 2 nu Delta),    <N_coinc> = 2 nu Delta N_data

N_coinc counts the spikes of the data that have a spike of the model within Delta, each spike used once; nu is the
rate of the model, so that a Poisson process of that rate scores 0 (Kistler, Gerstner & van Hemmen, Neural Comput. 9,
1015-1045, 1997, doi 10.1162/neco.1997.9.5.1015; Jolivet et al., J. Neurosci. Methods 169, 417-424, 2008,
doi 10.1016/j.jneumeth.2007.11.006).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rheobase.errors import ParameterError, ShapeError

COVERED = 0.5  # the largest share of the time that the windows around the spikes may cover
ROUNDING = 1e-6  # ms: times that are multiples of dt differ by Delta only to rounding


def coincidences(data: Tensor, model: Tensor, delta: float | Tensor) -> Tensor:
    """The number of data spikes with a model spike within delta (ms); each takes the earliest one not yet taken.

    Shapes: data (..., n) and model (..., m) in ms, sorted, filled up with infinities where a train has less; the
    leading axes broadcast (those of delta, too), and are those of the result.

    >>> coincidences(torch.tensor([10.0, 20.0]), torch.tensor([[9.0, 23.0], [11.0, 12.0]]), 4.0)
    tensor([2, 1])
    """
    width = torch.as_tensor(delta, dtype=torch.float64) + ROUNDING
    shape = torch.broadcast_shapes(data.shape[:-1], model.shape[:-1], width.shape)
    width = width.expand(shape).reshape(-1, 1)
    # an infinity more, so that a train without spikes has a place, too
    told, rows = (torch.nn.functional.pad(x.double(), (0, 1), value=math.inf) for x in (data, model))
    told, rows = (x.expand(*shape, -1).reshape(-1, x.shape[-1]).contiguous() for x in (told, rows))
    # in time order the earliest free partner is the best, since all windows have one width
    early = torch.searchsorted(rows, (told - width).contiguous()).T
    late = torch.where(torch.isfinite(told), told + width, -math.inf).T
    free = torch.zeros(len(rows), dtype=torch.int64)
    met = torch.zeros(len(rows), dtype=torch.int64)
    for first, last in zip(early, late, strict=True):
        at = torch.maximum(free, first).clamp(max=rows.shape[1] - 1)
        hit = rows.gather(1, at[:, None])[:, 0] <= last
        free = at + hit
        met += hit
    return met.view(shape)


def window(trains: Sequence[Tensor], *, duration: float, delta: float = 4.0) -> float:
    """A precision in ms at which trains (in ms) of such a rate can be distinguished from chance: `delta`, or less.

    At the rate nu, windows of 2 delta around every spike cover the share 2 nu delta of the time. From a share of 1 on,
    nothing can be distinguished from chance; here it is 1/2 at most. (Chance then scores -0.2 and not 0: coincidences
    use each spike once, while the expected number that is subtracted counts some twice.)

    >>> slow, fast = torch.arange(0.0, 1000.0, 100.0), torch.arange(0.0, 1000.0, 4.0)
    >>> window([slow], duration=1000.0), window([slow, fast], duration=1000.0)
    (4.0, 1.0)
    """
    rate = max((int(torch.isfinite(train).sum()) for train in trains), default=0) / duration
    return min(delta, COVERED / (2.0 * rate)) if rate > 0.0 else delta


def check_window(owner: str, trains: Sequence[Tensor], *, duration: float, delta: float) -> None:
    """Raise `ParameterError` where a cell fires so fast that at this precision chance would meet all its spikes."""
    seen = window(trains, duration=duration, delta=delta)
    if seen <= COVERED * delta:
        rate = 1000.0 * COVERED / (2.0 * seen)
        raise ParameterError(
            owner,
            f"delta = {delta:g} ms for a cell of {rate:.3g} spikes per second",
            "2 nu delta below 1: else Gamma is 0, even of a perfect prediction",
            f"delta={seen:.3g}",
        )


def gamma(data: Tensor, model: Tensor, *, duration: float, delta: float | Tensor = 4.0) -> Tensor:
    """The coincidence factor between spike trains over `duration` ms, at a precision of `delta` ms.

    Shapes: data (..., n) and model (..., m) in ms, sorted, filled up with infinities where a train has less; the
    leading axes broadcast. A pair of trains without any spike scores 0.

    A model so fast that chance alone would meet every spike scores 0 as well, whatever the data: 2 nu delta >= 1, which
    is 125 spikes per second at 4 ms. For a cell that fires faster, even a perfect prediction scores 0 at this
    precision; `window` gives a smaller one at which it does not.

    Raises: `ParameterError`, `ShapeError`.

    >>> train = torch.tensor([10.0, 50.0, 90.0])
    >>> gamma(train, train, duration=1000.0)
    tensor(1., dtype=torch.float64)
    """
    if data.dim() < 1 or model.dim() < 1:
        raise ShapeError("gamma", "a single number", "trains of spike times", "torch.tensor([12.5]) is one spike")
    if not (bool(torch.as_tensor(delta > 0).all()) and 0 < duration < math.inf):
        raise ParameterError(
            "gamma", f"delta = {delta}, duration = {duration}", "both > 0, in ms", "delta=4.0 is usual"
        )
    wanted, count = (torch.isfinite(x).sum(-1).double() for x in (data, model))
    chance = 2.0 * delta * count / duration
    excess = coincidences(data, model, delta) - chance * wanted
    found = excess / (0.5 * (wanted + count)).clamp(min=0.5) / (1.0 - chance).clamp(min=1e-9)
    return torch.where(chance < 1.0, found, 0.0)


def reliability(trains: Sequence[Tensor], *, duration: float, delta: float = 4.0) -> float:
    """The mean Gamma of all ordered pairs of repetitions: how well a cell predicts itself.

    Raises: `ParameterError` for less than two trains, and for trains too fast for this precision (see `window`).

    >>> reliability([torch.tensor([10.0, 50.0]), torch.tensor([11.0, 49.0])], duration=1000.0)
    1.0
    """
    if len(trains) < 2:
        raise ParameterError("reliability", f"{len(trains)} train", "two repetitions at least", "record it again")
    check_window("reliability", trains, duration=duration, delta=delta)
    pairs = itertools.permutations(trains, 2)
    found = [float(gamma(a, b, duration=duration, delta=delta)) for a, b in pairs]
    return sum(found) / len(found)


def trains_of(spikes: Tensor, dt: float) -> Tensor:
    """Spikes (time, ...) in {0, 1} as sorted times in ms, (..., m), filled up with infinities.

    >>> trains_of(torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]), dt=0.5)
    tensor([[0.5000,    inf],
            [0.0000, 0.5000]], dtype=torch.float64)
    """
    rows = spikes.reshape(spikes.shape[0], -1).T > 0
    count = rows.sum(1)
    row, step = rows.nonzero(as_tuple=True)
    place = torch.arange(len(step)) - (count.cumsum(0) - count)[row]
    times = torch.full((len(rows), max(1, int(count.max()))), math.inf, dtype=torch.float64)
    times[row, place] = step.double() * dt
    return times.view(*spikes.shape[1:], -1)


__all__ = ["check_window", "coincidences", "gamma", "reliability", "trains_of", "window"]
