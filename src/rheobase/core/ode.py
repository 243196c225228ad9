"""Neurons in continuous time: `dynamics`, `threshold` and `reset`; an integrator makes the step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.core.bound import Bound
from rheobase.core.declaration.population import Declared
from rheobase.core.integrators import ExpEuler, Integrator
from rheobase.core.neuron import Transition
from rheobase.core.surrogates import Surrogate
from rheobase.errors import DeclarationError, ParameterError

USUAL_DT = 0.1  # ms
SPIKE_DT = 0.025  # ms, where the spike itself is a part of the equations


class OdeNeuron(Declared, abstract=True):
    """A neuron given by differential equations. A step integrates over dt, then tests, then resets.

    Define `dynamics(self, s, i)`, and either `threshold(self, s)` (a spike is threshold >= 0) with
    `reset(self, s)`, or `crossing = True` for a spike per upward crossing, or `output(self, s)` for a
    neuron that never spikes.

    >>> from rheobase import neurons
    >>> cell = neurons.AdEx(3, dt=0.1)
    >>> isinstance(cell, OdeNeuron), cell.integrator
    (True, ExpEuler())
    """

    crossing: ClassVar[bool] = False
    usual_dt: ClassVar[float] = USUAL_DT  # ms: where nobody names one, its rate is then right within a percent
    integrator: Integrator = ExpEuler()  # the default of the keyword; a class may name another

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(abstract=abstract, **kwargs)
        if abstract:
            return
        spikes, resets = cls.threshold is not OdeNeuron.threshold, cls.reset is not OdeNeuron.reset
        if cls.dynamics is OdeNeuron.dynamics:
            raise DeclarationError(cls.__name__, "no dynamics", "dynamics(self, s, i)", "return a dict of derivatives")
        if not spikes and cls.output is OdeNeuron.output:
            raise DeclarationError(
                cls.__name__, "neither threshold nor output", "one of them", "say what leaves the neuron"
            )
        if spikes and resets == cls.crossing:
            raise DeclarationError(
                cls.__name__,
                f"threshold with reset: {resets}, crossing: {cls.crossing}",
                "exactly one of the two",
                "set crossing = True for a neuron without a reset",
            )
        cls.graded = not spikes
        if cls.crossing and "usual_dt" not in vars(cls):
            cls.usual_dt = SPIKE_DT

    def __init__(
        self,
        *shape: int | Sequence[int],
        dt: float | None = None,
        integrator: Integrator | None = None,
        learn: Iterable[str] = (),
        surrogate: Surrogate | None = None,
        detach_reset: bool | None = None,
        detach_spike: bool | None = None,
        **values: Any,
    ):
        if integrator is None:
            integrator = type(self).integrator
        elif isinstance(integrator, type) or not isinstance(integrator, Integrator):
            raise ParameterError(
                type(self).__name__, f"integrator {integrator!r}", "an object with a step", "integrators.RK4(), say"
            )
        super().__init__(*shape, dt=dt, learn=learn, surrogate=surrogate, detach_reset=detach_reset, **values)
        self.integrator = integrator
        self.detach_spike = self._checked_choice("detach_spike", detach_spike)

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        """For every state its derivative (unit per ms), or `relax(to, tau)`."""
        raise NotImplementedError

    def threshold(self, s: Any) -> Any:
        """The distance above the threshold: the neuron spikes where it is >= 0."""
        raise NotImplementedError

    def reset(self, s: Any) -> Any:
        """The state after a spike."""
        raise NotImplementedError

    def output(self, s: Any) -> Any:
        """The output of a neuron without threshold."""
        raise NotImplementedError

    def transition(self, s: Any, i: Any) -> Transition:
        pre = self.integrator.step(lambda x: self.dynamics(x, i), s, self.dt)
        if self.graded:
            return Transition(self.output(pre), pre, pre)
        above = self.fire(self.threshold(pre))
        if self.crossing:
            fired = above * (1.0 - s.above)
            after = self._passed(fired, pre)._replace(above=above)
            return Transition(fired, after, after)
        z = self.detached(above) if self.detach_reset or self.detach_spike else above
        before = self._passed(above, pre)
        jumped = self.reset(before)
        post = {
            k: getattr(before, k) if on is getattr(before, k) else self.switch(z, on, getattr(before, k))
            for k, on in jumped._asdict().items()
        }
        return Transition(above, pre._replace(**post), pre)

    def _passed(self, fired: Any, s: Any) -> Any:
        """The state; with `detach_spike`, detached where the neuron has fired."""
        if not self.detach_spike or self.smooth:
            return s
        spike = fired > 0.5
        return s._replace(**{k: torch.where(spike, self.detached(x), x) for k, x in s._asdict().items()})

    def _complete_rest(self, tensors: dict[str, Tensor]) -> Any:
        if not self.crossing:
            return self.State(**tensors)
        return self._above(self.State(**tensors, above=torch.zeros_like(next(iter(tensors.values())))))

    def _above(self, s: Any) -> Any:
        if not self.crossing:
            return s
        with torch.no_grad():
            return s._replace(above=(Bound(self, self.values(), self.dt).threshold(s) >= 0).to(s.above.dtype))

    def _checked_dt(self, dt: float | None) -> float:
        name = type(self).__name__
        if dt is None:
            raise ParameterError(name, "no dt", "the time step in ms", f"{name}(128, dt=1.0)")
        if not is_number(dt, above=0):
            raise ParameterError(name, f"dt = {dt!r}", "a finite number > 0, in ms", "dt=1.0 is one millisecond")
        return float(dt)

    def _repr_options(self) -> list[str]:
        return [f"dt={self.dt}", f"integrator={self.integrator!r}"]
