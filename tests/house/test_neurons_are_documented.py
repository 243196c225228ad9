"""Every neuron's docstring answers the same questions, in the same words."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.source import Module, modules, snippet, violations

SECTIONS = ("Shapes", "Raises", "Numerics", "Differs from the paper", "Reference", "Example")
LONGEST_EXAMPLE = 5


def sections(doc: str) -> dict[str, str]:
    """The text of each section that starts a line, as "Shapes: ..." or a heading on its own."""
    heading = re.compile(rf"^\**({'|'.join(SECTIONS)})\**(?::|$)", re.MULTILINE)
    pieces = heading.split(doc)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def faults(doc: str) -> list[str]:
    """What a neuron's docstring lacks."""
    found = sections(doc)
    lacks = [f"has no section {name!r}" for name in SECTIONS if name not in found]
    lacks += [f"leaves the section {name!r} empty" for name, text in found.items() if not text.strip()]
    if not re.search(r"\([^()]*\b(1[89]|20)\d\d\b[^()]*\)", doc.partition("\n\n")[0]):
        lacks.append("names no (Authors, year) in its summary")
    if not re.search(r"\b10\.\d{4,9}/\S|arXiv", found.get("Reference", "10.0000/absent")):
        lacks.append("gives no DOI under 'Reference'")
    lines = len(re.findall(r"^\s*(?:>>>|\.\.\.)", found.get("Example", ">>>"), re.MULTILINE))
    if not 1 <= lines <= LONGEST_EXAMPLE:
        lacks.append(f"has an 'Example' of {lines} lines; a doctest of 1 to {LONGEST_EXAMPLE} is expected")
    return lacks


def undocumented(module: Module) -> list[str]:
    return [
        module.at(node, f"the docstring of {node.name} {fault}")
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        for fault in faults(ast.get_docstring(node) or "")
    ]


GOOD = '''
class LIF:
    """Leaky integrate-and-fire neuron (Lapicque, 1907).

    tau_mem dv/dt = v_leak + i - v

    Shapes: i (time, batch, n)
    Raises: nothing.
    Numerics: exact.
    Differs from the paper: in nothing.
    Reference: Biol. Cybern. 97, 341, doi:10.1007/s00422-007-0189-6.
    Example:
        >>> LIF()
    """
'''

BAD = [
    ("Shapes: i (time, batch, n)\n", "\n", "no section 'Shapes'"),
    ("Raises: nothing.", "It raises: nothing.", "no section 'Raises'"),
    ("Numerics: exact.", "Numerics:", "section 'Numerics' empty"),
    ("Differs from the paper:", "Differs:", "no section 'Differs from the paper'"),
    (" (Lapicque, 1907)", "", "no (Authors, year)"),
    ("doi:10.1007/s00422-007-0189-6", "see there", "no DOI"),
    (">>> LIF()", "LIF()", "'Example' of 0 lines"),
    (">>> LIF()", ">>> LIF()\n        " * 6, "'Example' of 6 lines"),
]


def test_neurons() -> None:
    found = violations(undocumented, modules("neurons"))
    assert not found, found


def test_the_rule_spares() -> None:
    assert undocumented(snippet(GOOD)) == []
    assert undocumented(snippet("class _Shared: ...\n")) == []


@pytest.mark.parametrize(("right", "wrong", "fault"), BAD)
def test_the_rule_bites(right: str, wrong: str, fault: str) -> None:
    assert right in GOOD
    (found,) = undocumented(snippet(GOOD.replace(right, wrong)))
    assert fault in found


def test_a_missing_docstring_lacks_everything() -> None:
    assert len(undocumented(snippet("class LIF: ...\n"))) == len(SECTIONS) + 1
