"""The van Rossum distance between spike trains: the difference of two filtered trains.

    D^2 = (1/tau) integral of (f - g)^2,    f = sum over spikes of exp(-(t - t_k)/tau) from t_k on

Twice D^2 is the number of spikes that have no counterpart where spikes are far apart: one spike more is D^2 = 1/2
(van Rossum, Neural Comput. 13, 751-763, 2001, doi 10.1162/089976601300014321).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import ParameterError, ShapeError


def van_rossum(data: Tensor, model: Tensor, *, tau: float = 10.0) -> Tensor:
    """D between spike trains, at a time constant of `tau` ms.

    Shapes: data (..., n) and model (..., m) in ms, filled up with infinities where a train has less; the leading axes
    broadcast.

    Numerics: the integral in closed form, D^2 = 1/2 sum exp(-|t - u|/tau) over all pairs, with a minus for pairs of
    two trains; in float64.

    Raises: `ParameterError`, `ShapeError`.

    >>> train = torch.tensor([10.0, 50.0])
    >>> [round(float(van_rossum(train, x)) ** 2, 3) for x in (train, torch.tensor([10.0]))]
    [0.0, 0.5]
    """
    if data.dim() < 1 or model.dim() < 1:
        raise ShapeError("van_rossum", "a single number", "trains of spike times", "torch.tensor([12.5]) is one spike")
    if not is_number(tau, above=0):
        raise ParameterError("van_rossum", f"tau = {tau!r}", "a finite number > 0 in ms", "tau=10.0 is usual")
    squared = 0.5 * (_pairs(data, data, tau) + _pairs(model, model, tau)) - _pairs(data, model, tau)
    return squared.clamp(min=0.0).sqrt()


def _pairs(a: Tensor, b: Tensor, tau: float) -> Tensor:
    """The sum of exp(-|t - u|/tau) over the pairs of spikes."""
    t, u = a.double()[..., :, None], b.double()[..., None, :]
    there = torch.isfinite(t) & torch.isfinite(u)
    # the difference of two infinities is none
    apart = torch.where(there, t, 0.0) - torch.where(there, u, 0.0)
    return torch.where(there, torch.exp(-apart.abs() / tau), 0.0).sum((-2, -1))


__all__ = ["van_rossum"]
