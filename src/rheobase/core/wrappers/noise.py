"""Neurons with random numbers: noise on the input, and a threshold that is drawn anew at each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.checks import is_whole
from rheobase.core.bound import Bound
from rheobase.core.declaration.words import ParamSpec, StateSpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.random_numbers import normal, start, uniform
from rheobase.core.states import RNG
from rheobase.core.wrappers.base import Wrapper
from rheobase.errors import ParameterError, nearest

SMALLEST = 1e-8  # below what one draw of 24 bits can give


class Random(Wrapper):
    """The base class of wrappers with random numbers: a seed, and `rng`, the seed and step of the noise, as a state."""

    own = ("seed",)
    own_states: ClassVar = {RNG: StateSpec(0.0, "1", "seed and absolute step of the noise")}
    once: ClassVar[str] = "one source of noise is enough: Noisy, Escape or PoissonInput, once"

    def __init__(self, neuron: Neuron, *, seed: int | None, **values: float | Tensor):
        super().__init__(neuron, **values)
        if seed is not None and not is_whole(seed, 0, (1 << 62) - 1):
            expected = "an integer from 0 to 2^62 - 1, or None"
            raise ParameterError(type(self).__name__, f"seed = {seed!r}", expected, "None draws one for each run")
        self.seed = seed

    def _after(self, rng: Any, inner: Transition) -> Transition:
        out, post, pre = inner
        return Transition(out, self.State(**post._asdict(), rng=rng), self.State(**pre._asdict(), rng=rng))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        return self.State(**inner, rng=start(self.seed, next(iter(inner.values())).device))

    def _arguments(self) -> dict[str, Any]:
        """The constructor's arguments other than the neuron, for `repr`."""
        return {**{name: getattr(self, name).tolist() for name in self.own_params}, "seed": self.seed}

    def __repr__(self) -> str:
        given = [repr(self.neuron), *(f"{name}={value!r}" for name, value in self._arguments().items())]
        return f"{type(self).__name__}({', '.join(given)})"


class OnInput(Random):
    """The base class of wrappers that change one input: the name of that input, and the inner neuron's step."""

    entry: str

    def _take(self, entry: str | None) -> None:
        """Take the input of this name, or the only one."""
        entries, owner = self.neuron.entries, type(self).__name__
        if entry is None and len(entries) > 1:
            raise ParameterError(owner, repr(self.neuron), "a neuron with one input, or the name of one", "entry='...'")
        self.entry = next(iter(entries)) if entry is None else entry
        if self.entry not in entries:
            raise ParameterError(owner, f"entry {entry!r}", "the name of an input", nearest(str(entry), entries))

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), **({"entry": self.entry} if len(self.entries) > 1 else {})}

    def _with_input(self, s: Any, i: Any, change: Callable[[Any], Any]) -> Transition:
        """A step with another value of that input."""
        other = change(i) if self.Input is None else i._replace(**{self.entry: change(getattr(i, self.entry))})
        return self._after(s.rng, self.inner().transition(self._split(s), other))  # type: ignore[attr-defined]


class Noisy(OnInput):
    """Adds `sigma` times a standard normal number to the input, anew for every step and lane.

    `sigma` is in the unit of the input: a standard deviation per step. Where a neuron has several inputs, `entry` names
    the one. Without a `seed`, each run that starts at rest draws one from torch's generator: runs differ, and
    `torch.manual_seed` repeats them. A given `seed` fixes the noise of every run. The number is a function of (seed,
    absolute step, lane), and the state gains `rng`, the seed and the step: a run in pieces sees the same noise as a
    whole one, and so does the backward pass.

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
        self._take(entry)
        unit = neuron.entries[self.entry].unit
        self.params = {**self.params, "sigma": dataclasses.replace(self.params["sigma"], unit=unit)}

    def transition(self, s: Any, i: Any) -> Transition:
        return self._with_input(s, i, lambda one: one + self.sigma * normal(one, s.rng))


class Escape(Random):
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
        if isinstance(neuron, Wrapper):
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
    """The inner neuron, bound to the same values, with a threshold that is drawn anew at each test."""

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
