"""Neurons that the library does not ship, what contestants share, inputs that make them fire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase import OdeNeuron, param, relax, state

TAU_MEM = 20.0
TAU_SYN = 5.0
DT = 1.0
DECAY = math.exp(-DT / TAU_MEM)
DECAY_SYN = math.exp(-DT / TAU_SYN)


class ResonateAndFire(OdeNeuron):
    """Resonate-and-fire neuron (Izhikevich, 2001): here as a user would write it, unknown to the engine."""

    damping = param(-0.05, "1/ms", "rate of decay of the subthreshold oscillation")
    omega = param(0.25, "1/ms", "angular frequency of the oscillation")
    v_threshold = param(1.0, "1", "firing threshold")
    x = state(0.0, "1", "current-like variable")
    v = state(0.0, "1", "voltage-like variable")
    input_unit = "1/ms"

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(x=self.damping * s.x - self.omega * s.v + i, v=self.omega * s.x + self.damping * s.v)

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(x=torch.zeros_like(s.x), v=torch.ones_like(s.v))


class FiveStates(OdeNeuron):
    """Five states, six parameters, to see whether speed falls off a cliff; two synapses, two adaptations."""

    tau_fast = param(3.0, "ms", "time constant of the fast synapse", positive=True)
    tau_slow = param(30.0, "ms", "time constant of the slow synapse", positive=True)
    tau_mem = param(20.0, "ms", "membrane time constant", positive=True)
    tau_w = param(100.0, "ms", "time constant of the adaptation current", positive=True)
    tau_theta = param(50.0, "ms", "time constant of the threshold's rise", positive=True)
    b = param(0.2, "1", "rise of both adaptations per spike")
    i_fast = state(0.0, "1", "fast synaptic current")
    i_slow = state(0.0, "1", "slow synaptic current")
    v = state(0.0, "1", "membrane potential")
    w = state(0.0, "1", "adaptation current")
    theta = state(0.0, "1", "threshold above its rest")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            i_fast=relax(i, self.tau_fast),
            i_slow=relax(i, self.tau_slow),
            v=relax(s.i_fast + s.i_slow - s.w, self.tau_mem),
            w=relax(0.0 * s.w, self.tau_w),
            theta=relax(0.0 * s.theta, self.tau_theta),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - 1.0 - s.theta

    def reset(self, s: Any) -> Any:
        return s._replace(v=s.v - 1.0, w=s.w + self.b, theta=s.theta + self.b)


@dataclass(frozen=True)
class Drive:
    """Current = mean + spread x normal noise: chosen so that a neuron is active in 2 to 20 % of the steps."""

    mean: float
    spread: float


DRIVES = {
    "LIF": Drive(1.5, 3.0),
    "CubaLIF": Drive(1.8, 6.0),
    "FiveStates": Drive(1.5, 5.0),
    "SRC": Drive(1.4, 1.5),
    "SRCThroughTime": Drive(1.4, 1.5),
    "ResonateAndFire": Drive(0.0, 0.5),
}
MODELS = tuple(DRIVES)


def current(model: str, time: int, batch: int, neurons: int) -> Tensor:
    """The same noise for every model and contestant: (time, batch, neurons)."""
    drive = DRIVES[model]
    noise = torch.randn(time, batch, neurons, generator=torch.Generator().manual_seed(1))
    return drive.mean + drive.spread * noise


def upstream(time: int, batch: int, neurons: int) -> Tensor:
    """A dense gradient of the output: (time, batch, neurons)."""
    return torch.randn(time, batch, neurons, generator=torch.Generator().manual_seed(2))


def activity(out: Tensor) -> float:
    """Spikes per neuron and step; for graded outputs, upward crossings of 0.5."""
    above = out > 0.5
    crossings = above[0].sum() + (above[1:] & ~above[:-1]).sum()
    count = above.sum() if bool(((out == 0) | (out == 1)).all()) else crossings
    return count.item() / out.numel()
