"""The papers by name."""

from __future__ import annotations

from importlib import import_module

from rheobase.errors import ParameterError, nearest
from rheobase.reproduce.paper import Paper

# a paper is imported when it is asked for
_PAPERS = {
    "src": "rheobase.reproduce.src",
    "delays": "rheobase.reproduce.delays",
    "cs-gru": "rheobase.reproduce.cs_gru",
    "dqif": "rheobase.reproduce.dqif",
    "equivalence": "rheobase.reproduce.equivalence",
    "noble": "rheobase.reproduce.noble",
    "truenorth": "rheobase.reproduce.truenorth",
}


def names() -> list[str]:
    """The names of all papers."""
    return list(_PAPERS)


def find(name: str) -> Paper:
    """The paper of that name. Raises `ParameterError` with the nearest one.

    >>> find("src").parts[0].name
    'response'
    """
    if name not in _PAPERS:
        raise ParameterError("reproduce", f"paper {name!r}", "the name of a paper", nearest(name, _PAPERS))
    return import_module(_PAPERS[name]).PAPER
