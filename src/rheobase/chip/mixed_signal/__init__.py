"""Analog chips with digital spikes: what manufacture, programming and time do to a network, die by die.

A `Process` says how far the weights and neurons of a die are from what they should be. `dies` runs a network on
hundreds of virtual dies at once; `aware` makes a copy that is trained on a fresh die at every batch.
"""

from __future__ import annotations

from rheobase.chip.mixed_signal.aware import Mismatched, aware, software
from rheobase.chip.mixed_signal.dies import Dies, dies
from rheobase.chip.mixed_signal.one_die import on_die
from rheobase.chip.mixed_signal.presets import PROCESSES, named
from rheobase.chip.mixed_signal.process import Drift, Process

__all__ = ["PROCESSES", "Dies", "Drift", "Mismatched", "Process", "aware", "dies", "named", "on_die", "software"]
