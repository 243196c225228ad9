from __future__ import annotations

import base64
from html.parser import HTMLParser

import pytest

from rheobase.errors import StorageError
from rheobase.plot import DARK, LIGHT, Picture, Report
from rheobase.plot.style import new_figure


def report(**changes):
    drawn = []

    def draw(style):
        drawn.append(style)
        return new_figure(1, 1, style)

    content = {
        "title": "A <run>",
        "summary": "1 & 2",
        "figures": {"accuracy": "96 %"},
        "pictures": [Picture("Curve", "falls", 'a "curve"', draw)],
        "settings": {"lr": "0.1"},
        "command": "rheobase train --name 'a b'",
        "footer": "v1",
    }
    return Report(**{**content, **changes}), drawn


class Page(HTMLParser):
    VOID = ("meta", "source", "img", "!doctype")

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def attributes(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]


def test_the_page_is_whole_and_needs_nothing_else():
    page = Page(report()[0].html())
    assert page.open == []
    addresses = [a.get(k) for _, a in page.seen for k in ("src", "srcset", "href") if k in a]
    assert addresses
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    assert not page.attributes("script")
    assert not page.attributes("link")


def test_text_is_escaped_and_all_there():
    page = Page(report()[0].html())
    for text in ("A <run>", "1 & 2", "accuracy", "96 %", "Curve", "falls", "lr", "rheobase train --name 'a b'", "v1"):
        assert text in page.text
    assert page.attributes("img")[0]["alt"] == 'a "curve"'


def test_pictures_come_in_a_light_and_a_dark_variant():
    made, drawn = report()
    page = Page(made.html())
    assert drawn == [LIGHT, DARK]
    (light,), (dark,) = page.attributes("img"), page.attributes("source")
    assert dark["media"] == "(prefers-color-scheme: dark)"
    assert light["src"] != dark["srcset"]
    assert base64.b64decode(light["src"].partition(",")[2]).startswith(b"\x89PNG")


def test_the_page_fits_a_phone():
    page = Page(report()[0].html())
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.attributes("meta")


def test_it_is_written_at_once_or_not_at_all(tmp_path):
    path = report()[0].write(tmp_path / "a" / "report.html")
    assert path.read_text("utf-8") == report()[0].html()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        report()[0].write(tmp_path / "file" / "report.html")
