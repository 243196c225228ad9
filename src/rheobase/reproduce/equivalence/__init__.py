"""Equivalence of single- and multi-spike approximation (Dold & Petersen, 2026), as networks that are converted."""

from __future__ import annotations

from rheobase.reproduce.equivalence import (
    approximation,
    classifier,
    continuous,
    cost,
    discrete,
    floating,
    headlines,
    search,
    trains,
)
from rheobase.reproduce.paper import Paper

PAPER = Paper(
    name="equivalence",
    title="Equivalence of single- and multi-spike approximation",
    reference="Dold & Petersen, Equivalence of single- and multi-spike approximation, arXiv 2603.13478 (2026). Its "
    "proofs could not be read: what is run here is a constructive realisation of its claim, with proofs of our own "
    "(docs/equivalence.md)",
    parts=(
        discrete.PART,
        floating.PART,
        continuous.PART,
        cost.PART,
        trains.PART,
        approximation.PART,
        classifier.PART,
    ),
    searches=search.SEARCHES,
    headlines=headlines.HEADLINES,
    opening=headlines.OPENING,
)
