"""The README's examples run as they stand."""

from __future__ import annotations

import csv
import json
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
    # with a hidden layer that is silent, the weights behind it would have no gradient
    assert 0.01 < names["net"].outputs(names["current"])[1].mean() < 0.2
    assert names["net"][2].weight.grad.norm() > 0.01


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


def test_a_cell_is_simulated_drawn_and_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "time_limit=20" in PYTHON[2]
    names = run(
        PYTHON[2].replace("time_limit=20", "generations=2, restarts=4, forced=2, free=1"), {"__name__": "readme"}
    )
    assert names["spikes"].sum() >= 5
    assert len(names["recording"].spike_times()[0]) == names["spikes"].sum()
    assert (tmp_path / "adex.png").stat().st_size > 5_000
    assert set(names["fit"].best.values) >= {"b", "tau_w"}


def test_lengths_are_as_the_headings_say() -> None:
    assert [sum(1 for line in block.splitlines() if line.strip()) for block in PYTHON[:2]] == [10, 11]


def test_commands_work_as_typed_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that take seconds; the training with one epoch, and what follows with what it left."""
    from typer.testing import CliRunner

    import rheobase
    from rheobase.cli import app

    monkeypatch.chdir(tmp_path)
    block = re.findall(r"```\n(rheobase list.*?)```", README, re.DOTALL)[0]
    slow = ("gallery", "reproduce src", "bench", "convert")
    for line in block.splitlines():
        words = shlex.split(line.split("#")[0])[1:]
        if " ".join(words).startswith(slow):
            continue
        more = ["--epochs", "1"] if words[0] == "train" else []
        done = CliRunner().invoke(app, [*words, *more])
        assert done.exit_code == 0, f"{line}: {done.output}"
    (python,) = re.findall(r"`model = (rheobase\.load\(.*?\))`", README)
    model = eval(python, {"rheobase": rheobase})
    assert model.predict(torch.rand(2, 8, 8)).names
    assert isinstance(model.network, torch.nn.Module)


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


# --- figures of papers ----------------------------------------------------------------------------------
RESULTS = ROOT / "results"


def of(table: str, column: str = "test accuracy (%)", **where: str) -> float:
    """A number of a table of results, in the one row where columns have these values (_ for a space)."""
    with (RESULTS / table).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row[k.replace("_", " ")] == v for k, v in where.items())]
    (row,) = rows
    return float(row[column])


def text(paper: str) -> str:
    return str(json.loads((RESULTS / paper / "part.json").read_text(encoding="utf-8"))["text"])


def said_of(paper: str) -> str:
    (line,) = (line for line in README.splitlines() if line.startswith(f"| [{paper}]"))
    return line


def test_figures_of_speed() -> None:
    """Those of the table of LIF on the page of benchmarks, and how much of the input was spikes."""
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    section = page.split("\n### LIF\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \[.*?\] \| [\d.]+ x \| ([\d.]+) x \|", section, re.MULTILINE)
    measured = {name: (float(ms), float(times)) for name, ms, times in rows}
    told = re.findall(r"^\| ([^|]+) \| \**([\d.]+)\** \| \**([\d.]+)\** \|$", README, re.MULTILINE)
    names = {"**rheobase**": "rheobase", "plain torch loop": "torch loop"}
    assert len(told) == 7
    for name, ms, times in told:
        short = "y = 2 * x" if "2 * x" in name else "torch.compile" if "compile" in name else names.get(name, name)
        rounded = 0.5 * 10.0 ** -len(times.partition(".")[2]) + 1e-9
        assert float(ms) == measured[short][0], name
        assert float(times) == pytest.approx(measured[short][1], abs=rounded), name
    active = re.search(r"Active in ([\d.]+)% of the steps", section)
    compiled = re.search(r"compiled in (\d+) s", section)
    assert active is not None
    assert compiled is not None
    assert f"{active[1]} % of the steps are spikes" in README
    assert f"(after {compiled[1]} s of compilation)" in README


def test_figures_of_src() -> None:
    mnist = {"data": "mnist", "network": "SRC 100"}
    table, deep = "src/accuracy/test-accuracy.csv", "src/depth/accuracy-against-depth.csv"
    spread = of(table, "standard deviation", **mnist)
    assert f"{of(table, **mnist):.2f} +- {spread:.2f} % on MNIST ({of(table, 'seeds', **mnist):g} seeds)" in said_of(
        "src"
    )
    src, lif = (of(deep, cell=cell, hidden_layers="10") for cell in ("SRC", "LIF"))
    seeds = of(deep, "seeds", cell="SRC", hidden_layers="10")
    assert f"(20,000 images, {seeds:g} seeds): {src:.1f} %, of LIF {lif:.1f} %" in said_of("src")


def test_figures_of_delays() -> None:
    gains = dict(re.findall(r"(\d+) cells \+(\d+\.\d \+- \d+\.\d)", text("delays/history")))
    assert f"adds {gains['16']} points to 2 x 16 cells, {gains['128']} to 2 x 128" in said_of("delays")
    longer = "delays/longer/trained-longer.csv"
    mean, spread = of(longer, taps="25"), of(longer, "standard deviation", taps="25")
    with (RESULTS / longer).open(newline="") as file:
        each = next(row["of each seed"] for row in csv.DictReader(file) if row["taps"] == "25")
    assert f"reach {mean:.1f} +- {spread:.1f} % in 60 epochs ({each}: one seed of three over 90 %)" in said_of("delays")
    assert sum(float(value) > 90 for value in each.split(", ")) == 1


def test_figures_of_cs_gru() -> None:
    for network, said in (
        ("CS-GRU, grid", "{:.1f} % after {:g} epochs,"),
        ("ConvGRU, grid", "ConvGRU {:.1f} % after {:g};"),
        ("CS-GRU, z reads spikes, grid", "spikes alone {:.1f} % after {:g},"),
    ):
        table = "cs-gru/mnist/mnist.csv"
        assert of(table, "seeds", network=network) == 1
        assert said.format(of(table, network=network), of(table, "epochs", network=network)) in said_of("cs-gru")


def test_figures_of_dqif_and_equivalence() -> None:
    found = re.search(r"In (\d+) of (\d+) cases", text("dqif/mismatch"))
    assert found is not None
    assert f"best of those scanned in {found[1]} of {found[2]} cases" in said_of("dqif")
    with (RESULTS / "equivalence/classifier/classifiers-converted-both-ways.csv").open(newline="") as file:
        mnist = [row for row in csv.DictReader(file) if row["data"] == "mnist"]
    assert {row["images"] for row in mnist} == {"10000"}
    assert {row["spikes that differ"] for row in mnist} == {"0"}
    assert {row["network"].split()[0] for row in mnist} == {"IF", "LIF"}
