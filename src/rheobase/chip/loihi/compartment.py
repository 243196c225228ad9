"""The neuron of a Loihi core, in whole numbers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from rheobase.core import MapNeuron, option, param, state
from rheobase.errors import Diverged, DTypeError, InputError

DECAY_ONE = 1 << 12  # of a decay, 12 bits
UNIT = 1 << 6  # of a threshold, and of what a weight adds
HALF = 1 << 23  # of the range of u and v, 24 bits
SUM = 1 << 15  # of the range of the sum of weights, 16 bits
BIAS = (-4096.0, 4095.0)  # 13 bits


class Compartment(MapNeuron):
    """Current-based leaky integrate-and-fire neuron in the whole numbers of a Loihi core (Davies et al., 2018).

        u[t] = wrap( trunc( u[t-1] (4096 - decay_u) / 4096 ) + 64 i[t] )
        v[t] = clip( trunc( v[t-1] (4096 - decay_v) / 4096 ) + u[t] + bias_mant 2^bias_exp )
        spike when v > 64 vth_mant, then v <- 0

    i is the sum of the weights of the synapses that got a spike. trunc rounds towards zero; u has 24 bits and wraps
    around, to -2^23 < u <= 2^23; v stops at -(2^23 - 1) and 2^23 - 1. A refractory period of r steps on the chip is
    `Refractory(Compartment(...), tau_refrac=r - 1)`.

    Shapes: i (time, batch, *shape), whole numbers of 16 bits; out (time, batch, *shape) in {0, 1}; u, v
    (batch, *shape).

    Raises: `ParameterError` for what does not fit its register (a decay above 4096, a threshold of more than 17 bits,
    a bias of more than 13, anything that is not whole); `InputError` for an input that is not whole or has more than 16
    bits (`Diverged` where the sums are made inside, as in `nn.Recurrent`, or under `torch.compile`); `DTypeError` for
    one in half precision, which cannot hold such sums.

    Numerics: exact in float32 and float64, on every backend: no product or sum leaves what float32 counts. The
    gradient is that of the equations without trunc and wrap, and of whole parameters without their rounding; the
    surrogate sees v / threshold - 1.

    Differs from the paper: it gives the equations without the registers' rounding; that, and the ends of u and v, are
    those of Lava's bit-accurate model, where decay_u is called du and one less, since the chip adds 1. No noise, no
    neurons of several compartments, no learning on the chip; an input of more than 16 bits is refused, as what the chip
    does with one is not published.

    Reference: Davies et al., IEEE Micro 38(1), 82 (2018), doi 10.1109/MM.2018.112130359; Lava (Intel), LIF, the
    process model "bit_accurate_loihi"; Michaelis et al., Brian2Loihi, Front. Neuroinform. 16, 1015624 (2022), doi
    10.3389/fninf.2022.1015624, which has the same rounding.

    Example:

        >>> spikes, end = Compartment(1, decay_u=2048, vth_mant=300)(torch.full((4, 1, 1), 101.0))
        >>> spikes.flatten().tolist(), float(end.u), float(end.v)
        ([0.0, 0.0, 1.0, 0.0], 12120.0, 12120.0)
    """

    decay_u = param(4096.0, "1/4096", "decay of the synaptic current in a step", range=(0.0, 4096.0), whole=True)
    decay_v = param(0.0, "1/4096", "decay of the membrane potential in a step", range=(0.0, 4096.0), whole=True)
    vth_mant = param(100.0, "64", "mantissa of the firing threshold", range=(0.0, 131071.0), whole=True)
    bias_mant = param(0.0, "2^bias_exp", "mantissa of what the potential gains in each step", range=BIAS, whole=True)

    bias_exp = option(0, "exponent of the bias", choices=tuple(range(8)))

    u = state(0.0, "1", "synaptic current")
    v = state(0.0, "1", "membrane potential")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        u = self.wrapped(self.kept(s.u, self.decay_u) + UNIT * self.sums(i))
        v = torch.clamp(self.kept(s.v, self.decay_v) + u + 2**self.bias_exp * self.bias_mant, 1 - HALF, HALF - 1)
        theta = UNIT * self.vth_mant + 1.0  # the least potential that fires
        z = self.fire((v - theta) / theta)
        resets = self.detached(z) if self.detach_reset else z
        return z, s._replace(u=u, v=self.switch(resets, torch.zeros_like(v), v)), s._replace(u=u, v=v)

    def kept(self, x: Any, decay: Any) -> Any:
        """trunc(x (4096 - decay) / 4096), in two halves of 12 bits, so that float32 holds each product."""
        rest, size = DECAY_ONE - decay, torch.abs(x)
        high = torch.floor(size / DECAY_ONE)
        whole = high * rest + torch.floor((size - high * DECAY_ONE) * rest / DECAY_ONE)
        return self.substituted(torch.where(x < 0, -whole, whole), x * rest / DECAY_ONE)

    def wrapped(self, u: Any) -> Any:
        """u in 24 bits."""
        return torch.where(u > HALF, u - 2 * HALF, torch.where(u <= -HALF, u + 2 * HALF, u))

    def sums(self, i: Any) -> Any:
        """The input; NaN for what no chip could have summed, so that a run with it ends in an error."""
        if self.smooth:
            return i
        held = torch.logical_and(torch.floor(i) == i, torch.logical_and(i >= -SUM, i < SUM))
        return torch.where(held, i, torch.full_like(i, math.nan))

    def forward(self, current: Any = None, *args: Any, **kwargs: Any) -> Any:
        if isinstance(current, Tensor) and current.dtype in (torch.float16, torch.bfloat16):
            given, remedy = f"an input of {current.dtype}", "convert it before the weights are summed"
            raise DTypeError(repr(self), given, "float32 or float64, which hold whole numbers of 16 bits", remedy)
        try:
            return super().forward(current, *args, **kwargs)
        except Diverged as error:
            raise (_not_held(self, current) if isinstance(current, Tensor) else None) or error from None


def _not_held(neuron: Compartment, current: Tensor) -> InputError | None:
    """The error for the first input that no chip could have summed; None if there is none."""
    x = current.detach()
    wrong = (x != torch.floor(x)) | (x < -SUM) | (x >= SUM)
    if not bool(wrong.any()):
        return None
    at = [int(k) for k in wrong.nonzero()[0]]
    given = f"current{at} = {float(x[tuple(at)]):g} ({int(wrong.sum())} such values)"
    remedy = "weights in whole numbers, see loihi.synapses; where sums are too large, a smaller weight_exp"
    return InputError(repr(neuron), given, f"whole numbers from {-SUM} to {SUM - 1}", remedy)
