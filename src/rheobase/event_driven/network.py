"""The description of an event-driven network: its neurons and synapses, without the code that runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rheobase.errors import InputError, ParameterError, ShapeError, nearest
from rheobase.event_driven.checks import check_count, places, reals

KINDS = ("delta", "exponential", "step")  # in this order the compiled code knows them
# a network with more neurons or synapses than this is shown by its sizes
SHOWN = 24


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Integrate-and-fire neurons in continuous time, with delays and any wiring (Stein, 1965).

        tau_mem dv/dt = current + i_step + i_syn - v        dv/dt = current + i_step + i_syn   for tau_mem = inf
        tau_syn di_syn/dt = -i_syn
        spike when v >= v_threshold, then v <- v - reset

    A spike of `pre` reaches `post` after `delay`. By the kind of the synapse the weight is added there to v ("delta"),
    to i_syn ("exponential") or to i_step ("step": a current that is switched on for good; through a leaky membrane v
    answers with weight * (1 - exp(-t/tau_mem)), which starts at 0).

    `pre` numbers the neurons first and the external sources after them; `inputs` are the numbers of the sources.

    Parameters of neurons are numbers or arrays of shape (neurons,): tau_mem and tau_syn in ms, v_threshold, reset
    (v_threshold where None) and v_start in units of v, current in units of v (per ms without leak), max_spikes (inf;
    1 for time to first spike: a neuron that has spent its spikes goes on in silence). Those of synapses are arrays of
    shape (synapses,): weight in units of v (i_syn and i_step: per ms without leak), delay in ms.

    Raises: `ParameterError`, `ShapeError` or `InputError` for values without meaning, and for a loop of delta synapses
    without delay, in which cause and effect have no order.

    Reference: Stein, Biophys. J. 5, 173-194 (1965), doi 10.1016/S0006-3495(65)86709-1.

    Example, two neurons that a source excites at once:

        >>> net = Network(2, sources=1, tau_mem=10.0).connect([2], [0, 1], [[1.2], [0.7]], kind="delta", delay=0.5)
        >>> net.n_neurons, net.n_synapses, list(net.inputs)
        (2, 2, [2])
    """

    n_neurons: int
    sources: int = field(default=0, kw_only=True)
    tau_mem: Any = field(default=20.0, kw_only=True)
    tau_syn: Any = field(default=5.0, kw_only=True)
    v_threshold: Any = field(default=1.0, kw_only=True)
    reset: Any = field(default=None, kw_only=True)
    current: Any = field(default=0.0, kw_only=True)
    v_start: Any = field(default=0.0, kw_only=True)
    max_spikes: Any = field(default=np.inf, kw_only=True)
    pre: Any = field(default=(), kw_only=True)
    post: Any = field(default=(), kw_only=True)
    weight: Any = field(default=(), kw_only=True)
    delay: Any = field(default=(), kw_only=True)
    kind: Any = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        for name, least in (("n_neurons", 1), ("sources", 0)):
            check_count("Network", name, getattr(self, name), least, "count them")
        if self.reset is None:
            object.__setattr__(self, "reset", self.v_threshold)
        for name in PARAMETERS:
            self._set(name, _per_neuron(name, getattr(self, name), int(self.n_neurons)))
        for name in SYNAPSES:
            self._set(name, _SYNAPTIC[name]("Network", name, getattr(self, name)).ravel())
        _check_neurons(self)
        _check_synapses(self)

    def _set(self, name: str, value: NDArray[Any]) -> None:
        value.flags.writeable = False
        object.__setattr__(self, name, value)

    @property
    def n_synapses(self) -> int:
        """How many synapses there are, those of the sources included."""
        return len(self.pre)

    @property
    def inputs(self) -> range:
        """The numbers of the sources in `pre`."""
        return range(self.n_neurons, self.n_neurons + self.sources)

    @cached_property
    def fan_out(self) -> tuple[Any, Any, Any, Any, Any]:
        """The synapses by `pre`, then by delay: the start of each `pre`; post, weight, delay, index into KINDS."""
        order = np.lexsort((self.delay, self.pre))
        start = np.searchsorted(self.pre[order], np.arange(self.n_neurons + self.sources + 1))
        kind = np.searchsorted(KINDS, self.kind[order])
        return start, self.post[order], self.weight[order], self.delay[order], kind

    def connect(
        self,
        pre: Sequence[int] | NDArray[np.integer],
        post: Sequence[int] | NDArray[np.integer],
        weight: ArrayLike,
        *,
        delay: ArrayLike = 0.0,
        kind: str = "exponential",
    ) -> Network:
        """The network with synapses from `pre` to `post` added; a weight of 0 is no synapse.

        `weight`, and `delay` where it is not one number, have the shape (post, pre), as torch's layers have it.

        Raises: `ShapeError`, `DTypeError` for places that are no integers, and what `Network` raises.
        """
        before, after = (places("Network.connect", name, given) for name, given in (("pre", pre), ("post", post)))
        shape = (len(after), len(before))
        w = reals("Network.connect", "weight", weight)
        if w.shape != shape:
            raise ShapeError(
                "Network.connect", f"weight of shape {w.shape}", f"{shape}, which is (post, pre)", "transpose it"
            )
        d = reals("Network.connect", "delay", delay)
        if d.shape not in {(), shape}:
            raise ShapeError("Network.connect", f"delay of shape {d.shape}", f"() or {shape}", "one delay per weight")
        to, of = np.nonzero(w)
        more: dict[str, NDArray[Any]] = dict(
            pre=before[of],
            post=after[to],
            weight=w[to, of],
            delay=np.broadcast_to(d, shape)[to, of],
            kind=np.full(len(to), kind),
        )
        return replace(self, **{name: np.concatenate([getattr(self, name), new]) for name, new in more.items()})

    def __repr__(self) -> str:
        sizes = f"{self.n_neurons}, sources={self.sources}"
        if max(self.n_neurons, self.n_synapses) > SHOWN:
            return f"<Network: {self.n_neurons} neurons, {self.sources} sources, {self.n_synapses} synapses>"
        usual = {f.name: f.default for f in fields(self)} | {"reset": self.v_threshold}
        given = {name: _shown(getattr(self, name)) for name in PARAMETERS if np.any(getattr(self, name) != usual[name])}
        if self.n_synapses:
            given |= {name: repr(getattr(self, name).tolist()) for name in SYNAPSES}
        return f"Network({', '.join([sizes, *(f'{name}={value}' for name, value in given.items())])})"


PARAMETERS = ("tau_mem", "tau_syn", "v_threshold", "reset", "current", "v_start", "max_spikes")
SYNAPSES = ("pre", "post", "weight", "delay", "kind")


def _words(owner: str, name: str, given: Any) -> NDArray[np.str_]:
    return np.array(given, np.str_)


_SYNAPTIC: dict[str, Callable[[str, str, Any], NDArray[Any]]] = {
    "pre": places,
    "post": places,
    "weight": reals,
    "delay": reals,
    "kind": _words,
}


def _shown(value: NDArray[Any]) -> str:
    same = bool((value == value[0]).all())
    return repr(value[0].item() if same else value.tolist()).replace("inf", "float('inf')")


def _per_neuron(name: str, value: Any, n: int) -> NDArray[np.float64]:
    found = reals("Network", name, value)
    if found.shape not in {(), (1,), (n,)}:
        raise ShapeError("Network", f"{name} of shape {found.shape}", f"() or ({n},)", "one value per neuron")
    return np.broadcast_to(found, n).copy()


def _refuse(net: Network, name: str, wrong: NDArray[np.bool_], expected: str, remedy: str) -> None:
    """Name the first value that is wrong, if there is one."""
    if bool(wrong.any()):
        at = int(np.argmax(wrong))
        raise ParameterError("Network", f"{name}[{at}] = {getattr(net, name)[at]}", expected, remedy)


def _check_neurons(net: Network) -> None:
    for name in PARAMETERS:
        value = getattr(net, name)
        infinite = name in {"tau_mem", "max_spikes"}
        if bool(np.isnan(value).any()) or (not infinite and not bool(np.isfinite(value).all())):
            raise InputError("Network", f"{name} with NaN or infinity", "finite values", "look where it was computed")
    _refuse(net, "tau_mem", ~(net.tau_mem > 0.0), "a time constant above 0 ms", "inf is no leak")
    _refuse(net, "tau_syn", ~(net.tau_syn > 0.0), "a time constant above 0 ms", 'without one, use kind="delta"')
    _refuse(net, "v_threshold", ~(net.v_threshold > 0.0), "a threshold above 0, where v rests", "measure v from rest")
    _refuse(net, "reset", ~(net.reset > 0.0), "an amount above 0", "None subtracts the threshold")
    whole = (net.max_spikes >= 0) & (np.floor(net.max_spikes) == net.max_spikes)
    _refuse(net, "max_spikes", ~whole, "a whole number of spikes, or inf", "round it")


def _check_synapses(net: Network) -> None:
    lengths = {name: len(getattr(net, name)) for name in SYNAPSES}
    if len(set(lengths.values())) > 1:
        raise ShapeError("Network", f"synapses of lengths {lengths}", "one length", "let `connect` write them")
    for name in ("weight", "delay"):
        if not bool(np.isfinite(getattr(net, name)).all()):
            raise InputError("Network", f"{name} with NaN or infinity", "finite values", "look where it was computed")
    last = net.n_neurons + net.sources - 1
    _refuse(net, "pre", (net.pre < 0) | (net.pre > last), f"0 to {last}", "sources are counted after the neurons")
    _refuse(net, "post", (net.post < 0) | (net.post >= net.n_neurons), f"0 to {net.n_neurons - 1}", "count from 0")
    _refuse(net, "delay", net.delay < 0.0, "a delay of 0 ms or more", "an effect comes after its cause")
    unknown = ~np.isin(net.kind, KINDS)
    if bool(unknown.any()):
        given = str(net.kind[np.argmax(unknown)])
        raise ParameterError("Network", f"kind={given!r}", f"one of {KINDS}", nearest(given, KINDS))
    _refuse_loop(net)


def _refuse_loop(net: Network) -> None:
    """Raise if delta synapses without delay close a loop. The other kinds act on v a moment later, so they may."""
    instant = (net.kind == "delta") & (net.delay == 0.0)
    pre, post = net.pre[instant], net.post[instant]
    while len(pre):
        # a synapse from a neuron that no other one reaches is in no loop
        reached = np.isin(pre, post)
        if bool(reached.all()):
            around = sorted(set(pre.tolist()) & set(post.tolist()))
            raise ParameterError(
                "Network",
                f"a loop of delta synapses without delay among the neurons {around[:8]}",
                "an order of cause and effect",
                "give one of its synapses a delay",
            )
        pre, post = pre[reached], post[reached]
