"""What a receptor is: a conductance that spikes open, declared like a neuron."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rheobase.checks import is_number
from rheobase.core.declaration.coherent import check_coherent
from rheobase.core.declaration.population import Declared
from rheobase.core.integrators import ExpEuler
from rheobase.core.neuron import Transition
from rheobase.errors import DeclarationError, ParameterError

UNITS = ("uS", "nA", "mV", "mM", "ms", "1/ms")
DECAYS = ExpEuler()  # each relaxation exactly


class Receptor(Declared, abstract=True):
    """A conductance in uS that spikes open, to a battery of `e` mV: i = g (v - e) in nA, outwards positive. Abstract.

    Define `received(self, s, spikes)`, the states after the spikes of a step; `dynamics(self, s, v)`, how they move
    between spikes; `conductance(self, s, v)` in uS. Inputs are `spikes`, and `v` for one that reads the potential; `v`
    is None for the others. Where decays are coupled, `advanced(self, s, v)` stands for `dynamics`.

    Order of a step, which is that of NEURON: spikes are received at its beginning, the conductance stays over the step,
    then the states decay.

    Alone, it turns spikes into the conductance over each step: `Exponential(100, dt=0.1)(spikes)`, an input of
    conductance-based neurons. On a cell, it stands in a `rheobase.cells.Synapse`.
    """

    graded = True
    single: ClassVar[bool] = True
    apart: ClassVar[tuple[str, ...]] = ()  # parameters no two of which may be equal

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(abstract=abstract, **kwargs)
        if abstract:
            return
        check_coherent(cls, UNITS)
        if cls.received is Receptor.received:
            raise DeclarationError(cls.__name__, "no received", "received(self, s, spikes)", "return the states")
        if cls.conductance is Receptor.conductance:
            raise DeclarationError(cls.__name__, "no conductance", "conductance(self, s, v)", "return uS")
        if (cls.dynamics is Receptor.dynamics) == (cls.advanced is Receptor.advanced):
            given = "neither dynamics nor advanced" if cls.dynamics is Receptor.dynamics else "dynamics and advanced"
            raise DeclarationError(cls.__name__, given, "one of them", "return a dict of relax(0.0, tau), say")
        if tuple(cls.entries) not in (("spikes",), ("spikes", "v")):
            given = f"the inputs {', '.join(cls.entries)}"
            raise DeclarationError(
                cls.__name__, given, "spikes, and v where it is read", 'spikes = entry("1", "spikes")'
            )
        if "e" not in cls.params:
            raise DeclarationError(cls.__name__, "no e", "a reversal potential", 'e = param(0.0, "mV", "...")')

    def __init__(self, *shape: int | Sequence[int], dt: float | None = None, learn: Iterable[str] = (), **values: Any):
        super().__init__(*shape, dt=dt, learn=learn, **values)

    def assign(self, name: str, value: Any) -> None:
        if name in self.apart:
            given = self.params[name].tensor(type(self).__name__, value, self.shape).double()
            for other in self.apart:
                if other != name and self._has(other) and bool((given == self.value(other).detach().double()).any()):
                    remedy = "one apart from the other; Alpha is the limit of equal ones"
                    raise ParameterError(type(self).__name__, f"{name} = {other}", "two that differ", remedy)
        super().assign(name, value)

    def _has(self, name: str) -> bool:
        return self.params[name].stored_name(name in self.learn) in {**self._parameters, **self._buffers}

    def received(self, s: Any, spikes: Any) -> Any:
        """The state just after so many spikes at once."""
        raise NotImplementedError

    def dynamics(self, s: Any, v: Any) -> dict[str, Any]:
        """For every state its derivative (unit per ms), or `relax(to, tau)`, between spikes."""
        raise NotImplementedError

    def conductance(self, s: Any, v: Any) -> Any:
        """The conductance in uS."""
        raise NotImplementedError

    def advanced(self, s: Any, v: Any) -> Any:
        """The state dt later, without spikes."""
        return DECAYS.step(lambda x: self.dynamics(x, v), s, self.dt)

    def current(self, s: Any, v: Any) -> Any:
        """The current in nA, outwards positive."""
        return self.conductance(s, v) * (v - self.e)

    def transition(self, s: Any, i: Any) -> Transition:
        spikes, v = (i, None) if self.Input is None else (i.spikes, i.v)
        opened = self.received(s, spikes)
        after = self.advanced(opened, v)
        return Transition(self.conductance(opened, v), after, after)

    def _checked_dt(self, dt: float | None) -> float | None:
        if dt is not None and not is_number(dt, above=0):
            raise ParameterError(type(self).__name__, f"dt = {dt!r}", "a finite number > 0, in ms", "dt=0.025, say")
        return None if dt is None else float(dt)


__all__ = ["Receptor"]
