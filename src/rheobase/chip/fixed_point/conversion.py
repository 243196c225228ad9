"""From the numbers of a float cell to those of one in fixed point: a function for each kind of cell."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rheobase.chip.fixed_point.fixed_lif import FixedLIF
from rheobase.chip.fixed_point.fixed_src import REACH, FixedSRC
from rheobase.chip.fixed_point.fixed_sum import FixedLeakySum
from rheobase.chip.fixed_point.format import Format
from rheobase.chip.fixed_point.fpga_src import FpgaSRC
from rheobase.core.integrators import ExpEuler
from rheobase.errors import NotRepresentable
from rheobase.neurons import IF, LI, LIF, SRC, LeakySum
from rheobase.nn import GroupReadout

LOSSES = {
    "functions": "lines take the place of tanh and sigmoid",
    "cell": "the cells get the constants of the published chip, the sign of their input alone, and spikes of 0 and 1",
}
INTEGRATES: dict[type, str] = {SRC: "i", LIF: "v.pre", IF: "v.pre", LI: "v", LeakySum: "o"}
HEADROOM = 1.25  # of the largest value seen
READOUT_BITS = 8  # of the two weights of a fixed readout
MANTISSA = 24  # bits that float32 holds
# the readout of the FPGA has weights of 10 and -1, here in eighths, and sums of 14 bits
EIGHTHS, OF_WEIGHT, OF_SUM = 1.25, Format(1, 3), Format(10, 3)


class Plan(NamedTuple):
    """What `quantise` was asked for."""

    weight_bits: int
    fraction: int
    param_fraction: int
    whole: int | None
    rounding: str
    overflow: str
    form: str
    allow: tuple[str, ...]

    def integrator(self, largest: float, least: int = 0) -> dict[str, Any]:
        """The format of an integrator, whose products float32 still holds, and how it rounds."""
        whole = self.whole
        if whole is None:
            whole = max(0, math.ceil(math.log2(HEADROOM * largest))) if largest > 0 else 0
        fraction = min(self.fraction, MANTISSA - self.param_fraction - max(whole, least))
        if fraction < 1:
            given = f"{whole} bits before the point and {self.param_fraction} of a parameter behind it"
            remedy = "a smaller param_fraction, or whole=8, say, and a look at the overflows"
            raise NotRepresentable("a chip in fixed point", given, f"{MANTISSA - 1} bits together", remedy)
        return {
            "fraction": fraction,
            "whole": whole,
            "param_fraction": self.param_fraction,
            "rounding": self.rounding,
            "overflow": self.overflow,
        }


class Made(NamedTuple):
    """A cell in fixed point and what its weights are: their format, and a factor before they are rounded."""

    neuron: Any
    form: Format
    scale: Tensor
    output_fraction: int  # bits behind the point of what leaves the cell
    changes: dict[str, float]  # of its parameters, the largest by name


def made_of(plan: Plan, k: int, cell: Any, layer: nn.Linear, largest: float) -> Made:
    """The cell at place k behind a layer of weights. Raises `NotRepresentable` for what it cannot be."""
    owner = f"layer {k}, {cell!r}"
    make = KINDS.get(type(cell))
    if make is None:
        expected = "one of " + ", ".join(kind.__name__ for kind in KINDS)
        raise NotRepresentable("a chip in fixed point", f"layer {k}, {type(cell).__name__}", expected, "train with one")
    return make(plan, owner, cell, layer, largest)


def _src(plan: Plan, owner: str, cell: SRC, layer: nn.Linear, largest: float) -> Made:
    if layer.bias is not None and bool(layer.bias.any()):
        raise NotRepresentable(owner, "a bias of the weights before it", "none: b_h is its bias", "bias=False")
    if cell.gate_reads != "h[t-1]" or bool((cell.z != 0).any()):
        given = f"gate_reads = {cell.gate_reads!r} and z of up to {float(cell.z.max()):g}"
        raise NotRepresentable(owner, given, "h[t-1] and 0, as the paper has them", "train with these")
    if plan.form == "fpga":
        return _fpga(plan, owner, cell, layer)
    if cell.tanh == "exact" or cell.gate == "sigmoid":
        _asked(plan, owner, "functions")
    names = ("alpha", "rho", "r", "r_s", "b_h", "z_hyp", "z_dep")
    values = {name: _plain(cell, name) for name in names}
    ranges = {"rho": (0.0, 8.0), "r": (0.0, 8.0), "r_s": (-16.0, 0.0), "b_h": (-16.0, -4.0)}
    for name, (low, high) in ranges.items():
        if bool(((values[name] < low) | (values[name] > high)).any()):
            given = f"{name} from {float(values[name].min()):g} to {float(values[name].max()):g}"
            raise NotRepresentable(owner, given, f"{low:g} to {high:g}, which its registers hold", "train it again")
    step = "lines" if cell.gate == "sigmoid" else "step"
    given = plan.integrator(largest, least=REACH)
    learn = tuple(name for name in names if name in cell.learn)
    neuron = FixedSRC(*cell.shape, **values, **given, gate=step, learn=learn, detach_recurrence=cell.detach_recurrence)
    return Made(
        neuron,
        Format.nearest(layer.weight, plan.weight_bits),
        torch.ones(()),
        neuron.fraction,
        _changes(values, plan.param_fraction),
    )


def _fpga(plan: Plan, owner: str, cell: SRC, layer: nn.Linear) -> Made:
    _asked(plan, owner, "cell")
    most = float(layer.weight.detach().abs().max())
    if not most:
        raise NotRepresentable(owner, "weights that are all 0", "some that are not", "leave the layer out")
    form = Format(plan.weight_bits - 1, 0)
    scale = torch.tensor(2.0**form.whole / most)
    # the width of a step of the input that the float cell took for 1
    neuron = FpgaSRC(*cell.shape, width=float(scale))
    own = {"alpha": 1 - 3 / 32, "r": 2.0, "r_s": -8.0, "b_h": -6000 / 1024, "z_hyp": 900 / 1024, "z_dep": 100 / 1024}
    changes = {name: float((cell.value(name).detach().double() - value).abs().max()) for name, value in own.items()}
    return Made(neuron, form, scale, 0, changes)


def _lif(plan: Plan, owner: str, cell: LIF, layer: nn.Linear, largest: float) -> Made:
    beta, gain = _membrane(owner, cell)
    values = {"beta": beta, "bias": gain * _bias(layer), "v_threshold": _plain(cell, "v_threshold")}
    return _leaky(plan, owner, cell, layer, FixedLIF, values, gain, largest)


def _if(plan: Plan, owner: str, cell: IF, layer: nn.Linear, largest: float) -> Made:
    gain = _plain(cell, "r") * float(cell.dt or 1.0)
    values = {"beta": torch.ones(()), "bias": gain * _bias(layer), "v_threshold": _plain(cell, "v_threshold")}
    return _leaky(plan, owner, cell, layer, FixedLIF, values, gain, largest)


def _li(plan: Plan, owner: str, cell: LI, layer: nn.Linear, largest: float) -> Made:
    decay, gain = _membrane(owner, cell)
    values = {"decay": decay, "bias": gain * _bias(layer)}
    return _leaky(plan, owner, cell, layer, FixedLeakySum, values, gain, largest)


def _leaky_sum(plan: Plan, owner: str, cell: LeakySum, layer: nn.Linear, largest: float) -> Made:
    values = {"decay": _plain(cell, "decay"), "bias": _bias(layer)}
    return _leaky(plan, owner, cell, layer, FixedLeakySum, values, torch.ones(()), largest)


def _readout(plan: Plan, owner: str, cell: GroupReadout, layer: nn.Linear, largest: float) -> Made:
    if plan.form == "fpga":
        neuron = FixedLeakySum(*cell.integrator.shape, decay=1.0, whole=OF_SUM.whole, fraction=OF_SUM.fraction)
        decay = float((1 - cell.integrator.decay).max())
        return Made(neuron, OF_WEIGHT, torch.tensor(EIGHTHS), neuron.fraction, {"decay": decay})
    found = _leaky_sum(plan, owner, cell.integrator, layer, largest)
    return found._replace(form=Format.nearest(layer.weight, READOUT_BITS))


def _leaky(
    plan: Plan,
    owner: str,
    cell: Any,
    layer: nn.Linear,
    kind: type,
    values: dict[str, Tensor],
    gain: Tensor,
    largest: float,
) -> Made:
    for name in ("beta", "decay"):
        kept = values.get(name, torch.ones(()))
        lost = (kept < 1) & (torch.round(kept.double() * 2.0**plan.param_fraction) == 2**plan.param_fraction)
        if bool(lost.any()):
            most = float(kept[lost].max())
            given, bits = f"{name} = {most:.6g}, 1 with {plan.param_fraction} bits", math.ceil(-math.log2(1 - most))
            expected = "a leak that the chip can tell from none"
            raise NotRepresentable(owner, given, expected, f"param_fraction={bits}, or a shorter time constant")
    own: dict[str, Any] = dict(values)
    more = {"surrogate": cell.surrogate, "detach_reset": cell.detach_reset} if kind is FixedLIF else {}
    neuron = kind(*cell.shape, **own, **plan.integrator(largest), **more)
    scale = gain if gain.dim() == 0 else gain.reshape(-1, 1)
    form = Format.nearest(layer.weight.detach() * scale, plan.weight_bits)
    decay = {name: values[name] for name in ("beta", "decay") if name in values}
    behind = 0 if kind is FixedLIF else neuron.fraction
    rest = {name: value for name, value in values.items() if name not in decay}
    changes = _changes(decay, plan.param_fraction) | _changes(rest, neuron.fraction)
    return Made(neuron, form, scale, behind, changes)


def _membrane(owner: str, cell: Any) -> tuple[Tensor, Tensor]:
    """What is left of the potential after a step, and what the input of a step adds."""
    if not isinstance(cell.integrator, ExpEuler):
        raise NotRepresentable(owner, repr(cell.integrator), "ExpEuler, whose step is a product", "ExpEuler()")
    beta = torch.exp(-float(cell.dt or 1.0) / _plain(cell, "tau_mem").double())
    if bool((_plain(cell, "v_leak") != 0).any()):
        # the run starts at v_leak, a register at 0
        raise NotRepresentable(owner, "a v_leak other than 0", "0, from where a register starts", "shift the threshold")
    return beta.float(), (1 - beta).float()


def _asked(plan: Plan, owner: str, name: str) -> None:
    if name not in plan.allow:
        given, remedy = f"a loss of {name}: {LOSSES[name]}", f"allow=({name!r},), and look at the report"
        raise NotRepresentable(owner, given, "one that is allowed", remedy)


def _plain(cell: Any, name: str) -> Tensor:
    return cell.value(name).detach().clone() if name != "b_h" else cell.value(name).detach().clamp(max=-4.0)


def _bias(layer: nn.Linear) -> Tensor:
    return torch.zeros(()) if layer.bias is None else layer.bias.detach()


def _changes(values: dict[str, Tensor], fraction: int) -> dict[str, float]:
    """By how much the nearest on the grid differs, the largest of each parameter."""
    unit = 2.0**fraction
    pairs = ((name, value.double()) for name, value in values.items())
    return {name: float((torch.round(value * unit) / unit - value).abs().max()) for name, value in pairs}


KINDS: dict[type, Callable[[Plan, str, Any, nn.Linear, float], Made]] = {
    SRC: _src,
    LIF: _lif,
    IF: _if,
    LI: _li,
    LeakySum: _leaky_sum,
    GroupReadout: _readout,
}
