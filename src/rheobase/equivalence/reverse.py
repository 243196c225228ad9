"""From neurons that spike once to neurons that spike often, in discrete time."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.core.bound import Bound
from rheobase.core.neuron import Neuron
from rheobase.equivalence.assumptions import ONE_SHOT, PERSISTENT, refused
from rheobase.equivalence.cascade import CascadeIF
from rheobase.equivalence.certificate import Certificate
from rheobase.equivalence.discrete import compare
from rheobase.equivalence.measure import highest_potentials, margins
from rheobase.equivalence.one_shot import OneShot
from rheobase.equivalence.rebuild import Group, cells, neurons_of, rebuilt, synapses_of
from rheobase.equivalence.reverse_neurons import Autapse, Cancelling
from rheobase.equivalence.squarefree import MOST_PASSAGES, bound, square_free
from rheobase.equivalence.step_lif import StepLIF
from rheobase.errors import ParameterError, nearest
from rheobase.neurons import IF, LIF, CubaLIF
from rheobase.nn.sequential import Sequential

WAYS = ("auto", "moebius", "autapse")
HEADROOM = 2.0  # of an autapse, over what the horizon needs


@dataclass(frozen=True)
class _Chosen:
    """How a layer is converted."""

    group: Group
    provided: int  # spikes
    bound: float  # neurons for each one
    condition: str


def to_multi_spike(
    network: nn.Module,
    *,
    how: str = "auto",
    inputs: Tensor | None = None,
    horizon: int | None = None,
    largest: float | Sequence[float] | None = None,
) -> tuple[Sequential, Certificate]:
    """The network with every one-shot neuron replaced by neurons that may spike often.

    `rheobase.equivalence.to_multi_spike` documents arguments and errors.
    """
    if how not in WAYS:
        raise ParameterError("to_multi_spike", f"how = {how!r}", ", ".join(WAYS), nearest(str(how), WAYS))
    found = cells(network)
    for cell in found:
        if not isinstance(cell, OneShot):
            remedy = "wrap its neurons in equivalence.OneShot, or use to_single_spike first"
            raise refused(cell, "neurons that may spike often", ONE_SHOT, remedy)
    if horizon is not None and (isinstance(horizon, bool) or not isinstance(horizon, Integral) or horizon < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError("to_multi_spike", f"horizon = {horizon!r}", "a whole number of steps >= 1", "horizon=100")
    steps = len(inputs) if inputs is not None else horizon
    if steps is None or (largest is None and inputs is None):
        given = "no inputs, and not both of horizon and largest"
        remedy = "inputs=x of shape (time, batch, ...), or horizon in steps and largest in thresholds"
        raise ParameterError("to_multi_spike", given, "what the free potential may reach", remedy)
    if largest is not None:
        peaks, measured = _given(largest, len(found)), "as given"
    else:
        peaks, measured = highest_potentials(network, inputs), "measured on the given inputs"  # type: ignore[arg-type]
    chosen = [_chosen(cell, how, peak, steps, measured) for cell, peak in zip(found, peaks, strict=True)]
    wide = rebuilt(network, [one.group for one in chosen])
    compared, mismatches = (0, None) if inputs is None else compare(network, wide, inputs)
    conditions = (
        *dict.fromkeys(one.condition for one in chosen),
        "synapses and delays are linear, and those of a group are weighed by its coefficients: by construction",
        "sums over synapses are exact, or no potential comes nearer to its threshold than their rounding",
    )
    names = dict.fromkeys(
        "Moebius inversion" if isinstance(one.group.neuron, Cancelling) else "autapse" for one in chosen
    )
    sizes = [math.prod(cell.shape) for cell in found]
    certificate = Certificate(
        construction=f"{' and '.join(names)}, discrete time",
        max_spikes=tuple(one.provided for one in chosen),
        neurons_before=neurons_of(network),
        neurons_after=neurons_of(wide),
        neurons_bound=math.floor(sum(one.bound * size for one, size in zip(chosen, sizes, strict=True))),
        synapses_before=synapses_of(network),
        synapses_after=synapses_of(wide),
        conditions=conditions,
        margin=None if inputs is None else margins(network, inputs),
        compared=compared,
        mismatches=mismatches,
    )
    return wide, certificate


def _given(largest: float | Sequence[float], layers: int) -> tuple[float, ...]:
    """The highest free potentials as they were given, one for each layer."""
    given = tuple(largest) if isinstance(largest, Sequence) else (largest,) * layers
    found = tuple(float(peak) for peak in given if isinstance(peak, Real) and not isinstance(peak, bool))
    if not len(found) == len(given) == layers or not all(-math.inf < peak < MOST_PASSAGES for peak in found):
        expected = f"a finite number of thresholds below {MOST_PASSAGES}, or one for each of {layers} spiking layers"
        raise ParameterError("to_multi_spike", f"largest = {largest!r}", expected, "measure it on inputs")
    return found


def _chosen(cell: Neuron, how: str, peak: float, steps: int, measured: str) -> _Chosen:
    inner: Any = cell.neuron
    persistent = isinstance(inner, IF) or (isinstance(inner, StepLIF) and bool((inner.decay == 1.0).all()))
    if how == "moebius" and not persistent:
        raise refused(inner, "a reset that decays", PERSISTENT, 'how="autapse" suits any decay')
    if not isinstance(inner, IF | LIF | CubaLIF | StepLIF):
        expected = "a membrane v of which a known share is left after a step: IF, LIF, CubaLIF or StepLIF"
        raise refused(inner, f"a {type(inner).__name__}", expected, "use one of these neurons")
    if how == "moebius" or (how == "auto" and persistent):
        return _cancelling(cell, inner, max(1, math.floor(peak)), measured)
    return _autapse(cell, inner, peak, steps, measured)


def _cancelling(cell: Any, inner: Any, n: int, measured: str) -> _Chosen:
    members = square_free(n)
    values = inner.values()
    gain = inner.dt * values["r"] if isinstance(inner, IF) else values["gain"]
    base, lanes = values["v_threshold"].detach(), inner.shape[0]
    multiples = base.new_tensor(members).repeat(lanes).view(-1, *(1,) * (len(inner.shape) - 1))
    cascade = CascadeIF(len(members) * lanes, *inner.shape[1:], gain=1.0).to(base)
    for name, value in (("gain", gain.detach()), ("v_threshold", base)):
        if value.dim() == len(inner.shape) and value.shape[0] == lanes:
            value = value.repeat_interleave(len(members), 0)
        cascade.assign(name, multiples * value if name == "v_threshold" else value)
    group = Cancelling(cascade, members=members, copies=cell.copies)
    signs = group.coefficients[: len(members)]
    condition = (
        f"the free potential passes at most {n} multiples of its threshold, {measured}; the reset is persistent; a "
        "neuron spikes as often in a step as its potential passes its threshold"
    )
    return _Chosen(Group(group, signs), n, n * bound(n), condition)


def _autapse(cell: Any, inner: Any, peak: float, steps: int, measured: str) -> _Chosen:
    decay = share_left(inner)
    threshold = float(inner.v_threshold.max())
    if decay <= 0.0:
        raise refused(inner, "a membrane that forgets all in a step", "a share that is left", "a smaller dt")
    # a power of two, so that no bit of a potential is lost to it that need not be
    exponent = math.ceil(math.log2(HEADROOM * max(peak, 1.0) * threshold) - steps * math.log2(decay))
    if exponent >= math.log2(torch.finfo(inner.v_threshold.dtype).max) - 2:
        given = f"{steps} steps of decay {decay:.4g}: an autapse of 2^{exponent}"
        raise refused(inner, given, "an autapse that outlasts the horizon and is a number", "fewer steps, or float64")
    neuron = copy.deepcopy(inner)
    group = Autapse(neuron, autapse=2.0**exponent, copies=cell.copies).to(inner.v_threshold)
    condition = (
        f"the free potential stays below {peak:.4g} thresholds ({measured}) for {steps} steps: an autapse of "
        f"2^{exponent} keeps a neuron that has spiked below its threshold"
    )
    return _Chosen(Group(group, (1.0,)), 1, 1.0, condition)


def share_left(neuron: Neuron) -> float:
    """The smallest share of the membrane potential v that is left after a step without a spike.

    >>> round(share_left(LIF(3, dt=1.0, tau_mem=20.0)), 4), share_left(IF(3, dt=1.0))
    (0.9512, 1.0)
    """
    twin = copy.deepcopy(neuron).double().cpu()
    values = {name: value.detach() for name, value in twin.values().items()}
    rest = twin.rest(1)
    still = torch.zeros_like(rest.v)
    with torch.no_grad():
        low, high = (
            _Silent(twin, values, twin.dt).transition(rest._replace(v=still + v), still).pre.v for v in (0.0, 1.0)
        )
    return float((high - low).min())


class _Silent(Bound):
    """The `self` of a neuron that never fires."""

    def fire(self, x: Any) -> Any:
        return torch.zeros_like(x)
