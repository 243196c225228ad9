"""Weights as pairs of conductances: what was aimed at, and what a die has of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rheobase.chip.mixed_signal.numbers import Kind, normals, stream, uniforms
from rheobase.chip.mixed_signal.process import Drift, Line, Process

SMALLEST = 1e-7  # conductance of which a logarithm is taken


def largest(weight: Tensor, process: Process) -> Tensor:
    """The weight that the largest conductance stands for."""
    if process.range is not None:
        return weight.new_tensor(process.range)
    return weight.detach().abs().amax().clamp(min=torch.finfo(weight.dtype).tiny)


def aimed(weight: Tensor, process: Process) -> Tensor:
    """The weights that are programmed, in units of the largest: within -1 and 1, on the levels there are."""
    g = (weight.detach() / largest(weight, process)).clamp(-1.0, 1.0)
    if process.levels is None:
        return g
    steps = process.levels - 1
    return torch.round(g * steps) / steps


def as_programmed(weight: Tensor, process: Process) -> Tensor:
    """The same weights in their own units; without levels exactly those that are given, within the range."""
    most = largest(weight, process)
    return weight.detach().clamp(-most, most) if process.levels is None else aimed(weight, process) * most


def on_dies(weight: Tensor, process: Process, seeds: Sequence[int], layer: int, age: float) -> Tensor:
    """The weights of a layer on dies, (dies, *weight.shape), `age` seconds after programming."""
    g = aimed(weight, process)
    pair = torch.stack([g.clamp(min=0.0), (-g).clamp(min=0.0)]).flatten()
    device, count = weight.device, pair.numel()

    def drawn(kind: Kind) -> Tensor:
        return normals(seeds, count, stream(layer, kind), device).to(pair.dtype)

    found = pair.expand(len(seeds), -1)
    if any(process.coefficients):
        found = (pair + deviation(pair, process) * drawn(Kind.FOUND)).clamp(min=0.0)
    before = found
    if process.drift is not None:
        found = _later(found, pair, process.drift, age, drawn)
    if any(process.stuck):
        low, high = process.stuck
        u = uniforms(seeds, count, stream(layer, Kind.STUCK), device)
        found = torch.where(u < low, 0.0, torch.where(u < low + high, 1.0, found))
    signed = _signed(found, weight)
    if process.drift is not None and process.drift.compensated:
        # as read from the array itself: the mean weight at first, and now
        axes = tuple(range(1, signed.dim()))
        now = signed.abs().mean(axes, keepdim=True).clamp(min=SMALLEST)
        signed = signed * (_signed(before, weight).abs().mean(axes, keepdim=True) / now)
    return signed * largest(weight, process)


def deviation(g: Tensor, process: Process) -> Tensor:
    """s(g), the standard deviation of a conductance around g, at least 0."""
    total = torch.zeros_like(g)
    for c in reversed(process.coefficients):
        total = total * g + c
    return total.clamp(min=0.0)


def _later(found: Tensor, pair: Tensor, drift: Drift, age: float, drawn: Callable[[Kind], Tensor]) -> Tensor:
    log = pair.clamp(min=SMALLEST).log()
    nu = (_line(log, drift.mean) + _line(log, drift.deviation) * drawn(Kind.EXPONENT)).abs()
    # of logarithms, since a quotient of two times may be more than a float holds
    after = found * (-nu * (math.log(age + drift.t_0) - math.log(drift.t_0))).exp()
    if drift.flicker:
        q = (drift.flicker / found.pow(drift.exponent).clamp(min=1e-3)).clamp(max=drift.most)
        grown = math.sqrt(math.log(0.5 * (age + drift.t_0 + drift.t_read)) - math.log(drift.t_read))
        after = after + after * q * grown * drawn(Kind.FLICKER)
    return after.clamp(min=0.0)


def _line(log: Tensor, line: Line) -> Tensor:
    a, b, low, high = line
    return (a * log + b).clamp(low, high)


def _signed(found: Tensor, weight: Tensor) -> Tensor:
    plus, minus = found.unflatten(1, (2, -1)).unbind(1)
    return (plus - minus).unflatten(1, weight.shape)
