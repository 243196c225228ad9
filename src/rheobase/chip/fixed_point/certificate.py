"""A network in fixed point held against the same in integers, sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rheobase.chip.fixed_point.emulator import emulate
from rheobase.chip.samples import predictions
from rheobase.core.execution.check import check_tensor
from rheobase.errors import InputError
from rheobase.nn import Sequential

AT_ONCE = 250  # samples whose sequences are held at a time
Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Certificate:
    """What the emulator in integers and the network say of the same samples.

    samples            how many were run, each from rest
    same_outputs       samples of which every output is the same number at every step
    same_predictions   samples with the same prediction
    overflows          steps, of all registers and samples, in which the value did not fit
    predicted, wanted  the predictions in integers and of the network, (samples,)
    """

    samples: int
    same_outputs: int
    same_predictions: int
    overflows: int
    predicted: Tensor = field(repr=False, compare=False)
    wanted: Tensor = field(repr=False, compare=False)

    def __str__(self) -> str:
        return (
            f"same outputs, bit by bit: {self.same_outputs:,} of {self.samples:,} samples; same predictions: "
            f"{self.same_predictions:,}; {self.overflows:,} overflows"
        )


@torch.no_grad()
def certify(
    net: Sequential, x: Tensor, *, predict: Predict | None = None, progress: Callable[[int], None] | None = None
) -> Certificate:
    """Run a network in fixed point and the emulator on samples x, and count where they agree.

    `predict` takes outputs (time, batch, outputs) to a class for each sample; by default the largest at the last step.
    `progress` is called with how many samples are done.

    Shapes: x (time, batch, ...), in {0, 1}. Raises: `InputError`, `NotRepresentable`, `ParameterError` for what
    `predict` gives.

    >>> from rheobase import neurons, nn
    >>> from rheobase.chip import fixed_point
    >>> float_net = nn.Sequential(nn.Linear(3, 2), neurons.LIF(2, dt=1.0))
    >>> fixed, _ = fixed_point.quantise(float_net, torch.ones(20, 4, 3))
    >>> certificate = fixed_point.certify(fixed, torch.ones(20, 4, 3))
    >>> certificate.same_outputs, certificate.samples
    (4, 4)
    """
    check_tensor("certify", "x", x)
    if bool(((x != 0) & (x != 1)).any()):
        raise InputError("certify", "an x that is not only 0 and 1", "spikes", "encode it: see rheobase.data")
    choose = _last if predict is None else predict
    dtype = next(net.parameters()).dtype
    parts = list[tuple[Tensor, Tensor, Tensor]]()
    overflows, done = 0, 0
    for part in x.split(AT_ONCE, dim=1):
        wanted, found = net(part.to(dtype))[0].detach().cpu(), emulate(net, part)
        same = (found.out == wanted.double()).flatten(2).all(2).all(0)
        in_integers = predictions("certify", choose, found.out.to(wanted.dtype))
        parts.append((same, in_integers, predictions("certify", choose, wanted)))
        overflows, done = overflows + sum(found.overflows.values()), done + part.shape[1]
        if progress is not None:
            progress(done)
    same, predicted, wanted = (torch.cat(column) for column in zip(*parts, strict=True))
    agree = int((predicted == wanted).sum())
    return Certificate(len(same), int(same.sum()), agree, overflows, predicted, wanted)


def _last(out: Tensor) -> Tensor:
    return out[-1].argmax(1)
