"""Errors are raised from one hierarchy, with all four parts, and never swallowed."""

from __future__ import annotations

import ast
import builtins

import pytest

from rheobase import errors
from tests.house.source import Module, Rule, modules, snippet, violations

KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
OURS = {name for name, kind in KINDS.items() if not issubclass(kind, Warning)}  # a warning is given, not raised
PARTS = ("object", "given", "expected", "remedy")

# The engine knows no neuron that an error could name; its callers know, and say what was wrong.
ENGINE = "src/rheobase/engine/"

# Builtin errors with a meaning in Python itself: look-up, iteration, abstract methods, the end of a process.
PROTOCOL = {"AttributeError", "KeyboardInterrupt", "NotImplementedError", "StopIteration", "SystemExit"}
BUILTIN = {
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException) and name not in PROTOCOL
}


def called(node: ast.expr | None) -> str:
    """The last part of a name: ShapeError of errors.ShapeError."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def incomplete(module: Module) -> list[str]:
    found = [
        module.at(node, f"{called(node.func)} needs its four parts, each written out: {', '.join(PARTS)}")
        for node in module.nodes(ast.Call)
        if called(node.func) in OURS
        and (
            len(node.args) + len(node.keywords) != len(PARTS)
            or any(isinstance(part, ast.Starred) for part in node.args)
            or any(part.arg is None for part in node.keywords)
        )
    ]
    return found + [
        module.at(node, f"raises a class without its four parts: {', '.join(PARTS)}")
        for node in module.nodes(ast.Raise)
        if node.exc is not None and called(node.exc) in OURS
    ]


def foreign(module: Module) -> list[str]:
    if module.name.startswith(ENGINE):
        return []
    found = []
    for node in module.nodes(ast.Raise):
        kind = called(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        if kind in BUILTIN:
            found.append(module.at(node, f"raises {kind}; one of rheobase.errors says what to do"))
    return found


def broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(each is None or called(each) in {"Exception", "BaseException"} for each in kinds)


def does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(line, ast.Pass | ast.Continue)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in body
    )


def swallowed(module: Module) -> list[str]:
    found = []
    for node in module.nodes(ast.ExceptHandler):
        if node.type is None:
            found.append(module.at(node, "a bare except; name the errors that can be handled here"))
        elif broad(node.type) and does_nothing(node.body):
            found.append(module.at(node, "swallows every error; name the one that is expected"))
    for node in module.nodes(ast.Call):
        if called(node.func) == "suppress" and any(broad(kind) for kind in node.args):
            found.append(module.at(node, "suppresses every error; name the one that is expected"))
    return found


RULES = [incomplete, foreign, swallowed]

BAD = [
    (incomplete, "raise ShapeError('LIF', 'a list', 'a tensor')"),
    (incomplete, "raise errors.ShapeError('LIF', 'a list', 'a tensor', 'stack it', 'five')"),
    (incomplete, "def f():\n    return StateError(*parts)"),
    (incomplete, "raise ShapeError(*parts, 'a', 'b', 'c')"),
    (incomplete, "raise ShapeError(**parts)"),
    (incomplete, "raise errors.DataError"),
    (foreign, "raise ValueError('wrong')"),
    (foreign, "def f():\n    raise TypeError"),
    (foreign, "raise RuntimeError('wrong') from error"),
    (swallowed, "try: f()\nexcept: raise\n"),
    (swallowed, "try: f()\nexcept Exception: pass\n"),
    (swallowed, "try: f()\nexcept (OSError, BaseException):\n    '''nothing'''\n    ...\n"),
    (swallowed, "while f():\n    try: f()\n    except builtins.Exception as error: continue\n"),
    (swallowed, "with contextlib.suppress(Exception): f()\n"),
]

GOOD = """
    def f(name):
        try:
            g(name)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise DataError(name, "a folder", "a file", remedy=nearest(name, known)) from error
        except Exception as error:
            log(error)
            raise
        with contextlib.suppress(KeyError):
            raise AttributeError(name)
"""


@pytest.mark.parametrize("rule", RULES)
def test_package(rule: Rule) -> None:
    found = violations(rule, modules())
    assert not found, found


@pytest.mark.parametrize(("rule", "code"), BAD)
def test_the_rule_bites(rule: Rule, code: str) -> None:
    assert len(rule(snippet(code))) == 1


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_spares(rule: Rule) -> None:
    assert rule(snippet(GOOD)) == []


def test_the_engine_may_raise_to_its_callers() -> None:
    assert foreign(snippet("raise ValueError", ENGINE + "ir.py")) == []


def test_one_hierarchy() -> None:
    assert {"RheobaseError", "ShapeError", "BackendUnavailable"} <= OURS
    strays = [name for name in OURS if not issubclass(vars(errors)[name], errors.RheobaseError)]
    assert not strays, f"not under RheobaseError: {strays}"
