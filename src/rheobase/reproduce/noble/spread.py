"""How models differ from one another in the cell and in what stands in for it: the spread of an ensemble."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rheobase.operator import Traces

COLUMNS = (
    "prediction",
    "models",
    "currents",
    "spread of the cell (%)",
    "spread predicted (%)",
    "correlation over models",
    "interval error (%)",
)


def spread(traces: Traces, cell: Tensor, predicted: Tensor) -> tuple[float | None, ...]:
    """Over the models under one current each: how far mean intervals lie apart, and how well that is predicted.

    traces have every model under every current; cell and predicted are mean intervals (samples,) in ms, NaN where
    there are less than three spikes. Currents under which a model has none are left out. Returned: the number of
    models and of currents, the standard deviation over models of the logarithm of the interval, in percent, of the
    cell and as predicted (root mean square over currents), the correlation over models of what is left when the mean
    over models is taken away, and the median absolute error in percent.
    """
    currents = traces.amplitude.unique()
    models = traces.model.unique()
    kept = list[tuple[Tensor, Tensor]]()
    for amplitude in currents:
        here = traces.amplitude == amplitude
        own, true = predicted[here].double().log(), cell[here].double().log()
        if bool(torch.isfinite(own).all() & torch.isfinite(true).all()):
            kept.append((own - own.mean(), true - true.mean()))
    both = torch.isfinite(cell) & torch.isfinite(predicted)
    error = (
        100.0 * float(((predicted[both] - cell[both]).abs() / cell[both]).double().quantile(0.5))
        if bool(both.any())
        else None
    )
    if not kept or len(models) < 2:
        return len(models), len(kept), None, None, None, error
    own, true = (torch.cat([pair[k] for pair in kept]) for k in range(2))
    share = (len(models) - 1) / len(models)
    apart = [100.0 * math.sqrt(float(x.square().mean()) / share) for x in (true, own)]
    norm = float(own.norm() * true.norm())
    return len(models), len(kept), *apart, float(own @ true) / norm if norm else None, error


__all__ = ["COLUMNS", "spread"]
