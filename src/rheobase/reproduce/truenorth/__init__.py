"""TrueNorth (Merolla et al., 2014; Akopyan et al., 2015): its power, a full chip, and classifiers on it."""

from __future__ import annotations

from rheobase.reproduce.paper import Paper
from rheobase.reproduce.truenorth import classifiers, full_chip, headlines, power, search

PAPER = Paper(
    name="truenorth",
    title="TrueNorth: power, a full chip, and trained classifiers",
    reference="Merolla et al., A million spiking-neuron integrated circuit with a scalable communication network and "
    "interface, Science 345, 668 (2014), doi 10.1126/science.1254642; Akopyan et al., TrueNorth: design and tool flow "
    "of a 65 mW 1 million neuron programmable neurosynaptic chip, IEEE TCAD 34, 1537 (2015), "
    "doi 10.1109/TCAD.2015.2474396. The chip is emulated (docs/chip.md), and its energy is computed (docs/energy.md)",
    parts=(power.PART, full_chip.PART, classifiers.PART),
    searches=search.SEARCHES,
    headlines=headlines.HEADLINES,
    opening=headlines.OPENING,
)
