"""The base of gated recurrent layers: checks, states, the loop in plain torch, and the call of the kernels."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from rheobase.checks import is_number
from rheobase.core import MapNeuron
from rheobase.core.declaration.inputs import ONE_INPUT, one_step_of
from rheobase.core.declaration.words import EntrySpec
from rheobase.core.execution.backends import Request, choose
from rheobase.core.execution.check import check_call, check_state
from rheobase.core.execution.finite import check_end, check_finite, concrete
from rheobase.core.execution.reference import while_alive
from rheobase.core.states import registered
from rheobase.core.surrogates import Lorentzian, Surrogate
from rheobase.engine.graph.traced_programs import program_of
from rheobase.engine.operators.products import Product
from rheobase.engine.operators.sequence import Given, sequence
from rheobase.engine.operators.sequence_plan import FEEDBACK, Map, Plan, Stage
from rheobase.errors import BackendUnavailable, ParameterError
from rheobase.nn.stateful import Stateful, last_of


@registered
class GatedState(NamedTuple):
    """The synaptic current, the membrane potential and the last spike, each (batch, *shape)."""

    i: Tensor
    v: Tensor
    spike: Tensor


@dataclass(frozen=True, eq=False)
class AsNeuron:
    """Lets `check_call` and `check_state`, which expect a neuron, check a layer by the shape of its input or state."""

    layer: nn.Module
    shape: tuple[int, ...]
    State: type[Any] = GatedState
    entries: ClassVar[Mapping[str, EntrySpec]] = ONE_INPUT

    def values(self) -> dict[str, Tensor]:
        return dict(self.layer.named_parameters())

    def check_names(self, names: Sequence[str]) -> None:
        """Accept all names: these layers record none, but `check_call` expects the method."""

    def __repr__(self) -> str:
        return repr(self.layer)


class Gated(Stateful):
    """A spiking layer whose gates read its own last spikes through products. Abstract.

    `weight_g` (input) and `weight_rec_g` (recurrent) belong to the gate g, `bias_g` is its bias.
    """

    graded = False  # what comes out is spikes, so they are counted as a neuron's are
    gates: ClassVar[tuple[str, ...]]
    product: Product
    # in a tuple, since a module would list them as parts of the network
    stages: tuple[MapNeuron, ...]

    def __init__(self, *, surrogate: Surrogate | None, v_threshold: float, detach_reset: bool):
        super().__init__()
        name = type(self).__name__
        if not is_number(v_threshold, above=0):
            raise ParameterError(name, f"v_threshold = {v_threshold!r}", "a finite number > 0", "the papers have 1.0")
        self.v_threshold = float(v_threshold)
        self.surrogate: Surrogate = Lorentzian() if surrogate is None else surrogate
        self.detach_reset = detach_reset

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("surrogate", "detach_reset"):
            for stage in vars(self).get("stages", ()):
                setattr(stage, name, value)

    def stage(self, kind: type[MapNeuron]) -> MapNeuron:
        """A pointwise part of the cell, with the surrogate and `detach_reset` of this layer."""
        return kind(1, surrogate=self.surrogate, detach_reset=self.detach_reset)

    def smoothed(self) -> Self:
        """A copy whose spikes are the surrogate's primitive and whose gradients are exact: for gradcheck."""
        twin = copy.deepcopy(self)
        for stage in twin.stages:
            stage.smooth = True
        return twin

    # --- what a layer defines -----------------------------------------------------------------------
    def check_input(self, x: Tensor) -> None:
        """Raise unless x (time, batch, ...) has the axes that the layer reads."""
        raise NotImplementedError

    def sums(self, x: Tensor) -> dict[str, Tensor]:
        """What each gate gets from the input and its bias, for all steps at once: (time, batch, *shape)."""
        raise NotImplementedError

    def shared(self) -> dict[str, Tensor]:
        """Parameters of the pointwise parts that stay the same in every step, by name."""
        return {}

    # --- running ------------------------------------------------------------------------------------
    def forward(
        self, x: Tensor, state: GatedState | None = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, GatedState]:
        """(spikes, state); `None` starts with no current, no potential and no spike."""
        if isinstance(x, Tensor):
            self.check_input(x)
        seen: Any = AsNeuron(self, tuple(getattr(x, "shape", ()))[2:])
        check_call(seen, (x,), (), lengths)
        if not torch.compiler.is_compiling():
            check_finite(seen, (x,))
        compute = torch.float64 if x.dtype == torch.float64 else torch.float32
        chosen = self.runs_on(x, backend)
        sums = {gate: value.to(compute) for gate, value in self.sums(x.to(compute)).items()}
        like = next(iter(sums.values()))[0]
        rest = state is None
        if state is None:
            state = GatedState(*(torch.zeros_like(like) for _ in GatedState._fields))
        else:
            check_state(AsNeuron(self, tuple(like.shape[1:])), state, x, compute)  # type: ignore[arg-type]
        v_threshold = torch.tensor(self.v_threshold, dtype=compute, device=x.device)
        values = {"v_threshold": v_threshold} | {k: p.to(compute) for k, p in self.shared().items()}
        if chosen == "reference":
            out, end = self._reference(sums, values, state, lengths)
        else:
            out, end = self._fused(sums, values, state, lengths, rest, chosen)
        return out.to(x.dtype), end

    def runs_on(self, x: Tensor, backend: str = "auto") -> str:
        """The backend that runs this layer on the device of `x`.

        Raises `BackendUnavailable` for one asked for by name that cannot.
        """
        return chosen_for(self.stages, x, backend)

    def _weights(self) -> dict[str, Tensor]:
        mid: dict[str, Any] = {"mid": self.weight_z} if len(self.stages) > 1 else {}
        return {f"u:{gate}": getattr(self, f"weight_rec_{gate}") for gate in self.gates} | mid

    def _reference(
        self, sums: dict[str, Tensor], values: dict[str, Tensor], state: GatedState, lengths: Tensor | None
    ) -> tuple[Tensor, GatedState]:
        """One step after the other, by autograd."""
        weights, outs = self._weights(), []
        for t in range(next(iter(sums.values())).shape[0]):
            now: dict[str, Tensor] = {}
            for gate, x in sums.items():
                now[f"a_{gate}"] = x[t] + self.product.forward(state.spike, weights[f"u:{gate}"]).to(x.dtype)
            after = state
            for stage in self.stages:
                s = stage.State(*(getattr(state, name) for name in stage.State._fields))
                i = one_step_of(stage, [now[name] for name in stage.entries])
                _, post, _ = stage.step_once({name: values[name] for name in stage.params}, s, i)
                after = after._replace(**post._asdict())
                if stage is not self.stages[-1]:
                    now["i"] = after.i
                    now["a_z"] = now["a_z"] + self.product.forward(after.i, weights["mid"]).to(after.i.dtype)
            out = after.spike
            if lengths is not None:
                alive = lengths > t
                out = while_alive(alive, out, torch.zeros_like(out))
                after = GatedState(*(while_alive(alive, new, old) for new, old in zip(after, state, strict=True)))
            outs.append(out)
            state = after
        check_end(self, state)
        return torch.stack(outs), state

    def _fused(
        self,
        sums: dict[str, Tensor],
        values: dict[str, Tensor],
        state: GatedState,
        lengths: Tensor | None,
        rest: bool,
        backend: str,
    ) -> tuple[Tensor, GatedState]:
        """The whole sequence as one operator, its pointwise parts in kernels."""
        like, weights = state.i, self._weights()
        maps = [[Map(f"a_{gate}", f"u:{gate}") for gate in self.gates], [Map("a_z", "mid", "i")]]
        stages = declared(self, like, backend, self.stages, maps[: len(self.stages)], "spike")
        plan = Plan(
            "the gated recurrence",
            tuple(f"a_{gate}" for gate in sums),
            ("i", "v"),
            tuple(values),
            tuple(weights),
            stages,
            self.product,
            product_precision(like),
            rest,
        )
        call = Given(
            list(sums.values()),
            state.spike,
            [state.i, state.v],
            list(values.values()),
            list(weights.values()),
            lengths,
            None,
            plan.text(),
            0.0,
            owned(sums, self.product),
        )
        with torch.autocast(like.device.type, enabled=False):
            out, (i, v), _ = sequence(call, "sequence_triton" if backend == "triton" else "sequence")
        if lengths is None:
            return out, GatedState(i, v, out[-1])
        return out, GatedState(i, v, last_of(out, lengths, state.spike))

    def described(self, *own: str) -> str:
        """Arguments for `repr`: these, and those that are not as usual."""
        usual = {"surrogate": Lorentzian(), "v_threshold": 1.0, "detach_reset": False}
        given = [f"{k}={getattr(self, k)!r}" for k, v in usual.items() if getattr(self, k) != v]
        return ", ".join([*own, *given])


def product_precision(like: Tensor) -> str:
    """The dtype of products, by its name: that of autocast where it is enabled, else that of `like`."""
    kind = like.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else like.dtype
    return str(dtype).removeprefix("torch.")


def owned(sums: Mapping[str, Tensor], product: Product) -> bool:
    """Whether the loop may overwrite sums that a layer has just made.

    Not while torch traces, which would miss the change; and only where each step is in the memory format of the
    product and the next step follows without a gap, as the kernels assume.
    """
    if not concrete():
        return False
    return all(
        x.stride(0) == x[0].numel() and product.in_memory_format(x[0]).data_ptr() == x[0].data_ptr()
        for x in sums.values()
    )


def declared(
    owner: nn.Module,
    like: Tensor,
    backend: str,
    stages: Sequence[MapNeuron],
    maps: Sequence[Sequence[Map]],
    feedback: str,
) -> tuple[Stage, ...]:
    """Pointwise parts as stages of a `Plan`, each after its maps; `feedback` is their name of the layer's last output.

    Raises: `BackendUnavailable` for equations that no kernel runs.
    """
    found: list[Stage] = []
    for stage, of in zip(stages, maps, strict=True):
        text, reason = program_of(_request(stage, like))
        if text is None:
            given = f"backend {backend!r}, which cannot run: {reason}"
            raise BackendUnavailable(repr(owner), given, "one that can", 'use backend="auto"')
        inputs, states = (
            tuple(FEEDBACK if name == feedback else name for name in names)
            for names in (stage.entries, stage.State._fields)
        )
        found.append(Stage(text, inputs, states, tuple(stage.params), tuple(of)))
    return tuple(found)


def chosen_for(stages: Sequence[MapNeuron], x: Tensor, backend: str) -> str:
    """The backend that runs all of these pointwise parts on the device of `x`.

    Raises: `BackendUnavailable` for one asked for by name that cannot.
    """
    found = {choose(_request(stage, x), backend)[1] for stage in stages}
    return found.pop() if len(found) == 1 else "reference"


def _request(stage: MapNeuron, like: Tensor) -> Request:
    """A call of a pointwise part on inputs of this type and device, to ask which backends could run it."""
    return Request(stage, (like,) * len(stage.entries), None, (), None)


def uniform(bound: float, *shape: int) -> nn.Parameter:
    """A parameter drawn from (-bound, bound)."""
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))
