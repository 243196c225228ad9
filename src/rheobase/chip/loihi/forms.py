"""The library's neurons as compartments: what each keeps, gains and fires at, and what of it a chip has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.core import Neuron
from rheobase.core.integrators import ExpEuler
from rheobase.errors import NotRepresentable
from rheobase.neurons import IF, LIF, PLIF, CubaLIF, HardResetIF, HardResetLIF

Values = dict[str, Tensor]
SUBTRACTS = "a chip resets to rest, {} goes down by its threshold"
LOSSES = ("reset", "bias")


class Form(NamedTuple):
    """A step of a neuron, with V its potential above rest:

        u[t] = alpha u[t-1] + gain W x[t],   V[t] = beta V[t-1] + u[t] + push b,   a spike where V >= theta

    Each is a number or one for each neuron. `ahead`: steps by which a compartment spikes before the neuron. `losses`:
    what a compartment has not, by name, in words.
    """

    alpha: Tensor
    beta: Tensor
    gain: Tensor
    push: Tensor
    theta: Tensor
    ahead: int
    losses: dict[str, str]


def form_of(owner: str, neuron: Neuron) -> Form:
    """The form of a neuron of `FORMS`.

    Raises: `NotRepresentable` for an integrator that has another step.

    >>> form = form_of("layer 1", LIF(3, dt=1.0, tau_mem=10.0))
    >>> round(float(form.beta), 4), sorted(form.losses)
    (0.9048, ['reset'])
    """
    kind = type(neuron)
    integrator = getattr(neuron, "integrator", None)
    if kind not in (IF, HardResetIF, PLIF) and not isinstance(integrator, ExpEuler):
        raise NotRepresentable(owner, repr(integrator), "ExpEuler, a chip's step", "train with ExpEuler()")
    values = {name: value.detach().double() for name, value in neuron.values().items()}
    return FORMS[kind](values, float(neuron.dt or 1.0))


def _cuba_lif(p: Values, dt: float) -> Form:
    alpha, beta = torch.exp(-dt / p["tau_syn"]), torch.exp(-dt / p["tau_mem"])
    push = (1 - beta) * p["r"] * p["w_in"]
    losses = {
        "reset": SUBTRACTS.format("CubaLIF"),
        "bias": "a chip's bias enters the potential, that of a linear layer the synaptic current",
    }
    # its potential sees the current of the step before
    return Form(alpha, beta, (1 - alpha) * push, push, p["v_threshold"] - p["v_leak"], 1, losses)


def _lif(p: Values, dt: float) -> Form:
    beta = torch.exp(-dt / p["tau_mem"])
    losses = {"reset": SUBTRACTS.format("LIF")}
    return _leaky(beta, p["v_threshold"] - p["v_leak"], losses)


def _hard_reset_lif(p: Values, dt: float) -> Form:
    elsewhere = bool((p["v_reset"] != p["v_leak"]).any())
    losses = {"reset": "a chip resets to rest, HardResetLIF to a v_reset other than its v_leak"} if elsewhere else {}
    return _leaky(torch.exp(-dt / p["tau_mem"]), p["v_threshold"] - p["v_leak"], losses)


def _plif(p: Values, dt: float) -> Form:
    return _leaky(1 - torch.sigmoid(p["a"]), p["v_threshold"] - p["v_reset"], {})


def _leaky(beta: Tensor, theta: Tensor, losses: dict[str, str]) -> Form:
    return Form(torch.zeros_like(beta), beta, 1 - beta, 1 - beta, theta, 0, losses)


def _if(p: Values, dt: float) -> Form:
    return _counting(p["r"] * dt, p["v_threshold"], {"reset": SUBTRACTS.format("IF")})


def _hard_reset_if(p: Values, dt: float) -> Form:
    return _counting(p["r"] * dt, p["v_threshold"] - p["v_reset"], {})


def _counting(gain: Tensor, theta: Tensor, losses: dict[str, str]) -> Form:
    return Form(torch.zeros_like(gain), torch.ones_like(gain), gain, gain, theta, 0, losses)


FORMS: dict[type[Neuron], Callable[[Values, float], Form]] = {
    CubaLIF: _cuba_lif,
    LIF: _lif,
    HardResetLIF: _hard_reset_lif,
    PLIF: _plif,
    IF: _if,
    HardResetIF: _hard_reset_if,
}
