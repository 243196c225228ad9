"""How a network in fixed point differs from the float one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from rheobase.chip.fixed_point.conversion import Made
from rheobase.chip.fixed_point.weights import weights_of
from rheobase.nn import Sequential

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
        return (
            f"layer {self.layer}, {self.neuron}: weights {self.weights} to {self.weight_error:.2%}{cut}; "
            f"integrator {self.integrator}, {self.overflows:,} overflows{spikes}"
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


def compared(
    net: Sequential, fixed: Sequential, x: Tensor, pairs: Sequence[tuple[int, int, Made]]
) -> tuple[LayerReport, ...]:
    """The report of each layer: `pairs` has its place in the float network, in the other one, and what was made."""
    dtype = next(fixed.parameters()).dtype
    before = net.outputs(x.to(next(iter(net.parameters()), torch.zeros(())).dtype))
    told, now = list[LayerReport](), x.to(dtype)
    at = {place: (k, made) for k, place, made in pairs}
    linear: Any = None
    for place, layer in enumerate(fixed.layers):
        cell: Any = layer
        if place not in at:
            linear, now = (layer if isinstance(layer, torch.nn.Linear) else linear), cell(now)
            continue
        k, made = at[place]
        now, end = cell(now)
        told.append(_told(k, made, linear, int(end.overflows.sum()), before[k], now))
    return tuple(told)


def _told(k: int, made: Made, linear: Any, overflows: int, one: Tensor, other: Tensor) -> LayerReport:
    rounding = weights_of(linear)
    given = (linear.parametrizations["weight"].original.detach() * rounding.scale).double()
    error = (linear.weight.detach().double() - given).pow(2).mean().sqrt() / given.pow(2).mean().sqrt().clamp(
        min=1e-300
    )
    kind = type(made.neuron).__name__
    spikes = (0, 0, 0)
    if kind != "FixedLeakySum":
        a, b = onsets(one, graded=kind != "FixedLIF"), onsets(other, graded=kind != "FixedLIF")
        spikes = int(a.sum()), int(b.sum()), int((a & b).sum())
    own = made.neuron
    form = f"Q{own.whole}.{own.fraction}" if kind != "FpgaSRC" else "Q15.0"
    return LayerReport(
        k, kind, str(rounding.form), form, float(error), rounding.form.beyond(given), made.changes, overflows, *spikes,
        float((one.double() - other.double()).pow(2).mean().sqrt()),
    )  # fmt: skip


def onsets(out: Tensor, *, graded: bool) -> Tensor:
    """Where spikes begin, (time, ...): of a graded output, or one that lasts some steps, where it comes to 1/2."""
    above = out >= HALF
    if graded:
        above[1:] &= ~(out[:-1] >= HALF)
    return above
