"""From a trained network to a chip: mapped, run, and compared with the network sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.events import Counts
from rheobase.chip.loihi import Loihi
from rheobase.chip.parts import Parts, evaluating, parts_of, passed
from rheobase.chip.plans import Mapped, Plan, kind_of_chip, plan_of
from rheobase.chip.report import Report, report_of
from rheobase.chip.samples import Compared, Known, Samples, after, predictions, tally
from rheobase.chip.truenorth import TrueNorth
from rheobase.errors import NotRepresentable, ShapeError
from rheobase.nn import Flatten
from rheobase.nn.quantise import kind_of

Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False, repr=False)
class Deployed:
    """A network on a chip, with the layers that stay in software: the same function of sequences as the network itself.

    `net` is the configuration of the cores in use (stored by `truenorth.save` or `loihi.save`), `mapped` the assignment
    of neurons to cores, and `parts` the layers on the chip and those before and after it. Spikes of layers before the
    chip reach it in the tick in which they arise; spikes of the chip leave it `latency` ticks later.

    Shapes: x (time, batch, ...) as the network takes it to its output (time, batch, outputs).
    """

    mapped: Mapped
    parts: Parts
    n_inputs: int
    emulator: Any

    @property
    def net(self) -> Any:
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
        """As `run`, for the chip alone: spikes (time, batch, inputs) to spikes (time, batch, outputs)."""
        x = _flat(self.parts, x)
        check_spikes(x, (-1, self.n_inputs), ("time", "batch", f"{self.n_inputs}"))
        latency = self.latency
        which = np.full(self.mapped.outputs.max(0) + 1, -1)
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
    net: Any,
    chip: TrueNorth | Loihi | None = None,
    x: Tensor | Iterable[Tensor] | None = None,
    *,
    software: Sequence[int | str] = (),
    allow: Sequence[str] = (),
    predict: Predict | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Deployed, Report]:
    """Put a network on a chip: a `TrueNorth` or a `Loihi`; None is one chip of TrueNorth.

    TrueNorth takes a network of whole numbers (`nn.quantised(net, whole=1)` makes one that can be trained). Loihi takes
    a network of `loihi.Compartment`, or a float network of `CubaLIF`, `LIF`, `HardResetLIF`, `PLIF`, `IF` or
    `HardResetIF`, which it converts (8-bit weights; `loihi.quantise` has others).

    x          samples on which chip and network are compared, energy is counted, and by whose spikes cores are placed:
               a tensor, or an iterable of tensors, so that not all samples need be in memory. It is iterated twice and
               must give the same samples each time. From the first pass, one bit is stored for each output and step,
               and for each input of the chip where layers before it are in software. Without x, the report has cores
               and latency alone, and cores are placed as if all neurons fired at one rate
    software   layers that stay off the chip, by number or kind, at the beginning or the end of the network. They run
               in evaluation mode; their spikes cross the border tick by tick
    allow      of a float network for Loihi: losses that are accepted, "reset" or "bias"; the report lists the changes
               of each layer
    predict    a function from outputs (time, batch, outputs) to a class for each sample; by default the output with the
               largest sum
    progress   called with the number of samples that the chip has finished

    Shapes: x (time, batch, ...) as the network takes it; what crosses to the chip is in {0, 1}, and may be bool, which
    takes a quarter of the memory.

    Raises: `NotRepresentable` with every layer, neuron, loss and limit that the chip cannot express; `ParameterError`,
    `ShapeError`.

    Numerics: TrueNorth's potentials are those of the network as long as they stay within -262143 and 524287; for
    `report.exact_ticks` they do, whatever the inputs. Loihi's are those of the compartments at any time. The network
    must compute in float32 or float64.

    >>> from rheobase import neurons, nn
    >>> net = nn.Sequential(nn.Linear(3, 2, bias=False), neurons.IF(2, dt=1.0, v_threshold=1.0))
    >>> deployed, report = deploy(nn.quantised(net, whole=1), x=torch.ones(5, 4, 3))
    >>> report.samples, report.same_spikes, report.cores
    (4, 4, {'layer 0 (Linear)': 1})
    """
    board = TrueNorth() if chip is None else chip
    parts = parts_of(net, software, owner=kind_of_chip(board).__name__.lower())
    plan = plan_of(parts, board, allow)
    parts = replace(parts, chip=plan.net)
    if x is None:
        found = plan.mapped(_shape(plan, None), None)
        deployed = Deployed(found, parts, _wires(plan, None), plan.emulator(found.net))
        return deployed, Report(found.cores, found.latency, plan.exact_ticks, plan.of_cores, software=parts.software)
    samples = Samples(x)
    first, rates, known = _known(plan, parts, samples)
    found = plan.mapped(_shape(plan, first), rates)
    deployed = Deployed(found, parts, _wires(plan, first), plan.emulator(found.net))
    choose = most_active if predict is None else predict
    seen = tally(_compared(deployed, plan, samples, known, choose, progress))
    report = report_of(plan, found, seen, software=parts.software)
    if plan.plain is None:
        return deployed, report
    with evaluating(plan.net):
        changes = plan.changes(first.to(_weight(plan)))
    return deployed, replace(report, plain=seen.plain, changes=changes)


def _compared(
    deployed: Deployed,
    plan: Plan,
    samples: Samples,
    known: Sequence[Known],
    choose: Predict,
    progress: Callable[[int], None] | None,
) -> Iterator[Compared]:
    """Some samples at a time, on the chip and in software."""
    parts, done, source = deployed.parts, 0, deployed.mapped.inputs[:, 0]
    for border, one in samples.beside(known, lambda x: entering(parts, plan.n_inputs, x)):
        expected = one.out.spikes()
        spikes, counts = deployed.run_chip(border, progress=after(progress, done))
        predicted, wanted = (predictions("deploy", choose, passed(parts.after, each)) for each in (spikes, expected))
        plain, like = None, None if plan.plain is None else next(plan.plain.parameters())
        if like is not None:  # the float network runs in its own dtype, the chip's layers in float32
            without = passed(parts.after, passed(plan.plain, border.to(like)).cpu())
            plain = predictions("deploy", choose, without)
        given = int((_flat(parts, border) != 0).sum((0, 1)).cpu().numpy()[source].sum())
        done += border.shape[1]
        yield Compared(spikes, expected, predicted, wanted, plain, counts, given)


def _shape(plan: Plan, border: Tensor | None) -> tuple[int, ...]:
    """The shape of the chip's input in one step of one sample; `border` are samples of it, if there are any."""
    if border is not None:
        return tuple(border.shape[2:])
    if plan.n_inputs is None:
        given = f"no samples for {type(plan.net[0]).__name__}"
        raise ShapeError("deploy", given, "x, whose images have a size", "give deploy some samples")
    return (plan.n_inputs,)


def _wires(plan: Plan, border: Tensor | None) -> int:
    return math.prod(_shape(plan, border))


def _weight(plan: Plan) -> Tensor:
    weight: Any = plan.net[0].weight
    return weight


def _flat(parts: Parts, x: Any) -> Any:
    """Spikes of images, flattened to one axis of inputs as the chip reads them."""
    images = isinstance(x, Tensor) and x.dim() > 3 and not isinstance(parts.chip[0], torch.nn.Linear)
    return x.flatten(2) if images else x


def most_active(out: Tensor) -> Tensor:
    """The output with the largest sum over time (the first of several), (time, batch, outputs) to (batch,)."""
    return out.sum(0).argmax(1)


def entering(parts: Parts, n_inputs: int | None, x: Any) -> Tensor:
    """The spikes that enter the chip, (time, batch, inputs): x itself, or the output of the layers before the chip.

    Images stay images, (time, batch, ...). `n_inputs` is the required number of inputs; None allows any.
    """
    if parts.before is not None and not isinstance(x, Tensor):
        given, expected = f"x of type {type(x).__name__}", "a tensor (time, batch, ...)"
        raise ShapeError("deploy", given, expected, "torch.as_tensor(x)")
    border = passed(parts.before, x) if parts.before is not None else x
    axes = ("time", "batch", "inputs" if n_inputs is None else f"{n_inputs}")
    check_spikes(_flat(parts, border), (-1, -1 if n_inputs is None else n_inputs), axes)
    return border


def _known(plan: Plan, parts: Parts, samples: Samples) -> tuple[Tensor, list[NDArray[Any]], list[Known]]:
    """The first input of the chip, the spike counts of each layer's neurons, and what is stored of each part."""
    borders = (entering(parts, plan.n_inputs, x) for x in samples)
    first, rates, known = next(borders), list[NDArray[Any]](), list[Known]()
    computed = parts.before is not None and any(kind_of(layer) is not Flatten for layer in parts.before.layers)
    for border in chain((first,), borders):
        made = _in_software(plan, border)
        own = [each.sum((0, 1)).cpu().numpy() for each in made]
        rates = [a + b for a, b in zip(rates, own, strict=True)] if rates else own
        known.append(Known.of(border, made[-1], keep=computed))
    return first, rates, known


@torch.no_grad()
def _in_software(plan: Plan, border: Tensor) -> list[Tensor]:
    """The outputs of the chip's layers of neurons, computed in software, (time, batch, neurons) each."""
    with evaluating(plan.net):
        made = plan.net.outputs(border.to(_weight(plan)))
        return [made[k].flatten(2) for k in plan.cells]


def check_spikes(x: Any, sizes: tuple[int, ...], axes: tuple[str, ...]) -> None:
    """Raise unless x holds spikes, with these sizes (-1: any) after the time."""
    expected = "(" + ", ".join(axes) + ")"
    if not isinstance(x, Tensor):
        raise ShapeError("deploy", f"x of type {type(x).__name__}", f"a tensor {expected}", "torch.as_tensor(x)")
    if x.dim() != len(axes) or not x.numel() or any(n >= 0 and n != m for n, m in zip(sizes, x.shape[1:], strict=True)):
        raise ShapeError("deploy", f"x of shape {tuple(x.shape)}", expected, "one row of inputs for each step")
    if x.dtype == torch.bool:
        return
    wrong = (x != 0) & (x != 1)
    if bool(wrong.any()):
        given = f"x with {x[wrong].flatten()[0].item():g}, and {int(wrong.sum())} values that are no spikes"
        remedy = "encode samples as spikes: data.Rate, data.Thermometer; or leave the first layers in software"
        raise NotRepresentable("deploy", given, "0 and 1 alone, where the chip begins", remedy)
