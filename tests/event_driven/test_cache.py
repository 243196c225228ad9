"""The compiled loop is kept on disk where there is a place for it, and runs without one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import PACKAGE

CODE = """
import os, pwd
def unknown(who): raise KeyError(who)
pwd.getpwuid = unknown
access = os.access
os.access = lambda path, mode, **more: not (mode & os.W_OK) and access(path, mode, **more)
from rheobase.event_driven import Network, run
print(run(Network(1, tau_mem=10.0, current=2.0), t_stop=10.0).time)
"""


def test_no_home_and_a_package_that_cannot_be_written(tmp_path: Path) -> None:
    """No folder named ~ appears where the user stands, and it is said."""
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR")}
    # nobody waits for the loop that is compiled here: with no time spent on making it fast
    here = {**environment, "NUMBA_OPT": "0", "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, env=here, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[6.93147181]\n"
    assert "without a home folder" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes everywhere")
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """Numba then finds no place at all, and raises where a function asks for one."""
    source, home = tmp_path / "source", tmp_path / "home"
    shutil.copytree(PACKAGE, source / "rheobase", ignore=shutil.ignore_patterns("__pycache__"))
    home.mkdir()
    for folder in (home, source / "rheobase" / "event_driven"):
        folder.chmod(0o555)
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join([str(source), *sys.path])}
    environment.pop("XDG_CACHE_HOME", None)
    code = "from rheobase.event_driven import Network, run\nprint(run(Network(1, current=2.0), t_stop=20.0).time)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[13.86294361]\n"
