"""Which settings of a run are others than those of the full run, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def leaves(settings: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every setting with the names that lead to it.

    >>> list(leaves({"epochs": 2, "networks": {"a": {"lr": 0.1}}}))
    [(('epochs',), 2), (('networks', 'a', 'lr'), 0.1)]
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value


def changes(full: Mapping[str, Any], used: Mapping[str, Any]) -> str:
    """What is otherwise than in the full run; those within settings behind the names they belong to.

    >>> changes({"seeds": [0, 1], "dt": 1}, {"seeds": [0], "dt": 1})
    'seeds [0] instead of [0, 1]'
    >>> full = {"networks": {"a": {"epochs": 6, "lr": 0.1}, "b": {"epochs": 6}, "c": {"epochs": 6}}}
    >>> changes(full, {"networks": {"a": {"epochs": 1, "lr": 0.1}, "b": {"epochs": 1}}})
    'networks without c; a; b: epochs 1 instead of 6'
    """
    plain: list[str] = []
    missing: dict[str, list[str]] = {}
    of_owner: dict[Path, list[str]] = {}
    before = dict(leaves(full))
    groups = _owners(used)
    for path in before:
        owner = path[:-1]
        if owner and owner not in groups:
            names = missing.setdefault(owner[0], [])
            name = " ".join(owner[1:])
            names += [name] if name not in names else []
        elif path not in dict(leaves(used)):
            of_owner.setdefault(owner, []).append(f"{path[-1]} left out")
    for path, value in leaves(used):
        if path in before and before[path] == value:
            continue
        known = f" instead of {_said(before[path])}" if path in before else ""
        said = f"{path[-1]} {_said(value)}{known}"
        if len(path) == 1:
            plain.append(said)
        else:
            of_owner.setdefault(path[:-1], []).append(said)
    alike: dict[str, list[str]] = {}
    for owner, said in of_owner.items():
        alike.setdefault(", ".join(said), []).append(" ".join(owner[1:] or owner))
    parts = [", ".join(plain)] if plain else []
    parts += [f"{name} without {', '.join(names)}" for name, names in missing.items()]
    return "; ".join([*parts, *(f"{'; '.join(owners)}: {said}" for said, owners in alike.items())])


def _owners(settings: Mapping[str, Any], above: Path = ()) -> set[Path]:
    """The names that lead to settings within settings."""
    found = {above}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _owners(value, (*above, name))
    return found


def _said(value: Any) -> str:
    return "none" if value is None else str(value)
