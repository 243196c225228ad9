"""What the page opens with."""

from __future__ import annotations

from rheobase.reproduce.headlines import Results, Row, counted, score

OPENING = ("mnist", "MNIST, accuracy and energy")
GATED, SPIKES, GRU, LIF = "CS-GRU, grid", "CS-GRU, z reads spikes, grid", "ConvGRU, grid", "ConvLIF, grid"


def mnist(found: Results) -> str:
    gated, spikes, gru = (found.row("mnist", "MNIST", network=name) for name in (GATED, SPIKES, GRU))
    return (
        f"On MNIST, CS-GRU reaches {score(gated)} after {gated['epochs']} epochs, {score(spikes)} after "
        f"{spikes['epochs']} with an update gate that reads spikes alone, and ConvGRU {score(gru)} after "
        f"{gru['epochs']} ({counted(gated)} each)."
    )


def energy(found: Results) -> str:
    gated, spikes, gru = (found.row("mnist", "MNIST", network=name) for name in (GATED, SPIKES, GRU))
    return (
        f"That gate takes {_macs(spikes):,.0f} multiply-accumulates for an image in place of {_macs(gated):,.0f}, and "
        f"the estimated energy falls from {_energy(gated)} to {_energy(spikes)} (ConvGRU: {_energy(gru)})."
    )


def speech(found: Results) -> str:
    said = [
        f"{name} {score(found.row('speech', 'Spoken digits', network=network))}"
        for name, network in (("CS-GRU", GATED), ("with the spiking gate", SPIKES), ("a convolutional LIF", LIF))
    ]
    number = counted(found.row("speech", "Spoken digits", network=GATED))
    return f"On spoken digits: {', '.join(said)} ({number})."


def _macs(row: Row) -> float:
    # "MACs of cells": in results of before
    return sum(float(row.get(name) or 0) for name in ("MACs of synapses", "products of cells", "MACs of cells"))


def _energy(row: Row) -> str:
    return f"{float(row['energy (uJ)'] or 0):.3g} uJ"


HEADLINES = (mnist, energy, speech)
