"""What exports of networks have in common: the network, the sizes of a sample, and which neurons have a form."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from rheobase.checks import is_whole
from rheobase.core import Neuron
from rheobase.core.execution.backends import Request
from rheobase.engine.graph.traced_programs import program_of
from rheobase.errors import NotRepresentable, ParameterError
from rheobase.nn import Sequential


def sizes_of(owner: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    """The sizes of one step of one sample. Raises `ParameterError`."""
    sizes: tuple[int, ...] = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)  # type: ignore[assignment]
    if not sizes or not all(is_whole(n, 1) for n in sizes):
        raise ParameterError(owner, f"shape = {shape!r}", "the sizes of one step of one sample", "4, or (2, 34, 34)")
    return sizes


def plain(owner: str, net: Sequential, dtype: torch.dtype | None = None) -> tuple[Sequential, torch.dtype]:
    """A copy of a network in eval mode, on the CPU, in `dtype` or that of its weights; and that type.

    Raises `NotRepresentable` for something else than an nn.Sequential, `ParameterError` for a type.
    """
    if not isinstance(net, Sequential):
        remedy = "nn.Sequential(...) of its layers; networks in continuous time have no steps"
        raise NotRepresentable(owner, type(net).__name__, "an nn.Sequential", remedy)
    if dtype is None:
        kinds = {value.dtype for value in net.state_dict().values() if value.is_floating_point()}
        dtype = torch.float64 if torch.float64 in kinds else torch.float32
    if dtype not in (torch.float32, torch.float64):
        raise ParameterError(owner, f"dtype = {dtype}", "torch.float32 or torch.float64", "leave it out")
    return copy.deepcopy(net).eval().cpu().to(dtype), dtype


def check_neurons(owner: str, net: Sequential, dtype: torch.dtype) -> None:
    """Raise what `program_text` raises for a neuron anywhere in the network."""
    for name, part in net.named_modules():
        if isinstance(part, Neuron):
            program_text(part, dtype, f"{owner}, layer {name}")


def program_text(neuron: Neuron, dtype: torch.dtype, owner: str) -> str:
    """The program of a step of a neuron (`engine.graph.program`); `owner` is the layer that it is in.

    Raises `NotRepresentable` for a neuron that draws random numbers, or whose equations are no graph.
    """
    if neuron.noisy:
        given = f"{neuron!r}, which draws random numbers"
        raise NotRepresentable(owner, given, "neurons that do not", "export the network without the noise")
    form = torch.zeros(1, 1, *neuron.shape, dtype=dtype)
    text, reason = program_of(Request(neuron, (form,) * len(neuron.entries), None, (), None))
    if text is None:
        given = f"{neuron!r}, whose equations are no graph: {reason}"
        raise NotRepresentable(owner, given, "equations that a kernel can run", "see rheobase.explain")
    return text
