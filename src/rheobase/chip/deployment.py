"""From a trained network to a chip: mapped, run, and held against the network sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.mapping import Mapped, layers_of, mapped
from rheobase.chip.parts import Parts, parts_of, passed
from rheobase.chip.report import Report, report_of
from rheobase.chip.truenorth import Configuration, Counts, Emulator, TrueNorth
from rheobase.errors import NotRepresentable, ParameterError, ShapeError

AT_ONCE = 500  # samples whose sequences the network makes at a time

Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False, repr=False)
class Deployed:
    """A network on a chip, with what is left of it in software: the same function of sequences as the network itself.

    `net` is the configuration of the cores in use (`truenorth.save` keeps it), `mapped` where everything stands, and
    `parts` what of the network is on the chip. Where layers before it are in software, the spikes that they put out
    cross to the chip in the tick in which they arise; those of the chip cross back `latency` ticks later.

    Shapes: x (time, batch, ...) as the network takes it to its output (time, batch, outputs).
    """

    mapped: Mapped
    parts: Parts
    n_inputs: int
    emulator: Emulator

    @property
    def net(self) -> Configuration:
        """The configuration."""
        return self.mapped.net

    @property
    def latency(self) -> int:
        """Ticks from a step of the chip's input to its output of the same step."""
        return self.mapped.latency

    def inputs(self, x: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(tick, core, axon) of the spikes of one sample that reach the chip, (time, inputs), for `Emulator.run`.

        Raises: `ShapeError`, `NotRepresentable` for values other than 0 and 1.
        """
        check_spikes(x, (self.n_inputs,), ("time", f"{self.n_inputs}"))
        active = x.detach().cpu().numpy() != 0
        source, core, axon = self.mapped.inputs.T
        tick, which = np.nonzero(active[:, source])
        return tick, core[which], axon[which]

    def run(self, x: Tensor, *, progress: Callable[[int], None] | None = None) -> tuple[Tensor, Counts]:
        """Each sample from rest: the output, and the counts of each sample on the chip, over its ticks, (batch,).

        `progress` is called with how many samples are done. Raises as `inputs`.
        """
        spikes, counts = self.run_chip(entering(self.parts, self.n_inputs, x), progress=progress)
        return passed(self.parts.after, spikes), counts

    def run_chip(self, x: Tensor, *, progress: Callable[[int], None] | None = None) -> tuple[Tensor, Counts]:
        """As `run`, of the chip alone: spikes (time, batch, inputs) to spikes (time, batch, outputs)."""
        check_spikes(x, (-1, self.n_inputs), ("time", "batch", f"{self.n_inputs}"))
        board, latency = self.net.board, self.latency
        which = np.full((board.n_cores, 256), -1)
        which[tuple(self.mapped.outputs.T)] = np.arange(len(self.mapped.outputs))
        out = np.zeros((len(x), x.shape[1], len(self.mapped.outputs)), np.float32)
        counts = list[list[int]]()
        for k in range(x.shape[1]):
            found = self.emulator.run(len(x) + latency, self.inputs(x[:, k]))
            out[found.spikes.tick - latency, k, which[found.spikes.core, found.spikes.neuron]] = 1
            counts.append([int(each.sum()) for each in found.counts])
            if progress is not None:
                progress(k + 1)
        return torch.from_numpy(out), Counts(*np.array(counts, np.int64).reshape(-1, len(Counts._fields)).T)

    def __call__(self, x: Tensor) -> Tensor:
        """The output alone."""
        return self.run(x)[0]

    def __repr__(self) -> str:
        return f"<Deployed on {sum(self.mapped.cores.values())} cores, latency {self.latency} ticks>"


def deploy(
    net: Any, chip: TrueNorth | None = None, x: Tensor | None = None, *, software: Sequence[int | str] = (),
    predict: Predict | None = None, progress: Callable[[int], None] | None = None,
) -> tuple[Deployed, Report]:  # fmt: skip
    """Put a network of whole numbers on a chip (`nn.quantised(net, whole=1)` makes and trains one).

    `chip`: a board; None is one chip. `x`: samples, on which chip and network are compared, energy is counted, and for
    whose spikes cores are placed. Without it, the report says cores and latency alone, and every neuron is placed as if
    it fired as often. `software`: layers that stay off the chip, by number or kind, at the beginning or the end of the
    network; their spikes cross the border tick by tick. `predict` takes outputs (time, batch, outputs) to a class for
    each sample; by default the one with the largest sum. `progress` is called with how many samples the chip has done.

    Shapes: x (time, batch, ...) as the network takes it; what crosses to the chip is in {0, 1}.

    Raises: `NotRepresentable` with every layer, neuron and limit that the chip cannot express; `ParameterError`,
    `ShapeError`.

    Numerics: the chip's potentials are those of the network as long as they stay within -262143 and 524287; for
    `report.exact_ticks` they do, whatever the inputs. The network must compute in float32 or float64.

    >>> from rheobase import neurons, nn
    >>> net = nn.Sequential(nn.Linear(3, 2, bias=False), neurons.IF(2, dt=1.0, v_threshold=1.0))
    >>> deployed, report = deploy(nn.quantised(net, whole=1), x=torch.ones(5, 4, 3))
    >>> report.samples, report.same_spikes, report.cores
    (4, 4, {'layer 0 (Linear)': 1})
    """
    board = TrueNorth() if chip is None else chip
    if not isinstance(board, TrueNorth):
        raise ParameterError("deploy", f"chip={chip!r}", "a TrueNorth", "chip.TrueNorth() is one chip")
    parts = parts_of(net, software)
    layers = layers_of(parts.chip, first=parts.first)
    if x is None:
        found = mapped(layers, board)
        exact = min(layer.exact_ticks for layer in layers)
        deployed = Deployed(found, parts, layers[0].n_inputs, Emulator(found.net))
        return deployed, Report(found.cores, found.latency, exact, software=parts.software)
    border = entering(parts, layers[0].n_inputs, x)
    expected, rates = _in_software(parts.chip, border)
    found = mapped(layers, board, rates)
    exact = min(layer.exact_ticks for layer in layers)
    deployed = Deployed(found, parts, layers[0].n_inputs, Emulator(found.net))
    spikes, counts = deployed.run_chip(border, progress=progress)
    given = int((border != 0).sum((0, 1)).cpu().numpy()[found.inputs[:, 0]].sum())
    choose = most_active if predict is None else predict
    wanted, predicted = (choose(passed(parts.after, each)) for each in (expected, spikes))
    report = report_of(found, exact, (spikes, expected), (predicted, wanted), counts, given, software=parts.software)
    return deployed, report


def most_active(out: Tensor) -> Tensor:
    """The output with the largest sum over time (the first of several), (time, batch, outputs) to (batch,)."""
    return out.sum(0).argmax(1)


def entering(parts: Parts, n_inputs: int, x: Any) -> Tensor:
    """The spikes that reach the chip, (time, batch, inputs): x itself, or what the layers before it make of x."""
    if parts.before is None:
        check_spikes(x, (-1, n_inputs), ("time", "batch", f"{n_inputs}"))
        return x
    if not isinstance(x, Tensor):
        given, expected = f"x of type {type(x).__name__}", "a tensor (time, batch, ...)"
        raise ShapeError("deploy", given, expected, "torch.as_tensor(x)")
    border = passed(parts.before, x)
    check_spikes(border, (-1, n_inputs), ("time", "batch", f"{n_inputs}"))
    return border


@torch.no_grad()
def _in_software(chip: Any, border: Tensor) -> tuple[Tensor, list[NDArray[Any]]]:
    """What the layers of the chip give in software, (time, batch, outputs), and the spikes of each of their neurons."""
    last, rates = list[Tensor](), list[NDArray[Any]]()
    for part in border.to(chip[0].weight).split(AT_ONCE, dim=1):
        outputs = chip.outputs(part)[1::2]
        own = [each.sum((0, 1)).cpu().numpy() for each in outputs]
        rates = [a + b for a, b in zip(rates, own, strict=True)] if rates else own
        last.append(outputs[-1].cpu())
    return torch.cat(last, dim=1), rates


def check_spikes(x: Any, sizes: tuple[int, ...], axes: tuple[str, ...]) -> None:
    """Raise unless x holds spikes, with these sizes (-1: any) after the time."""
    expected = "(" + ", ".join(axes) + ")"
    if not isinstance(x, Tensor):
        raise ShapeError("deploy", f"x of type {type(x).__name__}", f"a tensor {expected}", "torch.as_tensor(x)")
    if x.dim() != len(axes) or not x.numel() or any(n >= 0 and n != m for n, m in zip(sizes, x.shape[1:], strict=True)):
        raise ShapeError("deploy", f"x of shape {tuple(x.shape)}", expected, "one row of inputs for each step")
    wrong = (x != 0) & (x != 1)
    if bool(wrong.any()):
        given = f"x with {x[wrong].flatten()[0].item():g}, and {int(wrong.sum())} values that are no spikes"
        remedy = "encode samples as spikes: data.Rate, data.Thermometer; or leave the first layers in software"
        raise NotRepresentable("deploy", given, "0 and 1 alone, where the chip begins", remedy)
