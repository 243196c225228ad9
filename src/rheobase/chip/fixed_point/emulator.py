"""The chip in NumPy's integers: what a network in fixed point computes, written a second time and in another way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rheobase.chip.fixed_point.fixed_lif import FixedLIF
from rheobase.chip.fixed_point.fixed_src import FixedSRC
from rheobase.chip.fixed_point.fixed_sum import FixedLeakySum
from rheobase.chip.fixed_point.fpga_src import FpgaSRC
from rheobase.chip.fixed_point.weights import weights_of
from rheobase.errors import NotRepresentable
from rheobase.nn import Flatten, Sequential

Whole = NDArray[np.int64]


class Emulated(NamedTuple):
    """The output (time, batch, outputs), float64, and how often a register could not hold its value, by layer."""

    out: Tensor
    overflows: dict[int, int]


def emulate(net: Sequential, x: Tensor) -> Emulated:
    """Run a network in fixed point in integers of 64 bits, from rest. Shapes: x (time, batch, ...), in {0, 1}.

    Raises: `NotRepresentable` for a layer that is not in fixed point (see `quantise`).

    >>> neuron = FixedLIF(2, beta=0.5, fraction=4)
    >>> from rheobase.chip.fixed_point import Format, fixed_weights
    >>> net = Sequential(fixed_weights(nn.Linear(3, 2, bias=False), Format(0, 4)), neuron)
    >>> x = torch.ones(5, 1, 3)
    >>> torch.equal(emulate(net, x).out.float(), net(x)[0])
    True
    """
    values, behind = x.detach().flatten(2).cpu().numpy().astype(np.int64), 0  # whole numbers of steps of 2^-behind
    overflows = dict[int, int]()
    for k, layer in enumerate(net.layers):
        if isinstance(layer, nn.Linear):
            rounding = weights_of(layer)
            levels = rounding.levels(layer.parametrizations["weight"].original).double()  # type: ignore[union-attr,index,arg-type]
            # in float64, which holds these sums: a product of integers has no fast routine
            sums = torch.from_numpy(values).double() @ levels.cpu().T
            values, behind = sums.numpy().astype(np.int64), behind + rounding.form.fraction
        elif type(layer) in STEPS:
            neuron: Any = layer
            values, behind, overflows[k] = STEPS[type(layer)](neuron, values, behind)
        elif not isinstance(layer, Flatten):
            given, remedy = f"layer {k}, {type(layer).__name__}", "fixed_point.quantise makes such a network"
            raise NotRepresentable("a chip in fixed point", given, "weights and neurons in fixed point", remedy)
    return Emulated(torch.from_numpy(values.astype(np.float64)) * 2.0**-behind, overflows)


def shifted(x: Any, places: int, rounding: str) -> Any:
    """x / 2^places: a shift to the right, with half of what is lost added before it or without."""
    if places <= 0:
        return x << -places
    return (x + (1 << (places - 1)) >> places) if rounding == "nearest" else x >> places


def register(value: Tensor, fraction: int) -> Whole:
    """A parameter in steps of 2^-fraction, the nearest."""
    return np.floor(value.detach().cpu().double().numpy() * 2.0**fraction + 0.5).astype(np.int64)


def hold(x: Whole, neuron: Any) -> tuple[Whole, int]:
    """What a register of the neuron's format holds, and how many it could not."""
    most = 1 << (neuron.whole + neuron.fraction)
    lost = int(((x < -most) | (x > most - 1)).sum())
    return (np.clip(x, -most, most - 1) if neuron.overflow == "saturate" else (x + most) % (2 * most) - most), lost


def lines(x: Whole, end: Any, finer: int, neuron: FixedSRC) -> Whole:
    """end T(x / end): x in steps, end in steps of 2^-finer of a step, of which it takes 5 bits more."""
    a, end = np.abs(x) << (finer + 5), end << 5
    size = np.minimum(np.minimum(a, (end >> 2) + (a >> 1)), np.minimum(23 * (end >> 5) + (a >> 3), end))
    return np.sign(x) * shifted(size, finer + 5, neuron.rounding)


def _src(neuron: FixedSRC, current: Whole, behind: int) -> tuple[Whole, int, int]:
    n, p, how = neuron.fraction, neuron.param_fraction, neuron.rounding
    alpha, rho, r, r_s, b_h, z_hyp, z_dep = (
        register(neuron.value(name), p) for name in ("alpha", "rho", "r", "r_s", "b_h", "z_hyp", "z_dep")
    )
    i, (h, h_s) = np.zeros_like(current[0]), (_rest(neuron, name, current[0], n) for name in ("h", "h_s"))
    one, out, lost = 1 << n, np.zeros_like(current), 0
    for t, now in enumerate(current):
        i, over = hold(shifted(alpha * i, p, how) + shifted(now, behind - n, how), neuron)
        # rho in steps of i, made finer by p bits
        x = lines(i, rho << n, p, neuron)
        y = shifted((x << p) + r * h + r_s * h_s + (b_h << n), p, how)
        if neuron.gate == "step":
            opened = np.where(h >= one >> 1, one, 0)
        else:
            s = 10 * h - 5 * one
            a = np.abs(s)
            upper = np.minimum(
                np.minimum((a << 3) + (one << 4), (a << 2) + 20 * one), np.minimum(a + 27 * one, one << 5)
            )
            opened = shifted(np.where(s < 0, (one << 5) - upper, upper), 5, how)
        z_s = shifted((z_hyp << n) + (z_dep - z_hyp) * opened, p, how)
        h, h_s = np.clip(lines(y, one, 0, neuron), 1 - one, one - 1), h + shifted(z_s * (h_s - h), n, how)
        out[t] = np.maximum(h, 0) if neuron.output == "graded" else h >= one >> 1
        lost += over
    return out, n if neuron.output == "graded" else 0, lost


def _rest(neuron: Any, name: str, like: Whole, fraction: int) -> Whole:
    rest = getattr(neuron.rest(1, dtype=torch.float64), name)[0]
    return np.broadcast_to(register(rest, fraction), like.shape).copy()


def _lif(neuron: FixedLIF, current: Whole, behind: int) -> tuple[Whole, int, int]:
    n, p, how = neuron.fraction, neuron.param_fraction, neuron.rounding
    beta, theta, bias = register(neuron.beta, p), register(neuron.v_threshold, n), register(neuron.bias, n)
    v, out, lost = np.zeros_like(current[0]), np.zeros_like(current), 0
    for t, now in enumerate(current):
        v, over = hold(shifted(beta * v, p, how) + shifted(now, behind - n, how) + bias, neuron)
        out[t] = v >= theta
        v = v - out[t] * theta
        lost += over
    return out, 0, lost


def _sum(neuron: FixedLeakySum, current: Whole, behind: int) -> tuple[Whole, int, int]:
    n, p, how = neuron.fraction, neuron.param_fraction, neuron.rounding
    decay, bias = register(neuron.decay, p), register(neuron.bias, n)
    o, out, lost = np.zeros_like(current[0]), np.zeros_like(current), 0
    for t, now in enumerate(current):
        o, over = hold(shifted(decay * o, p, how) + shifted(now, behind - n, how) + bias, neuron)
        out[t] = o
        lost += over
    return out, n, lost


def _fpga(neuron: FpgaSRC, current: Whole, behind: int) -> tuple[Whole, int, int]:
    bias, z_max, z_min = (register(neuron.value(name), 0) for name in ("bias", "z_max", "z_min"))
    i = h = h_s = np.zeros_like(current[0])
    out, lost = np.zeros_like(current), 0
    for t, now in enumerate(current):
        total = i - (i >> 4) - (i >> 5) + (now >> behind)
        i = np.clip(total, -32768, 32767)
        x = np.where(i > 0, 1023, -1024)
        z = np.where(h < 500, z_max, z_min)
        y = x + ((h - (h_s << 2) + bias) << 1)
        h, h_s = (
            np.clip((y + (y << 1)) >> 2, -1024, 1023),
            np.clip(h + ((h_s - h) * z >> 10), -800, 1023),
        )
        out[t] = h >= 512
        lost += int((i != total).sum())
    return out, 0, lost


STEPS: dict[type, Callable[[Any, Whole, int], tuple[Whole, int, int]]] = {
    FixedSRC: _src,
    FixedLIF: _lif,
    FixedLeakySum: _sum,
    FpgaSRC: _fpga,
}
