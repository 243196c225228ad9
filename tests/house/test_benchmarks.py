"""A benchmark records no figure of kernels whose tests fail, and names tests that are there."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from benchmarks import options, paired, parity

from tests.house.source import ROOT


def test_nothing_is_recorded_while_parity_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "ROOT", tmp_path)
    written: list[Path] = []
    monkeypatch.setattr(options, "write_results", lambda path, content: written.append(path))
    for told, expected in (("1 failed", []), (None, [tmp_path / "benchmarks" / "results" / "tree.json"])):
        monkeypatch.setattr(options, "failing", lambda name, told=told: told)
        if told is None:
            options.finish("tree", Namespace(quick=False, json=None), {})
        else:
            with pytest.raises(SystemExit, match=r"not recorded: .*\(1 failed\)"):
                options.finish("tree", Namespace(quick=False, json=None), {})
        assert written == expected


def test_what_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(parity.TESTS, "tree", ("tests/no_such_file.py",))
    parity.failing.cache_clear()
    assert "no tests ran" in str(parity.failing("tree"))
    parity.failing.cache_clear()


@pytest.mark.parametrize("name", parity.TESTS)
def test_its_tests_are_there(name: str) -> None:
    assert (ROOT / parity.TESTS[name][0]).exists()
    assert (ROOT / parity.EVERY_NEURON[0]).exists()


def test_two_versions_can_be_compared() -> None:
    """A process of the sources here starts, and knows rows."""
    here = paired.Version("here", ROOT / "src", threads=1)
    here.close()
    assert "LIF forward" in here.rows
