from __future__ import annotations

import json

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
