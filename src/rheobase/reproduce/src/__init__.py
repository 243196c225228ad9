"""Spike-based computation using classical recurrent neural networks (De Geeter, Ernst & Drion, 2024)."""

from __future__ import annotations

from rheobase.reproduce.paper import Paper
from rheobase.reproduce.src import accuracy, behaviours, beyond, costs, depth, headlines, response, robustness, search

PAPER = Paper(
    name="src",
    title="Spiking recurrent cell",
    reference="De Geeter, Ernst & Drion, Spike-based computation using classical recurrent neural networks, "
    "Neuromorph. Comput. Eng. (2024), doi 10.1088/2634-4386/ad473b, arXiv 2306.03623",
    parts=(
        response.PART,
        behaviours.PART,
        accuracy.PART,
        depth.PART,
        robustness.PART,
        costs.PART,
        beyond.PART,
    ),
    searches=search.SEARCHES,
    headlines=headlines.HEADLINES,
    opening=headlines.OPENING,
)
