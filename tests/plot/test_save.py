from __future__ import annotations

import pytest

from rheobase.errors import ParameterError, StorageError
from rheobase.plot import LIGHT, check_picture_path, save
from rheobase.plot.style import new_figure

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("form", STARTS)
def test_the_name_says_the_format_and_the_folder_is_made(tmp_path, form):
    path = save(new_figure(1, 1, LIGHT), tmp_path / "new" / f"picture.{form}")
    assert path.read_bytes().startswith(STARTS[form])
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["picture.bmp", "picture", "png", ".png"])
def test_other_formats_are_refused(name):
    with pytest.raises(ParameterError, match=r"\.png, \.svg, \.pdf"):
        check_picture_path(name)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(StorageError):
        save(new_figure(1, 1, LIGHT), tmp_path / "file" / "a.png")
    assert (tmp_path / "file").read_text() == "here first"
