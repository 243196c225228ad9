"""The passive stage of a fit of a cell: which quantities and sweeps it takes, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rheobase.cells.parameters import BARE
from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.cell_candidates import CellCandidates
from rheobase.learning.fitting.recipe import FitRecipe
from rheobase.learning.fitting.recording import Recording

CHANNELS = ("Pas", "Ih")  # leak, and what opens below rest


@dataclass(frozen=True)
class Passive:
    """The passive stage of a fit of a cell, in which all is fitted to the sweeps without a spike.

    sweeps           numbers of these sweeps; none where there was no such stage
    reason           why there was none, else ""
    searched         the names of leak, capacitance, axial resistance and Ih, as far as they are searched
    held             those of them that these sweeps identify: held while the others are fitted to all sweeps
    unidentifiable   those that they do not identify, which are fitted with the others
    """

    sweeps: tuple[int, ...] = ()
    reason: str = ""
    searched: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    unidentifiable: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What became of it, in words."""
        if not self.sweeps:
            return f"none: {self.reason}"
        found = f"held: {', '.join(self.held) or 'nothing'}"
        loose = ", ".join(self.unidentifiable)
        return f"{found}; not identified without a spike, so fitted with the others: {loose}" if loose else found


def is_passive(name: str) -> bool:
    """Whether a name of `Cell.values` is a leak, a capacitance, an axial resistance, or of Ih; or the electrode's.

    >>> [is_passive(name) for name in ("c_mem.soma", "dend.Pas.g", "dend.Ih.gbar", "soma.NaV.gbar")]
    [True, True, True, False]
    """
    first, *others = name.split(".")
    return first in (*BARE, "r_series") or others[:1] in [[channel] for channel in CHANNELS]


def planned(space: Candidates | CellCandidates, recording: Recording, recipe: FitRecipe) -> Passive | None:
    """The stage that a search of these sweeps will have, before it; None of a neuron, which has none."""
    if not isinstance(space, CellCandidates):
        return None
    searched = tuple(name for name in space.names if is_passive(name))
    silent = [k for k, times in enumerate(recording.spike_times()) if not len(times)]
    if len(silent) == len(recording.v):
        reason = "no sweep has a spike, so all is fitted to the potential alone"
    elif recipe.passive == 0:
        reason = "it was not asked for"
    elif not searched:
        reason = "no leak, capacitance, axial resistance or Ih is fitted"
    elif len(searched) == len(space.names):
        reason = "nothing else is fitted"
    elif not silent:
        reason = "each sweep has a spike"
    else:
        # of many, as many as the forced stage takes, from the weakest current to the strongest
        silent.sort(key=lambda k: float(recording.current[k].mean()))
        chosen = torch.linspace(0, len(silent) - 1, min(recipe.sweeps, len(silent))).round().long().tolist()
        return Passive(tuple(sorted(silent[k] for k in chosen)), "", searched)
    return Passive(reason=reason)


__all__ = ["Passive", "is_passive", "planned"]
