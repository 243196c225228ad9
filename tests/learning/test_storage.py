from __future__ import annotations

import errno
import json
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from rheobase.errors import CheckpointError, StorageError
from rheobase.files import atomic_write, ensure_folder
from rheobase.json_files import read_json, write_json
from rheobase.learning import load_checkpoint, load_weights, save_checkpoint, save_weights

TENSORS = {
    "model.a": torch.randn(3, 4),
    "model.b": torch.zeros(0, 2),
    "n": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "half": torch.ones(2, dtype=torch.bfloat16),
    "noncontiguous": torch.randn(4, 3).t(),
}


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: writing fails as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic_write(path, b"old")
    with full_after(1000), pytest.raises(StorageError, match=r"File too large.*untouched"):
        atomic_write(path, b"x" * 5000)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_at_any_step_leaves_the_old_file(tmp_path, monkeypatch, step: str) -> None:
    path = tmp_path / "a"
    atomic_write(path, b"old")

    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(StorageError, match="No space left on device"):
            atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_an_interrupt_while_writing_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            atomic_write(tmp_path / "a", b"new")
    assert names(tmp_path) == []


def test_no_folder_and_no_permission(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        atomic_write(tmp_path / "absent" / "a", b"")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        ensure_folder(tmp_path / "file" / "below")
    if os.geteuid():
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        with pytest.raises(StorageError, match="Permission denied"):
            atomic_write(tmp_path / "a", b"")


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_json_keeps_every_bit_of_a_float(tmp_path: Path) -> None:
    values = [*torch.rand(100, dtype=torch.float64).tolist(), 1e-320, 1.7976931348623157e308]
    write_json(tmp_path / "a.json", values)
    assert read_json(tmp_path / "a.json") == values


def test_json_that_is_too_deep(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match="no JSON"):
        read_json(tmp_path / "a.json")


def test_round_trip(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.json", TENSORS, {"epoch": 3, "rate": 0.1})
    tensors, facts = load_checkpoint(tmp_path / "a.json")
    assert facts == {"epoch": 3, "rate": 0.1}
    assert tensors.keys() == TENSORS.keys()
    assert all(t.dtype == TENSORS[k].dtype and torch.equal(t, TENSORS[k]) for k, t in tensors.items())


def test_a_link_to_a_checkpoint_stays_one(tmp_path: Path) -> None:
    """Tensors lie beside what it leads to, and both names read the same."""
    far, link = tmp_path / "far", tmp_path / "last.json"
    far.mkdir()
    link.symlink_to(far / "real.json")
    for epoch in (1, 2):
        save_checkpoint(link, {"x": torch.full((2,), float(epoch))}, {"epoch": epoch})
    assert link.is_symlink()
    assert names(tmp_path) == ["far", "last.json"]
    assert len(names(far)) == 2
    for path in (link, far / "real.json"):
        tensors, facts = load_checkpoint(path)
        assert (tensors["x"].tolist(), facts) == ([2.0, 2.0], {"epoch": 2})


def test_a_new_checkpoint_replaces_the_old_one_only(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a-b.json", TENSORS, {})
    others = names(tmp_path)
    for k in range(3):
        save_checkpoint(tmp_path / "a.json", {"x": torch.tensor(k)}, {})
    assert set(others) < set(names(tmp_path))
    assert len(names(tmp_path)) == 4
    assert load_checkpoint(tmp_path / "a.json")[0]["x"] == 2


@pytest.mark.parametrize("size", [100, 1000])
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, size: int) -> None:
    # 100 bytes: not even the tensors; 1000: the tensors, but not the facts
    save_checkpoint(tmp_path / "a.json", {"x": torch.ones(2)}, {"epoch": 1})
    before = names(tmp_path)
    with full_after(size), pytest.raises(StorageError):
        save_checkpoint(tmp_path / "a.json", {"x": torch.zeros(2)}, {"text": "x" * 5000})
    tensors, facts = load_checkpoint(tmp_path / "a.json")
    assert facts == {"epoch": 1}
    assert torch.equal(tensors["x"], torch.ones(2))
    save_checkpoint(tmp_path / "a.json", {"x": torch.ones(2)}, {"epoch": 1})
    assert names(tmp_path) == before


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.json", {"x": torch.ones(2)}, {"epoch": 1, "rate": 0.25})
    for path in list(tmp_path.iterdir()):
        good = path.read_bytes()
        for k in range(len(good)):
            damaged = bytearray(good)
            damaged[k] ^= 0x04
            path.write_bytes(bytes(damaged))
            try:
                tensors, facts = load_checkpoint(tmp_path / "a.json")
            except CheckpointError:
                continue
            # between the parts of JSON a byte may change and mean the same
            assert path.suffix == ".json"
            assert facts == {"epoch": 1, "rate": 0.25}
            assert torch.equal(tensors["x"], torch.ones(2))
        for k in range(len(good) - 1):
            path.write_bytes(good[:k])
            with pytest.raises(CheckpointError, match="Remedy"):
                load_checkpoint(tmp_path / "a.json")
        path.write_bytes(good)
    load_checkpoint(tmp_path / "a.json")


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(CheckpointError, match="No such file"):
        load_checkpoint(path)
    path.write_text("[1, 2]")
    with pytest.raises(CheckpointError, match="another kind of file"):
        load_checkpoint(path)
    save_checkpoint(path, TENSORS, {})
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(CheckpointError, match="version 2; expected version 1"):
        load_checkpoint(path)
    path.write_text(json.dumps(content))
    (tmp_path / content["tensors"]).unlink()
    with pytest.raises(CheckpointError, match="copy the two files together"):
        load_checkpoint(path)
    with pytest.raises(StorageError, match=r"ends in \.json"):
        save_checkpoint(tmp_path / "a.pt", TENSORS, {})


def test_weights(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    net[0].bias = nn.Parameter(net[0].weight[:, 0])  # two names for one memory
    save_weights(tmp_path / "a.json", net, {"note": 1})
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    assert load_weights(tmp_path / "a.json", other) == {"note": 1}
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))


def test_weights_of_another_network(tmp_path: Path) -> None:
    save_weights(tmp_path / "a.json", nn.Sequential(nn.Linear(3, 4)))
    before = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 1))
    kept = {k: t.clone() for k, t in before.state_dict().items()}
    with pytest.raises(
        CheckpointError, match=r"no 1\.weight; no 1\.bias; 0\.weight \(4, 3\) for \(5, 3\).*1 more|no 1"
    ):
        load_weights(tmp_path / "a.json", before)
    assert all(torch.equal(kept[k], t) for k, t in before.state_dict().items())
