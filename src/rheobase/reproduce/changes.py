"""Which settings of a run differ from those of the full run, in words."""

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
    """The settings that differ from the full run, in words; nested ones follow the names that lead to them.

    >>> changes({"seeds": [0, 1], "dt": 1}, {"seeds": [0], "dt": 1})
    'seeds [0] instead of [0, 1]'
    >>> full = {"networks": {"a": {"epochs": 6, "lr": 0.1}, "b": {"epochs": 6}, "c": {"epochs": 6}}}
    >>> changes(full, {"networks": {"a": {"epochs": 1, "lr": 0.1}, "b": {"epochs": 1}}})
    'networks without c; a / b: epochs 1 instead of 6'
    """
    before, now = dict(leaves(full)), dict(leaves(used))
    owners = {path[:k] for path in now for k in range(len(path))}
    gone = list(dict.fromkeys(path[:-1] for path in before if path[:-1] not in owners))
    of_owner: dict[Path, list[str]] = {}
    for path, value in now.items():
        if path not in before or before[path] != value:
            known = f" instead of {_said(before[path])}" if path in before else ""
            of_owner.setdefault(path[:-1], []).append(f"{path[-1]} {_said(value)}{known}")
    for path in before:
        if path not in now and path[:-1] in owners:
            of_owner.setdefault(path[:-1], []).append(f"{path[-1]} left out")
    plain = of_owner.pop((), [])
    # owners of the same changes stand together
    alike: dict[str, list[str]] = {}
    for owner, said in of_owner.items():
        alike.setdefault(", ".join(said), []).append(" ".join(owner[1:] or owner))
    return "; ".join(
        [
            *([", ".join(plain)] if plain else []),
            *(
                f"{name} without {', '.join(' '.join(path[1:]) for path in gone if path[0] == name)}"
                for name in dict.fromkeys(path[0] for path in gone)
            ),
            *(f"{' / '.join(names)}: {said}" for said, names in alike.items()),
        ]
    )


def _said(value: Any) -> str:
    return "none" if value is None else str(value)
