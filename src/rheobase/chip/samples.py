"""Samples through a network and through the chip, some at a time, and what they say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rheobase.chip.events import Counts
from rheobase.errors import ParameterError, ShapeError

AT_ONCE = 500  # samples whose sequences there are at a time


class Tally(NamedTuple):
    """What the samples that chip and network ran add up to.

    steps                of a sample, without the latency
    same                 samples whose spikes are the same, tick by tick
    predicted, wanted    with the chip and without, (samples,)
    plain                of the float network that became one of the chip, (samples,); None where there was none
    counts               of each sample on the chip, (samples,)
    given                spikes that were sent to the chip
    """

    steps: int
    same: int
    predicted: Tensor
    wanted: Tensor
    plain: Tensor | None
    counts: Counts
    given: int


class Samples:
    """Sequences (time, batch, ...), some samples at a time, as often as they are asked for.

    Of a tensor, or of an iterable of tensors, each of which may be made when it is asked for.

    >>> [len(part[0]) for part in Samples(torch.zeros(3, 1200, 2))]
    [500, 500, 200]
    """

    def __init__(self, x: Any):
        if isinstance(x, Iterator):
            given, remedy = f"x of type {type(x).__name__}", "a list, or an object whose __iter__ begins anew"
            raise ParameterError("deploy", given, "samples that can be gone through several times", remedy)
        self.parts: Iterable[Any] = x if isinstance(x, Iterable) and not isinstance(x, Tensor | np.ndarray) else (x,)

    def __iter__(self) -> Iterator[Any]:
        steps, none = None, True
        for part in self.parts:
            none = False
            if not isinstance(part, Tensor) or part.dim() < 2:
                yield part  # which is refused, in the words of who reads it
                continue
            if steps not in (None, len(part)):
                given, remedy = f"parts of {steps} and of {len(part)} steps", "bring all to one length"
                raise ShapeError("deploy", given, "parts with as many steps each", remedy)
            steps = len(part)
            yield from part.split(AT_ONCE, dim=1)
        if none:
            raise ShapeError("deploy", "x without a part", "one part at least", "give deploy some samples")


def tally(parts: Iterable[tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None, Counts, int]]) -> Tally:
    """The sum of one part at least: (spikes, expected spikes, predicted, wanted, plain, counts, given) of each."""
    steps = same = given = 0
    predicted, wanted, plain, counts = list[Tensor](), list[Tensor](), list[Tensor](), list[Counts]()
    for spikes, expected, chosen, own, before, counted, sent in parts:
        steps, given = len(spikes), given + sent
        same += int((spikes == expected.to(spikes.dtype)).all(2).all(0).sum())
        predicted.append(chosen)
        wanted.append(own)
        counts.append(counted)
        if before is not None:
            plain.append(before)
    return Tally(
        steps,
        same,
        torch.cat(predicted),
        torch.cat(wanted),
        torch.cat(plain) if plain else None,
        Counts(*map(np.concatenate, zip(*counts, strict=True))),
        given,
    )


def after(progress: Callable[[int], None] | None, done: int) -> Callable[[int], None] | None:
    """What is told of the samples of a part, when so many were done before it."""
    return None if progress is None else lambda more: progress(done + more)
