"""Equations on units: a neuron is run once on quantities that know only their unit.

Every derivative must have the unit of its state per ms, every sum must add like to like, and what goes into exp,
tanh and their kind must be a pure number. Zero belongs to every unit; any other number written in an equation is a
pure number.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rheobase.core.bound import Bound
from rheobase.core.declaration.inputs import one_step_of
from rheobase.core.declaration.words import Relax
from rheobase.core.interpreters.abstract import AbstractValue
from rheobase.core.map import MapNeuron
from rheobase.core.neuron import Neuron
from rheobase.core.ode import OdeNeuron
from rheobase.core.states import RNG
from rheobase.errors import UnitError
from rheobase.units import Unit, parse

ONE, MS = parse("1"), parse("ms")


class Disagreement(Exception):
    """Units that do not match; `check_units` turns it into a `UnitError` that names the equation."""

    def __init__(self, given: str, expected: str):
        self.given, self.expected = given, expected
        super().__init__(given, expected)


class Quantity(AbstractValue):
    """Something of which only the unit is known, and whether it is zero in any unit."""

    def __init__(self, unit: Unit, *, zero: bool = False):
        self.unit, self.zero = unit, zero

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"[{self.unit}]"

    @classmethod
    def apply(cls, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name == "__bool__":
            raise Disagreement("a branch on a value", "torch.where")
        if name not in RULES:
            what = name if name.startswith("Tensor.") else f"torch.{name}"
            raise Disagreement(what, "an operation that the unit checker knows")
        return RULES[name](*args, **kwargs)


def unit_of(x: Any) -> Unit:
    """The unit of a value; a number or a tensor written in an equation is a pure number."""
    return x.unit if isinstance(x, Quantity) else ONE


def _is_zero(x: Any) -> bool:
    if isinstance(x, Quantity):
        return x.zero
    return bool((x == 0).all()) if isinstance(x, Tensor) else x == 0


def _product(a: Any, b: Any) -> Quantity:
    return Quantity(unit_of(a) * unit_of(b), zero=_is_zero(a) or _is_zero(b))


def _quotient(a: Any, b: Any) -> Quantity:
    return Quantity(unit_of(a) / unit_of(b), zero=_is_zero(a))


def _same(operation: str, *xs: Any) -> Quantity:
    """Like with like; zero goes with all."""
    units = [unit_of(x) for x in xs if not _is_zero(x)]
    for unit in units[1:]:
        if unit != units[0]:
            raise Disagreement(f"{units[0]} {operation} {unit}", f"one unit on both sides of {operation!r}")
    return Quantity(units[0] if units else ONE, zero=not units)


def _pure(operation: str, *xs: Any, **kwargs: Any) -> Quantity:
    for x in xs:
        if not unit_of(x).plain:
            raise Disagreement(f"{operation} of a quantity in {unit_of(x)}", f"a pure number in {operation}")
    return Quantity(ONE)


def _compare(a: Any, b: Any) -> Quantity:
    _same("compared with", a, b)
    return Quantity(ONE)


def _power(x: Any, exponent: Any) -> Quantity:
    if isinstance(exponent, (int, float)) and not isinstance(exponent, bool) and isinstance(x, Quantity):
        if exponent == int(exponent):
            return Quantity(x.unit ** int(exponent))
        root = x.unit.root(2) if exponent * 2 == int(exponent * 2) else None
        if root is not None:
            return Quantity(root ** int(exponent * 2))
    return _pure("a power", x, exponent)


def _where(mask: Any, a: Any, b: Any) -> Quantity:
    return _same("or", a, b)


def _clamp(x: Any, min: Any = 0.0, max: Any = 0.0) -> Quantity:
    return _same("cut at", x, *(0.0 if bound is None else bound for bound in (min, max)))


def _switch(z: Any, on: Any, off: Any) -> Quantity:
    _pure("a spike", z)
    return _same("or", on, off)


def _keep(x: Any, *args: Any, **kwargs: Any) -> Any:
    return x


def _pure_function(name: str) -> Callable[..., Quantity]:
    return lambda *xs, **kwargs: _pure(name, *xs)


PURE = ("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "tanh", "sigmoid", "sin", "cos", "tan", "atan", "erf")
KEEP = ("neg", "negative", "abs", "absolute", "relu", "detach", "clone", "to", "type_as", "float", "double")
LIKE = ("ones_like", "full_like")
RULES: dict[str, Callable[..., Any]] = {
    **{name: _pure_function(name) for name in (*PURE, "sinh", "cosh", "softplus", "floor", "ceil", "round")},
    **dict.fromkeys((*KEEP, *LIKE), _keep),
    **{name: (lambda a, b, alpha=1, s=sign: _same(s, a, b)) for name, sign in (("add", "+"), ("sub", "-"))},
    **{name: (lambda a, b, s=name: _same(s, a, b)) for name in ("maximum", "minimum", "fmax", "fmin")},
    "radd": lambda a, b: _same("+", b, a),
    "rsub": lambda a, b, **k: _same("-", b, a),
    "rpow": lambda a, b: _power(b, a),
    "max": lambda a, b: _same("max", a, b),
    "min": lambda a, b: _same("min", a, b),
    **{name: _pure_function(name) for name in ("and", "or", "xor", "invert", "bitwise_and", "bitwise_or")},
    "isnan": lambda x: Quantity(ONE),
    "isfinite": lambda x: Quantity(ONE),
    "Tensor.dtype": lambda x: torch.float64,
    "Tensor.device": lambda x: torch.device("cpu"),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), _compare),
    **dict.fromkeys(("mul", "multiply", "rmul"), _product),
    **dict.fromkeys(("div", "divide", "true_divide", "truediv"), _quotient),
    **dict.fromkeys(("rdiv", "rtruediv"), lambda a, b: _quotient(b, a)),
    **dict.fromkeys(("pow", "float_power"), _power),
    **dict.fromkeys(("clamp", "clip"), _clamp),
    "zeros_like": lambda x, **k: Quantity(x.unit, zero=True),
    "clamp_min": lambda x, min: _same("cut at", x, min),
    "clamp_max": lambda x, max: _same("cut at", x, max),
    "square": lambda x: _power(x, 2),
    "sqrt": lambda x: _power(x, 0.5),
    "rsqrt": lambda x: _power(x, -0.5),
    "reciprocal": lambda x: _power(x, -1),
    "addcmul": lambda x, a, b, value=1: _same("+", x, a * b),
    "where": _where,
    "logical_and": _pure_function("logical and"),
    "logical_or": _pure_function("logical or"),
    "logical_not": _pure_function("logical not"),
    # the distance to a threshold may have any unit; a spike has none
    "spike": lambda x, surrogate: Quantity(ONE),
    "switch": _switch,
    "substitute": lambda value, through: _same("through", value, through),
    **dict.fromkeys(("normal", "uniform"), lambda like, rng, stream: Quantity(ONE)),
}


def check_units(neuron: Neuron) -> None:
    """Raise `UnitError` where an equation of the neuron adds, compares or stores what does not belong together.

    An `OdeNeuron` is checked by its `dynamics`, `threshold`, `reset` and `output`; a `MapNeuron` by its `step`,
    the integrators and the wrappers by the whole transition.

    >>> from rheobase import neurons
    >>> check_units(neurons.LIF(1, dt=1.0))
    """
    name = type(neuron).__name__
    with _of(name, "its declaration"):
        values = {k: Quantity(parse(spec.unit)) for name, spec in neuron.params.items() for k in spec.places(name)}
        units = {k: parse(spec.unit) for k, spec in neuron.states.items()}
        i = one_step_of(neuron, [Quantity(parse(spec.unit)) for spec in neuron.entries.values()])
        for k, spec in neuron.states.items():
            if isinstance(spec.initial, str) and values[spec.initial].unit != units[k]:
                start = f"{spec.initial} in {values[spec.initial].unit}"
                raise Disagreement(f"{k} in {units[k]}, starting at {start}", "one unit")
    bound = Bound(neuron, values, Quantity(MS if neuron.dt is not None else ONE))
    s = neuron.whole_state({k: Quantity(units.get(k, ONE)) for k in neuron.lane_states}, None)
    if isinstance(neuron, OdeNeuron):
        _check_ode(neuron, bound, s, i)
    what = "step" if isinstance(neuron, MapNeuron) else "transition"
    with _of(name, what):
        _, post, pre = bound.transition(s, i)
        for after in (post, pre):
            _same_state(s, after)


def _check_ode(neuron: OdeNeuron, bound: Any, s: Any, i: Any) -> None:
    name = type(neuron).__name__
    with _of(name, "dynamics"):
        slopes = bound.dynamics(s, i)
    for k, slope in slopes.items():
        with _of(name, f"d{k}/dt"):
            x = getattr(s, k)
            if isinstance(slope, Relax):
                _same("relaxing to", x, slope.to)
                if slope.rate is None and unit_of(slope.tau) != MS:
                    raise Disagreement(f"a time constant in {unit_of(slope.tau)}", "ms")
                if slope.rate is not None and unit_of(slope.rate) != ONE / MS:
                    raise Disagreement(f"a rate in {unit_of(slope.rate)}", "1/ms")
            elif not _is_zero(slope) and unit_of(slope) != x.unit / MS:
                raise Disagreement(f"{unit_of(slope)}", f"{x.unit / MS}, that of {k} per ms")
    if neuron.graded:
        with _of(name, "output"):
            bound.output(s)
        return
    with _of(name, "threshold"):
        bound.threshold(s)
    if not neuron.crossing:
        with _of(name, "reset"):
            _same_state(s, bound.reset(s))


def _same_state(before: Any, after: Any) -> None:
    for k, x in after._asdict().items():
        if k == RNG:
            continue
        if not _is_zero(x) and unit_of(x) != getattr(before, k).unit:
            raise Disagreement(f"{k} in {unit_of(x)}", f"{k} in {getattr(before, k).unit}, as declared")


@contextmanager
def _of(name: str, equation: str) -> Generator[None]:
    """Turns a `Disagreement` into a `UnitError` that names the neuron and the equation."""
    try:
        yield
    except Disagreement as found:
        raise UnitError(
            f"{name}: {equation}", found.given, found.expected, "correct the equation or a declared unit"
        ) from None


__all__ = ["Quantity", "check_units"]
