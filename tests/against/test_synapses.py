"""Synapses and gap junctions on a branched cell against traces of NEURON at the same step (`make_synapses.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import channels, synapses
from rheobase.cells import Cell, Compartments, GapJunction, Section, Synapse
from rheobase.synapses import Receptor, spike_trains
from tests.against.make_synapses import (
    ACTIVE,
    DT,
    EVERY,
    FILE,
    LEAK,
    REVERSAL,
    RUNS,
    SYNAPSES,
    TOTAL,
    V_INIT,
    sections_of,
    sites_of,
)

KINDS = {"ExpSyn": "Exponential", "Exp2Syn": "DoubleExponential", "NMDA": "NMDA"}
NAMES = {"tau1": "tau_rise", "tau2": "tau_decay"}


def receptor(group: str) -> Receptor:
    mechanism, values, places = SYNAPSES[group]
    weight = torch.tensor([weight for _, _, weight, _ in places], dtype=torch.float64)
    held = {NAMES.get(key, key): value for key, value in values.items()}
    return getattr(synapses, KINDS[mechanism])(len(places), weight=weight, **held)


def cell(name: str) -> Cell:
    active, _, gaps = RUNS[name]
    made: dict[str, Section] = {}
    for section, (length, diameters, nseg, parent, at) in sections_of(name).items():
        on = None if parent is None else made[parent]
        made[section] = Section(section, length=length, diameter=diameters, nseg=nseg, parent=on, at=at)
    spiking = [getattr(channels, name)(gbar=gbar) for name, gbar in ACTIVE.items()] if active else []
    held = {"soma": [channels.Pas(**LEAK), *spiking], "dend": [channels.Pas(**LEAK)]}
    places = {group: [f"{section}({x})" for section, x, *_ in each] for group, (_, _, each) in SYNAPSES.items()}
    return Cell(
        Compartments.of(list(made.values()), trees=2 if name == "pair" else 1),
        held,
        dt=DT,
        reversal=REVERSAL,
        v_init=V_INIT,
        start="neuron",
        inputs={group: Synapse(at, receptor(group)) for group, at in places.items()},
        junctions=[GapJunction(f"{a}({x})", f"{b}({y})", g) for a, x, b, y, g in gaps],
    )


def spikes(groups: tuple[str, ...], dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """Those of the groups; none of the others, which a passive cell has all the same."""
    return {
        group: spike_trains([times if group in groups else [] for *_, times in places], t_stop=TOTAL, dt=DT).to(dtype)
        for group, (_, _, places) in SYNAPSES.items()
    }


def run(name: str, dtype: torch.dtype = torch.float64) -> Tensor:
    """The potentials (sites, times)."""
    sites = tuple(f"{section}({x})" for section, x in sites_of(name))
    _, _, rec = cell(name)(spikes(RUNS[name][1], dtype), record=sites, every=EVERY)
    return torch.stack([rec[site][:, 0] for site in sites])


@pytest.fixture(scope="module")
def stored() -> Any:
    return np.load(FILE)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("exc", 1e-9), ("inh", 1e-9), ("gap", 1e-9), ("nmda", 1e-9), ("active", 1e-8), ("pair", 1e-8)],
)
def test_the_potentials_are_those_of_neuron(name: str, tolerance: float, stored: Any) -> None:
    """In mV, soma and two dendrites over 60 ms."""
    expected = torch.as_tensor(stored[name])
    assert float(expected.amax() - expected.amin()) > 5.0
    error = float((run(name) - expected).abs().max())
    assert error < tolerance
