from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from rheobase.cli.options import reported, write_json
from rheobase.errors import ParameterError, StorageError

ERROR = ParameterError("LIF", "a line\nbroken", "one line", "mend it")


def test_an_error_becomes_one_line(capsys):
    with pytest.raises(typer.Exit) as stop, reported(debug=False):
        raise ERROR
    assert stop.value.exit_code == 2
    assert capsys.readouterr().err == "error: LIF: got a line broken; expected one line. Remedy: mend it.\n"


def test_debug_shows_where_it_arose(capsys):
    with pytest.raises(typer.Exit), reported(debug=True):
        raise ERROR
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert __file__ in shown
    assert shown.splitlines()[-1].startswith("error: LIF")


def test_the_line_is_red_on_a_terminal(run):
    from typer.testing import CliRunner

    from rheobase.cli import app

    result = CliRunner().invoke(app, ["show", "LIFF"], color=True)
    assert result.stderr.startswith("\x1b[31merror: ")


def test_ctrl_c_has_its_own_code(capsys):
    with pytest.raises(typer.Exit) as stop, reported(debug=False):
        raise KeyboardInterrupt
    assert stop.value.exit_code == 130


def test_a_bug_is_not_hidden():
    with pytest.raises(ZeroDivisionError), reported(debug=False):
        _ = 1 / 0


def test_json_is_written_at_once_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "out.json"
    write_json(path, {"a": 1.5})
    assert json.loads(path.read_text()) == {"a": 1.5}
    (tmp_path / "file").write_text("here first")
    with pytest.raises(StorageError):
        write_json(tmp_path / "file" / "out.json", {})
    assert (tmp_path / "file").read_text() == "here first"
    assert {p.name for p in tmp_path.rglob("*")} == {"new", "out.json", "file"}


def test_json_follows_a_link(run, tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link.json").symlink_to("far/real.json")
    assert run("list", "--json", "link.json").exit_code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "far" / "real.json").read_text())["neurons"]
    assert [p.name for p in (tmp_path / "far").iterdir()] == ["real.json"]


@pytest.mark.skipif(not Path("/dev/stdout").is_symlink(), reason="the system has no /dev/stdout")
@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/null"])
def test_json_goes_into_a_device_and_leaves_it_one(tmp_path, place):
    """Behind the table, in the order in which it was said."""
    words = [sys.executable, "-m", "rheobase", "simulate", "LIF", "--current", "1.5", "--json", place]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    before = os.lstat(place)
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True, cwd=tmp_path)
    assert (os.lstat(place).st_mode, os.lstat(place).st_ino) == (before.st_mode, before.st_ino)
    table, brace, written = done.stdout.partition("{")
    assert "spikes" in table
    if place == "/dev/stdout":
        assert json.loads(brace + written)["spikes"] == 18
