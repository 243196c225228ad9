"""Channels in a cell of one compartment, in NEURON's own scheme, against NEURON (traces of `make_channels.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from rheobase import channels
from rheobase.cells import Cell, Compartments, Section
from tests.against.make_channels import DT, FILE


def test_the_squid_axon_is_neurons() -> None:
    """Na_HH, K_HH and a leak are `hh`: 30 ms with three spikes, every step."""
    with np.load(FILE) as file:
        theirs: Any = torch.as_tensor(file["hh"])
    soma = Section("soma", length=20, diameter=20)
    held = [channels.Na_HH(), channels.K_HH(), channels.Pas(g=3e-4, e=-54.3)]
    cell = Cell(Compartments.of([soma]), {"soma": held}, dt=DT, v_init=-65.0, threshold=0.0)
    names = ("soma", "soma.Na_HH.m", "soma.Na_HH.h", "soma.K_HH.n")
    spikes, _, traces = cell(torch.full((len(theirs), 1), 0.15, dtype=torch.float64), record=names)
    assert int(spikes.sum()) == 3
    for k, name in enumerate(names):
        found, atol = traces[name].flatten(), 1e-7 if k == 0 else 1e-9
        torch.testing.assert_close(found, theirs[:, k], rtol=0, atol=atol)
