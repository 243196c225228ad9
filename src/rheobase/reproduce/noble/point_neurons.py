"""What a user would pick instead of a stand-in: a point neuron of the library, fitted to one model at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rheobase import neurons
from rheobase.learning import FitRecipe, Recording, fit_neuron, trains_of
from rheobase.learning.fitting.guess import likely_ranges, likely_values, measured, usual_learn
from rheobase.operator import Samples, Traces, windows
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.figures import Prediction
from rheobase.reproduce.noble.traces import Family, data_of

PICOAMPERES = 1000.0  # in a nA
LEVEL = -20.0  # mV, as of the spikes of the traces


def fitted(job: Job, on: Family, kind: str, model: int) -> Mapping[str, Any]:
    """A unit: the neuron `kind` fitted to training traces of one model, and its response to the test of that model."""
    choice = job["point_neurons"]

    def work() -> dict[str, Any]:
        began = time.perf_counter()
        sweeps = recording(on, _spread(on.train.of(on.train.model == model), choice["sweeps"]))
        cell = getattr(neurons, kind)
        learn, seen = usual_learn(cell), measured(sweeps)
        recipe = FitRecipe(
            restarts=choice["restarts"],
            forced=choice["forced"],
            free=choice["free"],
            generations=choice["generations"],
            population=choice["population"],
            sweeps=6,
            patience=None,
            settle=0.0,
        )
        fit = fit_neuron(
            cell,
            sweeps,
            learn=learn,
            ranges=likely_ranges(cell, learn, seen),
            start=likely_values(cell, learn, seen),
            recipe=recipe,
            seed=job.seed,
        )
        seconds = time.perf_counter() - began
        asked = recording(on, on.test.of(on.test.model == model))
        began = time.process_time()
        spikes, v = fit.run(asked)
        cost = (time.process_time() - began) / (len(asked.v) * asked.duration)
        if v is None:
            v = torch.full_like(asked.v, float("nan"))
        return {
            "v": v.numpy(),
            "spikes": spikes.numpy(),
            "seconds": seconds,
            "parameters": len(fit.best.values),
            "fitted gamma": fit.gamma,
            "cost": 1e6 * cost,
        }

    return job.unit(f"{kind}-model-{model}", work, fit=choice, kind=kind, model=model, data=data_of(job))


def predictions(job: Job, on: Family, kind: str) -> tuple[Prediction, list[Mapping[str, Any]]]:
    """The responses to the test of all fitted models, in the order of their traces, and the results of the units."""
    units = [fitted(job, on, kind, model) for model in job["fitted"]]
    traces = on.parts()["fitted models"]
    v, spikes = (torch.zeros(len(traces), on.protocol.window) for _ in range(2))
    for model, unit in zip(job["fitted"], units, strict=True):
        here = traces.model == model
        v[here], spikes[here] = torch.as_tensor(unit["v"]).float(), torch.as_tensor(unit["spikes"]).float()
    return Prediction(v.T, trains_of(spikes.T, on.protocol.sample)), units


def recording(on: Family, traces: Traces) -> Recording:
    """Windows of traces as sweeps, as a user of `fit_neuron` has them: potential in mV, current in pA."""
    none = torch.zeros(len(on.models.names), 1)
    held: Samples = windows(traces, none)
    return Recording(held.v.T, PICOAMPERES * held.current.T, on.protocol.sample, LEVEL)


def _spread(traces: Traces, count: int) -> Traces:
    """So many of them, their amplitudes from the smallest to the largest, evenly in rank."""
    order = traces.amplitude.argsort()
    ranks: Tensor = torch.linspace(0, len(order) - 1, min(count, len(order))).round().long()
    return traces.of(order[ranks])


__all__ = ["fitted", "predictions", "recording"]
