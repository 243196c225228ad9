"""The README's examples run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("rheobase ")]


def run(block: str, names: dict[str, Any]) -> dict[str, Any]:
    # a file of its own, so that the source of a class can be found
    exec(compile(block, "README.md", "exec"), names)
    return names


def test_the_network_trains_and_goes_on() -> None:
    names = run(PYTHON[0], {"__name__": "readme"})
    assert names["out"].shape == (50, 64, 10)
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in names["net"].parameters())


def test_the_neuron_of_your_own_has_kernels_and_learns() -> None:
    names = run(PYTHON[1], {"__name__": "readme"})
    neuron = names["Adaptive"](3, dt=1.0, learn=("tau_mem",))
    current = torch.full((200, 1, 3), 2.0)
    spikes, _, rec = neuron(current, record=("theta",), backend="llvm")
    same, _ = neuron(current, backend="reference")
    assert torch.equal(spikes, same)
    assert spikes.sum() > 3
    assert rec.theta.max().item() > 1.4
    spikes.sum().backward()
    assert all(p.grad is not None for p in neuron.parameters())


def test_lengths_are_as_the_headings_say() -> None:
    assert [sum(1 for line in block.splitlines() if line.strip()) for block in PYTHON] == [10, 11]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: " ".join(c.split()[:2]))
def test_every_command_exists(command: str) -> None:
    """Its options are known; what it does is tested with the command line."""
    from typer.testing import CliRunner

    from rheobase.cli import app

    _, name, *rest = shlex.split(command)
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    for option in (word for word in rest if word.startswith("--")):
        assert option in shown.output.replace("\n", " ")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
