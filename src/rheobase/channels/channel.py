"""What a channel is: a current through a membrane, declared like a neuron."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.channels.ions import IONS
from rheobase.checks import is_number
from rheobase.core.bound import Bound
from rheobase.core.declaration.coherent import check_coherent
from rheobase.core.declaration.population import Declared
from rheobase.core.declaration.words import Relax
from rheobase.core.equations.kinetic import Reaction, backward_euler, check_scheme, stationary
from rheobase.core.integrators import ExpEuler
from rheobase.core.neuron import Transition
from rheobase.errors import DeclarationError, ParameterError

REST, CALCIUM = -65.0, 1e-4  # mV and mM, where a channel rests that is given no state
UNITS = ("S/cm2", "mA/cm2", "mV", "mM", "ms", "1/ms")
GATES = ExpEuler()  # each gate exactly, for a potential that stays as it is over the step


class Membrane(Declared, abstract=True):
    """What stands in a membrane and has equations: a `Channel` or a `Pool`. Abstract."""

    needs_state: ClassVar[bool] = False
    single: ClassVar[bool] = True
    graded = True
    placed = False  # whether it stands in a cell, from which it has its temperature and reversal potential

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(abstract=abstract, **kwargs)
        if not abstract:
            check_coherent(cls, UNITS)
            if "celsius" in cls.params and cls.params["celsius"].unit != "degC":
                given = f"celsius in {cls.params['celsius'].unit}"
                raise DeclarationError(cls.__name__, given, "degC", "a cell gives it its temperature in degC")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        """For every state its derivative (unit per ms), or `relax(to, tau)`; none of those in `reactions`."""
        return {}

    def reactions(self, i: Any) -> Sequence[Reaction]:
        """The transitions of a kinetic scheme, whose states are probabilities with the sum 1."""
        return ()

    def advanced(self, s: Any, i: Any) -> Any:
        """The state dt later: gates by `ExpEuler`, a kinetic scheme by backward Euler, for inputs that stay."""
        scheme = self.reactions(i)
        names = _names(scheme)
        after = backward_euler({k: getattr(s, k) for k in names}, scheme, self.dt) if names else {}
        return GATES.step(lambda x: self.dynamics(x, i), s, self.dt)._replace(**after)

    def settled(self, i: Any) -> Any:
        """The state at which nothing changes while the inputs `i` stay: that in which a simulation starts.

        Raises: `DeclarationError` for a state of which `dynamics` gives the derivative only.
        """
        scheme = self.reactions(i)
        check_scheme(type(self).__name__, self.states, scheme)
        found: dict[str, Any] = dict(stationary(_names(scheme), scheme)) if scheme else {}
        first = self.State(
            *(getattr(self, x.initial) if isinstance(x.initial, str) else x.initial for x in self.states.values())
        )
        for name, d in self.dynamics(first, i).items():
            if not isinstance(d, Relax):
                given = f"the derivative of {name}"
                raise DeclarationError(type(self).__name__, given, "relax(to, tau)", "or define settled(self, i)")
            found[name] = d.to
        return self.State(**found)

    def reads(self, v: Any, ca: Any) -> Any:
        """Its inputs at a potential and a calcium concentration, as its equations take them."""
        return v if self.Input is None else self.Input(*(v if name == "v" else ca for name in self.entries))

    def neuron_start(self, i: Any) -> Any:
        """The state in which the published files start a simulation in NEURON: `settled`, but for their slips."""
        return self.settled(i)

    def forward(self, current: Any = None, state: Any = None, **call: Any) -> Any:
        """Alone, in voltage clamp: the call of `Neuron.forward`. Raises: `ParameterError` for one made without dt."""
        if self.dt is None and self.states:
            name = type(self).__name__
            raise ParameterError(name, "no dt", "the time step in ms, to run alone", f"{name}(dt=0.025)")
        return super().forward(current, state, **call)

    def _checked_dt(self, dt: float | None) -> float | None:
        if dt is not None and not is_number(dt, above=0):
            raise ParameterError(type(self).__name__, f"dt = {dt!r}", "a finite number > 0, in ms", "dt=0.025, say")
        return None if dt is None else float(dt)


class Channel(Membrane, abstract=True):
    """A current through a membrane: i = g (v - e), outwards positive, in mA/cm2.

    Define `conductance(self, s, i)` in S/cm2, and for its states `dynamics` or `reactions`. `ion` names what it
    conducts ("na", "k", "ca"), whose reversal potential a cell gives to the parameter `e`; a channel without one keeps
    its own. Inputs are `v`, and `ca` for one that reads calcium: `i` is v itself, or has i.v and i.ca.

    Alone it is in voltage clamp: `Kv3_1(1, dt=0.02)(v)` is the current for a potential over time.
    """

    ion: ClassVar[str | None] = None
    kinetic: ClassVar[bool]  # whether it has a kinetic scheme
    ohmic: ClassVar[bool]  # whether its current is g (v - e)

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(abstract=abstract, **kwargs)
        if abstract:
            return
        if cls.conductance is Channel.conductance:
            raise DeclarationError(cls.__name__, "no conductance", "conductance(self, s, i)", "return S/cm2")
        if "v" not in cls.entries or set(cls.entries) - {"v", "ca"}:
            given = f"the inputs {', '.join(cls.entries)}"
            raise DeclarationError(cls.__name__, given, "v, and ca where it is read", 'v = entry("mV", "potential")')
        if cls.ion is not None and cls.ion not in IONS:
            raise DeclarationError(cls.__name__, f"ion = {cls.ion!r}", f"one of {', '.join(IONS)}", "or None")
        cls.kinetic, cls.ohmic = cls.reactions is not Membrane.reactions, cls.current is Channel.current
        if "e" not in cls.params:
            raise DeclarationError(cls.__name__, "no e", "a reversal potential", 'e = param(-90.0, "mV", "...")')

    def __init__(self, *shape: int | Sequence[int], dt: float | None = None, learn: Iterable[str] = (), **values: Any):
        super().__init__(*shape, dt=dt, learn=learn, **values)

    def conductance(self, s: Any, i: Any) -> Any:
        """The conductance in S/cm2."""
        raise NotImplementedError

    def current(self, s: Any, i: Any) -> Any:
        """The current in mA/cm2, outwards positive."""
        v = i if self.Input is None else i.v
        return self.conductance(s, i) * (v - self.e)

    def transition(self, s: Any, i: Any) -> Transition:
        after = self.advanced(s, i)
        return Transition(self.current(after, i), after, after)

    def resting(self) -> dict[str, Tensor]:
        with torch.no_grad():
            v, ca = (torch.as_tensor(x, dtype=torch.float64) for x in (REST, CALCIUM))
            return Bound(self, self.values(), self.dt).settled(self.reads(v, ca))._asdict()


class Pool(Membrane, abstract=True):
    """The concentration of an ion under the membrane, moved by the currents that carry it. Its input is their sum.

    Define `dynamics` of its one state, a concentration in mM; the input is a current density in mA/cm2, outwards
    positive.
    """

    ion: ClassVar[str] = "ca"

    def transition(self, s: Any, i: Any) -> Transition:
        after = self.advanced(s, i)
        return Transition(after[0], after, after)


def _names(scheme: Sequence[Reaction]) -> list[str]:
    return list(dict.fromkeys(name for reaction in scheme for name in reaction[:2]))


__all__ = ["REST", "Channel", "Membrane", "Pool"]
