"""Input from many sources that are not simulated one by one: their spikes in a step are a Poisson number."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

from torch import Tensor

from rheobase.checks import is_number
from rheobase.core.declaration.words import ParamSpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.random_numbers import MOST, ROUNDED, poisson
from rheobase.core.wrappers.noise import OnInput
from rheobase.errors import ParameterError

MANY = "a smaller dt, or the normal numbers of Noisy for so many spikes"


class PoissonInput(OnInput):
    """Adds the spikes of a Poisson process to the input: `weight` for each that arrives in a step.

        input + weight N,      N ~ Poisson(rate dt), anew for every step and lane

    `rate` is the sum of the rates of all sources, in 1/ms (per step, for a neuron without dt): 1,000 sources of 8 Hz
    are 8 per ms. `weight` has the unit of the input, so a jump by J of a LIF's voltage, whose input acts for dt, is
    a weight of about J tau_mem / (r dt). Where a neuron has several inputs, `entry` names the one. Seeds and draws
    are as with `Noisy`: anew for each run unless a `seed` is given, and a run in pieces equals a whole one.

    The cost of a step grows with `most`, the largest allowed mean count of a step (rate dt): by default the smallest
    power of two not below that of the given rates, at least 2^-6 and at most 64. A rate assigned later must not exceed
    it. One that is changed in place and exceeds it gives NaN, and the run ends in `errors.Diverged`. Counts pass no
    gradient to `rate`.

    The counterpart of NEST's poisson_generator and Brian2's PoissonInput, with one process for each neuron.

    >>> import torch
    >>> from rheobase import neurons
    >>> cell = PoissonInput(neurons.LI(1000, dt=0.1), rate=8.0, weight=1.0, seed=1)
    >>> cell.most
    1.0
    >>> spikes, _ = PoissonInput(neurons.IF(1000, dt=0.1), rate=8.0, weight=1.0, seed=1)(torch.zeros(100, 1, 1000))
    >>> 0.07 < float(spikes.mean()) < 0.08  # each arrival adds 0.1, a tenth of the threshold
    True
    """

    own_params: ClassVar = {
        "rate": ParamSpec(1.0, "1/ms", "rate of all sources together", name="rate"),
        "weight": ParamSpec(1.0, "1", "what a spike adds to the input", name="weight"),
    }
    rate: Tensor
    weight: Tensor
    most: float = MOST

    def __init__(
        self,
        neuron: Neuron,
        *,
        rate: float | Tensor = 1.0,
        weight: float | Tensor = 1.0,
        most: float | None = None,
        seed: int | None = None,
        entry: str | None = None,
    ):
        super().__init__(neuron, seed=seed, rate=rate, weight=weight)
        self._take(entry)
        units = {"rate": "1" if neuron.dt is None else "1/ms", "weight": neuron.entries[self.entry].unit}
        changed = {name: dataclasses.replace(self.params[name], unit=unit) for name, unit in units.items()}
        self.params = {**self.params, **changed}
        mean = self._mean(self.rate)
        if most is not None and not (is_number(most, least=mean / ROUNDED, most=MOST) and most > 0.0):
            expected = f"a number above 0, from {mean:g} (rate dt) to {MOST:g}"
            raise ParameterError("PoissonInput", f"most = {most!r}", expected, MANY)
        self.most = _holding(mean) if most is None else float(most)

    def _mean(self, rate: Tensor) -> float:
        """The largest mean of a step."""
        return float(rate.max()) * (1.0 if self.dt is None else self.dt)

    def _check(self, name: str, value: Tensor) -> None:
        super()._check(name, value)
        if name != "rate":
            return
        if float(value.min()) < 0.0:
            given = f"rate = {float(value.min()):g}"
            raise ParameterError("PoissonInput", given, "rates of 0 or more", "inhibit by a weight < 0")
        if (mean := self._mean(value)) > self.most * ROUNDED:
            given = f"rate = {float(value.max()):g}: {mean:g} spikes in a step"
            raise ParameterError("PoissonInput", given, f"{self.most:g} (`most`) or less", MANY)

    def _arguments(self) -> dict[str, Any]:
        most = {} if self.most == _holding(self._mean(self.rate)) else {"most": self.most}
        return {**super()._arguments(), **most}

    def transition(self, s: Any, i: Any) -> Transition:
        dt = 1.0 if self.dt is None else self.dt

        def change(one: Any) -> Any:
            return one + self.weight * poisson(one, self.rate * dt, s.rng, most=self.most)

        return self._with_input(s, i, change)


def _holding(mean: float) -> float:
    """The power of two that is the bound of a mean, from 2**-6."""
    return 2.0 ** math.ceil(math.log2(max(mean / ROUNDED, 2.0**-6)))
