"""Folders of populations that are damaged, lost a file, or are another's: told, never read, never written over."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from rheobase.cells import Population
from rheobase.cells.populations import traces
from rheobase.errors import CheckpointError
from tests.cells.small_cells import expected, made

zarr = pytest.importorskip("zarr", reason="the extra population is not installed")


def test_damage_is_told_and_never_read(tmp_path):
    found = made(tmp_path)
    chunks = sorted(path for path in (tmp_path / "traces.zarr" / "soma" / "c").rglob("*") if path.is_file())
    whole = bytearray(chunks[0].read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    chunks[0].write_bytes(whole)
    chunks[1].unlink()
    with pytest.raises(CheckpointError, match="a chunk that cannot be read"):
        found.trace(0, 0)
    with pytest.raises(CheckpointError, match=r"a chunk missing of 0\.5"):
        found.trace(1, 0)
    assert found.trace(2, 0).shape == (100,)
    for name in ("time", "current"):
        chunk = tmp_path / "traces.zarr" / name / "c" / "0" / ("0" if name == "current" else "")
        chunk.write_bytes(chunk.read_bytes()[:10])
        with pytest.raises(CheckpointError, match=f"a chunk that cannot be read of {name}"):
            getattr(found, name)
        chunk.unlink()
        with pytest.raises(CheckpointError, match=f"a chunk missing of {name}"):
            getattr(found, name)


def test_a_damaged_chunk_is_made_again_as_the_error_says(tmp_path):
    found = made(tmp_path)
    (tmp_path / "traces.zarr" / "soma" / "c" / "0" / "0" / "0").unlink()
    with pytest.raises(CheckpointError, match=r"remove \S*units/models-0-stimuli-0\.npz, and give the same"):
        found.trace(0, 0)
    (tmp_path / "units" / "models-0-stimuli-0.npz").unlink()
    assert np.array_equal(made(tmp_path).traces()[:], expected()[1]["soma"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("population.json", None, r"population\.json: got no such file beside traces\.zarr.*put that file back"),
        ("population.json", "{", r"population\.json: got text that is no JSON.*put that file back"),
        ("traces.zarr/zarr.json", "{", "what zarr cannot open"),
        ("traces.zarr/zarr.json", '{"zarr_format": 3, "node_type": "group"}', "do not say how they are cut"),
        ("traces.zarr/soma/zarr.json", None, "no array 'soma'"),
        ("units/models-0-stimuli-0.npz", "", "a damaged file"),
    ],
)
def test_a_folder_that_lost_a_file_is_refused_and_nothing_in_it_is_written(tmp_path, name, text, said):
    made(tmp_path, models=["0.3"])
    path = tmp_path / name
    path.unlink() if text is None else path.write_text(text)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    with pytest.raises(CheckpointError, match=said):
        made(tmp_path, models=["0.3"])
    with pytest.raises(CheckpointError):
        Population.open(tmp_path)
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before


def test_settings_of_something_else_are_no_population(tmp_path):
    made(tmp_path, models=["0.3"])
    (tmp_path / "population.json").write_text('{"models": 3}')
    with pytest.raises(CheckpointError, match="no settings of a population"):
        Population.open(tmp_path)


def test_arrays_of_somebody_else_are_never_written_over(tmp_path):
    zarr.create_group(tmp_path / "traces.zarr").create_array("mine", data=np.arange(3))
    with pytest.raises(CheckpointError, match=r"no such file beside traces\.zarr"):
        made(tmp_path)
    assert zarr.open_group(tmp_path / "traces.zarr", mode="r")["mine"][2] == 2
    shutil.rmtree(tmp_path / "traces.zarr")
    (tmp_path / "traces.zarr").mkdir()
    (tmp_path / "traces.zarr" / "notes").write_text("mine")
    with pytest.raises(CheckpointError, match="something else in the place of the traces"):
        made(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_two_that_begin_at_once_share_the_arrays(tmp_path, monkeypatch):
    """The other process has made them, in chunks of its own, after this one looked."""
    real = traces._create

    def late(*given):
        monkeypatch.setattr(traces, "_create", real)
        made(tmp_path, memory=1e5)
        real(*given)

    monkeypatch.setattr(traces, "_create", late)
    found = made(tmp_path)
    assert len(found.layout.units) > 1
    assert np.array_equal(found.traces()[:], expected()[1]["soma"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
