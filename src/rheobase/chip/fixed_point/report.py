"""How a network in fixed point differs from the float one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from rheobase.chip.fixed_point.weights import weights_of
from rheobase.core import Neuron
from rheobase.errors import ParameterError
from rheobase.nn import GroupReadout, Sequential

HALF = 0.5  # from where on a graded output is a spike


@dataclass(frozen=True)
class LayerReport:
    """A layer in fixed point beside the float one, under the same input of the network.

    layer           its place in the float network
    neuron          the cell in fixed point
    weights         the format of its weights
    integrator      the format of what its cells integrate their input in
    weight_error    root of the mean square change of a weight, in units of the root of the mean square weight
    weights_cut     weights beyond the ends of the format
    changes         the largest change of each parameter of the cells
    overflows       steps, of all cells and samples, in which an integrator could not hold its value
    spikes_float    spikes of the float layer; of a graded output, which lasts some steps, where it goes above 1/2; of
                    a readout there are none
    spikes_fixed    of the layer in fixed point
    coincident      of these, at the same neuron and step
    output_error    root of the mean square difference of the outputs
    """

    layer: int
    neuron: str
    weights: str
    integrator: str
    weight_error: float
    weights_cut: int
    changes: dict[str, float] = field(hash=False)
    overflows: int
    spikes_float: int
    spikes_fixed: int
    coincident: int
    output_error: float

    def __str__(self) -> str:
        counts = (
            f"{self.spikes_float:,} spikes, {self.spikes_fixed:,} in fixed point, {self.coincident:,} at the same step"
        )
        spikes = f"; {counts}" if self.neuron != "FixedLeakySum" else ""
        cut = f", {self.weights_cut} of them cut" if self.weights_cut else ""
        by = ", ".join(f"{name} by {most:.2g}" for name, most in self.changes.items() if most)
        return (
            f"layer {self.layer}, {self.neuron}: weights {self.weights} to {self.weight_error:.2%}{cut}; "
            f"integrator {self.integrator}, {self.overflows:,} overflows{spikes}"
            + (f"; changed: {by} at most" if by else "")
        )


@dataclass(frozen=True)
class Report:
    """What changed, layer by layer."""

    layers: tuple[LayerReport, ...]

    @property
    def overflows(self) -> int:
        """Of all layers."""
        return sum(layer.overflows for layer in self.layers)

    def as_json(self) -> list[dict[str, Any]]:
        """As values of JSON."""
        return [asdict(layer) for layer in self.layers]

    def __str__(self) -> str:
        return "\n".join(map(str, self.layers))


Places = Sequence[tuple[int, int, Mapping[str, float]]]  # in the float network, in the other one, changes of parameters


def compare(net: Sequential, fixed: Sequential, x: Tensor, *, rounded: Report | None = None) -> Report:
    """The report of a network in fixed point that was trained on after `quantise`, beside the float one, under x.

    `rounded`: the report of `quantise`, whose `changes` of parameters are taken over; without it there are none in it.

    Raises: `ParameterError` for networks, or a report, of other layers.

    >>> from rheobase import neurons, nn
    >>> from rheobase.chip import fixed_point
    >>> float_net = nn.Sequential(nn.Linear(3, 2), neurons.LIF(2, dt=1.0))
    >>> fixed, _ = fixed_point.quantise(float_net, torch.ones(20, 4, 3))
    >>> fixed_point.compare(float_net, fixed, torch.ones(20, 4, 3)).overflows
    0
    """
    before, after = (
        [k for k, layer in enumerate(one.layers) if isinstance(layer, Neuron | GroupReadout)] for one in (net, fixed)
    )
    if len(before) != len(after):
        given = f"networks of {len(before)} and {len(after)} layers of neurons"
        raise ParameterError("compare", given, "as many", "give the network that quantise made of this one")
    layers = () if rounded is None else rounded.layers
    if rounded is not None and [layer.layer for layer in layers] != before:
        given = f"a report of layers {[layer.layer for layer in layers]}"
        raise ParameterError("compare", given, f"of {before}", "give the report that quantise made with this network")
    changes = [layer.changes for layer in layers] or [{}] * len(before)
    with torch.no_grad():
        return Report(compared(net, fixed, x, list(zip(before, after, changes, strict=True))))


def compared(net: Sequential, fixed: Sequential, x: Tensor, places: Places) -> tuple[LayerReport, ...]:
    """The report of each layer."""
    before = net.outputs(x.to(next(iter(net.parameters()), torch.zeros(())).dtype))
    reports, now = list[LayerReport](), x.to(next(fixed.parameters()).dtype)
    at = {place: (k, changes) for k, place, changes in places}
    linear: Any = None
    for place, layer in enumerate(fixed.layers):
        cell: Any = layer
        if place not in at:
            now = cell(now)
            if isinstance(layer, torch.nn.Linear):
                linear = layer
            continue
        now, end = cell(now)
        k, changes = at[place]
        reports.append(_layer_report(k, cell, changes, linear, int(end.overflows.sum()), before[k], now))
    return tuple(reports)


def _layer_report(
    k: int, own: Any, changes: Mapping[str, float], linear: Any, overflows: int, one: Tensor, other: Tensor
) -> LayerReport:
    rounding = weights_of(linear)
    given = (linear.parametrizations["weight"].original.detach() * rounding.scale).double()
    error = (linear.weight.detach().double() - given).pow(2).mean().sqrt() / given.pow(2).mean().sqrt().clamp(
        min=1e-300
    )
    kind = type(own).__name__
    spikes = (0, 0, 0)
    if kind != "FixedLeakySum":
        a, b = onsets(one, graded=kind != "FixedLIF"), onsets(other, graded=kind != "FixedLIF")
        spikes = int(a.sum()), int(b.sum()), int((a & b).sum())
    form = f"Q{own.whole}.{own.fraction}" if kind != "FpgaSRC" else "Q15.0"
    return LayerReport(
        k,
        kind,
        str(rounding.form),
        form,
        float(error),
        rounding.form.beyond(given),
        dict(changes),
        overflows,
        *spikes,
        float((one.double() - other.double()).pow(2).mean().sqrt()),
    )


def onsets(out: Tensor, *, graded: bool) -> Tensor:
    """Where spikes begin, (time, ...): of a graded output, or one that lasts some steps, where it comes to 1/2."""
    above = out >= HALF
    if graded:
        above[1:] &= ~(out[:-1] >= HALF)
    return above
