"""All pictures of one neuron, from its declaration alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from rheobase.core.declaration.describe import driver
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import Response, never_spikes, shown_response, smallest_current, step_response
from rheobase.firing_onset import FiringOnset, firing_onset
from rheobase.plot.gallery.fi_curve import FICurve, draw_fi, fi_curve
from rheobase.plot.gallery.patterns import patterns
from rheobase.plot.gallery.phase import draw_phase
from rheobase.plot.gallery.traces import strongest, traces
from rheobase.plot.gallery.variables import plane_variables, variables
from rheobase.plot.report import Picture
from rheobase.plot.style import WIDTH, Style, new_figure

BEYOND = 2.5  # times the current of the response: how far the f-I curve goes
RESPONSE, DYNAMICS, PATTERNS = "response", "dynamics", "patterns"


@dataclass(frozen=True)
class Portrait:
    """What was simulated of a neuron: a response, its rates (where it fires), the sets that its sources show."""

    kind: type[Declared]
    response: Response
    rheobase: float | None
    onset: FiringOnset | None
    rates: FICurve | None
    shown: dict[str, Response]

    @classmethod
    def of(cls, kind: type[Declared]) -> Portrait:
        """Simulate all that the pictures show. Raises `Diverged` for states that become NaN or infinite."""
        response = step_response(kind)
        shown = {name: shown_response(kind, each) for name, each in kind.sets().items() if each.shown is not None}
        silent = never_spikes(kind) or strongest(response) == 0
        rates = None if silent else fi_curve(kind, BEYOND * strongest(response))
        # a value that passes the level of a spike once, and stays there, is no firing
        if rates is not None and kind.graded and not np.nansum(rates.first):
            rates = None
        least, onset = (None, None) if rates is None else (smallest_current(kind), firing_onset(kind))
        return cls(kind, response, least, onset, rates, shown)

    def pictures(self) -> dict[str, Picture]:
        """The pictures, by a short name for each."""
        name = self.kind.__name__
        response, shown = self.response, self.shown
        made = {
            RESPONSE: Picture(
                "Response",
                captions(self.kind)[RESPONSE],
                f"Input and states of {name} over time.",
                lambda style: traces(response, style=style),
            )
        }
        if self.rates is not None or _low(self.kind):
            made[DYNAMICS] = Picture(
                "Dynamics", captions(self.kind)[DYNAMICS], f"Phase space and firing rates of {name}.", self._dynamics
            )
        if shown:
            made[PATTERNS] = Picture(
                "Firing patterns",
                captions(self.kind)[PATTERNS],
                f"Membrane potential of {name} for each of: {', '.join(shown)}.",
                lambda style: patterns(shown, style=style),
            )
        return made

    def _dynamics(self, style: Style) -> Figure:
        low = _low(self.kind)
        panels = low + (self.rates is not None)
        figure = new_figure(WIDTH if panels == 2 else 0.6 * WIDTH, 3.1, style)
        axes = list(figure.subplots(1, panels, squeeze=False)[0])
        if low:
            draw_phase(axes[0], self.response, style)
        if self.rates is not None:
            draw_fi(axes[-1], self.kind, self.rates, self.rheobase, self.onset, style)
        return figure


def captions(kind: type[Declared]) -> dict[str, str]:
    """What each picture of a neuron shows, in words that need no simulation."""
    spikes = "" if kind.graded or getattr(kind, "crossing", False) else " A triangle marks a spike."
    # a graded cell may settle at a value: only a simulation tells
    lasting = ", for a cell that goes on firing" if kind.graded else ""
    single = kind.Input is None
    held, other = ("currents", "") if single else (f"levels of {driver(kind)}", ", the other inputs being 0")
    curve = "" if never_spikes(kind) else f" Firing rate under constant {held}{lasting}{other}."
    plane = {
        1: "Rate of change of the one variable, without input and during the step.",
        2: "The two variables during the step (from the dot; dotted: resets), the curves on which each stands still "
        "(dotted: without input), and where the state goes from elsewhere.",
    }
    many = (
        "The plane of {0} and {1} during the step: the path (from the dot) is that of the whole neuron; the curves on "
        "which each stands still (dotted: without input), and where the state goes from elsewhere, are those of its "
        "reduction to these two, in which every other variable is at its equilibrium, or a straight line in {1}, "
        "whichever is nearer to the path."
    )
    shown = plane_variables(kind)
    space = plane.get(len(variables(kind)), "" if shown is None else many.format(*shown))
    return {
        RESPONSE: f"A neuron at rest under a step of {'current' if single else driver(kind)}.{spikes}",
        DYNAMICS: (space + curve).strip(),
        PATTERNS: "The named sets under the protocols of their sources: the membrane potential, below it the input.",
    }


def _low(kind: type[Declared]) -> bool:
    return len(variables(kind)) == 1 or plane_variables(kind) is not None
