"""Files are written whole, where the user means them to be: links are followed, streams are written into."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import platformdirs
import platformdirs.macos
import platformdirs.unix
import platformdirs.windows
import pytest

from rheobase import files
from rheobase.data.sets.folders import find_folder
from rheobase.data.sets.mnist import cache_folder as data_folder
from rheobase.errors import DataError, ParameterError, StorageError
from rheobase.files import atomic_write, ensure_writable, expanded


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# --- what a path stands for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [True, False], ids=["a file", "nothing yet"])
def test_a_link_stays_and_its_target_is_written(tmp_path: Path, there: bool) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    if there:
        (far / "real").write_bytes(b"old")
    (near / "second").symlink_to(far / "real")
    (near / "first").symlink_to("second")
    atomic_write(near / "first", b"new")
    assert (far / "real").read_bytes() == b"new"
    assert (near / "first").is_symlink()
    assert (near / "second").is_symlink()
    assert (names(far), names(near)) == (["real"], ["first", "second"])


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StorageError, match="symbolic links"):
        atomic_write(tmp_path / "a", b"new")
    with pytest.raises(StorageError, match="symbolic links"):
        ensure_writable(tmp_path / "a", "--json")
    assert names(tmp_path) == ["a", "b"]


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    atomic_write(pipe, b"through")
    reader.join()
    assert heard == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["pipe"]


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    link = tmp_path / "nothing"
    link.symlink_to(os.devnull)
    for path in (Path(os.devnull), link):
        ensure_writable(path, "--json")
        atomic_write(path, b"lost")
        assert stat.S_ISCHR(path.stat().st_mode)
    assert names(tmp_path) == ["nothing"]
    with pytest.raises(StorageError, match="No space left"):
        atomic_write(Path("/dev/full"), b"x")


@pytest.mark.skipif(not Path("/dev/stdout").is_symlink(), reason="the system has no /dev/stdout")
@pytest.mark.parametrize("piped", [True, False])
def test_standard_output_is_written_into(tmp_path: Path, piped: bool) -> None:
    """Also where it is a file: the lines before and after are there, and it is the same file."""
    code = (
        "import sys; from pathlib import Path; from rheobase.files import atomic_write, ensure_writable\n"
        "print('before', flush=True); ensure_writable(Path('/dev/stdout'), '--json')\n"
        "atomic_write(Path('/dev/stdout'), b'between\\n'); atomic_write(Path('/dev/fd/1'), b'behind\\n')\n"
        "print('after', flush=True)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if piped:
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment).stdout
    else:
        path = tmp_path / "out"
        with path.open("ab") as file:
            before = os.fstat(file.fileno()).st_ino
            subprocess.run([sys.executable, "-c", code], stdout=file, check=True, env=environment)
        out = path.read_bytes()
        assert path.stat().st_ino == before
        assert names(tmp_path) == ["out"]
    assert out.split() == [b"before", b"between", b"behind", b"after"]
    assert Path("/dev/stdout").is_symlink()


def test_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o600)
    atomic_write(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_may_be_as_long_as_the_system_takes(tmp_path: Path) -> None:
    atomic_write(tmp_path / ("x" * 255), b"new")
    assert names(tmp_path) == ["x" * 255]


@pytest.mark.parametrize("path", ["", ".", "folder", "x" * 300, "file/below"])
def test_what_cannot_be_written_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").write_bytes(b"")
    with pytest.raises(StorageError):
        ensure_writable(Path(path), "--json")
    assert names(tmp_path) == ["file", "folder"]


def test_the_folder_is_made(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "new" / "below" / "a.json", "--json")
    assert (tmp_path / "new" / "below").is_dir()


# --- no home ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("homeless")
def test_no_home_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.cache_folder() is None
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert files.cache_folder() == Path("/elsewhere/rheobase")


@pytest.mark.usefixtures("homeless")
def test_a_tilde_without_a_home() -> None:
    assert expanded("data/x", "data") == Path("data/x")
    assert expanded("./~", "data") == Path("./~")
    for path in ("~/x", "~", "~nobody/x"):
        with pytest.raises(ParameterError, match="no home folder"):
            expanded(path, "data")


@pytest.mark.usefixtures("homeless")
def test_data_are_looked_for_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_folder(tmp_path, ("nmnist",)) == tmp_path
    monkeypatch.setenv("RHEOBASE_DATA", str(tmp_path))
    assert find_folder(None, ("nmnist",)) == tmp_path
    monkeypatch.delenv("RHEOBASE_DATA")
    with pytest.raises(DataError, match=r"no home folder.*RHEOBASE_DATA"):
        find_folder(None, ("nmnist",))
    with pytest.raises(DataError, match="no home folder"):
        data_folder()


def test_a_known_user_has_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platformdirs, "PlatformDirs", platformdirs.unix.Unix)
    monkeypatch.setenv("HOME", "/users/ann")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert files.cache_folder() == Path("/users/ann/.cache/rheobase")
    assert data_folder() == Path("/users/ann/.cache/rheobase/data")
    assert expanded("~/x", "data") == Path("/users/ann/x")


def test_macos_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platformdirs, "PlatformDirs", platformdirs.macos.MacOS)
    monkeypatch.setenv("HOME", "/users/ann")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert files.cache_folder() == Path("/users/ann/Library/Caches/rheobase")


def test_windows_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(platformdirs, "PlatformDirs", platformdirs.windows.Windows)
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", {"CSIDL_LOCAL_APPDATA": "/local"}.__getitem__)
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert files.cache_folder() == Path("/local/rheobase")


def test_it_is_said_once() -> None:
    files.say_uncached.cache_clear()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        files.say_uncached()
        files.say_uncached()
    assert len(told) == 1
    assert "HOME" in str(told[0].message)
