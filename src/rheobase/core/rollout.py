"""The reference loop: one step after the other in plain torch. Every kernel is held to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution import Request, provide
from rheobase.core.neuron import Neuron, Transition
from rheobase.errors import InputError


class Reference:
    """The loop of DESIGN's contract, readable; any neuron, any device, any derivative that torch knows."""

    def refusal(self, neuron: Neuron, current: Tensor, *, asked: bool = False) -> str | None:
        return None

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        neuron, current, s = request.neuron, request.current, request.state
        check_finite(neuron, current)
        compute = torch.promote_types(current.dtype, torch.float32)
        values = {name: value.to(compute) for name, value in neuron.values().items()}
        outs: list[Tensor] = []
        traces: dict[str, list[Tensor]] = {name: [] for name in request.record}
        for t, i in enumerate(current.to(compute).unbind(0)):
            z, post, pre = one_step(neuron, values, s, i)
            if request.lengths is not None:
                alive = request.lengths > t
                z = held(alive, z, torch.zeros_like(z))
                post, pre = (type(s)(*(held(alive, x, y) for x, y in zip(a, s, strict=True))) for a in (post, pre))
            outs.append(z)
            for name, trace in traces.items():
                field, _, when = name.partition(".")
                trace.append(getattr(pre if when else post, field))
            s = post
        return torch.stack(outs).to(current.dtype), s, [torch.stack(t) for t in traces.values()]


def one_step(neuron: Neuron, values: Mapping[str, Tensor], s: Any, i: Tensor) -> Transition:
    """One step, of which every result has a value for each lane: equations may give numbers, masks or parameters."""

    def fill(state: Any) -> Any:
        return type(s)(*(x if name == "step" else _fill(x, i) for name, x in state._asdict().items()))

    z, post, pre = neuron.step_once(values, s, i)
    return Transition(_fill(z, i), fill(post), fill(pre))


def _fill(x: Any, like: Tensor) -> Tensor:
    if isinstance(x, Tensor) and x.shape == like.shape and x.dtype == like.dtype:
        return x
    return torch.as_tensor(x, dtype=like.dtype, device=like.device).expand(like.shape)


def held(alive: Tensor, now: Tensor, before: Tensor) -> Tensor:
    """The new value of each sequence that goes on, the old one of each that has ended."""
    return now if now.dim() == 0 else torch.where(alive.view(-1, *(1,) * (now.dim() - 1)), now, before)


def check_finite(neuron: Neuron, current: Tensor) -> None:
    """Raise `InputError` with the first place where `current` is NaN or infinite."""
    if not bool(torch.isfinite(current).all()):
        raise not_finite(repr(neuron), current)


def not_finite(owner: str, current: Tensor) -> InputError:
    """The error for a current that is somewhere NaN or infinite; names the first place."""
    bad = ~torch.isfinite(current)
    where = tuple(int(k) for k in bad.nonzero()[0])
    value = float(current[where])
    return InputError(
        owner,
        f"current[{', '.join(map(str, where))}] = {value} ({int(bad.sum())} such values)",
        "finite numbers",
        "look at the layer before, its learning rate and its data",
    )


provide("reference", Reference())
