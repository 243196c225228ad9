"""The pages in results/ say what the stored results beside them say: `rheobase reproduce NAME --redraw`."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import pytest

from rheobase.cards import typeset
from rheobase.reproduce import Call, find, headlines, names, record, search_summary
from rheobase.reproduce.record import Record

RESULTS = Path(__file__).parents[2] / "results"
PAGES = [(name, search) for name in names() for search in (False, True) if not search or find(name).searches]


def stored(name: str, search: bool) -> tuple[Call, list[Record]]:
    call = Call(paper=find(name), search=search, out=RESULTS / name / ("search" if search else ""))
    held = [record.read(call.folder / part.name, call.key(part)) for part in call.shown.parts]
    return call, [one for one in held if one is not None]


@pytest.mark.parametrize(("name", "search"), PAGES)
def test_a_page_opens_with_its_findings_and_one_picture(name: str, search: bool) -> None:
    call, records = stored(name, search)
    assert len(records) == len(call.shown.parts), "a part was made with other settings: run it again"
    said = search_summary.found(records) if search else headlines.said(call.paper.headlines, records)
    if not search:
        results = headlines.Results(records)
        assert [one(results) for one in call.paper.headlines], "every number of a headline is stored"
        assert len(call.paper.headlines) == 3
    page = (call.folder / "index.html").read_text("utf-8")
    again = f"rheobase reproduce {name}{' --search' if search else ''} --redraw"
    assert f"<p>{typeset(said)}</p>" in page.partition("</header>")[0], again
    assert page.index('<div id="opening">') < page.index("<nav>" if len(records) > 1 else "<h2>"), again
    for one in records:
        assert f"<h2>{escape(one.title)}</h2>" in page, again
        assert typeset(one.text) in page, again


@pytest.mark.parametrize("name", [name for name in names() if any(part.again for part in find(name).parts)])
def test_what_is_computed_from_stored_counts_is_computed_as_it_is_by_now(name: str) -> None:
    """Joules above all: their meaning may change after a run."""
    call, records = stored(name, False)
    for part, one in zip(call.shown.parts, records, strict=True):
        if part.again is None:
            continue
        rows = record.seed_rows(call.folder / part.name)
        found = part.again(one, rows)
        again = f"rheobase reproduce {name} --redraw"
        assert found.text == one.text, again
        for table in found.tables:
            held = one.table(table.title)
            assert (held.columns, held.caption) == (table.columns, table.caption), again
            for before, row in zip(held.rows, table.rows, strict=True):
                assert list(before) == [near(value) for value in row], again
        if found.seeds is not None:
            for before, row in zip(rows, found.seeds.rows, strict=True):
                assert list(before.values()) == [near(value) for value in row], again


def near(value: Any) -> Any:
    """A number to the last digits, which follow the order of a sum."""
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


@pytest.mark.parametrize(("name", "search"), PAGES)
def test_nothing_in_a_page_comes_from_elsewhere(name: str, search: bool) -> None:
    page = (RESULTS / name / ("search" if search else "") / "index.html").read_text("utf-8")
    assert "<script" not in page
    assert not re.findall(r'(?:src|srcset|href)="(?:https?:)?//', page)
    assert "prefers-color-scheme: dark" in page
    assert page.count("<table") == page.count('<div class="scroll">') + page.count("<table>")
