"""Kinetic (Markov) schemes: probabilities of states between which transitions lead, stepped implicitly.

    dp_a/dt = sum over transitions into a of rate * p_source  -  p_a * sum over transitions out of a of rate

A step is backward Euler, p' = (1 - dt G)^-1 p. The system is eliminated state by state in a form without subtractions
(Grassmann, Taksar & Heyman): what leaves a state is kept as a sum of its outflows, never as a difference. So every
probability stays positive and is exact to some ulp, in float32 as well, however stiff the rates are.

The gradient of a step is one more solution by the same elimination: (1 - dt G) dp' = dp + dt dG p'. A kernel takes it
from there, for less than what it costs to go back through the elimination.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.core.primitives import derived
from rheobase.errors import DeclarationError, nearest


class Reaction(NamedTuple):
    """A transition between two states and back, with its rates in 1/ms."""

    source: str
    target: str
    forward: Any
    backward: Any


class Eliminated(NamedTuple):
    """An eliminated state: the inverse of its pivot, its inflows from the remaining states and its shares to them."""

    name: str
    per: Any
    into: Mapping[str, Any]
    share: Mapping[str, Any]


def check_scheme(owner: str, states: Iterable[str], reactions: Sequence[Reaction]) -> None:
    """Raise `DeclarationError` for a transition from or to something that is no state, to itself, or that stands twice.

    >>> check_scheme("K", ("open", "closed"), [Reaction("closed", "open", 1.0, 2.0)])
    """
    known, pairs = list(states), set[frozenset[str]]()
    for reaction in reactions:
        for name in reaction[:2]:
            if name not in known:
                raise DeclarationError(owner, f"a transition of {name!r}", "the name of a state", nearest(name, known))
        if reaction.source == reaction.target:
            given = f"a transition from {reaction.source} to itself"
            raise DeclarationError(owner, given, "two different states", "leave it out: it changes nothing")
        pair = frozenset(reaction[:2])
        if pair in pairs:
            given = f"two transitions between {reaction.source} and {reaction.target}"
            remedy = "add their rates; a transition has one to its target and one back"
            raise DeclarationError(owner, given, "one for each pair of states", remedy)
        pairs.add(pair)


def backward_euler(p: Mapping[str, Any], reactions: Sequence[Reaction], dt: Any) -> dict[str, Any]:
    """The probabilities after one step of backward Euler, their sum 1 again but for rounding.

    Reference: Grassmann, Taksar & Heyman, Oper. Res. 33, 1107-1116 (1985), doi 10.1287/opre.33.5.1107.

    >>> a, b = torch.tensor(1.0, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64)
    >>> after = backward_euler(dict(a=a, b=b), [Reaction("a", "b", 3.0, 1.0)], dt=0.5)
    >>> [round(float(x), 12) for x in after.values()]
    [0.5, 0.5]
    """
    flow = _outflows(reactions, dt)
    steps = _eliminated(p, flow)
    after = _solved(steps, p)
    after = derived(after, lambda: _linear(steps, p, after, flow))
    # one Newton step towards a sum of 1, from which rounding drifts over thousands of steps
    scale = 2.0 - _total([*after.values()])
    return {name: after[name] * scale for name in p}


def stationary(states: Iterable[str], reactions: Sequence[Reaction]) -> dict[str, Tensor]:
    """The probabilities at which nothing changes, in float64; the rates broadcast with each other.

    >>> {k: float(x) for k, x in stationary("ab", [Reaction("a", "b", torch.tensor(3.0), torch.tensor(1.0))]).items()}
    {'a': 0.25, 'b': 0.75}
    """
    names = list(states)
    rates = torch.broadcast_tensors(*(torch.as_tensor(r, dtype=torch.float64) for x in reactions for r in x[2:]))
    made = [Reaction(*x[:2], rates[2 * k], rates[2 * k + 1]) for k, x in enumerate(reactions)]
    flow = _outflows(made, 1.0)
    removed = list[tuple[str, dict[str, Tensor]]]()
    *rest, last = _order(names, flow)
    for k in rest:
        out = flow.pop(k)
        into = {i: flow[i].pop(k) for i in flow if k in flow[i]}
        total = _total([*out.values()])
        for i, a in into.items():
            for j, b in out.items():
                if i != j:
                    flow[i][j] = flow[i].get(j, 0.0) + a * (b / total)
        removed.append((k, {i: a / total for i, a in into.items()}))
    weights = {last: torch.ones_like(rates[0])}
    for k, into in reversed(removed):
        weights[k] = _total([weights[i] * a for i, a in into.items()])
    whole = _total([*weights.values()])
    return {name: weights[name] / whole for name in names}


def _eliminated(states: Iterable[str], flow: Mapping[str, Mapping[str, Any]]) -> list[Eliminated]:
    """The elimination of 1 - dt G, state by state."""
    left = {name: dict(out) for name, out in flow.items()}
    stays, found = dict[str, Any].fromkeys(states, 1.0), list[Eliminated]()
    for k in _order(states, left):
        out = left.pop(k)
        into = {i: left[i].pop(k) for i in left if k in left[i]}
        # 1/d, where d is what leaves k and what stays of it
        per = 1.0 / _total([*out.values(), stays[k]])
        share = {j: a * per for j, a in out.items()}
        kept = stays[k] * per
        for i, a in into.items():
            for j, s in share.items():
                if i != j:
                    left[i][j] = left[i][j] + a * s if j in left[i] else a * s
            stays[i] = stays[i] + a * kept
        found.append(Eliminated(k, per, into, share))
    return found


def _solved(steps: Sequence[Eliminated], right: Mapping[str, Any]) -> dict[str, Any]:
    """The solution x of (1 - dt G) x = right."""
    mass, found = dict(right), dict[str, Any]()
    for k, _, _, share in steps:
        for j, s in share.items():
            mass[j] = mass[j] + mass[k] * s
    for k, per, into, _ in reversed(steps):
        found[k] = per * _total([mass[k], *(a * found[i] for i, a in into.items())])
    return found


def _linear(
    steps: Sequence[Eliminated], p: Mapping[str, Any], after: Mapping[str, Any], flow: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """An expression that has the derivative of the solution `after` and is linear in `p` and `flow`.

    It is the right side of (1 - dt G) dp' = dp + dt dG p', solved with the same elimination, which is held constant.
    """
    right = dict(p)
    for i, out in flow.items():
        constant = _detached(after[i])
        for j, a in out.items():
            moved = constant * a
            right[i], right[j] = right[i] - moved, right[j] + moved
    constants = [
        Eliminated(k, _detached(per), _all_detached(into), _all_detached(share)) for k, per, into, share in steps
    ]
    return _solved(constants, right)


def _detached(x: Any) -> Any:
    return x.detach() if isinstance(x, Tensor) else x


def _all_detached(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _detached(x) for name, x in values.items()}


def _outflows(reactions: Sequence[Reaction], dt: Any) -> dict[str, dict[str, Any]]:
    """For each state, dt times the rate to each state that it leads to."""
    flow: dict[str, dict[str, Any]] = {}
    for source, target, forward, backward in reactions:
        flow.setdefault(source, {})[target] = dt * forward
        flow.setdefault(target, {})[source] = dt * backward
    return flow


def _order(states: Iterable[str], flow: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The order of elimination: fewest neighbours first (minimum degree), which creates the fewest new terms.

    Ties go to the state that depends on the fewest eliminations before it, so that the two halves of a chain are
    eliminated from both ends, independently of each other.
    """
    links = {name: set(flow.get(name, ())) for name in states}
    order, waits = list[str](), dict.fromkeys(links, 0)
    while links:
        k = min(links, key=lambda name: (len(links[name]), waits[name]))
        near = links.pop(k)
        for i in near:
            links[i] = (links[i] | near) - {i, k}
            waits[i] = max(waits[i], waits[k] + 1)
        order.append(k)
    return order


def _total(terms: Sequence[Any]) -> Any:
    found = terms[0]
    for term in terms[1:]:
        found = found + term
    return found


__all__ = ["Reaction", "backward_euler", "check_scheme", "stationary"]
