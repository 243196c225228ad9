"""Parameters, options and named sets, as --set takes them; integrators by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rheobase.core.declaration.parameter_sets import NamedSet
    from rheobase.core.declaration.population import Declared


def values_of(kind: type[Declared], assignments: list[str]) -> tuple[NamedSet | None, dict[str, Any]]:
    """The named set of the assignments, if there is one, and what they give beside it."""
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError, nearest
    from rheobase.files import expanded

    chosen: NamedSet | None = None
    values: dict[str, Any] = {}
    known, sets = [*kind.params, *kind.declared_options], kind.sets()
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals and (name in sets or name.endswith(".toml")):
            if chosen is not None:
                raise ParameterError("--set", f"{chosen.name} and {name}", "one named set", "leave one out")
            chosen = kind.named_set(expanded(name, "--set") if name.endswith(".toml") else name)
            continue
        if not equals:
            expected = f"NAME=VALUE, or the name of a set of {kind.__name__}"
            remedy = f"--set {known[0]}=1" if name in known or not sets else nearest(name, sets)
            raise ParameterError("--set", repr(assignment), expected, remedy)
        if name not in known:
            expected = f"a parameter or option of {kind.__name__}"
            raise ParameterError("--set", repr(name), expected, nearest(name, known))
        if name in kind.params:
            values[name] = quantity(text, kind.params[name].unit, f"--set {name}")
        elif kind.declared_options[name].least is not None:
            values[name] = int(text) if text.isdecimal() else text  # which the option refuses
        else:
            choices = {str(c).lower(): c for c in kind.declared_options[name].choices}
            if text.lower() not in choices:
                listed = ", ".join(map(str, kind.declared_options[name].choices))
                raise ParameterError(
                    f"--set {name}", repr(text), f"one of {listed}", "rheobase show says what they mean"
                )
            values[name] = choices[text.lower()]
    return chosen, values


def refuse_in_steps(kind: type[Declared], dt: str | None, integrator: str | None) -> None:
    """Raise `ParameterError` for a time step or an integrator of a neuron that counts in steps."""
    from rheobase.core import MapNeuron
    from rheobase.errors import ParameterError

    for option, text in (("--dt", dt), ("--integrator", integrator)):
        if text is not None and issubclass(kind, MapNeuron):
            expected = f"no {option[2:]}: its paper counts in steps, which it makes itself"
            raise ParameterError(kind.__name__, f"{option} {text}", expected, f"leave {option} out")


def integrator_of(text: str) -> Any:
    """The integrator of that name; upper and lower case do not matter."""
    from rheobase.core import integrators
    from rheobase.errors import ParameterError, nearest

    known = {name.lower(): name for name in integrators.__all__ if name != "Integrator"}
    if text.lower() not in known:
        raise ParameterError("--integrator", repr(text), "an integrator", nearest(text, known.values()))
    return getattr(integrators, known[text.lower()])()
