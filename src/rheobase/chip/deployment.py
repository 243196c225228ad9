"""From a trained network to a chip: mapped, run, and held against the network sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.mapping import Mapped, layers_of, mapped
from rheobase.chip.report import Report, report_of
from rheobase.chip.truenorth import Configuration, Counts, Emulator, TrueNorth
from rheobase.errors import NotRepresentable, ParameterError, ShapeError


@dataclass(frozen=True, eq=False, repr=False)
class Deployed:
    """A network on a chip: spikes in, the spikes of its last layer out, as the network itself.

    `net` is the configuration of the cores in use (`truenorth.save` keeps it), `mapped` where everything stands.

    Shapes: x (time, batch, inputs) in {0, 1} to (time, batch, outputs) in {0, 1}.
    """

    mapped: Mapped
    n_inputs: int
    emulator: Emulator

    @property
    def net(self) -> Configuration:
        """The configuration."""
        return self.mapped.net

    @property
    def latency(self) -> int:
        """Ticks from a step of the input to the output of the same step."""
        return self.mapped.latency

    def inputs(self, x: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(tick, core, axon) of the spikes of one sample, (time, inputs), as `Emulator.run` takes them.

        Raises: `ShapeError`, `NotRepresentable` for values other than 0 and 1.
        """
        _check_spikes(x, (self.n_inputs,), ("time", f"{self.n_inputs}"))
        active = x.detach().cpu().numpy() != 0
        source, core, axon = self.mapped.inputs.T
        tick, which = np.nonzero(active[:, source])
        return tick, core[which], axon[which]

    def run(self, x: Tensor, *, progress: Callable[[int], None] | None = None) -> tuple[Tensor, Counts]:
        """Each sample from rest: spikes, and the counts of each sample, summed over its ticks, (batch,).

        `progress` is called with how many samples are done. Raises as `inputs`.
        """
        _check_spikes(x, (-1, self.n_inputs), ("time", "batch", f"{self.n_inputs}"))
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
        """Spikes alone."""
        return self.run(x)[0]

    def __repr__(self) -> str:
        return f"<Deployed on {sum(self.mapped.cores.values())} cores, latency {self.latency} ticks>"


def deploy(
    net: Any, chip: TrueNorth | None = None, x: Tensor | None = None, *, progress: Callable[[int], None] | None = None
) -> tuple[Deployed, Report]:
    """Put a network of whole numbers on a chip (`nn.quantised(net, whole=1)` makes and trains one).

    `chip`: a board; None is one chip. `x`: spikes of samples, on which chip and network are compared, energy is
    counted, and for whose spikes cores are placed. Without it, the report says cores and latency alone, and every
    neuron is placed as if it fired as often. `progress` is called with how many samples the chip has done.

    Shapes: x (time, batch, inputs) in {0, 1}.

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
    layers = layers_of(net)
    outputs: list[Tensor] | None = None
    if x is not None:
        _check_spikes(x, (-1, layers[0].n_inputs), ("time", "batch", f"{layers[0].n_inputs}"))
        with torch.no_grad():
            outputs = net.outputs(x.to(net[0].weight))[1::2]
    rates = None if outputs is None else [each.sum((0, 1)).cpu().numpy() for each in outputs]
    found = mapped(layers, board, rates)
    deployed = Deployed(found, layers[0].n_inputs, Emulator(found.net))
    exact = min(layer.exact_ticks for layer in layers)
    if x is None or outputs is None:
        return deployed, Report(found.cores, found.latency, exact)
    spikes, counts = deployed.run(x, progress=progress)
    given = sum(len(deployed.inputs(x[:, k])[0]) for k in range(x.shape[1]))
    return deployed, report_of(found, exact, spikes, outputs[-1].cpu(), counts, given)


def _check_spikes(x: Any, sizes: tuple[int, ...], axes: tuple[str, ...]) -> None:
    expected = "(" + ", ".join(axes) + ")"
    if not isinstance(x, Tensor):
        raise ShapeError("deploy", f"x of type {type(x).__name__}", f"a tensor {expected}", "torch.as_tensor(x)")
    if x.dim() != len(axes) or not x.numel() or any(n >= 0 and n != m for n, m in zip(sizes, x.shape[1:], strict=True)):
        raise ShapeError("deploy", f"x of shape {tuple(x.shape)}", expected, "one row of inputs for each step")
    wrong = (x != 0) & (x != 1)
    if bool(wrong.any()):
        given = f"x with {x[wrong].flatten()[0].item():g}, and {int(wrong.sum())} values that are no spikes"
        raise NotRepresentable("deploy", given, "0 and 1 alone", "encode samples as spikes: data.Rate, data.Latency")
