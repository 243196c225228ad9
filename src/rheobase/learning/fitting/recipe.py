"""How long a fit searches."""

from __future__ import annotations

from dataclasses import dataclass

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError

LEAST = {"passive": 0, "forced": 0, "free": 0, "generations": 0, "population": 4}


@dataclass(frozen=True, kw_only=True)
class FitRecipe:
    """How long a fit searches.

    restarts       random points that the gradient stages start from, each a lane
    passive        steps of the passive stage of a cell, by evolution over `restarts` lanes; 0: none (see `fit_neuron`)
    forced         steps by gradient with the recorded spikes given (none for a neuron without reset)
    schedule       steps over which the forced stage of a cell weakens its electrode and lowers its rate; None: `forced`
    free           steps by gradient with the neuron running freely (none for a cell)
    generations    of evolution, over a population of `population` lanes
    sweeps         how many sweeps the forced stage uses
    piece          ms: gradients of the free stage are truncated to pieces of this length; 0: not truncated
    rate           learning rate of Adam, as a share of the search ranges
    patience       generations without a better best after which evolution ends; None: never
    settle         ms at the start that are run, but not scored
    time_limit     seconds after which the search ends with the best so far: the passive stage may take a fifth of them,
                   it and the forced one a third, with the free one a half; None: no limit

    >>> FitRecipe(generations=20, time_limit=60).population
    64
    """

    restarts: int = 24
    passive: int = 0
    forced: int = 60
    schedule: int | None = None
    free: int = 10
    generations: int = 150
    population: int = 64
    sweeps: int = 3
    piece: float = 500.0
    rate: float = 0.03
    patience: int | None = 60
    settle: float = 50.0
    time_limit: float | None = None

    def __post_init__(self) -> None:
        for name in ("restarts", "passive", "forced", "free", "generations", "population", "sweeps"):
            value, least = getattr(self, name), LEAST.get(name, 1)
            if not is_whole(value, least):
                raise ParameterError("FitRecipe", f"{name} = {value!r}", f"an integer >= {least}", "leave it out")
        if self.schedule is not None and not is_whole(self.schedule, max(1, self.forced)):
            expected = f"an integer >= forced = {self.forced}"
            raise ParameterError("FitRecipe", f"schedule = {self.schedule!r}", expected, "leave it out")
        for name in ("piece", "rate", "settle"):
            value = getattr(self, name)
            if not is_number(value, least=0):
                raise ParameterError("FitRecipe", f"{name} = {value!r}", "a finite number >= 0", "leave it out")
        if self.time_limit is not None and not is_number(self.time_limit, above=0):
            given = f"time_limit = {self.time_limit!r}"
            raise ParameterError("FitRecipe", given, "a number of seconds > 0", "leave it out for no limit")
