"""A network on hundreds of virtual dies: what each of them gets right, and how many are good enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.checks import is_number, is_whole
from rheobase.chip.mixed_signal.lanes import Lanes, laned, widest
from rheobase.chip.mixed_signal.layers import Part, check_age, parts
from rheobase.chip.mixed_signal.numbers import MOST_SEED
from rheobase.chip.mixed_signal.one_die import meant, on_die, programmed
from rheobase.chip.mixed_signal.presets import as_process
from rheobase.chip.mixed_signal.process import Process
from rheobase.errors import ParameterError, ShapeError
from rheobase.learning.losses import Loss, check_target
from rheobase.learning.losses import loss as loss_named

VALUES = 1 << 24  # of the widest layer over all steps, samples and dies of one run: 64 MB


@dataclass(frozen=True, eq=False)
class Dies:
    """What n dies do with the same samples. Accuracies are shares of the samples, from 0 to 1.

    seed         die k has the seed `seed` + k: `on_die(net, process, seed + k)` is that die
    accuracy     of every die, (n,)
    agreement    for every die, the share of samples whose class is the one that the network has in software, (n,)
    software     accuracy of the network in full precision, without any process
    programmed   accuracy with the weights that are aimed at, on levels and within the range, and nothing else
    age          seconds after programming
    lanes        whether all dies ran as lanes of one batch, or one die after the other
    """

    process: Process
    seed: int
    accuracy: Tensor
    agreement: Tensor
    software: float
    programmed: float
    samples: int
    age: float
    lanes: bool

    def __len__(self) -> int:
        return len(self.accuracy)

    @property
    def median(self) -> float:
        """The median accuracy."""
        return self.quantile(0.5)

    @property
    def lost(self) -> float:
        """What the median die loses against software."""
        return self.software - self.median

    def quantile(self, share: float) -> float:
        """The accuracy below which so large a share of the dies is, interpolated. Raises: `ParameterError`."""
        if not is_number(share, least=0, most=1):
            raise ParameterError("Dies.quantile", f"{share!r}", "a share from 0 to 1", "0.5 is the median")
        return float(torch.quantile(self.accuracy, share))

    def yield_at(self, least: float) -> float:
        """The share of dies with at least this accuracy. Raises: `ParameterError` for an accuracy outside 0 to 1."""
        if not is_number(least, least=0, most=1):
            raise ParameterError("Dies.yield_at", f"{least!r}", "an accuracy from 0 to 1", "0.9 is 90 %")
        # an accuracy is a quotient, which rounding must not push below
        return float((self.accuracy >= least - 1e-9).double().mean())

    def as_json(self) -> dict[str, Any]:
        """All numbers, as values of JSON."""
        own = {k: v.tolist() if isinstance(v, Tensor) else v for k, v in vars(self).items() if k != "process"}
        return {"process": self.process.as_json(), **own, "median": self.median}

    def __str__(self) -> str:
        def percent(*values: float) -> str:
            return " to ".join(f"{100 * value:.2f}" for value in values) + " %"

        name = self.process.name or "a process of its own"
        agreed = torch.quantile(self.agreement, torch.tensor([0.0, 0.5], dtype=self.agreement.dtype)).tolist()
        lines = [
            f"{len(self)} dies of {name}, seeds {self.seed} to {self.seed + len(self) - 1}, {self.samples} samples"
            + (f", {self.age:g} s after programming" if self.process.drift is not None else ""),
            f"accuracy in software {percent(self.software)}, as programmed {percent(self.programmed)}",
            f"accuracy of a die: median {percent(self.median)}, nine of ten "
            f"{percent(self.quantile(0.05), self.quantile(0.95))}, all "
            f"{percent(self.quantile(0.0), self.quantile(1.0))}",
            f"the class of software: on the median die in {percent(agreed[1])} of the samples, on the worst in "
            f"{percent(agreed[0])}",
        ]
        return "\n".join(lines)


@torch.no_grad()
def dies(
    net: nn.Module,
    process: Process | str,
    x: Tensor,
    y: Tensor,
    n: int = 200,
    *,
    seed: int = 0,
    age: float = 0.0,
    loss: Loss | str = "sum",
    lengths: Tensor | None = None,
    progress: Callable[[int], None] | None = None,
) -> Dies:
    """Run a network on n dies of a process, and compare each with the classes and with the network in software.

    The dies are lanes of one batch where the network is a chain of linear layers, neurons and layers that are the same
    on every die; else they run one after the other. `loss` says how a class is read from the output, as in training.
    Of a network that `aware` made, the weights learnt are what is programmed. Biases are exact. `progress` is called
    with the number of dies that are done. The mode of the network, training or evaluation, does not matter.

    Shapes: x (time, batch, ...), y (batch,) integers, lengths (batch,).

    Raises: `ParameterError` for an unknown process, fewer dies than one, seeds that are not from 0 to 2^32 - 1, an age
    of a process without drift; `NotRepresentable` for weights beyond the range, neurons whose constants cannot differ
    or that have noise of their own, layers whose parameters are no conductances, read noise of other layers than linear
    ones; `ShapeError`, `DTypeError`.

    Numerics: the numbers of a die are a function of its seed, the layer and the place of a device, and read noise of
    the sample and step too: the same in any number of dies and samples. Products are torch's, whose last bit may depend
    on how many dies it adds up at a time.

    >>> from rheobase import neurons
    >>> from rheobase.nn import Sequential
    >>> net = Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0), nn.Linear(3, 2), neurons.LI(2, dt=1.0))
    >>> found = dies(net, "dynap-se2", torch.ones(10, 5, 4), torch.zeros(5, dtype=torch.int64), n=20)
    >>> len(found), found.lanes
    (20, True)
    """
    process = as_process(process)
    if not is_whole(n, 1):
        raise ParameterError("dies", f"n={n!r}", "a whole number of dies, at least 1", "n=200 makes a histogram")
    if not is_whole(seed, 0, MOST_SEED - n):
        raise ParameterError("dies", f"seed={seed!r}", f"a whole number from 0 to 2^32 - {n}", "seed=0")
    check_age(age, process)
    if not isinstance(x, Tensor) or x.dim() < 3 or not x.numel():
        given = f"x of shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"x of type {type(x).__name__}"
        raise ShapeError("dies", given, "(time, batch, ...), no axis empty", "encode the samples first")
    criterion = loss_named(loss) if isinstance(loss, str) else loss
    plain = meant(net, process)
    found = parts(plain, process)
    out = _output(plain, x, lengths)
    check_target("dies", y, x.shape[1], out.shape[-1])
    ends = () if lengths is None else (lengths,)
    expected, target = criterion.predict(out, *ends), y.to(out.device)
    aimed = _output(programmed(net, process), x, lengths)
    lanes = laned(plain, found)
    given = (process, x, n, seed, age, lengths)
    runs = _lanes(plain, found, *given) if lanes else _copies(net, *given)
    right, same = torch.zeros(n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    done = 0
    for at, first, out in runs:
        here = slice(first, first + out.shape[1])
        classes = _classes(criterion, out, lengths, here)
        right[at] += (classes == target[here, None]).sum(0).double().cpu()
        same[at] += (classes == expected[here, None]).sum(0).double().cpu()
        if progress is not None and at.stop > done and here.stop == x.shape[1]:
            done = at.stop
            progress(done)
    samples = x.shape[1]
    return Dies(
        process,
        seed,
        right / samples,
        same / samples,
        _share(expected, target),
        _share(criterion.predict(aimed, *ends), target),
        samples,
        float(age),
        lanes,
    )


Run = tuple[slice, int, Tensor]  # which dies, the first sample, the output (time, samples, dies, classes)


def _lanes(
    net: Any, found: Sequence[Part], process: Process, x: Tensor, n: int, seed: int, age: float, lengths: Tensor | None
) -> Iterator[Run]:
    """As many dies at once, and then as many samples, as fit."""
    one = x.shape[0] * widest(net, x)
    samples = max(1, min(x.shape[1], VALUES // one))
    together = max(1, min(n, VALUES // (one * samples)))
    for first in range(0, n, together):
        at = slice(first, min(n, first + together))
        network = Lanes(net, found, process, range(seed + at.start, seed + at.stop), age)
        for k in range(0, x.shape[1], samples):
            until = None if lengths is None else lengths[k : k + samples]
            yield at, k, network(x[:, k : k + samples], lengths=until, first=k)


def _copies(
    net: nn.Module, process: Process, x: Tensor, n: int, seed: int, age: float, lengths: Tensor | None
) -> Iterator[Run]:
    for k in range(n):
        yield slice(k, k + 1), 0, _output(on_die(net, process, seed + k, age=age), x, lengths)[:, :, None]


def _output(net: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    returned = net(x, **({} if lengths is None else {"lengths": lengths}))
    return returned[0] if isinstance(returned, tuple) else returned


def _classes(criterion: Loss, out: Tensor, lengths: Tensor | None, here: slice) -> Tensor:
    """(samples, dies), of an output (time, samples, dies, classes)."""
    samples, n = out.shape[1:3]
    ends = () if lengths is None else (lengths[here].repeat_interleave(n),)
    return criterion.predict(out.flatten(1, 2), *ends).view(samples, n)


def _share(classes: Tensor, target: Tensor) -> float:
    return float((classes == target).double().mean())
