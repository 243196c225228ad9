from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from rheobase.errors import CheckpointError, DataError, ParameterError
from rheobase.plot import Picture, Table
from rheobase.plot.style import new_figure
from rheobase.reproduce import Call, Finding, Paper, Part, reproduce
from tests.reproduce.stub import Stub


def call(stub, folder, changes=None, **options):
    return reproduce(Call(paper=stub.paper(**(changes or {})), out=folder, **options))


def test_everything_is_written(tmp_path):
    outcome = call(Stub(), tmp_path, command="rheobase reproduce stub", seed=3)
    with (tmp_path / "depth" / "accuracy.csv").open() as file:
        assert list(csv.reader(file)) == [["layers", "accuracy"], ["1", "1.0"], ["2", "0.5"], ["3", str(1 / 3)]]
    assert "| 3 | 0.3333 |" in (tmp_path / "depth" / "accuracy.md").read_text()
    assert (tmp_path / "depth" / "a-curve.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "depth" / "published.csv").read_text() == "accuracy\n0.25\n"
    assert (tmp_path / "depth" / "seeds.csv").read_text() == "layers,seed\n1,0\n2,0\n3,0\n"
    page = outcome.page.read_text()
    assert '<a href="depth/seeds.csv">' in page
    assert "plain/seeds.csv" not in page
    for text in (
        "All 2 parts were run.",
        "A stub",
        "Nobody (2024)",
        "It went deep.",
        "Accuracy",
        "0.3333",
        "It is flat.",
        "Of nothing.",
        "Sizes &lt;b&gt;",
        "depth: epochs",
        "rheobase reproduce stub",
    ):
        assert text in page, text
    assert page.count("data:image/png;base64,") == 2
    assert "reduced" not in page


def test_a_second_call_skips_what_stands_and_gives_the_same(tmp_path):
    stub = Stub()
    first = call(stub, tmp_path).as_json()
    again = call(stub, tmp_path).as_json()
    assert stub.done == [1, 2, 3, "plain"]
    assert json.dumps(first) == json.dumps(again)


def test_a_part_made_of_stored_units_names_the_machine_they_were_made_on(tmp_path):
    machine = {"cores": 2, "threads": 1}
    stub = Stub()
    call(stub, tmp_path, machine={**machine, "processor": "Old"})
    (tmp_path / "depth" / "part.json").unlink()
    outcome = call(stub, tmp_path, machine={**machine, "processor": "New"})
    assert stub.done == [1, 2, 3, "plain"]
    assert outcome.records[0].hardware == "Old, 2 cores, 1 thread"
    # a part without units was made by the call that wrote it
    assert outcome.records[1].hardware == "Old, 2 cores, 1 thread"
    more = call(Stub(depths=[1, 2, 3, 4]), tmp_path, machine={**machine, "processor": "New"})
    assert more.records[0].hardware == "New, 2 cores, 1 thread; Old, 2 cores, 1 thread"


def test_after_an_interruption_finished_units_are_not_done_again(tmp_path):
    stub = Stub()
    stub.stop_at = 3
    with pytest.raises(KeyboardInterrupt):
        call(stub, tmp_path)
    assert stub.done == [1, 2]
    assert not (tmp_path / "depth" / "part.json").exists()
    stub.stop_at = None
    outcome = call(stub, tmp_path)
    assert stub.done == [1, 2, 3, "plain"]
    assert [row[1] for row in outcome.records[0].tables[0].rows] == [1.0, 0.5, 1 / 3]


def test_an_interruption_leaves_the_page_of_the_parts_before_it(tmp_path):
    paper = Stub().paper()
    late = Part("late", "Late", "never ends", lambda job: Stub.train(type("S", (), {"stop_at": 1})(), 1))
    with pytest.raises(KeyboardInterrupt):
        reproduce(Call(paper=Paper("stub", "A stub", "", (*paper.parts, late)), out=tmp_path))
    page = (tmp_path / "index.html").read_text()
    assert "It went deep." in page
    assert "not run yet</th><td>Late" in page


@pytest.mark.parametrize(
    ("later", "done"),
    [
        ({"depths": [1, 2, 3, 4]}, [4]),  # a new unit alone
        ({"epochs": 3}, [1, 2, 3]),  # all units of that part
    ],
)
def test_a_changed_setting_redoes_what_it_decides(tmp_path, later, done):
    call(Stub(), tmp_path)
    stub = Stub(**later)
    call(stub, tmp_path)
    assert stub.done == done


@pytest.mark.parametrize("options", [{"seed": 1}, {"fresh": True}, {"changes": {"revision": 2}}])
def test_another_seed_fresh_and_a_new_revision_redo(tmp_path, options):
    stub = Stub()
    call(stub, tmp_path)
    call(stub, tmp_path, only=("depth",), **options)
    assert stub.done == [1, 2, 3, "plain", 1, 2, 3]


def test_a_quick_run_is_smaller_goes_elsewhere_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stub = Stub()
    outcome = reproduce(Call(paper=stub.paper(), quick=True))
    assert outcome.page.as_posix() == "results/stub-quick/index.html"
    assert stub.done == [1, "plain"]
    depth, plain = outcome.records
    assert [depth.title, depth.tables[0].title, depth.pictures[0].title] == [
        "Depth (reduced run)",
        "Accuracy (reduced run)",
        "A curve (reduced run)",
    ]
    assert plain.title == "Plain"
    # others' numbers are not reduced by a run of ours
    assert depth.quoted[0].title == "Published"
    page = outcome.page.read_text()
    assert "A stub, quick run" in page
    assert "depths [1] instead of [1, 2, 3]" in page


def test_a_budget_leaves_out_seeds_then_epochs_goes_elsewhere_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stub = Stub(epochs=10, seeds=[0, 1, 2])
    outcome = reproduce(Call(paper=stub.paper(minutes=60), budget=10))
    assert outcome.page.as_posix() == "results/stub-10-minutes/index.html"
    depth, plain = outcome.records
    assert (depth.settings["seeds"], depth.settings["epochs"]) == ([0], 5)
    assert depth.title == "Depth (reduced run)"
    assert "Cut to the budget: epochs 5 instead of 10, seeds [0] instead of [0, 1, 2]." in outcome.page.read_text()
    # a part that says nothing of its time is done in full, and so is everything where there is time enough
    assert plain.title == "Plain"
    whole = reproduce(Call(paper=stub.paper(minutes=60), budget=60))
    assert whole.records[0].settings["epochs"] == 10


@pytest.mark.parametrize(("options", "said"), [({"budget": 0.0}, "budget 0"), ({"budget": 5, "quick": True}, "one of")])
def test_a_budget_that_is_none(tmp_path, options, said):
    with pytest.raises(ParameterError, match=said):
        call(Stub(), tmp_path, **options)


def test_what_even_a_full_run_reduces_is_said(tmp_path):
    outcome = call(Stub(), tmp_path, {"reduced": "The paper goes to 8."})
    assert outcome.records[0].title == "Depth (reduced run)"
    page = outcome.page.read_text()
    assert "The paper goes to 8." in page
    assert "All 2 parts were run, 1 of them on a smaller scale" in page


def test_what_is_reduced_follows_from_the_settings_in_force(tmp_path):
    changes = {"reduced": lambda used: f"{len(used['depths'])} depths."}
    assert call(Stub(), tmp_path / "full", changes).records[0].reduced == "3 depths."
    quick = call(Stub(), tmp_path / "quick", changes, quick=True).records[0].reduced
    assert quick == "Quick run: depths [1] instead of [1, 2, 3]. 1 depths."


def test_only_some_parts_and_the_page_keeps_the_others(tmp_path):
    stub = Stub()
    call(stub, tmp_path, only=("plain",))
    assert stub.done == ["plain"]
    assert "It is plain." in call(stub, tmp_path, only=("depth",)).page.read_text()


def test_names_that_there_are_not(tmp_path):
    with pytest.raises(ParameterError, match="did you mean 'depth'"):
        call(Stub(), tmp_path, only=("deptt",))
    with pytest.raises(ParameterError, match="seed -1"):
        call(Stub(), tmp_path, seed=-1)
    with pytest.raises(ParameterError, match=r"quick setting 'depth'.*did you mean 'depths'"):
        Stub().paper(quick={"depth": 1})


def test_missing_data_are_said_before_any_work(tmp_path):
    stub = Stub()
    needy = {"needs": ("mnist",)}
    with pytest.raises(DataError, match=r"no folder mnist.*--only plain"):
        call(stub, tmp_path / "out", needy, data=tmp_path)
    with pytest.raises(DataError, match="which is no folder"):
        call(stub, tmp_path / "out", needy, data=tmp_path / "nowhere")
    assert stub.done == []
    (tmp_path / "mnist").mkdir()
    call(stub, tmp_path / "out", needy, data=tmp_path)
    assert stub.done == [1, 2, 3, "plain"]


@pytest.mark.parametrize("content", ["{", "[1]", '{"settings": 1}'])
def test_a_damaged_result_is_named(tmp_path, content):
    call(Stub(), tmp_path)
    (tmp_path / "depth" / "part.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"depth/part.json"):
        call(Stub(), tmp_path)


def test_a_lost_picture_is_made_again_from_stored_units(tmp_path):
    stub = Stub()
    call(stub, tmp_path)
    (tmp_path / "depth" / "a-curve.png").unlink()
    call(stub, tmp_path)
    assert stub.done == [1, 2, 3, "plain"]
    assert (tmp_path / "depth" / "a-curve.png").exists()


def test_two_titles_of_one_file_are_refused(tmp_path):
    tables = [Table("A b", ("x",), []), Table("a B", ("x",), [])]
    part = Part("p", "P", "", lambda job: Finding("", tables))
    with pytest.raises(ParameterError, match="'A b'"):
        reproduce(Call(paper=Paper("q", "Q", "", (part,)), out=tmp_path))


def test_redraw_runs_nothing_and_keeps_what_other_settings_made(tmp_path):
    stub = Stub()
    call(stub, tmp_path)
    before = (tmp_path / "index.html").read_text()
    (tmp_path / "index.html").unlink()
    later = Stub(epochs=9)
    outcome = call(later, tmp_path, redraw=True)
    assert later.done == []
    assert [one.settings.get("epochs") for one in outcome.records] == [2, None]
    page = outcome.page.read_text()
    assert "It went deep." in page
    assert "run with earlier settings</th><td>Depth<" in page
    assert call(stub, tmp_path, redraw=True).page.read_text() == before


def test_redraw_names_a_part_as_the_paper_does_now(tmp_path):
    call(Stub(), tmp_path, {"reduced": "The paper goes to 8."})
    outcome = call(Stub(), tmp_path, {"reduced": "The paper goes to 8.", "title": "How deep"}, redraw=True)
    assert outcome.records[0].title == "How deep (reduced run)"


def test_redraw_computes_anew_what_follows_from_stored_counts(tmp_path):
    """Its tables, its words and its new pictures, of a reduced run as well; pictures of the run itself stay."""

    def again(held, rows):
        table = Table("Accuracy", ("layers", "twice"), [(row["layers"], 2 * row["layers"]) for row in rows], "Anew.")
        picture = Picture("Another curve", "It rises.", "a rise", lambda style: new_figure(1, 1, style))
        return Finding(f"Of {held.settings['depths']}.", [table], [picture], drawn=held.pictures)

    changes = {"reduced": "The paper goes to 8.", "again": again}
    first = call(Stub(), tmp_path, changes).records[0]
    outcome = call(Stub(), tmp_path, changes, redraw=True)
    found = outcome.records[0]
    assert found.text == "Of [1, 2, 3]."
    assert (found.title, found.key, found.hardware) == (first.title, first.key, first.hardware)
    assert found.table("Accuracy").rows == [[1, 2], [2, 4], [3, 6]]
    assert [one.title for one in found.pictures] == ["Another curve (reduced run)", "A curve (reduced run)"]
    assert found.pictures[1] == first.pictures[0]
    assert (tmp_path / "depth" / "accuracy.csv").read_text() == "layers,twice\n1,2\n2,4\n3,6\n"
    assert "Of [1, 2, 3]." in outcome.page.read_text()


def test_redraw_says_which_count_a_stored_part_lacks(tmp_path):
    changes = {"again": lambda held, rows: Finding(str(rows[0]["spikes"]))}
    page = call(Stub(), tmp_path, changes).page.read_text()
    with pytest.raises(DataError, match=r"a result without 'spikes'.*--only depth --fresh"):
        call(Stub(), tmp_path, changes, redraw=True)
    assert (tmp_path / "index.html").read_text() == page


def test_redraw_of_nothing_and_beside_what_runs(tmp_path):
    with pytest.raises(DataError, match="no stored result"):
        call(Stub(), tmp_path / "empty", redraw=True)
    assert not (tmp_path / "empty").exists()
    with pytest.raises(ParameterError, match="--redraw and --fresh"):
        call(Stub(), tmp_path, redraw=True, fresh=True)


def test_the_page_opens_with_the_sentences_whose_numbers_were_measured_and_one_picture(tmp_path):
    def deepest(found):
        return f"Three layers reach {found.row('depth', 'Accuracy', layers=3)['accuracy']:.2f}."

    def never(found):
        return str(found.row("depth", "Accuracy", layers=8))

    paper = replace(Stub().paper(), headlines=(deepest, never), opening=("depth", "A curve"))
    page = reproduce(Call(paper=paper, out=tmp_path)).page.read_text()
    head, _, rest = page.partition("</header>")
    assert "<p>Three layers reach 0.33.</p>" in head
    assert "All 2 parts were run." in head
    assert rest.index('<div id="opening">') < rest.index("<nav>") < rest.index("<h2>Depth</h2>")
    # not shown twice
    assert page.count("data:image/png;base64,") == 2
    assert 'At the top of the page: <a href="#opening">A curve</a>' in page
