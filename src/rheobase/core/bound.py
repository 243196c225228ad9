"""The `self` that a neuron's equations receive: the neuron with given parameter values.

The same equations run on tensors (the reference), on symbols (the engine) and on units (the unit checker). A `Watch` is
called for every other attribute that they read, so that what is derived from them, such as a kernel, knows what it
depends on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rheobase.errors import DeclarationError

if TYPE_CHECKING:
    from rheobase.core.neuron import Neuron

Watch = Callable[[Any, str, Any], None]
"""Called for each read with the neuron, the attribute's name and its value (of a method or property, its function)."""


class Bound:
    """A neuron with given parameter values, on which its equations are called.

    A subclass replaces a method that the equations call, for example `fire` by one that never fires. It begins with
    `super().__init__(*bound.parts)` and lists in `keeps` the attributes that it sets. The neuron's own method is
    `super().__getattr__(name)`.
    """

    keeps: tuple[str, ...] = ()

    def __init__(self, neuron: Neuron, values: Mapping[str, Any], dt: Any, watch: Watch | None = None):
        self._neuron, self._values, self.dt, self._watch = neuron, values, dt, watch

    @property
    def parts(self) -> tuple[Neuron, Mapping[str, Any], Any, Watch | None]:
        """The arguments of `Bound.__init__`, for the constructor of a subclass."""
        return self._neuron, self._values, self.dt, self._watch

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        spec = self._neuron.params.get(name)
        if spec is not None and spec.size:
            return spec.nested(name, self._values)
        found, use = looked_up(self._neuron, name)
        self._report(name, found)
        return found if use is None else use(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("_neuron", "_values", "_watch", "dt", *self.keeps):
            raise DeclarationError(
                type(self._neuron).__name__,
                f"equations that write self.{name}",
                "equations without side effects",
                f"what lasts from step to step is a state: {name} = state(...)",
            )
        super().__setattr__(name, value)

    def _report(self, name: str, found: Any) -> None:
        if self._watch is not None:
            self._watch(self._neuron, name, found)

    def inner(self) -> Bound:
        """The wrapped neuron, bound to the same values."""
        inner: Any = self._neuron.neuron
        self._report("neuron", inner)
        return Bound(inner, self._values, self.dt, self._watch)


def looked_up(neuron: Any, name: str) -> tuple[Any, Callable[[Bound], Any] | None]:
    """The attribute `name` of a neuron, and a function that evaluates it on a `Bound`; None if it is used unchanged.

    A method or property comes as its function. The second item then binds the method to the `Bound`, or evaluates the
    property on it, so that both see its parameter values.
    """
    cls = type(neuron)
    member = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    if isinstance(member, property) and member.fget is not None:
        return member.fget, member.fget
    if isinstance(member, functools.cached_property):
        # what it was for other values of the parameters is of no use
        return member.func, member.func
    if isinstance(member, staticmethod):
        return member.__func__, None
    if isinstance(member, classmethod):
        return member.__func__, lambda bound: member.__get__(None, cls)
    if callable(member) and not isinstance(member, type) and hasattr(member, "__get__"):
        return member, member.__get__
    return getattr(neuron, name), None
