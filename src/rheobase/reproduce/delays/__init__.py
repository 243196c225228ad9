"""Delays in spiking networks as states of the neuron (Karilanova, Dey & Ozcelikkale, 2025)."""

from __future__ import annotations

from rheobase.reproduce.delays import (
    cells,
    headlines,
    heidelberg,
    history,
    kinds,
    longer,
    parametrisations,
    search,
    speakers,
)
from rheobase.reproduce.paper import Paper

PAPER = Paper(
    name="delays",
    title="Delays as states",
    reference="Karilanova, Dey & Ozcelikkale, State space models naturally produce delays: spiking networks, "
    "arXiv 2512.01906 (2025)",
    parts=(history.PART, longer.PART, kinds.PART, parametrisations.PART, cells.PART, speakers.PART, heidelberg.PART),
    searches=search.SEARCHES,
    headlines=headlines.HEADLINES,
    opening=headlines.OPENING,
)
