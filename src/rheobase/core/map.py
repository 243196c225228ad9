"""Neurons in discrete time: their paper gives the `step` itself."""

from __future__ import annotations

from typing import Any

from rheobase.core.declaration.population import Declared
from rheobase.core.neuron import Transition
from rheobase.errors import DeclarationError, ParameterError


class MapNeuron(Declared, abstract=True):
    """A neuron given by its update. Define `step(self, s, i) -> (out, state)`; there is no dt.

    In `step`, `self.fire(x)` makes a spike, `self.switch(z, on, off)` a reset, `self.detached(x)` cuts a
    gradient and `self.substituted(value, through)` replaces one. Where a paper looks at the state between
    update and reset, return `(out, state, before_reset)`.

    >>> from rheobase import neurons
    >>> isinstance(neurons.SRC(3), MapNeuron), neurons.SRC(3).dt is None
    (True, True)
    """

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(abstract=abstract, **kwargs)
        if not abstract and cls.step is MapNeuron.step:
            raise DeclarationError(cls.__name__, "no step", "step(self, s, i)", "return (out, state)")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        """One step from state `s` under the input `i`: (out, state) or (out, state, before_reset)."""
        raise NotImplementedError

    def transition(self, s: Any, i: Any) -> Transition:
        out, post, *pre = self.step(s, i)
        return Transition(out, post, pre[0] if pre else post)

    def _checked_dt(self, dt: float | None) -> None:
        if dt is not None:
            name = type(self).__name__
            raise ParameterError(name, f"dt = {dt!r}", "no dt: its paper counts in steps", "leave dt out")
