"""rheobase's layers, and its reference for the same model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import rheobase as rb
from benchmarks.contestants import Layer
from benchmarks.models import DT, TAU_MEM, TAU_SYN, FiveStates, ResonateAndFire

LACKS: dict[str, str] = {}
SIX = ("tau_fast", "tau_slow", "tau_mem", "tau_w", "tau_theta", "b")


def neuron(model: str, neurons: int, **keywords: Any) -> Any:
    """The rheobase neuron that a model's name stands for."""
    if model == "LIF":
        return rb.neurons.LIF(neurons, dt=DT, tau_mem=TAU_MEM, **keywords)
    if model == "CubaLIF":
        return rb.neurons.CubaLIF(neurons, dt=DT, tau_mem=TAU_MEM, tau_syn=TAU_SYN, **keywords)
    if model == "FiveStates":
        values = {name: torch.full((neurons,), FiveStates.params[name].default) for name in SIX}
        return FiveStates(neurons, dt=DT, learn=SIX, **values, **keywords)
    if model == "SRC":
        return rb.neurons.SRC(neurons, **keywords)
    if model == "SRCThroughTime":
        return rb.neurons.SRC(neurons, detach_recurrence=False, **keywords)
    if model == "ResonateAndFire":
        return ResonateAndFire(neurons, dt=DT, **keywords)
    raise ValueError(f"no model {model!r}")


def layers(model: str, neurons: int, backend: str = "auto", **keywords: Any) -> list[Layer]:
    made = neuron(model, neurons, **keywords)

    def run(x: Tensor) -> Tensor:
        return made(x, backend=backend)[0]

    return [Layer("rheobase", run, tuple(made.parameters()))]
