"""How a neuron's firing moves with its parameters: all values are lanes of one run."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.core.declaration.describe import allowed
from rheobase.core.declaration.inputs import driven
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import (
    LONG,
    WITHIN,
    check_kind,
    make,
    never_spikes,
    onsets,
    smallest_currents,
    time_step,
)
from rheobase.deprecated import renamed
from rheobase.errors import Diverged, ParameterError, nearest
from rheobase.firing import PATTERNS, firing_patterns, rates
from rheobase.progress import Progress
from rheobase.stimuli import Stimulus, step

AT_ONCE = 2_000_000  # steps of all lanes in one run: some seconds, with the search for the rheobase
MOST_POINTS = 10_000


@dataclass(frozen=True)
class ParameterSweep:
    """A neuron at each combination of parameter values, at rest at first, under one current.

    values    one or two parameters and their values, in the parameters' own units
    rate      by the mean interval, in Hz or per step; 0 where there are fewer than two spikes
    change    of the rate at half the time step, relative: infinite where one of the two has no rate, NaN where neither
              has one, and for neurons that count in steps
    pattern   in a word of `firing.PATTERNS`, as its index
    rheobase  the smallest constant current that makes it fire within 400 ms or steps; NaN where none was found

    Shapes: all tensors have an axis for each parameter, in their order.
    """

    kind: type[Declared]
    values: dict[str, Tensor]
    dt: float | None
    duration: float
    count: Tensor
    rate: Tensor
    change: Tensor
    pattern: Tensor
    rheobase: Tensor

    @property
    def rate_unit(self) -> str:
        """The unit of `rate`."""
        return "1/step" if self.dt is None else "Hz"

    @property
    def words(self) -> list[str]:
        """The pattern of each point in a word, the last parameter going first."""
        return [PATTERNS[k] for k in self.pattern.flatten().tolist()]

    @property
    def unsure(self) -> Tensor:
        """Where half the step says that the rate is not right within 1 % (`current_clamp.HalfStep`)."""
        changed = 2.0 * self.change.abs().nan_to_num(nan=0.0)
        crossing = getattr(self.kind, "crossing", False)
        rounding = torch.zeros_like(changed) if crossing or self.dt is None else 0.5e-3 * self.dt * self.rate
        return torch.maximum(changed, rounding) > WITHIN

    def points(self) -> Iterator[dict[str, float]]:
        """The values of the parameters at each point, in the order of the flattened tensors."""
        for combined in itertools.product(*(v.tolist() for v in self.values.values())):
            yield dict(zip(self.values, combined, strict=True))


@renamed(on_progress="progress")
def sweep(
    kind: type[Declared],
    values: Mapping[str, Sequence[float] | Tensor],
    current: float | Stimulus,
    *,
    duration: float = LONG,
    dt: float | None = None,
    onset: float = 0.0,
    progress: Progress = lambda done, total: None,
    **given: Any,
) -> ParameterSweep:
    """Run a neuron at each value of one parameter, or at each pair of values of two, under one current.

    `current` (of several inputs, the first) is a number, from the beginning on, or a `Stimulus`. `duration`, and
    `onset`, from which on the firing is judged, are in ms or steps. `given` are other parameters and options.

    Raises: `ParameterError` for parameters that there are not, values outside of what is allowed, and a neuron that
    never spikes; `Diverged` for states that become NaN or infinite, with the values at which they do.

    >>> from rheobase import neurons
    >>> found = sweep(neurons.LIF, {"tau_mem": [10.0, 20.0]}, 1.5)
    >>> found.words, [round(rate, 1) for rate in found.rate.tolist()], found.rheobase.tolist()
    (['tonic', 'tonic'], [90.9, 45.5], [1.0, 1.0])
    """
    check_kind("sweep", kind, given, dt=True)
    axes = _checked(kind, values, given)
    shape = tuple(len(v) for v in axes.values())
    lanes = dict(zip(axes, (x.flatten() for x in torch.meshgrid(*axes.values(), indexing="ij")), strict=True))
    total = math.prod(shape)
    parts: list[tuple[Tensor, ...]] = []
    clock = make(kind, 1, time_step(kind) if dt is None else dt).dt
    if not is_number(duration, above=0) or not 0 <= onset < duration:
        raise ParameterError("sweep", f"duration {duration!r}, onset {onset!r}", "0 <= onset < duration", "1000.0")
    if not isinstance(current, Stimulus) and not is_number(current):
        raise ParameterError("sweep", f"current = {current!r}", "a finite number, or a stimulus", "1.5, without a unit")
    stimulus = (current if isinstance(current, Stimulus) else step(float(current))).sample(duration, clock or 1.0)
    begins = round(onset / (clock or 1.0))
    if begins >= len(stimulus):
        given_ = f"onset {onset!r} of {duration!r}, in steps of {clock or 1.0:g}"
        raise ParameterError("sweep", given_, "a step after the onset, at least", "an earlier onset")
    for part in torch.arange(total).split(max(1, AT_ONCE // len(stimulus))):
        own = {name: x[part] for name, x in lanes.items()}
        neuron = make(kind, len(part), clock or time_step(kind), **given, **own)
        parts.append(_judged(neuron, own, stimulus, begins))
        progress(int(part[-1]) + 1, total)
    joined = (torch.cat(column).reshape(shape) for column in zip(*parts, strict=True))
    return ParameterSweep(kind, axes, clock, duration, *joined)


def _judged(neuron: Declared, own: Mapping[str, Tensor], stimulus: Tensor, begins: int) -> tuple[Tensor, ...]:
    """Count, rate, its change at half the step, pattern and rheobase of each lane."""
    spikes = _spikes(neuron, own, stimulus)[begins:]
    rate = rates(spikes, neuron.dt)
    change = torch.full_like(rate, math.nan)
    if neuron.dt is not None:
        finer = copy.deepcopy(neuron)
        finer.dt = neuron.dt / 2
        halved = rates(_spikes(finer, own, stimulus.repeat_interleave(2))[2 * begins :], finer.dt)
        both, one = (rate > 0) & (halved > 0), (rate > 0) != (halved > 0)
        change[both] = halved[both] / rate[both] - 1.0
        change[one] = math.inf
    least = [math.nan if current is None else current for current in smallest_currents(neuron)]
    return spikes.sum(0), rate, change, firing_patterns(spikes), torch.tensor(least, dtype=torch.float64)


def _spikes(neuron: Declared, own: Mapping[str, Tensor], stimulus: Tensor) -> Tensor:
    """When each lane fires, (time, lanes). Raises `Diverged`."""
    each = stimulus.view(-1, 1, 1).expand(-1, 1, neuron.shape[0]).contiguous()
    with torch.no_grad():
        out, end = neuron(driven(neuron, each), check_finite=False)
    for name in neuron.lane_states:
        bad = ~torch.isfinite(getattr(end, name)[0])
        if bool(bad.any()):
            at = int(bad.nonzero()[0])
            where = ", ".join(f"{k} = {float(x[at]):g}" for k, x in own.items())
            remedy = "take a shorter step (--dt) or a smaller range" if neuron.dt else "take a smaller range"
            raise Diverged(f"{type(neuron).__name__} at {where}", f"{name} = nan or inf", "finite states", remedy)
    return onsets(out, neuron.graded)[:, 0]


def _checked(
    kind: type[Declared], values: Mapping[str, Sequence[float] | Tensor], given: Mapping[str, Any]
) -> dict[str, Tensor]:
    """The values of each parameter, (n,) float64."""
    name = kind.__name__
    if never_spikes(kind):
        raise ParameterError(name, "an equation without a threshold", "a neuron that fires", "sweep(neurons.LIF, ...)")
    if not 1 <= len(values) <= 2:
        raise ParameterError(name, f"{len(values)} parameters", "one or two to vary", "vary two at a time")
    axes: dict[str, Tensor] = {}
    for parameter, wanted in values.items():
        if parameter not in kind.params:
            raise ParameterError(name, f"{parameter!r} to vary", "a parameter", nearest(parameter, kind.params))
        if kind.params[parameter].size:
            # as many values as it has entries would be one vector for all neurons
            varied = f"{parameter} to vary, of size {kind.params[parameter].size}"
            raise ParameterError(name, varied, "a parameter that is one number", "give the vectors to neurons yourself")
        if parameter in given:
            raise ParameterError(name, f"{parameter} to vary, and given", "one of them", "leave one out")
        try:
            axes[parameter] = torch.as_tensor(wanted, dtype=torch.float64)
        except (TypeError, ValueError) as error:
            expected = f"a list of numbers in {kind.params[parameter].unit}"
            raise ParameterError(name, f"values of {parameter} = {wanted!r:.60}", expected, "[10.0, 20.0]") from error
        if axes[parameter].dim() != 1 or not len(axes[parameter]):
            shape = tuple(axes[parameter].shape)
            raise ParameterError(name, f"values of {parameter} of shape {shape}", "(n,)", "a list of numbers")
        kind.params[parameter].check(name, axes[parameter])
        low, high = kind.params[parameter].clamp or (None, None)
        cut = axes[parameter].clamp(low, high) if low is not None or high is not None else axes[parameter]
        if not torch.equal(cut, axes[parameter]):
            beyond = float(axes[parameter][cut != axes[parameter]][0])
            given_, expected = f"{parameter} = {beyond:g}", f"values that are not {allowed(kind.params[parameter])}"
            raise ParameterError(name, given_, expected, "vary it within those ends")
    total = math.prod(len(x) for x in axes.values())
    if total > MOST_POINTS:
        raise ParameterError(name, f"{total} points", f"at most {MOST_POINTS}", "take fewer values of each")
    return axes


__all__ = ["ParameterSweep", "sweep"]
