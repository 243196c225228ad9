"""Samples through a network and through the chip, some at a time, and what they say of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
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


def predictions(owner: str, choose: Callable[[Tensor], Tensor], out: Tensor) -> Tensor:
    """The class of each sample, (batch,), that `choose` reads from outputs (time, batch, outputs).

    Raises: `ParameterError` for a `choose` that is no function, or does not return one class for each sample.

    >>> predictions("deploy", lambda out: out.sum(0).argmax(1), torch.eye(3)[None])
    tensor([0, 1, 2])
    """
    expected, remedy = f"a tensor of a class for each sample, ({out.shape[1]},)", "lambda out: out.sum(0).argmax(1)"
    if not callable(choose):
        raise ParameterError(owner, f"predict={choose!r}", "a function of outputs (time, batch, outputs)", remedy)
    found: Any = choose(out)
    if not isinstance(found, Tensor) or found.shape != out.shape[1:2]:
        what = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ParameterError(owner, f"{what} from predict", expected, remedy)
    return found


class Packed(NamedTuple):
    """Spikes, a bit each.

    >>> spikes = torch.tensor([[[1.0, 0.0, 1.0]]])
    >>> torch.equal(Packed.of(spikes).spikes(), spikes)
    True
    """

    bits: NDArray[np.uint8]
    shape: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, spikes: Tensor) -> Packed:
        """Of spikes of any shape."""
        return cls(packed(spikes), tuple(spikes.shape), spikes.dtype)

    def spikes(self) -> Tensor:
        """As they were."""
        bits = np.unpackbits(self.bits, count=int(np.prod(self.shape)))
        return torch.from_numpy(bits).view(self.shape).to(self.dtype)


class Known(NamedTuple):
    """What is stored of a part of the samples in the first pass, in software, for the second one, on the chip.

    mark   a checksum of the spikes that enter the chip
    out    the outputs in software, (time, batch, outputs)
    read   the spikes that enter the chip, where computing them again is slow or random; else None
    """

    mark: bytes
    out: Packed
    read: Packed | None

    @classmethod
    def of(cls, read: Tensor, out: Tensor, *, keep: bool) -> Known:
        """From the spikes that enter the chip and the outputs in software."""
        return cls(mark(read), Packed.of(out), Packed.of(read) if keep else None)


def packed(spikes: Tensor) -> NDArray[np.uint8]:
    """A bit for each value."""
    return np.packbits(spikes.detach().cpu().numpy() != 0)


def mark(spikes: Tensor) -> bytes:
    """A checksum of spikes and their shape."""
    found = hashlib.blake2b(str(tuple(spikes.shape)).encode(), digest_size=16)
    found.update(packed(spikes).data)
    return found.digest()


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
        steps, empty = None, True
        for part in self.parts:
            empty = False
            if not isinstance(part, Tensor) or part.dim() < 2:
                yield part  # its reader refuses it, with an error that names what was asked for
                continue
            if steps not in (None, len(part)):
                given, remedy = f"parts of {steps} and of {len(part)} steps", "bring all to one length"
                raise ShapeError("deploy", given, "parts with as many steps each", remedy)
            steps = len(part)
            yield from part.split(AT_ONCE, dim=1)
        if empty:
            raise ShapeError("deploy", "x without a part", "one part at least", "give deploy some samples")

    def beside(self, known: Sequence[Known], read: Callable[[Any], Tensor]) -> Iterator[tuple[Tensor, Known]]:
        """For each part, the spikes that enter the chip, stored or computed again by `read`, and its `Known`.

        Raises: `ParameterError` where the samples differ from those of the first pass.
        """
        if known[0].read is not None:
            yield from ((one.read.spikes(), one) for one in known if one.read is not None)
            return
        for x, one in zip_longest(self, known):
            spikes = None if x is None or one is None else read(x)
            if one is None or spikes is None or mark(spikes) != one.mark:
                given, expected = "x that gives other samples when it is gone through again", "the same samples"
                remedy = "draw them from one seed each time, or make a tensor of them"
                raise ParameterError("deploy", given, expected, remedy)
            yield spikes, one


class Compared(NamedTuple):
    """A part of the samples, run on the chip and in software; the fields that it shares with `Tally` mean the same.

    spikes     that left the chip, (time, batch, outputs)
    expected   those of the network in software
    """

    spikes: Tensor
    expected: Tensor
    predicted: Tensor
    wanted: Tensor
    plain: Tensor | None
    counts: Counts
    given: int


def tally(parts: Iterable[Compared]) -> Tally:
    """The sum over all parts, of which there is at least one."""
    done = list[tuple[Tensor, Tensor, Tensor | None, Counts]]()
    steps = same = given = 0
    for part in parts:
        steps, given = len(part.spikes), given + part.given
        same += int((part.spikes == part.expected.to(part.spikes.dtype)).all(2).all(0).sum())
        done.append((part.predicted, part.wanted, part.plain, part.counts))
    predicted, wanted, plain, counts = zip(*done, strict=True)
    plain = [one for one in plain if one is not None]
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
    """The progress callback for one part of the samples, `done` of which were finished before it."""
    return None if progress is None else lambda more: progress(done + more)
