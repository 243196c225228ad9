from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rheobase.cli import app
from rheobase.reproduce import Paper, catalogue
from tests.reproduce.stub import Stub
from tests.reproduce.test_search import search


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """In an empty folder, with a small paper under the name `src`."""
    made = Stub()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(catalogue, "_PAPERS", {"src": "stub"})
    monkeypatch.setattr(catalogue, "import_module", lambda name: type("M", (), {"PAPER": made.paper()}))
    return made


def run(*words):
    return CliRunner().invoke(app, ["reproduce", *map(str, words)], catch_exceptions=False)


def test_a_paper_from_the_command_line(stub):
    result = run("src", "--json", "out.json", "--seed", 2)
    assert result.exit_code == 0, result.stderr
    assert "page: results/stub/index.html" in result.stdout
    content = json.loads(Path("out.json").read_text())
    assert [part["name"] for part in content["parts"]] == ["depth", "plain"]
    assert content["command"] == "rheobase reproduce src --seed 2"
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["processor"] in Path("results/stub/index.html").read_text()


def test_only_takes_lists_and_is_repeatable(stub):
    run("src", "--only", "plain,depth", "--only", "depth", "--quick", "--out", "here")
    assert stub.done == [1, "plain"]
    assert Path("here/index.html").exists()


def test_the_list_names_every_part(stub):
    result = run("src", "--list")
    assert result.exit_code == 0
    for text in ("depth", "deeper and deeper", "plain", "no units", "A stub"):
        assert text in result.stdout
    assert run("--list").stdout == result.stdout
    assert stub.done == []


def test_without_a_name_the_list_is_of_all_papers():
    found = run("--list").stdout
    for name in catalogue.names():
        assert f"{name}: {catalogue.find(name).title}" in found


def test_a_search_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    found = Paper("stub", "A stub", "Nobody (2024)", (), (search(),))
    monkeypatch.setattr(catalogue, "_PAPERS", {"src": "stub"})
    monkeypatch.setattr(catalogue, "import_module", lambda name: type("M", (), {"PAPER": found}))
    result = run("src", "--search", "--json", "out.json")
    assert result.exit_code == 0, result.stderr
    assert "page: results/stub/search/index.html" in result.stdout
    content = json.loads(Path("out.json").read_text())
    assert content["search"] is True
    assert content["command"] == "rheobase reproduce src --search --seed 0"
    assert [part["name"] for part in content["parts"]] == ["rates"]
    listed = run("src", "--list").stdout
    assert "with --search" in listed
    assert "one after the other" in listed


def test_ctrl_c_says_how_to_go_on(stub):
    stub.stop_at = 2
    result = run("src")
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no paper"),
        (("scr",), "did you mean 'src'"),
        (("src", "--only", "dept"), "did you mean 'depth'"),
        (("src", "--data", "nowhere"), "nowhere, which is no folder"),
        (("src", "--seed", -1), "seed -1"),
        (("src", "--search"), "a paper with searches"),
    ],
)
def test_bad_input_is_one_clear_line(stub, words, said):
    result = run(*words)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert stub.done == []
