"""The nodes of NIR for which `rheobase.neurons` has no class, as declarations; and the order of steps of snnTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rheobase.core import OdeNeuron, param, primitives, relax, state
from rheobase.core.integrators import Euler, Integrator
from rheobase.core.surrogates import ATan, Surrogate


class HardResetCubaLIF(OdeNeuron):
    """Leaky integrate-and-fire neuron with an exponential synaptic current, and a hard reset: NIR's CubaLIF.

        tau_syn di_syn/dt = w_in i - i_syn
        tau_mem dv/dt = v_leak + r i_syn - v
        spike when v >= v_threshold, then v <- v_reset

    `neurons.CubaLIF` is the same with a reset that subtracts. Shapes and numerics are those of that class.

    >>> spikes, end = HardResetCubaLIF(1, dt=1.0)(torch.full((100, 1, 1), 1.5))
    >>> float(spikes.sum())
    4.0
    """

    tau_syn = param(5.0, "ms", "synaptic time constant", positive=True)
    tau_mem = param(20.0, "ms", "membrane time constant", positive=True)
    r = param(1.0, "1", "membrane resistance")
    w_in = param(1.0, "1", "input weight")
    v_leak = param(0.0, "1", "leak potential")
    v_threshold = param(1.0, "1", "firing threshold")
    v_reset = param(0.0, "1", "potential after a spike")

    i_syn = state(0.0, "1", "synaptic current")
    v = state("v_leak", "1", "membrane potential")

    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            i_syn=relax(self.w_in * i, self.tau_syn),
            v=relax(self.v_leak + self.r * s.i_syn, self.tau_mem),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.v_reset)


class CubaLI(OdeNeuron):
    """Leaky integrator with an exponential synaptic current: NIR's CubaLI.

        tau_syn di_syn/dt = w_in i - i_syn
        tau_mem dv/dt = v_leak + r i_syn - v;  out = v

    Shapes: i, out (time, batch, *shape); i_syn, v (batch, *shape).

    >>> out, end = CubaLI(1, dt=1.0)(torch.ones(200, 1, 1))
    >>> round(float(out[-1]), 3)
    1.0
    """

    tau_syn = param(5.0, "ms", "synaptic time constant", positive=True)
    tau_mem = param(20.0, "ms", "membrane time constant", positive=True)
    r = param(1.0, "1", "membrane resistance")
    w_in = param(1.0, "1", "input weight")
    v_leak = param(0.0, "1", "leak potential")

    i_syn = state(0.0, "1", "synaptic current")
    v = state("v_leak", "1", "membrane potential")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            i_syn=relax(self.w_in * i, self.tau_syn),
            v=relax(self.v_leak + self.r * s.i_syn, self.tau_mem),
        )

    def output(self, s: Any) -> Any:
        return s.v


class PureIntegrator(OdeNeuron):
    """Integrator without leak or threshold: NIR's I.

        dv/dt = r i;  out = v

    Shapes: i, out (time, batch, *shape); v (batch, *shape).

    >>> out, end = PureIntegrator(1, dt=1.0)(torch.ones(3, 1, 1))
    >>> out.flatten().tolist()
    [1.0, 2.0, 3.0]
    """

    r = param(1.0, "1/ms", "input gain (resistance)")

    v = state(0.0, "1", "sum")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=self.r * i)

    def output(self, s: Any) -> Any:
        return s.v


class Threshold(nn.Module):
    """A spike in every step in which the input reaches the threshold, without a state: NIR's Threshold.

        out = 1 where x >= threshold

    Shapes: x (time, batch, *shape) to the same; threshold broadcasts to shape.

    >>> Threshold(0.5)(torch.tensor([0.4, 0.5, 0.6]))
    tensor([0., 1., 1.])
    """

    graded = False  # its output is spikes, as that of neurons
    threshold: Tensor

    def __init__(self, threshold: float | Tensor, surrogate: Surrogate | None = None):
        super().__init__()
        self.threshold = nn.Buffer(torch.as_tensor(threshold).clone())
        self.surrogate = ATan() if surrogate is None else surrogate

    def forward(self, x: Tensor) -> Tensor:
        return primitives.spike(x - self.threshold, self.surrogate)

    def extra_repr(self) -> str:
        held = self.threshold
        return f"{float(held):g}" if held.numel() == 1 else f"of shape {tuple(held.shape)}"


@dataclass(frozen=True)
class InOrder:
    """One equation after the other: each sees what those before it have become in this step, as in snnTorch.

    A CubaLIF updates its current, and then its membrane by the new current; the other integrators take the current of
    the step's start. `inner` makes each step.

    >>> from rheobase import neurons
    >>> cell = neurons.CubaLIF(1, dt=1.0, integrator=InOrder(Euler()))
    >>> float(cell(torch.ones(1, 1, 1))[1].v) > 0
    True
    """

    inner: Integrator = Euler()  # noqa: RUF009 (frozen, as all integrators)
    order: ClassVar[int] = 1

    def step(self, f: Any, s: Any, dt: Any) -> Any:
        for name in s._fields:
            s = s._replace(**{name: getattr(self.inner.step(f, s, dt), name)})
        return s
