"""Which backend runs a call: the one asked for, or with "auto" the first that can, and why.

A backend is a fixed entry of one table, filled when the package is imported; `reference` is always there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from rheobase.core.random_numbers import advanced
from rheobase.core.states import RNG
from rheobase.errors import BackendUnavailable, ParameterError, nearest

if TYPE_CHECKING:
    from rheobase.core.neuron import Neuron


@dataclass(frozen=True)
class Request:
    """One call of a neuron, checked."""

    neuron: Neuron
    inputs: tuple[Tensor, ...]  # in the order of the neuron's entries, all of one form
    state: Any
    record: tuple[str, ...]
    lengths: Tensor | None
    check_finite: bool = True  # input and states: raise where they are not
    notes: dict[Any, Any] = field(default_factory=dict)  # what a backend found out when it was asked, for when it runs

    @property
    def form(self) -> Tensor:
        """The first input, whose axes, dtype and device are those of all."""
        return self.inputs[0]

    @property
    def compute(self) -> torch.dtype:
        """The type of states and parameters in a step."""
        return torch.float64 if self.form.dtype == torch.float64 else torch.float32

    @property
    def rng(self) -> Tensor | None:
        """The seed and the absolute step of the noise, int64 (2,); None for a neuron without noise."""
        return getattr(self.state, RNG, None)

    @property
    def lanes(self) -> list[Tensor]:
        """The states with a value for each lane, in order."""
        return [getattr(self.state, name) for name in self.neuron.lane_states]

    def end(self, lanes: Sequence[Tensor]) -> Any:
        """The state after the call, from the final values of `lanes`."""
        named = dict(zip(self.neuron.lane_states, lanes, strict=True))
        return self.neuron.whole_state(named, advanced(self.rng, self.form.shape[0]))


class Backend(Protocol):
    """Something that runs requests."""

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        """Why it cannot run this request, or None. `asked`: the user gave its name."""
        ...

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        """Out, final state, and one trace for each name in `record`."""
        ...


_TABLE: dict[str, Backend] = {}
PREFERENCE = ("triton", "llvm", "reference")


def provide(name: str, backend: Backend) -> None:
    """Put a backend into the table. Called once for each, on import."""
    _TABLE[name] = backend


def choose(request: Request, name: str) -> tuple[Backend, str]:
    """The backend for a request, and its name."""
    if name == "auto":
        for candidate in PREFERENCE:
            backend = _TABLE.get(candidate)
            if backend is not None and backend.refusal(request) is None:
                return backend, candidate
    if name not in _TABLE:
        known = ["auto", *_TABLE]
        raise ParameterError(
            repr(request.neuron), f"backend {name!r}", "the name of a backend", nearest(str(name), known)
        )
    reason = _TABLE[name].refusal(request, asked=True)
    if reason is not None:
        raise BackendUnavailable(
            repr(request.neuron),
            f"backend {name!r}, which cannot run: {reason}",
            "one that can",
            'use backend="auto"',
        )
    return _TABLE[name], name


def reasons(request: Request) -> dict[str, str | None]:
    """For every backend, in order of preference, why it would be passed over (None: it can run)."""
    return {name: _TABLE[name].refusal(request) for name in PREFERENCE if name in _TABLE}
