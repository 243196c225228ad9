"""The public names, package by package, as they are pinned in `public_names.json`.

A name that is taken away breaks somebody's program: it becomes a deprecated one first (`rheobase/deprecated.py`). A new
name is pinned by `RHEOBASE_PIN=1 pytest tests/house/test_public_names.py`.
"""

from __future__ import annotations

import importlib
import json
import os
import warnings
from pathlib import Path
from types import ModuleType

import pytest

import rheobase

PINNED = Path(__file__).parent / "public_names.json"
PACKAGES = (
    "rheobase", "rheobase.cells", "rheobase.data", "rheobase.energy", "rheobase.equivalence", "rheobase.errors",
    "rheobase.event_driven", "rheobase.integrators", "rheobase.interop", "rheobase.interop.nir", "rheobase.learning",
    "rheobase.neurons", "rheobase.nn", "rheobase.plot", "rheobase.runs", "rheobase.stimuli", "rheobase.surrogates",
)  # fmt: skip


def package(name: str) -> ModuleType:
    """A package, or a module that the root has under a name of its own (`rheobase.integrators`)."""
    if name in ("rheobase.integrators", "rheobase.surrogates"):
        return getattr(rheobase, name.rpartition(".")[2])
    return importlib.import_module(name)


def listed(name: str) -> list[str]:
    found = package(name)
    own = (n for n, value in vars(found).items() if n[0].isupper() and getattr(value, "__module__", "") == name)
    return sorted(getattr(found, "__all__", None) or own)


def pinned() -> dict[str, list[str]]:
    if os.environ.get("RHEOBASE_PIN"):
        PINNED.write_text(json.dumps({name: listed(name) for name in PACKAGES}, indent=1) + "\n")
    return json.loads(PINNED.read_text())


@pytest.mark.parametrize("name", PACKAGES)
def test_no_name_goes_without_a_word(name: str) -> None:
    for public in pinned()[name]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert hasattr(package(name), public), f"{name}.{public} is gone; deprecate it first"


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_is_pinned(name: str) -> None:
    new = set(listed(name)) - set(pinned()[name])
    assert not new, f"{sorted(new)}: pin them (see the head of this file)"


def test_every_package_has_its_list() -> None:
    assert set(pinned()) == set(PACKAGES)
