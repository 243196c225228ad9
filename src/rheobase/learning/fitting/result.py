"""What a fit gives: the neuron, its candidates, and how well it meets the recording."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from rheobase.cells import Cell
from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError
from rheobase.learning.fitting.agreement import Agreement, mean_gamma
from rheobase.learning.fitting.gamma import check_window
from rheobase.learning.fitting.hold_out import Split
from rheobase.learning.fitting.passive import Passive
from rheobase.learning.fitting.population import Axis
from rheobase.learning.fitting.progress import FitStep
from rheobase.learning.fitting.recipe import FitRecipe
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.shown import fit_card
from rheobase.learning.fitting.space import SearchSpace

EDGE = 0.02  # of a range: a best value that is nearer to an end might lie beyond it
INTERRUPTED = "Ctrl-C"


@dataclass(frozen=True)
class Candidate:
    """One candidate: the values that were searched, and how well they fit.

    `score` was minimised; `gamma` is Gamma at the fit's `delta`, NaN where no fitted sweep has a spike; `v_error` is
    the mean square error of the potential between spikes over its variance. `held` names the values that the passive
    stage of a cell found: those are the same in all candidates.
    """

    values: Mapping[str, float]
    score: float
    gamma: float
    v_error: float
    held: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """The result of a fit: `neuron` (a neuron or a cell, of shape (1,)) and `candidates`, the best first.

    `readout` converts between the units of the recording and of the neuron: input = input_scale * pA, and
    mV = v_offset + v_gain * v + r_series * pA. `ended` says why the search ended: "generations", "patience", "time
    limit" or "Ctrl-C"; `finished` is False after Ctrl-C.
    `recipe` makes the same fit, whatever the clock says: it has the steps that were done, and no time limit.
    `delta` is the precision (ms) of every Gamma that is reported: 4, or less where the cell fires so fast that at 4
    chance alone would meet its spikes (see `window`).
    `fitted` and `held_out` are the errors on the sweeps that were fitted and on those that were kept from the fit (None
    without any); `split` says which they are and why. `diverged` counts the candidates whose potential ended as none
    that can be: they were dropped. `unidentifiable` names the quantities searched on which the fitted potential
    does not depend, or whose place others can take, where no fitted sweep has a spike (`silent`): their values alone
    mean nothing. `passive`: what the passive stage of a cell held, and what it could not identify; None of a neuron.
    """

    neuron: Neuron | Cell
    readout: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    history: tuple[FitStep, ...]
    ended: str
    delta: float
    recipe: FitRecipe
    split: Split
    fitted: Agreement
    held_out: Agreement | None
    diverged: int
    unidentifiable: tuple[str, ...]
    passive: Passive | None
    _space: SearchSpace
    _point: Tensor

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.4g}" for name, value in self.best.values.items())
        if self.silent:
            said = f"{self.title}, rms error {self.fitted.v_rms:.3g} mV without a spike"
            held = "" if self.held_out is None else f", {self.held_out.v_rms:.3g} mV held out"
        else:
            said = f"{self.title}, Gamma {self.gamma:.3f} at {self.delta:.3g} ms"
            held = "" if self.held_out is None else f", {self.held_out.gamma:.3f} held out"
        said += held
        return f"Fit({said}; {values}; {len(self.candidates)} candidates; ended by {self.ended})"

    def _repr_html_(self) -> str:
        """The fit in a notebook."""
        return fit_card(self).html()

    @property
    def title(self) -> str:
        """What was fitted: the name of the neuron, or "Cell"."""
        return self._space.title

    def unit(self, name: str) -> str:
        """The unit of a searched quantity."""
        return self._space.unit(name)

    @property
    def finished(self) -> bool:
        """Whether it was not interrupted."""
        return self.ended != INTERRUPTED

    @property
    def silent(self) -> bool:
        """Whether no fitted sweep has a spike that is scored: then the potential alone was fitted, and Gamma is NaN."""
        return math.isnan(self.best.gamma)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What was searched, with its range."""
        return tuple(self._space.axes)

    def at_edges(self) -> dict[str, str]:
        """The searched quantities whose best value lies at an edge of their range: "low" or "high"."""
        shares = {axis.name: float(share) for axis, share in zip(self.axes, self._point[0], strict=True)}
        low = {name: "low" for name, share in shares.items() if share < EDGE}
        return low | {name: "high" for name, share in shares.items() if share > 1.0 - EDGE}

    @property
    def best(self) -> Candidate:
        """The best candidate."""
        return self.candidates[0]

    @property
    def evaluations(self) -> int:
        """How many candidates were run: one for each lane in each step; those drawn where there was no step."""
        recipe = self.recipe
        if not self.history:
            return recipe.restarts
        return sum(recipe.population if step.stage == "evolve" else recipe.restarts for step in self.history)

    @property
    def gamma(self) -> float:
        """Gamma of the best candidate at `delta` ms: the mean over the fitted sweeps that have spikes; NaN without."""
        return self.best.gamma

    def run(self, recording: Recording) -> tuple[Tensor, Tensor | None]:
        """Spikes and potential in mV under the currents of a recording, from rest; (sweep, time) each.

        Raises: `ParameterError` for a recording of another time step.
        """
        dt = self._space.recording.dt
        if abs(recording.dt - dt) > 1e-9:
            given = f"a recording with dt = {recording.dt} ms"
            raise ParameterError("Fit", given, f"dt = {dt} ms", f"recording.resampled({dt})")
        return self._space.run(self._point, recording)

    def gamma_on(self, recording: Recording, *, start: float | None = None, delta: float | None = None) -> float:
        """The mean Gamma over the sweeps of a recording that have spikes; 0 without any.

        It is run from its first sample and scored from `start`.

        `delta` in ms; that of the fit where it is not given.

        Raises: `ParameterError` for another time step, and for a cell too fast for this precision.
        """
        delta = self.delta if delta is None else delta
        start = recording.start if start is None else start
        spikes, _ = self.run(recording)
        part = recording.between(start, recording.start + recording.duration)
        check_window("Fit.gamma_on", part.spike_times(), duration=part.duration, delta=delta)
        found = mean_gamma(recording, spikes, start=start, delta=delta)
        return 0.0 if math.isnan(found) else found
