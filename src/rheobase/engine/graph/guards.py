"""The guards of a trace: the attributes, globals and closures that the equations read, and whether they are unchanged.

A trace captures the equations at one moment. What they read beside parameters and states (`self.training`, an option,
a number of the module) is saved with it by value, and compared before a kernel is used again. A value that cannot be
compared (a tensor, a module, an open file) makes the trace fail with `Untraceable`.

`Bound` reports attributes as they are read. Globals and closures are found in the code of the functions that the
equations call, `pkg.name` included; libraries are taken to be pure.
"""

from __future__ import annotations

import builtins
import dis
import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rheobase.core.bound import looked_up
from rheobase.engine.graph.snapshots import METHOD, PLAIN, Same, functions_of, is_library, refuse_random, snapshot
from rheobase.engine.graph.symbols import Untraceable

HIDDEN = frozenset({"globals", "locals", "vars", "eval", "exec", "open", "input", "__import__"})
MISSING = object()


Look = tuple[str, Any, Any]
"""A name, and what the class and the object itself have under it, or MISSING."""


@dataclass(frozen=True, eq=False)
class Guard:
    """One value that was read: how to read it again, and what it was."""

    name: str
    read: Callable[[], Any]
    value: Any
    snapshot: Any
    lasting: bool  # the object itself cannot change
    attribute: tuple[int, str] | None = None  # of a neuron so many wrappers inside

    def holds(self) -> bool:
        """Whether it is unchanged."""
        try:
            now = self.read()
        except (AttributeError, LookupError, ValueError):
            return False
        if now is self.value and self.lasting:
            return True
        try:
            return snapshot(now, self.name)[0] == self.snapshot
        except Untraceable:
            return False


class Guards:
    """The guards of one trace."""

    def __init__(self) -> None:
        self.kept: dict[Any, Guard] = {}
        self._plain: list[tuple[Any, type, list[Look]]] = []  # guards that hold where the same objects are found
        self._others: list[Guard] = []
        self._depth: dict[int, int] = {}  # of a neuron, by identity
        self._known: set[int] = set()  # functions whose code was looked at

    def attribute(self, neuron: Any, name: str, found: Any) -> None:
        """Guard an attribute of the neuron that was read; a `core.bound.Watch`."""
        # of a wrapped neuron, guard only its identity: its own attributes are reported as they are read
        read: Any = (lambda: neuron.neuron) if name == "neuron" else (lambda: looked_up(neuron, name)[0])
        depth = self._depth.get(id(neuron)) if self._depth else self._depth.setdefault(id(neuron), 0)
        if name == "neuron" and depth is not None:
            self._depth[id(found)] = depth + 1
        method = name in dir(type(neuron)) and isinstance(found, METHOD)
        # a channel that is part of a neuron is none of those that wrappers hold
        own = None if method or depth is None else (depth, name)
        self._keep((id(neuron), name), f"self.{name}", read, found, own, (neuron, name))
        if any(isinstance(vars(base).get(name), classmethod) for base in type(neuron).__mro__):
            # which reads the class's attributes past `Bound`
            self._keep((id(neuron), name, "class"), f"the class of {name}", lambda: type(neuron), type(neuron))
        for function in functions_of(found):
            self.function(function)

    def function(self, found: Any) -> None:
        """Guard what a function that the equations call reads: its object, defaults, globals and closure."""
        found = _plain_function(found)
        if isinstance(found, types.MethodType):
            owner = found.__self__
            self._keep(id(owner), f"the object of {found.__name__}", lambda: owner, owner)
            found = found.__func__
        if not isinstance(found, types.FunctionType) or id(found) in self._known or is_library(found.__module__):
            return
        self._known.add(id(found))
        for name, default in _defaults(found):
            self._keep((id(found), name), f"the default {name} of {found.__name__}", lambda d=default: d, default)
        cells = dict(zip(found.__code__.co_freevars, found.__closure__ or (), strict=True))
        self._code(found.__code__, found.__globals__, cells)

    def changed(self) -> str | None:
        """The name of a value that has changed; None where none has."""
        same = all(type(neuron) is cls and _found_again(neuron, looks) for neuron, cls, looks in self._plain)
        return next((guard.name for guard in (self._others if same else self.kept.values()) if not guard.holds()), None)

    def watchable(self) -> tuple[tuple[tuple[int, str], ...], str | None]:
        """The attributes for torch.compile to guard, (wrapper depth, name), and a name of a value that it cannot."""
        methods = [guard for guard in self.kept.values() if isinstance(guard.value, METHOD) and guard.lasting]
        others = [guard for guard in self.kept.values() if guard not in methods]
        hidden = next((guard.name for guard in others if guard.attribute is None or not guard.lasting), None)
        return tuple(guard.attribute for guard in self.kept.values() if guard.attribute is not None), hidden

    def _code(self, code: types.CodeType, names: dict[str, Any], cells: dict[str, types.CellType]) -> None:
        for path in _reads(code):
            name, *rest = path
            # functions of two modules, or two closures of one code, read others under the same name
            if name in cells:
                self._path(path, id(cells[name]), lambda cell=cells[name]: cell.cell_contents, rest)
            elif name in names:
                self._path(path, id(names), lambda name=name: names[name], rest)
            elif name in HIDDEN and hasattr(builtins, name):
                raise Untraceable(f"{name}() inside a step")
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant, names, cells)

    def _path(self, path: tuple[str, ...], place: int, first: Callable[[], Any], rest: list[str]) -> None:
        """`a.b.c` as far as it leads to something whose value counts, through modules and objects; `place` holds a."""
        found, depth = first(), 0
        while depth < len(rest) and not isinstance(found, (*PLAIN, float, Tensor)):
            if isinstance(found, types.ModuleType) and is_library(found.__name__):
                refuse_random(_resolved(found, rest[depth:]), ".".join(path))
                return
            following = getattr(found, rest[depth], None)
            if following is None:
                break
            found, depth = following, depth + 1

        def read() -> Any:
            value = first()
            for name in rest[:depth]:
                value = getattr(value, name)
            return value

        refuse_random(found, ".".join(path[: depth + 1]))
        library = is_library(getattr(found, "__module__", None) or type(found).__module__)
        if library and callable(found) and not isinstance(found, functools.partial):
            return
        self._keep((place, path), ".".join(path[: depth + 1]), read, found)
        for function in functions_of(found):
            self.function(function)

    def _keep(
        self,
        key: Any,
        name: str,
        read: Callable[[], Any],
        value: Any,
        attribute: tuple[int, str] | None = None,
        owner: tuple[Any, str] | None = None,
    ) -> None:
        if key not in self.kept:
            shot, lasting = (Same(value), True) if name == "self.neuron" else snapshot(value, name)
            self.kept[key] = guard = Guard(name, read, value, shot, lasting, attribute)
            if owner is None or not lasting or not _plainly_found(*owner):
                self._others.append(guard)
                return
            neuron, attr = owner
            if not self._plain or self._plain[-1][0] is not neuron:
                self._plain.append((neuron, type(neuron), []))
            self._plain[-1][2].append((attr, *_looks(neuron, attr)))


def _looks(neuron: Any, name: str) -> tuple[Any, Any]:
    return getattr(type(neuron), name, MISSING), vars(neuron).get(name, MISSING)


def _plainly_found(neuron: Any, name: str) -> bool:
    """Whether the class and the instance alone decide the value: no `__getattr__`, no descriptor but a property."""
    of_class, of_object = _looks(neuron, name)
    if of_class is MISSING:
        return of_object is not MISSING
    known = (types.FunctionType, property, functools.cached_property)
    return isinstance(of_class, known) or not hasattr(of_class, "__get__")


def _found_again(neuron: Any, looks: list[Look]) -> bool:
    cls, own = type(neuron), vars(neuron)
    for name, of_class, of_object in looks:
        if getattr(cls, name, MISSING) is not of_class or own.get(name, MISSING) is not of_object:
            return False
    return True


def _resolved(found: Any, rest: list[str]) -> Any:
    """`found.a.b`, as far as it leads."""
    for name in rest:
        found = getattr(found, name, found)
    return found


def _plain_function(found: Any) -> Any:
    """The function behind a partial, a cache or a wrapper of C."""
    while not isinstance(found, types.FunctionType | types.MethodType):
        inner = getattr(found, "func", None) or getattr(found, "__wrapped__", None)
        if inner is None:
            return found
        found = inner
    return found


def _defaults(found: types.FunctionType) -> Iterator[tuple[str, Any]]:
    given = found.__defaults__ or ()
    names = found.__code__.co_varnames[: found.__code__.co_argcount][-len(given) :] if given else ()
    yield from zip(names, given, strict=True)
    yield from (found.__kwdefaults__ or {}).items()


@functools.lru_cache(maxsize=1024)
def _reads(code: types.CodeType) -> tuple[tuple[str, ...], ...]:
    """The global and closure names that the code reads, each with the attributes read from it: (a, b) for `a.b`.

    Raises `Untraceable` for code that writes them, or imports what is no library.
    """
    path, found = list[str](), list[tuple[str, ...]]()
    for step in dis.get_instructions(code):
        if path and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            path.append(step.argval)
            continue
        if path:
            found.append(tuple(path))
        path = []
        outside = step.opname in ("LOAD_GLOBAL", "LOAD_NAME") or step.argval in code.co_freevars
        if outside and step.opname.startswith("LOAD") and isinstance(step.argval, str):
            path = [step.argval]
        elif step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") or (outside and step.opname == "STORE_DEREF"):
            raise Untraceable(f"a step that writes {step.argval}, which lies outside of it")
        elif step.opname == "IMPORT_NAME" and not is_library(step.argval):
            raise Untraceable(f"an import of {step.argval} inside a step")
    return (*found, tuple(path)) if path else tuple(found)
