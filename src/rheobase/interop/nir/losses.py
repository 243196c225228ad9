"""What a NIR graph cannot say, or a network here cannot do, and the names by which it is allowed."""

from __future__ import annotations

from collections.abc import Iterable

from rheobase.errors import NotRepresentable, ParameterError, nearest

LOSSES = {
    "soft_reset": "a reset that subtracts the threshold is written as one to 0, as it is in continuous time",
    "dropout": "layers of dropout, which do nothing once a network is trained, are left out",
    "own_surrogate": "a surrogate of one's own is left out, and read again it is the default; spikes are the same",
    "own_integrator": "an integrator of one's own is left out, and read again it is the default",
    "rounded_delay": "delays that are no whole number of steps are rounded to the nearest",
}


def checked(owner: str, allow: Iterable[str]) -> frozenset[str]:
    """The names of losses. Raises `ParameterError` for another name."""
    names = (allow,) if isinstance(allow, str) else tuple(allow)
    for name in names:
        if name not in LOSSES:
            raise ParameterError(owner, f"allow = {name!r}", "the name of a loss", nearest(str(name), LOSSES))
    return frozenset(names)


def ensure_allowed(owner: str, given: str, expected: str, loss: str, allow: frozenset[str]) -> None:
    """Raise `NotRepresentable` for a loss that was not allowed."""
    if loss not in allow:
        raise NotRepresentable(owner, given, expected, f'allow=("{loss}",): {LOSSES[loss]}')
