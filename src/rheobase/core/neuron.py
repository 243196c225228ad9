"""The contract of every neuron: `neuron(current, state) -> (out, state)`, with everything checked once."""

from __future__ import annotations

import copy
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.core import primitives
from rheobase.core.bound import Bound
from rheobase.core.declaration.exact import Exact
from rheobase.core.declaration.inputs import gathered
from rheobase.core.declaration.words import EntrySpec, ParamSpec, StateSpec
from rheobase.core.execution.backends import Request, choose
from rheobase.core.execution.check import check_call, check_state
from rheobase.core.execution.finite import check_learned
from rheobase.core.execution.returned import returned
from rheobase.core.states import RNG
from rheobase.core.surrogates import Surrogate
from rheobase.errors import ParameterError, nearest


class Transition(NamedTuple):
    """The result of one step: the output, the state after the reset, and the state before it."""

    out: Any
    post: Any
    pre: Any


class Neuron(Exact):
    """A population of neurons of one kind. Abstract: see `OdeNeuron`, `MapNeuron` and the wrappers.

    Shapes: each input (time, batch, *shape), in the unit that its `entry` declares; out of the same shape; each state
    (batch, *shape). A lane is one neuron of one sample.

    >>> from rheobase import neurons
    >>> cell = neurons.LIF(3, dt=1.0)
    >>> isinstance(cell, Neuron), cell.shape, cell.rest(2).v.shape
    (True, (3,), torch.Size([2, 3]))
    """

    params: Mapping[str, ParamSpec]
    states: Mapping[str, StateSpec]
    entries: Mapping[str, EntrySpec]
    State: type[Any]
    Input: type[Any] | None  # of several inputs at one step
    input_unit: str = "1"  # of the input of a neuron that declares no entry; else of its first
    graded: bool = False
    surrogate: Surrogate
    smooth: bool = False
    shape: tuple[int, ...]
    dt: float | None

    def __init__(self) -> None:
        super().__init__()
        # what a backend derives from this neuron (a traced program, say), by the backend's own keys
        self.derived: dict[Any, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "derived": {}}

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Refuse values that the declaration forbids; load a learnable value where it is fixed, and the reverse."""
        for spec in self.own_specs():
            learnable = spec.name in getattr(self, "learn", ())
            name, other = (prefix + spec.stored_name(now) for now in (learnable, not learnable))
            if name not in state_dict and other in state_dict:
                value = spec.from_stored(state_dict.pop(other).double(), not learnable)
                state_dict[name] = spec.to_stored(value, learnable)
            if name in state_dict:
                try:
                    spec.check(repr(self), spec.from_stored(state_dict[name], learnable))
                except ParameterError as error:
                    error_msgs.append(str(error))
                    state_dict[name] = {**self._parameters, **self._buffers}[name.removeprefix(prefix)]
        held = (state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        super()._load_from_state_dict(*held)

    def _repr_html_(self) -> str:
        """The neuron in a notebook: its parameters with their values, its states, its equations."""
        from rheobase.core.declaration.shown import neuron_card  # which knows the docstring of every neuron

        return neuron_card(self).html()

    def own_specs(self) -> Iterable[ParamSpec]:
        """The parameters that this module itself holds."""
        return self.params.values()

    @property
    def lane_states(self) -> tuple[str, ...]:
        """The names of the states that have a value for each lane: all but `rng`, the seed and step of the noise."""
        return tuple(name for name in self.State._fields if name != RNG)

    @property
    def noisy(self) -> bool:
        """Whether a step draws random numbers."""
        return RNG in self.State._fields

    def whole_state(self, lanes: Mapping[str, Any], rng: Any) -> Any:
        """A state from the values of `lane_states` and, for a noisy neuron, its `rng`."""
        return self.State(**lanes, **({RNG: rng} if self.noisy else {}))

    # --- what a kind of neuron defines ------------------------------------------------------------
    def transition(self, s: Any, i: Any) -> Transition:
        """One step of dt from state `s` under the input `i`. `self` may be a `Bound`."""
        raise NotImplementedError

    def values(self) -> dict[str, Tensor]:
        """The current values of the parameters, by name; each is a scalar or broadcasts to `shape`."""
        raise NotImplementedError

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        """The state at rest for `batch` samples, in which a run without a given state starts."""
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

    # --- running ------------------------------------------------------------------------------------
    def forward(
        self,
        current: Any = None,
        state: Any = None,
        *,
        record: Sequence[str] = (),
        lengths: Tensor | None = None,
        backend: str = "auto",
        check_finite: bool = True,
        **inputs: Tensor,
    ) -> Any:
        """Run over a sequence; `None` starts at rest. Returns (out, state), or (out, state, rec) with `record`.

        A neuron with one input takes it as the first argument, one with several by name:
        `neuron(g_exc=..., g_inh=...)`, or as a mapping in the first argument.
        `record` names states, as they are after the reset ("v") or before it ("v.pre"; `rec.v_pre`).
        `lengths` (batch,), in steps, ends each sequence: after it the state is constant and the output is zero.
        `backend` is "auto", the first that can run the call, or one of "triton", "llvm" and "reference".

        `check_finite=False` lets NaN and infinity pass, so that one diverging lane does not stop a parameter sweep.

        Raises `ShapeError`, `DTypeError`, `DeviceError`, `StateError`, `InputError`, `ParameterError`,
        `BackendUnavailable`; `Diverged` for states that become NaN or infinite, and learnable values that are.
        """
        given = gathered(self, current, inputs)
        check_call(self, given, record, lengths)
        if check_finite:
            check_learned(self)
        first: Tensor = given[0]
        compute = torch.float64 if first.dtype == torch.float64 else torch.float32
        if state is None:
            state = self.rest(first.shape[1], dtype=compute, device=first.device)
        else:
            check_state(self, state, first, compute)
        request = Request(self, given, state, tuple(record), lengths, check_finite)
        chosen, _ = choose(request, backend)
        out, end, traces = chosen.run(request)
        return returned(out, end, recording(tuple(record))(*traces)) if record else returned(out, end)

    def step_once(self, values: Mapping[str, Any], s: Any, i: Any) -> Transition:
        """`transition` with these values standing for the parameters (tensors, symbols, or units)."""
        return Bound(self, values, self.dt).transition(s, i)

    def check_names(self, names: Sequence[str]) -> None:
        """Raise for the name of something that this neuron cannot record."""
        if isinstance(names, str):
            raise ParameterError(repr(self), f"record={names!r}", "a tuple of names", f"record=({names!r},)")
        known = [f"{s}{suffix}" for s in self.lane_states for suffix in ("", ".pre")]
        for k, name in enumerate(names):
            if name not in known:
                raise ParameterError(repr(self), f"record {name!r}", "the name of a state", nearest(str(name), known))
            if name in names[:k]:
                raise ParameterError(repr(self), f"record {name!r} twice", "each name once", "leave one out")


def recording(record: tuple[str, ...]) -> type[Any]:
    """The named tuple of the traces: a dot in a name becomes an underscore."""
    return namedtuple("Recording", [r.replace(".", "_") for r in record])
