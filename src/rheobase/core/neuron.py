"""The contract of every neuron: `neuron(current, state) -> (out, state)`, with everything checked once."""

from __future__ import annotations

import copy
from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import _register_namedtuple  # pyright: ignore[reportPrivateUsage]

from rheobase.core import primitives
from rheobase.core.check import check_call, check_state
from rheobase.core.declare import ParamSpec, StateSpec
from rheobase.core.execution import Request, choose
from rheobase.core.surrogates import Surrogate
from rheobase.errors import ParameterError, nearest


class Transition(NamedTuple):
    """One step: what leaves the neuron, its state after the reset, and its state before it."""

    out: Any
    post: Any
    pre: Any


class Neuron(nn.Module):
    """A population of neurons of one kind. Abstract: see `OdeNeuron`, `MapNeuron` and the wrappers.

    Shapes: current (time, batch, *shape) in `input_unit`; out like current; each state (batch, *shape).
    """

    params: Mapping[str, ParamSpec]
    states: Mapping[str, StateSpec]
    State: type[Any]
    input_unit: str = "1"
    graded: bool = False
    surrogate: Surrogate
    smooth: bool = False
    seed: int = 0  # of the noise, where there is some
    shape: tuple[int, ...]
    dt: float | None
    stochastic: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        # what a backend derives from this neuron (a traced program, say), by the backend's own keys
        self.derived: dict[Any, Any] = {}

    # --- what a kind of neuron defines ------------------------------------------------------------
    def transition(self, s: Any, i: Any) -> Transition:
        """One step of dt from state `s` under the input `i`. `self` may be a `Bound`."""
        raise NotImplementedError

    def values(self) -> dict[str, Tensor]:
        """The parameters in force, by name; each is a scalar or broadcasts to `shape`."""
        raise NotImplementedError

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        """The state that `None` stands for."""
        raise NotImplementedError

    # --- words for `transition`, with a smooth mode in which gradients are true derivatives --------
    def fire(self, x: Any) -> Any:
        """A spike where x >= 0, with the surrogate's gradient."""
        return self.surrogate.primitive(x) if self.smooth else primitives.spike(x, self.surrogate)

    def switch(self, z: Any, on: Any, off: Any) -> Any:
        """`on` where the spike z is set, else `off`."""
        return off + z * (on - off) if self.smooth else primitives.switch(z, on, off)

    def detached(self, x: Any) -> Any:
        """x without its gradient."""
        return x if self.smooth else x.detach()

    def substituted(self, value: Any, through: Any) -> Any:
        """`value` with the gradient of `through`."""
        return through if self.smooth else primitives.substitute(value, through)

    def smoothed(self) -> Neuron:
        """A copy whose spikes are the surrogate's primitive and whose gradients are exact: for gradcheck."""
        twin = copy.deepcopy(self)
        for part in twin.modules():
            if isinstance(part, Neuron):
                part.smooth = True
        return twin

    def configuration(self) -> tuple[Any, ...]:
        """What the equations depend on beside parameters, state and dt: who derives from them keys it by this."""
        return self.surrogate, self.smooth

    # --- running ------------------------------------------------------------------------------------
    def forward(
        self,
        current: Tensor,
        state: Any = None,
        *,
        record: Sequence[str] = (),
        lengths: Tensor | None = None,
        backend: str = "auto",
    ) -> Any:
        """Run over a sequence; `None` starts at rest. Returns (out, state), or (out, state, rec) with `record`.

        `record` names states, as they are after the reset ("v") or before it ("v.pre"; `rec.v_pre`).
        `lengths` (batch,) ends each sequence: from there on the state stands still and the output is zero.

        Raises `ShapeError`, `DTypeError`, `DeviceError`, `StateError`, `InputError`, `ParameterError`,
        `BackendUnavailable`.
        """
        check_call(self, current, record, lengths)
        compute = torch.float64 if current.dtype == torch.float64 else torch.float32
        if state is None:
            state = self.rest(current.shape[1], dtype=compute, device=current.device)
        else:
            check_state(self, state, current, compute)
        request = Request(self, current, state, tuple(record), lengths)
        chosen, _ = choose(request, backend)
        out, end, traces = chosen.run(request)
        return (out, end, recording(tuple(record))(*traces)) if record else (out, end)

    def step_once(self, values: Mapping[str, Any], s: Any, i: Any) -> Transition:
        """`transition` with these values standing for the parameters (tensors, symbols, or units)."""
        return Bound(self, values, self.dt).transition(s, i)

    def check_names(self, names: Sequence[str]) -> None:
        """Raise for the name of something that this neuron cannot record."""
        if isinstance(names, str):
            raise ParameterError(repr(self), f"record={names!r}", "a tuple of names", f"record=({names!r},)")
        # the absolute step of a noisy neuron is one number, not a value of each lane
        known = [f"{s}{suffix}" for s in self.State._fields if s != "step" for suffix in ("", ".pre")]
        for k, name in enumerate(names):
            if name not in known:
                raise ParameterError(repr(self), f"record {name!r}", "the name of a state", nearest(str(name), known))
            if name in names[:k]:
                raise ParameterError(repr(self), f"record {name!r} twice", "each name once", "leave one out")


def register_state(state: type[Any]) -> None:
    """Tell torch the name of a type of states, so that an exported graph that returns one can be saved."""
    _register_namedtuple(state, serialized_type_name=f"{state.__module__}.{state.__qualname__}")


def recording(record: tuple[str, ...]) -> type[Any]:
    """The named tuple of the traces: a dot in a name becomes an underscore."""
    return namedtuple("Recording", [r.replace(".", "_") for r in record])


class Bound:
    """A neuron whose parameters have the given values: the `self` that equations see.

    The same equations run on tensors (the reference), on symbols (the engine) and on units (the checker).
    """

    def __init__(self, neuron: Neuron, values: Mapping[str, Any], dt: Any):
        self._neuron, self._values, self.dt = neuron, values, dt

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        attribute = getattr(type(self._neuron), name, None)
        if isinstance(attribute, property) and attribute.fget is not None:
            return attribute.fget(self)
        if callable(attribute) and not isinstance(attribute, type) and hasattr(attribute, "__get__"):
            return attribute.__get__(self)
        return getattr(self._neuron, name)

    def inner(self) -> Bound:
        """The wrapped neuron, bound to the same values."""
        inner: Any = self._neuron.neuron
        return Bound(inner, self._values, self.dt)
