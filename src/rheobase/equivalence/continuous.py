"""Conversions between neurons that spike once and often in continuous time, for networks of `event_driven`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rheobase.equivalence.certificate import Certificate
from rheobase.equivalence.squarefree import MOST_PASSAGES, bound, moebius, square_free
from rheobase.errors import NotRepresentable, ParameterError, nearest
from rheobase.event_driven import Network, Spikes, run
from rheobase.event_driven.checks import reals
from rheobase.event_driven.network import PARAMETERS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Inputs = tuple[ArrayLike, ArrayLike]

WAYS = ("auto", "moebius", "autapse")
# spikes of one group nearer than this share of the horizon are one instant: they differ by rounding alone
SAME = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Groups(Network):
    """A network in which groups of neurons, side by side, represent the neurons of another network.

    `origin`: the neuron that each represents; `coefficient`: the weight of its spikes in the sum over its group.
    Shapes: (neurons,).
    """

    origin: Any = field(default=(), kw_only=True)
    coefficient: Any = field(default=(), kw_only=True)

    def trains(self, spikes: Spikes) -> Spikes:
        """The spikes of the neurons that the groups represent, without those that cancel.

        Raises: `ParameterError` where the coefficients of one instant sum to less than 0, which no neuron can emit.
        """
        n = int(self.origin[-1]) + 1
        neuron, count = self.origin[spikes.neuron], self.coefficient[spikes.neuron]
        if not bool((self.coefficient == 1.0).all()):
            order = np.lexsort((spikes.time, neuron))
            neuron, time, count = neuron[order], spikes.time[order], count[order]
            new = np.ones(len(time), np.bool_)
            new[1:] = (neuron[1:] != neuron[:-1]) | (np.diff(time) > SAME * spikes.t_stop)
            (first,) = np.nonzero(new)
            sums = np.rint(np.add.reduceat(count, first) if len(first) else count).astype(np.int64)
            if bool((sums < 0).any()):
                at = first[np.argmin(sums)]
                given = f"{sums.min()} spikes of neuron {neuron[at]} at {time[at]:.9g} ms"
                raise ParameterError("Groups.trains", given, "0 or more", "provide for more spikes: `largest`")
            neuron, time = np.repeat(neuron[first], sums), np.repeat(time[first], sums)
        else:
            time = spikes.time
        order = np.lexsort((neuron, time))
        return Spikes(n, neuron[order], time[order], arrivals=spikes.arrivals, t_stop=spikes.t_stop)


def to_single_spike(
    network: Network,
    max_spikes: int | Sequence[int] | None = None,
    *,
    inputs: Inputs | None = None,
    t_stop: float | None = None,
) -> tuple[Groups, Certificate]:
    """The network with every neuron replaced by copies that spike once; copy k fires at the k-th spike.

    With U the potential that no spike has reset and eta the decay of a reset (1 without leak, else exp(-t/tau_mem)),

        neuron   v   = U - reset sum_f eta(t - t_f),                     fires at v >= v_threshold
        copy k   v_k = U + reset sum_(l<k) (1 - eta(t - t_l)),           fires at v_k >= v_threshold + (k - 1) reset

    have the same spikes: v_k less its threshold is v less its own while k - 1 spikes have been, and below 0 before. The
    term of copy l is the answer of the membrane to a current `reset` that its spike switches on for good: a "step"
    synapse, none without leak. Synapses and delays are the same from and to all copies.

    `max_spikes`: one number, or one for each neuron; what `inputs` until `t_stop` (ms) need where None. With `t_stop`
    the certificate compares both networks on `inputs`: (numbers of sources, times in ms), None for none.

    Raises: `ParameterError` for max_spikes below 1, or none and no `t_stop`; `Unfinished` from the runs.

    Numerics: exact but for rounding, of relative 1e-16 for each event, as long as `margin` is above it.

    Differs from the paper: its proofs could not be read; a construction of our own.

    Reference: Dold & Petersen, arXiv 2603.13478 (2026).

    >>> one, certificate = to_single_spike(Network(1, tau_mem=10.0, current=2.0), t_stop=25.0)
    >>> one.n_neurons, run(one, t_stop=25.0).time, certificate.mismatches
    (3, array([ 6.93147181, 13.86294361, 20.79441542]), 0)
    """
    before = None if t_stop is None else run(network, inputs, t_stop=t_stop)
    copies = _copies(network, max_spikes, before)
    last = np.cumsum(copies)
    origin = np.repeat(np.arange(network.n_neurons), copies)
    rank = np.arange(len(origin)) - np.repeat(last - copies, copies)  # k - 1
    wide = _spread(network, copies, np.ones(len(origin)))
    wide = replace(wide, v_threshold=wide.v_threshold + rank * wide.reset, max_spikes=np.minimum(wide.max_spikes, 1.0))
    # lateral synapses, from every copy of a leaky neuron to those after it
    after = np.where(np.isfinite(wide.tau_mem), np.repeat(last, copies) - np.arange(len(origin)) - 1, 0)
    pre = np.repeat(np.arange(len(origin)), after)
    post = pre + 1 + np.arange(len(pre)) - np.repeat(np.cumsum(after) - after, after)
    wide = _joined(wide, pre, post, wide.reset[pre], "step")
    counts = sorted({int(k) for k in copies})
    conditions = (
        f"no neuron spikes more often than it has copies ({counts[0]} to {counts[-1]}): "
        + ("not checked, no t_stop was given" if before is None else "true on the given inputs"),
        "what a spike subtracts decays with the membrane alone: so it is in every event_driven.Network",
        "synapses and delays of all copies of a neuron are equal: by construction",
        "at one instant everything arrives before anything fires, and a neuron fires for each threshold passed",
    )
    certificate = Certificate(
        construction="threshold staircase, continuous time",
        max_spikes=(int(copies.max()),),
        neurons_before=network.n_neurons,
        neurons_after=wide.n_neurons,
        neurons_bound=int(copies.max()) * network.n_neurons,
        synapses_before=network.n_synapses,
        synapses_after=wide.n_synapses,
        conditions=conditions,
    )
    return wide, _compared(certificate, before, wide, inputs)


def to_multi_spike(
    network: Network,
    *,
    how: str = "auto",
    inputs: Inputs | None = None,
    t_stop: float | None = None,
    largest: ArrayLike | None = None,
) -> tuple[Groups, Certificate]:
    """The network of neurons that spike once (max_spikes = 1), made of neurons that may spike any number of times.

    `how="moebius"`: for each m without square factor up to N, a neuron with threshold and reset m v_threshold and
    outgoing weights mu(m) w. Where its reset persists, it fires at the passages t_m, t_2m, ... of the free potential U
    through multiples of the threshold; at t_n the weights sum to the sum of mu(m) over the divisors m of n, which is 1
    at the first passage and 0 at all others. It needs U < (N + 1) v_threshold. A reset that decays is made to persist
    by a "step" synapse of weight -m v_threshold onto the neuron itself.

    `how="autapse"`: one neuron, whose reset also takes what a synapse of weight -W onto itself would: with leak,
    W = max U exp(t_stop / tau_mem) outlasts the horizon; without, W = max U.

    `how="auto"`: "moebius" where no neuron leaks, else "autapse". `largest`: what U may reach, in thresholds, one
    number or one for each neuron; measured on `inputs` until `t_stop` (ms) where None.

    Raises: `NotRepresentable` with the assumption that the network breaks; `ParameterError` without `t_stop` where it
    is needed; `Unfinished` from the runs.

    Numerics: passages that cancel are computed by several neurons and differ by rounding, so that what cancels acts for
    1e-16 of the time. Delta synapses would show it whole: they are refused behind neurons that fire between arrivals.

    Differs from the paper: its proofs could not be read; a construction of our own.

    Reference: Dold & Petersen, arXiv 2603.13478 (2026).

    >>> ttfs = Network(1, tau_mem=float("inf"), current=0.5, max_spikes=1)
    >>> many, certificate = to_multi_spike(ttfs, t_stop=13.0)
    >>> many.v_threshold, many.trains(run(many, t_stop=13.0)).time
    (array([1., 2., 3., 5., 6.]), array([2.]))
    """
    if how not in WAYS:
        raise ParameterError("to_multi_spike", f"how = {how!r}", ", ".join(WAYS), nearest(str(how), WAYS))
    if not bool((network.max_spikes == 1).all()):
        expected = "assumption: every neuron spikes once at most (max_spikes=1)"
        raise NotRepresentable("to_multi_spike", "neurons with another max_spikes", expected, "to_single_spike first")
    leaky = np.isfinite(network.tau_mem)
    way = how if how != "auto" else "autapse" if bool(leaky.any()) else "moebius"
    if t_stop is None and (largest is None or (way == "autapse" and bool(leaky.any()))):
        expected = "t_stop, the horizon in ms" + ("" if largest is not None else ", or how far U goes: largest")
        raise ParameterError("to_multi_spike", "no t_stop", expected, "name the end of the run")
    if largest is None:
        passages = _passages(network, inputs, float(t_stop or 0.0))
        measured = "measured on the given inputs"
    else:
        passages = _as_given(largest, network.n_neurons)
        measured = "as given"
    passages = np.maximum(passages, 1)
    wide = _moebius(network, passages) if way == "moebius" else _autapse(network, passages, t_stop)
    condition = f"U stays below {int(passages.max()) + 1} thresholds, each neuron's own number at most: {measured}"
    allowed = float(sum(bound(int(n)) * int(n) for n in passages)) if way == "moebius" else network.n_neurons
    certificate = Certificate(
        construction=f"{'Moebius inversion' if way == 'moebius' else 'autapse'}, continuous time",
        max_spikes=(int(passages.max()),),
        neurons_before=network.n_neurons,
        neurons_after=wide.n_neurons,
        neurons_bound=math.floor(allowed),
        synapses_before=network.n_synapses,
        synapses_after=wide.n_synapses,
        conditions=(condition, "synapses and delays within a group are equal but for mu(m): by construction"),
    )
    return wide, _compared(certificate, None if t_stop is None else run(network, inputs, t_stop=t_stop), wide, inputs)


def _as_given(largest: ArrayLike, n: int) -> Integers:
    """The whole thresholds below how far U goes."""
    given = reals("to_multi_spike", "largest", largest)
    if given.shape not in {(), (n,)} or not bool((np.isfinite(given) & (given < MOST_PASSAGES)).all()):
        expected = f"a finite number of thresholds below {MOST_PASSAGES}, or {n} of them"
        raise ParameterError("to_multi_spike", f"largest = {largest!r}", expected, "measure it on inputs")
    return np.broadcast_to(np.maximum(given, 0.0), n).astype(np.int64)


def differences(before: Spikes, after: Spikes) -> tuple[int, float]:
    """How many spikes of one have none in the other, and by how many ms the k-th spikes of each neuron differ at most.

    >>> a, b = Spikes(2, np.array([0, 0]), np.array([1.0, 2.0])), Spikes(2, np.array([0, 1]), np.array([1.5, 2.0]))
    >>> differences(a, b)
    (2, 0.5)
    """
    missing, apart = 0, 0.0
    for i in range(before.n_neurons):
        ours, theirs = before.of(i), after.of(i)
        both = min(len(ours), len(theirs))
        missing += len(ours) + len(theirs) - 2 * both
        apart = max(apart, float(np.abs(ours[:both] - theirs[:both]).max(initial=0.0)))
    return missing, apart


def _copies(network: Network, max_spikes: Any, before: Spikes | None) -> Integers:
    if max_spikes is None:
        if before is None:
            expected = "max_spikes, or t_stop to count them until then"
            raise ParameterError("to_single_spike", "neither max_spikes nor t_stop", expected, "max_spikes=16, say")
        return np.maximum(before.counts, 1)
    found = np.asarray(max_spikes)
    if found.shape not in {(), (network.n_neurons,)} or found.dtype.kind not in "iu" or bool((found < 1).any()):
        expected = f"an integer from 1 on, or {network.n_neurons} of them"
        raise ParameterError(
            "to_single_spike", f"max_spikes = {max_spikes!r}", expected, "count the spikes of a neuron"
        )
    # more copies than a neuron may fire would never do so
    return np.minimum(found, np.maximum(network.max_spikes, 1.0)).astype(np.int64)


def _spread(network: Network, copies: Integers, coefficient: Floats) -> Groups:
    """Each neuron `copies` times side by side, and each synapse from all copies to all copies, times `coefficient`."""
    n = int(copies.sum())
    each = np.concatenate([copies, np.ones(network.sources, np.int64)])
    first = np.cumsum(each) - each
    weigh = np.concatenate([coefficient, np.ones(network.sources)])
    times = each[network.pre] * copies[network.post]
    of = np.repeat(np.arange(network.n_synapses), times)
    within = np.arange(len(of)) - np.repeat(np.cumsum(times) - times, times)
    width = copies[network.post[of]]
    pre = first[network.pre[of]] + within // width
    return Groups(
        n,
        sources=network.sources,
        **{name: np.repeat(getattr(network, name), copies) for name in PARAMETERS},
        pre=pre,
        post=first[network.post[of]] + within % width,
        weight=network.weight[of] * weigh[pre],
        delay=network.delay[of],
        kind=network.kind[of],
        origin=np.repeat(np.arange(network.n_neurons), copies),
        coefficient=coefficient,
    )


def _joined(network: Groups, pre: Integers, post: Integers, weight: Floats, kind: str) -> Groups:
    """The network and synapses without delay."""
    more = dict(pre=pre, post=post, weight=weight, delay=np.zeros(len(pre)), kind=np.full(len(pre), kind))
    return replace(network, **{name: np.concatenate([getattr(network, name), new]) for name, new in more.items()})


def _persistent(network: Groups, which: NDArray[np.bool_]) -> Groups:
    """Those neurons with a reset that does not decay: what leaks of it is taken by a current of its own size."""
    (leaky,) = np.nonzero(which & np.isfinite(network.tau_mem))
    return _joined(network, leaky, leaky, -network.reset[leaky], "step")


def _passages(network: Network, inputs: Inputs | None, t_stop: float) -> Integers:
    """Through how many multiples of its threshold each neuron's free potential passes.

    A twin of every neuron, with its inputs and a reset that persists, counts them, and is heard by nobody.
    """
    n = network.n_neurons
    both = _spread(network, np.full(n, 2), np.ones(2 * n))
    twin = np.arange(2 * n) % 2 == 1
    heard = ~np.concatenate([twin, np.zeros(network.sources, np.bool_)])[both.pre]
    both = replace(
        both,
        max_spikes=np.where(twin, np.inf, both.max_spikes),
        reset=both.v_threshold,
        **{name: getattr(both, name)[heard] for name in ("pre", "post", "weight", "delay", "kind")},
    )
    return run(_persistent(both, twin), inputs, t_stop=t_stop).counts[1::2]


def _moebius(network: Network, passages: Integers) -> Groups:
    (delta,) = np.nonzero((network.kind == "delta") & (network.pre < network.n_neurons))
    driven = (network.current != 0.0) | np.isin(np.arange(network.n_neurons), network.post[network.kind != "delta"])
    shown = np.unique(network.pre[delta])
    if bool(driven[shown].any()):
        given = f"a delta synapse behind neuron {shown[driven[shown]][0]}, which a current drives"
        expected = (
            "assumption: before a delta synapse, spikes that cancel fall in one instant, which is that of an arrival"
        )
        raise NotRepresentable('to_multi_spike(how="moebius")', given, expected, 'how="autapse" does not cancel')
    members = [square_free(int(n)) for n in passages]
    copies = np.array([len(m) for m in members])
    multiple = np.concatenate([np.array(m, np.float64) for m in members])
    wide = _spread(network, copies, np.array([float(moebius(m)) for group in members for m in group]))
    threshold = wide.v_threshold * multiple
    wide = replace(wide, v_threshold=threshold, reset=threshold, max_spikes=np.inf)
    return _persistent(wide, np.ones(wide.n_neurons, np.bool_))


def _autapse(network: Network, passages: Integers, t_stop: float | None) -> Groups:
    highest = (passages + 1.0) * network.v_threshold
    leaky = np.isfinite(network.tau_mem)
    spans = np.where(leaky, (t_stop or 0.0) / network.tau_mem, 0.0)
    if float(spans.max()) > 600.0:
        given = f"a horizon of {spans.max():.4g} membrane time constants"
        expected = "assumption: self-inhibition that outlasts the horizon is a number that float64 can hold"
        raise NotRepresentable('to_multi_spike(how="autapse")', given, expected, 'shorten t_stop, or how="moebius"')
    wide = _spread(network, np.ones(network.n_neurons, np.int64), np.ones(network.n_neurons))
    return replace(wide, reset=wide.v_threshold + highest * np.exp(spans), max_spikes=np.inf)


def _compared(certificate: Certificate, before: Spikes | None, wide: Groups, inputs: Inputs | None) -> Certificate:
    """The certificate with what both networks do on the inputs, if there was a run."""
    if before is None:
        return certificate
    missing, apart = differences(before, wide.trains(run(wide, inputs, t_stop=before.t_stop)))
    return replace(
        certificate,
        margin=float(before.margin.min()),
        compared=len(before),
        mismatches=missing,
        conditions=(*certificate.conditions, f"spike times on the given inputs differ by {apart:.3g} ms at most"),
    )
