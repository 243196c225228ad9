"""The function `insert` of a declaration: a channel in the membrane of a `PointNeuron`, and what it brings along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rheobase.checks import is_number
from rheobase.core.bound import Bound
from rheobase.core.declaration.elsewhere import class_elsewhere
from rheobase.core.declaration.words import ParamSpec, StateSpec, param
from rheobase.errors import DeclarationError, nearest

Names = tuple[tuple[str, str], ...]  # pairs (name in the channel, name in the neuron)


@dataclass(frozen=True, eq=False)
class Insertion:
    """The arguments of `insert`: the class of the channel, a named set, and what its names are mapped to."""

    kind: type[Any]
    set: str | None
    given: Mapping[str, str | float]


@dataclass(frozen=True, eq=False)
class Inserted:
    """A channel as part of a neuron: which name of the neuron stands for each name of the channel.

    Only the methods and options of `channel` are used; parameter values are those of the neuron.
    """

    channel: Any
    params: Names
    states: Names
    entries: Names

    def bound(self, neuron: Any) -> Bound:
        """The channel with the neuron's values, on which its equations are called."""
        values = {name: getattr(neuron, held) for name, held in self.params}
        return Bound(self.channel, values, neuron.dt, neuron.parts[-1] if isinstance(neuron, Bound) else None)

    def state(self, s: Any) -> Any:
        """The state of the channel, taken from the state of the neuron."""
        return self.channel.State(*(getattr(s, held) for _, held in self.states))

    def reads(self, neuron: Any, s: Any) -> Any:
        """The inputs of the channel, taken from the states and parameters of the neuron."""
        found = [getattr(s if held in s._fields else neuron, held) for _, held in self.entries]
        return found[0] if self.channel.Input is None else self.channel.Input(*found)

    def named(self, slopes: Mapping[str, Any]) -> dict[str, Any]:
        """The slopes of the channel's states, by the neuron's names for them."""
        return {held: slopes[name] for name, held in self.states}


def insert(kind: type[Any], set: str | None = None, /, **given: str | float) -> Any:
    """Insert a channel into a `PointNeuron`: `sodium = insert(channels.Na_HH, gbar="g_Na", e="e_Na")`.

    Keywords say what stands for a name of the channel in the neuron.

    parameter  a text: the parameter of that name, which the neuron declares. A number: a new parameter with that
               default. Left out: the parameter that the neuron declares under the same name, else a new one with the
               default of the channel, or of the named set `set`
    state      a text: its name in the neuron, declared there or new. A number: a new state that rests there. Left out:
               the state that the neuron declares under the same name, else a new one
    input      a text: the state or parameter of that name; left out: the one of the same name ("v", say)

    Units: a conductance in S/cm2 becomes one in the unit of the neuron's c_mem per ms, uF/cm2 and mS/cm2 or pF and nS.

    Raises: `DeclarationError` for what is no channel, a kinetic scheme, or an unknown name or set.

    >>> from rheobase import neurons
    >>> list(neurons.HodgkinHuxley.states)  # all but v come with its channels
    ['v', 'm', 'h', 'n']
    """
    owner = f"insert({getattr(kind, '__name__', kind)!s})"
    if not isinstance(kind, type) or not hasattr(kind, "conductance") or kind.abstract:
        instead = class_elsewhere(str(kind)) or "give a class of rheobase.channels, insert(channels.Kv3_1, ...)"
        given_kind = (
            f"{kind!r}" if not isinstance(kind, type) else f"{kind.__name__}, which has no conductance of its own"
        )
        raise DeclarationError("insert", given_kind, "the class of a channel", instead)
    for wrong, what in ((kind.kinetic, "a kinetic scheme"), (not kind.ohmic, "a current that is not g (v - e)")):
        if wrong:
            raise DeclarationError(owner, what, "gates and a conductance", "insert it into the sections of a Cell")
    known = [*kind.params, *kind.states, *kind.entries]
    for name, value in given.items():
        if name not in known:
            raise DeclarationError(owner, f"the name {name!r}", "one of the channel's", nearest(name, known))
        a_name, a_number = isinstance(value, str) and value.isidentifier(), is_number(value)
        if not a_name and (not a_number or name in kind.entries):
            expected = "a name" if name in kind.entries else "a name or a number"
            raise DeclarationError(owner, f"{name} = {value!r}", expected, f'{name}="..."')
    if set is not None and set not in kind.sets():
        raise DeclarationError(owner, f"set {set!r}", "the name of a set", nearest(str(set), kind.sets()))
    return Insertion(kind, set, given)


def expanded(cls: type[Any]) -> tuple[dict[str, Any], tuple[Inserted, ...]]:
    """The members of a class with each insertion replaced by what it declares; and the inserted channels.

    Raises: `DeclarationError` for a name that is taken, or one that the class does not declare.
    """
    own = dict(vars(cls))
    members: dict[str, Any] = {}
    parts: list[Inserted] = []
    moved = {"v"}  # the states that have an equation
    for name, member in own.items():
        if not isinstance(member, Insertion):
            members[name] = member
            continue
        if not cls.composed:
            given = f"{name} = insert(...) in a neuron of another kind"
            raise DeclarationError(cls.__name__, given, "a PointNeuron", "class Mine(PointNeuron)")
        brought = _Brought(f"{cls.__name__}.{name}", member, own, members, moved)
        parts.append(brought.part())
        members |= brought.new
    for name, spec in members.items():
        if name not in own:
            setattr(cls, name, spec)
    return members, tuple(parts)


class _Brought:
    """What one insertion adds to a class.

    `own` are the members that the class declares itself, `others` those added by earlier insertions, `moved` the
    states that have an equation so far.
    """

    def __init__(
        self, owner: str, member: Insertion, own: Mapping[str, Any], others: Mapping[str, Any], moved: set[str]
    ):
        self.owner, self.kind, self.given, self.moved = owner, member.kind, member.given, moved
        self.usual = {} if member.set is None else dict(self.kind.sets()[member.set].values)
        self.own, self.others = own, others
        self.new: dict[str, Any] = {}

    def part(self) -> Inserted:
        kind = self.kind
        params = tuple((name, self._param(name, spec)) for name, spec in kind.params.items())
        states = tuple((name, self._state(name, spec)) for name, spec in kind.states.items())
        entries = tuple((name, self._entry(name)) for name in kind.entries)
        return Inserted(kind(), params, states, entries)

    def _param(self, name: str, spec: ParamSpec) -> str:
        given = self.given.get(name)
        held = given if isinstance(given, str) else name
        if isinstance(self.own.get(held), ParamSpec) and not is_number(given):
            return held
        if isinstance(given, str):
            declared = [k for k, v in self.own.items() if isinstance(v, ParamSpec)]
            raise self._wrong(f'{name}="{given}"', "a parameter that the neuron declares", nearest(given, declared))
        remedy = f'declare one, and name it: insert({self.kind.__name__}, {name}="...")'
        self._check_free(held, f"the parameter {name}", remedy)
        default = given if given is not None else self.usual.get(name, spec.default)
        made = param(
            default,
            spec.unit,
            spec.meaning,
            positive=spec.positive,
            range=spec.range,
            clamp=spec.clamp,
            draw=spec.draw,
            nonnegative=spec.nonnegative,
        )
        # Python calls __set_name__ only for members of the class body
        made.__set_name__(None, held)
        self.new[held] = made
        return held

    def _state(self, name: str, spec: StateSpec) -> str:
        given = self.given.get(name)
        held = given if isinstance(given, str) else name
        declared = isinstance(self.own.get(held), StateSpec) and not is_number(given)
        if not declared or held in self.moved:
            remedy = f'give it another name: insert({self.kind.__name__}, {name}="...")'
            self._check_free(held, f"the state {held}", remedy)
        self.moved.add(held)
        if declared:
            return held
        self.new[held] = replace(spec, initial=given) if is_number(given) else spec
        return held

    def _entry(self, name: str) -> str:
        held = str(self.given.get(name, name))
        if not isinstance(self.own.get(held), ParamSpec | StateSpec):
            expected, remedy = f"a state or parameter {held} of the neuron", f"declare it, or insert(..., {name}=...)"
            raise self._wrong(f"{self.kind.__name__}, which reads {name}", expected, remedy)
        return held

    def _check_free(self, held: str, what: str, remedy: str) -> None:
        if held in self.own or held in self.others or held in self.new:
            raise self._wrong(f"{what} a second time", "each name once", remedy)

    def _wrong(self, given: str, expected: str, remedy: str) -> DeclarationError:
        return DeclarationError(self.owner, given, expected, remedy)


__all__ = ["Inserted", "Insertion", "expanded", "insert"]
