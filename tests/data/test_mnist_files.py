from __future__ import annotations

import gzip
import hashlib
import http.server
import math
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from rheobase.data import Rate, fashion_mnist, load, mnist
from rheobase.data.sets.mnist import FILES, MNIST, Published
from rheobase.errors import DataError, StorageError


@pytest.fixture
def published(toy_folder: Path) -> Published:
    """MNIST's rules with the content of the toy folder."""
    digests = {}
    for part, name in FILES.items():
        path = toy_folder / name
        raw = path.read_bytes() if path.exists() else gzip.decompress((toy_folder / f"{name}.gz").read_bytes())
        digests[part] = hashlib.sha256(raw).hexdigest()
    return replace(MNIST, sha256=digests, mirror="http://127.0.0.1:9")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def mirror(toy_folder: Path, monkeypatch: pytest.MonkeyPatch):
    """A web server on this machine that serves the toy folder, all files gzipped."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in FILES.values():
        if (toy_folder / name).exists():
            (toy_folder / f"{name}.gz").write_bytes(gzip.compress((toy_folder / name).read_bytes()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=toy_folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_real_mnist(shared_data):
    data = mnist(shared_data)
    assert data.x_train.shape == (60000, 28, 28)
    assert data.x_test.shape == (10000, 28, 28)
    assert data.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert round(data.x_train.mean().item(), 4) == 0.1307
    assert round(data.x_train.std().item(), 4) == 0.3081
    # The SRC authors' encoding: 220 steps of which 20 are silent, gain 0.25, 3.0 % of pixel-steps spike.
    per_pixel = 0.25 * 200 / 220
    assert round(data.x_test.mean().item() * per_pixel, 3) == 0.030
    some = data.x_test[::100].flatten(1)
    spikes = Rate(220, gain=0.25, silent=20)(some, seed=0)
    assert math.isclose(spikes.mean().item(), some.mean().item() * per_pixel, rel_tol=0.005)


def test_real_fashion_mnist(shared_data):
    data = load("fashion_mnist", shared_data)
    assert data.x_train.shape == (60000, 28, 28)
    assert data.y_test.bincount().tolist() == [1000] * 10
    assert data.classes[int(data.y_test[0])] == "ankle boot"
    assert round(data.x_train.mean().item(), 4) == 0.2860


def test_folder_from_argument_then_environment_then_cache(published, toy_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RHEOBASE_DATA", raising=False)
    cached = tmp_path / "cache" / "rheobase" / "data" / "mnist"
    cached.parent.mkdir(parents=True)
    with pytest.raises(DataError, match="no train-images"):
        published.load(None, download=False)
    toy_folder.rename(cached)
    assert len(published.load(None, download=False).y_train) == 12
    monkeypatch.setenv("RHEOBASE_DATA", str(tmp_path / "empty"))
    with pytest.raises(DataError, match="empty"):
        published.load(None, download=False)
    assert len(published.load(cached.parent, download=False).y_train) == 12
    assert len(published.load(str(cached), download=False).y_train) == 12


def test_missing_folder_names_the_remedies(tmp_path):
    with pytest.raises(DataError) as caught:
        fashion_mnist(tmp_path)
    assert str(tmp_path) in caught.value.given
    for words in ("--data-dir", "RHEOBASE_DATA", "download=True"):
        assert words in caught.value.remedy


def test_changed_content_is_refused(published, toy_folder):
    path = toy_folder / FILES["y_test"]
    raw = bytearray(path.read_bytes())
    raw[-1] = (raw[-1] + 1) % 3
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match="published file"):
        published.load(toy_folder, download=False)


def test_download(published, mirror, tmp_path):
    target = tmp_path / "new"
    data = replace(published, mirror=mirror).load(target, download=True)
    assert len(data.y_train) == 12
    assert sorted(p.name for p in (target / "mnist").iterdir()) == sorted(f"{name}.gz" for name in FILES.values())
    again = published.load(target, download=True)  # nothing is missing, so no network is needed
    assert torch.equal(again.x_train, data.x_train)


def test_a_download_follows_a_link_to_where_there_is_room(published, mirror, tmp_path):
    far, folder = tmp_path / "far", tmp_path / "new" / "mnist"
    far.mkdir()
    folder.mkdir(parents=True)
    name = f"{FILES['x_train']}.gz"
    (folder / name).symlink_to(far / "images.gz")
    replace(published, mirror=mirror).load(tmp_path / "new", download=True)
    assert (folder / name).is_symlink()
    assert (far / "images.gz").stat().st_size > 0
    assert [p.name for p in far.iterdir()] == ["images.gz"]


def test_download_of_changed_content_leaves_no_file(published, mirror, tmp_path):
    wrong = replace(published, mirror=mirror, sha256=published.sha256 | {"x_train": "0" * 64})
    with pytest.raises(DataError, match="sha256"):
        wrong.load(tmp_path / "new", download=True)
    assert list((tmp_path / "new" / "mnist").iterdir()) == []


def test_download_that_breaks_off(published, mirror, toy_folder, tmp_path):
    path = toy_folder / f"{FILES['x_train']}.gz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="truncated"):
        replace(published, mirror=mirror).load(tmp_path / "new", download=True)
    assert list((tmp_path / "new" / "mnist").iterdir()) == []


def test_download_of_a_file_that_is_not_there(published, mirror, toy_folder, tmp_path):
    (toy_folder / f"{FILES['x_train']}.gz").unlink()
    with pytest.raises(DataError, match="404"):
        replace(published, mirror=mirror).load(tmp_path / "new", download=True)
    assert not (tmp_path / "new").exists()


def test_a_connection_that_breaks_off(published, mirror, tmp_path, monkeypatch):
    send = Quiet.send_header

    def promise_more(self: Quiet, name: str, value: str) -> None:
        send(self, name, str(int(value) + 9) if name == "Content-Length" else value)

    monkeypatch.setattr(Quiet, "send_header", promise_more)
    with pytest.raises(DataError, match="no answer"):
        replace(published, mirror=mirror).load(tmp_path / "new", download=True)
    assert not (tmp_path / "new").exists()


def test_no_network(published, toy_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match="no answer") as caught:
        published.load(tmp_path, download=True)
    assert "copy the files by hand" in caught.value.remedy
    # an empty folder mnist would hide files that are then copied beside it
    assert list(tmp_path.iterdir()) == [toy_folder]


def test_disk_full(published, mirror, tmp_path, monkeypatch):
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match="No space left"):
        replace(published, mirror=mirror).load(tmp_path / "new", download=True)
    assert list((tmp_path / "new" / "mnist").iterdir()) == []


def test_folder_that_cannot_be_made(published, mirror, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="failed write"):
        replace(published, mirror=mirror).load(tmp_path / "file", download=True)
