"""The spiking recurrent cell as its authors put it on an FPGA."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.chip.fixed_point.arithmetic import check_widths
from rheobase.core import MapNeuron, param, state

ONE = 1024.0  # of h and h_s
OPEN, SPIKE = 500.0, 512.0  # from where on h opens the slow gate, and is a spike
LOWEST_SLOW = -800.0  # of h_s
MOST = 32767.0  # of i, 16 bits


class FpgaSRC(MapNeuron):
    """Spiking recurrent cell in the whole numbers of an FPGA (Harmeling, De Geeter & Drion, 2026); 1024 stands for 1.

        i[t] = hold( i[t-1] - (i[t-1] >> 4) - (i[t-1] >> 5) + W s_in[t] )
        x[t] = 1023 if i[t] > 0, else -1024
        h[t] = clip( 3 (x[t] + 2 (h[t-1] - 4 h_s[t-1] + bias)) >> 2, -1024, 1023 )
        z[t] = z_max if h[t-1] < 500, else z_min
        h_s[t] = clip( h[t-1] + ((h_s[t-1] - h[t-1]) z[t] >> 10), -800, 1023 )
        spike while h[t] >= 512

    a >> k is floor(a / 2^k). So alpha = 1 - 3/32, r = 2, r_s = -8, z_hyp = 0.879, z_dep = 0.098, and tanh is a ramp of
    slope 3/4. Of the integrated input the cell sees the sign alone, so that a common factor of the weights changes
    nothing: they are W = round(K W / max |W|), with K from 256 to 4.

    Shapes: input (time, batch, *shape), sums of whole weights, rounded down; out (time, batch, *shape) in {0, 1}: a
    spike lasts some steps; i, h, h_s, overflows (batch, *shape).

    Raises: `DTypeError` for half precision; `ParameterError` for parameters that are not whole or outside their ranges.

    Numerics: exact in float32 and float64, on every backend. The gradient is that of the equations without shifts and
    clips, cut through h and h_s in time as in SRC; the sign of i has a surrogate, to which `width` is 1.

    Differs from the paper: its abstract gives no equations; these are those of its authors' code. i stops at
    -32768 and 32767, and `overflows` counts such steps: in their VHDL it is an integer of up to 50,000, of which shifts
    see 16 bits. All start at 0, as in the Julia model and the first VHDL; a later one starts at h = -1024, h_s = -800.

    Reference: Harmeling, De Geeter & Drion, arXiv 2605.10679 (2026); the authors' code, github.com/Harmel-lab/
    SRC---SNN---01 (NeSRC3Fpga5 in FpgaLib-02.jl, Neuron_Src2F_pkg.vhd).

    Example:

        >>> spikes, end = FpgaSRC(1)(torch.full((100, 1, 1), 3.0))
        >>> int((spikes[1:] > spikes[:-1]).sum()), float(end.h), float(end.h_s)
        (5, -1024.0, 1007.0)
    """

    bias = param(-3000.0, "1/1024", "half the bias: excitability", range=(-8192.0, 8191.0), whole=True)
    z_max = param(900.0, "1/1024", "slow gate while hyperpolarised", range=(0.0, 1023.0), whole=True)
    z_min = param(100.0, "1/1024", "slow gate while depolarised", range=(0.0, 1023.0), whole=True)
    width = param(64.0, "weight", "integrated input that the surrogate of its sign takes for 1", positive=True)

    i = state(0.0, "weight", "integrated input")
    h = state(0.0, "1/1024", "fast variable: the membrane potential")
    h_s = state(0.0, "1/1024", "slow variable: negative feedback")
    overflows = state(0.0, "1", "steps in which i did not fit")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        leak = self.substituted(torch.floor(s.i / 16.0) + torch.floor(s.i / 32.0), s.i * (3.0 / 32.0))
        total = s.i - leak + self.substituted(torch.floor(i), i)
        i = self.substituted(torch.clamp(total, -MOST - 1.0, MOST), total)
        lost = self.detached(torch.where(i != total, torch.ones_like(i), torch.zeros_like(i)))
        # a whole i above 0 is 1 at least
        x = self.fire((i - 0.5) / self.width) * (2.0 * ONE - 1.0) - ONE
        h_last, h_s_last = self.detached(s.h), self.detached(s.h_s)
        y = 0.75 * (x + 2.0 * (h_last - 4.0 * h_s_last + self.bias))
        h = self.substituted(torch.clamp(torch.floor(y), -ONE, ONE - 1.0), y)
        z = torch.where(h_last < OPEN, self.z_max + 0.0 * h_last, self.z_min + 0.0 * h_last)
        part = (h_s_last - h_last) * z / ONE
        h_s = torch.clamp(h_last + self.substituted(torch.floor(part), part), LOWEST_SLOW, ONE - 1.0)
        spikes = torch.where(h >= SPIKE, torch.ones_like(h), torch.zeros_like(h))
        return self.substituted(spikes, h / ONE), s._replace(i=i, h=h, h_s=h_s, overflows=s.overflows + lost)

    def forward(self, current: Any = None, *args: Any, **kwargs: Any) -> Any:
        check_widths(self, current, 24)
        return super().forward(current, *args, **kwargs)
