"""Small files: one idea each, 400 lines, and never more than 600; the tests and the benchmarks, too."""

from __future__ import annotations

from tests.house.source import ROOT, Module, modules, snippet, violations

USUAL = 400
HARD_STOP = 600

# Files that are still one idea above 400 lines, each with the reason.
LONG: dict[str, str] = {}


def beside() -> list[Module]:
    """The tests and the benchmarks; not what is installed to compare with."""
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    return [Module(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in sorted(files)]


def length(module: Module) -> int:
    return len(module.text.splitlines())


def too_long(module: Module) -> list[str]:
    lines = length(module)
    if lines > HARD_STOP:
        return [f"{module.name}: {lines} lines; the hard stop is {HARD_STOP}. Split it by idea."]
    if lines > USUAL and module.name not in LONG:
        return [f"{module.name}: {lines} lines; usual is {USUAL}. Split it, or give the reason in LONG."]
    return []


def test_files_are_short() -> None:
    found = violations(too_long, [*modules(), *beside()])
    assert not found, found


def test_the_list_of_long_files_is_not_stale() -> None:
    lengths = {module.name: length(module) for module in [*modules(), *beside()]}
    stale = [name for name in LONG if lengths.get(name, 0) <= USUAL]
    assert not stale, f"no longer above {USUAL} lines, take them out of LONG: {stale}"


def test_the_rule_bites() -> None:
    assert not too_long(snippet("x = 1\n" * USUAL))
    assert "Split it, or" in too_long(snippet("x = 1\n" * (USUAL + 1)))[0]
    assert "hard stop" in too_long(snippet("x = 1\n" * (HARD_STOP + 1)))[0]
