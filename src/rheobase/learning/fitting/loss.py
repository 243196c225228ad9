"""The losses of a fit, one for each lane: errors of the potential, of the spikes, and of the spiking probability."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase import neurons

BEFORE, AFTER = 2.0, 6.0  # ms around a recorded spike that a point neuron's potential does not describe
FAR = 60.0  # mV: beyond this an error of the potential grows linearly


def subthreshold(spikes: Tensor, dt: float, *, before: float = BEFORE, after: float = AFTER) -> Tensor:
    """A mask (time, sweep): 0 from `before` to `after` ms around recorded spikes (time, sweep), 1 elsewhere."""
    left, right = round(before / dt), round(after / dt)
    padded = torch.nn.functional.pad(spikes.T[:, None], (right, left))
    return 1.0 - torch.nn.functional.max_pool1d(padded, left + right + 1, stride=1)[:, 0].T


def voltage(v: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """The mean square error where the mask is 1, over the variance of the data there.

    Shapes: v (time, sweep, lanes), wanted and mask (time, sweep); gives (lanes,).
    """
    count = mask.sum().clamp(min=1.0)
    mean = (wanted * mask).sum() / count
    variance = ((wanted - mean).square() * mask).sum() / count
    error = torch.nn.functional.huber_loss(v, wanted[..., None].expand_as(v), reduction="none", delta=FAR)
    return 2.0 * (error * mask[..., None]).sum((0, 1)) / count / variance.clamp(min=1e-6)


def filtered(spikes: Tensor, dt: float, tau: float) -> Tensor:
    """Spikes (time, ...) through an exponential kernel exp(-t/tau), by the library's leaky integrator."""
    flat = spikes.flatten(1)[:, None]
    leak = neurons.LI(flat.shape[-1], dt=dt, tau_mem=tau).to(spikes.dtype)
    gain = -torch.expm1(torch.tensor(-dt / tau, dtype=torch.float64))
    return (leak(flat)[0] / float(gain)).view_as(spikes)


def van_rossum(spikes: Tensor, wanted: Tensor, dt: float, tau: float) -> Tensor:
    """The squared van Rossum distance to the recorded spikes, over that of an empty train: 1 for silence.

    Shapes: spikes (time, sweep, lanes); wanted (time, sweep), the recorded spikes `filtered`; gives (lanes,).
    """
    apart = filtered(spikes, dt, tau) - wanted[..., None]
    return apart.square().sum((0, 1)) / wanted.square().sum().clamp(min=1e-6)


def escape(distance: Tensor, spikes: Tensor, mask: Tensor, width: Tensor, dt: float) -> Tensor:
    """The negative log-likelihood per spike of spikes that escape at the rate exp(distance / width) per ms.

    As in generalised integrate-and-fire models with a soft threshold (Pozzorini et al., PLoS Comput. Biol. 11,
    e1004275, 2015, doi 10.1371/journal.pcbi.1004275). Beyond exp(3) the rate grows linearly.

    Shapes: distance (time, sweep, lanes) to threshold; spikes, mask (time, sweep); width (lanes,); gives (lanes,).
    """
    y = distance / width
    rate = torch.exp(y.clamp(-60.0, 3.0)) * (1.0 + (y - 3.0).relu())
    hazard = dt * rate
    spiking = torch.log(-torch.expm1(-hazard.clamp(min=1e-30)))
    silent = -(hazard * (mask * (1.0 - spikes))[..., None]).sum((0, 1))
    return -((spiking * spikes[..., None]).sum((0, 1)) + silent) / spikes.sum().clamp(min=1.0)
