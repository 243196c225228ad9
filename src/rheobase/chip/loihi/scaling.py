"""From the numbers of a float layer to those of its registers: one scale for each layer.

With alpha = exp(-dt/tau_syn), beta = exp(-dt/tau_mem) and V = v - v_leak, a step of `CubaLIF` under ExpEuler is

    p[t] = alpha p[t-1] + (1 - alpha) w_in (W x[t] + b),   V[t] = beta V[t-1] + (1 - beta) r p[t-1]

and with u = (1 - beta) r p and both scaled by S, it is that of a compartment whose weights are
S (1 - alpha) (1 - beta) w_in r W / 64, one step earlier. `forms` has the same of other neurons.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.chip.loihi.compartment import BIAS, DECAY_ONE, HALF, SUM, UNIT
from rheobase.chip.loihi.forms import Form
from rheobase.chip.loihi.synapses import Mantissa
from rheobase.core import Neuron
from rheobase.errors import NotRepresentable

THRESHOLD = 131071


class Registers(NamedTuple):
    """What a layer of the chip is made of; `scale` is S. Each of the compartments' is a number or one for each."""

    scale: float
    weight: Tensor
    weight_exp: int
    decay_u: Tensor
    decay_v: Tensor
    vth_mant: Tensor
    bias_mant: Tensor
    bias_exp: int
    decay_error: float  # largest relative change of a decay


def registers(
    owner: str, weight: Tensor, bias: Tensor | None, neuron: Neuron, form: Form, weight_bits: int
) -> Registers:
    """The registers with the largest weight_exp, and so the finest threshold, with which no sum can leave its bits.

    The scale takes the largest weight to the last mantissa, or a little less, so that a threshold that is the same for
    all neurons is a whole mantissa. Neurons without a leak whose weights and thresholds are whole numbers count in the
    same numbers on the chip: there, V >= theta is V > theta - 1.

    Raises: `NotRepresentable` for a threshold that is not above v_leak, for time constants of more than 8192 steps,
    and where no weight_exp fits.
    """
    dt = float(neuron.dt or 1.0)
    decay_u, decay_v = (torch.round(DECAY_ONE * (1 - x)) for x in (form.alpha, form.beta))
    for name, share, decay in (("tau_syn", form.alpha, decay_u), ("tau_mem", form.beta, decay_v)):
        if bool(((decay < 1) & (share < 1)).any()):
            given = f"{name} up to {float((-dt / torch.log(share)).max()):g} ms at dt = {dt:g} ms"
            expected = f"no more than {2 * DECAY_ONE} steps, of which a step's decay is 1/{DECAY_ONE}"
            raise NotRepresentable(owner, given, expected, "a shorter time constant, or a larger dt")
    gain = _of_outputs(owner, form.gain, neuron, weight)
    drive = gain * weight.detach().double()
    if bool((form.theta <= 0).any()):
        given = f"v_threshold - v_leak of {float(form.theta.min()):g}"
        raise NotRepresentable(owner, given, "a threshold above the leak", "the chip's potential rests at 0")
    if not bool(drive.any()):
        raise NotRepresentable(owner, "weights that are all 0", "some that are not", "leave the layer out")
    own = None if bias is None else bias.detach().double().view(-1, *(1,) * (len(neuron.shape) - 1))
    push = torch.zeros((), dtype=torch.float64) if own is None else form.push * own
    counted = _counted(form, weight.detach().double(), own)
    found = _largest(owner, drive, form.theta, push, decay_u, decay_v, weight_bits, counted)
    changes = [
        (decay / DECAY_ONE / (1 - share) - 1).abs()[share < 1]
        for decay, share in ((decay_u, form.alpha), (decay_v, form.beta))
    ]
    return found._replace(decay_error=float(torch.cat([torch.zeros(1).double(), *map(torch.flatten, changes)]).max()))


def _counted(form: Form, weight: Tensor, bias: Tensor | None) -> float | None:
    """What a weight of 1 adds, where all is in whole numbers of it and nothing leaks; else None."""
    one = float(form.gain.flatten()[0])
    same = one > 0 and bool((form.gain == one).all()) and not bool(form.alpha.any()) and bool((form.beta == 1).all())
    parts = [weight, form.theta / one] + ([] if bias is None else [bias]) if same else []
    return one if parts and all(bool((x == torch.round(x)).all()) for x in parts) else None


def _of_outputs(owner: str, gain: Tensor, neuron: Neuron, weight: Tensor) -> Tensor:
    """A value for each output of the layer, with axes for the rest of its weights."""
    if neuron.shape[0] != len(weight) or (weight.dim() == 2 and len(neuron.shape) > 1):
        given = f"neurons of shape {neuron.shape} behind {len(weight)} outputs"
        raise NotRepresentable(owner, given, "neurons whose first axis is that of the outputs", "flatten before")
    rows = gain.expand(neuron.shape).reshape(len(weight), -1)
    if bool((rows != rows[:, :1]).any()):
        given = "time constants or gains that differ within a channel"
        raise NotRepresentable(owner, given, "one for each channel, whose weights are shared", "a number each")
    return rows[:, 0].view(-1, *(1,) * (weight.dim() - 1))


def _largest(
    owner: str,
    drive: Tensor,
    theta: Tensor,
    push: Tensor,
    decay_u: Tensor,
    decay_v: Tensor,
    weight_bits: int,
    counted: float | None,
) -> Registers:
    why: list[str] = []
    for weight_exp in range(7, -9, -1):
        rounding = Mantissa(weight_bits, weight_exp)
        most = math.floor(rounding.ends[1] * 2.0**weight_exp)
        if most < 1:
            break
        scale, exact = UNIT * most / float(drive.abs().max()), False
        if counted is not None and weight_exp >= 0:
            step = rounding.step << weight_exp
            times = (most // step) // round(float(drive.abs().max()) / counted)
            if times:
                scale, exact = UNIT * step * times / counted, True
        one = bool((theta == theta.flatten()[0]).all())
        if not exact and one and scale * float(theta.max()) >= UNIT:
            # not a mantissa less for the last digit of a quotient
            scale = UNIT * math.floor(scale * float(theta.max()) / UNIT + 1e-9) / float(theta.max())
        weights, threshold = scale / UNIT * drive, torch.round(scale / UNIT * theta) - (1.0 if exact else 0.0)
        # and as much as rounding may add: to a mantissa, and to a whole number
        most_added = 0.0 if exact else 0.5 * max(1.0, rounding.step * 2.0**weight_exp)
        sums = weights.abs().flatten(1).sum(1) + most_added * weights[0].numel()
        bias, bias_exp = scale * push, 0
        while bias_exp < 7 and float(bias.abs().max()) > BIAS[1] * 2**bias_exp:
            bias_exp += 1
        mantissa = torch.round(bias / 2**bias_exp)
        reasons = {
            f"a threshold of {float(threshold.min()):g} x 64, below 1": bool((threshold < 1).any()),
            f"a threshold of {float(threshold.max()):g} x 64, above {THRESHOLD}": bool((threshold > THRESHOLD).any()),
            f"weights of a neuron that add up to {float(sums.max()):g}, above {SUM - 1}": bool((sums >= SUM).any()),
            f"a current up to {_current(sums, decay_u):g}, above {HALF}": _current(sums, decay_u) > HALF,
            f"a bias of {float(bias.abs().max()):g}, above {BIAS[1] * 2**7:g}": bool((mantissa.abs() > BIAS[1]).any()),
        }
        if not any(reasons.values()):
            return Registers(scale, weights, weight_exp, decay_u, decay_v, threshold, mantissa, bias_exp, 0.0)
        why.append(f"weight_exp = {weight_exp}: " + " and ".join(reason for reason, holds in reasons.items() if holds))
    remedy = "weights of fewer inputs, or nearer to the threshold"
    raise NotRepresentable(owner, f"{why[0]}; ... {why[-1]}", "a weight_exp at which all fit", remedy)


def _current(sums: Tensor, decay_u: Tensor) -> float:
    """The largest current that there can be: under every input at every step."""
    return UNIT * float(sums.max()) * DECAY_ONE / float(decay_u.min())
