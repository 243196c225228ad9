"""The plain torch loop over time: what one writes without any library."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.contestants import Layer, scan
from benchmarks.models import DECAY, DECAY_SYN, DT, FiveStates, ResonateAndFire

LACKS: dict[str, str] = {}
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Spike(torch.autograd.Function):
    """1 where x >= 0; the gradient of atan(pi x)/pi."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        y = math.pi * x
        return grad / (1.0 + y * y)


class StraightReLU(torch.autograd.Function):
    """max(x, 0), with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return torch.relu(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return grad


def lif(i: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    v = v + (i - v) * (1.0 - DECAY)
    z = Spike.apply(v - 1.0)
    return z, v - z


def cuba_lif(i: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
    i_syn, v = state
    v = v + (i_syn - v) * (1.0 - DECAY)
    i_syn = i_syn + (i - i_syn) * (1.0 - DECAY_SYN)
    z = Spike.apply(v - 1.0)
    return z, (i_syn, v - z)


def resonate_and_fire(i: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
    damping, omega = (ResonateAndFire.params[name].default for name in ("damping", "omega"))
    x, v = state
    x, v = x + DT * (damping * x - omega * v + i), v + DT * (omega * x + damping * v)
    z = Spike.apply(v - 1.0)
    return z, (x * (1.0 - z), v + z * (1.0 - v))


def src(i: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Any]:
    current, h, h_s = state
    return src_through_time(i, (current, h.detach(), h_s.detach()))


def src_through_time(i: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Any]:
    current, h, h_s = state
    current = 0.9 * current + i
    x = 3.0 * torch.tanh(current / 3.0)
    z_s = 0.9 - 0.9 * torch.sigmoid(10.0 * (h - 0.5))
    h, h_s = torch.tanh(x + 2.0 * h - 7.0 * h_s - 6.0), z_s * h_s + (1.0 - z_s) * h
    return StraightReLU.apply(h), (current, h, h_s)


def five_states(gains: tuple[Tensor, ...], b: Tensor) -> Step:
    g_fast, g_slow, g_mem, g_w, g_theta = gains

    def step(i: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, Any]:
        i_fast, i_slow, v, w, theta = state
        v = v + (i_fast + i_slow - w - v) * g_mem
        i_fast, i_slow = i_fast + (i - i_fast) * g_fast, i_slow + (i - i_slow) * g_slow
        w, theta = w - w * g_w, theta - theta * g_theta
        z = Spike.apply(v - 1.0 - theta)
        return z, (i_fast, i_slow, v - z, w + b * z, theta + b * z)

    return step


def sequence(model: str, neurons: int) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    """A function (x, *parameters) -> out, and its learnable parameters."""
    if model == "FiveStates":
        taus = ("tau_fast", "tau_slow", "tau_mem", "tau_w", "tau_theta")
        # the logarithms of the time constants are what is learned, as in rheobase
        values = [math.log(FiveStates.params[tau].default) for tau in taus] + [FiveStates.params["b"].default]
        parameters = tuple(torch.full((neurons,), value, requires_grad=True) for value in values)

        def run_five(x: Tensor, *parameters: Tensor) -> Tensor:
            gains = tuple(-torch.expm1(-DT / log.exp()) for log in parameters[:5])
            return scan(five_states(gains, parameters[5]), x, (torch.zeros_like(x[0]),) * 5)

        return run_five, parameters
    if model in ("SRC", "SRCThroughTime"):
        cell = src if model == "SRC" else src_through_time

        def run_src(x: Tensor) -> Tensor:
            zero = torch.zeros_like(x[0])
            return scan(cell, x, (zero, zero + SRC_REST, zero + SRC_REST))

        return run_src, ()
    step: Step = {"LIF": lif, "CubaLIF": cuba_lif, "ResonateAndFire": resonate_and_fire}[model]

    def run(x: Tensor) -> Tensor:
        zero = torch.zeros_like(x[0])
        return scan(step, x, zero if model == "LIF" else (zero, zero))

    return run, ()


def _src_rest() -> float:
    """The fixed point of a cell without input, h = h_s = tanh(2 h - 7 h - 6)."""
    h = -0.9
    for _ in range(200):
        # half-way steps: the plain iteration swings around the solution
        h = 0.5 * (h + math.tanh(-5.0 * h - 6.0))
    return h


SRC_REST = _src_rest()


def layers(model: str, neurons: int) -> list[Layer]:
    run, parameters = sequence(model, neurons)
    return [Layer("torch loop", lambda x: run(x, *parameters), parameters)]
