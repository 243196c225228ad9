"""Parameters, options and named sets, as --set takes them."""

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
        else:
            choices = {str(c).lower(): c for c in kind.declared_options[name].choices}
            if text.lower() not in choices:
                listed = ", ".join(map(str, kind.declared_options[name].choices))
                raise ParameterError(
                    f"--set {name}", repr(text), f"one of {listed}", "rheobase show says what they mean"
                )
            values[name] = choices[text.lower()]
    return chosen, values
