"""Gauss-Newton on spike times: what is left of a drift is taken out of the values that decide when it fires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from rheobase.checks import is_whole
from rheobase.errors import DataError, ParameterError
from rheobase.learning import trains_of
from rheobase.operator.samples import Samples
from rheobase.operator.stand_in import REST, UNITS, StandIn
from rheobase.progress import Progress

# what is moved, and its shifts by the code: all that decides when it fires
MOVED = ("v_threshold", "kick", "bias_out", "weight_u", "bias", "weight_in", "weight_out", "weight_m")
STEP = 0.01  # of a finite difference, beside values of the order of 1
EARLY = 0.3  # of its mean interval: what a first spike that is late by one counts
LARGE = 0.02  # of an interval: residuals beyond it count by their size, and not by its square
DAMPING = (1e-3, 1e-2, 1e-1, 1.0)  # tried in turn, relative to the mean square of each column, and
FLAT = 0.03  # of that of all, so that what hardly counts is not moved far
RIDGE = 1e-9  # of the least squares of the potential
FEWEST = 3  # spikes of a train whose intervals are compared


@dataclass(frozen=True)
class Round:
    """One round: the robust mean error of intervals before and after it, and the damping that was taken."""

    before: float
    after: float
    damping: float


def refine(
    net: StandIn,
    samples: Samples,
    *,
    rounds: int = 3,
    moved: tuple[str, ...] = MOVED,
    progress: Progress = lambda done, total: None,
) -> list[Round]:
    """Move `net` in place to where its own spikes keep the intervals of the data; training data, many models.

    Of each sample in which cell and neuron have three spikes or more there are three residuals, each in units of its
    mean interval: the first spike's time (with a weight of 0.3), and the mean interval of the first and of the second
    half of the train. Their Huber sum is lowered by Gauss-Newton steps with finite differences, damped as Levenberg
    and Marquardt do; a step that does not lower it is not taken. A gradient through spikes is not needed: a mean
    interval is smooth in the parameters, though no single spike is.

    Raises: `ParameterError`; `DataError` where no sample has enough spikes.

    Cost: one run of all samples for each moved value and round. The potential is not looked at, so values that do not
    decide when it fires (`weight_v`, `v_leak`) stay.
    """
    if not is_whole(rounds, 1):
        raise ParameterError("refine", f"rounds = {rounds!r}", "a whole number > 0", "rounds=3 is the default")
    for name in moved:
        if name not in net.values:
            expected = f"some of {', '.join(net.values)}"
            raise ParameterError("refine", f"moved = {name!r}", expected, "leave it out for the usual ones")
    held = {f"values.{name}": net.values[name] for name in moved}
    held |= {f"shifts.{name}": net.shifts[name] for name in moved if name in net.shifts}
    count = sum(x.numel() for x in held.values())
    steps, history = rounds * count, list[Round]()
    fires = (torch.isfinite(samples.trains).sum(1) >= FEWEST).nonzero()[:, 0]
    # the others have no intervals, and would cost as much
    samples = Samples(
        samples.current[:, fires].contiguous(),
        samples.code[fires],
        samples.v[:, fires],
        samples.spikes[:, fires],
        samples.trains[fires],
    )
    known = halves(samples.trains)
    with torch.no_grad():
        for k in range(rounds):
            base = _residuals(net, samples, known) if len(fires) else torch.full((1,), torch.nan)
            if not bool(torch.isfinite(base).any()):
                given = f"no sample in which cell and neuron have {FEWEST} spikes"
                raise DataError("refine", given, "training data that fire", "train the stand-in first")
            columns, done = list[Tensor](), k * count
            for x in held.values():
                flat = x.data.view(-1)
                for j in range(len(flat)):
                    value = flat[j].clone()
                    flat[j] = value + STEP
                    columns.append((_residuals(net, samples, known) - base) / STEP)
                    flat[j] = value
                    progress(done + len(columns), steps)
            history.append(_stepped(net, samples, known, list(held.values()), base, torch.stack(columns, 1)))
    return history


def reread(net: StandIn, samples: Samples) -> None:
    """Fit the readout of the potential anew, in place: the weights of the memories, the leak and its shifts.

    The potential is linear in them, so it is one least-squares problem over all steps of the samples with their spikes
    told, and the values that decide when the neuron fires are not touched. It belongs behind `refine`, which moves the
    memories. Raises: `DataError` for a potential that is not finite.
    """
    if not bool(torch.isfinite(samples.v).all()):
        raise DataError("reread", "NaN or infinity in the potential", "finite numbers", "leave these samples out")
    with torch.no_grad():
        memories, code = net.memories(samples), net.centred(samples.code)
        width = memories.shape[-1] + 1 + code.shape[-1]
        normal, right = torch.zeros(width, width, dtype=torch.float64), torch.zeros(width, dtype=torch.float64)
        for k in range(len(code)):
            fixed = torch.cat([torch.ones(1), code[k]]).expand(len(memories), -1)
            x = torch.cat([memories[:, k], fixed], 1).double()
            normal += x.T @ x
            right += x.T @ samples.v[:, k].double()
        normal += RIDGE * torch.diag(normal.diagonal())
        found = torch.linalg.lstsq(normal, right).solution.to(samples.v.dtype)
        weights, leak, shifts = found.split([memories.shape[-1], 1, code.shape[-1]])
        net.values["weight_v"].copy_(weights / UNITS["weight_v"])
        net.values["v_leak"].copy_((leak[0] - REST) / UNITS["v_leak"])
        net.shifts["v_leak"].copy_(shifts[None] / UNITS["v_leak"])


def _stepped(
    net: StandIn, samples: Samples, known: Tensor, held: list[Tensor], base: Tensor, jacobian: Tensor
) -> Round:
    """Take the best of the damped steps, or none."""
    usable = torch.isfinite(base) & torch.isfinite(jacobian).all(1)
    r, j = base[usable], jacobian[usable]
    weight = (LARGE / r.abs().clamp(min=LARGE)).sqrt()[:, None]
    normal, right = (weight * j).T @ (weight * j), (weight * j).T @ (weight[:, 0] * r)
    before, old = _size(base), [x.data.clone() for x in held]
    best = Round(before, before, float("inf"))
    taken = old
    for damping in DAMPING:
        ridge = damping * torch.diag(normal.diagonal() + FLAT * normal.diagonal().mean())
        move = torch.linalg.solve(normal + ridge, -right)
        parts = move.split([x.numel() for x in held])
        for x, start, part in zip(held, old, parts, strict=True):
            x.data.copy_(start + part.view_as(start).to(start.dtype))
        after = _size(_residuals(net, samples, known))
        if after < best.after:
            best, taken = Round(before, after, damping), [x.data.clone() for x in held]
    for x, value in zip(held, taken, strict=True):
        x.data.copy_(value)
    return best


def _size(residuals: Tensor) -> float:
    """The mean Huber size; a residual that is not there counts as a large one."""
    size = residuals.abs().nan_to_num(10.0 * LARGE)
    return float(torch.where(size < LARGE, 0.5 * size.square() / LARGE, size - 0.5 * LARGE).mean())


def _residuals(net: StandIn, samples: Samples, known: Tensor) -> Tensor:
    """(3 samples,), NaN where one of both has too few spikes."""
    values: dict[str, Any] = net.valued(samples.code)
    spikes, _ = functional_call(net.traced(samples).neuron, values, (net.scaled(samples.current),))
    own, wanted = halves(trains_of(spikes[:, 0], net.sample)), known
    unit = wanted[:, 1:].nanmean(1)
    first = EARLY * (own[:, 0] - wanted[:, 0]) / unit
    return torch.cat([first, *((own[:, k] - wanted[:, k]) / wanted[:, k] for k in (1, 2))])


def halves(trains: Tensor) -> Tensor:
    """First spike, mean interval of the first and of the second half of each train (ms), NaN where there are few."""
    count = torch.isfinite(trains).sum(1)
    enough = count >= FEWEST
    if trains.shape[1] < FEWEST:
        return torch.full((len(trains), 3), torch.nan, dtype=torch.float64)
    last = (count - 1).clamp(min=FEWEST - 1)
    half = last // 2
    first, middle, end = (trains.gather(1, at[:, None])[:, 0] for at in (torch.zeros_like(half), half, last))
    found = torch.stack([first, (middle - first) / half, (end - middle) / (last - half)], 1).double()
    return torch.where(enough[:, None], found, torch.nan)


__all__ = ["Round", "halves", "refine", "reread"]
