"""Neurons around neurons: `Refractory` holds the membrane after a spike, `Noisy` adds noise to the input, and
`Escape` lets the neuron fire by chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.core.bound import Bound
from rheobase.core.declare import ParamSpec, StateSpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.noise import normal, start, uniform
from rheobase.core.states import RNG, wrapped_state_type
from rheobase.errors import ParameterError, nearest


class _Wrapper(Neuron):
    """What the wrappers share: the parameters and states of the neuron inside, and some of their own."""

    # in dicts, since a ParamSpec on the class would be a descriptor
    own_params: ClassVar[dict[str, ParamSpec]]
    own_states: ClassVar[dict[str, StateSpec]]
    once: ClassVar[str] = "wrap once"  # the remedy where one is put around another
    neuron: Neuron

    def __init__(self, neuron: Neuron, **values: float | Tensor):
        super().__init__()
        owner = type(self).__name__
        if not isinstance(neuron, Neuron):
            raise ParameterError(owner, f"{type(neuron).__name__}", "a neuron", "wrap neurons.LIF(...), say")
        taken = [name for name in (*self.own_params, *self.own_states) if name in (*neuron.params, *neuron.states)]
        if taken:
            raise ParameterError(owner, repr(neuron), f"a neuron without {taken[0]}", self.once)
        self.neuron = neuron
        self.shape, self.graded, self.surrogate = neuron.shape, neuron.graded, neuron.surrogate
        self.entries, self.Input, self.input_unit = neuron.entries, neuron.Input, neuron.input_unit
        self.params = {**neuron.params, **self.own_params}
        self.states = {**neuron.states, **self.own_states}
        self.State = wrapped_state_type(type(self), neuron.State, tuple(self.own_states))
        for name in self.own_params:
            self.register_buffer(name, torch.zeros(()))
            self._assign(name, values[name])

    def _assign(self, name: str, value: Any) -> None:
        """Give one of the wrapper's own parameters a new value."""
        spec = self.own_params[name]
        given = spec.tensor(type(self).__name__, value, self.shape).double()
        tensor = given.to(self._buffers[name], copy=True)
        spec.check(type(self).__name__, tensor)
        self._buffers[name] = tensor
        self.remember(name, given, tensor)

    def own_specs(self) -> Iterable[ParamSpec]:
        return self.own_params.values()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).own_params:
            self._assign(name, value)
        else:
            super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k != "State"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.State = wrapped_state_type(type(self), self.neuron.State, tuple(self.own_states))

    @property
    def dt(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the neuron inside."""
        return self.neuron.dt

    def values(self) -> dict[str, Tensor]:
        return {**self.neuron.values(), **{name: getattr(self, name) for name in self.own_params}}

    def _inner_rest(self, batch: int, dtype: torch.dtype | None, device: torch.device | None) -> dict[str, Tensor]:
        return self.neuron.rest(batch, dtype=dtype, device=device)._asdict()

    def _split(self, s: Any) -> Any:
        return self.neuron.State(**{k: getattr(s, k) for k in self.neuron.State._fields})


class Refractory(_Wrapper):
    """After a spike the membrane stands still and no spike leaves, for `tau_refrac` ms.

    `hold` names the states that stand still (by default the membrane potential v); others go on. For a neuron
    without dt, `tau_refrac` counts steps. The state gains `refrac`, the time that is left.

    >>> import torch
    >>> from rheobase import neurons
    >>> spikes, _ = Refractory(neurons.IF(1, dt=1.0), tau_refrac=3.0)(torch.full((9, 1, 1), 1.0))
    >>> spikes.flatten().int().tolist()
    [1, 0, 0, 0, 1, 0, 0, 0, 1]
    """

    own_params: ClassVar = {"tau_refrac": ParamSpec(2.0, "ms", "refractory time", positive=True, name="tau_refrac")}
    own_states: ClassVar = {"refrac": StateSpec(0.0, "ms", "refractory time that is left")}

    tau_refrac: Tensor

    def __init__(self, neuron: Neuron, *, tau_refrac: float | Tensor = 2.0, hold: tuple[str, ...] = ("v",)):
        super().__init__(neuron, tau_refrac=tau_refrac)
        if neuron.dt is None:
            self.params = {**self.params, "tau_refrac": dataclasses.replace(self.params["tau_refrac"], unit="1")}
            self.states = {**self.states, "refrac": dataclasses.replace(self.states["refrac"], unit="1")}
        for name in hold:
            if name not in neuron.State._fields:
                raise ParameterError(
                    "Refractory", f"hold {name!r}", "the name of a state", nearest(str(name), neuron.State._fields)
                )
        if neuron.graded:
            raise ParameterError(
                "Refractory", repr(neuron), "a neuron that spikes", "a graded cell has no refractory time"
            )
        self.hold = hold

    def transition(self, s: Any, i: Any) -> Transition:
        dt = 1.0 if self.dt is None else self.dt
        inner = self._split(s)
        free = s.refrac <= 0.5 * dt
        out, post, pre = self.inner().transition(inner, i)  # type: ignore[attr-defined]
        z = torch.where(free, out, torch.zeros_like(out))
        left = torch.relu(s.refrac - dt)
        refrac = self.switch(self.detached(z), self.tau_refrac + torch.zeros_like(left), left)
        kept = {k: torch.where(free, getattr(post, k), getattr(s, k)) for k in self.hold}
        before = {k: torch.where(free, getattr(pre, k), getattr(s, k)) for k in self.hold}
        return Transition(
            z,
            self.State(**{**post._asdict(), **kept}, refrac=refrac),
            self.State(**{**pre._asdict(), **before}, refrac=left),
        )

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        return self.State(**inner, refrac=torch.zeros_like(next(iter(inner.values()))))

    def __repr__(self) -> str:
        return f"Refractory({self.neuron!r}, tau_refrac={self.tau_refrac.tolist()}, hold={self.hold!r})"


class _Random(_Wrapper):
    """What the wrappers with random numbers share: a seed, and where the noise stands as part of the state."""

    own_states: ClassVar = {RNG: StateSpec(0.0, "1", "seed and absolute step of the noise")}
    once: ClassVar[str] = "one source of noise is enough: Noisy or Escape, once"

    def __init__(self, neuron: Neuron, *, seed: int | None, **values: float | Tensor):
        super().__init__(neuron, **values)
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 62):
            expected = "an integer from 0 to 2^62 - 1, or None"
            raise ParameterError(type(self).__name__, f"seed = {seed!r}", expected, "None draws one for each run")
        self.seed = seed

    def _after(self, rng: Any, inner: Transition) -> Transition:
        out, post, pre = inner
        return Transition(out, self.State(**post._asdict(), rng=rng), self.State(**pre._asdict(), rng=rng))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        return self.State(**inner, rng=start(self.seed, next(iter(inner.values())).device))

    def __repr__(self) -> str:
        own = ", ".join(f"{name}={getattr(self, name).tolist()}" for name in self.own_params)
        return f"{type(self).__name__}({self.neuron!r}, {own}, seed={self.seed})"


class Noisy(_Random):
    """Adds `sigma` times a standard normal number to the input, anew for every step and lane.

    `sigma` is in the unit of the input: a standard deviation per step. Where a neuron has several inputs, `entry` names
    the one. Each run that starts at rest draws a seed from torch's generator, so no two are alike and
    `torch.manual_seed` makes them all again; a `seed` that is given fixes the noise of every run. The number is a
    function of (seed, absolute step, lane), and the state gains `rng`, both of them: a run in pieces sees the same
    noise as a whole one, and so does the backward pass.

    >>> import torch
    >>> from rheobase import neurons
    >>> noisy = Noisy(neurons.LI(1, dt=1.0), sigma=0.5)
    >>> first, half = noisy(torch.zeros(10, 1, 1))
    >>> noisy.seed = int(half.rng[0])
    >>> whole, _ = noisy(torch.zeros(20, 1, 1))
    >>> torch.equal(torch.cat([first, noisy(torch.zeros(10, 1, 1), half)[0]]), whole)
    True
    """

    own_params: ClassVar = {"sigma": ParamSpec(1.0, "1", "standard deviation of the noise on the input", name="sigma")}
    sigma: Tensor

    def __init__(
        self, neuron: Neuron, *, sigma: float | Tensor = 1.0, seed: int | None = None, entry: str | None = None
    ):
        super().__init__(neuron, seed=seed, sigma=sigma)
        if entry is None and len(neuron.entries) > 1:
            raise ParameterError("Noisy", repr(neuron), "a neuron with one input, or the name of one", "entry='...'")
        self.entry = next(iter(neuron.entries)) if entry is None else entry
        if self.entry not in neuron.entries:
            raise ParameterError(
                "Noisy", f"entry {entry!r}", "the name of an input", nearest(str(entry), neuron.entries)
            )
        unit = neuron.entries[self.entry].unit
        self.params = {**self.params, "sigma": dataclasses.replace(self.params["sigma"], unit=unit)}

    def transition(self, s: Any, i: Any) -> Transition:
        one = i if self.Input is None else getattr(i, self.entry)
        noise = one + self.sigma * normal(one, s.rng)
        noisy = noise if self.Input is None else i._replace(**{self.entry: noise})
        return self._after(s.rng, self.inner().transition(self._split(s), noisy))  # type: ignore[attr-defined]


class Escape(_Random):
    """Lets a neuron fire by chance, the likelier the nearer to its threshold (escape noise; Gerstner, 2000).

        rho = rho_0 exp( (v - v_threshold) / delta_u ),      P(spike in dt) = 1 - exp( -rho dt )

    v - v_threshold stands for the neuron's own distance to threshold, and `delta_u` has its unit; `rho_0` is the
    rate at threshold in 1/ms (per step, for a neuron without dt). For delta_u -> 0 it fires as it would by itself.
    Seeds and draws are as with `Noisy`: anew for each run unless a `seed` is given, and a run in pieces equals a whole
    one.

    With E = -log(uniform), a step spikes where rho dt >= E, that is where the distance to threshold is at least
    delta_u log( E / (rho_0 dt) ): a threshold with Gumbel noise. The surrogate's gradient is taken at that threshold.

    Reference: Gerstner, Neural Comput. 12, 43-89 (2000), doi 10.1162/089976600300015899; Gerstner et al., Neuronal
    Dynamics (2014), section 9.1.

    >>> import torch
    >>> from rheobase import neurons
    >>> cell = Escape(neurons.LIF(1000, dt=1.0), delta_u=0.1, rho_0=0.05)
    >>> spikes, _ = cell(torch.zeros(1, 1, 1000) + 20.5)  # one step, to v = 1
    >>> 0.03 < float(spikes.mean()) < 0.07
    True
    """

    own_params: ClassVar = {
        "delta_u": ParamSpec(
            0.1, "1", "width of the escape: how sharp the threshold is", positive=True, name="delta_u"
        ),
        "rho_0": ParamSpec(1.0, "1/ms", "firing rate at the threshold", positive=True, name="rho_0"),
    }
    delta_u: Tensor
    rho_0: Tensor

    def __init__(
        self, neuron: Neuron, *, delta_u: float | Tensor = 0.1, rho_0: float | Tensor = 1.0, seed: int | None = None
    ):
        super().__init__(neuron, seed=seed, delta_u=delta_u, rho_0=rho_0)
        if neuron.graded:
            raise ParameterError("Escape", repr(neuron), "a neuron that spikes", "a graded cell has no threshold")
        if isinstance(neuron, _Wrapper):
            remedy = f"{type(neuron).__name__}(Escape(...)) is the other way round"
            raise ParameterError("Escape", repr(neuron), "a neuron that is not wrapped", remedy)
        first = next(iter(neuron.states.values()))
        unit = {
            "delta_u": neuron.states.get("v", first).unit,
            "rho_0": "1" if neuron.dt is None else "1/ms",
        }
        self.params = {
            **self.params,
            **{name: dataclasses.replace(self.params[name], unit=unit[name]) for name in unit},
        }

    def transition(self, s: Any, i: Any) -> Transition:
        return self._after(
            s.rng, _Escaping(self, s.rng, i if self.Input is None else i[0]).transition(self._split(s), i)
        )


class _Escaping(Bound):
    """The neuron inside, bound to the same values, with a threshold that is drawn anew at each look at it."""

    keeps = ("_lanes", "_looks", "_outer", "_rng")

    def __init__(self, outer: Any, rng: Any, lanes: Any):
        super().__init__(*outer.inner().parts)
        self._outer, self._rng, self._lanes, self._looks = outer, rng, lanes, 0

    def fire(self, x: Any) -> Any:
        e = -torch.log(uniform(self._lanes, self._rng, self._looks))
        self._looks += 1
        dt = 1.0 if self.dt is None else self.dt
        # a draw of exactly 1 has E = 0, and no logarithm
        excess = torch.log(torch.clamp(e, min=SMALLEST) / (self._outer.rho_0 * dt))
        return super().__getattr__("fire")(x - self._outer.delta_u * excess)


SMALLEST = 1e-8  # below what one draw of 24 bits can give
