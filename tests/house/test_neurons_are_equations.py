"""Under neurons/ stand equations only: no loop, no hand-written derivative, no kernel, one model a file."""

from __future__ import annotations

import ast

import pytest

from tests.house.source import Module, Rule, modules, snippet, violations

MACHINERY = ("rheobase.engine", "llvmlite", "numba", "triton", "torch.autograd")


def loops(module: Module) -> list[str]:
    return [
        module.at(node, "a loop; the rollout owns time, write the equations of one step")
        for node in module.nodes(ast.For, ast.AsyncFor, ast.While)
    ]


def derivatives_by_hand(module: Module) -> list[str]:
    return [
        module.at(node, "autograd used by hand; derivatives follow from the equations and the surrogate")
        for node in module.nodes(ast.Attribute)
        if node.attr == "autograd"
    ]


def machinery(module: Module) -> list[str]:
    return [
        module.at(node, f"imports {name}; a neuron does not know how it is run")
        for node, name in module.imports()
        if any(name == part or name.startswith(part + ".") for part in MACHINERY)
    ]


def one_public_class(module: Module) -> list[str]:
    classes = [node.name for node in module.tree.body if isinstance(node, ast.ClassDef)]
    public = [name for name in classes if not name.startswith("_")]
    if module.is_package:
        return [f"{module.name}: class {name}; give it a file of its own" for name in public]
    wanted = 0 if module.name.rpartition("/")[2].startswith("_") else 1
    if len(public) == wanted:
        return []
    return [f"{module.name}: {len(public)} public classes {public}; expected {wanted}, one model a file"]


RULES = [loops, derivatives_by_hand, machinery, one_public_class]

BAD = [
    (loops, "class A:\n    def step(self, s, i):\n        for t in range(3): s = s + i\n"),
    (loops, "while True: pass\n"),
    (derivatives_by_hand, "import torch\nclass Spike(torch.autograd.Function): ...\n"),
    (machinery, "from torch.autograd import Function\n"),
    (machinery, "from rheobase.engine import dispatch\n"),
    (machinery, "from rheobase import engine\n"),
    (machinery, "from ..engine.ir import Graph\n"),
    (machinery, "def f():\n    import triton.language as tl\n"),
    (one_public_class, "class LIF: ...\nclass ALIF: ...\n"),
    (one_public_class, "x = 1\n"),
]

GOOD = """
    from rheobase.core import OdeNeuron, relax
    from rheobase import engines_of_yore

    class _Shared: ...

    class LIF(OdeNeuron):
        def dynamics(self, s, i):
            return dict(v=relax(self.v_leak + sum(x for x in i), self.tau_mem))
"""


@pytest.mark.parametrize("rule", RULES)
def test_neurons(rule: Rule) -> None:
    found = violations(rule, modules("neurons"))
    assert not found, found


@pytest.mark.parametrize(("rule", "code"), BAD)
def test_the_rule_bites(rule: Rule, code: str) -> None:
    assert len(rule(snippet(code))) == 1


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_spares(rule: Rule) -> None:
    assert rule(snippet(GOOD)) == []


def test_special_files_hold_no_model() -> None:
    assert one_public_class(snippet("class A: ...", "src/rheobase/neurons/__init__.py"))
    assert one_public_class(snippet("class A: ...", "src/rheobase/neurons/_shared.py"))
    assert not one_public_class(snippet("x = 1", "src/rheobase/neurons/_shared.py"))
