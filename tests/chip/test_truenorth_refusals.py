"""What is out of range, of another shape, or no whole file of a configuration ends in one clear error."""

from __future__ import annotations

import copy
import json
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rheobase.chip.truenorth import Configuration, Emulator, Events, TrueNorth, load, save, traffic
from rheobase.chip.truenorth.configuration import FIELDS, NAMES
from rheobase.errors import DataError, DTypeError, ParameterError, RheobaseError, ShapeError, StateError, StorageError
from tests.chip.boards import random_board

BOARD = TrueNorth(cores=(2, 2))


@pytest.mark.parametrize("name", FIELDS)
def test_every_range(name: str) -> None:
    allowed = FIELDS[name]
    shape = (BOARD.n_cores, *allowed.axes)
    if name != "target":
        for end in (allowed.least, allowed.most):
            assert (getattr(Configuration(BOARD, **{name: end}), name) == end).all()
    for wrong in (allowed.least - 1, allowed.most + 1):
        values = np.full(shape, max(allowed.least, 0), np.int64)
        values[(1, *(0 for _ in allowed.axes))] = wrong
        with pytest.raises(ParameterError, match=rf"{name}\[1, 0.*\] = {wrong}; expected") as error:
            Configuration(BOARD, **{name: values})
        assert str(allowed.most) in str(error.value) or name in ("b", "c", "epsilon", "kappa")
        with pytest.raises(ParameterError, match=rf"got {name} = {wrong};"):
            Configuration(BOARD, **{name: wrong})
    with pytest.raises(DTypeError, match=f"{name} of dtype float64"):
        Configuration(BOARD, **{name: 1.5})
    with pytest.raises(ShapeError, match=rf"{name} of shape \(3, 7\)"):
        Configuration(BOARD, **{name: np.ones((3, 7), int)})


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        (dict(crossbar=2), ParameterError, r"crossbar\[0, 0, 0\] = 2"),
        (dict(crossbar=np.ones((4, 256, 255), bool)), ShapeError, "crossbar of shape"),
        (dict(crossbar="x"), DTypeError, "crossbar of dtype"),
        (dict(target=4), ParameterError, r"target\[0, 0\] = 4; expected 0 to 3"),
        (dict(s=[[1], [2, 3]]), DTypeError, "s that is no array"),
    ],
)
def test_wiring(given: dict[str, Any], error: type[RheobaseError], told: str) -> None:
    with pytest.raises(error, match=told):
        Configuration(BOARD, **given)


def test_targets_too_far_away() -> None:
    board = TrueNorth(chips=(5, 1), cores=(64, 1))
    far = np.full((board.n_cores, 1), -1)
    far[3] = 3 + 255
    assert Configuration(board, target=far).target[3, 0] == 258
    far[3] = 3 + 256
    with pytest.raises(ParameterError, match=r"target\[3, 0\] = 259, which is \(256, 0\) cores away"):
        Configuration(board, target=far)


@pytest.mark.parametrize(
    "given",
    [
        dict(cores=(65, 1)),
        dict(chips=(0, 1)),
        dict(cores=4),
        dict(cores=(True, 1)),
        dict(chips=(1.0, 1)),
        dict(cores=(1, 1, 1)),
    ],
)
def test_boards(given: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="two whole numbers from 1"):
        TrueNorth(**given)


def test_a_core_that_is_not_there() -> None:
    for wrong in (
        lambda: BOARD.core(2, 0),
        lambda: BOARD.core(0.5, 0),
        lambda: BOARD.xy([0, 4]),
        lambda: BOARD.hops(0, -1),
        lambda: BOARD.crossings(0, 1.5),
    ):
        with pytest.raises(ParameterError, match="whole numbers from 0 to"):
            wrong()
    assert [BOARD.core(*BOARD.xy(k)) for k in range(4)] == [0, 1, 2, 3]
    assert BOARD.core(np.array([0, 1]), 1).tolist() == [2, 3]


def test_spikes_of_another_board() -> None:
    small, spikes = Configuration(TrueNorth(cores=(1, 1))), Events(*np.array([[0], [3], [0]]))
    with pytest.raises(ParameterError, match="spikes of core 3; expected cores 0 to 0"):
        traffic(small, spikes)
    with pytest.raises(ParameterError, match="spikes of type Run"):
        traffic(small, Emulator(small).run(0))  # type: ignore[arg-type]


def test_a_copy_is_as_fixed_and_as_small() -> None:
    net = Configuration(BOARD, alpha=7)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert not other.alpha.flags.writeable
        assert other.alpha.strides == (0, 0)
        assert (other.board, int(other.alpha[3, 255])) == (BOARD, 7)


@pytest.mark.parametrize(
    ("inputs", "error", "told"),
    [
        (([5], [0], [0]), ParameterError, r"tick\[0\] = 5 of inputs; expected 0 to 4"),
        (([0, 1], [0, 4], [0, 0]), ParameterError, r"core\[1\] = 4 of inputs; expected 0 to 3"),
        (([0], [0], [256]), ParameterError, r"axon\[0\] = 256"),
        (([0], [-1], [0]), ParameterError, r"core\[0\] = -1"),
        (([0.5], [0], [0]), DTypeError, "tick of inputs of dtype float64"),
        (([0, 1], [0], [0]), ShapeError, "core of inputs of shape"),
        (([[0]], [0], [0]), ShapeError, "tick of inputs of shape"),
        (([0], [0]), ShapeError, "three arrays"),
        (([[1], [1, 2]], [0], [0]), DTypeError, "tick of inputs that is no array"),
        (7, ShapeError, "three arrays"),
    ],
)
def test_inputs(inputs: Any, error: type[RheobaseError], told: str) -> None:
    with pytest.raises(error, match=told):
        Emulator(Configuration(BOARD)).run(5, inputs)


def test_runs() -> None:
    emulator = Emulator(Configuration(BOARD))
    for ticks in (-1, 1.0, True, None):
        with pytest.raises(ParameterError, match="ticks="):
            emulator.run(ticks)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="record='spikes'"):
        emulator.run(1, record="spikes")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="backend='numpy'"):
        Emulator(Configuration(BOARD), backend="numpy")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"truenorth\.Configuration"):
        Emulator(BOARD)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="seed=-1"):
        emulator.rest(seed=-1)
    assert emulator.run(0).counts.spikes.shape == (0,)
    with pytest.raises(ParameterError, match=r"tick\[0\] = 0 of inputs; expected none in a run of 0 ticks"):
        emulator.run(0, ([0], [0], [0]))
    with pytest.raises(ParameterError, match=r"0 to 2\^40"):
        emulator.run(1 << 41)


def test_states() -> None:
    emulator = Emulator(Configuration(BOARD))
    state = emulator.rest()
    wrong = [
        replace(state, v=state.v[:1]),
        replace(state, v=state.v.astype(np.int64)),
        replace(state, due=state.due[:15]),
        replace(state, tick=-1),
        replace(state, seed=2**63),
        replace(state, v=state.v + np.int32(1 << 20)),
        replace(state, v=[1]),
        "state",
        replace(state, board=TrueNorth(cores=(4, 1))),
    ]
    for given in wrong:
        with pytest.raises(StateError, match=r"Emulator\.run"):
            emulator.run(1, state=given)


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_brings_back_what_was_saved(tmp_path: Path) -> None:
    net = random_board(0, BOARD)
    save(net, tmp_path / "a")
    found = load(tmp_path / "a")
    assert found.board == net.board
    for name in NAMES:
        np.testing.assert_array_equal(getattr(found, name), getattr(net, name), name)
        assert getattr(found, name).dtype == getattr(net, name).dtype
    # what is the same everywhere takes no room
    save(Configuration(TrueNorth(), s=3, crossbar=np.zeros((1, 256, 32), np.uint8)), tmp_path / "b")
    assert (tmp_path / "b").stat().st_size > 32 * 2**20
    assert load(tmp_path / "b").s.strides[:2] == (0, 0)


def changed(path: Path, **header: str | None) -> None:
    """Write other words into the header of a file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    words = json.loads(data[8 : 8 + length])
    words["__metadata__"] = {k: v for k, v in {**words["__metadata__"], **header}.items() if v is not None}
    new = json.dumps(words).encode()
    path.write_bytes(struct.pack("<Q", len(new)) + new + data[8 + length :])


def test_files_that_are_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "net"
    save(random_board(0, BOARD), path)
    whole = path.read_bytes()

    def refused(data: bytes | None, told: str, **header: str | None) -> None:
        path.write_bytes(whole if data is None else data)
        if header:
            changed(path, **header)
        with pytest.raises(DataError, match=told) as error:
            load(path)
        assert str(path) in str(error.value)

    for length in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        refused(whole[:length], "what cannot be read")
    refused(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:], "differ from its checksum")
    refused(None, "version '2' of rheobase.truenorth; expected version 1", version="2")
    refused(None, "format 'other'", format="other")
    refused(None, "format None", format=None)
    refused(None, "differ from its checksum", board='{"cores": [4, 1], "chips": [1, 1]}')
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        load(path)
    with pytest.raises(StorageError):
        save(random_board(0, BOARD), tmp_path / "missing" / "net")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("board", ["{}", "[", '{"cores": 2, "chips": [1, 1]}', '{"cores": [65, 1], "chips": [1, 1]}'])
def test_a_file_of_no_board(board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checksum that fits does not make a board."""
    from rheobase.chip import array_file

    monkeypatch.setattr(array_file.json, "dumps", lambda given: board)
    save(Configuration(BOARD), tmp_path / "net")
    with pytest.raises(DataError, match=r"no board|cores="):
        load(tmp_path / "net")


def test_a_file_of_unchecked_numbers(tmp_path: Path) -> None:
    """A header with a checksum that fits does not make a weight fit."""
    from rheobase.chip.truenorth import configuration_file

    net = Configuration(BOARD)
    loose = net.s.copy()
    loose[0, 1, 2] = 300
    object.__setattr__(net, "s", loose)
    configuration_file.save(net, tmp_path / "net")
    with pytest.raises(DataError, match=r"s\[0, 1, 2\] = 300"):
        load(tmp_path / "net")
