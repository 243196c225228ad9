"""Event-driven simulation in continuous time: spike times to floating-point precision, without a time step."""

from __future__ import annotations

from rheobase.event_driven.from_neuron import from_neuron
from rheobase.event_driven.network import Network
from rheobase.event_driven.run import run
from rheobase.event_driven.spikes import Spikes

__all__ = ["Network", "Spikes", "from_neuron", "run"]
