"""The examples of the pages in docs/ run as they stand, and say what they say."""

from __future__ import annotations

import csv
import json
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from rheobase import stimuli
from rheobase.chip.mixed_signal import PROCESSES
from rheobase.cli import app
from rheobase.cli.stimulus import FORMS
from rheobase.interop import nir
from rheobase.interop.nir.wiring import KINDS
from rheobase.learning import count_parameters
from rheobase.runs import pretrained

DOCS = Path(__file__).parents[2] / "docs"


def run(page: str) -> dict[str, Any]:
    """The names that a page's examples leave, run one after the other."""
    return after_each(page)[-1]


def after_each(page: str) -> list[dict[str, Any]]:
    """The names that there are after each example of a page, run one after the other."""
    # a module, in which a class of the page can be found again
    module = sys.modules[f"page_{Path(page).stem}"] = ModuleType(f"page_{Path(page).stem}")
    names = vars(module)
    found: list[dict[str, Any]] = []
    torch.manual_seed(0)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)
        found.append(dict(names))
    return found


def test_equivalence(capsys) -> None:
    names = run("equivalence.md")
    assert names["back"].mismatches == 0
    shown = capsys.readouterr().out
    assert "smallest |v - v_threshold|" in shown
    assert "0 of 12,000" in shown


def test_event_driven() -> None:
    names = run("event_driven.md")
    assert names["spikes"].v.shape == (2, 2)
    assert names["spikes"].t_stop == 100.0


def test_populations() -> None:
    pytest.importorskip("zarr", reason="the extra population is not installed")
    names = run("populations.md")
    # 0.02 nA / (2e-4 S/cm2 * 1256.6 um2)
    assert names["v"][799] == pytest.approx(-70.0 + 0.02 / (2e-4 * 12.566), abs=0.01)
    assert names["all_of_them"].shape == (2, 2, 1000)


def test_operator() -> None:
    names = run("operator.md")
    stand_in = names["stand_in"]
    # the table of the page
    assert count_parameters(stand_in) == 322 + 34 * 2
    assert names["spikes"].shape == names["v"].shape == (500, 1, 3)
    assert names["out"].shape == (100, 2, 4)


def test_use_what_you_trained(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("use_what_you_trained.md")
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["['7', '4', '7']", "True", "['time', 'batch', 8, 8] out at its last step", "0", "True"]


def test_nir(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("nir.md")
    same, certificate = capsys.readouterr().out.splitlines()
    assert same == "True"
    assert ": exact; largest difference of a potential 0, of the output 0" in certificate
    page = (DOCS / "nir.md").read_text(encoding="utf-8")
    named = {name for row in re.findall(r"^\| ([^|]*) \|", page, re.MULTILINE) for name in re.findall(r"\w+", row)}
    assert named >= set(KINDS)
    assert all(f'`"{name}"`' in page for name in nir.LOSSES)
    record = json.loads((DOCS.parent / "benchmarks" / "results" / "nir_peers.json").read_text(encoding="utf-8"))
    for case in record["cases"]:
        figures = f"{case['spikes']:,} | {case['differing']:,} of {case['of']:,} | {case['note']} |"
        assert f"| {case['peer']} | {case['network']} | {figures}" in page
    assert sum(case["differing"] > 0 for case in record["cases"]) == sum(
        case["differing"] > 0 and bool(case["note"]) for case in record["cases"]
    )


def test_the_page_lists_the_networks_with_the_figures_of_their_cards() -> None:
    page = (DOCS / "use_what_you_trained.md").read_text(encoding="utf-8")
    for name in pretrained.names():
        one = pretrained.card(name)
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {100 * one.accuracy:.2f} % of {one.samples:,} |" in row
        assert one.licence.split(",")[0] in row


def test_simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run("simulate.md")
    assert names["run"].count > 5
    assert names["finer"].converged
    assert names["found"].words[2] == "bursting"
    # the commands, and what one of them says
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "simulate.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    (?:\$ )?rheobase (.*)$", text, re.MULTILINE)
    assert len(commands) == 5
    said = [CliRunner().invoke(app, shlex.split(command), catch_exceptions=False) for command in commands]
    assert [result.exit_code for result in said] == [0] * 5
    (shown,) = re.findall(r"^    (not converged: .*)$", text, re.MULTILINE)
    assert shown in said[-1].stdout


def test_every_current_of_the_page_is_a_word_of_the_command_line() -> None:
    text = (DOCS / "simulate.md").read_text(encoding="utf-8")
    for word, form in FORMS.items():
        assert f"`{form}`" in text
        assert f"stimuli.{word}(" in text
        assert callable(getattr(stimuli, word))


def test_fitting(capsys) -> None:
    names = run("fitting.md")
    assert capsys.readouterr().out.startswith("Fit(GLIF1, Gamma ")
    assert names["fit"].held_out.sweeps == (1,)
    assert names["fit"].held_out.gamma > 0.5
    assert names["lif"] is not None


def test_know_your_network(capsys) -> None:
    names = run("know_your_network.md")
    assert "1: LIF" in capsys.readouterr().out
    assert [part.label for part in names["found"].parts][1] == "1: LIF"
    assert "3: Recurrent" in names["rows"]


def test_energy(capsys) -> None:
    names = run("energy.md")
    three = names["three"]
    table, equal, _ = capsys.readouterr().out.rstrip("\n").rsplit("\n", 2)
    assert str(three) == table
    assert [f"{x:.4f}" for x in map(float, re.findall(r"=([0-9.]+)", equal))] == ["0.0540", "0.0571", "0.0623"]
    assert [len(names["figure"].axes), len(names["figure"].axes[2].lines) > 3] == [3, True]
    page = (DOCS / "energy.md").read_text(encoding="utf-8")
    # the rows of the page are of more samples, and of the same network
    quoted, spiking, ordinary = (
        float(v) for v in re.findall(r"^\| (?:syn|spik|ord).*?\| ([\d.]+) uJ", page, re.MULTILINE)
    )
    for said, span in ((quoted, three.arithmetic), (spiking, three.spiking), (ordinary, three.ordinary)):
        assert 1e6 * span.nominal == pytest.approx(said, rel=0.01)
    assert (DOCS / "img" / "energy.png").is_file()


def test_chip() -> None:
    names = run("chip.md")
    spikes, counts = names["run"].spikes, names["run"].counts
    # it begins at one core, and reaches all of them
    assert set(spikes.core[spikes.tick < 8]) == {9}
    assert set(spikes.core) == set(range(64))
    assert counts.crossings.sum() > 0
    assert names["more"].state.tick == 300
    assert (DOCS / "img" / "chip.png").is_file()


def test_deploy(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("deploy.md")
    report = names["report"]
    assert capsys.readouterr().out.strip() == str(report)
    assert (report.same_spikes, report.same_predictions, report.samples) == (100, 100, 100)
    # the cores of the page, to what a training on another processor may change; an accuracy that is no chance
    (said,) = re.findall(r"^    (\d+) cores: ", (DOCS / "deploy.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert abs(report.n_cores - int(said)) <= 4
    assert float((names["predicted"] == names["data"].y_test[:100]).float().mean()) > 0.8
    assert len(names["figure"].axes) == 5
    assert (DOCS / "img" / "deploy.png").is_file()


def test_mixed_signal(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("mixed_signal.md")
    found = names["found"]
    assert capsys.readouterr().out.startswith(str(found))
    assert (len(found), found.samples, found.lanes) == (50, 359, True)
    assert found.software > found.median > 0.5
    weight = names["die"][0].linear.weight
    assert not torch.equal(weight, names["net"].eval()[0].weight)
    page = (DOCS / "mixed_signal.md").read_text(encoding="utf-8")
    for name, process in PROCESSES.items():
        assert f"| `{name}` | {process.levels or 'any'} |" in page
    assert all((DOCS / one).is_file() for one in re.findall(r"\((img/mixed_signal[^)]*)\)", page))


def test_morphology() -> None:
    names = run("morphology.md")
    assert repr(names["sections"]) == (
        "[Section(soma[0]: 16 um, root), Section(dend[0]: 100 um, on soma[0](0.5)),"
        " Section(axon[0]: 200 um, on soma[0](0.5))]"
    )
    assert set(names["bare"].kind) == {"soma", "dend"}
    assert names["stubbed"].distance.max() > 60
    assert (DOCS / "img" / "morphology.png").is_file()


def test_cells() -> None:
    names = run("cells.md")
    assert int(names["spikes"].sum()) > 3
    assert int(names["fired"].sum()) > 0
    assert names["traces"]["soma"].shape == (2000, 3, 4)
    assert bool((names["slopes"] != 0).all())
    assert float(names["outward"][-1]) > 0
    near, far, open_ = (names["epsp"][name].detach() for name in ("soma", "dend(0.95)", "exc.B"))
    assert -69.5 < float(near.max()) < float(far.max())
    assert open_.shape == (2000, 2, 1)
    assert bool((names["passive"].receptors["exc"].weight_log.grad != 0).all())
    assert (DOCS / "img" / "epsp.png").is_file()
    counts = names["burst"].sum(0).flatten()
    assert 0 < counts[0] < counts[1] < counts[2]


def test_the_table_of_deploy_is_that_of_the_stored_results() -> None:
    """Each row has the accuracies, the cores and the certificate of `rheobase reproduce truenorth`."""
    page = (DOCS / "deploy.md").read_text(encoding="utf-8")
    with (DOCS.parent / "results/truenorth/classifiers/on-the-chip.csv").open(encoding="utf-8") as file:
        stored = list(csv.DictReader(file))
    for name, begins in (("digits", "| digits, "), ("mnist", "| MNIST, ")):
        (row,) = [line for line in page.splitlines() if line.startswith(begins)]
        mine = [one for one in stored if one["data"] == name]
        for column in ("full precision (%)", "on the chip (%)"):
            assert f"{np.mean([float(one[column]) for one in mine]):.2f}" in row, column
        same, images = (sum(int(one[column]) for one in mine) for column in ("predictions equal", "images"))
        assert f"| {same:,} of {images:,} |" in row
        assert {one["cores"] for one in mine} == {row.split(" | ")[5]}
    assert (DOCS / "img" / "chip_map.png").is_file()


def test_chip_loihi(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("chip_loihi.md")
    assert [core.compartments for core in names["used"]] == [256]
    assert int(names["out"].sum()) > 100
    assert names["stored"].dtype == torch.int32
    told = capsys.readouterr().out
    assert all(f"layer {layer.layer}: {layer.spikes_float} spikes" in told for layer in names["report"].layers)
    assert names["report"].layers[0].spikes_chip > 100
    certificate = names["certificate"]
    assert certificate.samples == certificate.same_spikes == 32
    assert torch.equal(names["spikes_out"], names["chip"](names["sample"])[0])
    rows = json.loads((DOCS.parent / "benchmarks/results/loihi.json").read_text(encoding="utf-8"))["rows"]
    page = (DOCS / "chip_loihi.md").read_text(encoding="utf-8")
    for column, name in enumerate(("digits", "mnist"), start=1):
        own = [row for row in rows if row["data"] == name]

        def stands(begins: str, text: str, column: int = column) -> None:
            (line,) = [line for line in page.splitlines() if line.startswith(f"| {begins} |")]
            assert line.split(" | ")[column].startswith(text), (begins, text)

        for begins, key in (
            ("in full precision", "full precision"),
            ("trained on in full precision", "full precision, trained on"),
            ("in 8 bits, as it comes", "whole numbers, as they come"),
            ("trained on in 8 bits, on the chip", "on the chip"),
        ):
            values = [row[key] for row in own]
            spread = f" +- {np.std(values, ddof=1):.2f}" if len(own) > 1 else ""
            stands(begins, f"{np.mean(values):.2f}{spread} %")
        for begins, key in (
            ("predictions equal to those of the network in whole numbers", "same predictions"),
            ("spike trains equal", "same spikes"),
        ):
            same, images = (sum(row[k] for row in own) for k in (key, "images"))
            stands(begins, f"{same:,} of {images:,}")
        for begins, key, unit in (
            ("energy of an image, of its own", "of its own", 1e6),
            ("with the static power of its cores", "with its cores at rest", 1e6),
            ("with the static power of a whole chip", "with a whole chip", 1e3),
        ):
            stands(begins, f"{unit * np.mean([row['joules'][key][1] for row in own]):.3g} ")


def test_chip_fixed_point(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("chip_fixed_point.md")
    assert names["certificate"].same_outputs == names["certificate"].samples == 8
    told = capsys.readouterr().out
    assert all(
        f"layer {layer.layer}, {layer.neuron}: weights {layer.weights}" in told for layer in names["report"].layers
    )
