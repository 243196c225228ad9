"""Spike response model SRM0."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, option, param, relax, state


class SRM0(OdeNeuron):
    """Spike response model SRM0 (Gerstner & van Hemmen, 1992; Gerstner, 2008): the potential is a sum of responses to
    the input and to the neuron's own last spike.

        u(t) = v_leak + h(t) + eta(t),  h(t) = integral of epsilon(s) i(t - s) ds
        epsilon(s) = (exp(-s / tau_mem) - exp(-s / tau_syn)) / (tau_mem - tau_syn)
        eta(t) = -eta_0 exp(-(t - t_last) / tau_eta)
        spike when u >= v_threshold, then t_last <- t

    The kernels are exponentials, so they run as states:

        tau_syn di_syn/dt = i - i_syn,  tau_mem dh/dt = i_syn - h,  tau_eta deta/dt = -eta
        at a spike eta <- -eta_0  (`memory="last"`)  or  eta <- eta - eta_0  (`memory="all"`, cumulative)

    Shapes: i (time, batch, *shape) in units of u; out (time, batch, *shape) in {0, 1}; i_syn, h, eta (batch, *shape).

    Raises: `ParameterError` for tau_syn, tau_mem or tau_eta <= 0, and for a memory that is not among the choices.

    Numerics: with ExpEuler i_syn and eta are exact for input constant over a step, h to first order in dt. No integral
    of the kernel is taken, and tau_mem = tau_syn is no special case.

    Differs from the paper: eta has no pulse that shows the spike itself and no absolute refractory time, so eta_0 must
    lift the threshold out of reach: a neuron that is above it still fires in every step. The paper leaves kernels and
    constants open; these are examples.

    Reference: Gerstner, Spike-response model, Scholarpedia 3(12):1343 (2008), doi 10.4249/scholarpedia.1343; first in
    Gerstner & van Hemmen, Network 3, 139-164 (1992).

    Example:

        >>> import torch
        >>> spikes, end = SRM0(1, dt=0.5)(torch.full((400, 1, 1), 1.5))
        >>> int(spikes.sum())
        13
    """

    tau_syn = param(2.0, "ms", "rise time of the response to input", positive=True)
    tau_mem = param(10.0, "ms", "decay time of the response to input", positive=True)
    tau_eta = param(20.0, "ms", "decay time of the response to the own spike", positive=True)
    eta_0 = param(1.0, "1", "depth of the response to the own spike")
    v_leak = param(0.0, "1", "resting potential")
    v_threshold = param(1.0, "1", "firing threshold")

    memory = option("last", "the spikes whose responses count", choices=("last", "all"))

    i_syn = state(0.0, "1", "first stage of the response to input")
    h = state(0.0, "1", "response to input")
    eta = state(0.0, "1", "response to the own spikes")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            i_syn=relax(i, self.tau_syn),
            h=relax(s.i_syn, self.tau_mem),
            eta=relax(0.0, self.tau_eta),
        )

    def threshold(self, s: Any) -> Any:
        return self.v_leak + s.h + s.eta - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(eta=(s.eta if self.memory == "all" else 0.0) - self.eta_0)
