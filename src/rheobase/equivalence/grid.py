"""Rounds the numbers of a network to a binary grid, so that they are added without rounding errors."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from rheobase import nn as layers
from rheobase.checks import is_whole
from rheobase.core.integrators import ExpEuler
from rheobase.core.neuron import Neuron
from rheobase.equivalence.assumptions import refused
from rheobase.equivalence.step_lif import StepLIF
from rheobase.errors import ParameterError
from rheobase.neurons import LIF
from rheobase.nn.conv import Conv1d, Conv2d
from rheobase.nn.stateful import Stateful


def to_grid(network: nn.Module, *, bits: int = 10, decay_bits: int | None = None) -> nn.Module:
    """A copy of a network with weights, biases, taps and thresholds rounded to multiples of 2^-bits, delays to steps.

    With `decay_bits`, every LIF becomes a `StepLIF` whose decay is the multiple of 2^-decay_bits nearest to
    exp(-dt / tau_mem), and whose gain is 1 - decay.

    Raises: `ParameterError` for bits outside 1 to 30 or decay_bits outside 1 to 10; `NotRepresentable` for a threshold
    that rounds to 0, and with `decay_bits` for a LIF with a leak potential or another integrator than ExpEuler.

    >>> from rheobase import neurons
    >>> net = layers.Sequential(nn.Linear(2, 3), neurons.LIF(3, dt=1.0, tau_mem=2.0))
    >>> to_grid(net, decay_bits=2)[1].decay.item()
    0.5
    """
    for name, value, most in (("bits", bits, 30), ("decay_bits", decay_bits, 10)):
        if value is not None and not is_whole(value, 1, most):
            raise ParameterError(
                "to_grid", f"{name} = {value!r}", f"a whole number from 1 to {most}", f"{name}=10, say"
            )
    twin = copy.deepcopy(network)
    if isinstance(twin, LIF) and decay_bits is not None:
        return _stepped(twin, bits, decay_bits)
    with torch.no_grad():
        for module in list(twin.modules()):
            _round(module, bits)
            for name, child in list(module.named_children()):
                if isinstance(child, LIF) and decay_bits is not None:
                    setattr(module, name, _stepped(child, bits, decay_bits))
    return twin


def _round(module: nn.Module, bits: int) -> None:
    for name in ("weight", "bias", "weight_rec", "m"):
        value = getattr(module, name, None)
        if isinstance(value, Tensor) and isinstance(module, nn.Linear | Conv1d | Conv2d | Stateful):
            if name == "m" and isinstance(module, layers.Delay):
                value.copy_(value / module.gain)
                module.gain = nn.Buffer(torch.ones_like(module.gain))
            value.copy_(_rounded(value, bits))
    positions = getattr(module, "positions", None)
    if positions is not None:
        positions.anneal(0.0)
    if isinstance(module, Neuron) and "v_threshold" in module.params:
        _round_threshold(module, bits)


def _round_threshold(neuron: Any, bits: int) -> None:
    rounded = _rounded(neuron.v_threshold, bits)
    if bool((rounded == 0).any()):
        raise refused(neuron, f"a threshold below 2^-{bits}", "a threshold on the grid", "more bits")
    if not hasattr(neuron, "neuron"):
        neuron.assign("v_threshold", rounded)


def _rounded(x: Tensor, bits: int) -> Tensor:
    return torch.round(x * 2.0**bits) / 2.0**bits


def _stepped(neuron: LIF, bits: int, decay_bits: int) -> StepLIF:
    if not isinstance(neuron.integrator, ExpEuler) or bool((neuron.v_leak != 0).any()):
        given = f"integrator {neuron.integrator!r}, v_leak {neuron.v_leak.tolist()}"
        raise refused(neuron, given, "ExpEuler and v_leak = 0, so that a step is a decay and a gain", "set them so")
    size = 2.0**decay_bits
    decay = (
        torch.round(torch.exp(-(neuron.dt or 1.0) / neuron.tau_mem.double()) * size).clamp(1.0, size - 1.0) / size
    ).detach()
    made = StepLIF(
        *neuron.shape,
        decay=decay,
        gain=1.0 - decay,
        v_threshold=_rounded(neuron.v_threshold.detach(), bits),
        surrogate=neuron.surrogate,
        detach_reset=neuron.detach_reset,
    )
    return made.to(neuron.v_threshold)
