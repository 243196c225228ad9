"""Cells on the lines between two models, by the solver, and the features by which a trace is said to lie between."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rheobase.errors import ParameterError
from rheobase.jobs.store import key
from rheobase.operator import Split, Traces, generate, load
from rheobase.operator.mixtures import blended
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.stand_ins import intervals
from rheobase.reproduce.noble.traces import Family, data_of, responses_of

FEATURES = {"spikes": 0.0, "first spike (ms)": 0.12, "mean interval (ms)": 0.12, "steady potential (mV)": 0.1}
STEADY = 0.1  # of the step: over this last part of it the potential is steady


@dataclass(frozen=True)
class Line:
    """A pair of published models, and the numbers of the models from the first to the second, one for each fraction."""

    pair: tuple[int, int]
    models: tuple[int, ...]


def pairs_of(models: Sequence[int], count: int, seed: int) -> list[tuple[int, int]]:
    """Pairs drawn from these models, each model in one of them as long as there are enough, then again."""
    most = len(models) * (len(models) - 1) // 2
    if count > most:
        given, expected = f"{count} pairs of {len(models)} models", f"at most {most}"
        raise ParameterError("noble", given, expected, "a smaller setting pairs")
    drawn, pairs = random.Random(seed), list[tuple[int, int]]()
    while len(pairs) < count:
        order = list(models)
        drawn.shuffle(order)
        new = ((min(pair), max(pair)) for pair in zip(order[::2], order[1::2], strict=False))
        pairs += [pair for pair in new if pair not in pairs]
    return pairs[:count]


def solved(job: Job, on: Family) -> tuple[Family, dict[str, list[Line]], Traces]:
    """The family with the code of responses, the lines of each group, and all their traces, ends included.

    The currents are those of the test, which no training trace has.
    """
    fractions, counts = job["fractions"], job["pairs"]
    groups = {"training models": on.training, "unseen models": on.held_out}
    drawn = {name: pairs_of(models, counts[name], job.seed) for name, models in groups.items()}
    inner = [x for x in fractions if 0.0 < x < 1.0]
    every = [pair for pairs in drawn.values() for pair in pairs]
    named = {"pairs": every, "fractions": inner, "data": data_of(job), "seed": job.seed}
    folder = job.shared(f"lines-{key(named)}")
    joint = blended(on.models, every, inner, folder / "models")
    first = len(on.models.names)
    numbers = tuple(range(first, len(joint.names)))
    # the amplitudes of a split follow from its name, its number of stimuli and the seed
    split = Split(models=numbers, chunks=1, stimuli=job["tested"], shared=True)
    generate(folder / "traces", joint, {"test": split}, on.protocol, seed=job.seed, progress=job.bar("cells between"))
    traces = Traces.together([on.test, load(folder / "traces", "test", protocol=on.protocol)])
    told = responses_of(job, joint, numbers, first, on.protocol, job.settings, folder)
    lines, at = {name: list[Line]() for name in groups}, iter(numbers)
    for name, pairs in drawn.items():
        for a, b in pairs:
            ends = {0.0: a, 1.0: b}
            lines[name].append(Line((a, b), tuple(ends[x] if x in ends else next(at) for x in fractions)))
    return replace(on, responses=told), lines, traces


def at(traces: Traces, lines: Sequence[Line], place: int) -> Traces:
    """The traces at one fraction of all lines, (lines x currents), the currents of each in one order."""
    which = list[Tensor]()
    for line in lines:
        own = (traces.model == line.models[place]).nonzero()[:, 0]
        which.append(own[traces.amplitude[own].argsort()])
    return traces.of(torch.cat(which))


def features_of(v: Tensor, trains: Tensor, on: Family) -> Tensor:
    """`FEATURES` of potentials (time, samples) in mV and spike times (samples, most) in ms: (samples, 4) in float64.

    The first spike is from the onset of the step; the steady potential is known where there is no spike, and the
    intervals where there are three, else they are NaN.
    """
    p = on.protocol
    count = torch.isfinite(trains).sum(1)
    first = trains.double().amin(1) if trains.shape[1] else torch.full((len(trains),), torch.inf, dtype=torch.float64)
    low, high = (int((p.early + share * p.duration) / p.sample) for share in (1.0 - STEADY, 1.0))
    steady = torch.where(count == 0, v[low:high].double().mean(0), torch.nan)
    first = torch.where(count > 0, first - p.early, torch.nan)
    return torch.stack([count.double(), first, intervals(trains).double(), steady], 1)


def lies_between(features: Tensor) -> tuple[Tensor, Tensor]:
    """Of (fractions, samples, 4): which inner ones lie between the first and the last of their sample, and which are
    known at all, both (fractions - 2, samples, 4) bool. The room beyond the ends is that of `FEATURES`."""
    low, high = torch.minimum(features[0], features[-1]), torch.maximum(features[0], features[-1])
    room = torch.tensor(list(FEATURES.values()), dtype=features.dtype)
    inner = features[1:-1]
    known = torch.isfinite(inner) & torch.isfinite(low) & torch.isfinite(high)
    return (inner >= low - room) & (inner <= high + room) & known, known


def spikes_between(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Of spike times (samples, most) the k-th between the k-th of both, as many as both have."""
    most = min(one.shape[1], other.shape[1])
    both = torch.isfinite(one[:, :most]) & torch.isfinite(other[:, :most])
    a, b = (torch.where(both, x[:, :most], 0.0) for x in (one, other))
    return torch.where(both, (1.0 - share) * a + share * b, torch.inf)


__all__ = ["FEATURES", "Line", "at", "features_of", "lies_between", "pairs_of", "solved", "spikes_between"]
