"""What `rheobase bench RUN` times: a trained network against the plain loop."""

from __future__ import annotations

import copy
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor

from rheobase.learning.training.evaluate import output_of, until
from rheobase.learning.training.recipe import set_learning_rate
from rheobase.nn import Sequential
from rheobase.profiling.timing import Ratio, Timing, interleaved
from rheobase.runs.batch import Batch
from rheobase.runs.model import Model

FORWARD, STEP = "forward", "training step"
OURS, LOOP = "auto", "reference"  # backends


def timed(model: Model, batch: Batch, seconds: float, on_round: Callable[[int, float], None]) -> dict[str, Any]:
    """Times of a forward without gradients, and of a training step (forward, loss, backward, optimiser), for JSON.

    The kernels and the plain loop take turns. Times are medians over the rounds; so is the ratio of the two within a
    round, with its quartiles. The weights stay as they are: the optimiser steps with a learning rate of 0.
    """
    work: dict[tuple[str, str], Callable[[], Any]] = {
        (FORWARD, backend): _forward(model, batch, backend) for backend in (OURS, LOOP)
    }
    agree = _agreement(model, batch, work[FORWARD, OURS](), work[FORWARD, LOOP]())
    work |= {(STEP, backend): step_of(model, batch, backend) for backend in (OURS, LOOP)}
    times = interleaved(work, seconds=seconds, on_round=on_round)
    rows = [_row(what, times[what, OURS], times[what, LOOP]) for what in (FORWARD, STEP)]
    return {"rows": rows, **agree}


def _row(what: str, ours: Timing, loop: Timing) -> dict[str, Any]:
    ratio = Ratio.of(loop, ours)
    return {
        "what": what,
        "rheobase": median(ours.rounds),
        "loop": median(loop.rounds),
        "times_faster": ratio.median,
        "lower_quartile": ratio.lower,
        "upper_quartile": ratio.upper,
        "rounds": ratio.rounds,
    }


def _forward(model: Model, batch: Batch, backend: str) -> Callable[[], Tensor]:
    net, coded = model.network, batch.coded

    @torch.no_grad()
    def call() -> Tensor:
        return output_of(net, net(coded.sequence, **until(coded), backend=backend))

    return call


def step_of(model: Model, batch: Batch, backend: str) -> Callable[[], float]:
    """A training step on a copy of the network, which leaves its weights as they are; it gives the loss."""
    net: Sequential = copy.deepcopy(model.network).train()
    recipe, coded = model.settings.recipe(), batch.coded
    optimiser = recipe.optimiser_for(net)
    set_learning_rate(optimiser, 0.0)

    def call() -> float:
        out = output_of(net, net(coded.sequence, **until(coded), backend=backend))
        optimiser.zero_grad()
        loss = recipe.criterion(out, coded.target, *coded.ends)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return call


def _agreement(model: Model, batch: Batch, ours: Tensor, loop: Tensor) -> dict[str, Any]:
    """Of both outputs: the samples with the same class, and the largest difference beside the largest value."""
    criterion, ends = model.settings.recipe().criterion, batch.coded.ends
    same = criterion.predict(ours, *ends) == criterion.predict(loop, *ends)
    difference = float((ours - loop).abs().max() / loop.abs().max().clamp(min=1e-30))
    return {"same_class": int(same.sum()), "samples": len(same), "largest_difference": difference}
